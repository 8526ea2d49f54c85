//! What is to be launched, and what has been.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};

use crate::{id::WorkerId, tier::WorkerTier};

/// How long a launch may take unless it says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an agent has to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// What a worker is to run, where and with which model.
///
/// ```
/// use forge_worker::{LaunchConfig, SpawnRequest, WorkerTier};
///
/// let config = LaunchConfig::new(
///     "/home/coder/.forge/launchers/claude-launcher",
///     "forge-worker-alpha",
///     "/home/coder/project",
///     "sonnet"
/// )
/// .with_tier(WorkerTier::Standard)
/// .with_timeout(60)
/// .with_bead("fg-123");
///
/// let request = SpawnRequest::new("claude-code-sonnet-alpha", config);
/// # assert_eq!(request.worker_id, "claude-code-sonnet-alpha");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LaunchConfig {
    /// An agent by name, or the path of a launcher.
    pub launcher: String,
    /// The tmux session; empty means `forge-worker-ID`.
    pub session: String,
    /// The folder that the agent works in.
    pub workspace: PathBuf,
    /// The model, as the agent calls it; empty means the agent's own choice.
    pub model: String,
    /// What it costs and can do.
    pub tier: WorkerTier,
    /// How long the launch may take.
    pub timeout: Duration,
    /// The task that it begins with.
    pub bead: Option<String>,
    /// The agent that a foreign launcher starts.
    pub agent: Option<String>,
    /// The command line of a `generic` agent, or what is added to that of another.
    pub arguments: Vec<String>,
    /// Variables for the agent, beside those of its definition.
    pub env: BTreeMap<String, String>,
    /// The first prompt, for agents that take it on their command line.
    pub prompt: Option<String>,
    /// A pattern on the screen that means the agent waits for a prompt.
    pub ready: Option<String>,
    /// How long the agent has to end by itself when it is stopped.
    pub grace: Duration,
    /// Whether the agent works in a git worktree of its own.
    pub worktree: bool,
}

impl LaunchConfig {
    /// A worker of tier `Standard` with a minute to start.
    pub fn new(
        launcher: impl Into<String>,
        session: impl Into<String>,
        workspace: impl Into<PathBuf>,
        model: impl Into<String>,
    ) -> Self {
        Self {
            launcher: launcher.into(),
            session: session.into(),
            workspace: workspace.into(),
            model: model.into(),
            tier: WorkerTier::Standard,
            timeout: PATIENCE,
            bead: None,
            agent: None,
            arguments: Vec::new(),
            env: BTreeMap::new(),
            prompt: None,
            ready: None,
            grace: GRACE,
            worktree: false,
        }
    }

    /// The same with a tier.
    pub fn with_tier(self, tier: WorkerTier) -> Self {
        Self { tier, ..self }
    }

    /// The same with so many seconds to start.
    pub fn with_timeout(self, secs: u64) -> Self {
        Self { timeout: Duration::from_secs(secs), ..self }
    }

    /// The same with a task to begin with.
    pub fn with_bead(self, bead: impl Into<String>) -> Self {
        Self { bead: Some(bead.into()), ..self }
    }

    /// The same with the agent that a foreign launcher starts.
    pub fn with_agent(self, agent: impl Into<String>) -> Self {
        Self { agent: Some(agent.into()), ..self }
    }

    /// The same with the command line of a `generic` agent, or with arguments behind those of another.
    pub fn with_arguments(self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { arguments: arguments.into_iter().map(Into::into).collect(), ..self }
    }

    /// The same with one more variable for the agent.
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The same with a first prompt.
    pub fn with_prompt(self, prompt: impl Into<String>) -> Self {
        Self { prompt: Some(prompt.into()), ..self }
    }

    /// The same with a pattern on the screen that means the agent waits for a prompt.
    pub fn with_ready(self, pattern: impl Into<String>) -> Self {
        Self { ready: Some(pattern.into()), ..self }
    }

    /// The same with another time to end by itself.
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// The same with or without a git worktree of its own.
    pub fn with_worktree(self, worktree: bool) -> Self {
        Self { worktree, ..self }
    }
}

/// A worker to be started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SpawnRequest {
    /// Its name, which is looked at when it is spawned.
    pub worker_id: String,
    /// What it runs.
    pub config: LaunchConfig,
}

impl SpawnRequest {
    /// A worker of this name.
    pub fn new(worker_id: impl Into<String>, config: LaunchConfig) -> Self {
        Self { worker_id: worker_id.into(), config }
    }
}

/// A worker that has been started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerHandle {
    /// Its name.
    pub id: WorkerId,
    /// Its tmux session.
    pub session: String,
    /// The agent's number, while it runs.
    pub pid: Option<i32>,
    /// The model.
    pub model: String,
    /// What it costs and can do.
    pub tier: WorkerTier,
    /// The definition of its agent.
    pub agent: String,
    /// The folder that it works in.
    pub workspace: PathBuf,
    /// The folder that it was launched for: the same, or the one that `workspace` is a worktree of.
    pub project: PathBuf,
    /// The task that it began with.
    pub bead: Option<String>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// How often it has been started again.
    pub restarts: u32,
    /// What a person should know, such as a version whose reports are not known.
    pub warnings: Vec<String>,
}
