//! Blocks of budgets that the process spends from memory.
//!
//! A lease is a reservation of the process like any other: it is on disk before anything is drawn from it, counts in
//! full for everybody, and lapses with its process. What its calls have taken is booked with the next write, which
//! takes the same amount out of the lease. So no sum is ever smaller than what is spent, whatever dies in between; what
//! was not booked yet is lost when the lease lapses, as is any call that was open.
//!
//! No lease holds what belongs to a [`Holder`](forge_core::storage::budget::Holder): whoever takes over settles that
//! call by call. None is given where the sums do not fit, where a call names a budget twice, and where few calls have
//! room; and nothing is drawn from one whose process may have lapsed.

mod dues;
mod file;
mod grant;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use forge_core::storage::{
    Changes,
    budget::{Amount, BudgetCap, ReservationId},
};

pub(crate) use self::{
    dues::Dues,
    file::{make_room, wake},
    grant::{Grant, room},
};
use crate::sync::lock;

/// How often nothing has to happen for a lease that nobody uses to be given back.
const PATIENCE: u32 = 10;

/// How often a call waits for what others ask for before it asks by itself.
const ROUNDS: u32 = 16;

/// The leases of a process.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    state: Arc<Mutex<State>>,
    /// Counts the leases that were asked for, once each was given or refused.
    answered: Arc<Changes>,
}

#[derive(Debug)]
struct State {
    all: Vec<Lease>,
    calls: HashMap<i64, Call>,
    /// Leases so far.
    count: u64,
    /// The id of the last call, which is negative: those of reservations with a row are not.
    last: i64,
    /// When the process renewed its name last, and for how long.
    renewed: i64,
    ttl: i64,
    /// Whether the thread that writes knows that something is due.
    told: bool,
    closed: bool,
    /// The caps for which somebody waits for a lease.
    asked: Vec<Arc<[BudgetCap]>>,
}

/// What calls with the same caps have in common. Its row holds what is free, open and due.
#[derive(Debug)]
struct Lease {
    number: u64,
    row: i64,
    caps: Arc<[BudgetCap]>,
    free: Amount,
    /// Calls that have not ended.
    open: usize,
    due: Due,
    /// A transaction is under way that makes it or adds to it,
    growing: bool,
    /// or that ends it.
    ending: bool,
    /// Nothing is drawn from it any more.
    retired: bool,
    /// How often nothing has happened since it was used.
    unused: u32,
}

/// What is to be written: `booked` in its budgets, and `gone` out of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Due {
    booked: Amount,
    gone: Amount,
}

#[derive(Debug)]
struct Call {
    lease: u64,
    amount: Amount,
}

/// When the end of a call has to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// With what is to be written anyway.
    None,
    /// Soon; nobody knows of it yet.
    Soon,
    /// At once, because it took more than was reserved for it: until then no sum holds the rest.
    Now,
}

/// A reservation that is asked of the file. Those who want the same share what comes of it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Asking {
    leases: Leases,
    /// `None` where nobody waits for it.
    caps: Option<Arc<[BudgetCap]>>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(caps) = &self.caps {
            self.leases.state().asked.retain(|asked| !Arc::ptr_eq(asked, caps));
            self.leases.answered.notify();
        }
    }
}

fn fits(part: Amount, whole: Amount) -> bool {
    part.money <= whole.money && part.tokens <= whole.tokens
}

/// The smaller one on each side.
fn least(one: Amount, other: Amount) -> Amount {
    one.minus(one.minus(other))
}

impl Lease {
    fn is_done(&self) -> bool {
        self.retired && self.open == 0 && !self.growing && !self.ending
    }

    fn is_due(&self) -> bool {
        self.due != Due::default() || self.is_done()
    }

    fn sums_up(&self, key: &str) -> bool {
        self.caps.iter().any(|cap| !cap.per_call && cap.key == key)
    }

    /// Takes back what a call did not need.
    fn give_back(&mut self, rest: Amount) {
        let to = if self.retired { &mut self.due.gone } else { &mut self.free };
        *to = to.plus(rest);
    }

    fn retire(&mut self) {
        self.retired = true;
        self.due.gone = self.due.gone.plus(std::mem::take(&mut self.free));
    }
}

impl State {
    /// Whether the process cannot have lapsed for anybody. There is time left for the calls that begin now.
    fn is_fresh(&self, now: i64) -> bool {
        !self.closed && now.saturating_sub(self.renewed).abs() < self.ttl / 2
    }

    fn next(&mut self) -> ReservationId {
        self.last = self.last.saturating_sub(1);
        ReservationId(self.last.cast_unsigned())
    }

    fn open(&mut self, lease: u64, amount: Amount) -> ReservationId {
        let id = self.next();
        self.calls.insert(self.last, Call { lease, amount });
        id
    }

    fn find(&mut self, number: u64) -> Option<&mut Lease> {
        self.all.iter_mut().find(|lease| lease.number == number)
    }
}

