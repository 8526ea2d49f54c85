//! Why a run cannot start or continue.

use forge_core::storage::{
    StorageError,
    journal::{JournalError, StreamName},
};

/// Why a run cannot start or continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Another run is alive.
    #[error("`{stream}` is being run by {holder}; wait for it to end")]
    Running {
        /// The work.
        stream: StreamName,
        /// Its holder.
        holder: String,
    },
    /// The lock could not be taken, so that it is unknown whether another run is alive.
    #[error("the lock of the work could not be taken")]
    Lock(#[source] StorageError),
    /// The journal refused.
    #[error("the journal of the work could not be used")]
    Journal(#[from] JournalError),
    /// An entry of the journal cannot be read.
    #[error("entry {sequence} of `{stream}` cannot be read")]
    Entry {
        /// The work.
        stream: StreamName,
        /// The entry's place, from 0.
        sequence: u64,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// An event cannot be encoded as JSON.
    #[error("an entry cannot be written")]
    Encode(#[source] serde_json::Error),
}

impl RunError {
    /// Whether another run is at work on it now.
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Journal(JournalError::Held { .. }))
    }
}
