use forge_core::storage::{StorageError, queue::QueueError};

use crate::{
    bead::BeadId,
    ready::Obstacle,
    source::{BeadFileError, FolderError},
};

/// Why something cannot be done with a queue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskQueueError {
    /// The file of the beads cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Lines that the store keeps cannot be read.
    #[error("the queue in the database cannot be read: {0}")]
    Kept(#[source] BeadFileError),
    /// The storage failed.
    #[error(transparent)]
    Storage(StorageError),
    /// A lease has ended, or is not the last one.
    #[error(transparent)]
    Stale(QueueError),
    /// There is no such bead.
    #[error("there is no bead {0}")]
    Unknown(BeadId),
    /// There is such a bead.
    #[error("there is a bead {0} already")]
    Exists(BeadId),
    /// The bead cannot be begun.
    #[error("{bead} cannot be begun: {}", obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NotReady {
        /// The bead.
        bead: BeadId,
        /// Why not.
        obstacles: Vec<Obstacle>,
    },
    /// Nobody has the bead.
    #[error("nobody has {0}, so that there is nothing to release")]
    NotHeld(BeadId),
    /// Beads would wait for each other.
    #[error("{bead} cannot wait for {on}: then {} would wait for each other", cycle.iter().map(BeadId::as_str).collect::<Vec<_>>().join(", "))]
    Cycle {
        /// The bead.
        bead: BeadId,
        /// What it would wait for.
        on: BeadId,
        /// All that would wait for each other.
        cycle: Vec<BeadId>,
    },
    /// The bead is done.
    #[error("{0} is closed")]
    Done(BeadId),
    /// Others keep changing the same line.
    #[error("others keep changing {0} at the same time; try again")]
    Busy(String),
}

impl From<StorageError> for TaskQueueError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<QueueError> for TaskQueueError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Storage(error) => Self::Storage(error),
            QueueError::Changed { task } => Self::Busy(task.as_ref().to_owned()),
            stale => Self::Stale(stale),
        }
    }
}
