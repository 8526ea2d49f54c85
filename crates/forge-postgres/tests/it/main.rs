//! The store on a server of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

/// What a test needs, or the end of the test where there is none, which has been said.
macro_rules! or_skip {
    ($needed:expr) => {
        match $needed {
            Some(needed) => needed,
            None => return,
        }
    };
}

mod contract;
mod races;
mod refusals;
mod server;
