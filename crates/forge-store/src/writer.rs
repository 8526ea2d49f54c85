//! The one thread that writes, and the queue to it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use forge_core::UsageRecord;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{
    StoreError, StoreOptions, budget::Holder, ledger, names::Names, schema::Database, spool, spool::Spool,
    status::Counters,
};

/// Records are committed when so many wait,
const BATCH: usize = 256;
/// or when the first of them has waited for so long.
const DELAY: Duration = Duration::from_millis(50);
/// How long nothing happens before the log is written back and claims are renewed.
const IDLE: Duration = Duration::from_secs(1);
/// Records that a queue has room for from the beginning.
const USUAL: usize = 8_192;
/// Jobs that are kept for later while the file cannot be written; more are given up.
const LATER: usize = 10_000;

/// Something to be done by the thread.
pub(crate) enum Job {
    /// Somebody waits for it.
    Once(Box<dyn FnOnce(&mut Writer) + Send>),
    /// Nobody waits for it; it is tried again later if it returns false.
    Until(Box<dyn FnMut(&mut Writer) -> bool + Send>),
}

/// What the thread and its clients share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: StoreOptions,
    pub(crate) counters: Counters,
    pub(crate) spool: Mutex<Spool>,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Whether the spool may hold something to import.
    pending: AtomicBool,
}

#[derive(Default)]
struct Queue {
    records: Vec<UsageRecord>,
    jobs: VecDeque<Job>,
    closing: bool,
    /// The thread has ended, and nobody takes anything any more.
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("records", &self.records.len()).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(options: StoreOptions) -> Self {
        let queue = Queue { records: Vec::with_capacity(options.queue.min(USUAL)), ..Queue::default() };
        Self {
            counters: Counters::default(),
            spool: Mutex::new(Spool::new(&options.path)),
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            pending: AtomicBool::new(true),
            options,
        }
    }

    /// Queues a record; what does not fit goes to the spool at once.
    pub(crate) fn record(&self, record: UsageRecord) {
        let mut queue = lock(&self.queue);
        if queue.closed || queue.records.len() >= self.options.queue {
            drop(queue);
            self.counters.overflowing(&spool::directory(&self.options.path));
            self.spool([&record]);
            return;
        }
        queue.records.push(record);
        let waiting = queue.records.len();
        drop(queue);
        if waiting == 1 || waiting == BATCH {
            self.wake.notify_one();
        }
    }

    /// Queues a job. It is dropped if the thread has ended.
    pub(crate) fn submit(&self, job: Job) {
        let mut queue = lock(&self.queue);
        if !queue.closed {
            queue.jobs.push_back(job);
            drop(queue);
            self.wake.notify_one();
        }
    }

    pub(crate) fn queued(&self) -> usize {
        lock(&self.queue).records.len()
    }

    pub(crate) fn close(&self) {
        lock(&self.queue).closing = true;
        self.wake.notify_one();
    }

    fn spool<'a>(&self, records: impl IntoIterator<Item = &'a UsageRecord>) {
        for record in records {
            // One at a time, so that nobody waits for more than a line.
            let appended = lock(&self.spool).append(record);
            self.pending.store(true, Relaxed);
            match appended {
                Ok(()) => self.counters.spooled(),
                Err(error) => self.counters.lost(&spool::directory(&self.options.path), &error),
            }
        }
    }
}

