//! Workers and their queue as their users see them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed test panics; seeds and times are printed"
)]

#[cfg(unix)]
mod beads;
#[cfg(target_os = "linux")]
mod deliver;
#[cfg(target_os = "linux")]
mod discover;
#[cfg(target_os = "linux")]
mod foreign;
#[cfg(target_os = "linux")]
mod kills;
mod names;
#[cfg(unix)]
mod queue;
#[cfg(unix)]
mod queue_processes;
#[cfg(unix)]
mod ready;
#[cfg(unix)]
mod score;
#[cfg(target_os = "linux")]
mod shim;
#[cfg(target_os = "linux")]
mod state;
#[cfg(unix)]
mod support;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(target_os = "linux")]
mod worktrees;
#[cfg(target_os = "linux")]
mod yard;
