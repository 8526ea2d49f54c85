//! Taking a bead, and keeping it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use forge_core::storage::queue::{
    Choose, LeaseEnd, LeaseEnding, LeaseRequest, QueueEntry, TaskChoice, TaskLease,
};

use super::{Snapshot, TaskQueue, TaskQueueError, lines};
use crate::{
    bead::{Bead, BeadId},
    id::WorkerId,
    source::{BeadFile, BeadFolder, LineEdit},
};

/// Who wants a bead, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Whose it will be.
    pub worker: WorkerId,
    /// For how long, unless it is renewed.
    pub ttl: Duration,
    /// The one bead that will do; `None` takes the next one.
    pub only: Option<BeadId>,
    /// Workers that are at work, whatever the time of their leases says.
    pub working: Vec<WorkerId>,
}

impl Claim {
    /// How long a lease holds unless it is renewed.
    pub const TTL: Duration = Duration::from_secs(15 * 60);

    /// The next bead for a worker, for [`Claim::TTL`].
    #[must_use]
    pub const fn new(worker: WorkerId) -> Self {
        Self { worker, ttl: Self::TTL, only: None, working: Vec::new() }
    }

    /// The same for so long.
    #[must_use]
    pub const fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The same for this bead.
    #[must_use]
    pub fn with_only(mut self, bead: BeadId) -> Self {
        self.only = Some(bead);
        self
    }

    /// The same while these workers are at work.
    #[must_use]
    pub fn with_working(mut self, working: Vec<WorkerId>) -> Self {
        self.working = working;
        self
    }
}

/// A bead that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// The bead as its line says it now.
    pub bead: Bead,
    /// The lease. What is done with the bead names its generation.
    pub lease: TaskLease,
}

impl TaskQueue {
    /// Takes the next bead; `None` where none is ready. Expired leases are out, and of all who ask at once each gets another one.
    ///
    /// # Errors
    ///
    /// [`TaskQueueError::NotReady`] where the one bead that will do is not.
    pub async fn claim(&self, claim: &Claim, now: DateTime<Utc>) -> Result<Option<Claimed>, TaskQueueError> {
        let claimed = match &self.folder {
            Some(folder) => self.claim_in_file(folder, claim, now).await?,
            None => self.claim_in_store(claim, now).await?,
        };
        match (&claimed, &claim.only) {
            (None, Some(only)) => {
                let snapshot = self.snapshot(now).await?;
                let bead = snapshot.bead(only).ok_or_else(|| TaskQueueError::Unknown(only.clone()))?;
                Err(TaskQueueError::NotReady { bead: only.clone(), obstacles: snapshot.obstacles(bead) })
            }
            _ => Ok(claimed),
        }
    }

    async fn claim_in_store(
        &self,
        claim: &Claim,
        now: DateTime<Utc>,
    ) -> Result<Option<Claimed>, TaskQueueError> {
        let theirs = claim.clone();
        let choose: Arc<Choose> = Arc::new(move |entries: &[QueueEntry]| {
            // Lines that cannot be read are said by the snapshot below.
            let file = lines(entries).ok()?;
            let snapshot = Snapshot::new(file, entries.to_vec(), now);
            let id = snapshot.next(theirs.only.as_ref(), &theirs.working)?;
            let line = LineEdit::claimed(theirs.worker.as_str(), now).apply(snapshot.line(&id)?)?;
            Some(TaskChoice::new(id.as_str(), Some(line.into())))
        });
        let lease = self.store.lease(&self.name, request(claim, now), choose).await?;
        let snapshot = self.snapshot(now).await?;
        let claimed = lease.and_then(|lease| {
            let bead = snapshot.beads().iter().find(|bead| bead.id.as_str() == &*lease.task)?;
            Some(Claimed { bead: bead.clone(), lease })
        });
        Ok(claimed)
    }

    /// First the lease, then the line: a process that is killed between them leaves a lease that runs out, and never a line that
    /// two have written.
    async fn claim_in_file(
        &self,
        folder: &BeadFolder,
        claim: &Claim,
        now: DateTime<Utc>,
    ) -> Result<Option<Claimed>, TaskQueueError> {
        let locked = folder.lock()?;
        let mut file = locked.read()?;
        let (read, theirs) = (file.clone(), claim.clone());
        let choose: Arc<Choose> = Arc::new(move |entries: &[QueueEntry]| {
            let snapshot = Snapshot::new(read.clone(), entries.to_vec(), now);
            let id = snapshot.next(theirs.only.as_ref(), &theirs.working)?;
            Some(TaskChoice::new(id.as_str(), None))
        });
        let Some(lease) = self.store.lease(&self.name, request(claim, now), choose).await? else {
            return Ok(None);
        };
        let written = claimed_line(&mut file, &lease, now).and_then(|bead| {
            locked.write(&file)?;
            Ok(bead)
        });
        match written {
            Ok(bead) => Ok(Some(Claimed { bead, lease })),
            Err(error) => {
                let ending = LeaseEnding::Released("its line could not be written".into());
                let end = LeaseEnd::new(Arc::clone(&lease.task), lease.generation, ending, now);
                // What went wrong first is what is told; a lease that stays runs out.
                let _ = self.store.end_lease(&self.name, end).await;
                Err(error)
            }
        }
    }

    /// Has the last lease of a bead hold for `ttl` from now on.
    ///
    /// # Errors
    ///
    /// [`TaskQueueError::Stale`] where it has ended, or somebody else took the bead since.
    pub async fn renew(
        &self,
        bead: &BeadId,
        generation: u64,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<TaskLease, TaskQueueError> {
        Ok(self.store.renew_lease(&self.name, bead.as_str(), generation, now, ttl).await?)
    }
}

fn request(claim: &Claim, now: DateTime<Utc>) -> LeaseRequest {
    LeaseRequest::new(claim.worker.as_str(), now, claim.ttl)
}

fn claimed_line(file: &mut BeadFile, lease: &TaskLease, now: DateTime<Utc>) -> Result<Bead, TaskQueueError> {
    let id = file.beads().map(|bead| &bead.id).find(|id| id.as_str() == &*lease.task).cloned();
    let gone = || TaskQueueError::Busy(lease.task.as_ref().to_owned());
    let id = id.ok_or_else(gone)?;
    let line = file.line(&id).and_then(|line| LineEdit::claimed(&lease.owner, now).apply(line));
    file.put(&line.ok_or_else(gone)?).map_err(TaskQueueError::Kept)?;
    file.bead(&id).cloned().ok_or_else(gone)
}
