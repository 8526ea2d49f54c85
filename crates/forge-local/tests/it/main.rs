//! The adapter against simulated and scripted servers.

#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

mod adapter;
mod calls;
mod contract;
mod errors;
mod fixtures;
mod support;
