//! Workers are stopped, and what they leave behind is ended.

use std::time::Duration;

use rustix::process::Signal;

use super::{LauncherError, WorkerLauncher};
use crate::{
    home::WorkerPlace,
    id::WorkerId,
    lock::is_running,
    private,
    process::{ProcessId, descendants},
    record::WorkerSpec,
    state::WorkerState,
    status::{self, survivors},
    tmux::exactly,
    worktree,
};

/// How much longer than its grace a stop may take.
const MARGIN: Duration = Duration::from_secs(5);

/// What was done for a worker that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reaped {
    /// Processes of it that still ran, and were ended.
    pub ended: Vec<i32>,
    /// Whether its worktree is gone.
    pub worktree_removed: bool,
}

impl WorkerLauncher {
    /// Asks a worker to end, ends it after its grace, and closes its session. One that has ended is fine.
    pub async fn stop(&self, worker_id: &WorkerId) -> Result<(), LauncherError> {
        self.end(worker_id, "term").await
    }

    /// Ends a worker at once.
    pub async fn kill(&self, worker_id: &WorkerId) -> Result<(), LauncherError> {
        self.end(worker_id, "kill").await
    }

    async fn end(&self, worker_id: &WorkerId, word: &'static str) -> Result<(), LauncherError> {
        let (place, spec) = self.known(worker_id)?;
        let grace = Duration::from_millis(spec.grace_ms);
        if is_running(&place) {
            match self.tell(&place, word).await {
                Ok(()) | Err(LauncherError::NotRunning { .. }) => {}
                Err(error) => return Err(error),
            }
            let has_ended = self.wait_for(grace + MARGIN, || !is_running(&place)).await;
            if !has_ended {
                let message = "its shim holds the lock still".to_owned();
                return Err(LauncherError::NotStopped { worker_id: worker_id.to_string(), message });
            }
        } else if let Some(pane) = spec.foreign.filter(|pane| pane.is_alive()) {
            self.end_foreign(&place, &spec, pane, if word == "kill" { Duration::ZERO } else { grace })
                .await?;
        }
        self.close_session(&spec).await;
        let _ = status::publish(&place, self.timer.now());
        Ok(())
    }

    /// Closes the session of a worker where it is tagged with its name.
    pub(super) async fn close_session(&self, spec: &WorkerSpec) {
        if self.is_ours(&spec.worker_id, &spec.session).await {
            // One that has closed by itself meanwhile is as good.
            let server = self.tmux.ask(&exactly(&spec.session), "#{pid}").await;
            let _ = self.tmux.run(&["kill-session", "-t", &exactly(&spec.session)]).await;
            // With its last session the server ends and removes its socket: that of the next server, if that came first.
            let server = server.and_then(|pid| ProcessId::of(pid.parse().ok()?));
            if let Some(server) = server
                && self.tmux.run(&["list-sessions"]).await.is_err()
            {
                self.wait_for(MARGIN, || !server.is_alive()).await;
            }
        }
    }

    /// Ends what stands under no shim: the process of the pane and everything below it.
    async fn end_foreign(
        &self,
        place: &WorkerPlace,
        spec: &WorkerSpec,
        pane: ProcessId,
        grace: Duration,
    ) -> Result<(), LauncherError> {
        let tree: Vec<_> = descendants(pane.pid()).into_iter().chain([pane]).collect();
        let any_alive = || tree.iter().any(|id| id.is_alive());
        for signal in [Signal::TERM, Signal::KILL] {
            for id in &tree {
                let _ = id.signal(signal);
            }
            self.wait_for(if signal == Signal::TERM { grace } else { MARGIN }, || !any_alive()).await;
        }
        let now = self.timer.now();
        let (code, signal, error) = (None, None, None);
        let run = spec.run.clone();
        let exit =
            crate::record::ExitRecord { run, code, signal, asked: true, left: 0, error, ended_at: now };
        Ok(place.save_exit(&exit)?)
    }

    /// Ends the processes that are left of a worker without a shim: all that carry its mark with `all`, else those that
    /// certainly belong to it. Returns the numbers of those that were ended, and of those that were left.
    ///
    /// The mark alone is inherited by servers and clients that a person wants to live: a process is certain when it stood below
    /// the shim when that last looked.
    pub async fn end_orphans(
        &self,
        worker_id: &WorkerId,
        all: bool,
    ) -> Result<(Vec<i32>, Vec<i32>), LauncherError> {
        let (place, spec) = self.known(worker_id)?;
        if is_running(&place) {
            return Err(LauncherError::AlreadyRunning { worker_id: worker_id.to_string() });
        }
        let Some(shim) = place.shim().filter(|shim| shim.run == spec.run) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let is_certain = |id: &ProcessId| {
            let cwd = std::fs::read_link(format!("/proc/{}/cwd", id.pid()));
            let in_worktree = || cwd.is_ok_and(|cwd| cwd.starts_with(place.worktree()));
            shim.tree.contains(id) || shim.agent == Some(*id) || in_worktree()
        };
        let (ended, left): (Vec<_>, Vec<_>) =
            survivors(&spec, &shim).into_iter().partition(|id| all || is_certain(id));
        for id in &ended {
            let _ = id.signal(Signal::KILL);
        }
        self.wait_for(MARGIN, || !ended.iter().any(|id| id.is_alive())).await;
        let numbers = |ids: Vec<ProcessId>| ids.into_iter().map(ProcessId::pid).collect();
        Ok((numbers(ended), numbers(left)))
    }

    /// Cleans up after a worker that has ended: ends what is left of it, closes its session, removes its worktree and its files.
    ///
    /// # Errors
    ///
    /// Where it runs, and where its worktree has work that is nowhere else and `discard` does not give that up.
    pub async fn reap(&self, worker_id: &WorkerId, discard: bool) -> Result<Reaped, LauncherError> {
        let (place, spec) = self.known(worker_id)?;
        let state = status::observe(&place, None, self.timer.now()).state;
        if !state.has_ended() && state != WorkerState::Orphaned {
            return Err(LauncherError::AlreadyRunning { worker_id: worker_id.to_string() });
        }
        let (ended, _) = self.end_orphans(worker_id, true).await?;
        self.close_session(&spec).await;
        let mut worktree_removed = false;
        if let Some(top) = &spec.repository {
            worktree::remove(&place, top, discard)?;
            worktree_removed = true;
        }
        private::remove(&place.status())?;
        std::fs::remove_dir_all(place.folder())?;
        Ok(Reaped { ended, worktree_removed })
    }
}
