//! Why there is no checkpoint, or no way back.

use std::{io, path::PathBuf};

use crate::workspace::WorkspaceError;

/// Why a checkpoint cannot be taken or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// git cannot be started.
    #[error("git cannot be started: {0}; install git 2.41 or later")]
    NoGit(io::Error),
    /// git is too old for attributes to be turned off.
    #[error("git {0} is too old; checkpoints need 2.41 or later")]
    OldGit(String),
    /// git refuses.
    #[error("git {command} failed: {said}")]
    Git {
        /// The command without its settings.
        command: String,
        /// What it said.
        said: String,
    },
    /// The folder is part of a working tree and not all of it.
    #[error("{} is inside of the working tree {}; take checkpoints of that", root.display(), top.display())]
    Inside {
        /// The folder.
        root: PathBuf,
        /// The working tree.
        top: PathBuf,
    },
    /// The state folder would be part of each checkpoint.
    #[error("the state folder {} is inside of {}; choose one outside", state.display(), root.display())]
    StateInside {
        /// The state folder.
        state: PathBuf,
        /// The workspace.
        root: PathBuf,
    },
    /// A name of a run or a checkpoint that is none.
    #[error("`{0}` cannot name a run; use up to 64 letters, digits, `-` and `_`")]
    Name(String),
    /// A repository inside of the workspace has changes that would not be kept.
    #[error(
        "{0} is a repository of its own with changes that are not committed, which a checkpoint would not keep; commit them"
    )]
    NestedChanges(String),
    /// Another process took a checkpoint of the run.
    #[error("another process took a checkpoint of {0} at the same time")]
    Concurrent(String),
    /// The state folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    State {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is known of a checkpoint cannot be read.
    #[error("{} is damaged: the checkpoint cannot be restored from it", .0.display())]
    Damaged(PathBuf),
    /// What git kept is not what was on the disk.
    #[error("what the checkpoint has of {0} is not what was on the disk; it stays as it is now")]
    Altered(String),
    /// After a restore, files are not as they should be.
    #[error("restored, and not as they were: {}", .0.join(", "))]
    NotRestored(Vec<String>),
    /// A file cannot be read or written.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}
