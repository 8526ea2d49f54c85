//! The queue of a workspace: its beads, who has each of them, and what is next.
//!
//! Where the workspace has a `.beads/issues.jsonl`, beads are read and written there, and only leases are in the store; else the
//! store keeps the lines as well. Both kinds of lines are the same bytes, and every rule holds for both.

mod change;
mod claim;
mod end;
mod error;
mod new;
mod snapshot;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use forge_core::storage::queue::{LineChange, QueueEntry, QueueStore};

pub use self::{
    claim::{Claim, Claimed},
    end::{Evidence, Release},
    error::TaskQueueError,
    new::NewBead,
    snapshot::{Snapshot, Standing},
};
use crate::{
    bead::Bead,
    source::{BeadFile, BeadFolder, FolderError},
};

/// How often something is tried again because somebody else changed the same line meanwhile.
const TRIES: usize = 50;

/// The queue of one workspace.
#[derive(Debug)]
pub struct TaskQueue {
    /// The folder of the workspace, which is the name of the queue in the store.
    name: String,
    store: Arc<dyn QueueStore>,
    folder: Option<BeadFolder>,
}

impl TaskQueue {
    /// The queue of this workspace: its `.beads/issues.jsonl` where it has one, else the store's own.
    ///
    /// # Errors
    ///
    /// Where the folder is not there, or holds a `.beads` that is a link.
    pub fn open(workspace: &Path, store: Arc<dyn QueueStore>) -> Result<Self, TaskQueueError> {
        let whole = workspace.canonicalize().map_err(|source| {
            TaskQueueError::Folder(FolderError::Io { path: workspace.to_owned(), action: "opened", source })
        })?;
        let folder = match BeadFolder::open(&whole) {
            Ok(folder) => Some(folder),
            Err(FolderError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { name: whole.to_string_lossy().into_owned(), store, folder })
    }

    /// The folder of the workspace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file of the beads; `None` where the store keeps them.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(BeadFolder::file)
    }

    /// A database of another program that was written after the file; see [`BeadFolder::newer_database`].
    #[must_use]
    pub fn newer_database(&self) -> Option<PathBuf> {
        self.folder.as_ref().and_then(BeadFolder::newer_database)
    }

    /// What stands in the queue at `now`.
    ///
    /// # Errors
    ///
    /// Where the beads cannot be read.
    pub async fn snapshot(&self, now: DateTime<Utc>) -> Result<Snapshot, TaskQueueError> {
        let entries = self.store.queue(&self.name).await?;
        let file = match &self.folder {
            Some(folder) => folder.read()?,
            None => lines(&entries)?,
        };
        Ok(Snapshot::new(file, entries, now))
    }

    /// The records as they are handed on: sorted, each ending in a line feed.
    ///
    /// # Errors
    ///
    /// Where the beads cannot be read.
    pub async fn export(&self) -> Result<String, TaskQueueError> {
        match &self.folder {
            Some(folder) => Ok(folder.read()?.export()),
            None => Ok(lines(&self.store.queue(&self.name).await?)?.export()),
        }
    }
}

/// The lines that the store keeps, as a file of them.
fn lines(entries: &[QueueEntry]) -> Result<BeadFile, TaskQueueError> {
    let text: String =
        entries.iter().filter_map(|entry| entry.line.as_deref()).flat_map(|line| [line, "\n"]).collect();
    BeadFile::parse(text.as_bytes()).map_err(TaskQueueError::Kept)
}

/// What the store calls a record: a bead by its id, another record by its own text behind a sign that no id begins with.
fn key(bead: Option<&Bead>, text: &str) -> String {
    bead.map_or_else(|| format!("~{text}"), |bead| bead.id.to_string())
}

/// What has to be written so that the store has the lines of `file`.
fn changes(entries: &[QueueEntry], file: &BeadFile) -> Vec<LineChange> {
    let records = file.records().map(|(bead, text)| (key(bead, text), text));
    let changed = records.filter_map(|(key, text)| {
        let at = entries.binary_search_by(|entry| (*entry.task).cmp(key.as_str())).ok();
        let before = at.and_then(|at| entries[at].line.clone());
        (before.as_deref() != Some(text)).then(|| LineChange::new(key, before, text))
    });
    changed.collect()
}

impl fmt::Display for TaskQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.file() {
            Some(file) => file.display().fmt(f),
            None => write!(f, "the queue of {}", self.name),
        }
    }
}
