//! The index as its users have it: on folders of real files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod answers;
mod fresh;
mod inputs;
mod languages;
mod support;
