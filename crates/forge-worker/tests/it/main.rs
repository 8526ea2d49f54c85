//! Workers from the outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed test panics, and seeds are printed"
)]

mod beads;
mod names;
mod queue;
mod queue_processes;
mod ready;
mod score;
mod support;
