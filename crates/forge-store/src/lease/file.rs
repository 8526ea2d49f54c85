//! Leases beside what the file says.

use forge_core::storage::budget::{Amount, Spent};
use rusqlite::Connection;

use super::{Dues, Leases};
use crate::reserved;

impl Leases {
    /// The state of a budget, by what the file says of it and what is not in the file yet.
    pub(crate) fn adjust(
        &self,
        conn: &Connection,
        process: i64,
        key: &str,
        spent: Spent,
    ) -> rusqlite::Result<Spent> {
        let (mut due, mut idle) = (Amount::default(), Amount::default());
        for lease in self.state().all.iter().filter(|lease| lease.sums_up(key)) {
            due = due.plus(lease.due.booked);
            idle = idle.plus(lease.free).plus(lease.due.gone);
        }
        // The sums do not contain what a lapsed process has set aside.
        if idle != Amount::default() && reserved::has_lapsed(conn, process)? {
            idle = Amount::default();
        }
        Ok(Spent { booked: spent.booked.plus(due), reserved: spent.reserved.minus(idle) })
    }
}

/// Keeps the process alive. One that had lapsed gets back what its calls hold and none of what is free: others may
/// have taken that meanwhile.
pub(crate) fn wake(
    conn: &Connection,
    leases: &Leases,
    process: i64,
    now: i64,
    ttl: i64,
) -> rusqlite::Result<Option<Dues>> {
    let lapsed = reserved::has_lapsed(conn, process)?;
    let mut dues = None;
    if lapsed {
        leases.retire_all();
        dues = leases.take();
        dues.as_mut().map_or(Ok(()), |dues| dues.write(conn))?;
    }
    reserved::extend(conn, process, lapsed, now, ttl)?;
    Ok(dues)
}

/// Makes room in a budget by what no call uses; `None` if there is nothing.
pub(crate) fn make_room(conn: &Connection, leases: &Leases, key: &str) -> rusqlite::Result<Option<Dues>> {
    if !leases.retire_on(key) {
        return Ok(None);
    }
    let mut dues = leases.take();
    dues.as_mut().map_or(Ok(()), |dues| dues.write(conn))?;
    Ok(dues)
}
