//! What a worker does, from whom that is known, since when and why it is believed.

mod event;
mod file;
mod observe;
mod watch;

pub(crate) use self::{
    event::{AgentEvent, MessageRecord, Outcome, events, messages},
    file::tail,
    observe::{survivors, write},
};
pub use self::{
    file::{StatusFileError, StatusReader, WorkerStatusFile},
    observe::{Observation, Screen, observe, publish},
    watch::{StatusChange, StatusWatcher},
};

#[cfg(test)]
mod tests;
