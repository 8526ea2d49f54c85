//! What leases have to be written, and the writing of it.

use std::sync::Arc;

use forge_core::storage::budget::{Amount, BudgetCap, Spent};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Due, Leases};
use crate::{
    reserved::{self, amount},
    row::clamp,
};

/// What a transaction writes of leases. Unless it is kept, it is due again.
#[derive(Debug)]
pub(crate) struct Dues {
    leases: Leases,
    all: Vec<Part>,
    /// Whether the process is found to have lapsed.
    lapsed: bool,
    written: bool,
    kept: bool,
}

#[derive(Debug)]
struct Part {
    lease: u64,
    row: i64,
    caps: Arc<[BudgetCap]>,
    due: Due,
    /// Nothing is left of it.
    ends: bool,
    /// The row is not there.
    lost: bool,
}

impl Leases {
    /// What is to be written now, if anything is.
    pub(crate) fn take(&self) -> Option<Dues> {
        let mut state = self.state();
        state.told = false;
        let mut all = Vec::new();
        for lease in state.all.iter_mut().filter(|lease| lease.is_due()) {
            lease.ending = lease.ending || lease.is_done();
            all.push(Part {
                lease: lease.number,
                row: lease.row,
                caps: Arc::clone(&lease.caps),
                due: std::mem::take(&mut lease.due),
                ends: lease.ending,
                lost: false,
            });
        }
        (!all.is_empty()).then(|| Dues {
            leases: self.clone(),
            all,
            lapsed: false,
            written: false,
            kept: false,
        })
    }
}

impl Dues {
    /// Books what was spent and takes it, and what nobody uses, out of the leases.
    pub(crate) fn write(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        for part in &mut self.all {
            self.lapsed |= part.write(conn)?;
        }
        self.written = true;
        Ok(())
    }

    /// The same, so that a failure takes nothing with it that the transaction holds beside it.
    pub(crate) fn write_apart(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let run = |sql| conn.prepare_cached(sql)?.execute([]).map(drop);
        run("SAVEPOINT leases")?;
        if let Err(error) = self.write(conn) {
            tracing::debug!(%error, "what leased calls have taken is not booked yet");
            run("ROLLBACK TO leases")?;
        }
        run("RELEASE leases")
    }

    /// The transaction is committed.
    pub(crate) fn keep(mut self) {
        if !self.written {
            return;
        }
        self.kept = true;
        let mut state = self.leases.state();
        for part in self.all.iter().filter(|part| part.lost) {
            if let Some(lease) = state.find(part.lease) {
                // Nothing may be drawn from what is not there.
                lease.retire();
                lease.due.gone = Amount::default();
            }
        }
        state.all.retain(|lease| !self.all.iter().any(|part| part.ends && part.lease == lease.number));
        drop(state);
        // Somebody's clock was ahead, and what is free may belong to others now.
        if self.lapsed {
            self.leases.retire_all();
        }
    }
}

impl Drop for Dues {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut state = self.leases.state();
        for part in &self.all {
            if let Some(lease) = state.find(part.lease) {
                lease.due.booked = lease.due.booked.plus(part.due.booked);
                lease.due.gone = lease.due.gone.plus(part.due.gone);
                lease.ending = false;
            }
        }
    }
}

impl Part {
    /// Returns whether the process has lapsed.
    fn write(&mut self, conn: &Connection) -> rusqlite::Result<bool> {
        let Due { booked, gone } = self.due;
        let mut find = conn.prepare_cached(
            "SELECT money, tokens, lapsed FROM reservations JOIN holders ON holders.id = holder
             WHERE reservations.id = ?1",
        )?;
        let read = |row: &rusqlite::Row<'_>| Ok((amount(row, 0)?, row.get::<_, bool>(2)?));
        let found = find.query_row([self.row], read).optional()?;
        self.lost = found.is_none();
        // The sums contain what live processes have set aside and nothing else.
        let counted = found.is_some_and(|(_, lapsed)| !lapsed);
        let held = found.map(|(held, _)| held).unwrap_or_default();
        let left = if self.ends { Amount::default() } else { held.minus(gone) };
        if self.ends {
            reserved::remove(conn, self.row)?;
        } else if left != held {
            conn.prepare_cached("UPDATE reservations SET money = ?2, tokens = ?3 WHERE id = ?1")?
                .execute(params![self.row, clamp(left.money.nanos()), clamp(left.tokens)])?;
        }
        let taken = counted.then(|| held.minus(left));
        for cap in self.caps.iter().filter(|cap| !cap.per_call) {
            let (budget, spent) = match reserved::state(conn, &cap.key)? {
                Some(found) => found,
                None => (reserved::open(conn, &cap.key)?, Spent::default()),
            };
            reserved::book(conn, budget, spent, booked, taken)?;
        }
        Ok(found.is_some() && !counted)
    }
}
