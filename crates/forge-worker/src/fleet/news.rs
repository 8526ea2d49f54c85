//! What a fleet tells whoever runs it.

use std::path::PathBuf;

use crate::{bead::BeadId, id::WorkerId, launch::LauncherError, routing::RoutingDecision};

/// Why a fleet cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// Its workers cannot be seen.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// A worker of the name that the fleet would give works for another folder.
    #[error("{worker} works for {}: choose another name for this fleet", project.display())]
    NameTaken {
        /// The worker.
        worker: WorkerId,
        /// The folder.
        project: PathBuf,
    },
}

/// Something that has happened, for whoever runs the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FleetNews {
    /// A worker was started, or started again.
    Started(String),
    /// A worker could not be started; it is tried again at the next look.
    NotStarted(String, String),
    /// A worker stays down.
    GaveUp(WorkerId, String),
    /// A bead went to a worker.
    HandedOut(Box<RoutingDecision>, u64),
    /// A bead could not be handed out.
    NotHandedOut(BeadId, String),
    /// A bead went back into the queue.
    TakenBack(BeadId, WorkerId, String),
    /// A bead came back too often, and is left to people.
    Left(BeadId),
    /// What a worker had was closed.
    Closed(BeadId, WorkerId),
    /// The queue cannot be seen.
    Blind(String),
    /// Nothing is left to do.
    End,
}
