//! What is set aside in a budget, as a sum in its row.
//!
//! The sum counts the reservations of processes that have not lapsed. A sum that does not fit stays at the maximum,
//! which no difference can be taken from any more; so does one that an older form of the file did not have. It is
//! made anew when it is needed.

use std::time::Duration;

use forge_core::{
    Money,
    storage::budget::{Amount, Blocker, BudgetCap, BudgetError, Holder, Spent},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::row::{clamp, unsigned};

const MOST: u64 = i64::MAX.unsigned_abs();

pub(crate) fn amount(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Amount> {
    Ok(Amount::new(Money::from_nanos(unsigned(row.get(at)?)), unsigned(row.get(at + 1)?)))
}

pub(crate) fn is_saturated(sum: Amount) -> bool {
    sum.money.nanos() >= MOST || sum.tokens >= MOST
}

fn sum(conn: &Connection, budget: i64) -> rusqlite::Result<Amount> {
    let mut find =
        conn.prepare_cached("SELECT reserved_money, reserved_tokens FROM budgets WHERE id = ?1")?;
    find.query_row([budget], |row| amount(row, 0))
}

fn put(conn: &Connection, budget: i64, sum: Amount) -> rusqlite::Result<()> {
    let mut update =
        conn.prepare_cached("UPDATE budgets SET reserved_money = ?2, reserved_tokens = ?3 WHERE id = ?1")?;
    update.execute(params![budget, clamp(sum.money.nanos()), clamp(sum.tokens)]).map(drop)
}

pub(crate) fn add(conn: &Connection, budget: i64, amount: Amount) -> rusqlite::Result<()> {
    put(conn, budget, sum(conn, budget)?.plus(amount))
}

/// The budget's id and state. What is set aside counts processes whose end nobody has noticed yet.
pub(crate) fn state(conn: &Connection, key: &str) -> rusqlite::Result<Option<(i64, Spent)>> {
    let mut find = conn.prepare_cached(
        "SELECT id, money, tokens, reserved_money, reserved_tokens FROM budgets WHERE key = ?1",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(0)?, Spent { booked: amount(row, 1)?, reserved: amount(row, 3)? }))
    };
    find.query_row([key], read).optional()
}

/// The state of a budget in which anything may be written.
pub(crate) fn settled_state(conn: &Connection, key: &str) -> rusqlite::Result<Option<(i64, Spent)>> {
    let Some((id, spent)) = state(conn, key)? else { return Ok(None) };
    if !is_saturated(spent.reserved) {
        return Ok(Some((id, spent)));
    }
    Ok(Some((id, Spent { reserved: recount(conn, id)?, ..spent })))
}

pub(crate) fn open(conn: &Connection, key: &str) -> rusqlite::Result<i64> {
    conn.prepare_cached("INSERT INTO budgets (key, money, tokens) VALUES (?1, 0, 0)")?.execute([key])?;
    Ok(conn.last_insert_rowid())
}

/// Sets `amount` aside in every one of `budgets`.
pub(crate) fn write(
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
        add(conn, *budget, amount)?;
    }
    Ok(id)
}

/// Removes a reservation and leaves the sums as they are; returns its budgets.
pub(crate) fn remove(conn: &Connection, reservation: i64) -> rusqlite::Result<Vec<i64>> {
    let mut linked = conn.prepare_cached("SELECT budget FROM reserved WHERE reservation = ?1")?;
    let budgets = linked.query_map([reservation], |row| row.get(0))?.collect::<Result<_, _>>()?;
    conn.prepare_cached("DELETE FROM reserved WHERE reservation = ?1")?.execute([reservation])?;
    conn.prepare_cached("DELETE FROM reservations WHERE id = ?1")?.execute([reservation])?;
    Ok(budgets)
}

/// Books `actual` in a budget in this state, and takes out of its sum what is not set aside any more.
pub(crate) fn book(
    conn: &Connection,
    budget: i64,
    spent: Spent,
    actual: Amount,
    taken: Option<Amount>,
) -> rusqlite::Result<()> {
    // Added here, because SQLite turns an integer that overflows into a float.
    let booked = spent.booked.plus(actual);
    let left = match taken {
        None => spent.reserved,
        Some(_) if is_saturated(spent.reserved) => recount(conn, budget)?,
        Some(taken) => spent.reserved.minus(taken),
    };
    let mut update = conn.prepare_cached(
        "UPDATE budgets SET money = ?2, tokens = ?3, reserved_money = ?4, reserved_tokens = ?5 WHERE id = ?1",
    )?;
    let number = |amount: Amount| (clamp(amount.money.nanos()), clamp(amount.tokens));
    let (booked, left) = (number(booked), number(left));
    update.execute(params![budget, booked.0, booked.1, left.0, left.1]).map(drop)
}

