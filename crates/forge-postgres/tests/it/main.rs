//! The store on a server of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod contract;
mod races;
mod refusals;
mod server;
