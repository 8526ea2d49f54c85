//! A gateway over simulated vendors, asked over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test panics")]

mod attending;
mod browser;
mod client;
mod embeddings;
mod events;
mod folder;
mod gemini;
mod keys;
mod limits;
mod messages;
mod openai;
mod page;
mod places;
mod relay;
mod seals;
mod server;
mod sessions;
mod settings;
mod sockets;
mod states;
mod store;
mod stored;
mod talk;
mod vendor;
