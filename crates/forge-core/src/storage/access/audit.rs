//! The log of what was done to keys and configuration.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::StorageError;

/// Something that was done, for the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEvent {
    /// When. It is kept to the millisecond.
    pub at: DateTime<Utc>,
    /// Who did it: a user of the machine, or the address of a client.
    pub by: Arc<str>,
    /// What was done, such as `key_created` or `login_refused`.
    pub action: Arc<str>,
    /// What it was done to: the id of a key, the name of a team.
    pub subject: Arc<str>,
    /// The rest of it, as a JSON object. Never a secret.
    pub detail: String,
}

impl AuditEvent {
    /// An event without details.
    pub fn new(
        at: DateTime<Utc>,
        by: impl Into<Arc<str>>,
        action: impl Into<Arc<str>>,
        subject: impl Into<Arc<str>>,
    ) -> Self {
        Self { at, by: by.into(), action: action.into(), subject: subject.into(), detail: "{}".to_owned() }
    }

    /// The same event with these details, as a JSON object.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// An entry of the log. Each holds the hash of the one before in its own, so that none can be changed or taken out without
/// a trace, as long as somebody keeps the newest hash elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Which it is, from 1.
    pub number: u64,
    /// What was done.
    pub event: AuditEvent,
    /// The SHA-256 over the hash of the entry before and this one, in hexadecimal digits: [`audit_hash`](super::audit_hash).
    pub hash: Arc<str>,
}

impl AuditEntry {
    /// An entry.
    pub fn new(number: u64, event: AuditEvent, hash: impl Into<Arc<str>>) -> Self {
        Self { number, event, hash: hash.into() }
    }
}

/// Keeps the log, which only grows.
#[async_trait]
pub trait AuditLog: fmt::Debug + Send + Sync + 'static {
    /// Adds an entry and returns its hash.
    ///
    /// # Errors
    /// The storage failed; nothing was added.
    async fn append_audit(&self, event: AuditEvent) -> Result<Arc<str>, StorageError>;

    /// The entries from `since` on, or all of them, in the order in which they were added. A clock that was set back
    /// leaves later entries with earlier times.
    ///
    /// # Errors
    /// The storage failed.
    async fn audit(&self, since: Option<DateTime<Utc>>) -> Result<Vec<AuditEntry>, StorageError>;
}
