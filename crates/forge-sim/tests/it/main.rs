//! The simulator over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    clippy::format_push_string,
    reason = "test code: a failure is a panic, and bodies are written where they are used"
)]

mod accepted_openai;
mod accepted_others;
mod added;
mod anthropic;
mod chat;
mod client;
mod coding_agent;
mod compatible;
mod control;
mod embeddings;
mod faults;
mod google;
mod limits;
mod local;
mod mangled;
mod odd;
mod refused_anthropic;
mod refused_google;
mod refused_openai;
mod responses;
mod scenarios;
mod stored;
mod taken_over;
mod threads;
