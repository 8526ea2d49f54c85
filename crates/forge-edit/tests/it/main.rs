//! Edits, their application and checkpoints as users have them: in real folders, with real processes and git.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]
#![allow(clippy::print_stdout, reason = "seeds are printed")]

mod apply;
mod checkpoints;
mod generated;
mod kills;
mod rollback;
mod support;
