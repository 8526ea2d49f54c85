//! Whether a file is still the one that was read.

use std::{fs::Metadata, time::SystemTime};

use crate::codec::{Reader, Writer};

/// What a file system says of a file. A file with the same of it holds the same, but for the time in which its clock stands
/// still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// When the content was changed, in nanoseconds since 1970.
    modified: u64,
    /// When anything about it was changed, which no program can set; `modified` where there is no such time.
    pub(crate) changed: u64,
    pub(crate) size: u64,
    inode: u64,
}

/// Two changes that are nearer than this may have the same time: clocks of file systems go in steps of up to 10 ms.
pub(crate) const TICK: u64 = 20_000_000;

impl Stat {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let modified = modified.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0);
        let (changed, inode) = system(metadata).unwrap_or((modified, 0));
        Self { modified, changed, size: metadata.len(), inode }
    }

    /// Whether both are of one file, whatever has happened to it.
    pub(crate) fn is_same_file(self, other: Self) -> bool {
        self.inode == other.inode
    }

    pub(crate) fn encode(self, writer: &mut Writer) {
        for number in [self.modified, self.changed, self.size, self.inode] {
            writer.number(number);
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            modified: reader.number()?,
            changed: reader.number()?,
            size: reader.number()?,
            inode: reader.number()?,
        })
    }
}

/// The time that no program can set, and the number of the file.
#[cfg(unix)]
fn system(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanos = u64::try_from(metadata.ctime_nsec()).ok()?;
    Some((seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?, metadata.ino()))
}

#[cfg(not(unix))]
fn system(_: &Metadata) -> Option<(u64, u64)> {
    None
}
