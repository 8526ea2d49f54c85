//! Keys of a server's clients, and their teams.

pub(crate) mod audit;
mod seal;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, Utc};
use deadpool_postgres::{Object, Transaction};
use forge_core::storage::{
    StorageError,
    access::{AccessChange, AccessError, AccessList, AccessStore, AuditEvent, ClientKey, KeyState, Team},
};
use serde::de::DeserializeOwned;
use tokio_postgres::{IsolationLevel, Row};

use crate::{error::Failure, shared::Shared, store::PostgresStore, time};

/// What came of a change: the name of the key that it is about, if it is about one that was there.
type Changed = Result<Result<Option<Arc<str>>, AccessError>, Failure>;

/// A text that cannot be read is a fault: a key without it would be allowed more than was said.
fn json<T: DeserializeOwned>(row: &Row) -> Result<T, Failure> {
    Ok(serde_json::from_str(row.get(0))?)
}

/// Times of a key are kept to the millisecond.
fn rounded(mut key: ClientKey) -> ClientKey {
    key.created_at = key.created_at.trunc_subsecs(3);
    let times = key.secrets.iter_mut().map(|secret| &mut secret.until).chain([&mut key.expires_at]);
    times.flatten().for_each(|time| *time = time.trunc_subsecs(3));
    key
}

async fn create(transaction: &Transaction<'_>, key: &ClientKey) -> Changed {
    let find = "SELECT id, name = $1 FROM client_keys WHERE name = $1 OR id = $2 ORDER BY 2 DESC LIMIT 1";
    if let Some(taken) = transaction.query_opt(find, &[&&*key.name, &&*key.id]).await? {
        let id: Arc<str> = taken.get::<_, &str>(0).into();
        let name_taken = |id| AccessError::NameTaken { name: Arc::clone(&key.name), id };
        return Ok(Err(if taken.get(1) { name_taken(id) } else { AccessError::IdTaken { id } }));
    }
    if let Some(team) = &key.team
        && transaction.query_opt("SELECT FROM teams WHERE name = $1", &[&&**team]).await?.is_none()
    {
        return Ok(Err(AccessError::UnknownTeam { name: Arc::clone(team) }));
    }
    let insert = "INSERT INTO client_keys (id, name, team, is_revoked, key) VALUES ($1, $2, $3, $4, $5)";
    let key = rounded(key.clone());
    let (text, is_revoked) = (serde_json::to_string(&key)?, key.state == KeyState::Revoked);
    transaction.execute(insert, &[&&*key.id, &&*key.name, &key.team.as_deref(), &is_revoked, &text]).await?;
    Ok(Ok(None))
}

async fn set_team(transaction: &Transaction<'_>, team: &Team) -> Changed {
    let put = "INSERT INTO teams (name, team) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET team = excluded.team";
    transaction.execute(put, &[&&*team.name, &serde_json::to_string(team)?]).await?;
    Ok(Ok(None))
}

async fn delete_team(transaction: &Transaction<'_>, name: &Arc<str>) -> Changed {
    let count = "SELECT count(*) FROM client_keys WHERE team = $1 AND NOT is_revoked";
    let keys: i64 = transaction.query_one(count, &[&&**name]).await?.get(0);
    if keys > 0 {
        return Ok(Err(AccessError::TeamInUse { name: Arc::clone(name), keys: keys.unsigned_abs() }));
    }
    Ok(match transaction.execute("DELETE FROM teams WHERE name = $1", &[&&**name]).await? {
        0 => Err(AccessError::UnknownTeam { name: Arc::clone(name) }),
        _ => Ok(None),
    })
}

async fn change_key(transaction: &Transaction<'_>, change: &AccessChange, now: DateTime<Utc>) -> Changed {
    let id = change.subject();
    let Some(row) = transaction.query_opt("SELECT key FROM client_keys WHERE id = $1", &[&id]).await? else {
        return Ok(Err(AccessError::UnknownKey { id: id.into() }));
    };
    let mut key: ClientKey = json(&row)?;
    if let Err(refused) = change.apply(&mut key, now) {
        return Ok(Err(refused));
    }
    let key = rounded(key);
    let (text, is_revoked) = (serde_json::to_string(&key)?, key.state == KeyState::Revoked);
    let update = "UPDATE client_keys SET is_revoked = $2, key = $3 WHERE id = $1";
    transaction.execute(update, &[&id, &is_revoked, &text]).await?;
    Ok(Ok(Some(key.name)))
}

/// Logs a change and raises the version.
async fn log(transaction: &Transaction<'_>, event: &AuditEvent) -> Result<(), Failure> {
    audit::append(transaction, event).await?;
    transaction.execute("UPDATE access SET version = version + 1", &[]).await?;
    Ok(())
}

#[async_trait]
impl AccessStore for PostgresStore {
    async fn access_version(&self) -> Result<u64, StorageError> {
        let work = |_: Arc<Shared>, client: Object| async move {
            let statement = client.prepare_cached("SELECT version FROM access").await?;
            Ok(client.query_one(&statement, &[]).await?.get::<_, i64>(0).unsigned_abs())
        };
        self.ask("read the version of the keys", work).await
    }

    async fn access(&self) -> Result<AccessList, StorageError> {
        let work = |_: Arc<Shared>, mut client: Object| async move {
            // Keys and teams of one moment.
            let reading =
                client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
            let transaction = reading.start().await?;
            let keys = transaction.query("SELECT key FROM client_keys ORDER BY place", &[]).await?;
            let teams = transaction.query("SELECT team FROM teams ORDER BY name", &[]).await?;
            let keys = keys.iter().map(json).collect::<Result<_, _>>()?;
            Ok(AccessList::new(keys, teams.iter().map(json).collect::<Result<_, _>>()?))
        };
        self.ask("read the keys", work).await
    }

    async fn change_access(&self, change: AccessChange, by: &str) -> Result<(), AccessError> {
        let by = by.to_owned();
        let work = move |shared: Arc<Shared>, mut client: Object| async move {
            let now = time(shared.now());
            let transaction = client.transaction().await?;
            // Changes take turns, so that each finds what the one before has made.
            transaction.execute("SELECT FROM access FOR UPDATE", &[]).await?;
            let changed = match &change {
                AccessChange::KeyCreated { key } => create(&transaction, key).await?,
                AccessChange::TeamSet { team } => set_team(&transaction, team).await?,
                AccessChange::TeamDeleted { name } => delete_team(&transaction, name).await?,
                _ => change_key(&transaction, &change, now).await?,
            };
            let name = match changed {
                Ok(name) => name,
                Err(refused) => return Ok(Err(refused)),
            };
            log(&transaction, &change.event(name.as_deref(), now, &by)).await?;
            transaction.commit().await?;
            Ok(Ok(()))
        };
        self.ask("change the keys", work).await?
    }
}
