//! Who runs the work: the lock says who lives, the journal's claim who may write.

use std::time::Duration;

use forge_core::{Claim, Fence, JournalError, StreamName};

use crate::{
    deps::RunDeps,
    error::RunError,
    locks::{Lock, LockAttempt},
};

/// How long the right to write the journal holds without a renewal.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
pub(crate) const RENEWAL: Duration = Duration::from_secs(20);

/// The right to run the work.
#[derive(Debug)]
pub(crate) struct Ownership {
    pub(crate) fence: Fence,
    pub(crate) lock: Option<Box<dyn Lock>>,
}

/// Claims the work. The place of a run that died is taken at once where the lock proves its death; else its lease
/// is waited for, once. Without locks, a claim of another that has not lapsed is an error.
pub(crate) async fn claim(deps: &RunDeps, stream: &StreamName) -> Result<Ownership, RunError> {
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
                if has_died(&holder) && claim.replaces != Some(fence) =>
            {
                claim = claim.replacing(fence);
            }
            // A holder that lives renews its claim long before this time.
            Err(JournalError::Held { holder, until, .. }) if std::mem::take(&mut may_wait) => {
                tracing::warn!(%stream, %holder, %until, "another run may be at work; its claim is waited for");
                let left = (until - deps.timer.now()).to_std().unwrap_or_default().min(LEASE);
                deps.timer.sleep_until(deps.timer.instant() + left).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
