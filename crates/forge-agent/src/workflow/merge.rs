//! How a result comes to its user.

use std::path::PathBuf;

use forge_core::storage::journal::StreamName;
use forge_edit::{
    ChangedFile, Checkpoint, Checkpoints, Intent, Recovered, Resolved, ResolvedFile, UserChanges, Workspace,
};

use super::{deps::WorkflowDeps, error::WorkflowError, state::State};

/// Where the result is and where it goes.
pub(super) struct Merge {
    user: PathBuf,
    folder: PathBuf,
    deps: WorkflowDeps,
    name: String,
}

fn host(why: impl std::fmt::Display) -> WorkflowError {
    WorkflowError::Host(why.to_string())
}

impl Merge {
    pub(super) fn of(deps: &WorkflowDeps, name: &StreamName, state: &State) -> Option<Self> {
        Some(Self {
            user: state.brief.as_ref()?.workspace.clone(),
            folder: deps.folder(name),
            deps: deps.clone(),
            name: name.as_str().to_owned(),
        })
    }

    fn checkpoints(&self, root: &std::path::Path, folder: &str) -> Result<Checkpoints, WorkflowError> {
        Checkpoints::open(root, self.folder.join(folder), |name| (self.deps.variable)(name)).map_err(host)
    }

    /// The result as a checkpoint, and what is different in it.
    fn result(&self, state: &State) -> Result<(Checkpoint, Vec<ChangedFile>), WorkflowError> {
        let (Some(root), Some(base)) = (&state.root, &state.base) else {
            return Err(host("there is no result"));
        };
        let checkpoints = self.checkpoints(root, "checkpoints")?;
        let now = checkpoints.take(&self.name).map_err(host)?;
        let changed = checkpoints.changes(base, &now, &state.written()).map_err(host)?;
        Ok((now, changed))
    }

    /// What has to happen to the user's files, and their state before. Nothing is written yet.
    ///
    /// # Errors
    /// The files in which user and result have changed the same lines.
    pub(super) fn plan(&self, state: &State) -> Result<(Resolved, Intent, Checkpoint), WorkflowError> {
        let (_, changed) = self.result(state)?;
        let (user, workspace) =
            (self.checkpoints(&self.user, "merge")?, Workspace::open(&self.user).map_err(host)?);
        let (mut files, mut conflicts) = (Vec::new(), Vec::new());
        for ChangedFile { path, before, after, .. } in changed {
            let ours = workspace.read(&path).map_err(host)?;
            let merged = match (&ours, &before, &after) {
                (ours, before, _) if ours == before => after.clone(),
                (ours, _, after) if ours == after => continue,
                (Some(ours), Some(before), Some(after)) => {
                    match user.merge(ours, before, after).map_err(host)? {
                        Some(merged) => Some(merged),
                        None => {
                            conflicts.push(path.to_string());
                            continue;
                        }
                    }
                }
                // One side has the file and the other has not.
                _ => {
                    conflicts.push(path.to_string());
                    continue;
                }
            };
            files.push(ResolvedFile::new(path, ours, merged));
        }
        if !conflicts.is_empty() {
            return Err(WorkflowError::Conflicts(conflicts));
        }
        let before = user.take(&self.name).map_err(host)?;
        let resolved = Resolved::of(files);
        let intent = workspace.intent(&self.name, &resolved).map_err(host)?;
        Ok((resolved, intent.with_checkpoint(before.commit.clone()), before))
    }

    pub(super) fn write(&self, resolved: &Resolved, intent: &Intent) -> Result<(), WorkflowError> {
        Workspace::open(&self.user).map_err(host)?.apply(intent, resolved).map_err(host)
    }

    /// What became of a merge whose process ended: whether all of it is there, or nothing.
    pub(super) fn recover(&self, intent: &Intent) -> Result<bool, WorkflowError> {
        let workspace = Workspace::open(&self.user).map_err(host)?;
        Ok(workspace.recover(intent).map_err(host)? == Recovered::Finished)
    }

    /// The state of the user's folder now.
    pub(super) fn after(&self) -> Result<Checkpoint, WorkflowError> {
        self.checkpoints(&self.user, "merge")?.take(&self.name).map_err(host)
    }

    /// Brings a folder back to `before`. What differs from `last`, the state after the workflow wrote there, is the user's: it stays,
    /// and where the workflow has written, too, it is returned.
    pub(super) fn undo(
        &self,
        (before, last): (&Checkpoint, &Checkpoint),
        root: &std::path::Path,
        folder: &str,
    ) -> Result<Vec<PathBuf>, WorkflowError> {
        let checkpoints = self.checkpoints(root, folder)?;
        let restored = checkpoints.restore(before, last, UserChanges::Keep).map_err(host)?;
        Ok(restored.conflicts)
    }

    /// A commit on top of the user's `HEAD`, and a branch that leads to it.
    pub(super) fn branch(&self, state: &State, branch: &str, message: &str) -> Result<(), WorkflowError> {
        let (now, changed) = self.result(state)?;
        let files: Vec<_> = changed.into_iter().map(|file| file.path).collect();
        let checkpoints = self.checkpoints(&self.user, "merge")?;
        checkpoints.branch(branch, &now, &files, message).map_err(host).map(|_| ())
    }

    /// The change as a diff.
    pub(super) fn diff(&self, state: &State) -> Result<String, WorkflowError> {
        let (now, _) = self.result(state)?;
        let (Some(root), Some(base)) = (&state.root, &state.base) else { return Ok(String::new()) };
        self.checkpoints(root, "checkpoints")?.diff(base, &now, &state.written()).map_err(host)
    }

    /// Removes the working tree and the checkpoints.
    pub(super) fn forget(&self, state: &State) -> Result<(), WorkflowError> {
        if let Some(root) = state.root.as_ref().filter(|root| root.exists()) {
            self.checkpoints(root, "checkpoints")?.forget(&self.name).map_err(host)?;
        }
        if !state.brief.as_ref().is_some_and(|brief| brief.here) {
            self.checkpoints(&self.user, "merge")?
                .remove_worktree(&self.folder.join("tree"))
                .map_err(host)?;
        }
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder).map_err(host)?;
        }
        Ok(())
    }
}