/// The thread's own state.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) holder: Holder,
    database: Option<Database>,
    names: Names,
    /// No record is written before.
    pause: Option<Instant>,
    /// Whether the log holds something that may be written back.
    dirty: bool,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (holder, names) = (Holder::new(), Names::default());
        Self { shared, holder, database: None, names, pause: None, dirty: false }
    }

    /// Opens the file, tells how that went, and writes until the store is closed. Without a file, it goes on
    /// if it may spool.
    pub(crate) fn run(mut self, may_spool: bool, opened: impl FnOnce(Result<(), StoreError>)) {
        let _ended = Ended(Arc::clone(&self.shared));
        let shared = Arc::clone(&self.shared);
        match self.database().map(|database| database.may_write(&shared.options.path)) {
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
        let mut records = Vec::with_capacity(self.shared.options.queue.min(USUAL));
        let mut later: VecDeque<Job> = VecDeque::new();
        self.import();
        loop {
            let (jobs, closing) = self.take(&mut records, !later.is_empty());
            if !records.is_empty() {
                self.write(&records);
                records.clear();
            }
            self.import();
            for job in std::mem::take(&mut later).into_iter().chain(jobs) {
                match job {
                    Job::Once(job) => job(&mut self),
                    Job::Until(mut job) => {
                        let kept = later.len();
                        // One that fails stands for those behind it, each of which might wait for a lock.
                        if (kept == 0 && job(&mut self)) || kept >= LATER {
                            continue;
                        }
                        later.push_back(Job::Until(job));
                    }
                }
            }
            Holder::renew(&mut self);
            if closing {
                self.checkpoint();
                return;
            }
        }
    }

    /// Waits for records or jobs, or until something else is due.
    fn take(&mut self, records: &mut Vec<UsageRecord>, later: bool) -> (VecDeque<Job>, bool) {
        let shared = Arc::clone(&self.shared);
        let idle = match (shared.pending.load(Relaxed) || later, self.dirty || self.holder.holds()) {
            (true, _) => shared.options.retry.clamp(Duration::from_millis(1), IDLE),
            (_, true) => IDLE,
            _ => Duration::from_secs(3_600),
        };
        let wait =
            |queue, time| shared.wake.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0;
        let mut queue = lock(&shared.queue);
        let nothing = |queue: &Queue| queue.records.is_empty() && queue.jobs.is_empty() && !queue.closing;
        if nothing(&queue) {
            queue = wait(queue, idle);
        }
        if nothing(&queue) {
            drop(queue);
            self.checkpoint();
            queue = lock(&shared.queue);
        } else if queue.jobs.is_empty() && !queue.closing && queue.records.len() < BATCH {
            queue = wait(queue, DELAY);
        }
        std::mem::swap(&mut queue.records, records);
        (std::mem::take(&mut queue.jobs), queue.closing)
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
        self.database()?;
        let Some(database) = &mut self.database else { return Ok(()) };
        let version = shared.options.price_version.as_deref();
        let written = ledger::write(&mut database.conn, &mut self.names, version, records)
            .map_err(|source| StoreError::sqlite("write to", &shared.options.path, source))?;
        shared.counters.written.fetch_add(written, Relaxed);
        shared.counters.writing();
        self.pause = None;
        self.dirty = true;
        Ok(())
    }

    /// Brings the spool home.
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

    /// The open file; it is opened if need be.
    fn database(&mut self) -> Result<&mut Database, StoreError> {
        match &mut self.database {
            Some(database) => Ok(database),
            closed => {
                self.names.clear();
                Ok(closed.insert(Database::open(&self.shared.options)?))
            }
        }
    }

    /// Asks the file.
    pub(crate) fn inspect<T>(
        &mut self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let answer = question(&self.database()?.conn);
        answer.map_err(|source| StoreError::sqlite("read", &self.shared.options.path, source))
    }

    /// Does `job` as one unit that is on disk afterwards. What it refuses is undone.
    pub(crate) fn durable<T, E>(
        &mut self,
        job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, E>>,
    ) -> Result<Result<T, E>, StoreError> {
        self.transact("FULL", |transaction, _| job(transaction))
    }

    /// Does `job` as one unit that survives the end of the process.
    pub(crate) fn transact<T, E>(
        &mut self,
        synchronous: &str,
        job: impl FnOnce(&Transaction<'_>, &mut Names) -> rusqlite::Result<Result<T, E>>,
    ) -> Result<Result<T, E>, StoreError> {
        self.database()?;
        let Some(database) = &mut self.database else {
            return Err(StoreError::Closed { path: self.shared.options.path.clone() });
        };
        let (conn, names) = (&mut database.conn, &mut self.names);
        let run = || {
            conn.pragma_update(None, "synchronous", synchronous)?;
            let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = job(&transaction, names)?;
            if outcome.is_ok() { transaction.commit() } else { transaction.rollback() }?;
            Ok(outcome)
        };
        let outcome = run();
        let _ = database.conn.pragma_update(None, "synchronous", "NORMAL");
        self.dirty = true;
        if !matches!(outcome, Ok(Ok(_))) {
            self.names.clear();
        }
        outcome.map_err(|source| {
            let error = StoreError::sqlite("write to", &self.shared.options.path, source);
            self.shared.counters.note(&error);
            if !error.passes() {
                self.database = None;
            }
            error
        })
    }
}

/// Whatever ends the thread, nobody waits for it in vain.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        queue.closed = true;
        let left = (std::mem::take(&mut queue.records), std::mem::take(&mut queue.jobs));
        drop(queue);
        self.0.spool(&left.0);
    }
}

/// No code here panics while it holds a lock, so a poisoned one is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
