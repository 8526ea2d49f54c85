//! Why a worker is not started or not reached.

use std::{io, path::PathBuf};

use crate::{agent::AgentError, id::InvalidWorkerId, tmux::TmuxError, worktree::WorktreeError};

/// Why a worker is not started or not reached. What a launcher has said stands in full in `launcher.log` of its worker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LauncherError {
    /// There is neither an agent nor a launcher of this name.
    #[error("there is neither an agent nor a launcher `{launcher}`; agents are {known}")]
    LauncherNotFound {
        /// As it was written.
        launcher: String,
        /// The agents that are there.
        known: String,
    },
    /// The launcher is no program that may be run.
    #[error("the launcher {} is not executable: {why}; try `chmod +x`", path.display())]
    LauncherNotExecutable {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The launcher has ended with a failure, or says that it failed.
    #[error("the launcher failed: {message}")]
    LauncherFailed {
        /// Its own words and its last 20 lines.
        message: String,
    },
    /// The launch took longer than it may; everything that it had started is ended.
    #[error("nothing was started within {secs} s")]
    Timeout {
        /// How long it may take.
        secs: u64,
    },
    /// The launcher said no JSON object that makes sense.
    #[error("the launcher's answer cannot be used: {message}")]
    BadOutput {
        /// What is wrong, and its last 20 lines.
        message: String,
    },
    /// There is no living session of that name afterwards.
    #[error("there is no living tmux session `{session_name}` after the launch")]
    SessionCreationFailed {
        /// Its name.
        session_name: String,
    },
    /// A session of that name is there and is not ours to touch.
    #[error("there is a tmux session `{session_name}` already; it is left as it is")]
    SessionExists {
        /// Its name.
        session_name: String,
    },
    /// The worker runs.
    #[error("the worker `{worker_id}` runs already")]
    AlreadyRunning {
        /// Its name.
        worker_id: String,
    },
    /// No worker has this name.
    #[error("there is no worker `{worker_id}`")]
    NotFound {
        /// Its name.
        worker_id: String,
    },
    /// The worker does not run.
    #[error("the worker `{worker_id}` does not run")]
    NotRunning {
        /// Its name.
        worker_id: String,
    },
    /// The worker still runs after everything that ends one.
    #[error("the worker `{worker_id}` could not be ended: {message}")]
    NotStopped {
        /// Its name.
        worker_id: String,
        /// Why.
        message: String,
    },
    /// The program of the agent is not installed.
    #[error("the agent's program `{program}` is not found; install it, or put its folder on PATH")]
    AgentMissing {
        /// As its definition names it.
        program: String,
    },
    /// The agent did not start.
    #[error("the agent did not start: {message}")]
    AgentFailed {
        /// What the shim says.
        message: String,
    },
    /// The folder to work in is none.
    #[error("{} is no folder that an agent could work in", path.display())]
    Workspace {
        /// As it was given.
        path: PathBuf,
    },
    /// A name cannot be that of a worker or a session.
    #[error(transparent)]
    Name(#[from] InvalidWorkerId),
    /// There is no definition of the agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// tmux refuses or is not there.
    #[error(transparent)]
    Tmux(#[from] TmuxError),
    /// The worktree cannot be made.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The files of the worker cannot be read or written.
    #[error("the files of the worker: {0}")]
    Io(#[from] io::Error),
}
