//! What must hold for any bytes from outside: one function for each kind of input. It panics where something
//! does not hold.
//!
//! ```sh
//! cargo install cargo-fuzz --locked
//! cargo +nightly fuzz run frames -- -max_total_time=600
//! ```
//!
//! A crash that is found is minimised (`cargo +nightly fuzz tmin`), put into `corpus/TARGET/` under a name that says
//! what it shows, and fixed. `cargo test -p forge-tests --test it corpora` replays the corpora without a fuzzer.

mod config;
mod edits;
mod errors;
mod frames;
mod journal;
mod replies;
mod streams;
mod wire;

pub use self::{
    config::config,
    edits::edits,
    errors::errors,
    frames::frames,
    journal::journal,
    replies::replies,
    streams::{anthropic, chat, google, ollama, responses},
};

/// What is checked on some bytes.
pub type Target = fn(&[u8]);

/// Every target under its name.
pub const TARGETS: [(&str, Target); 11] = [
    ("anthropic", anthropic),
    ("chat", chat),
    ("config", config),
    ("edits", edits),
    ("errors", errors),
    ("frames", frames),
    ("google", google),
    ("journal", journal),
    ("ollama", ollama),
    ("replies", replies),
    ("responses", responses),
];
