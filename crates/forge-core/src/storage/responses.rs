//! The door to responses that a server keeps for its clients, which come back for them, or go on from them, by their ids.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StorageError;

/// A response, and what it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredResponse {
    /// Its id, as its client knows it.
    pub id: Arc<str>,
    /// The id of the key that it is kept for, and that no other gets it by; empty where there are no keys.
    pub owner: Arc<str>,
    /// The response that it goes on from.
    pub previous: Option<Arc<str>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it may be forgotten.
    pub expires_at: DateTime<Utc>,
    /// Until when its call counts as under way, unless that is [renewed](ResponseStore::renew_responses); `None` once the
    /// call has ended.
    pub under_way_until: Option<DateTime<Utc>>,
    /// What its client sent with it: a JSON array.
    pub input: Arc<str>,
    /// The response as its client gets it: a JSON object.
    pub response: Arc<str>,
}

impl StoredResponse {
    /// A response that has ended, and goes on from none.
    pub fn new(
        id: impl Into<Arc<str>>,
        owner: impl Into<Arc<str>>,
        [created_at, expires_at]: [DateTime<Utc>; 2],
        input: impl Into<Arc<str>>,
        response: impl Into<Arc<str>>,
    ) -> Self {
        let (id, owner, input, response) = (id.into(), owner.into(), input.into(), response.into());
        Self { id, owner, previous: None, created_at, expires_at, under_way_until: None, input, response }
    }

    /// The bytes of its texts.
    pub fn bytes(&self) -> usize {
        self.input.len().saturating_add(self.response.len())
    }
}

/// Keeps responses. Times are kept to the millisecond. What is expired is there until it is swept: whoever reads it looks at
/// its [`expires_at`](StoredResponse::expires_at).
#[async_trait]
pub trait ResponseStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a response in the place of an earlier one of its owner and its id. It is on disk when this returns.
    ///
    /// # Errors
    /// The storage failed.
    async fn put_response(&self, response: StoredResponse) -> Result<(), StorageError>;

    /// Ends a response that is under way: `response` takes the place of what its client gets. `false` if there is none that
    /// is under way, so that of several who end it one does.
    ///
    /// # Errors
    /// The storage failed.
    async fn end_response(&self, owner: &str, id: &str, response: Arc<str>) -> Result<bool, StorageError>;

    /// Has those of `ids` that are still under way count so until `until`, and returns them.
    ///
    /// # Errors
    /// The storage failed.
    async fn renew_responses(
        &self,
        ids: &[Arc<str>],
        until: DateTime<Utc>,
    ) -> Result<Vec<Arc<str>>, StorageError>;

    /// The response of this id and those that it goes on from, the newest first: at most `links` of them, and none beyond
    /// the one with which they have `bytes` or more. A shorter list ends before one that is not there.
    ///
    /// # Errors
    /// The storage failed.
    async fn responses(
        &self,
        owner: &str,
        id: &str,
        links: usize,
        bytes: usize,
    ) -> Result<Vec<StoredResponse>, StorageError>;

    /// Forgets a response; `false` if it is not there.
    ///
    /// # Errors
    /// The storage failed.
    async fn delete_response(&self, owner: &str, id: &str) -> Result<bool, StorageError>;

    /// Forgets what has expired by `now`, and returns how many that were.
    ///
    /// # Errors
    /// The storage failed.
    async fn sweep_responses(&self, now: DateTime<Utc>) -> Result<u64, StorageError>;
}
