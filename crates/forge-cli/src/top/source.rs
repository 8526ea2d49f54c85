//! The machine that the dashboard shows: its workers, its store, the queue of one workspace.

use std::{path::PathBuf, process::Command, sync::Arc};

use async_trait::async_trait;
use chrono::Utc;
use forge::{store::Store, time::SystemTimer};
use forge_tui::{Action, Changed, Records, Source, WorkerRow};
use forge_worker::{
    LaunchConfig, LauncherError, Message, Observation, SpawnRequest, StatusWatcher, TaskQueue, WorkerHandle,
    WorkerHome, WorkerId, WorkerLauncher, is_running, last_output, worktree,
};
use tokio::sync::Mutex;

use super::records;
use crate::{args::BeadPlace, bead::Desk, error::CliError, paths::paths};

/// Bytes of the end of what a worker has shown that are read.
const MOST: u64 = 256 * 1024;

/// Lines of it.
const LINES: usize = 500;

#[derive(Debug)]
pub(super) struct Machine {
    launcher: WorkerLauncher,
    store: Arc<Store>,
    queue: Arc<TaskQueue>,
    workspace: PathBuf,
    watcher: Mutex<Watch>,
}

#[derive(Debug)]
struct Watch {
    watcher: StatusWatcher,
    /// Told after the other one.
    owed: Option<Changed>,
    /// Looks at the clock since the records were read.
    polls: u32,
}

/// The records are read again after so many looks at the clock, which are two seconds apart: leases end by time alone.
const POLLS: u32 = 5;

impl Machine {
    pub(super) fn open(workspace: Option<PathBuf>) -> Result<Self, CliError> {
        let no_state =
            || CliError::usage("there is no folder for the state", "set FORGE_HOME to one, or HOME");
        let home = WorkerHome::new(paths().state.ok_or_else(no_state)?);
        let desk = Desk::open(&BeadPlace { workspace }, true, false)?;
        let workspace = PathBuf::from(desk.queue.name());
        let (store, queue) = (desk.store, desk.queue);
        let watcher = StatusWatcher::new(&home, SystemTimer::shared()).and_then(|watcher| {
            let log = format!("{}-wal", store.path().display());
            let watcher = watcher.and(store.path())?.and(log.as_ref())?;
            queue.file().into_iter().try_fold(watcher, |watcher, file| watcher.and(&file))
        });
        let watcher = watcher.map_err(|error| CliError::failed("files cannot be watched", &error))?;
        let watcher = Mutex::new(Watch { watcher, owed: None, polls: 0 });
        Ok(Self {
            launcher: WorkerLauncher::with_home(home),
            store,
            queue: Arc::new(queue),
            workspace,
            watcher,
        })
    }

    async fn spawn(&self, name: String, agent: String) -> Result<(), String> {
        let has_repository = worktree::repository(&self.workspace).is_some();
        let config = LaunchConfig::new(agent, "", &self.workspace, "").with_worktree(has_repository);
        self.launcher
            .spawn(SpawnRequest::new(name, config))
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    async fn send(&self, worker: &WorkerId, text: String) -> Result<String, String> {
        let message = Message::of_its_own(text).map_err(|error| error.to_string())?;
        let delivery = self.launcher.deliver(worker, &message).await.map_err(|error| error.to_string())?;
        Ok(format!("{worker}: {}", delivery.as_str()))
    }

    /// One that runs is stopped first: whoever confirmed it has been told.
    async fn discard(&self, worker: &WorkerId) -> Result<(), LauncherError> {
        if is_running(&self.launcher.home().worker(worker)) {
            self.launcher.stop(worker).await?;
        }
        self.launcher.reap(worker, true).await.map(drop)
    }

    fn pause(&self, worker: &WorkerId, pause: bool) -> Result<(), String> {
        self.launcher.home().worker(worker).set_paused(pause).map_err(|error| error.to_string())
    }
}

fn named(worker: &str) -> Result<WorkerId, String> {
    WorkerId::new(worker).map_err(|error| error.to_string())
}

#[async_trait]
impl Source for Machine {
    async fn changed(&self) -> Changed {
        let mut watch = self.watcher.lock().await;
        if let Some(owed) = watch.owed.take() {
            return owed;
        }
        let change = watch.watcher.changed().await;
        watch.polls += 1;
        if change.files.is_empty() && watch.polls < POLLS {
            return Changed::Workers;
        }
        watch.polls = 0;
        // By the clock both are due.
        watch.owed = (change.files.is_empty() || !change.workers.is_empty()).then_some(Changed::Workers);
        Changed::Records
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, String> {
        let found = self.launcher.overview().await.map_err(|error| error.to_string())?;
        Ok(found.iter().map(|(handle, seen)| row(handle, seen)).collect())
    }

    async fn records(&self) -> Records {
        let (store, queue) = (Arc::clone(&self.store), Arc::clone(&self.queue));
        // The store answers from its file, which may be large: the keys of the dashboard do not wait for it.
        let runtime = tokio::runtime::Handle::current();
        let read = move || runtime.block_on(records::read(&store, &queue, Utc::now()));
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| {
            let mut records = Records::default();
            records.problems.push(format!("the records: {error}"));
            records
        })
    }

