//! The attempts of one call.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use crate::{route::FailedAttempt, usage::Money};

/// The attempts of one call, shared by every copy of its context. Each new attempt takes its number here, so
/// that no two have the same, and each failure is noted here.
#[derive(Debug)]
pub struct Attempts {
    begun: AtomicU32,
    failed: Mutex<Vec<FailedAttempt>>,
    cost: Mutex<Option<Money>>,
}

impl Attempts {
    /// For a call whose first attempt has its number already.
    pub fn new() -> Self {
        Self { begun: AtomicU32::new(1), failed: Mutex::default(), cost: Mutex::new(Some(Money::ZERO)) }
    }

    /// The number of one more attempt.
    pub fn begin(&self) -> u32 {
        // Relaxed: the numbers have to differ, and nothing else is ordered by them.
        self.begun.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Notes a failed attempt. Where several were made in the place of one, such as with several keys, the last of them
    /// comes back to whoever made the one, under the number of the first; it is noted once.
    pub fn note(&self, attempt: FailedAttempt) {
        // A panic elsewhere leaves the list whole, so that a poisoned lock is still good.
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_noted = failed.last().is_some_and(|last| {
            attempt.attempt < last.attempt
                && (&attempt.provider, attempt.error, &attempt.message)
                    == (&last.provider, last.error, &last.message)
        });
        if !is_noted {
            failed.push(attempt);
        }
    }

    /// How many have begun.
    pub fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Adds what an attempt has cost; `None` is unknown.
    pub fn charge(&self, cost: Option<Money>) {
        let mut sum = self.cost.lock().unwrap_or_else(PoisonError::into_inner);
        *sum = sum.zip(cost).map(|(sum, cost)| sum + cost);
    }

    /// What the attempts that are over have cost; `None` once that of one is unknown.
    pub fn cost(&self) -> Option<Money> {
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The failed attempts so far.
    pub fn failed(&self) -> Vec<FailedAttempt> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self::new()
    }
}
