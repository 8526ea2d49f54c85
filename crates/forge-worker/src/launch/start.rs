//! Agents under a shim of our own.

use super::{
    LaunchConfig, LauncherError, WorkerHandle, WorkerLauncher, handle,
    prepare::{quoted, run_mark},
};
use crate::{
    agent::AgentDefinition,
    home::WorkerPlace,
    id::WorkerId,
    lock::is_running,
    process::MARK,
    record::{ShimPhase, WorkerSpec},
    status,
    tmux::{TAG, exactly},
};

impl WorkerLauncher {
    pub(super) async fn spawn_agent(
        &self,
        id: &WorkerId,
        config: LaunchConfig,
        definition: AgentDefinition,
    ) -> Result<WorkerHandle, LauncherError> {
        let timeout = config.timeout;
        self.tmux.version().await?;
        let (place, _claim) = self.claim_place(id)?;
        let session = self.free_session(id, &config.session).await?;
        let mut spec = self.specify(&place, session, config, &definition)?;
        Self::check_program(&spec)?;
        spec.version = self.version(&definition, &spec).await;
        self.write_files(&place, &definition)?;
        self.start(&place, &spec, timeout).await?;
        Ok(handle(&place, spec.clone(), warnings(&definition, &spec)))
    }

    /// Starts an ended worker again as it was: the same name, folder and session, with a new mark, and with the agent's own way
    /// of going on where it has one.
    pub async fn restart(&self, worker_id: &WorkerId) -> Result<WorkerHandle, LauncherError> {
        let (place, mut spec) = self.known(worker_id)?;
        if is_running(&place) {
            self.stop(worker_id).await?;
        }
        let (place, _claim) = self.claim_place(worker_id)?;
        let definition = AgentDefinition::find(&self.home, &spec.agent)?;
        spec.session = self.free_session(worker_id, &spec.session).await?;
        if spec.restarts == 0 {
            spec.argv.extend(definition.resume_argv.iter().map(|word| self.fill(&place, word, &spec.model)));
        }
        spec.run = run_mark()?;
        spec.restarts += 1;
        spec.foreign = None;
        spec.created_at = self.timer.now();
        Self::check_program(&spec)?;
        self.start(&place, &spec, std::time::Duration::from_secs(60)).await?;
        Ok(handle(&place, spec.clone(), warnings(&definition, &spec)))
    }

    /// Writes the specification, makes the session, and waits for the agent.
    async fn start(
        &self,
        place: &WorkerPlace,
        spec: &WorkerSpec,
        timeout: std::time::Duration,
    ) -> Result<(), LauncherError> {
        Self::clear(place)?;
        place.save_spec(spec)?;
        let _ = status::publish(place, self.timer.now());
        self.make_session(place, spec).await?;
        let of_another = || place.shim().is_some_and(|shim| shim.run != spec.run);
        let of_this_run = || {
            let is_up =
                place.shim().is_some_and(|shim| shim.run == spec.run && shim.phase != ShimPhase::Starting);
            is_up || place.exit().is_some_and(|exit| exit.run == spec.run) || of_another()
        };
        if !self.wait_for(timeout, of_this_run).await {
            let _ = self.tmux.run(&["kill-session", "-t", &exactly(&spec.session)]).await;
            return Err(LauncherError::Timeout { secs: timeout.as_secs() });
        }
        // Two launches at once: the shim of the other has the lock, and ours has left.
        if of_another() {
            return Err(LauncherError::AlreadyRunning { worker_id: place.id().to_string() });
        }
        match place.exit().filter(|exit| exit.run == spec.run).and_then(|exit| exit.error) {
            Some(message) => Err(LauncherError::AgentFailed { message }),
            None => Ok(()),
        }
    }

    /// One invocation of tmux: there is no moment in which the session is there and is not known as ours.
    async fn make_session(&self, place: &WorkerPlace, spec: &WorkerSpec) -> Result<(), LauncherError> {
        let session = exactly(&spec.session);
        let folder = spec.workspace.to_string_lossy();
        let shim = self.shim_argv(place).map(|word| word.to_string_lossy().into_owned());
        let names =
            format!("FORGE_WORKER_ID FORGE_SESSION FORGE_MODEL FORGE_WORKSPACE FORGE_ASSIGNED_BEAD {MARK}");
        let default = self.default_command();
        let mut arguments = vec!["start-server", ";", "set-option", "-g", "update-environment", &names, ";"];
        arguments.extend(["set-option", "-g", "default-command", &default, ";"]);
        arguments.extend(["new-session", "-d", "-s", &spec.session, "-x", "200", "-y", "50", "-c", &folder]);
        arguments.extend(shim.iter().map(String::as_str));
        arguments.extend([";", "set-option", "-w", "-t", &session, "remain-on-exit", "on", ";"]);
        arguments.extend(["set-option", "-t", &session, TAG, spec.worker_id.as_str(), ";"]);
        let log = self.log_command(place);
        arguments.extend(["pipe-pane", "-t", &session, &log, ";", "set-option", "-s", "exit-empty", "on"]);
        match self.tmux.run(&arguments).await {
            Ok(_) => Ok(()),
            Err(crate::tmux::TmuxError::Failed { message }) if message.contains("duplicate session") => {
                Err(LauncherError::SessionExists { session_name: spec.session.clone() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What a session that somebody else makes on our server runs, as the shell line that tmux takes.
    pub(super) fn default_command(&self) -> String {
        let program = quoted(&self.program.to_string_lossy());
        format!("exec {program} worker-shim --shell {}", quoted(&self.home.root().to_string_lossy()))
    }

    /// What keeps the output of a pane, as the shell line that tmux takes. tmux reads `#` and `%` in it as formats.
    pub(super) fn log_command(&self, place: &WorkerPlace) -> String {
        let program = quoted(&self.program.to_string_lossy());
        let line = format!("exec {program} worker-log {}", quoted(&place.output().to_string_lossy()));
        line.replace('#', "##").replace('%', "%%")
    }
}

fn warnings(definition: &AgentDefinition, spec: &WorkerSpec) -> Vec<String> {
    let version = spec.version.as_deref();
    let unknown = (!definition.knows(version)).then(|| {
        let version = version.unwrap_or("of an unknown version");
        let known = definition.versions.join(", ");
        format!(
            "{} is {version}; what it reports is known of {known}, so only its process and screen count",
            definition.name
        )
    });
    unknown.into_iter().collect()
}
