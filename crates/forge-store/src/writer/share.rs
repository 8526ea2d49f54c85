//! The one transaction of those that wait together.

use std::sync::Arc;

use rusqlite::Connection;

use super::{
    Writer,
    group::{Turn, Work},
    process::times,
};
use crate::{error::StoreError, lease::Dues, schema::Durability};

impl Writer {
    pub(crate) fn turn(&self) -> Turn {
        let (now, ttl) = times(self);
        Turn { process: self.process.id(), first: self.process.is_new(), now, ttl }
    }

    /// Does all of `group` in one transaction. One that refuses or fails takes back what it wrote itself.
    pub(super) fn share(
        &mut self,
        group: &mut [Box<dyn Work>],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let turn = self.turn();
        self.shared.leases.expire(turn.now);
        let mut dues = self.shared.leases.take();
        let shared = Arc::clone(&self.shared);
        let failed = |source| StoreError::sqlite("write to", &shared.options.path, source);
        let synced = group.iter().any(|work| work.durability() == Durability::Disk);
        let database = self.database()?.0;
        let mut run = || {
            database.keep(if synced { Durability::Disk } else { Durability::Process })?;
            transaction(&database.conn, &turn, group, dues.as_mut())
        };
        let outcomes = run()
            .map_err(failed)
            .map(|outcomes| outcomes.into_iter().map(|outcome| outcome.map_err(failed)).collect::<Vec<_>>());
        if let Some(dues) = dues.filter(|_| outcomes.is_ok()) {
            dues.keep();
        }
        self.dirty = true;
        match &outcomes {
            Err(error) => self.note(error),
            Ok(outcomes) => outcomes.iter().filter_map(|one| one.as_ref().err()).for_each(|it| self.note(it)),
        }
        outcomes
    }

    /// After an error that does not pass, the file is opened anew.
    pub(super) fn note(&mut self, error: &StoreError) {
        self.shared.counters.note(error);
        if !error.passes() {
            self.database = None;
        }
    }
}

fn run(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}

fn transaction(
    conn: &Connection,
    turn: &Turn,
    group: &mut [Box<dyn Work>],
    dues: Option<&mut Dues>,
) -> rusqlite::Result<Vec<rusqlite::Result<()>>> {
    // The write lock is taken at once: a transaction that reads first may find its state too old to write.
    run(conn, "BEGIN IMMEDIATE")?;
    let outcomes = match (group, dues) {
        ([alone], None) => alone.attempt(conn, turn).and_then(|kept| {
            run(conn, if kept { "COMMIT" } else { "ROLLBACK" })?;
            Ok(vec![Ok(())])
        }),
        (group, dues) => dues.map_or(Ok(()), |dues| dues.write_apart(conn)).and_then(|()| {
            let outcomes = each(conn, turn, group)?;
            run(conn, "COMMIT")?;
            Ok(outcomes)
        }),
    };
    // SQLite ends a transaction by itself after some errors.
    if outcomes.is_err() && !conn.is_autocommit() {
        let _ = run(conn, "ROLLBACK");
    }
    outcomes
}

fn each(
    conn: &Connection,
    turn: &Turn,
    group: &mut [Box<dyn Work>],
) -> rusqlite::Result<Vec<rusqlite::Result<()>>> {
    let mut outcomes = Vec::with_capacity(group.len());
    for work in group {
        run(conn, "SAVEPOINT one")?;
        let outcome = work.attempt(conn, turn);
        if !matches!(outcome, Ok(true)) {
            // There is no such place any more if the error has ended the whole transaction: then all of them failed.
            run(conn, "ROLLBACK TO one")?;
        }
        run(conn, "RELEASE one")?;
        outcomes.push(outcome.map(drop));
    }
    Ok(outcomes)
}
