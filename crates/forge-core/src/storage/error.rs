//! What can go wrong behind the doors to storage.

use std::{error::Error, fmt, io};

/// What kind of failure it is, so that a caller knows whether to wait, to stop, or to ask for help.
///
/// Exhaustive on purpose: callers decide by it, and a new kind has to be decided everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "Forge's own judgement: wait, stop, or say what to mend")]
pub enum StorageErrorKind {
    /// Somebody else holds it for the moment. It may work again soon.
    Busy,
    /// The disk, or a limit, is reached. It works again when there is room.
    Full,
    /// What is stored is broken.
    Damaged,
    /// What is there is another program's, or of a version that is not known here.
    Foreign,
    /// The store was closed.
    Closed,
    /// Anything else: the disk, the network, permissions.
    Io,
}

impl StorageErrorKind {
    /// The name in plain words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Damaged => "damaged",
            Self::Foreign => "foreign",
            Self::Closed => "closed",
            Self::Io => "io",
        }
    }
}

impl fmt::Display for StorageErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<io::ErrorKind> for StorageErrorKind {
    fn from(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full
            }
            io::ErrorKind::WouldBlock | io::ErrorKind::ResourceBusy => Self::Busy,
            io::ErrorKind::InvalidData => Self::Damaged,
            // What is not known to pass is not waited for.
            _ => Self::Io,
        }
    }
}

/// Storage failed: a disk, a lock, a damaged file. The text says what and where; the source says why.
#[derive(Debug, thiserror::Error)]
#[error("could not {what}")]
pub struct StorageError {
    kind: StorageErrorKind,
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

impl StorageError {
    /// A failure to do `what`, such as "write /var/lib/forge/forge.db".
    pub fn new(
        kind: StorageErrorKind,
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, what: what.into(), source: source.into() }
    }

    /// A failure of the operating system to do `what`.
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::new(source.kind().into(), what, source)
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> StorageErrorKind {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_one_that_fails() {
        let kind = |kind: io::ErrorKind| StorageError::io("write", kind.into()).kind();
        assert_eq!(kind(io::ErrorKind::StorageFull), StorageErrorKind::Full);
        assert_eq!(kind(io::ErrorKind::PermissionDenied), StorageErrorKind::Io);
        assert_eq!(kind(io::ErrorKind::InvalidData), StorageErrorKind::Damaged);
    }
}
