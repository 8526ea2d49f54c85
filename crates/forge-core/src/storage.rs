//! What can go wrong behind the doors to storage.

use std::{error::Error, fmt};

/// Storage failed: a disk, a lock, a damaged file. The text says what and where; the source says why.
#[derive(Debug)]
pub struct StorageError {
    what: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// A failure to do `what`, such as "write /var/lib/forge/forge.db".
    pub fn new(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what: what.into(), source: Some(source.into()) }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}", self.what)
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
