//! Journals in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::lock;
use crate::{
    storage::{
        Changes,
        journal::{Batch, Claim, Entry, Fence, Journal, JournalError, StreamInfo, StreamName, Streams},
    },
    time::{Clock, SystemTimer},
};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A [`Journal`] that ends with the process.
#[derive(Debug)]
pub struct MemoryJournal {
    clock: Arc<dyn Clock>,
    streams: Mutex<Kept>,
    changes: Changes,
}

#[derive(Debug, Default)]
struct Kept {
    streams: HashMap<StreamName, Stream>,
    /// The largest fence of the streams that were deleted.
    deleted: u64,
    /// Appends so far, by which streams are ordered: several may be made at the same time of the clock.
    appends: u64,
}

#[derive(Debug)]
struct Stream {
    entries: Vec<Vec<u8>>,
    bytes: u64,
    fence: u64,
    claim: Option<(Arc<str>, Instant)>,
    created_at: DateTime<Utc>,
    updated: (DateTime<Utc>, u64),
    summary: Option<Value>,
}

impl Stream {
    /// Who writes it, and until when.
    fn holder(&self, now: Instant) -> Option<(&Arc<str>, Instant)> {
        self.claim.as_ref().filter(|(_, until)| *until > now).map(|(holder, until)| (holder, *until))
    }
}

impl MemoryJournal {
    /// An empty journal whose claims lapse by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, streams: Mutex::default(), changes: Changes::default() }
    }

    fn held(&self, stream: &StreamName, holder: &Arc<str>, fence: u64, until: Instant) -> JournalError {
        // A lease runs by the monotonic clock. The time for people is reckoned from what is left of it.
        let left = until.saturating_duration_since(self.clock.instant());
        let holder = Arc::clone(holder);
        JournalError::Held {
            stream: stream.clone(),
            holder,
            fence: Fence(fence),
            until: self.clock.now() + left,
        }
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new(SystemTimer::shared())
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        let (now, today) = (self.clock.instant(), self.clock.now());
        let mut kept = lock(&self.streams);
        let (deleted, appends) = (kept.deleted, kept.appends);
        let state = kept.streams.entry(stream.clone()).or_insert_with(|| Stream {
            entries: Vec::new(),
            bytes: 0,
            fence: deleted,
            claim: None,
            created_at: today,
            updated: (today, appends),
            summary: None,
        });
        match state.holder(now) {
            // A renewal keeps the fence, so that appends on their way stay valid.
            Some((current, _)) if *current == claim.holder => {}
            Some((current, until)) if claim.replaces != Some(Fence(state.fence)) => {
                return Err(self.held(stream, current, state.fence, until));
            }
            // With the first who takes the stream over, all others who named the old fence have lost.
            _ => state.fence += 1,
        }
        // A lease too long to be added to the time outlives the process as a year does.
        state.claim = Some((Arc::clone(&claim.holder), now + claim.lease.min(YEAR)));
        Ok(Fence(state.fence))
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        let mut kept = lock(&self.streams);
        // A holder that was replaced cannot release the claim of its successor.
        if let Some(state) = kept.streams.get_mut(stream).filter(|state| state.fence == fence.0) {
            state.claim = None;
        }
        Ok(())
    }

    async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError> {
        batch.summary_text(stream)?;
        let today = self.clock.now();
        let mut kept = lock(&self.streams);
        kept.appends += 1;
        let appends = kept.appends;
        // A stream that is not there has no writer either: it was deleted, or nobody has claimed it.
        let fenced = || JournalError::Fenced { stream: stream.clone() };
        let state = kept.streams.get_mut(stream).filter(|state| state.fence == fence.0).ok_or_else(fenced)?;
        let Batch { expected, payloads, summary } = batch;
        let actual = state.entries.len() as u64;
        // After the fence: whoever lost the stream must not take the entries of its heir for a mistake of its
        // own.
        if actual != expected {
            return Err(JournalError::Conflict { stream: stream.clone(), expected, actual });
        }
        state.bytes += payloads.iter().map(|payload| payload.len() as u64).sum::<u64>();
        state.entries.extend(payloads);
        state.updated = (today, appends);
        state.summary = summary.or(state.summary.take());
        let count = state.entries.len() as u64;
        // Whoever is woken reads at once, and needs the lock for it.
        drop(kept);
        self.changes.notify();
        Ok(count)
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        let kept = lock(&self.streams);
        let entries = kept.streams.get(stream).map_or(&[][..], |state| &state.entries);
        // Behind the end is where watchers ask, so that it is empty and no error.
        let from = usize::try_from(sequence).unwrap_or(usize::MAX).min(entries.len());
        let numbered = entries[from..].iter().zip(sequence..);
        Ok(numbered.map(|(payload, sequence)| Entry { sequence, payload: payload.clone() }).collect())
    }
}

