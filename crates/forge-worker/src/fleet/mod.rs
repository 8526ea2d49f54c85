//! A fleet: workers by tier that get the beads of a queue, are watched, and give back what they do not do.
//!
//! [`FleetPlanner`] decides and does nothing; [`Fleet`] looks and does what it says. Several fleets may work on one queue: what
//! decides who has a bead is the lease.

mod news;
mod plan;
mod planner;
mod prompt;
mod run;
mod step;
mod view;

pub use self::{
    news::{FleetError, FleetNews},
    plan::FleetPlan,
    planner::FleetPlanner,
    prompt::prompt,
    run::Fleet,
    step::FleetStep,
    view::{FleetState, FleetView, FleetWorker, HeldTask, SeenQueue},
};

#[cfg(test)]
mod tests;
