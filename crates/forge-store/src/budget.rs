//! Budgets: reserve before a call, settle after it, over all processes that use the file.

use async_trait::async_trait;
use forge_core::storage::{
    StorageError,
    budget::{Amount, BudgetCap, BudgetError, BudgetStore, DeadCharge, Holder, ReservationId, Spent},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    error::StoreError,
    lease::{self, Dues, Grant, Haste, Leases},
    reserved::{self, amount},
    row::{DAY, clamp, unsigned},
    store::Store,
    writer::{Job, Turn, Writer, patient},
};

/// A reservation that was made. What it changes of the leases holds once it is kept.
#[derive(Debug)]
struct Reserved {
    /// The row, or a place in a lease.
    place: Result<i64, Grant>,
    dues: Vec<Dues>,
    now: i64,
    ttl: i64,
}

impl Reserved {
    fn keep(self, writer: &mut Writer) -> ReservationId {
        self.dues.into_iter().for_each(Dues::keep);
        writer.shared.leases.renewed(self.now, self.ttl);
        match self.place {
            Ok(row) => {
                writer.process.reserved(self.now);
                ReservationId(unsigned(row))
            }
            Err(grant) => {
                writer.process.renewed(self.now);
                grant.keep()
            }
        }
    }
}

fn reserve(
    conn: &Connection,
    turn: &Turn,
    leases: &Leases,
    caps: &[BudgetCap],
    amount: Amount,
    holder: Option<&Holder>,
) -> rusqlite::Result<Result<Reserved, BudgetError>> {
    let Turn { process, now, ttl, .. } = *turn;
    // First, so that what dead processes had set aside is free again.
    reserved::sweep(conn, now)?;
    if turn.first {
        forget(conn, now)?;
    }
    // Before the reservation: it counts only while its holder is there.
    let mut dues: Vec<_> = lease::wake(conn, leases, process, now, ttl)?.into_iter().collect();
    let mut budgets = Vec::with_capacity(caps.len());
    let mut calls = u64::MAX;
    for cap in caps {
        // A cap on single calls has no past to add to.
        let find = || if cap.per_call { Ok(None) } else { reserved::settled_state(conn, &cap.key) };
        let mut found = find()?;
        let spent = |found: Option<(i64, Spent)>| found.map_or_else(Spent::default, |(_, spent)| spent);
        if !cap.has_room(spent(found), amount)
            && let Some(freed) = lease::make_room(conn, leases, &cap.key)?
        {
            dues.push(freed);
            found = find()?;
        }
        if !cap.has_room(spent(found), amount) {
            return Ok(Err(reserved::refusal(conn, cap, amount, found, now, ttl)?));
        }
        if !cap.per_call {
            calls = calls.min(lease::room(cap, spent(found), amount));
            budgets.push(match found {
                Some((id, _)) => id,
                None => reserved::open(conn, &cap.key)?,
            });
        }
    }
    // Whoever takes over settles what a holder has reserved call by call, so each call needs a row.
    let grant = match holder {
        None => Grant::make(conn, leases, process, (caps, &budgets), amount, calls)?,
        Some(_) => None,
    };
    let place = match grant {
        Some(grant) => Err(grant),
        None => Ok(reserved::write(conn, process, amount, holder, &budgets)?),
    };
    Ok(Ok(Reserved { place, dues, now, ttl }))
}

/// A reservation outlives its process by a day, so that a call that was slow is still booked.
fn forget(conn: &Connection, now: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM holders WHERE lapsed = 1 AND expires_at < ?1", [now.saturating_sub(DAY)])?;
    conn.execute("DELETE FROM reservations WHERE holder NOT IN (SELECT id FROM holders)", [])?;
    conn.execute("DELETE FROM reserved WHERE reservation NOT IN (SELECT id FROM reservations)", [])?;
    Ok(())
}

/// Books what `charge` says in the budgets of the reservation, which ends.
fn close(conn: &Connection, reservation: i64, charge: DeadCharge) -> rusqlite::Result<()> {
    let mut find = conn.prepare_cached(
        "SELECT reservations.money, reservations.tokens, lapsed FROM reservations
         JOIN holders ON holders.id = reservations.holder WHERE reservations.id = ?1",
    )?;
    let read = |row: &rusqlite::Row<'_>| Ok((amount(row, 0)?, row.get::<_, bool>(2)?));
    // A reservation that is gone was settled before, perhaps by whoever cleared up behind a dead run.
    let Some((held, lapsed)) = find.query_row([reservation], read).optional()? else { return Ok(()) };
    let actual = charge.of(held);
    let mut find_budget = conn
        .prepare_cached("SELECT money, tokens, reserved_money, reserved_tokens FROM budgets WHERE id = ?1")?;
    // Before the sums: a saturated one is made anew from the reservations that are left.
    for budget in reserved::remove(conn, reservation)? {
        let spent = find_budget
            .query_row([budget], |row| Ok(Spent { booked: amount(row, 0)?, reserved: amount(row, 2)? }))?;
        // The sums do not contain what a lapsed process has set aside.
        reserved::book(conn, budget, spent, actual, (!lapsed).then_some(held))?;
    }
    Ok(())
}

