//! What a fleet can do next.

use crate::{bead::BeadId, id::WorkerId, routing::RoutingDecision, tier::WorkerTier};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FleetStep {
    /// Start a worker that was never there.
    Spawn {
        /// Its name.
        worker: String,
        /// Its tier.
        tier: WorkerTier,
    },
    /// Start a worker again that has ended.
    Restart {
        /// The worker.
        worker: WorkerId,
    },
    /// Leave a worker down, and tell a person.
    GiveUp {
        /// The worker.
        worker: WorkerId,
        /// Why.
        reason: String,
    },
    /// Give a bead to a worker.
    HandOut(Box<RoutingDecision>),
    /// Give a bead back to the queue.
    TakeBack {
        /// The bead.
        bead: BeadId,
        /// The generation under which the worker has it; another one is not touched.
        generation: u64,
        /// The worker.
        worker: WorkerId,
        /// Why.
        reason: String,
    },
    /// Leave a bead to people.
    LeaveToPeople {
        /// The bead.
        bead: BeadId,
    },
    /// Nothing is left to do.
    End,
}
