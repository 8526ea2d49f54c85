//! States of a workspace, kept as commits that no branch names, and the way back to them.
//!
//! The index, `HEAD`, branches, stash and ignored files of the user are never touched: checkpoints have an index of their own, in
//! the state folder, and a reference below `refs/forge/run/`.

mod changes;
mod cover;
mod error;
mod git;
mod restore;
mod snapshot;
mod sums;
mod worktree;

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{path::EditPath, workspace::Workspace};

pub use self::{
    changes::ChangedFile,
    error::CheckpointError,
    restore::{Restored, UserChanges},
};
use self::{git::Git, sums::Sums};

/// A state of a workspace, as plain data for a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The run that it belongs to.
    pub run: String,
    /// The commit; its parent is the checkpoint before.
    pub commit: String,
    /// The tree of that commit. Equal trees have equal contents, names and executable bits.
    pub tree: String,
}

/// Takes checkpoints of a workspace and restores them. Calls block while git works; one process at a time may use a run.
#[derive(Debug)]
pub struct Checkpoints {
    git: Git,
    workspace: Workspace,
    state: PathBuf,
    /// Ignored files that are covered all the same.
    included: Vec<EditPath>,
}

impl Checkpoints {
    /// Opens the repository whose working tree the folder is; where there is none, one without a working tree is made in the state
    /// folder. `variable` gives those of the environment that git needs to find itself and its settings (`PATH`, `HOME`,
    /// `XDG_CONFIG_HOME`); nothing else of the environment reaches it.
    pub fn open(
        root: impl AsRef<Path>,
        state: impl AsRef<Path>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, CheckpointError> {
        let (root, state) = (root.as_ref(), state.as_ref());
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| CheckpointError::State { path, source }
        };
        fs::create_dir_all(state).map_err(failed(state))?;
        let root = fs::canonicalize(root).map_err(failed(root))?;
        let state = fs::canonicalize(state).map_err(failed(state))?;
        if state.starts_with(&root) {
            return Err(CheckpointError::StateInside { state, root });
        }
        let git = Git::open(&root, &state, variable)?;
        let workspace = Workspace::open(&root)?;
        Ok(Self { git, workspace, state, included: Vec::new() })
    }

    /// Files that are covered although they are ignored.
    pub fn with_included(mut self, paths: impl IntoIterator<Item = EditPath>) -> Self {
        self.included.extend(paths);
        self
    }

    /// Whether the folder is no repository, so that checkpoints are in the state folder.
    pub fn is_shadow(&self) -> bool {
        self.git.is_shadow()
    }

    /// The folders of submodules, checked out or not, for [`Workspace::with_closed`].
    pub fn submodules(&self) -> Result<Vec<EditPath>, CheckpointError> {
        let links = self.git.user_links()?;
        Ok(links.iter().filter_map(|path| EditPath::new(std::str::from_utf8(path).ok()?).ok()).collect())
    }

    /// Keeps the state of now as the newest checkpoint of the run. The run's name has up to 64 letters, digits, `-` and `_`.
    ///
    /// Covered is what git tracks or would track; see [`not_covered`](Self::not_covered). A repository inside with changes that are
    /// not committed is an error, because they would not be kept.
    pub fn take(&self, run: &str) -> Result<Checkpoint, CheckpointError> {
        let run = Run::of(self, run)?;
        let tree = snapshot::tree(&self.git, &run, &self.included)?;
        let entries = self.git.entries(&run.index())?;
        for link in entries.iter().filter(|entry| entry.is_repository()) {
            if self.git.has_changes(&link.path)? {
                return Err(CheckpointError::NestedChanges(link.shown()));
            }
        }
        self.keep(&run, tree, &entries)
    }

    /// What was there when the checkpoint was taken and is not kept: ignored files and folders (with `/` at the end), pipes, sockets,
    /// devices. Empty folders are not listed.
    pub fn not_covered(&self, checkpoint: &Checkpoint) -> Result<Vec<PathBuf>, CheckpointError> {
        let sums = self.sums(checkpoint)?;
        Ok(sums.not_covered.into_iter().map(|path| OsString::from_vec(path).into()).collect())
    }

    /// Forgets all checkpoints of a run; git removes their contents in time.
    pub fn forget(&self, run: &str) -> Result<(), CheckpointError> {
        let run = Run::of(self, run)?;
        self.git.forget(&run.reference())?;
        fs::remove_dir_all(&run.folder).map_err(|source| CheckpointError::State { path: run.folder, source })
    }

    fn keep(&self, run: &Run, tree: String, entries: &[git::Entry]) -> Result<Checkpoint, CheckpointError> {
        let sums = cover::sums(&self.workspace, run, entries, self.git.ignored(&run.index())?)?;
        let parent = self.git.reference(&run.reference())?;
        let commit = self.git.commit(&tree, parent.as_deref())?;
        // Sums without a checkpoint harm nobody; a checkpoint without sums could not be restored.
        sums.write(&run.sums(&commit))?;
        self.git.set_reference(&run.reference(), &commit, parent.as_deref())?;
        Ok(Checkpoint { run: run.name.clone(), commit, tree })
    }

    fn sums(&self, checkpoint: &Checkpoint) -> Result<Sums, CheckpointError> {
        let is_hash = checkpoint.commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash || checkpoint.commit.is_empty() {
            return Err(CheckpointError::Name(checkpoint.commit.clone()));
        }
        Sums::read(&Run::of(self, &checkpoint.run)?.sums(&checkpoint.commit))
    }
}

/// The folder in which a run keeps its index and its sums.
#[derive(Debug)]
struct Run {
    name: String,
    folder: PathBuf,
}

impl Run {
    fn of(checkpoints: &Checkpoints, name: &str) -> Result<Self, CheckpointError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(CheckpointError::Name(name.to_owned()));
        }
        let folder = checkpoints.state.join("run").join(name);
        fs::create_dir_all(&folder)
            .map_err(|source| CheckpointError::State { path: folder.clone(), source })?;
        Ok(Self { name: name.to_owned(), folder })
    }

    fn reference(&self) -> String {
        format!("refs/forge/run/{}", self.name)
    }

    fn index(&self) -> PathBuf {
        self.folder.join("index")
    }

    fn sums(&self, commit: &str) -> PathBuf {
        self.folder.join(format!("{commit}.sums"))
    }

    /// What is known of files that have not changed since.
    fn stats(&self) -> PathBuf {
        self.folder.join("stats")
    }
}