/// Closes the reservations of a holder, whichever process made them.
fn settle_holder(conn: &Connection, holder: &Holder, charge: DeadCharge) -> rusqlite::Result<Vec<i64>> {
    let mut find = conn.prepare_cached(
        "SELECT id, holder FROM reservations WHERE owner = ?1 AND (?2 IS NULL OR instance = ?2)",
    )?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let found = find.query_map(params![&*holder.owner, holder.instance.as_deref()], read)?;
    let found = found.collect::<Result<Vec<(i64, i64)>, _>>()?;
    for (reservation, _) in &found {
        close(conn, *reservation, charge)?;
    }
    Ok(found.into_iter().map(|(_, process)| process).collect())
}

impl Store {
    fn end(&self, reservation: ReservationId, actual: Amount) {
        if Leases::holds(reservation) {
            return match self.shared.leases.settle(reservation, actual) {
                Haste::None => {}
                Haste::Soon => self.shared.due(),
                Haste::Now => self.shared.submit(Job::Once(Box::new(|_| {}))),
            };
        }
        let (id, charge) = (clamp(reservation.0), DeadCharge::Each(actual));
        // Nobody waits, and what was spent must not get lost: it is tried until it is booked. The end of a reservation
        // does not wait for the disk. What a power failure takes of it is whole, so that the reservation is open as
        // before: it counts in full until its process has lapsed or an heir settles it, and no cap is overrun.
        let settle = patient(move |conn| close(conn, id, charge), |writer| writer.process.closed(1));
        self.shared.submit(Job::Work(settle));
    }
}

#[async_trait]
impl BudgetStore for Store {
    async fn reserve(
        &self,
        caps: &[BudgetCap],
        amount: Amount,
        holder: Option<&Holder>,
    ) -> Result<ReservationId, BudgetError> {
        let leases = self.shared.leases.clone();
        let _asking = match holder {
            Some(_) => None,
            None => match leases.share(caps, amount, || self.now()).await {
                Ok(drawn) => return Ok(drawn),
                Err(asking) => Some(asking),
            },
        };
        let (caps, holder) = (caps.to_vec(), holder.cloned());
        let work = move |conn: &Connection, turn: &Turn| {
            reserve(conn, turn, &leases, &caps, amount, holder.as_ref())
        };
        let done = |writer: &mut Writer, made: Reserved| made.keep(writer);
        self.commit(work, done).await.map_err(StorageError::from)?
    }

    fn settle(&self, reservation: ReservationId, actual: Amount) {
        self.end(reservation, actual);
    }

    fn release(&self, reservation: ReservationId) {
        self.end(reservation, Amount::default());
    }

    async fn spent(&self, key: &str) -> Result<Spent, BudgetError> {
        let key = key.to_owned();
        let answer = self.ask(move |writer| {
            let now = writer.turn().now;
            // Most questions find nothing to clear up, and write nothing.
            if writer.inspect(|conn| reserved::is_lapsing(conn, now))? {
                writer.durable(|conn| reserved::sweep(conn, now).map(Ok::<_, StoreError>))??;
            }
            let found = writer.inspect(|conn| reserved::state(conn, &key))?;
            let found = match found {
                Some((_, spent)) if reserved::is_saturated(spent.reserved) => {
                    writer.durable(|conn| reserved::settled_state(conn, &key).map(Ok::<_, StoreError>))??
                }
                found => found,
            };
            let spent = found.map_or_else(Spent::default, |(_, spent)| spent);
            let (leases, process) = (writer.shared.leases.clone(), writer.process.id());
            writer.inspect(|conn| leases.adjust(conn, process, &key, spent))
        });
        Ok(answer.await.and_then(|outcome| outcome).map_err(StorageError::from)?)
    }

    async fn settle_holder(&self, holder: &Holder, charge: DeadCharge) -> Result<u64, BudgetError> {
        let holder = holder.clone();
        let settle = move |conn: &Connection, turn: &Turn| {
            let processes = settle_holder(conn, &holder, charge)?;
            let own = processes.iter().filter(|process| **process == turn.process).count() as u64;
            Ok(Ok::<_, BudgetError>((processes.len() as u64, own)))
        };
        let done = |writer: &mut Writer, (count, own): (u64, u64)| {
            writer.process.closed(own);
            count
        };
        self.commit(settle, done).await.map_err(StorageError::from)?
    }
}
