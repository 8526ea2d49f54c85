//! The doors to storage: small traits that every store implements, and a memory behind each.
//!
//! - [`access`]: the keys of a server's clients, and a log of what was done to them.
//! - [`journal`]: append-only streams with one writer at a time, their list, and a watch on them.
//! - [`accounts`]: one record per attempt, and questions about them.
//! - [`budget`]: reserve before a call, settle after it, and the rules that say which budgets hold.
//! - [`cooldown`]: until when vendors want no calls.
//! - [`prompts`]: versions of prompts, and the labels that point to them.
//! - [`queue`]: tasks, who has each of them, and why.
//! - [`responses`]: what a server keeps of its answers for its clients.
//! - [`memory`]: all of it for as long as the process lives.
//!
//! A store that keeps its promises passes the suite of `forge-testkit` (`forge_testkit::store`).

pub mod access;
pub mod accounts;
pub mod budget;
mod changes;
pub mod cooldown;
mod error;
pub mod journal;
pub mod memory;
pub mod prompts;
pub mod queue;
pub mod responses;

pub use changes::Changes;
pub use error::{StorageError, StorageErrorKind};
