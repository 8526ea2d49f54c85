//! Sessions over providers that answer as they are told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod council;
mod cut;
mod example;
mod output;
mod panel;
mod prompts;
mod simulated;
mod stage;
mod steer;
