//! Budgets in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use async_trait::async_trait;

use super::lock;
use crate::storage::budget::{
    Amount, Blocker, BudgetCap, BudgetError, BudgetStore, DeadCharge, Holder, ReservationId, Spent,
};

/// A [`BudgetStore`] that ends with the process. Its reservations never lapse.
#[derive(Debug, Default)]
pub struct MemoryBudgets(Mutex<Budgets>);

#[derive(Debug, Default)]
struct Budgets {
    spent: HashMap<String, Spent>,
    reservations: BTreeMap<u64, Reservation>,
    next: u64,
}

#[derive(Debug)]
struct Reservation {
    keys: Vec<String>,
    amount: Amount,
    holder: Option<Holder>,
}

impl Budgets {
    fn close(&mut self, reservation: u64, charge: DeadCharge) {
        // What was settled before is not booked again, whoever settles it.
        let Some(Reservation { keys, amount, .. }) = self.reservations.remove(&reservation) else { return };
        let actual = charge.of(amount);
        for key in keys {
            let before = self.spent.get(&key).copied().unwrap_or_default();
            // Nothing can be taken from a sum that did not fit.
            let fits = before.reserved.money.nanos() < u64::MAX && before.reserved.tokens < u64::MAX;
            let reserved = if fits { before.reserved.minus(amount) } else { self.reserved(&key) };
            self.spent.insert(key, Spent { booked: before.booked.plus(actual), reserved });
        }
    }

    /// What is set aside in a budget, recomputed from its reservations.
    fn reserved(&self, key: &str) -> Amount {
        let parts =
            self.reservations.values().flat_map(|one| one.keys.iter().map(move |name| (name, one.amount)));
        parts.filter(|(name, _)| *name == key).fold(Amount::default(), |sum, (_, amount)| sum.plus(amount))
    }

    /// Who holds the largest part of a budget.
    fn blocker(&self, key: &str) -> Blocker {
        let with = self.reservations.values().filter(|one| one.keys.iter().any(|name| name == key));
        let largest = with.max_by_key(|one| (one.amount.money, one.amount.tokens));
        Blocker::new(largest.and_then(|one| one.holder.clone()))
    }
}

#[async_trait]
impl BudgetStore for MemoryBudgets {
    async fn reserve(
        &self,
        caps: &[BudgetCap],
        amount: Amount,
        holder: Option<&Holder>,
    ) -> Result<ReservationId, BudgetError> {
        let mut budgets = lock(&self.0);
        // Every cap is checked before any sum changes: the amount is set aside in all budgets or in none.
        for cap in caps {
            let spent = budgets.spent.get(&cap.key).copied().unwrap_or_default();
            if cap.has_room(spent, amount) {
                continue;
            }
            // Somebody is named only where waiting helps: the call would have room without what others hold.
            let blocked = !cap.per_call && cap.has_room_without_reservations(spent, amount);
            return Err(BudgetError::Exceeded {
                key: cap.key.clone(),
                blocked_by: blocked.then(|| budgets.blocker(&cap.key)),
            });
        }
        let shared = caps.iter().filter(|cap| !cap.per_call);
        let keys: Vec<_> = shared.map(|cap| cap.key.clone()).collect();
        for key in &keys {
            let spent = budgets.spent.entry(key.clone()).or_default();
            spent.reserved = spent.reserved.plus(amount);
        }
        budgets.next += 1;
        let id = budgets.next;
        budgets.reservations.insert(id, Reservation { keys, amount, holder: holder.cloned() });
        Ok(ReservationId(id))
    }

    fn settle(&self, reservation: ReservationId, actual: Amount) {
        lock(&self.0).close(reservation.0, DeadCharge::Each(actual));
    }

    fn release(&self, reservation: ReservationId) {
        self.settle(reservation, Amount::default());
    }

    async fn spent(&self, key: &str) -> Result<Spent, BudgetError> {
        Ok(lock(&self.0).spent.get(key).copied().unwrap_or_default())
    }

    async fn settle_holder(&self, holder: &Holder, charge: DeadCharge) -> Result<u64, BudgetError> {
        let mut budgets = lock(&self.0);
        let held = |one: &Reservation| one.holder.as_ref().is_some_and(|other| holder.includes(other));
        let found: Vec<_> =
            budgets.reservations.iter().filter(|(_, one)| held(one)).map(|(id, _)| *id).collect();
        for id in &found {
            budgets.close(*id, charge);
        }
        Ok(found.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;
    use crate::usage::Money;

    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("memory never waits")
    }

    #[test]
    fn the_last_cent_is_taken_once() {
        let budgets = Arc::new(MemoryBudgets::default());
        let cap = BudgetCap::new("day").with_money(Money::from_nanos(10));
        let call = Amount { money: Money::from_nanos(3), tokens: 1 };
        let threads: Vec<_> = (0..64)
            .map(|_| {
                let (budgets, cap) = (Arc::clone(&budgets), cap.clone());
                std::thread::spawn(move || now(budgets.reserve(&[cap], call, None)).ok())
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
