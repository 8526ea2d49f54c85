//! What can go wrong behind the doors to storage.

use std::error::Error;

/// Storage failed: a disk, a lock, a damaged file. The text says what and where; the source says why.
#[derive(Debug, thiserror::Error)]
#[error("could not {what}")]
pub struct StorageError {
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

impl StorageError {
    /// A failure to do `what`, such as "write /var/lib/forge/forge.db".
    pub fn new(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what: what.into(), source: source.into() }
    }
}
