//! The door to journals: append-only event streams with one writer at a time.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::StorageError;

/// Names a stream of entries, such as one session. Made of `a-z`, `0-9`, `-` and `_`, so that it is
/// safe as a file name and in a query; at most 64 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(Arc<str>);

impl StreamName {
    /// Checks and wraps a name.
    pub fn new(name: &str) -> Result<Self, JournalError> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if (1..=64).contains(&name.len()) && name.bytes().all(good) {
            Ok(Self(name.into()))
        } else {
            Err(JournalError::BadName { name: name.chars().take(80).collect() })
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The right to write a stream. A later claim gets a larger number, and the store refuses every
/// smaller one: a writer that was presumed dead cannot come back and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);

/// One entry as stored. What it means is its writer's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the stream, from 0, without gaps.
    pub sequence: u64,
    /// Its content.
    pub payload: Vec<u8>,
}

/// Append-only event streams. Sessions are folds over one.
#[async_trait]
pub trait Journal: fmt::Debug + Send + Sync + 'static {
    /// Claims the right to write `stream`, creating it if need be. `holder` is shown to others who
    /// try. The claim lapses after `lease` unless it is renewed by claiming again with the same
    /// holder, which keeps the fence.
    ///
    /// # Errors
    /// [`JournalError::Held`] while another holder's claim has not lapsed.
    async fn claim(&self, stream: &StreamName, holder: &str, lease: Duration) -> Result<Fence, JournalError>;

    /// Gives the right back before it lapses. A fence that is no longer the newest is ignored.
    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError>;

    /// Appends `payloads` as one unit after exactly `expected` entries; returns the new number of
    /// entries. When it returns, they survive a crash, as far as the journal promises that at all.
    ///
    /// # Errors
    /// [`JournalError::Fenced`] when another writer has taken over, [`JournalError::Conflict`] when
    /// the stream does not hold exactly `expected` entries.
    async fn append(
        &self,
        stream: &StreamName,
        fence: Fence,
        expected: u64,
        payloads: Vec<Vec<u8>>,
    ) -> Result<u64, JournalError>;

    /// The entries from `sequence` on. A stream that does not exist is empty.
    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError>;
}

/// Why a journal refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The name could be mistaken for a path or a command.
    #[error("`{name}` is not a stream name; use 1 to 64 of a-z, 0-9, - and _")]
    BadName {
        /// The name, cut to 80 characters.
        name: String,
    },
    /// Another writer is at work.
    #[error("`{stream}` is being written by {holder}; wait for it to end")]
    Held {
        /// The stream.
        stream: StreamName,
        /// Who holds it.
        holder: String,
    },
    /// Another writer has taken over.
    #[error("`{stream}` was taken over by another writer; nothing was written")]
    Fenced {
        /// The stream.
        stream: StreamName,
    },
    /// The stream is longer or shorter than the writer thinks.
    #[error("`{stream}` holds {actual} entries where {expected} were expected; nothing was written")]
    Conflict {
        /// The stream.
        stream: StreamName,
        /// What the writer thinks.
        expected: u64,
        /// What it holds.
        actual: u64,
    },
    /// The storage behind it failed.
    #[error("the journal could not be read or written")]
    Storage(#[from] StorageError),
}
