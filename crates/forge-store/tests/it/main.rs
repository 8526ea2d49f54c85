//! The store from outside: files that break, processes that die, and figures that agree.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod access;
mod accounts;
mod backup;
mod budgets;
mod contract;
mod export;
mod faults;
mod journals;
mod leases;
mod migration;
mod overruns;
mod processes;
mod prompts;
mod samples;
mod spool;
mod sql;
mod support;
mod views;
