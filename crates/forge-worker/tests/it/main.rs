//! Workers from the outside.

mod beads;
mod names;
mod queue;
mod queue_processes;
mod ready;
mod score;
mod support;
