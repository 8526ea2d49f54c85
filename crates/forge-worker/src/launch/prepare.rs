//! What a shim needs to know, from a request and the definition of its agent.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::process::Command;

use super::{LaunchConfig, LauncherError, WorkerLauncher};
use crate::{
    agent::AgentDefinition,
    hex::hex,
    home::WorkerPlace,
    id::WorkerId,
    lock::{is_running, lock},
    private,
    record::WorkerSpec,
    worktree,
};

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// What every agent gets of the environment of whoever launches it.
const INHERITED: [&str; 5] = ["HOME", "PATH", "LANG", "LC_ALL", "TMPDIR"];

/// The session of a worker that names none.
const PREFIX: &str = "forge-worker-";

impl WorkerLauncher {
    /// The session of a worker, which is free or holds nothing alive of the same worker.
    pub(super) async fn free_session(&self, id: &WorkerId, asked: &str) -> Result<String, LauncherError> {
        let session = if asked.is_empty() { format!("{PREFIX}{id}") } else { asked.to_owned() };
        let session = session.get(..64).unwrap_or(&session).to_owned();
        // The same rule as for names: none of it means anything to tmux.
        WorkerId::new(session.clone())?;
        if self.tmux.has_session(&session).await {
            let ours = self.is_ours(id, &session).await;
            if !ours {
                return Err(LauncherError::SessionExists { session_name: session });
            }
            // What is left of an earlier run. A server that ends with its last session would take the next one along, so that
            // it stays until that is made.
            let target = crate::tmux::exactly(&session);
            self.tmux
                .run(&["set-option", "-s", "exit-empty", "off", ";", "kill-session", "-t", &target])
                .await?;
            // A launch that was killed may have left a shim that only just begins.
            self.wait_for(PATIENCE, || !is_running(&self.home.worker(id))).await;
        }
        Ok(session)
    }

    pub(super) async fn is_ours(&self, id: &WorkerId, session: &str) -> bool {
        let format = format!("#{{{}}}", crate::tmux::TAG);
        self.tmux.ask(&crate::tmux::exactly(session), &format).await.is_some_and(|tag| tag == id.as_str())
    }

    /// The folder of a worker that does not run, held against other launches as long as the file is open.
    pub(super) fn claim_place(&self, id: &WorkerId) -> Result<(WorkerPlace, std::fs::File), LauncherError> {
        let place = self.home.worker(id);
        place.create()?;
        let running = || LauncherError::AlreadyRunning { worker_id: id.to_string() };
        let claim = lock(&place, "launch.lock", true)?.ok_or_else(running)?;
        if is_running(&place) {
            return Err(running());
        }
        let alive = |spec: &WorkerSpec| spec.foreign.is_some_and(crate::process::ProcessId::is_alive);
        if place.spec().is_some_and(|spec| alive(&spec)) {
            return Err(running());
        }
        Ok((place, claim))
    }

    /// Nothing of an earlier run is taken for this one.
    pub(super) fn clear(place: &WorkerPlace) -> Result<(), LauncherError> {
        for name in ["exit.json", "shim.json", "events.jsonl", "events.jsonl.1", "messages.jsonl"] {
            private::remove(&place.file(name))?;
        }
        Ok(private::remove(&place.status())?)
    }

    /// The specification of a run. The workspace becomes the worktree where one is wanted.
    pub(super) fn specify(
        &self,
        place: &WorkerPlace,
        session: String,
        config: LaunchConfig,
        definition: &AgentDefinition,
    ) -> Result<WorkerSpec, LauncherError> {
        let folder = config.workspace.canonicalize().ok().filter(|path| path.is_dir());
        let folder = folder.ok_or(LauncherError::Workspace { path: config.workspace })?;
        let repository = config.worktree.then(|| worktree::repository(&folder)).flatten();
        let workspace = if config.worktree { worktree::create(place, &folder)? } else { folder.clone() };
        let argv = self.argv(place, definition, &config.model, config.prompt.as_deref(), &config.arguments);
        let mut env = self.inherited(definition);
        env.extend(definition.env.clone());
        env.extend(config.env);
        Ok(WorkerSpec {
            worker_id: place.id().clone(),
            session,
            run: run_mark()?,
            agent: definition.name.clone(),
            argv,
            workspace,
            repository,
            project: Some(folder),
            model: config.model,
            tier: config.tier,
            bead: config.bead,
            env,
            ready: config.ready,
            launcher: None,
            foreign: None,
            version: None,
            grace_ms: u64::try_from(config.grace.as_millis()).unwrap_or(u64::MAX),
            created_at: self.timer.now(),
            restarts: 0,
        })
    }

