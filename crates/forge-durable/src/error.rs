//! Why a run cannot begin or go on.

use forge_core::{JournalError, StorageError, StreamName};

/// Why a run cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Another run lives.
    #[error("`{stream}` is being run by {holder}; wait for it to end")]
    Running {
        /// The work.
        stream: StreamName,
        /// Who runs it.
        holder: String,
    },
    /// Whether another run lives cannot be found out.
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
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// An event has no form as JSON.
    #[error("an entry cannot be written")]
    Encode(#[source] serde_json::Error),
}
