//! Budgets that are nearly or wholly used up.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use forge_core::{
    async_trait,
    storage::budget::{
        Amount, BudgetCap, BudgetError, BudgetStore, DeadCharge, Holder, ReservationId, Spent,
    },
    time::Timer,
    watch::{BudgetExceeded, BudgetState, BudgetWarned, EventLog},
};

/// The parts of a budget, in per cent, of which is told that they are used up.
const LEVELS: [u8; 2] = [90, 75];
/// A budget that has refused a call.
const FULL: u8 = 100;
/// How often a budget is looked at, at most: the look may read a file.
const EVERY: Duration = Duration::from_secs(1);
/// As many budgets are remembered; the days of last month are of no use.
const KNOWN: usize = 4_096;

/// Budgets whose use is watched.
pub(super) struct WatchedBudgets {
    inner: Arc<dyn BudgetStore>,
    log: EventLog,
    timer: Arc<dyn Timer>,
    seen: Mutex<HashMap<String, Seen>>,
}

/// What is known of a budget.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// The highest level of which was told.
    level: u8,
    looked: Instant,
}

impl WatchedBudgets {
    pub(super) fn new(inner: Arc<dyn BudgetStore>, log: EventLog, timer: Arc<dyn Timer>) -> Self {
        Self { inner, log, timer, seen: Mutex::default() }
    }

    /// Looks at a budget that had room, if it is time to.
    async fn look(&self, cap: &BudgetCap) {
        let now = self.timer.instant();
        let before = self.seen().get(&cap.key).copied();
        let is_fresh = |seen: Seen| seen.level != FULL && now.saturating_duration_since(seen.looked) < EVERY;
        if before.is_some_and(is_fresh) {
            return;
        }
        self.remember(cap, Seen { level: before.map_or(0, |seen| seen.level), looked: now });
        let Ok(spent) = self.inner.spent(&cap.key).await else { return };
        let percent = percent(cap, spent.booked);
        let level = LEVELS.into_iter().find(|level| *level <= percent).unwrap_or_default();
        self.remember(cap, Seen { level, looked: now });
        if level > before.map_or(0, |seen| seen.level) {
            let budget = BudgetState::new(cap, spent.booked);
            self.log.publish(self.timer.now(), BudgetWarned { percent, budget });
        }
    }

    /// Tells of a budget that has no room, once until it has some.
    async fn refused(&self, cap: &BudgetCap) {
        let now = self.timer.instant();
        let before = self.remember(cap, Seen { level: FULL, looked: now });
        if before.is_some_and(|seen| seen.level == FULL) {
            return;
        }
        // Of a budget for each call alone, nothing is summed up.
        let spent = if cap.per_call { Ok(Spent::default()) } else { self.inner.spent(&cap.key).await };
        let used = spent.map_or_else(|_| Amount::default(), |spent| spent.booked.plus(spent.reserved));
        self.log.publish(self.timer.now(), BudgetExceeded { budget: BudgetState::new(cap, used) });
    }

    /// Remembers this of a budget, and returns what was known before.
    fn remember(&self, cap: &BudgetCap, what: Seen) -> Option<Seen> {
        let mut seen = self.seen();
        if seen.len() >= KNOWN {
            seen.retain(|_, one| what.looked.saturating_duration_since(one.looked) < EVERY);
        }
        seen.insert(cap.key.clone(), what)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of the cap is used, in per cent, on the side where it is more.
fn percent(cap: &BudgetCap, used: Amount) -> u8 {
    let part = |used: u64, cap: u64| u128::from(used) * 100 / u128::from(cap.max(1));
    let money = cap.money.map_or(0, |cap| part(used.money.nanos(), cap.nanos()));
    let tokens = cap.tokens.map_or(0, |cap| part(used.tokens, cap));
    u8::try_from(money.max(tokens)).unwrap_or(u8::MAX)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl BudgetStore for WatchedBudgets {
    async fn reserve(
        &self,
        caps: &[BudgetCap],
        amount: Amount,
        holder: Option<&Holder>,
    ) -> Result<ReservationId, BudgetError> {
        let reserved = self.inner.reserve(caps, amount, holder).await;
        match &reserved {
            Ok(_) => {
                for cap in caps.iter().filter(|cap| !cap.per_call) {
                    self.look(cap).await;
                }
            }
            Err(BudgetError::Exceeded { key, .. }) => {
                if let Some(cap) = caps.iter().find(|cap| cap.key == *key) {
                    self.refused(cap).await;
                }
            }
            Err(_) => {}
        }
        reserved
    }

    fn settle(&self, reservation: ReservationId, actual: Amount) {
        self.inner.settle(reservation, actual);
    }

    fn release(&self, reservation: ReservationId) {
        self.inner.release(reservation);
    }

    async fn spent(&self, key: &str) -> Result<Spent, BudgetError> {
        self.inner.spent(key).await
    }

    async fn settle_holder(&self, holder: &Holder, charge: DeadCharge) -> Result<u64, BudgetError> {
        self.inner.settle_holder(holder, charge).await
    }
}

impl fmt::Debug for WatchedBudgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
