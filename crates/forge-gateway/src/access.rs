//! Who is let in: the keys of the store, looked at anew whenever they have changed, and those that were refused.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use forge_core::storage::{
    StorageError,
    access::{AccessList, AccessStore, AuditEvent, AuditLog, SealSecrets, SealStore},
};
use http::request::Parts;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    credential, key,
    keyring::{Caller, Keyrings},
    listen::Ends,
    options::GatewayOptions,
    seal::{Seals, seal_secret},
};

/// How often the store is asked whether its keys have changed: a revoked one is refused within a second.
const LOOK: Duration = Duration::from_millis(500);
/// How often refused keys are written down: whoever guesses keys fills no disk.
const NOTE: Duration = Duration::from_secs(60);

/// Who is let in.
#[derive(Debug, Default)]
pub(crate) struct Access {
    keys: Option<Arc<dyn AccessStore>>,
    audit: Option<Arc<dyn AuditLog>>,
    keyrings: Keyrings,
    seal_store: Option<Arc<dyn SealStore>>,
    seals: RwLock<Arc<Seals>>,
    refused: Mutex<Option<Refused>>,
}

/// Requests with keys that open nothing, since they were last written down.
#[derive(Debug)]
struct Refused {
    count: u64,
    first: DateTime<Utc>,
    /// The client of the last one, and the id of its key if it had the form of one.
    peer: Option<IpAddr>,
    id: String,
}

impl Access {
    /// The keys and teams as the store has them; `None` without one, or if it cannot be read.
    pub(crate) async fn list(&self) -> Option<AccessList> {
        self.keys.as_ref()?.access().await.ok()
    }

    /// Reads the keys.
    pub(crate) async fn open(options: &GatewayOptions) -> Result<(Self, Option<u64>), StorageError> {
        let (keys, audit, seal_store) = (&options.keys, options.audit.clone(), options.seals.clone());
        let access = Self { keys: keys.clone(), audit, seal_store, ..Self::default() };
        // The version first: a change in between is found once more.
        let version = match keys {
            Some(keys) => Some(keys.access_version().await?),
            None => None,
        };
        if let Some(keys) = keys {
            access.keyrings.replace(keys.access().await?);
        }
        let shared = access.read_seals().await;
        if let Err(error) = &shared {
            tracing::warn!(%error, "the secrets of seals cannot be read; those of this process end with it");
        }
        Ok((access, version.filter(|_| shared.is_ok())))
    }

    /// Whether clients have to bring a key.
    pub(crate) fn asks_for_keys(&self) -> bool {
        !self.keyrings.current().is_empty()
    }

    /// Who sends this request; `None` if the server does not know it.
    pub(crate) fn caller(&self, head: &Parts, ends: Option<Ends>, now: DateTime<Utc>) -> Option<Caller> {
        let keyring = self.keyrings.current();
        let presented = credential::presented(&head.headers, &head.uri);
        // Where nobody is asked for a key, clients bring whatever their vendors ask for, or several.
        let presented = if keyring.is_empty() { None } else { presented.ok()? };
        let caller = keyring.find(presented, now);
        if let Some(presented) = presented.filter(|_| caller.is_none()) {
            self.refuse(presented, ends.map(|ends| ends.peer), now);
        }
        caller
    }

    fn refuse(&self, presented: &str, peer: Option<IpAddr>, now: DateTime<Utc>) {
        let id = key::parse(presented).map_or_else(String::new, |(id, _)| id.to_owned());
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, first) = refused.as_ref().map_or((0, now), |before| (before.count, before.first));
        *refused = Some(Refused { count: count + 1, first, peer, id });
    }

    /// Keeps the keys as the store has them, and writes down who was refused, for as long as it is polled.
    pub(crate) async fn watch(&self, mut version: Option<u64>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut noted = Instant::now();
        loop {
            looks.tick().await;
            // A store that cannot be read leaves the keys as they are known.
            if let Err(error) = self.look(&mut version).await {
                tracing::warn!(%error, "the keys of the clients cannot be looked at; those that are known go on");
            }
            if noted.elapsed() >= NOTE {
                noted = Instant::now();
                self.note().await;
            }
        }
    }

    async fn look(&self, version: &mut Option<u64>) -> Result<(), StorageError> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let newest = Some(keys.access_version().await?);
        if newest != *version {
            self.keyrings.replace(keys.access().await?);
            self.read_seals().await?;
            *version = newest;
        }
        Ok(())
    }

    /// What seals are made and opened with now.
    pub(crate) fn seals(&self) -> Arc<Seals> {
        Arc::clone(&self.seals.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the secrets of the store. Without one, or while it cannot be read for a first time, there is one of this process.
    async fn read_seals(&self) -> Result<(), StorageError> {
        let own = seal_secret().map_err(|source| StorageError::io("make a secret for seals", source))?;
        let shared = match &self.seal_store {
            Some(store) => store.seal_secrets(own).await,
            None => Ok(SealSecrets::new(own)),
        };
        let mut seals = self.seals.write().unwrap_or_else(PoisonError::into_inner);
        match &shared {
            Ok(secrets) => *seals = Arc::new(Seals::new(secrets)),
            Err(_) if seals.is_empty() => *seals = Arc::new(Seals::new(&SealSecrets::new(own))),
            Err(_) => {}
        }
        shared.map(|_| ())
    }

    /// Writes down who was refused since the last time.
    pub(crate) async fn note(&self) {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((refused, audit)) = refused.zip(self.audit.as_ref()) else { return };
        let detail = json!({"count": refused.count, "since": refused.first}).to_string();
        let peer = refused.peer.map_or_else(|| "a local socket".to_owned(), |peer| peer.to_string());
        let event = AuditEvent::new(Utc::now(), peer, "login_refused", refused.id);
        if let Err(error) = audit.append_audit(event.with_detail(detail)).await {
            tracing::warn!(%error, count = refused.count, "keys that were refused are not in the log");
        }
    }
}
