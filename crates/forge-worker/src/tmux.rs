//! tmux, on a server of our own: named by the home, without the user's configuration and without their environment.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use forge_core::time::Timer;
use futures_util::future::{Either, select};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    home::{WorkerHome, variable},
    process::MARK,
};

/// A command of tmux answers at once, or its server is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// The oldest version with everything that is used here.
const OLDEST: (u32, u32) = (3, 2);

/// The option of a session that names its worker.
pub(crate) const TAG: &str = "@forge_worker";

/// Which server of tmux is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TmuxSocket {
    /// That of the home.
    #[default]
    Own,
    /// Another one, by the name that `tmux -L` takes. The user's is `default`.
    Named(String),
}

/// Why tmux did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TmuxError {
    /// It is not installed.
    #[error(
        "tmux is not installed; the package is called `tmux` everywhere (`apt install tmux`, `dnf install tmux`)"
    )]
    Missing,
    /// It is older than 3.2.
    #[error("tmux is {found}, and 3.2 is needed; install a newer package `tmux`")]
    TooOld {
        /// What it calls itself.
        found: String,
    },
    /// It has refused, or has not answered.
    #[error("tmux: {message}")]
    Failed {
        /// What it said.
        message: String,
    },
}

impl TmuxError {
    /// Whether no server runs, which is as good as one without sessions.
    pub(crate) fn is_no_server(&self) -> bool {
        matches!(self, Self::Failed { message } if message.starts_with("no server running") || message.starts_with("error connecting"))
    }
}

/// A server of tmux.
#[derive(Clone, Debug)]
pub struct Tmux {
    name: String,
    program: PathBuf,
    timer: Arc<dyn Timer>,
}

impl Tmux {
    /// The server of this home, or another one.
    #[must_use]
    pub fn new(home: &WorkerHome, socket: &TmuxSocket, timer: Arc<dyn Timer>) -> Self {
        let name = match socket {
            TmuxSocket::Own => home.socket(),
            TmuxSocket::Named(name) => name.clone(),
        };
        Self { name, program: PathBuf::from("tmux"), timer }
    }

    /// The same with another program.
    #[must_use]
    pub fn with_program(self, program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), ..self }
    }

    /// What a person types before a command to reach this server.
    #[must_use]
    pub fn command_line(&self) -> Vec<OsString> {
        [self.program.clone().into(), "-L".into(), self.name.clone().into()].into()
    }

    /// Whether tmux is there and new enough; its version.
    pub async fn version(&self) -> Result<String, TmuxError> {
        let output = self.output(Command::new(&self.program).arg("-V"), None).await?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let found = said.strip_prefix("tmux ").unwrap_or(&said).to_owned();
        if is_new_enough(&found) { Ok(found) } else { Err(TmuxError::TooOld { found }) }
    }

    /// Runs one command line of tmux and returns what it prints.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String, TmuxError> {
        self.run_with(arguments, None).await
    }

    /// The same with something to read.
    pub(crate) async fn run_with(
        &self,
        arguments: &[&str],
        input: Option<&[u8]>,
    ) -> Result<String, TmuxError> {
        let mut command = Command::new(&self.program);
        // UTF-8 whatever the locale is, and no file of the user's.
        command.args(["-u", "-L", &self.name, "-f", "/dev/null"]).args(arguments);
        let output = self.output(&mut command, input).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let message = if said.is_empty() { output.status.to_string() } else { said };
        Err(TmuxError::Failed { message })
    }

    async fn output(&self, command: &mut Command, input: Option<&[u8]>) -> Result<Output, TmuxError> {
        // The first command starts the server, which hands its environment on to every pane.
        command.env_clear().envs(environment()).kill_on_drop(true);
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => TmuxError::Missing,
            _ => TmuxError::Failed { message: error.to_string() },
        };
        let mut child = child.map_err(failed)?;
        let pipe = child.stdin.take();
        let work = async {
            if let (Some(mut pipe), Some(input)) = (pipe, input) {
                pipe.write_all(input).await?;
            }
            child.wait_with_output().await
        };
        let limit = self.timer.sleep_until(self.timer.instant() + PATIENCE);
        match select(Box::pin(work), limit).await {
            Either::Left((output, _)) => output.map_err(failed),
            Either::Right(_) => {
                Err(TmuxError::Failed { message: format!("no answer within {} s", PATIENCE.as_secs()) })
            }
        }
    }

    /// The path of the socket and the number of the server, which is started where it does not run.
    pub(crate) async fn server(&self, shell: &str) -> Result<(String, String), TmuxError> {
        let names =
            format!("FORGE_WORKER_ID FORGE_SESSION FORGE_MODEL FORGE_WORKSPACE FORGE_ASSIGNED_BEAD {MARK}");
        let said = self
            .run(&[
                "start-server",
                ";",
                "set-option",
                "-s",
                "exit-empty",
                "off",
                ";",
                "set-option",
                "-g",
                "update-environment",
                &names,
                ";",
                "set-option",
                "-g",
                "default-command",
                shell,
                ";",
                "display-message",
                "-p",
                "#{socket_path}:#{pid}",
            ])
            .await?;
        let said = said.trim();
        let (path, pid) = said.rsplit_once(':').unwrap_or((said, ""));
        Ok((path.to_owned(), pid.to_owned()))
    }

    /// A server without sessions may end again.
    pub(crate) async fn may_end(&self) -> Result<(), TmuxError> {
        self.run(&["set-option", "-s", "exit-empty", "on"]).await.map(drop)
    }

    /// What a format says of a session or pane; `None` where there is none.
    pub(crate) async fn ask(&self, target: &str, format: &str) -> Option<String> {
        let said = self.run(&["display-message", "-p", "-t", target, format]).await.ok()?;
        Some(said.trim_end_matches('\n').to_owned())
    }

    /// Whether there is a session of exactly this name.
    pub(crate) async fn has_session(&self, name: &str) -> bool {
        self.run(&["has-session", "-t", &exactly(name)]).await.is_ok()
    }
}

/// The target of a session with this name, and of none that only begins with it.
pub(crate) fn exactly(name: &str) -> String {
    format!("={name}:")
}

/// What tmux itself needs. A server that is started hands all of it on to its panes, so that it holds no secret.
fn environment() -> impl Iterator<Item = (&'static str, String)> {
    let names = ["HOME", "PATH", "LANG", "LC_ALL", "TERM", "TMUX_TMPDIR"];
    names.into_iter().filter_map(|name| Some((name, variable(name)?)))
}

/// `3.3a`, `next-3.5` or `openbsd-7.4`, whose tmux has no number of its own.
fn is_new_enough(version: &str) -> bool {
    let version = version.strip_prefix("next-").unwrap_or(version);
    if version == "master" || version.starts_with("openbsd-") {
        return true;
    }
    let mut parts = version.split('.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..end].parse::<u32>().ok()
    });
    let major = parts.next().flatten();
    let minor = parts.next().flatten().unwrap_or_default();
    major.is_some_and(|major| (major, minor) >= OLDEST)
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions_compare_by_number() {
        for version in ["3.2", "3.2a", "3.3a", "3.10", "next-3.5", "4.0", "master", "openbsd-7.4"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["3.1c", "2.9a", "1.8", "next-3.1", "", "x"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
