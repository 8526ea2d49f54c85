//! The router from the outside, over providers that do as they are told, on a clock that moves by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod alone;
mod budgets;
mod cache;
mod chains;
mod events;
mod keys;
mod people;
mod pools;
mod stage;
mod times;
mod vocabulary;