    async fn screen(&self, worker: &str) -> Option<String> {
        self.launcher.terminal(&named(worker).ok()?).await
    }

    async fn log(&self, worker: &str) -> Vec<String> {
        let Ok(worker) = named(worker) else { return Vec::new() };
        let shown = last_output(&self.launcher.home().worker(&worker), MOST);
        let shown = String::from_utf8_lossy(&shown);
        let lines: Vec<_> = shown.lines().map(str::to_owned).collect();
        lines[lines.len().saturating_sub(LINES)..].to_vec()
    }

    async fn at_stake(&self, worker: &str) -> String {
        let Ok(worker) = named(worker) else { return String::new() };
        let place = self.launcher.home().worker(&worker);
        let runs = if is_running(&place) { "It runs. " } else { "" };
        if !place.worktree().exists() {
            return format!("{runs}It has no worktree.");
        }
        match worktree::unsaved(&place) {
            Ok(unsaved) => {
                format!("{runs}{} files changed, {} commits nowhere else.", unsaved.dirty, unsaved.unpushed)
            }
            Err(error) => format!("{runs}What is unsaved is unknown: {error}."),
        }
    }

    async fn act(&self, action: Action) -> Result<String, String> {
        let (name, done) = match &action {
            Action::Spawn { name, .. } => (name, "started"),
            Action::Send { worker, .. } => (worker, ""),
            Action::Pause(worker) => (worker, "paused"),
            Action::Resume(worker) => (worker, "resumed"),
            Action::Freeze(worker) => (worker, "frozen"),
            Action::Thaw(worker) => (worker, "thawed"),
            Action::Restart(worker) => (worker, "restarted"),
            Action::Stop(worker) => (worker, "stopped"),
            Action::Kill(worker) => (worker, "killed"),
            Action::Discard(worker) => (worker, "removed"),
            Action::Acknowledge(_) => return Err("this alert goes away by itself".to_owned()),
        };
        let id = named(name)?;
        let told = format!("{id}: {done}");
        let launcher = &self.launcher;
        let ended = match action {
            Action::Send { text, .. } => return self.send(&id, text).await,
            Action::Spawn { agent, name } => return self.spawn(name, agent).await.map(|()| told),
            Action::Pause(_) => return self.pause(&id, true).map(|()| told),
            Action::Resume(_) => return self.pause(&id, false).map(|()| told),
            Action::Freeze(_) => launcher.freeze(&id).await,
            Action::Thaw(_) => launcher.thaw(&id).await,
            Action::Restart(_) => launcher.restart(&id).await.map(drop),
            Action::Stop(_) => launcher.stop(&id).await,
            Action::Kill(_) => launcher.kill(&id).await,
            Action::Discard(_) => self.discard(&id).await,
            Action::Acknowledge(_) => Ok(()),
        };
        ended.map(|()| told).map_err(|error| error.to_string())
    }

    fn attach(&self, worker: &str) -> Result<Command, String> {
        self.launcher.attach(&named(worker)?).map_err(|error| error.to_string())
    }
}

fn row(handle: &WorkerHandle, seen: &Observation) -> WorkerRow {
    WorkerRow {
        name: handle.id.to_string(),
        status: seen.state.status(),
        state: seen.state.as_str().to_owned(),
        source: seen.source.as_str().to_owned(),
        evidence: seen.evidence.clone(),
        since: seen.since,
        agent: handle.agent.clone(),
        model: handle.model.clone(),
        tier: handle.tier,
        workspace: handle.workspace.display().to_string(),
        bead: handle.bead.clone(),
        pid: seen.pid,
        restarts: handle.restarts,
    }
}
