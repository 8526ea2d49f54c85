//! What launcher, shim and reader tell each other, in files that are replaced whole.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{home::WorkerPlace, id::WorkerId, private, process::ProcessId, tier::WorkerTier};

/// A record is larger only when it is damaged.
const MOST: u64 = 4 * 1024 * 1024;

/// What a worker is to run: written by whoever launches it, read by its shim, 0600 because its environment may hold keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerSpec {
    /// Its name.
    pub worker_id: WorkerId,
    /// The tmux session.
    pub session: String,
    /// The mark of this run; a restart has another.
    pub run: String,
    /// The definition that tells what its agent reports.
    pub agent: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The folder that it works in.
    pub workspace: PathBuf,
    /// The repository that `workspace` is a worktree of, where it is one.
    #[serde(default)]
    pub repository: Option<PathBuf>,
    /// The folder that it was launched for; see [`WorkerSpec::project`].
    #[serde(default)]
    pub project: Option<PathBuf>,
    /// The model, as the agent calls it.
    pub model: String,
    /// What it costs and can do.
    pub tier: WorkerTier,
    /// The task that it begins with.
    #[serde(default)]
    pub bead: Option<String>,
    /// The whole environment of the agent but for what Forge adds.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// A pattern on the screen that means the agent waits for a prompt, for agents that tell it no other way.
    #[serde(default)]
    pub ready: Option<String>,
    /// The launcher, where a foreign one has started it.
    #[serde(default)]
    pub launcher: Option<PathBuf>,
    /// The process of its pane, where a foreign launcher gave its own command and no shim stands above it.
    #[serde(default)]
    pub foreign: Option<ProcessId>,
    /// The version of the agent, where it is known.
    #[serde(default)]
    pub version: Option<String>,
    /// Milliseconds between asking the agent to end and ending it.
    pub grace_ms: u64,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// How often it has been started again.
    #[serde(default)]
    pub restarts: u32,
}

impl WorkerSpec {
    /// The folder that it was launched for, whose queue its beads come from. What it works in may be a worktree of it.
    #[must_use]
    pub fn project(&self) -> &Path {
        // A record of an earlier version names the repository only.
        self.project.as_ref().or(self.repository.as_ref()).unwrap_or(&self.workspace)
    }
}

/// How far a shim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ShimPhase {
    /// The agent does not run yet.
    Starting,
    /// The agent runs.
    Running,
    /// The agent has been asked to end, or what it left behind is being ended.
    Stopping,
}

/// What a shim knows, written at every change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShimRecord {
    /// Grows with every writing.
    pub seq: u64,
    /// The run it belongs to.
    pub run: String,
    /// How far it is.
    pub phase: ShimPhase,
    /// Whether every process of the agent is stopped.
    pub frozen: bool,
    /// The shim.
    pub shim: ProcessId,
    /// The agent.
    #[serde(default)]
    pub agent: Option<ProcessId>,
    /// Everything below the shim at this time.
    #[serde(default)]
    pub tree: Vec<ProcessId>,
    /// When the shim started.
    pub started_at: DateTime<Utc>,
    /// When phase or freezing last changed.
    pub since: DateTime<Utc>,
}

/// How a worker has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExitRecord {
    /// The run that has ended.
    pub run: String,
    /// The exit code of the agent.
    #[serde(default)]
    pub code: Option<i32>,
    /// The signal that ended it.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Whether it was asked to.
    pub asked: bool,
    /// Processes that it had left behind, and that were ended.
    pub left: usize,
    /// Why it never started, if it did not.
    #[serde(default)]
    pub error: Option<String>,
    /// When.
    pub ended_at: DateTime<Utc>,
}

impl WorkerPlace {
    /// What the worker was to run; `None` where it was never launched, or the file is damaged.
    #[must_use]
    pub fn spec(&self) -> Option<WorkerSpec> {
        load(&self.file("spec.json"))
    }

    /// What the shim last wrote.
    #[must_use]
    pub fn shim(&self) -> Option<ShimRecord> {
        load(&self.file("shim.json"))
    }

    /// How it ended.
    #[must_use]
    pub fn exit(&self) -> Option<ExitRecord> {
        load(&self.file("exit.json"))
    }

    pub(crate) fn save_spec(&self, spec: &WorkerSpec) -> io::Result<()> {
        save(&self.file("spec.json"), spec)
    }

    pub(crate) fn save_shim(&self, record: &ShimRecord) -> io::Result<()> {
        save(&self.file("shim.json"), record)
    }

    pub(crate) fn save_exit(&self, record: &ExitRecord) -> io::Result<()> {
        save(&self.file("exit.json"), record)
    }
}

pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&private::read(path, MOST).ok()??).ok()
}

pub(crate) fn save(path: &Path, record: &impl Serialize) -> io::Result<()> {
    private::replace(path, &serde_json::to_vec_pretty(record)?)
}
