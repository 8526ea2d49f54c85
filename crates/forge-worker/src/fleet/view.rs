//! What a fleet sees at one time.

use chrono::{DateTime, Utc};

use crate::{
    bead::{Bead, BeadId},
    id::WorkerId,
    state::WorkerState,
    tier::WorkerTier,
};

/// A worker of the fleet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FleetWorker {
    /// Its name.
    pub id: WorkerId,
    /// Its tier.
    pub tier: WorkerTier,
    /// Its model.
    pub model: String,
    /// How it is.
    pub state: WorkerState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What it has.
    pub task: Option<HeldTask>,
}

impl FleetWorker {
    /// One without a task.
    pub fn new(id: WorkerId, tier: WorkerTier, state: WorkerState, since: DateTime<Utc>) -> Self {
        Self { id, tier, model: String::new(), state, since, task: None }
    }

    /// The same with what it has.
    #[must_use]
    pub fn with_task(mut self, task: HeldTask) -> Self {
        self.task = Some(task);
        self
    }
}

/// A bead that a worker has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldTask {
    /// The bead.
    pub bead: BeadId,
    /// The generation of the lease.
    pub generation: u64,
    /// Since when it has it.
    pub since: DateTime<Utc>,
}

impl HeldTask {
    /// A bead under this generation of its lease.
    pub const fn new(bead: BeadId, generation: u64, since: DateTime<Utc>) -> Self {
        Self { bead, generation, since }
    }
}

/// What a fleet sees: its workers, and the queue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FleetView {
    /// When.
    pub now: DateTime<Utc>,
    /// The workers of the fleet.
    pub workers: Vec<FleetWorker>,
    /// The queue; `None` where it cannot be seen.
    pub queue: Option<SeenQueue>,
}

impl FleetView {
    /// A view of these.
    pub const fn new(now: DateTime<Utc>, workers: Vec<FleetWorker>, queue: Option<SeenQueue>) -> Self {
        Self { now, workers, queue }
    }
}

/// A queue as a fleet needs it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SeenQueue {
    /// The beads that can be begun, the next one first.
    pub ready: Vec<Bead>,
    /// How many beads workers of others have.
    pub held_by_others: usize,
}

impl SeenQueue {
    /// One with these beads ready.
    pub const fn new(ready: Vec<Bead>) -> Self {
        Self { ready, held_by_others: 0 }
    }

    /// The same with so many beads at workers of others.
    #[must_use]
    pub const fn with_held_by_others(mut self, held: usize) -> Self {
        self.held_by_others = held;
        self
    }
}

/// What a fleet is doing, in one word for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FleetState {
    /// Workers of it have beads, or are about to get some.
    Working,
    /// Nothing is ready, and nobody has anything.
    Idle,
    /// Nothing is ready, and what is left is with workers of others.
    AllClaimed,
    /// The queue cannot be seen, so that nothing is known of it.
    Blind,
}

impl FleetState {
    /// The word of files and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Idle => "idle",
            Self::AllClaimed => "all_claimed",
            Self::Blind => "cannot_see_the_queue",
        }
    }
}
