//! All workers at once, for lists and dashboards.

use std::collections::HashMap;

use super::{LauncherError, WorkerHandle, WorkerLauncher, handle};
use crate::{
    agent::AgentDefinition,
    id::WorkerId,
    record::WorkerSpec,
    state::{StateSource, WorkerState},
    status::{self, Observation, Screen, observe},
    tmux::TAG,
};

/// A pane of a worker.
struct Pane {
    id: String,
    title: String,
}

impl WorkerLauncher {
    /// The workers with what is known of each, by name. tmux is asked once for all of them, and a screen is read only of agents
    /// of which it tells something. One that is reaped meanwhile is not in it; one with a damaged `spec.json` neither.
    pub async fn overview(&self) -> Result<Vec<(WorkerHandle, Observation)>, LauncherError> {
        let ids = self.home.workers()?;
        // Without tmux, files and processes are still known.
        let panes = if ids.is_empty() { HashMap::new() } else { self.panes().await };
        let mut found = Vec::new();
        for id in ids {
            let place = self.home.worker(&id);
            let Some(spec) = place.spec() else { continue };
            let mut seen = observe(&place, None, self.timer.now());
            if screen_may_add(&seen)
                && let Some(screen) = self.telling_screen(&spec, panes.get(id.as_str())).await
            {
                seen = observe(&place, Some(&screen), self.timer.now());
            }
            // A full disk keeps the status old and nobody from knowing it.
            let _ = status::write(&place, &seen);
            found.push((handle(&place, spec, Vec::new()), seen));
        }
        Ok(found)
    }

    async fn panes(&self) -> HashMap<String, Pane> {
        // The title comes last, because it may hold a colon.
        let format = format!("#{{{TAG}}}:#{{pane_id}}:#{{pane_title}}");
        let said = self.tmux.run(&["list-panes", "-a", "-F", &format]).await.unwrap_or_default();
        let pane = |line: &str| {
            let mut fields = line.splitn(3, ':').map(str::to_owned);
            let tag = fields.next().filter(|tag| !tag.is_empty())?;
            Some((tag, Pane { id: fields.next()?, title: fields.next()? }))
        };
        said.lines().filter_map(pane).collect()
    }

    /// The screen of an agent whose definition reads something from it.
    async fn telling_screen(&self, spec: &WorkerSpec, pane: Option<&Pane>) -> Option<Screen> {
        let (pane, definition) = (pane?, AgentDefinition::find(&self.home, &spec.agent).ok()?);
        if definition.panes.is_empty() && spec.ready.is_none() {
            return Some(Screen::new(&pane.title, ""));
        }
        let text = self.tmux.run(&["capture-pane", "-p", "-t", &pane.id]).await.ok()?;
        Some(Screen::new(&pane.title, text.trim_end_matches('\n')))
    }

    /// What the terminal of a worker shows, with its colours (`ESC [ ... m`); `None` where it has none any more.
    pub async fn terminal(&self, worker_id: &WorkerId) -> Option<String> {
        let pane = self.pane(&self.known(worker_id).ok()?.1).await?;
        let shown = self.tmux.run(&["capture-pane", "-e", "-p", "-t", &pane]).await.ok()?;
        Some(shown.trim_end_matches('\n').to_owned())
    }

    /// The command line that shows the terminal of a worker until Ctrl-Q, or until what tmux itself takes for it.
    pub fn attach(&self, worker_id: &WorkerId) -> Result<std::process::Command, LauncherError> {
        let (_, spec) = self.known(worker_id)?;
        let line = self.tmux.command_line();
        let mut tmux = std::process::Command::new(&line[0]);
        // Within a session of another server, tmux would refuse to look into this one.
        tmux.args(&line[1..]).env_remove("TMUX");
        tmux.args(["-u", "bind-key", "-n", "C-q", "detach-client", ";"]);
        tmux.args(["attach-session", "-t", &crate::tmux::exactly(&spec.session)]);
        Ok(tmux)
    }
}

/// Whether a screen can add something: it never overrules the shim.
pub(super) fn screen_may_add(seen: &Observation) -> bool {
    let is_settled = matches!(
        seen.state,
        WorkerState::Exited { .. }
            | WorkerState::Lost
            | WorkerState::Orphaned
            | WorkerState::Frozen
            | WorkerState::Stopping
    );
    !is_settled && seen.source != StateSource::StatusFile
}
