//! The one thread that writes.

mod group;
mod process;
mod queue;
mod share;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use forge_core::storage::accounts::UsageRecord;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use group::{Turn, awaited, patient};
pub(crate) use queue::{Job, Shared};

use crate::{
    error::StoreError,
    lease::Dues,
    ledger,
    names::Names,
    schema::{Database, Durability},
    spool,
    sync::lock,
};
use group::Works;
use process::Process;
use queue::batch;

/// How long nothing happens before the log is written back and claims are renewed.
const IDLE: Duration = Duration::from_secs(1);
/// How often the file is asked for changes of other processes, while somebody watches a journal.
const WATCH: Duration = Duration::from_millis(100);

/// The thread's own state.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) process: Process,
    database: Option<Database>,
    names: Names,
    /// No record is written before.
    pause: Option<Instant>,
    /// Whether the log holds something that may be written back.
    dirty: bool,
    /// The file's own counter of what other connections changed, when it was last looked at.
    version: Option<i64>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (process, names) = (Process::new(), Names::default());
        Self { shared, process, database: None, names, pause: None, dirty: false, version: None }
    }

    /// Opens the file, reports the outcome, and writes until the store is closed. Without a file it goes on if
    /// it may spool.
    pub(crate) fn run(mut self, may_spool: bool, opened: impl FnOnce(Result<(), StoreError>)) {
        let _ended = Ended(Arc::clone(&self.shared));
        let shared = Arc::clone(&self.shared);
        match self.database().map(|(database, _)| database.may_write(&shared.options.path)) {
            Err(error) if may_spool => {
                self.failed(&error);
                opened(Err(error));
            }
            Err(error) => return opened(Err(error)),
            Ok(writable) => {
                if let Some(error) = writable.err().filter(|_| may_spool) {
                    self.failed(&error);
                }
                opened(Ok(()));
            }
        }
        let mut records = batch(&shared.options);
        let mut works = Works::default();
        self.import();
        loop {
            let (jobs, closing) = shared.take(&mut records, self.idle(works.has_later()));
            if records.is_empty() && jobs.is_empty() && !closing && !shared.leases.is_due() {
                // Only while nothing waits: writing back a large log takes a moment.
                self.checkpoint();
                shared.leases.rest();
            }
            if closing {
                shared.leases.close();
            }
            // What becomes due from here on has the thread come back, and waits for the records that come with it.
            let due = shared.leases.is_due();
            // Records before jobs: `flush` promises that all records taken before it are written or spooled.
            if !records.is_empty() {
                self.write(&records);
                records.clear();
            }
            self.import();
            works.again();
            for job in jobs {
                match job {
                    Job::Work(work) => works.push(work),
                    // What came before it is done before it.
                    Job::Once(job) => {
                        works.book(&self);
                        works.run(&mut self);
                        job(&mut self);
                    }
                }
            }
            if due {
                works.book(&self);
            }
            works.run(&mut self);
            Process::renew(&mut self);
            self.look();
            if closing {
                self.checkpoint();
                return;
            }
        }
    }

    /// How long to wait until something else is due.
    fn idle(&self, later: bool) -> Duration {
        let leases = &self.shared.leases;
        let later = later || leases.is_due();
        let holds = self.process.holds() || !leases.is_empty();
        match (self.shared.pending.load(Relaxed) || later, self.dirty || holds) {
            // SQLite tells nobody about the changes of other processes, so the file has to be asked.
            _ if self.shared.changes.is_watched() => WATCH,
            (true, _) => self.shared.options.retry.clamp(Duration::from_millis(1), IDLE),
            (_, true) => IDLE,
            _ => Duration::from_secs(3_600),
        }
    }

    /// Tells those who watch a journal when another connection has changed the file.
    fn look(&mut self) {
        if !self.shared.changes.is_watched() {
            return;
        }
        let version = self.inspect(|conn| conn.query_row("PRAGMA data_version", [], |row| row.get(0)));
        // A file that cannot be read says so to whoever asks it again.
        let version = version.ok();
        if std::mem::replace(&mut self.version, version) != version || version.is_none() {
            self.shared.changes.notify();
        }
    }

    fn paused(&self) -> bool {
        self.pause.is_some_and(|until| Instant::now() < until)
    }

    fn write(&mut self, records: &[UsageRecord]) {
        if self.paused() {
            return self.shared.spool(records);
        }
        if let Err(error) = self.try_write(records) {
            self.failed(&error);
            self.shared.spool(records);
        }
    }

    fn try_write(&mut self, records: &[UsageRecord]) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let (database, names) = self.database()?;
        // Should this fail, the commit is slower and no less safe.
        let _ = database.keep(Durability::Process);
        let version = shared.options.price_version.as_deref();
        let mut dues = shared.leases.take();
        let beside = |conn: &Connection| dues.as_mut().map_or(Ok(()), |dues| dues.write_apart(conn));
        let written = ledger::write(&mut database.conn, names, version, records, beside)
            .map_err(|source| StoreError::sqlite("write to", &shared.options.path, source))?;
        dues.into_iter().for_each(Dues::keep);
        shared.counters.written.fetch_add(written, Relaxed);
        shared.counters.writing();
        self.pause = None;
        self.dirty = true;
        Ok(())
    }

    /// Imports the spool.
    fn import(&mut self) {
        let shared = Arc::clone(&self.shared);
        if self.paused() || !shared.pending.load(Relaxed) {
            return;
        }
        // In this order: what is spooled from now on is seen, here or next time.
        shared.pending.store(false, Relaxed);
        lock(&shared.spool).close();
        let directory = spool::directory(&shared.options.path);
        match spool::import(&directory, |records| self.try_write(records)) {
            Ok(imported) => {
                shared.counters.quarantined.fetch_add(imported.bad, Relaxed);
                // It may have died in between.
                shared.pending.fetch_or(imported.left, Relaxed);
            }
            Err(error) => {
                shared.pending.store(true, Relaxed);
                self.failed(&error);
            }
        }
    }

    fn failed(&mut self, error: &StoreError) {
        self.shared.counters.spooling(&spool::directory(&self.shared.options.path), error);
        self.pause = Instant::now().checked_add(self.shared.options.retry);
        // A locked or full file recovers under the same connection; after anything else it is opened anew.
        if !error.passes() {
            self.database = None;
        }
    }

    fn checkpoint(&mut self) {
        if let Some(database) = self.database.as_ref().filter(|_| self.dirty) {
            // What cannot be written back now is written back by whoever closes the file last.
            let _ = database.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            self.dirty = false;
        }
    }

    /// The open file, which is opened if need be, and the names in it.
    fn database(&mut self) -> Result<(&mut Database, &mut Names), StoreError> {
        let database = match &mut self.database {
            Some(database) => database,
            closed => {
                self.names.clear();
                closed.insert(Database::open(&self.shared.options)?)
            }
        };
        Ok((database, &mut self.names))
    }

    /// Reads from the file.
    pub(crate) fn inspect<T>(
        &mut self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let answer = question(&self.database()?.0.conn);
        answer.map_err(|source| StoreError::sqlite("read", &self.shared.options.path, source))
    }

    /// Runs `job` as one transaction that is on disk afterwards. What it refuses is rolled back.
    pub(crate) fn durable<T, E>(
        &mut self,
        job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, E>>,
    ) -> Result<Result<T, E>, StoreError> {
        self.transact(Durability::Disk, |transaction, _| job(transaction))
    }

    /// Runs `job` as one transaction.
    pub(crate) fn transact<T, E>(
        &mut self,
        durability: Durability,
        job: impl FnOnce(&Transaction<'_>, &mut Names) -> rusqlite::Result<Result<T, E>>,
    ) -> Result<Result<T, E>, StoreError> {
        let (database, names) = self.database()?;
        let run = || {
            database.keep(durability)?;
            // The write lock is taken at once: a transaction that reads first may find its state too old to write.
            let transaction = database.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = job(&transaction, names)?;
            if outcome.is_ok() { transaction.commit() } else { transaction.rollback() }?;
            Ok(outcome)
        };
        let outcome = run();
        self.dirty = true;
        // Ids of names that a rollback has taken back may be given out again for other names.
        if !matches!(outcome, Ok(Ok(_))) {
            self.names.clear();
        }
        outcome.map_err(|source| {
            let error = StoreError::sqlite("write to", &self.shared.options.path, source);
            self.note(&error);
            error
        })
    }
}

/// Closes the queue however the thread ends, so that nobody waits for an answer that never comes.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}