impl Leases {
    pub(crate) fn new() -> Self {
        let state = State {
            all: Vec::new(),
            calls: HashMap::new(),
            count: 0,
            // Ids of different processes are different, so that none settles a call of another.
            last: -fastrand::i64(1..i64::MAX / 2),
            renewed: 0,
            ttl: 0,
            told: false,
            closed: false,
            asked: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), answered: Arc::default() }
    }

    /// Whether a reservation may be in a lease.
    pub(crate) fn holds(reservation: ReservationId) -> bool {
        reservation.0.cast_signed() < 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Reserves `amount` in memory, if there is a lease for these caps with room.
    pub(crate) fn draw(&self, caps: &[BudgetCap], amount: Amount, now: i64) -> Option<ReservationId> {
        if !caps.iter().all(|cap| !cap.per_call || cap.allows(amount)) {
            return None;
        }
        let mut state = self.state();
        // Where nothing is summed up, there is nothing to be settled.
        if caps.iter().all(|cap| cap.per_call) {
            return Some(state.next());
        }
        if !state.is_fresh(now) {
            return None;
        }
        let lease = state.all.iter_mut().find(|lease| !lease.retired && *lease.caps == *caps)?;
        if !fits(amount, lease.free) {
            return None;
        }
        lease.free = lease.free.minus(amount);
        (lease.open, lease.unused) = (lease.open + 1, 0);
        let number = lease.number;
        Some(state.open(number, amount))
    }

    /// The same as [`draw`](Self::draw), or the right to ask for more. While somebody else does so for the same caps, it waits
    /// for what comes of that: calls that come together are served by one transaction where each would have its own.
    pub(crate) async fn share(
        &self,
        caps: &[BudgetCap],
        amount: Amount,
        now: impl Fn() -> i64,
    ) -> Result<ReservationId, Asking> {
        for _ in 0..ROUNDS {
            let seen = self.answered.count();
            if let Some(drawn) = self.draw(caps, amount, now()) {
                return Ok(drawn);
            }
            // Where there is no lease none may come of it, and each goes by itself.
            if !self.state().all.iter().any(|lease| !lease.retired && *lease.caps == *caps) {
                break;
            }
            match self.ask(caps) {
                Some(asking) => return Err(asking),
                None => self.answered.after(seen).await,
            }
        }
        Err(Asking { leases: self.clone(), caps: None })
    }

    /// `None` if somebody asks for a lease for these caps.
    fn ask(&self, caps: &[BudgetCap]) -> Option<Asking> {
        let mut state = self.state();
        if state.asked.iter().any(|asked| **asked == *caps) {
            return None;
        }
        let caps: Arc<[BudgetCap]> = caps.into();
        state.asked.push(Arc::clone(&caps));
        Some(Asking { leases: self.clone(), caps: Some(caps) })
    }

    /// Ends a call that was drawn here. One that is not known has ended before.
    pub(crate) fn settle(&self, reservation: ReservationId, actual: Amount) -> Haste {
        let mut state = self.state();
        let Some(Call { lease, amount }) = state.calls.remove(&reservation.0.cast_signed()) else {
            return Haste::None;
        };
        let Some(lease) = state.find(lease) else { return Haste::None };
        let covered = least(actual, amount);
        lease.due.booked = lease.due.booked.plus(actual);
        lease.due.gone = lease.due.gone.plus(covered);
        lease.give_back(amount.minus(covered));
        lease.open = lease.open.saturating_sub(1);
        lease.unused = 0;
        match std::mem::replace(&mut state.told, true) {
            _ if covered != actual => Haste::Now,
            true => Haste::None,
            false => Haste::Soon,
        }
    }

    /// The process has renewed its name.
    pub(crate) fn renewed(&self, now: i64, ttl: i64) {
        let mut state = self.state();
        (state.renewed, state.ttl) = (now, ttl);
    }

    /// Gives back every lease if the process may have lapsed.
    pub(crate) fn expire(&self, now: i64) {
        let fresh = self.state().is_fresh(now);
        if !fresh {
            self.retire_all();
        }
    }

    /// Gives back the leases on a budget, and says whether there are any.
    fn retire_on(&self, key: &str) -> bool {
        let mut state = self.state();
        let found = state.all.iter_mut().filter(|lease| !lease.retired && lease.sums_up(key));
        found.map(Lease::retire).count() > 0
    }

    fn retire_all(&self) {
        self.state().all.iter_mut().for_each(Lease::retire);
    }

    /// Nothing has happened for a while: gives back what nobody has used for long.
    pub(crate) fn rest(&self) {
        for lease in &mut self.state().all {
            lease.unused += 1;
            if lease.unused >= PATIENCE && !lease.retired {
                lease.retire();
            }
        }
    }

    /// Gives back everything; nothing is drawn any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.retire_all();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state().all.is_empty()
    }

    pub(crate) fn is_due(&self) -> bool {
        self.state().all.iter().any(Lease::is_due)
    }
}
