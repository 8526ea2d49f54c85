//! The project and software written by others: official SDKs against the simulated vendors, and the adapters against
//! a real model server.
//!
//! They run where `FORGE_INTEROP_PYTHON` names a Python that has the packages of `requirements.txt`;
//! `tests/interop/setup FOLDER` makes one and says how to go on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]
#![allow(clippy::disallowed_methods, reason = "the environment says whether these tests run")]

#[cfg(unix)]
mod agents;
mod command;
mod council;
mod gate;
mod gateway;
mod mcp;
mod mcp_agents;
#[cfg(unix)]
mod peer;
mod python;
mod sdks;
mod server;
mod vendors;
