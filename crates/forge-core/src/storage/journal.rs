//! The doors to journals: append-only event streams with one writer at a time.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::StorageError;

/// The most bytes that a stream's summary may have as JSON.
// Whoever lists streams reads every summary and no entry.
pub const MAX_SUMMARY_BYTES: usize = 4_096;

/// Names a stream of entries, such as one session. Made of `a-z`, `0-9`, `-` and `_`, so that it is
/// safe as a file name and in a query; at most 64 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StreamName(Arc<str>);

impl StreamName {
    /// Checks and wraps a name.
    pub fn new(name: &str) -> Result<Self, JournalError> {
        // Without capitals, because some file systems would take two names for one file.
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if (1..=64).contains(&name.len()) && name.bytes().all(good) {
            Ok(Self(name.into()))
        } else {
            // What is refused may be of any length, and stands in a message.
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
///
/// Exhaustive on purpose: it is one number, which callers keep where they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a number and nothing else")]
pub struct Fence(pub u64);

/// One entry as stored. What it means is its writer's business.
///
/// Exhaustive on purpose: a place and a content are all that an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a place and what stands there")]
pub struct Entry {
    /// Its place in the stream, from 0, without gaps.
    pub sequence: u64,
    /// Its content.
    pub payload: Vec<u8>,
}

/// What a writer asks for: to be the one who writes a stream, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Who claims. It names one instance, such as one run of a process: whoever claims under the same name
    /// renews. To everybody else it is text for messages.
    pub holder: Arc<str>,
    /// How long the claim holds without being renewed.
    pub lease: Duration,
    /// The claim of another that this one takes the place of, though it has not lapsed.
    pub replaces: Option<Fence>,
}

impl Claim {
    /// A claim of `holder` that takes what is free, what has lapsed, and what is its own.
    pub fn new(holder: impl Into<Arc<str>>, lease: Duration) -> Self {
        Self { holder: holder.into(), lease, replaces: None }
    }

    /// The same claim, also in place of the one with this fence, whose holder the caller knows to be gone.
    pub fn replacing(mut self, fence: Fence) -> Self {
        self.replaces = Some(fence);
        self
    }
}

/// Entries to be appended as one unit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Batch {
    /// How many entries the stream holds, as far as its writer knows.
    pub expected: u64,
    /// The contents of the new ones.
    pub payloads: Vec<Vec<u8>>,
    /// What takes the place of the stream's summary; `None` leaves it as it is.
    pub summary: Option<Value>,
}

impl Batch {
    /// `payloads` after exactly `expected` entries.
    pub fn new(expected: u64, payloads: Vec<Vec<u8>>) -> Self {
        Self { expected, payloads, summary: None }
    }

    /// The same batch with a new summary of the stream, of at most [`MAX_SUMMARY_BYTES`] as JSON.
    pub fn with_summary(mut self, summary: Value) -> Self {
        self.summary = Some(summary);
        self
    }

    /// The summary as JSON, for stores.
    ///
    /// # Errors
    /// [`JournalError::LargeSummary`].
    pub fn summary_text(&self, stream: &StreamName) -> Result<Option<String>, JournalError> {
        let text = self.summary.as_ref().map(Value::to_string);
        match text.as_ref().map_or(0, String::len) {
            0..=MAX_SUMMARY_BYTES => Ok(text),
            bytes => Err(JournalError::LargeSummary { stream: stream.clone(), bytes }),
        }
    }
}

/// Append-only event streams. Sessions are folds over one.
#[async_trait]
pub trait Journal: fmt::Debug + Send + Sync + 'static {
    /// Claims the right to write `stream`, creating it if need be. The claim lapses after its lease unless it is
    /// renewed by claiming again under the same name, which keeps the fence.
    ///
    /// What is free or lapsed is taken, and gets a larger fence. So is the live claim of another that the caller
    /// names by its fence ([`Claim::replacing`]): of several who try this, exactly one takes it over.
    ///
    /// # Errors
    /// [`JournalError::Held`] with the present fence, while another's claim is live and is not the one named.
    async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError>;

    /// Gives the right back before it lapses. A fence that is no longer the newest is ignored.
    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError>;

    /// Appends a batch as one unit; returns the new number of entries. When it returns, they and the summary
    /// survive a crash, as far as the journal promises that at all.
    ///
    /// # Errors
    /// [`JournalError::Fenced`] when another writer has taken over, [`JournalError::Conflict`] when
    /// the stream does not hold exactly as many entries as expected.
    async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError>;

    /// The entries from `sequence` on. A stream that does not exist is empty.
    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError>;
}

/// A stream, without its entries.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Its name.
    pub name: StreamName,
    /// Its entries.
    pub entries: u64,
    /// The bytes of their payloads.
    pub bytes: u64,
    /// When it was first claimed.
    pub created_at: DateTime<Utc>,
    /// When it was last appended to.
    pub updated_at: DateTime<Utc>,
    /// Who is writing it now.
    pub holder: Option<Arc<str>>,
    /// What its writer said of it last.
    pub summary: Option<Value>,
}

impl StreamInfo {
    /// An empty stream of this name, made at this time.
    pub fn new(name: StreamName, created_at: DateTime<Utc>) -> Self {
        let (holder, summary) = (None, None);
        Self { name, entries: 0, bytes: 0, created_at, updated_at: created_at, holder, summary }
    }

    /// The same with this number of entries and bytes, the last entry from this time.
    pub fn with_content(mut self, entries: u64, bytes: u64, updated_at: DateTime<Utc>) -> Self {
        (self.entries, self.bytes, self.updated_at) = (entries, bytes, updated_at);
        self
    }

    /// The same with who is writing it now.
    pub fn with_holder(mut self, holder: Option<Arc<str>>) -> Self {
        self.holder = holder;
        self
    }

    /// The same with what its writer said of it.
    pub fn with_summary(mut self, summary: Option<Value>) -> Self {
        self.summary = summary;
        self
    }
}

/// The streams of a journal, for whoever does not write them.
#[async_trait]
pub trait Streams: fmt::Debug + Send + Sync + 'static {
    /// Every stream, the one that was appended to last first. Reads no entry.
    async fn list(&self) -> Result<Vec<StreamInfo>, JournalError>;

    /// Deletes a stream with its entries; returns whether there was one.
    ///
    /// # Errors
    /// [`JournalError::Held`] while somebody writes it.
    async fn delete(&self, stream: &StreamName) -> Result<bool, JournalError>;

    /// Waits until the stream holds entry number `from`, and returns it with all that follow: at least one. Ask
    /// again from behind the last one. Dropping the future ends the wait.
    ///
    /// What is appended through the same store is seen at once; what another process appends, within a quarter of
    /// a second. A stream that does not exist, or was deleted, is waited for.
    async fn watch(&self, stream: &StreamName, from: u64) -> Result<Vec<Entry>, JournalError>;
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
        holder: Arc<str>,
        /// The fence of its claim, by which the claim can be [replaced](Claim::replacing).
        fence: Fence,
        /// When the claim lapses unless it is renewed.
        until: DateTime<Utc>,
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
    /// The summary is no summary.
    #[error(
        "the summary of `{stream}` has {bytes} bytes, more than {MAX_SUMMARY_BYTES}; nothing was written"
    )]
    LargeSummary {
        /// The stream.
        stream: StreamName,
        /// The size of the summary.
        bytes: usize,
    },
    /// The storage behind it failed.
    #[error("the journal could not be read or written")]
    Storage(#[from] StorageError),
}
