//! Where the dashboard reads, and what it may do. The command implements it; tests have one that knows everything.

use std::fmt;

use async_trait::async_trait;

use crate::data::{Records, WorkerRow};

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the two things that a source can read")]
pub enum Changed {
    /// Something of a worker: its state, or what its terminal shows.
    Workers,
    /// Something in the store or the queue.
    Records,
}

/// What a person can have done from the dashboard. Each is also a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a source must do every one of them")]
pub enum Action {
    /// `forge worker spawn NAME --agent AGENT`.
    Spawn {
        /// The name.
        name: String,
        /// The agent.
        agent: String,
    },
    /// `forge worker send WORKER TEXT`.
    Send {
        /// The worker.
        worker: String,
        /// The text.
        text: String,
    },
    /// `forge worker pause WORKER`.
    Pause(String),
    /// `forge worker resume WORKER`.
    Resume(String),
    /// `forge worker freeze WORKER`.
    Freeze(String),
    /// `forge worker thaw WORKER`.
    Thaw(String),
    /// `forge worker restart WORKER`.
    Restart(String),
    /// `forge worker stop WORKER`.
    Stop(String),
    /// `forge worker kill WORKER`.
    Kill(String),
    /// `forge worker reap WORKER --discard`.
    Discard(String),
    /// `forge worker alerts --ack ID`.
    Acknowledge(u64),
}

/// Reads what others publish, and has done what a person asks for.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Waits until something has changed, or until something that nothing announces should be looked at again.
    async fn changed(&self) -> Changed;
    /// The workers, by name.
    async fn workers(&self) -> Result<Vec<WorkerRow>, String>;
    /// What the store and the queue hold.
    async fn records(&self) -> Records;
    /// What the terminal of a worker shows, with its colours, as lines; `None` where it has none any more.
    async fn screen(&self, worker: &str) -> Option<String>;
    /// The last lines that a worker has shown.
    async fn log(&self, worker: &str) -> Vec<String>;
    /// What would be lost with the worker, as a sentence for whoever confirms it.
    async fn at_stake(&self, worker: &str) -> String;
    /// Does it, and says in one line what was done, or why not and what next.
    async fn act(&self, action: Action) -> Result<String, String>;
    /// The command line that shows the terminal of a worker until Ctrl-Q.
    fn attach(&self, worker: &str) -> Result<std::process::Command, String>;
}
