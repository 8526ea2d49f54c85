//! Why a batch cannot begin or go on.

use std::{io, path::PathBuf};

use forge_durable::RunError;

/// Why a batch cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A file cannot be read or written.
    #[error("{} cannot be {doing}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A line is longer than any request.
    #[error("line {line} of {} is longer than {most} bytes", path.display())]
    Long {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The most bytes.
        most: u64,
    },
    /// The input holds no line.
    #[error("{} holds no request", .0.display())]
    Empty(PathBuf),
    /// There is a file of another origin where the output would be.
    #[error("{} is there already, and no batch wrote it", .0.display())]
    Occupied(PathBuf),
    /// The output is complete, and of another input.
    #[error("{} holds the answers to another input", .0.display())]
    OtherInput(PathBuf),
    /// The input is not what it was when the batch began.
    #[error("{} has changed since the batch began", .0.display())]
    Changed(PathBuf),
    /// What was written is not there any more.
    #[error("{} is not as it was written: {found} bytes, and {expected} were written", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        found: u64,
        /// The bytes that were written.
        expected: u64,
    },
    /// Another process is at work on it, or the journal refuses.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl BatchError {
    /// Whether another process is at work on the batch now.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Run(error) if error.is_running())
    }

    /// What to do, where that is not in the message.
    #[must_use]
    pub const fn next(&self) -> &'static str {
        match self {
            Self::Io { .. } => {
                "check the path and its permissions, and the space on its disk; what is answered is kept"
            }
            Self::Long { .. } => "send large material by a file of the vendor, or split the line",
            Self::Empty(_) => "write one request in each line, see docs/batch.md",
            Self::Occupied(_) | Self::OtherInput(_) => "remove it, or choose another output",
            Self::Changed(_) => "put the old input back, or choose another output",
            Self::Damaged { .. } => "put it back as it was, or choose another output",
            Self::Run(_) => "wait for the other process to end, or see `forge doctor`",
        }
    }
}
