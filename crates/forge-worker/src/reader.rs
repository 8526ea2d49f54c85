//! The ready beads of a workspace with a file of its own.

use std::path::Path;

use chrono::{DateTime, Utc};
use forge_core::time::{Clock, SystemTimer};

use crate::{
    bead::Bead,
    ready::BeadGraph,
    score::{TaskScorer, queue_order},
    source::{BeadFolder, FolderError},
};

/// Reads the ready beads of a workspace that has a `.beads/issues.jsonl`. It changes nothing.
///
/// ```no_run
/// use forge_worker::BeadQueueReader;
///
/// let reader = BeadQueueReader::new("/workspace/path")?;
/// let ready_beads = reader.read_ready_beads()?;
/// # Ok::<_, forge_worker::source::FolderError>(())
/// ```
#[derive(Debug)]
pub struct BeadQueueReader {
    folder: BeadFolder,
}

impl BeadQueueReader {
    /// A reader of this workspace.
    ///
    /// # Errors
    ///
    /// Where there is no such file: a queue that cannot be seen is another thing than one that is empty.
    pub fn new(workspace: impl AsRef<Path>) -> Result<Self, FolderError> {
        Ok(Self { folder: BeadFolder::open(workspace.as_ref())? })
    }

    /// The beads that can be begun now, the most urgent one first.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read; see [`FolderError`].
    pub fn read_ready_beads(&self) -> Result<Vec<Bead>, FolderError> {
        self.read_ready_beads_at(SystemTimer.now())
    }

    /// The same at this time.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read; see [`FolderError`].
    pub fn read_ready_beads_at(&self, now: DateTime<Utc>) -> Result<Vec<Bead>, FolderError> {
        let file = self.folder.read()?;
        let graph = BeadGraph::new(file.beads());
        let scored = graph.ready(now).filter_map(|bead| {
            let scorer = TaskScorer::new().at(now).with_dependents(graph.dependents(&bead.id));
            scorer.score_bead(bead, &[]).ok().map(|score| (bead, score))
        });
        let ordered = queue_order(scored.collect(), now, 0);
        Ok(ordered.into_iter().map(|(bead, _)| bead.clone()).collect())
    }
}
