//! How much is leased, and when.

use forge_core::{
    Money,
    storage::budget::{Amount, BudgetCap, ReservationId, Spent},
};
use rusqlite::{Connection, params};

use super::{Due, Lease, Leases, least};
use crate::{reserved, row::clamp};

/// A lease holds at most one part in so many of what is left of a cap,
const SHARE: u64 = 64;
/// and at most so many calls like the one that asks for it.
const CALLS: u64 = 8;
/// Leases at the same time; each is one set of caps.
const LEASES: usize = 64;
/// The most that a sum holds.
const MOST: u64 = i64::MAX.unsigned_abs();

/// How many calls that take `amount` have room in the budget of `cap`.
pub(crate) fn room(cap: &BudgetCap, spent: Spent, amount: Amount) -> u64 {
    let taken = spent.booked.plus(spent.reserved);
    let calls = |cap: u64, taken: u64, one: u64| {
        cap.min(MOST).saturating_sub(taken).checked_div(one).unwrap_or(u64::MAX)
    };
    let money = calls(cap.money.map_or(MOST, Money::nanos), taken.money.nanos(), amount.money.nanos());
    money.min(calls(cap.tokens.unwrap_or(MOST), taken.tokens, amount.tokens))
}

/// How many of `room` calls are leased; none where a lease would serve a single call.
fn leased(room: u64) -> Option<u64> {
    Some((room / SHARE).min(CALLS)).filter(|calls| *calls > 1)
}

/// `amount` so many times, which has to fit.
fn times(amount: Amount, count: u64) -> Amount {
    let money = Money::from_nanos(amount.money.nanos().saturating_mul(count));
    Amount::new(money, amount.tokens.saturating_mul(count))
}

/// Whether calls with these caps may have a lease at all: something is summed up, and nothing twice.
fn is_plain(caps: &[BudgetCap]) -> bool {
    let sums = |cap: &&BudgetCap| !cap.per_call;
    let twice = |(at, cap): (usize, &BudgetCap)| {
        caps[..at].iter().filter(sums).any(|before| before.key == cap.key) && !cap.per_call
    };
    caps.iter().any(|cap| !cap.per_call) && !caps.iter().enumerate().any(twice)
}

/// A call that is given room in a lease, which is made or grows with it. Unless it is kept, it was never given.
#[derive(Debug)]
pub(crate) struct Grant {
    leases: Leases,
    lease: u64,
    amount: Amount,
    /// What of it was free in the lease.
    share: Amount,
    /// What the lease gets beside it.
    spare: Amount,
    is_new: bool,
    kept: bool,
}

impl Grant {
    /// Leases a block of the budgets with these ids, in which `room` calls that take `amount` have room. `None` where
    /// the call has to be reserved by itself.
    pub(crate) fn make(
        conn: &Connection,
        leases: &Leases,
        process: i64,
        (caps, budgets): (&[BudgetCap], &[i64]),
        amount: Amount,
        room: u64,
    ) -> rusqlite::Result<Option<Self>> {
        let Some(calls) = leased(room).filter(|_| amount != Amount::default() && is_plain(caps)) else {
            return Ok(None);
        };
        let block = times(amount, calls - 1);
        if let Some(grant) = leases.grow(caps, amount, block) {
            return Ok(grant.add(conn, budgets)?.then_some(grant));
        }
        if !leases.has_place(caps) {
            return Ok(None);
        }
        let row = reserved::write(conn, process, block.plus(amount), None, budgets)?;
        Ok(Some(leases.begin(row, caps, amount, block)))
    }

    /// Adds to the row of a lease; false if it is not there any more.
    fn add(&self, conn: &Connection, budgets: &[i64]) -> rusqlite::Result<bool> {
        let added = self.amount.minus(self.share).plus(self.spare);
        let Some(row) = self.leases.state().find(self.lease).map(|lease| lease.row) else {
            return Ok(false);
        };
        let mut update = conn.prepare_cached(
            "UPDATE reservations SET money = money + ?2, tokens = tokens + ?3 WHERE id = ?1",
        )?;
        if update.execute(params![row, clamp(added.money.nanos()), clamp(added.tokens)])? == 0 {
            self.leases.state().find(self.lease).map(Lease::retire);
            return Ok(false);
        }
        for budget in budgets {
            reserved::add(conn, *budget, added)?;
        }
        Ok(true)
    }

    /// The transaction is committed.
    pub(crate) fn keep(mut self) -> ReservationId {
        self.kept = true;
        let mut state = self.leases.state();
        if let Some(lease) = state.find(self.lease) {
            (lease.growing, lease.open, lease.unused) = (false, lease.open + 1, 0);
            lease.give_back(self.spare);
        }
        state.open(self.lease, self.amount)
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut state = self.leases.state();
        if self.is_new {
            state.all.retain(|lease| lease.number != self.lease);
        } else if let Some(lease) = state.find(self.lease) {
            lease.growing = false;
            lease.give_back(self.share);
        }
    }
}

impl Leases {
    /// Has the lease for these caps grow, so that it holds `block` beside the call.
    fn grow(&self, caps: &[BudgetCap], amount: Amount, block: Amount) -> Option<Grant> {
        let mut state = self.state();
        let ready = |lease: &&mut Lease| !lease.retired && !lease.growing && *lease.caps == *caps;
        let lease = state.all.iter_mut().find(ready)?;
        // What the call takes of it is nobody else's from here on.
        let share = least(amount, lease.free);
        lease.free = lease.free.minus(share);
        lease.growing = true;
        let (spare, number) = (block.minus(lease.free), lease.number);
        Some(Grant { leases: self.clone(), lease: number, amount, share, spare, is_new: false, kept: false })
    }

    /// Whether a lease for these caps may be made beside the others.
    fn has_place(&self, caps: &[BudgetCap]) -> bool {
        let state = self.state();
        // One that grows in the same transaction is enough.
        let growing = state.all.iter().any(|lease| !lease.retired && *lease.caps == *caps);
        !growing && !state.closed && state.all.len() < LEASES
    }

    fn begin(&self, row: i64, caps: &[BudgetCap], amount: Amount, spare: Amount) -> Grant {
        let mut state = self.state();
        state.count += 1;
        let number = state.count;
        state.all.push(Lease {
            number,
            row,
            caps: caps.into(),
            free: Amount::default(),
            open: 0,
            due: Due::default(),
            growing: true,
            ending: false,
            retired: false,
            unused: 0,
        });
        let share = Amount::default();
        Grant { leases: self.clone(), lease: number, amount, share, spare, is_new: true, kept: false }
    }
}
