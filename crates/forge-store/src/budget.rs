//! Budgets: reserve before a call, settle after it, over all processes that use the file.

use async_trait::async_trait;
use forge_core::{
    Amount, BudgetCap, BudgetError, BudgetStore, ReservationId, Spent, StorageError,
    storage::budget::{DeadCharge, Holder},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    error::StoreError,
    reserved::{self, amount},
    row::{DAY, clamp, unsigned},
    store::Store,
    writer::{Job, Turn, Writer, patient},
};

/// The budget's id and state. What is set aside counts processes whose end nobody has noticed yet.
fn state(conn: &Connection, key: &str) -> rusqlite::Result<Option<(i64, Spent)>> {
    let mut find = conn.prepare_cached(
        "SELECT id, money, tokens, reserved_money, reserved_tokens FROM budgets WHERE key = ?1",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(0)?, Spent { booked: amount(row, 1)?, reserved: amount(row, 3)? }))
    };
    find.query_row([key], read).optional()
}

/// The state of a budget in which anything may be written.
fn settled_state(conn: &Connection, key: &str) -> rusqlite::Result<Option<(i64, Spent)>> {
    let Some((id, spent)) = state(conn, key)? else { return Ok(None) };
    if !reserved::is_saturated(spent.reserved) {
        return Ok(Some((id, spent)));
    }
    Ok(Some((id, Spent { reserved: reserved::recount(conn, id)?, ..spent })))
}

fn reserve(
    conn: &Connection,
    turn: &Turn,
    caps: &[BudgetCap],
    amount: Amount,
    holder: Option<&Holder>,
) -> rusqlite::Result<Result<ReservationId, BudgetError>> {
    let Turn { process, now, ttl, .. } = *turn;
    // First, so that what dead processes had set aside is free again.
    reserved::sweep(conn, now)?;
    if turn.first {
        forget(conn, now)?;
    }
    // Before the reservation: it counts only while its holder is there.
    reserved::extend(conn, process, now, ttl)?;
    let mut budgets = Vec::with_capacity(caps.len());
    for cap in caps {
        // A cap on single calls has no past to add to.
        let found = if cap.per_call { None } else { settled_state(conn, &cap.key)? };
        let spent = found.map_or_else(Spent::default, |(_, spent)| spent);
        if !cap.has_room(spent, amount) {
            return Ok(Err(reserved::refusal(conn, cap, amount, found, now, ttl)?));
        }
        if !cap.per_call {
            budgets.push(match found {
                Some((id, _)) => id,
                None => open(conn, &cap.key)?,
            });
        }
    }
    let id = write(conn, process, amount, holder, &budgets)?;
    Ok(Ok(ReservationId(unsigned(id))))
}

fn open(conn: &Connection, key: &str) -> rusqlite::Result<i64> {
    conn.prepare_cached("INSERT INTO budgets (key, money, tokens) VALUES (?1, 0, 0)")?.execute([key])?;
    Ok(conn.last_insert_rowid())
}

fn write(
    conn: &Connection,
    process: i64,
    amount: Amount,
    holder: Option<&Holder>,
    budgets: &[i64],
) -> rusqlite::Result<i64> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO reservations (holder, money, tokens, owner, instance) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let owner = holder.map(|holder| &*holder.owner);
    let instance = holder.and_then(|holder| holder.instance.as_deref());
    insert.execute(params![process, clamp(amount.money.nanos()), clamp(amount.tokens), owner, instance])?;
    let id = conn.last_insert_rowid();
    let mut link =
        conn.prepare_cached("INSERT INTO reserved (budget, reservation, part) VALUES (?1, ?2, ?3)")?;
    for (budget, part) in budgets.iter().zip(0_i64..) {
        link.execute([*budget, id, part])?;
        reserved::add(conn, *budget, amount)?;
    }
    Ok(id)
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
    let mut linked = conn.prepare_cached("SELECT budget FROM reserved WHERE reservation = ?1")?;
    let budgets = linked.query_map([reservation], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    // Before the sums: a saturated one is made anew from the reservations that are left.
    conn.prepare_cached("DELETE FROM reserved WHERE reservation = ?1")?.execute([reservation])?;
    conn.prepare_cached("DELETE FROM reservations WHERE id = ?1")?.execute([reservation])?;
    for budget in budgets {
        // The sums do not contain what a lapsed process has set aside.
        if !lapsed {
            reserved::subtract(conn, budget, held)?;
        }
        book(conn, budget, actual)?;
    }
    Ok(())
}

fn book(conn: &Connection, budget: i64, actual: Amount) -> rusqlite::Result<()> {
    let mut find = conn.prepare_cached("SELECT money, tokens FROM budgets WHERE id = ?1")?;
    // Added here, because SQLite turns an integer that overflows into a float.
    let sum = find.query_row([budget], |row| amount(row, 0))?.plus(actual);
    let mut update = conn.prepare_cached("UPDATE budgets SET money = ?2, tokens = ?3 WHERE id = ?1")?;
    update.execute(params![budget, clamp(sum.money.nanos()), clamp(sum.tokens)]).map(drop)
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
        let (caps, holder) = (caps.to_vec(), holder.cloned());
        let work = move |conn: &Connection, turn: &Turn| {
            let outcome = reserve(conn, turn, &caps, amount, holder.as_ref())?;
            Ok(outcome.map(|id| (id, turn.now)))
        };
        let done = |writer: &mut Writer, (_, now): &(_, i64)| writer.process.reserved(*now);
        Ok(self.commit(work, done).await.map_err(StorageError::from)??.0)
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
            let found = writer.inspect(|conn| state(conn, &key))?;
            match found {
                Some((_, spent)) if reserved::is_saturated(spent.reserved) => {
                    writer.durable(|conn| settled_state(conn, &key).map(Ok::<_, StoreError>))?
                }
                found => Ok(found),
            }
        });
        let found = answer.await.and_then(|outcome| outcome).map_err(StorageError::from)?;
        Ok(found.map_or_else(Spent::default, |(_, spent)| spent))
    }

    async fn settle_holder(&self, holder: &Holder, charge: DeadCharge) -> Result<u64, BudgetError> {
        let holder = holder.clone();
        let settle = move |conn: &Connection, turn: &Turn| {
            let processes = settle_holder(conn, &holder, charge)?;
            let own = processes.iter().filter(|process| **process == turn.process).count() as u64;
            Ok(Ok::<_, BudgetError>((processes.len() as u64, own)))
        };
        let done = |writer: &mut Writer, (_, own): &(u64, u64)| writer.process.closed(*own);
        Ok(self.commit(settle, done).await.map_err(StorageError::from)??.0)
    }
}
