//! Ownership of the work: the lock tells who is alive, the claim of the journal who may write.

use std::time::Duration;

use forge_core::storage::journal::{Claim, Fence, JournalError, StreamName};

use crate::{
    deps::RunDeps,
    error::RunError,
    locks::{Lock, LockAttempt},
};

/// How long a claim of the journal holds without a renewal.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How often it is renewed. A process that stalls for the remaining 40 s still keeps its claim.
pub(crate) const RENEWAL: Duration = Duration::from_secs(20);

/// The exclusive right to run the work.
#[derive(Debug)]
pub(crate) struct Ownership {
    pub(crate) fence: Fence,
    pub(crate) lock: Option<Box<dyn Lock>>,
}

/// Claims the work. The claim of a dead run is replaced at once if the lock proves its death; otherwise the claim waits
/// for one lease to lapse. Without locks, a foreign claim that has not lapsed is an error.
pub(crate) async fn claim(deps: &RunDeps, stream: &StreamName) -> Result<Ownership, RunError> {
    // The lock goes before the claim. It says at once who is alive, and a live run is refused here without a
    // look at its claim, which may have lapsed while its computer slept.
    let lock = match &deps.locks {
        None => None,
        Some(locks) => match locks.lock(stream, &deps.holder).map_err(RunError::Lock)? {
            LockAttempt::Acquired(lock) => Some(lock),
            LockAttempt::Unsupported => None,
            LockAttempt::Held { holder } => {
                let holder = holder.unwrap_or_else(|| "another process".to_owned());
                return Err(RunError::Running { stream: stream.clone(), holder });
            }
        },
    };
    let has_died = |holder: &str| lock.as_ref().is_some_and(|lock| lock.has_died(holder));
    let mut claim = Claim::new(&*deps.holder, LEASE);
    let mut may_wait = deps.locks.is_some();
    loop {
        match deps.journal.claim(stream, &claim).await {
            Ok(fence) => return Ok(Ownership { fence, lock }),
            Err(JournalError::Held { holder, fence, .. })
                // The fence names the very claim that is replaced: a run that claims in between keeps its own.
                // Once for each fence: a store that refuses a takeover must not keep the run in this loop.
                if has_died(&holder) && claim.replaces != Some(fence) =>
            {
                claim = claim.replacing(fence);
            }
            // A live holder renews its claim long before it lapses, so that one lease of waiting tells it from a dead one.
            Err(JournalError::Held { holder, until, .. }) if std::mem::take(&mut may_wait) => {
                tracing::warn!(%stream, %holder, %until, "another run may be alive; waiting for its claim to lapse");
                let left = (until - deps.timer.now()).to_std().unwrap_or_default().min(LEASE);
                deps.timer.sleep_until(deps.timer.instant() + left).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
