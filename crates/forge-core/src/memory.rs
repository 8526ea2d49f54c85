//! Journal and budgets in memory: for tests, and for programs that need nothing to survive them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;

use crate::{
    Amount, BudgetCap, BudgetError, BudgetStore, Clock, Entry, Fence, Journal, JournalError, ReservationId,
    Spent, StreamName, SystemClock,
};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A [`Journal`] that ends with the process.
#[derive(Debug)]
pub struct MemoryJournal {
    clock: Arc<dyn Clock>,
    streams: Mutex<HashMap<StreamName, Stream>>,
}

#[derive(Debug, Default)]
struct Stream {
    entries: Vec<Vec<u8>>,
    fence: u64,
    claim: Option<(String, Instant)>,
}

impl MemoryJournal {
    /// An empty journal whose claims lapse by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, streams: Mutex::default() }
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new(SystemClock::shared())
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn claim(&self, stream: &StreamName, holder: &str, lease: Duration) -> Result<Fence, JournalError> {
        let now = self.clock.instant();
        let mut streams = lock(&self.streams);
        let state = streams.entry(stream.clone()).or_default();
        match &state.claim {
            Some((current, until)) if *until > now && current != holder => {
                return Err(JournalError::Held { stream: stream.clone(), holder: current.clone() });
            }
            Some((current, until)) if *until > now && current == holder => {}
            _ => state.fence += 1,
        }
        // A lease too long to be added to the time outlives the process as a year does.
        state.claim = Some((holder.to_owned(), now + lease.min(YEAR)));
        Ok(Fence(state.fence))
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        if let Some(state) = lock(&self.streams).get_mut(stream).filter(|state| state.fence == fence.0) {
            state.claim = None;
        }
        Ok(())
    }

    async fn append(
        &self,
        stream: &StreamName,
        fence: Fence,
        expected: u64,
        payloads: Vec<Vec<u8>>,
    ) -> Result<u64, JournalError> {
        let mut streams = lock(&self.streams);
        let fenced = || JournalError::Fenced { stream: stream.clone() };
        let state = streams.get_mut(stream).filter(|state| state.fence == fence.0).ok_or_else(fenced)?;
        let actual = state.entries.len() as u64;
        if actual != expected {
            return Err(JournalError::Conflict { stream: stream.clone(), expected, actual });
        }
        state.entries.extend(payloads);
        Ok(state.entries.len() as u64)
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        let streams = lock(&self.streams);
        let entries = streams.get(stream).map_or(&[][..], |state| &state.entries);
        let numbered = entries.iter().zip(0..).filter(|(_, at)| *at >= sequence);
        Ok(numbered.map(|(payload, sequence)| Entry { sequence, payload: payload.clone() }).collect())
    }
}

/// A [`BudgetStore`] that ends with the process. Its reservations never lapse.
#[derive(Debug, Default)]
pub struct MemoryBudgets(Mutex<Budgets>);

#[derive(Debug, Default)]
struct Budgets {
    spent: HashMap<String, Spent>,
    reservations: BTreeMap<u64, (Vec<String>, Amount)>,
    next: u64,
}

impl MemoryBudgets {
    fn close(&self, reservation: ReservationId, actual: Amount) {
        let mut budgets = lock(&self.0);
        let Some((keys, reserved)) = budgets.reservations.remove(&reservation.0) else { return };
        for key in keys {
            let spent = budgets.spent.entry(key).or_default();
            spent.reserved = spent.reserved.minus(reserved);
            spent.booked = spent.booked.plus(actual);
        }
    }
}

#[async_trait]
impl BudgetStore for MemoryBudgets {
    async fn reserve(&self, caps: &[BudgetCap], amount: Amount) -> Result<ReservationId, BudgetError> {
        let mut budgets = lock(&self.0);
        for cap in caps {
            let spent = budgets.spent.get(&cap.key).copied().unwrap_or_default();
            if !cap.allows(spent.booked.plus(spent.reserved).plus(amount)) {
                return Err(BudgetError::Exceeded { key: cap.key.clone() });
            }
        }
        for cap in caps {
            let spent = budgets.spent.entry(cap.key.clone()).or_default();
            spent.reserved = spent.reserved.plus(amount);
        }
        budgets.next += 1;
        let id = budgets.next;
        let keys = caps.iter().map(|cap| cap.key.clone()).collect();
        budgets.reservations.insert(id, (keys, amount));
        Ok(ReservationId(id))
    }

    fn settle(&self, reservation: ReservationId, actual: Amount) {
        self.close(reservation, actual);
    }

    fn release(&self, reservation: ReservationId) {
        self.close(reservation, Amount::default());
    }

    async fn spent(&self, key: &str) -> Result<Spent, BudgetError> {
        Ok(lock(&self.0).spent.get(key).copied().unwrap_or_default())
    }
}

/// No code here panics while it holds a lock, so a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{ManualTimer, Money};

    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("memory never waits")
    }

    #[test]
    fn a_second_writer_is_refused_and_a_late_one_fenced_off() {
        let clock = ManualTimer::new();
        let journal = MemoryJournal::new(Arc::new(clock.clone()));
        let name = StreamName::new("s-1").unwrap();
        let lease = Duration::from_secs(10);
        let first = now(journal.claim(&name, "a", lease)).unwrap();
        assert!(
            matches!(now(journal.claim(&name, "b", lease)), Err(JournalError::Held { holder, .. }) if holder == "a")
        );
        assert_eq!(now(journal.append(&name, first, 0, vec![b"x".to_vec()])).unwrap(), 1);

        clock.advance(lease);
        let second = now(journal.claim(&name, "b", lease)).unwrap();
        assert!(second > first);
        let late = now(journal.append(&name, first, 1, vec![b"late".to_vec()]));
        assert!(matches!(late, Err(JournalError::Fenced { .. })));
        let gap = now(journal.append(&name, second, 0, vec![b"y".to_vec()]));
        assert!(matches!(gap, Err(JournalError::Conflict { actual: 1, .. })));
        assert_eq!(now(journal.read(&name, 0)).unwrap().len(), 1);
    }

    #[test]
    fn a_claim_may_be_for_ever() {
        let journal = MemoryJournal::default();
        let name = StreamName::new("s").unwrap();
        now(journal.claim(&name, "a", Duration::MAX)).unwrap();
        assert!(now(journal.claim(&name, "b", Duration::MAX)).is_err());
    }

    #[test]
    fn a_stream_name_is_never_a_path() {
        for bad in ["", "../x", "a/b", "A", "a b", "a\0", &"x".repeat(65)] {
            assert!(StreamName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_last_cent_is_taken_once() {
        let budgets = Arc::new(MemoryBudgets::default());
        let cap = BudgetCap { key: "day".into(), money: Some(Money::from_nanos(10)), tokens: None };
        let call = Amount { money: Money::from_nanos(3), tokens: 1 };
        let threads: Vec<_> = (0..64)
            .map(|_| {
                let (budgets, cap) = (Arc::clone(&budgets), cap.clone());
                std::thread::spawn(move || now(budgets.reserve(&[cap], call)).ok())
            })
            .collect();
        let taken: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(taken.len(), 3);

        budgets.settle(taken[0], Amount { money: Money::from_nanos(1), tokens: 1 });
        budgets.release(taken[1]);
        let spent = now(budgets.spent("day")).unwrap();
        assert_eq!((spent.booked.money.nanos(), spent.reserved.money.nanos()), (1, 3));
    }
}
