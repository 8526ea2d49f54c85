//! The dashboard of Forge in a terminal.
//!
//! It shows what others publish and owns no logic: a [`Source`] reads the workers and the store and does what a person asks for.
//! Everything that can be done here is also a command.

mod app;
mod colours;
mod data;
mod keys;
mod run;
#[cfg(test)]
mod sample;
mod source;
mod text;
mod theme;
mod view;

pub use self::{
    data::{AlertRow, Records, RouteRow, SessionRow, TaskRow, TaskState, UsageRow, WorkerRow},
    run::{Options, run},
    source::{Action, Changed, Source},
    text::overview,
    theme::Theme,
};
