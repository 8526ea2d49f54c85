//! Launchers of other people: a program that makes the session, by a protocol that is checked against what is there afterwards.

use std::{
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use futures_util::future::{Either, select};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{io::AsyncReadExt as _, process::Command};

use super::{
    LaunchConfig, LauncherError, WorkerHandle, WorkerLauncher, handle,
    prepare::quoted,
    reply::{BadReply, Reply},
};
use crate::{
    agent::AgentDefinition,
    home::WorkerPlace,
    id::WorkerId,
    private,
    process::{MARK, ProcessId, descendants},
    record::WorkerSpec,
    tmux::{TAG, exactly},
};

/// As much as is kept of what a launcher prints.
const MOST: usize = 256 * 1024;

/// As many lines of it as an error shows.
const LINES: usize = 20;

/// How long output is waited for that a process in the background may still hold open.
const DRAIN: Duration = Duration::from_millis(200);

/// How long a shim may take after the launcher has answered.
const SETTLE: Duration = Duration::from_secs(2);

/// What ran, and what it printed.
struct Ran {
    /// `None` where it took too long.
    status: Option<ExitStatus>,
    output: String,
}

impl WorkerLauncher {
    pub(super) async fn spawn_foreign(
        &self,
        id: &WorkerId,
        config: LaunchConfig,
        launcher: PathBuf,
    ) -> Result<WorkerHandle, LauncherError> {
        let timeout = config.timeout;
        self.tmux.version().await?;
        let (place, _claim) = self.claim_place(id)?;
        let session = self.free_session(id, &config.session).await?;
        let definition = AgentDefinition::find(&self.home, config.agent.as_deref().unwrap_or("claude"))?;
        let mut spec = self.specify(&place, session, config, &definition)?;
        let agent_command = spec.argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        // A launcher that follows the template makes a session without a command, which runs a shell under our shim.
        spec.argv = vec!["/bin/sh".to_owned()];
        spec.launcher = Some(launcher.clone());
        spec.env.insert("AGENT_COMMAND".to_owned(), agent_command);
        self.write_files(&place, &definition)?;
        Self::clear(&place)?;
        place.save_spec(&spec)?;
        let launched = self.launch(&place, &spec, &launcher, timeout).await;
        // A server that was started for this launch, and has no session, need not stay.
        let _ = self.tmux.may_end().await;
        let warnings = match launched {
            Ok(warnings) => warnings,
            Err(error) => {
                // It was not there before: whatever has that name now came from this launch.
                let _ = self.tmux.run(&["kill-session", "-t", &exactly(&spec.session)]).await;
                return Err(error);
            }
        };
        let spec = place.spec().unwrap_or(spec);
        Ok(handle(&place, spec, warnings))
    }

    async fn launch(
        &self,
        place: &WorkerPlace,
        spec: &WorkerSpec,
        launcher: &PathBuf,
        timeout: Duration,
    ) -> Result<Vec<String>, LauncherError> {
        let ran = self.run_launcher(place, spec, launcher, timeout).await?;
        let _ = private::replace(&place.launcher_output(), ran.output.as_bytes());
        let lines = last_lines(&ran.output);
        let Some(status) = ran.status else { return Err(LauncherError::Timeout { secs: timeout.as_secs() }) };
        let reply = Reply::parse(&ran.output);
        if let Ok(Reply { error: Some(error), .. }) = &reply {
            return Err(LauncherError::LauncherFailed { message: format!("{error}\n{lines}") });
        }
        if !status.success() {
            return Err(LauncherError::LauncherFailed { message: format!("{status}\n{lines}") });
        }
        let reply = reply.map_err(|bad| {
            let what = match bad {
                BadReply::NoObject => "there is no JSON object in it".to_owned(),
                BadReply::Key(key) => format!("`{key}` is missing or is no value of its kind"),
            };
            LauncherError::BadOutput { message: format!("{what}\n{lines}") }
        })?;
        if reply.pid == Some(0) {
            return Err(LauncherError::LauncherFailed {
                message: format!("it answers with `pid: 0`\n{lines}"),
            });
        }
        if reply.session != spec.session {
            let message =
                format!("it names the session {:?} in place of {:?}\n{lines}", reply.session, spec.session);
            return Err(LauncherError::BadOutput { message });
        }
        let mut warnings = self.adopt(place, spec).await?;
        if reply.pid.is_none() {
            warnings.push("the launcher named no process; that of the pane is taken".to_owned());
        }
        Ok(warnings)
    }

    /// Believes a launcher only as far as tmux agrees, and tags what it has made.
    async fn adopt(&self, place: &WorkerPlace, spec: &WorkerSpec) -> Result<Vec<String>, LauncherError> {
        let failed = || LauncherError::SessionCreationFailed { session_name: spec.session.clone() };
        let target = exactly(&spec.session);
        let said = self.tmux.ask(&target, "#{pane_dead} #{pane_pid}").await.ok_or_else(failed)?;
        let pid: i32 = said.strip_prefix("0 ").and_then(|pid| pid.parse().ok()).ok_or_else(failed)?;
        let pane = ProcessId::of(pid).ok_or_else(failed)?;
        self.tmux.run(&["set-option", "-t", &target, TAG, spec.worker_id.as_str()]).await?;
        let log = self.log_command(place);
        self.tmux.run(&["pipe-pane", "-t", &target, &log]).await?;
        let under_shim = || place.shim().is_some_and(|shim| shim.run == spec.run && shim.shim == pane);
        // Only what runs our own command can become a shim.
        let is_our_program =
            std::fs::read_link(format!("/proc/{pid}/exe")).ok() == self.program.canonicalize().ok();
        if is_our_program && self.wait_for(SETTLE, under_shim).await {
            return Ok(Vec::new());
        }
        place.save_spec(&WorkerSpec { foreign: Some(pane), ..spec.clone() })?;
        let why = "the launcher gave its session a command of its own: no shim stands above it, and what it does is known from its status file and its process only";
        Ok(vec![why.to_owned()])
    }

    /// Runs the launcher in a group of its own. What takes too long is ended, with everything below it.
    async fn run_launcher(
        &self,
        place: &WorkerPlace,
        spec: &WorkerSpec,
        launcher: &PathBuf,
        timeout: Duration,
    ) -> Result<Ran, LauncherError> {
        // Before the launcher: a server that it started itself would hold its environment.
        let (socket, server) = self.tmux.server(&self.default_command()).await?;
        let mut command = std::process::Command::new(launcher);
        command.arg(&spec.session).arg(format!("--session-name={}", spec.session));
        command
            .arg(format!("--model={}", spec.model))
            .arg(format!("--workspace={}", spec.workspace.display()));
        command.args(spec.bead.as_ref().map(|bead| format!("--bead-ref={bead}")));
        command.env_clear().envs(&spec.env).current_dir(&spec.workspace).process_group(0);
        command.env("FORGE_WORKER_ID", spec.worker_id.as_str()).env(MARK, &spec.run);
        command.env("FORGE_SESSION", &spec.session).env("FORGE_MODEL", &spec.model);
        command.env("FORGE_WORKSPACE", &spec.workspace).env("FORGE_HOME", place.home().root());
        command.env("FORGE_ASSIGNED_BEAD", spec.bead.as_deref().unwrap_or_default());
        // Plain `tmux new-session` in a launcher reaches our server by this.
        command.env("FORGE_TMUX_SOCKET", &socket).env("TMUX", format!("{socket},{server},0"));
        command.envs((self.lookup)("TMUX_TMPDIR").map(|folder| ("TMUX_TMPDIR", folder)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = Command::from(command).kill_on_drop(true).spawn();
        let mut child = spawned.map_err(|error| LauncherError::LauncherNotExecutable {
            path: launcher.clone(),
            why: error.to_string(),
        })?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let tree = pid.map(|pid| move || descendants(pid));
        let status = {
            let reading = Box::pin(async {
                futures_util::future::join(
                    Box::pin(read(&mut stdout, &mut out)),
                    Box::pin(read(&mut stderr, &mut err)),
                )
                .await
            });
            let limit = self.timer.sleep_until(self.timer.instant() + timeout);
            // The end of the launcher counts and not that of its output, which a process in the background may hold open.
            let ended = Box::pin(child.wait());
            match select(select(ended, limit), reading).await {
                Either::Left((Either::Left((status, _)), reading)) => {
                    let drained = self.timer.sleep_until(self.timer.instant() + DRAIN);
                    select(reading, drained).await;
                    Some(status?)
                }
                Either::Left((Either::Right(_), _)) => None,
                Either::Right((_, waiting)) => match waiting.await {
                    Either::Left((status, _)) => Some(status?),
                    Either::Right(_) => None,
                },
            }
        };
        if status.is_none() {
            let below = tree.map(|tree| tree()).unwrap_or_default();
            if let Some(group) = pid.and_then(Pid::from_raw) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            for id in below {
                let _ = id.signal(Signal::KILL);
            }
            let _ = child.wait().await;
        }
        let both = [out, err].concat();
        Ok(Ran { status, output: String::from_utf8_lossy(&both).into_owned() })
    }
}

/// Reads to the end and keeps the last part.
async fn read(pipe: &mut Option<impl tokio::io::AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(pipe) = pipe else { return };
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(length) = pipe.read(&mut buffer).await {
        if length == 0 {
            return;
        }
        kept.extend_from_slice(&buffer[..length]);
        if kept.len() > 2 * MOST {
            kept.drain(..kept.len() - MOST);
        }
    }
}

/// The end of what a launcher printed.
fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
