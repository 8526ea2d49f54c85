//! How git is started.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use crate::checkpoint::error::CheckpointError;

use super::Git;

/// What git reads.
#[derive(Debug)]
pub(in crate::checkpoint) enum Input<'i> {
    None,
    Bytes(&'i [u8]),
}

/// Settings that hold whatever the user has set. Everything is off that changes contents, hides files, or starts a program.
const SETTINGS: [&str; 23] = [
    "core.autocrlf=false",
    "core.safecrlf=false",
    "core.attributesFile=/dev/null",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.sparseCheckout=false",
    "core.sparseCheckoutCone=false",
    "index.sparse=false",
    "core.fileMode=true",
    "core.symlinks=true",
    "core.ignoreStat=false",
    "core.trustctime=true",
    "core.checkStat=default",
    "core.quotePath=false",
    "core.logAllRefUpdates=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "advice.addEmbeddedRepo=false",
    "protocol.allow=never",
];

/// Settings for repositories inside, whose contents and attributes are their own.
const NESTED_SETTINGS: [&str; 3] =
    ["core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.allow=never"];

impl Git {
    /// Runs git on the repository, with an index of ours or with that of the user, which is never written.
    pub(in crate::checkpoint) fn run(
        &self,
        index: Option<&Path>,
        arguments: &[&str],
        input: Input<'_>,
    ) -> Result<Vec<u8>, CheckpointError> {
        let mut command = self.command(&self.root);
        command.arg(format!("--attr-source={}", self.empty_tree)).arg("--no-replace-objects");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.env("GIT_DIR", &self.folder).env("GIT_WORK_TREE", &self.root);
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.args(arguments);
        finish(command, arguments, input)
    }

    /// Runs git in another folder, on whatever repository that belongs to.
    pub(in crate::checkpoint) fn run_in(
        &self,
        folder: &Path,
        arguments: &[&str],
    ) -> Result<Vec<u8>, CheckpointError> {
        let mut command = self.command(folder);
        for setting in NESTED_SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(arguments);
        finish(command, arguments, Input::None)
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new("git");
        command
            .current_dir(folder)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_LITERAL_PATHSPECS", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Forge")
                .env(format!("GIT_{who}_EMAIL"), "forge@localhost");
        }
        command
    }
}

fn finish(mut command: Command, arguments: &[&str], input: Input<'_>) -> Result<Vec<u8>, CheckpointError> {
    let stdin = if matches!(input, Input::None) { Stdio::null() } else { Stdio::piped() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(CheckpointError::NoGit)?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // git writes while it reads: both at once, so that no pipe is full for ever.
        if let (Some(mut stdin), Input::Bytes(bytes)) = (stdin, input) {
            // If git stops reading, its exit says why.
            scope.spawn(move || stdin.write_all(bytes));
        }
        child.wait_with_output()
    })
    .map_err(CheckpointError::NoGit)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let said = if said.is_empty() { output.status.to_string() } else { said };
    Err(CheckpointError::Git { command: arguments.first().copied().unwrap_or_default().to_owned(), said })
}
