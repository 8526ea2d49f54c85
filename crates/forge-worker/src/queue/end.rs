//! Giving a bead back, and closing it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use forge_core::storage::queue::{LeaseEnd, LeaseEnding, LineChange, QueueError, TaskLease};

use super::{TaskQueue, TaskQueueError, lines};
use crate::{
    bead::BeadId,
    source::{BeadFile, BeadFolder, LineEdit},
};

/// What shows that a bead is done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// A commit.
    Commit(String),
    /// There was nothing to do, for this reason.
    NothingToDo(String),
}

impl Evidence {
    /// As a line has it.
    fn text(&self) -> String {
        match self {
            Self::Commit(commit) => format!("commit {commit}"),
            Self::NothingToDo(reason) => format!("nothing to do: {reason}"),
        }
    }
}

/// Who gives a bead back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// Its owner, who knows the generation.
    Own(u64),
    /// Somebody else takes it from its owner, which goes into the audit log.
    Forced {
        /// Who.
        by: String,
    },
}

impl TaskQueue {
    /// Gives a bead back: it is open again. A bead that was closed meanwhile stays closed.
    ///
    /// # Errors
    ///
    /// [`TaskQueueError::Stale`] for an old generation; [`TaskQueueError::NotHeld`] where nobody has the bead.
    pub async fn release(
        &self,
        bead: &BeadId,
        release: Release,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<TaskLease, TaskQueueError> {
        let (generation, ending) = match release {
            Release::Own(generation) => (generation, LeaseEnding::Released(reason.into())),
            Release::Forced { by } => {
                let snapshot = self.snapshot(now).await?;
                let lease = snapshot.lease(bead).filter(|lease| lease.ended.is_none());
                let lease = lease.ok_or_else(|| TaskQueueError::NotHeld(bead.clone()))?;
                (lease.generation, LeaseEnding::Forced { by: by.into(), reason: reason.into() })
            }
        };
        let end = LeaseEnd::new(bead.as_str(), generation, ending, now);
        self.end(bead, end, &LineEdit::released(now)).await
    }

    /// Closes a bead.
    ///
    /// # Errors
    ///
    /// [`TaskQueueError::Stale`] for an old generation: what was done under it is not lost, but the bead is another's now.
    pub async fn close(
        &self,
        bead: &BeadId,
        generation: u64,
        evidence: &Evidence,
        now: DateTime<Utc>,
    ) -> Result<TaskLease, TaskQueueError> {
        let text = evidence.text();
        let ending = LeaseEnding::Closed(text.as_str().into());
        let end = LeaseEnd::new(bead.as_str(), generation, ending, now);
        self.end(bead, end, &LineEdit::closed(&text, now)).await
    }

    /// Ends a lease and changes the line with it.
    pub(super) async fn end(
        &self,
        bead: &BeadId,
        end: LeaseEnd,
        edit: &LineEdit,
    ) -> Result<TaskLease, TaskQueueError> {
        if let Some(folder) = &self.folder {
            return self.end_in_file(folder, bead, end, edit).await;
        }
        for _ in 0..super::TRIES {
            let entries = self.store.queue(&self.name).await?;
            let line = edited(&lines(&entries)?, bead, edit);
            let end = match line {
                Some((before, after)) => {
                    end.clone().with_line(LineChange::new(bead.as_str(), Some(before), after))
                }
                None => end.clone(),
            };
            match self.store.end_lease(&self.name, end).await {
                Err(QueueError::Changed { .. }) => {}
                ended => return Ok(ended?),
            }
        }
        Err(TaskQueueError::Busy(bead.to_string()))
    }

    /// First the line, then the lease: a process that is killed between them leaves a lease that runs out, on a line that says
    /// already what is true.
    async fn end_in_file(
        &self,
        folder: &BeadFolder,
        bead: &BeadId,
        end: LeaseEnd,
        edit: &LineEdit,
    ) -> Result<TaskLease, TaskQueueError> {
        let locked = folder.lock()?;
        let entries = self.store.queue(&self.name).await?;
        let current =
            entries.iter().find(|entry| *entry.task == *end.task).and_then(|entry| entry.lease.as_ref());
        // Nobody can take the bead while the folder is locked, so that what is current stays so.
        let is_current =
            current.is_some_and(|lease| lease.generation == end.generation && lease.ended.is_none());
        let mut file = locked.read()?;
        if is_current && let Some((_, after)) = edited(&file, bead, edit) {
            file.put(&after).map_err(TaskQueueError::Kept)?;
            locked.write(&file)?;
        }
        Ok(self.store.end_lease(&self.name, end).await?)
    }
}

/// The line of a bead before and after an edit; `None` where it is not there, or somebody said something else of it meanwhile.
fn edited(file: &BeadFile, bead: &BeadId, edit: &LineEdit) -> Option<(Arc<str>, String)> {
    let line = file.line(bead).filter(|_| file.bead(bead).is_some_and(|bead| edit.suits(&bead.status)))?;
    Some((line.into(), edit.apply(line)?))
}
