//! Keys, teams and their log in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, Utc};

use super::lock;
use crate::{
    storage::{
        StorageError,
        access::{
            AccessChange, AccessError, AccessList, AccessStore, AuditEntry, AuditEvent, AuditLog, ClientKey,
            KeyState, SealSecret, SealSecrets, SealStore, Team, audit_hash,
        },
    },
    time::{Clock, SystemTimer},
};

/// An [`AccessStore`], [`SealStore`] and [`AuditLog`] that end with the process.
#[derive(Debug)]
pub struct MemoryAccess {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    keys: Vec<ClientKey>,
    teams: BTreeMap<Arc<str>, Team>,
    log: Vec<AuditEntry>,
    version: u64,
    seal: Option<SealSecrets>,
}

impl MemoryAccess {
    /// No keys and an empty log; changes are logged with the time of `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }
}

impl Default for MemoryAccess {
    fn default() -> Self {
        Self::new(SystemTimer::shared())
    }
}

impl Kept {
    fn append(&mut self, event: AuditEvent) -> Arc<str> {
        let event = AuditEvent { at: event.at.trunc_subsecs(3), ..event };
        let (last, number) = (self.log.last(), self.log.len() as u64 + 1);
        let previous = last.map_or("", |entry| &*entry.hash);
        let hash: Arc<str> = audit_hash(previous, number, &event).into();
        self.log.push(AuditEntry::new(number, event, Arc::clone(&hash)));
        hash
    }

    fn create(&mut self, mut key: ClientKey) -> Result<(), AccessError> {
        for one in &self.keys {
            if one.name == key.name {
                return Err(AccessError::NameTaken { name: key.name, id: Arc::clone(&one.id) });
            }
            if one.id == key.id {
                return Err(AccessError::IdTaken { id: key.id });
            }
        }
        if let Some(team) = key.team.clone().filter(|team| !self.teams.contains_key(team)) {
            return Err(AccessError::UnknownTeam { name: team });
        }
        key.created_at = key.created_at.trunc_subsecs(3);
        round(&mut key);
        self.keys.push(key);
        Ok(())
    }

    fn delete_team(&mut self, name: &Arc<str>) -> Result<(), AccessError> {
        let is_member = |key: &&ClientKey| key.team.as_ref() == Some(name) && key.state != KeyState::Revoked;
        match self.keys.iter().filter(is_member).count() as u64 {
            0 => match self.teams.remove(name) {
                Some(_) => Ok(()),
                None => Err(AccessError::UnknownTeam { name: Arc::clone(name) }),
            },
            keys => Err(AccessError::TeamInUse { name: Arc::clone(name), keys }),
        }
    }

    /// Makes the change; returns the name of the key that it is about.
    fn change(&mut self, change: &AccessChange, now: DateTime<Utc>) -> Result<Option<Arc<str>>, AccessError> {
        match change {
            AccessChange::KeyCreated { key } => self.create(key.clone()).map(|()| None),
            AccessChange::TeamSet { team } => {
                self.teams.insert(Arc::clone(&team.name), team.clone());
                Ok(None)
            }
            AccessChange::TeamDeleted { name } => self.delete_team(name).map(|()| None),
            other => {
                let id = other.subject();
                let found = self.keys.iter_mut().find(|key| *key.id == *id);
                let key = found.ok_or_else(|| AccessError::UnknownKey { id: id.into() })?;
                other.apply(key, now)?;
                round(key);
                Ok(Some(Arc::clone(&key.name)))
            }
        }
    }
}

/// Every store keeps times to the millisecond, and a program must not come to rely on more.
fn round(key: &mut ClientKey) {
    let times = key.secrets.iter_mut().map(|secret| &mut secret.until).chain([&mut key.expires_at]);
    times.flatten().for_each(|time| *time = time.trunc_subsecs(3));
}

#[async_trait]
impl AccessStore for MemoryAccess {
    async fn access_version(&self) -> Result<u64, StorageError> {
        Ok(lock(&self.kept).version)
    }

    async fn access(&self) -> Result<AccessList, StorageError> {
        let kept = lock(&self.kept);
        Ok(AccessList::new(kept.keys.clone(), kept.teams.values().cloned().collect()))
    }

    async fn change_access(&self, change: AccessChange, by: &str) -> Result<(), AccessError> {
        let now = self.clock.now();
        let mut kept = lock(&self.kept);
        let name = kept.change(&change, now)?;
        kept.append(change.event(name.as_deref(), now, by));
        kept.version += 1;
        Ok(())
    }
}

#[async_trait]
impl AuditLog for MemoryAccess {
    async fn append_audit(&self, event: AuditEvent) -> Result<Arc<str>, StorageError> {
        Ok(lock(&self.kept).append(event))
    }

    async fn audit(&self, since: Option<DateTime<Utc>>) -> Result<Vec<AuditEntry>, StorageError> {
        let kept = lock(&self.kept);
        let wanted = |entry: &&AuditEntry| since.is_none_or(|since| entry.event.at >= since);
        Ok(kept.log.iter().filter(wanted).cloned().collect())
    }
}

#[async_trait]
impl SealStore for MemoryAccess {
    async fn seal_secrets(&self, first: SealSecret) -> Result<SealSecrets, StorageError> {
        Ok(*lock(&self.kept).seal.get_or_insert(SealSecrets::new(first)))
    }

    async fn rotate_seal(&self, next: SealSecret, by: &str) -> Result<(), StorageError> {
        let mut kept = lock(&self.kept);
        kept.seal = Some(kept.seal.map_or(SealSecrets::new(next), |secrets| secrets.rotated(next)));
        kept.append(SealSecrets::rotation(self.clock.now(), by));
        kept.version += 1;
        Ok(())
    }
}
