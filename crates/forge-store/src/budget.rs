//! Budgets: reserve before a call, settle after it, over all processes that use the file.

use std::time::Duration;

use async_trait::async_trait;
use forge_core::{Amount, BudgetCap, BudgetError, BudgetStore, Money, ReservationId, Spent, StorageError};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    Store, StoreError,
    queue::Job,
    row::{DAY, clamp, unsigned},
    writer::Writer,
};

/// What a process is called that reserves. Its reservations count while it renews its name, and for a time
/// after that.
#[derive(Debug)]
pub(crate) struct Holder {
    id: i64,
    open: u64,
    renewed: i64,
}

impl Holder {
    pub(crate) fn new() -> Self {
        Self { id: fastrand::i64(1..), open: 0, renewed: 0 }
    }

    pub(crate) fn holds(&self) -> bool {
        self.open > 0
    }

    /// Keeps the reservations of this process alive.
    pub(crate) fn renew(writer: &mut Writer) {
        let (now, ttl) = times(writer);
        if !writer.holder.holds() || now.saturating_sub(writer.holder.renewed).abs() < ttl / 3 {
            return;
        }
        let id = writer.holder.id;
        // There is time for one that fails: the next is due before the claim lapses.
        let _ = writer.durable(|conn| extend(conn, id, now, ttl).map(Ok::<_, StoreError>));
        writer.holder.renewed = now;
    }
}

fn times(writer: &Writer) -> (i64, i64) {
    let options = &writer.shared.options;
    let ttl = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    (options.clock.now().timestamp_millis(), ttl(options.reservation_ttl))
}

fn extend(conn: &Connection, holder: i64, now: i64, ttl: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO holders (id, expires_at) VALUES (?1, ?2)")?
        .execute([holder, now.saturating_add(ttl)])
        .map(drop)
}

fn amount(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Amount> {
    Ok(Amount { money: Money::from_nanos(unsigned(row.get(at)?)), tokens: unsigned(row.get(at + 1)?) })
}

/// The budget's id and state; reservations of holders that are gone do not count.
fn state(conn: &Connection, key: &str, now: i64) -> rusqlite::Result<Option<(i64, Spent)>> {
    let mut find = conn.prepare_cached("SELECT id, money, tokens FROM budgets WHERE key = ?1")?;
    let found = find.query_row([key], |row| Ok((row.get::<_, i64>(0)?, amount(row, 1)?))).optional()?;
    let Some((id, booked)) = found else { return Ok(None) };
    let mut open = conn.prepare_cached(
        "SELECT reservations.money, reservations.tokens FROM reserved
         JOIN reservations ON reservations.id = reserved.reservation
         JOIN holders ON holders.id = reservations.holder
         WHERE reserved.budget = ?1 AND holders.expires_at > ?2",
    )?;
    let mut reserved = Amount::default();
    for one in open.query_map([id, now], |row| amount(row, 0))? {
        reserved = reserved.plus(one?);
    }
    Ok(Some((id, Spent { booked, reserved })))
}

fn reserve(
    writer: &mut Writer,
    caps: &[BudgetCap],
    amount: Amount,
) -> Result<Result<ReservationId, BudgetError>, StoreError> {
    let (now, ttl) = times(writer);
    let (holder, first) = (writer.holder.id, writer.holder.renewed == 0);
    let outcome = writer.durable(|conn| {
        if first {
            forget(conn, now)?;
        }
        let mut budgets = Vec::with_capacity(caps.len());
        for cap in caps {
            let (id, spent) = match state(conn, &cap.key, now)? {
                Some((id, spent)) => (id, spent),
                None => {
                    conn.execute("INSERT INTO budgets (key, money, tokens) VALUES (?1, 0, 0)", [&cap.key])?;
                    (conn.last_insert_rowid(), Spent::default())
                }
            };
            if !cap.allows(spent.booked.plus(spent.reserved).plus(amount)) {
                return Ok(Err(BudgetError::Exceeded { key: cap.key.clone() }));
            }
            budgets.push(id);
        }
        extend(conn, holder, now, ttl)?;
        conn.prepare_cached("INSERT INTO reservations (holder, money, tokens) VALUES (?1, ?2, ?3)")?
            .execute(params![holder, clamp(amount.money.nanos()), clamp(amount.tokens)])?;
        let id = conn.last_insert_rowid();
        let mut link =
            conn.prepare_cached("INSERT INTO reserved (budget, reservation, part) VALUES (?1, ?2, ?3)")?;
        for (budget, part) in budgets.into_iter().zip(0_i64..) {
            link.execute([budget, id, part])?;
        }
        Ok(Ok(ReservationId(unsigned(id))))
    })?;
    if outcome.is_ok() {
        writer.holder.open += 1;
        writer.holder.renewed = now;
    }
    Ok(outcome)
}

/// A reservation outlives its holder by a day, so that a call that was slow is still booked.
fn forget(conn: &Connection, now: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM holders WHERE expires_at < ?1", [now.saturating_sub(DAY)])?;
    conn.execute("DELETE FROM reservations WHERE holder NOT IN (SELECT id FROM holders)", [])?;
    conn.execute("DELETE FROM reserved WHERE reservation NOT IN (SELECT id FROM reservations)", [])?;
    Ok(())
}

/// Books `actual` in the budgets of the reservation, which ends.
fn close(conn: &Connection, reservation: i64, actual: Amount) -> rusqlite::Result<()> {
    let mut linked = conn.prepare_cached(
        "SELECT budgets.id, money, tokens FROM reserved JOIN budgets ON budgets.id = budget
         WHERE reservation = ?1",
    )?;
    let budgets = linked.query_map([reservation], |row| Ok((row.get::<_, i64>(0)?, amount(row, 1)?)))?;
    let mut booked: Vec<(i64, Amount)> = Vec::new();
    for found in budgets {
        let (id, before) = found?;
        match booked.iter_mut().find(|(known, _)| *known == id) {
            Some((_, sum)) => *sum = sum.plus(actual),
            None => booked.push((id, before.plus(actual))),
        }
    }
    for (id, sum) in booked {
        conn.prepare_cached("UPDATE budgets SET money = ?2, tokens = ?3 WHERE id = ?1")?.execute(params![
            id,
            clamp(sum.money.nanos()),
            clamp(sum.tokens)
        ])?;
    }
    conn.prepare_cached("DELETE FROM reserved WHERE reservation = ?1")?.execute([reservation])?;
    conn.prepare_cached("DELETE FROM reservations WHERE id = ?1")?.execute([reservation])?;
    Ok(())
}

impl Store {
    fn end(&self, reservation: ReservationId, actual: Amount) {
        self.shared.submit(Job::Until(Box::new(move |writer| {
            let id = clamp(reservation.0);
            let done = writer.durable(|conn| close(conn, id, actual).map(Ok::<_, StoreError>)).is_ok();
            if done {
                writer.holder.open = writer.holder.open.saturating_sub(1);
            }
            done
        })));
    }
}

#[async_trait]
impl BudgetStore for Store {
    async fn reserve(&self, caps: &[BudgetCap], amount: Amount) -> Result<ReservationId, BudgetError> {
        let caps = caps.to_vec();
        let answer = self.ask(move |writer| reserve(writer, &caps, amount)).await;
        answer.and_then(|outcome| outcome).map_err(StorageError::from)?
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
            let (now, _) = times(writer);
            writer.inspect(|conn| state(conn, &key, now))
        });
        let found = answer.await.and_then(|outcome| outcome).map_err(StorageError::from)?;
        Ok(found.map_or_else(Spent::default, |(_, spent)| spent))
    }
}