/// Recomputes the sum of a budget from its reservations.
pub(crate) fn recount(conn: &Connection, budget: i64) -> rusqlite::Result<Amount> {
    let mut open = conn.prepare_cached(
        "SELECT reservations.money, reservations.tokens FROM reserved
         JOIN reservations ON reservations.id = reserved.reservation
         JOIN holders ON holders.id = reservations.holder
         WHERE reserved.budget = ?1 AND lapsed = 0",
    )?;
    let mut sum = Amount::default();
    for one in open.query_map([budget], |row| amount(row, 0))? {
        sum = sum.plus(one?);
    }
    put(conn, budget, sum)?;
    Ok(sum)
}

/// Whether the sums do not contain what the process has set aside.
pub(crate) fn has_lapsed(conn: &Connection, process: i64) -> rusqlite::Result<bool> {
    let mut find = conn.prepare_cached("SELECT lapsed FROM holders WHERE id = ?1")?;
    Ok(find.query_row([process], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// Keeps a process alive until `now + ttl`. One that had lapsed gets its reservations back.
pub(crate) fn extend(
    conn: &Connection,
    process: i64,
    lapsed: bool,
    now: i64,
    ttl: i64,
) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO holders (id, expires_at, lapsed) VALUES (?1, ?2, 0)")?
        .execute([process, now.saturating_add(ttl)])?;
    if lapsed { recount_all(conn, process) } else { Ok(()) }
}

/// Whether a process has lapsed that still counts.
pub(crate) fn is_lapsing(conn: &Connection, now: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM holders WHERE lapsed = 0 AND expires_at <= ?1)";
    conn.prepare_cached(sql)?.query_row([now], |row| row.get(0))
}

/// Takes the reservations of every process that did not renew its name out of the sums.
pub(crate) fn sweep(conn: &Connection, now: i64) -> rusqlite::Result<()> {
    let mut find = conn.prepare_cached("SELECT id FROM holders WHERE lapsed = 0 AND expires_at <= ?1")?;
    let gone = find.query_map([now], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    for process in gone {
        conn.execute("UPDATE holders SET lapsed = 1 WHERE id = ?1", [process])?;
        recount_all(conn, process)?;
    }
    Ok(())
}

/// Recomputes the sums of every budget in which a process has reservations.
fn recount_all(conn: &Connection, process: i64) -> rusqlite::Result<()> {
    let mut find = conn.prepare_cached(
        "SELECT DISTINCT budget FROM reserved JOIN reservations ON reservations.id = reserved.reservation
         WHERE reservations.holder = ?1",
    )?;
    for budget in find.query_map([process], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()? {
        recount(conn, budget)?;
    }
    Ok(())
}

/// Why there is no room, and who stands in the way: the largest reservation.
pub(crate) fn refusal(
    conn: &Connection,
    cap: &BudgetCap,
    amount: Amount,
    found: Option<(i64, Spent)>,
    now: i64,
    ttl: i64,
) -> rusqlite::Result<BudgetError> {
    let Some((id, spent)) = found else { return Ok(BudgetError::exceeded(&*cap.key)) };
    // Nobody stands in the way: without any reservation there is no room either.
    if !cap.has_room_without_reservations(spent, amount) {
        return Ok(BudgetError::exceeded(&*cap.key));
    }
    let mut find = conn.prepare_cached(
        "SELECT owner, instance, expires_at FROM reserved
         JOIN reservations ON reservations.id = reserved.reservation
         JOIN holders ON holders.id = reservations.holder
         WHERE reserved.budget = ?1 AND lapsed = 0
         ORDER BY reservations.money DESC, reservations.tokens DESC LIMIT 1",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let holder = row.get::<_, Option<String>>(0)?.map(Holder::new);
        let instance: Option<String> = row.get(1)?;
        let holder = holder.map(|holder| match instance {
            Some(instance) => holder.with_instance(instance),
            None => holder,
        });
        let left = row.get::<_, i64>(2)?.saturating_sub(now);
        // It renews its name in good time, so that less than half of the time is left only if it has died.
        let silent = left < ttl / 2;
        Ok(Blocker::new(holder).lapsing(Duration::from_millis(unsigned(left)), silent))
    };
    Ok(match find.query_row([id], read).optional()? {
        Some(blocker) => BudgetError::blocked(&*cap.key, blocker),
        None => BudgetError::exceeded(&*cap.key),
    })
}
