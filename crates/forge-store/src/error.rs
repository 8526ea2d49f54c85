//! What can go wrong with the file.

use std::{io, path::PathBuf, time::Duration};

use forge_core::storage::{StorageError, StorageErrorKind};
use rusqlite::ErrorCode;

/// Why the store could not do something. Each says what and where, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file belongs to a later version.
    #[error(
        "{} was written by a newer Forge (schema {found}, this one knows {known}); update Forge, or use another file",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest known here.
        known: i64,
    },
    /// The file is a database of another program.
    #[error("{} is the database of another program; use another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a database; move it away, or use another file", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is broken.
    #[error("{} is damaged ({detail}); move it away, and Forge makes a new one; the spool is kept", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        detail: String,
    },
    /// The path names a directory.
    #[error("{} is a directory; name a file in it", path.display())]
    Directory {
        /// The path.
        path: PathBuf,
    },
    /// The file may not be read or written.
    #[error("{} cannot be opened for writing; check its owner and permissions", path.display())]
    Denied {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process holds the file for too long.
    #[error("{} is locked by another process; try again when that process has ended", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The disk, or the limit of the file, is reached.
    #[error("{} has no room left; free some space, or prune old records", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The question cannot be answered.
    #[error("{reason}")]
    Filter {
        /// What is wrong with it.
        reason: String,
    },
    /// The statement is not one that can be answered.
    #[error("{reason}")]
    Statement {
        /// What is wrong with it.
        reason: String,
    },
    /// The statement had no answer in time.
    #[error("the statement was stopped after {} s; ask for less, or give it more time", within.as_secs_f64())]
    TimedOut {
        /// The time it had.
        within: Duration,
    },
    /// A file beside the database, or one to be written, failed.
    #[error("could not {what} {}", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Anything else that SQLite reports.
    #[error("could not {what} {}", path.display())]
    Sqlite {
        /// What was to be done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The thread that writes has ended.
    #[error("{} is closed", path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn sqlite(what: &'static str, path: &std::path::Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, detail: source.to_string() },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Denied { path, source: source.into() }
            }
            _ => Self::Sqlite { what, path, source },
        }
    }

    /// Whether the connection can be used again without opening it anew.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Full { .. })
    }
}

impl StoreError {
    /// What kind of failure it is.
    pub fn kind(&self) -> StorageErrorKind {
        match self {
            Self::Locked { .. } => StorageErrorKind::Busy,
            Self::Full { .. } => StorageErrorKind::Full,
            Self::Damaged { .. } => StorageErrorKind::Damaged,
            Self::Newer { .. } | Self::Foreign { .. } | Self::NotADatabase { .. } => {
                StorageErrorKind::Foreign
            }
            Self::Closed { .. } => StorageErrorKind::Closed,
            Self::Io { source, .. } => source.kind().into(),
            Self::Directory { .. }
            | Self::Denied { .. }
            | Self::Filter { .. }
            | Self::Statement { .. }
            | Self::TimedOut { .. }
            | Self::Sqlite { .. } => StorageErrorKind::Io,
        }
    }
}

impl From<StoreError> for StorageError {
    fn from(error: StoreError) -> Self {
        Self::new(error.kind(), "use the store", error)
    }
}
