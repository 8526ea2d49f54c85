//! The adapter against servers on the loopback: request shapes, streams, cuts, errors.

#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

mod adapter;
mod chat;
mod compatible;
mod contract;
mod errors;
mod fixtures;
mod responses;
mod support;