#[async_trait]
impl Streams for MemoryJournal {
    async fn list(&self) -> Result<Vec<StreamInfo>, JournalError> {
        let now = self.clock.instant();
        let kept = lock(&self.streams);
        let mut found: Vec<_> = kept.streams.iter().collect();
        found.sort_by(|(one, a), (other, b)| b.updated.cmp(&a.updated).then(other.cmp(one)));
        let info = |(name, state): (&StreamName, &Stream)| {
            StreamInfo::new(name.clone(), state.created_at)
                .with_content(state.entries.len() as u64, state.bytes, state.updated.0)
                .with_holder(state.holder(now).map(|(holder, _)| Arc::clone(holder)))
                .with_summary(state.summary.clone())
        };
        Ok(found.into_iter().map(info).collect())
    }

    async fn delete(&self, stream: &StreamName) -> Result<bool, JournalError> {
        let mut kept = lock(&self.streams);
        let Some(state) = kept.streams.get(stream) else { return Ok(false) };
        if let Some((holder, until)) = state.holder(self.clock.instant()) {
            return Err(self.held(stream, holder, state.fence, until));
        }
        // A writer of the deleted stream stays fenced off from one of the same name.
        kept.deleted = kept.deleted.max(state.fence);
        kept.streams.remove(stream);
        Ok(true)
    }

    async fn watch(&self, stream: &StreamName, from: u64) -> Result<Vec<Entry>, JournalError> {
        loop {
            // Before the read: a change in between ends the wait at once.
            let seen = self.changes.count();
            let entries = self.read(stream, from).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            self.changes.after(seen).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::time::ManualTimer;

    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("memory never waits")
    }

    fn claim(holder: &str, lease: Duration) -> Claim {
        Claim::new(holder, lease)
    }

    #[test]
    fn a_second_writer_is_refused_and_a_late_one_fenced_off() {
        let clock = ManualTimer::new();
        let journal = MemoryJournal::new(Arc::new(clock.clone()));
        let name = StreamName::new("s-1").unwrap();
        let lease = Duration::from_secs(10);
        let first = now(journal.claim(&name, &claim("a", lease))).unwrap();
        let held = now(journal.claim(&name, &claim("b", lease)));
        assert!(matches!(held, Err(JournalError::Held { holder, .. }) if &*holder == "a"));
        assert_eq!(now(journal.append(&name, first, Batch::new(0, vec![b"x".to_vec()]))).unwrap(), 1);

        clock.advance(lease);
        let second = now(journal.claim(&name, &claim("b", lease))).unwrap();
        assert!(second > first);
        let late = now(journal.append(&name, first, Batch::new(1, vec![b"late".to_vec()])));
        assert!(matches!(late, Err(JournalError::Fenced { .. })));
        let gap = now(journal.append(&name, second, Batch::new(0, vec![b"y".to_vec()])));
        assert!(matches!(gap, Err(JournalError::Conflict { actual: 1, .. })));
        assert_eq!(now(journal.read(&name, 0)).unwrap().len(), 1);
    }

    #[test]
    fn a_claim_may_be_for_ever() {
        let journal = MemoryJournal::default();
        let name = StreamName::new("s").unwrap();
        now(journal.claim(&name, &claim("a", Duration::MAX))).unwrap();
        assert!(now(journal.claim(&name, &claim("b", Duration::MAX))).is_err());
    }

    #[test]
    fn a_stream_name_is_never_a_path() {
        for bad in ["", "../x", "a/b", "A", "a b", "a\0", &"x".repeat(65)] {
            assert!(StreamName::new(bad).is_err(), "{bad:?}");
        }
    }
}
