//! Adding beads, what they depend on, and taking in lines from elsewhere.

use chrono::{DateTime, Utc};
use forge_core::storage::queue::{LeaseEnd, LeaseEnding, QueueError, TaskLease};

use super::{NewBead, TaskQueue, TaskQueueError, changes, lines};
use crate::{
    bead::{Bead, BeadId, DependencyKind},
    id::WorkerId,
    ready::{BeadGraph, GraphFault},
    source::{BeadFile, LineEdit, Merged, merge},
};

impl TaskQueue {
    /// Adds a bead, and returns it.
    ///
    /// # Errors
    ///
    /// [`TaskQueueError::Exists`] where the id is taken; [`TaskQueueError::Unknown`] where a bead that it names is not there.
    pub async fn add(&self, new: &NewBead, now: DateTime<Utc>) -> Result<Bead, TaskQueueError> {
        self.edit(|file| {
            let busy = || TaskQueueError::Busy(self.name.clone());
            let id = new.id(file, &self.name, now).ok_or_else(busy)?;
            if file.bead(&id).is_some() {
                return Err(TaskQueueError::Exists(id));
            }
            if let Some(missing) = new.blocked_by.iter().chain(&new.parent).find(|on| file.bead(on).is_none())
            {
                return Err(TaskQueueError::Unknown(missing.clone()));
            }
            file.put(&new.line(&id, now)).map_err(TaskQueueError::Kept)?;
            file.bead(&id).cloned().ok_or_else(busy)
        })
        .await
    }

    /// Has `bead` wait for `on`. Where `worker` has the bead, it goes back with the reason, and the lease that has ended is
    /// returned: who is blocked holds nothing.
    ///
    /// # Errors
    ///
    /// [`TaskQueueError::Cycle`] where beads would wait for each other.
    pub async fn depend(
        &self,
        bead: &BeadId,
        on: (&BeadId, &DependencyKind),
        (worker, reason): (Option<&WorkerId>, &str),
        now: DateTime<Utc>,
    ) -> Result<Option<TaskLease>, TaskQueueError> {
        let (on, kind) = on;
        let by = worker.map_or("", WorkerId::as_str);
        let edit = LineEdit::depends(bead, on, kind, by, now);
        let held = self.snapshot(now).await?.lease(bead).cloned();
        let held = held.filter(|lease| lease.ended.is_none() && !by.is_empty() && *lease.owner == *by);
        self.edit(|file| {
            let known = file.bead(bead).ok_or_else(|| TaskQueueError::Unknown(bead.clone()))?;
            if file.bead(on).is_none() {
                return Err(TaskQueueError::Unknown(on.clone()));
            }
            if known.status.is_done() {
                return Err(TaskQueueError::Done(bead.clone()));
            }
            if known.dependencies.iter().any(|one| one.on == *on && one.kind == *kind) {
                return Ok(());
            }
            let line = file.line(bead).and_then(|line| edit.apply(line));
            file.put(&line.unwrap_or_default()).map_err(TaskQueueError::Kept)?;
            check_cycle(file, bead, on)
        })
        .await?;
        let Some(lease) = held else { return Ok(None) };
        let ending = LeaseEnding::Released(format!("waits for {on}: {reason}").into());
        let end = LeaseEnd::new(bead.as_str(), lease.generation, ending, now);
        self.end(bead, end, &LineEdit::released(now)).await.map(Some)
    }

    /// Takes lines in: a bead's line replaces the one that is there only where its `updated_at` is strictly newer.
    ///
    /// # Errors
    ///
    /// Where the beads cannot be read or written.
    pub async fn import(&self, from: &BeadFile) -> Result<Merged, TaskQueueError> {
        self.edit(|file| merge(file, from).map_err(TaskQueueError::Kept)).await
    }

    /// Changes lines, all or none. What was read may be read again, where somebody else changed it meanwhile.
    async fn edit<T>(
        &self,
        change: impl Fn(&mut BeadFile) -> Result<T, TaskQueueError>,
    ) -> Result<T, TaskQueueError> {
        if let Some(folder) = &self.folder {
            let locked = folder.lock()?;
            let mut file = locked.read()?;
            let before = file.to_bytes();
            let changed = change(&mut file)?;
            if file.to_bytes() != before {
                locked.write(&file)?;
            }
            return Ok(changed);
        }
        for _ in 0..super::TRIES {
            let entries = self.store.queue(&self.name).await?;
            let mut file = lines(&entries)?;
            let changed = change(&mut file)?;
            match self.store.write_lines(&self.name, changes(&entries, &file)).await {
                Err(QueueError::Changed { .. }) => {}
                written => {
                    written?;
                    return Ok(changed);
                }
            }
        }
        Err(TaskQueueError::Busy(self.name.clone()))
    }
}

fn check_cycle(file: &BeadFile, bead: &BeadId, on: &BeadId) -> Result<(), TaskQueueError> {
    let faults = BeadGraph::new(file.beads()).faults();
    let cycle = faults.into_iter().find_map(|fault| match fault {
        GraphFault::Cycle(cycle) if cycle.contains(bead) && cycle.contains(on) => Some(cycle),
        _ => None,
    });
    match cycle {
        Some(cycle) => Err(TaskQueueError::Cycle { bead: bead.clone(), on: on.clone(), cycle }),
        None => Ok(()),
    }
}
