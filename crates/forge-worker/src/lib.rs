//! Coding agents in tmux: started, watched, recovered, and given tasks of which each has exactly one owner.
//!
//! Two rules decide everything here. *Facts before guesses*: what the kernel says of a process, a lock that is held and an exit
//! record come before what an agent tells of itself, and that before what stands on its screen. *What is not ours is not touched*:
//! a tmux server of Forge's own, sessions found by their tag and never by their name, no worktree removed that has unsaved work.

mod bead;
mod id;
pub mod queue;
mod reader;
pub mod ready;
pub mod routing;
pub mod score;
pub mod source;
mod tier;
mod worker;

pub use self::{
    bead::{
        Bead, BeadId, BeadKind, BeadStatus, Dependency, DependencyKind, InvalidBeadId, LOWEST_PRIORITY,
        USUAL_PRIORITY,
    },
    id::{InvalidWorkerId, WorkerId},
    queue::{Claim, Claimed, Evidence, NewBead, TaskQueue, TaskQueueError},
    reader::BeadQueueReader,
    routing::{RoutingDecision, RoutingReason, TaskRouter},
    score::{ScoreComponents, ScoredBead, TaskScorer},
    tier::{UnknownTier, WorkerTier},
    worker::{Availability, AvailableWorker, TrackRecord},
};
