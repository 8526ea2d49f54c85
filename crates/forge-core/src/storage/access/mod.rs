//! The door to who may use a server: the keys of its clients, their teams, and a log of what was done to them.
//!
//! A server keeps an [`AccessList`] in memory, so that no request waits for a store, and asks for the
//! [version](AccessStore::access_version) now and then. Changes are made beside the server, by whoever can write to the
//! store; each stands in the [`AuditLog`] from the same moment. Beside them are the secrets of a server's own, in a
//! [`SealStore`].

mod audit;
mod chain;
mod change;
mod key;
mod seal;
mod used;

use std::fmt;

use async_trait::async_trait;

pub use self::{
    audit::{AuditEntry, AuditEvent, AuditLog},
    chain::{AuditFault, audit_hash, verify_audit},
    change::{AccessChange, AccessError},
    key::{
        Allowance, ClientKey, KeyBudget, KeyScope, KeySecret, KeyState, SecretDigest, Team, matches_pattern,
    },
    seal::{SealSecret, SealSecrets, SealStore},
    used::UsedBudget,
};
use super::StorageError;

/// Every key and every team, as they are at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AccessList {
    /// The keys, the revoked ones too: their names stay taken.
    pub keys: Vec<ClientKey>,
    /// The teams.
    pub teams: Vec<Team>,
}

impl AccessList {
    /// A list of these.
    pub fn new(keys: Vec<ClientKey>, teams: Vec<Team>) -> Self {
        Self { keys, teams }
    }
}

/// Keeps the keys of a server's clients. The keys themselves are never in it, only the [digests](SecretDigest) of them.
#[async_trait]
pub trait AccessStore: fmt::Debug + Send + Sync + 'static {
    /// A number that grows with every change, whoever made it. Cheap enough to be asked for every second. Asked for before
    /// the [list](Self::access), it is never newer than that, so that no change is missed.
    ///
    /// # Errors
    /// The storage failed.
    async fn access_version(&self) -> Result<u64, StorageError>;

    /// Every key in the order in which they were made, and every team in the order of their names.
    ///
    /// # Errors
    /// The storage failed.
    async fn access(&self) -> Result<AccessList, StorageError>;

    /// Makes a change on behalf of `by` and logs it, both or neither. Times are kept to the millisecond.
    ///
    /// # Errors
    /// The change does not fit to what is there, or the storage failed.
    async fn change_access(&self, change: AccessChange, by: &str) -> Result<(), AccessError>;
}
