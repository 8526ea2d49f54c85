//! Keys of a server's clients, and their teams.

use std::sync::Arc;

use async_trait::async_trait;
use forge_core::storage::{
    StorageError,
    access::{
        AccessChange, AccessError, AccessList, AccessStore, AuditEvent, ClientKey, KeySecret, SecretDigest,
        Team,
    },
};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, ToSql, params, types::Type};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    audit,
    codes::{REVOKED, key_state, key_state_code},
    row::{self, unsigned},
    store::{self, Store},
};

const COLUMNS: &str = "id, name, team, created_at, expires_at, state, secrets, allowance";

/// Reads [`COLUMNS`].
fn key(row: &Row<'_>) -> rusqlite::Result<ClientKey> {
    // What a key is made with is replaced by what stands in the row.
    let none = SecretDigest::new([0; 32]);
    let [id, name] = [row.get::<_, Arc<str>>(0)?, row.get(1)?];
    let mut key = ClientKey::new(id, name, none, row::time(row.get(3)?));
    key.team = row.get(2)?;
    key.expires_at = row.get::<_, Option<i64>>(4)?.map(row::time);
    key.state = key_state(row.get(5)?);
    key.secrets = json(row, 6)?;
    key.allowance = json(row, 7)?;
    Ok(key)
}

/// A text that cannot be read is a fault: a key without it would be allowed more than was said.
fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|source| Error::FromSqlConversionFailure(column, Type::Text, source.into()))
}

fn text<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|source| Error::ToSqlConversionFailure(source.into()))
}

fn list(conn: &Connection) -> rusqlite::Result<AccessList> {
    let mut keys = conn.prepare(&format!("SELECT {COLUMNS} FROM client_keys ORDER BY place"))?;
    let keys = keys.query_map([], key)?.collect::<Result<_, _>>()?;
    let mut teams = conn.prepare("SELECT name, allowance FROM teams ORDER BY name")?;
    let team = |row: &Row<'_>| Ok(Team::new(row.get::<_, Arc<str>>(0)?, json(row, 1)?));
    let teams = teams.query_map([], team)?.collect::<Result<_, _>>()?;
    Ok(AccessList::new(keys, teams))
}

/// What came of a change: the name of the key that it is about, if it is about one that was there.
type Changed = Result<Option<Arc<str>>, AccessError>;

fn create(conn: &Connection, key: &ClientKey) -> rusqlite::Result<Changed> {
    let find = |column: &str, value: &str| {
        let find = format!("SELECT id FROM client_keys WHERE {column} = ?1");
        conn.query_row(&find, [value], |row| row.get::<_, Arc<str>>(0)).optional()
    };
    if let Some(id) = find("name", &key.name)? {
        return Ok(Err(AccessError::NameTaken { name: Arc::clone(&key.name), id }));
    }
    if let Some(id) = find("id", &key.id)? {
        return Ok(Err(AccessError::IdTaken { id }));
    }
    if let Some(team) = &key.team
        && !exists(conn, "SELECT 1 FROM teams WHERE name = ?1", &**team)?
    {
        return Ok(Err(AccessError::UnknownTeam { name: Arc::clone(team) }));
    }
    conn.execute(
        &format!("INSERT INTO client_keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
        params![
            &*key.id,
            &*key.name,
            key.team.as_deref(),
            key.created_at.timestamp_millis(),
            key.expires_at.map(|at| at.timestamp_millis()),
            key_state_code(key.state),
            text(&key.secrets)?,
            text(&key.allowance)?,
        ],
    )?;
    Ok(Ok(None))
}

fn exists(conn: &Connection, question: &str, value: impl ToSql) -> rusqlite::Result<bool> {
    conn.prepare_cached(question)?.exists([value])
}

fn set_team(conn: &Connection, team: &Team) -> rusqlite::Result<Changed> {
    conn.execute(
        "INSERT INTO teams (name, allowance) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET allowance = excluded.allowance",
        params![&*team.name, text(&team.allowance)?],
    )?;
    Ok(Ok(None))
}

fn delete_team(conn: &Connection, name: &Arc<str>) -> rusqlite::Result<Changed> {
    let keys = conn.query_row(
        "SELECT count(*) FROM client_keys WHERE team = ?1 AND state <> ?2",
        params![&**name, REVOKED],
        |row| row.get(0),
    )?;
    let name = || Arc::clone(name);
    if keys > 0 {
        return Ok(Err(AccessError::TeamInUse { name: name(), keys: unsigned(keys) }));
    }
    Ok(match conn.execute("DELETE FROM teams WHERE name = ?1", [&*name()])? {
        0 => Err(AccessError::UnknownTeam { name: name() }),
        _ => Ok(None),
    })
}

fn change_key(conn: &Connection, change: &AccessChange, now: i64) -> rusqlite::Result<Changed> {
    let id = change.subject();
    let mut find = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM client_keys WHERE id = ?1"))?;
    let Some(mut key) = find.query_row([id], key).optional()? else {
        return Ok(Err(AccessError::UnknownKey { id: id.into() }));
    };
    if let Err(refused) = change.apply(&mut key, row::time(now)) {
        return Ok(Err(refused));
    }
    conn.execute(
        "UPDATE client_keys SET expires_at = ?2, state = ?3, secrets = ?4, allowance = ?5 WHERE id = ?1",
        params![
            id,
            key.expires_at.map(|at| at.timestamp_millis()),
            key_state_code(key.state),
            text::<Vec<KeySecret>>(&key.secrets)?,
            text(&key.allowance)?,
        ],
    )?;
    Ok(Ok(Some(key.name)))
}

/// Makes the change and logs it.
fn change(
    conn: &Connection,
    change: &AccessChange,
    by: &str,
    now: i64,
) -> rusqlite::Result<Result<(), AccessError>> {
    let changed = match change {
        AccessChange::KeyCreated { key } => create(conn, key),
        AccessChange::TeamSet { team } => set_team(conn, team),
        AccessChange::TeamDeleted { name } => delete_team(conn, name),
        _ => change_key(conn, change, now),
    };
    let name = match changed? {
        Ok(name) => name,
        Err(refused) => return Ok(Err(refused)),
    };
    log(conn, &change.event(name.as_deref(), row::time(now), by))?;
    Ok(Ok(()))
}

/// Logs a change and raises the version.
pub(crate) fn log(conn: &Connection, event: &AuditEvent) -> rusqlite::Result<()> {
    audit::append(conn, event)?;
    conn.execute(
        "INSERT INTO meta (key, value) VALUES ('access', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1",
        [],
    )?;
    Ok(())
}

#[async_trait]
impl AccessStore for Store {
    async fn access_version(&self) -> Result<u64, StorageError> {
        let version = |conn: &Connection| {
            let mut find = conn.prepare_cached("SELECT value FROM meta WHERE key = 'access'")?;
            find.query_row([], |row| row.get(0)).optional()
        };
        let read = self.answer(move |shared| store::read_again(shared, version)).await?;
        Ok(read.map_or(0, unsigned))
    }

    async fn access(&self) -> Result<AccessList, StorageError> {
        Ok(self.answer(|shared| store::read(shared, "read", list)).await?)
    }

    async fn change_access(&self, change: AccessChange, by: &str) -> Result<(), AccessError> {
        let (by, now) = (by.to_owned(), self.now());
        let work = move |conn: &Connection, _: &_| self::change(conn, &change, &by, now);
        self.commit(work, |_, ()| ()).await.map_err(StorageError::from)?
    }
}
