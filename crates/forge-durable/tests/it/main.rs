//! Work that is killed at every step and goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod claims;
mod kills;
mod release;
mod world;
