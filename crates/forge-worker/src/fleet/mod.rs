//! A fleet: workers by tier that get the beads of a queue, are watched, and give back what they do not do.
//!
//! [`FleetPlanner`] decides and does nothing; [`Fleet`] looks and does what it says. Several fleets may work on one queue: what
//! decides who has a bead is the lease.

mod plan;
mod prompt;
mod run;
mod view;

pub use self::{
    plan::{FleetPlan, FleetPlanner, FleetStep},
    prompt::prompt,
    run::{Fleet, FleetError, FleetNews},
    view::{FleetState, FleetView, FleetWorker, HeldTask, SeenQueue},
};

#[cfg(test)]
mod tests;
