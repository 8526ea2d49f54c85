//! Sessions over providers that answer as they are told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod anonymity;
mod bad_input;
mod budget;
mod council;
mod critique;
mod cut;
mod example;
mod files;
mod injection;
mod killed;
mod order;
mod output;
mod panel;
mod prompts;
mod report;
mod report_marks;
mod script;
mod shared;
mod stage;
mod steer;
mod time;
mod together;
mod torn;
mod trust;
