//! Evaluations as their users see them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a failed test panics; seeds and counts are printed; shares are compared in whole percent"
)]

mod critics;
mod panels;
mod participants;
mod proofs;
