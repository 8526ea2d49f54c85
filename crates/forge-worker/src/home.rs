//! Where everything of workers is kept.

use std::{
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{hex::hex, id::WorkerId, private};

/// The folder of Forge's state, with what it holds of workers.
///
/// ```
/// # use forge_worker::WorkerHome;
/// let home = WorkerHome::new("/home/someone/.local/state/forge");
/// assert!(home.socket().starts_with("forge-"), "each home has a tmux server of its own");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerHome {
    root: PathBuf,
}

impl WorkerHome {
    /// The home at this folder, which need not be there yet. `/a/b/.` and `/a//b/` are `/a/b`: the name of the tmux server comes
    /// from it.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { root: std::path::absolute(&root).map_or(root, |root| root.components().collect()) }
    }

    /// The home that the environment names: `FORGE_HOME`, else `forge` in `XDG_STATE_HOME`, else in `~/.local/state`.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(variable)
    }

    /// The same by a lookup; empty counts as unset. Where none of them is set, no worker can be started.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("FORGE_HOME")
            .or_else(|| Some(set("XDG_STATE_HOME")?.join("forge")))
            .or_else(|| Some(set("HOME")?.join(".local/state/forge")));
        // Nothing can be made below it: a folder that everybody may write to could hold launchers of somebody else.
        Self::new(root.unwrap_or_else(|| PathBuf::from("/dev/null/forge")))
    }

    /// The folder of the state.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The launchers of this user.
    #[must_use]
    pub fn launchers(&self) -> PathBuf {
        self.root.join("launchers")
    }

    /// The files that other programs read to know how workers are.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.root.join("status")
    }

    /// The name of the tmux server of this home, as `tmux -L` takes it.
    #[must_use]
    pub fn socket(&self) -> String {
        let hash = Sha256::digest(self.root.as_os_str().as_encoded_bytes());
        format!("forge-{}", hex(&hash[..6]))
    }

    /// The files of one worker.
    #[must_use]
    pub fn worker(&self, id: &WorkerId) -> WorkerPlace {
        WorkerPlace {
            id: id.clone(),
            home: self.clone(),
            folder: self.root.join("workers").join(id.as_str()),
        }
    }

    /// The workers that have files here, by name.
    pub fn workers(&self) -> io::Result<Vec<WorkerId>> {
        let entries = match std::fs::read_dir(self.root.join("workers")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            WorkerId::new(entry.file_name().into_string().ok()?).ok().filter(|_| is_folder)
        });
        let mut found: Vec<WorkerId> = names.collect();
        found.sort_unstable();
        Ok(found)
    }
}

/// A variable of the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the launcher without arguments takes the environment as it is"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The files of one worker, in a folder of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerPlace {
    id: WorkerId,
    home: WorkerHome,
    folder: PathBuf,
}

impl WorkerPlace {
    /// Whose files these are.
    #[must_use]
    pub const fn id(&self) -> &WorkerId {
        &self.id
    }

    /// The home that it is in.
    #[must_use]
    pub const fn home(&self) -> &WorkerHome {
        &self.home
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the agent has shown on its screen.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.file("out.log")
    }

    /// What a launcher has said.
    #[must_use]
    pub fn launcher_output(&self) -> PathBuf {
        self.file("launcher.log")
    }

    /// The events that the agent has reported, one a line.
    pub(crate) fn events(&self) -> PathBuf {
        self.file("events.jsonl")
    }

    /// What has been sent to the agent, one line for each step.
    pub(crate) fn messages(&self) -> PathBuf {
        self.file("messages.jsonl")
    }

    /// The status that other programs read.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.home.status().join(format!("{}.json", self.id))
    }

    /// The worktree of a worker that has one.
    #[must_use]
    pub fn worktree(&self) -> PathBuf {
        self.file("tree")
    }

    /// Whether it is to take no new task.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.file("paused").exists()
    }

    /// Says whether it is to take no new task. What it works on goes on.
    pub fn set_paused(&self, paused: bool) -> io::Result<()> {
        let path = self.file("paused");
        if paused { private::replace(&path, b"") } else { private::remove(&path) }
    }

    /// Makes the folders.
    pub(crate) fn create(&self) -> io::Result<()> {
        private::folder(&self.home.root.join("workers"))?;
        private::folder(&self.folder)?;
        private::folder(&self.home.status())
    }
}
