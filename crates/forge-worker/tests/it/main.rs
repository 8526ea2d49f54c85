//! Workers as their users see them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]
#![allow(clippy::print_stdout, reason = "seeds and times are printed")]

mod names;

#[cfg(target_os = "linux")]
mod deliver;
#[cfg(target_os = "linux")]
mod discover;
#[cfg(target_os = "linux")]
mod foreign;
#[cfg(target_os = "linux")]
mod kills;
#[cfg(target_os = "linux")]
mod shim;
#[cfg(target_os = "linux")]
mod state;
#[cfg(target_os = "linux")]
mod worktrees;
#[cfg(target_os = "linux")]
mod yard;
