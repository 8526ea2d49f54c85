//! The queue at work, and how to tell of it.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use forge::{
    storage::queue::{DecisionLog as _, KeptDecision},
    store::Store,
};
use forge_worker::{BeadId, TaskQueue, TaskQueueError, WorkerId, queue::Snapshot};
use serde_json::Value;

use super::{form, refused::refused};
use crate::{
    args::{BeadPlace, WorkerArg},
    error::CliError,
    metrics,
    paths::variable,
    terminal::{self, note},
};

pub(crate) struct Desk {
    pub(crate) queue: TaskQueue,
    pub(crate) store: Arc<Store>,
    pub(super) now: DateTime<Utc>,
    pub(super) quiet: bool,
    pub(super) json: bool,
}

impl Desk {
    pub(crate) fn open(place: &BeadPlace, quiet: bool, json: bool) -> Result<Self, CliError> {
        let workspace = workspace(place.workspace.clone())?;
        let store = Arc::new(metrics::open(false)?);
        let queue = TaskQueue::open(&workspace, store.clone()).map_err(|error| refused(error, None))?;
        Ok(Self { queue, store, now: Utc::now(), quiet, json })
    }

    /// What stands in the queue. What is wrong with its lines is said.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, CliError> {
        let snapshot = self.queue.snapshot(self.now).await.map_err(|error| refused(error, None))?;
        for line in self.notes(&snapshot) {
            note(self.quiet, &line);
        }
        Ok(snapshot)
    }

    /// Why beads were handed out as they were, in the order of time.
    pub(crate) async fn decisions(&self) -> Result<Vec<KeptDecision>, CliError> {
        let kept = self.store.decisions(self.queue.name(), None).await;
        kept.map_err(|error| CliError::failed("the decisions cannot be read", &error))
    }

    /// What is wrong with the queue and keeps nothing from being done, in sentences.
    pub(super) fn notes(&self, snapshot: &Snapshot) -> Vec<String> {
        let older = self.queue.newer_database().map(|database| {
            format!(
                "{} is older than {}: export the database first, such as with `bd export`",
                self.queue,
                database.display()
            )
        });
        older.into_iter().chain(form::notes(snapshot)).collect()
    }

    /// Why something was refused; for a bead that is not there, with the one that may be meant.
    pub(super) async fn refused(&self, error: TaskQueueError) -> CliError {
        let snapshot = match error {
            TaskQueueError::Unknown(_) => self.queue.snapshot(self.now).await.ok(),
            _ => None,
        };
        refused(error, snapshot.as_ref())
    }

    /// Prints a bead as it is now, and tells people what was done.
    pub(super) async fn tell(&self, id: &BeadId, told: &str) -> Result<ExitCode, CliError> {
        if self.json {
            let snapshot = self.snapshot().await?;
            terminal::json(&serde_json::json!({ "bead": self.bead(&snapshot, id) }))?;
        }
        note(self.quiet, told);
        Ok(ExitCode::SUCCESS)
    }

    pub(super) fn bead(&self, snapshot: &Snapshot, id: &BeadId) -> Value {
        snapshot.bead(id).map_or(Value::Null, |bead| form::bead(snapshot, bead, self.now))
    }
}

pub(super) fn id(text: &str) -> Result<BeadId, CliError> {
    text.parse().map_err(|error: forge_worker::InvalidBeadId| {
        CliError::usage(error.to_string(), "see `forge bead list --all`")
    })
}

/// Who takes or has a bead.
pub(super) fn worker(args: &WorkerArg) -> Result<Option<WorkerId>, CliError> {
    let Some(name) = args.worker.clone().or_else(|| variable("FORGE_WORKER_ID")) else { return Ok(None) };
    let worker = WorkerId::new(name);
    worker
        .map(Some)
        .map_err(|error| CliError::usage(error.to_string(), "name the worker, such as `--worker alpha`"))
}

/// The folder whose queue it is. A worker in a worktree of its own has the queue of its workspace by `FORGE_WORKSPACE`.
fn workspace(named: Option<PathBuf>) -> Result<PathBuf, CliError> {
    if let Some(named) = named.or_else(|| variable("FORGE_WORKSPACE").map(PathBuf::from)) {
        return if named.is_dir() {
            Ok(named)
        } else {
            let what = format!("there is no folder {}", named.display());
            Err(CliError::usage(
                what,
                "name the folder of the project: `--workspace DIR`, or FORGE_WORKSPACE",
            ))
        };
    }
    let here =
        env::current_dir().map_err(|error| CliError::failed("there is no folder to begin from", &error))?;
    let above = |mark: &str| here.ancestors().find(|folder| folder.join(mark).exists()).map(Path::to_owned);
    Ok(above(".beads/issues.jsonl").or_else(|| above(".git")).unwrap_or(here))
}