    fn inherited(&self, definition: &AgentDefinition) -> BTreeMap<String, String> {
        let names = INHERITED.into_iter().chain(definition.inherit.iter().map(String::as_str));
        names.filter_map(|name| Some((name.to_owned(), (self.lookup)(name)?))).collect()
    }

    /// The command line of an agent.
    pub(super) fn argv(
        &self,
        place: &WorkerPlace,
        definition: &AgentDefinition,
        model: &str,
        prompt: Option<&str>,
        arguments: &[String],
    ) -> Vec<String> {
        let fill = |text: &String| self.fill(place, text, model);
        let mut argv: Vec<String> = definition.argv.iter().map(fill).collect();
        if !model.is_empty() {
            argv.extend(definition.model_argv.iter().map(fill));
        }
        argv.extend(arguments.iter().cloned());
        if let Some(prompt) = prompt {
            // Put in last, so that nothing in a prompt is filled in.
            argv.extend(
                definition
                    .prompt_argv
                    .iter()
                    .map(|word| if word == "{prompt}" { prompt.into() } else { fill(word) }),
            );
        }
        argv
    }

    pub(super) fn fill(&self, place: &WorkerPlace, text: &str, model: &str) -> String {
        let forge = self.program.to_string_lossy();
        let folder = place.folder().to_string_lossy();
        text.replace("{forge}", &forge).replace("{folder}", &folder).replace("{model}", model)
    }

    /// Writes the files of a definition into the folder of the worker.
    pub(super) fn write_files(
        &self,
        place: &WorkerPlace,
        definition: &AgentDefinition,
    ) -> Result<(), LauncherError> {
        for (name, text) in &definition.files {
            private::replace(&place.file(name), self.fill(place, text, "").as_bytes())?;
        }
        Ok(())
    }

    /// Whether the program of an agent is there, in the environment that it will have.
    pub(super) fn check_program(spec: &WorkerSpec) -> Result<(), LauncherError> {
        let program = spec.argv.first().cloned().unwrap_or_default();
        let missing = || LauncherError::AgentMissing { program: program.clone() };
        let is_there = if program.contains('/') {
            spec.workspace.join(&program).is_file()
        } else {
            let path = spec.env.get("PATH").map(String::as_str).unwrap_or_default();
            !program.is_empty() && path.split(':').any(|folder| Path::new(folder).join(&program).is_file())
        };
        if is_there { Ok(()) } else { Err(missing()) }
    }

    /// The version that the agent's program prints.
    pub(super) async fn version(&self, definition: &AgentDefinition, spec: &WorkerSpec) -> Option<String> {
        let (program, arguments) = definition.version_argv.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&spec.env).current_dir(&spec.workspace).kill_on_drop(true);
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
        let limit = self.timer.sleep_until(self.timer.instant() + PATIENCE);
        let Either::Left((output, _)) = select(Box::pin(output), limit).await else { return None };
        let text = String::from_utf8_lossy(&output.ok()?.stdout).into_owned();
        let version = text.split_whitespace().map(|word| word.trim_start_matches('v'));
        version.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
    }

    /// What tmux runs in a pane.
    pub(super) fn shim_argv(&self, place: &WorkerPlace) -> [PathBuf; 4] {
        let id = PathBuf::from(place.id().as_str());
        [self.program.clone(), "worker-shim".into(), self.home.root().to_owned(), id]
    }
}

/// The mark of a run: 128 bits that nobody guesses, so that no foreign process carries it by accident.
pub(super) fn run_mark() -> Result<String, LauncherError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex(&bytes))
}

/// A text as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
