//! The servers as their clients see them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod context;
mod models;
mod stdio;
