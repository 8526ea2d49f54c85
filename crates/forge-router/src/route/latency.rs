//! How soon a route's replies begin.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Samples that the percentile is read from.
const WINDOW: usize = 128;

/// Fewer samples say nothing about the slowest twentieth.
const ENOUGH: usize = 20;

/// Times from sending a request to the first content of its reply.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// Moving average in nanoseconds; each sample has a weight of an eighth. 0 is unknown.
    average: AtomicU64,
    recent: Mutex<VecDeque<Duration>>,
}

impl Latency {
    /// Adds a sample. Only replies with content have one: a quick refusal says nothing of a vendor's speed.
    pub(crate) fn record(&self, sample: Duration) {
        // At least one, since 0 means unknown.
        let nanos = u64::try_from(sample.as_nanos()).unwrap_or(u64::MAX).max(1);
        let next = |old: u64| Some(if old == 0 { nanos } else { old - old / 8 + nanos / 8 });
        // The closure never declines.
        let _ = self.average.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let mut recent = self.lock();
        if recent.len() == WINDOW {
            recent.pop_front();
        }
        recent.push_back(sample);
    }

    /// The moving average in nanoseconds; 0 is unknown.
    pub(crate) fn average_nanos(&self) -> u64 {
        self.average.load(Ordering::Relaxed)
    }

    /// What nineteen of twenty replies do not exceed; `None` before there are enough of them.
    pub(crate) fn p95(&self) -> Option<Duration> {
        let mut samples: Vec<Duration> = self.lock().iter().copied().collect();
        if samples.len() < ENOUGH {
            return None;
        }
        let rank = samples.len() * 95 / 100;
        Some(*samples.select_nth_unstable(rank).1)
    }

    /// No code here panics while it holds the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Duration>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_waits_for_enough_samples_and_forgets_old_ones() {
        let latency = Latency::default();
        for millis in 1..=19 {
            latency.record(Duration::from_millis(millis));
        }
        assert_eq!(latency.p95(), None);
        latency.record(Duration::from_millis(20));
        assert_eq!(latency.p95(), Some(Duration::from_millis(20)));
        for _ in 0..WINDOW {
            latency.record(Duration::from_millis(5));
        }
        assert_eq!(latency.p95(), Some(Duration::from_millis(5)));
        let average = Duration::from_nanos(latency.average_nanos());
        assert!(average > Duration::from_millis(4) && average < Duration::from_millis(6), "{average:?}");
    }
}
