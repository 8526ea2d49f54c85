//! The queue to the one thread that writes.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use forge_core::storage::{Changes, accounts::UsageRecord};
use rusqlite::Connection;

use super::{Writer, group::Work};
use crate::{
    lease::Leases,
    options::StoreOptions,
    spool::{self, Spool},
    status::Counters,
    sync::lock,
};

/// A batch is committed once this many records wait,
const BATCH: usize = 256;
/// or once the first of them has waited this long.
const DELAY: Duration = Duration::from_millis(50);
/// Records that a queue has room for from the beginning.
const USUAL: usize = 8_192;

/// Something to be done by the thread.
pub(crate) enum Job {
    /// Whatever is no transaction of its own, such as a question.
    Once(Box<dyn FnOnce(&mut Writer) + Send>),
    /// A transaction, which may be made together with others.
    Work(Box<dyn Work>),
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
    pub(crate) pending: AtomicBool,
    /// Of the journals.
    pub(crate) changes: Changes,
    pub(crate) leases: Leases,
    /// For what is asked again and again.
    pub(crate) reader: Mutex<Option<Connection>>,
}

#[derive(Default)]
struct Queue {
    records: Vec<UsageRecord>,
    jobs: VecDeque<Job>,
    /// Whether leases have something to be written.
    due: bool,
    closing: bool,
    /// The thread has ended, and nobody takes anything any more.
    closed: bool,
}

impl Queue {
    fn is_idle(&self) -> bool {
        self.records.is_empty() && self.jobs.is_empty() && !self.due && !self.closing
    }

    /// Whether it is worth waiting a little for more: a batch costs one commit. A job has a caller that waits for it.
    fn may_grow(&self) -> bool {
        let some = !self.records.is_empty() || self.due;
        some && self.records.len() < BATCH && self.jobs.is_empty() && !self.closing
    }
}

/// Room for what usually waits at once.
pub(crate) fn batch(options: &StoreOptions) -> Vec<UsageRecord> {
    Vec::with_capacity(options.queue.min(USUAL))
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("records", &self.records.len()).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(options: StoreOptions) -> Self {
        let queue = Queue { records: batch(&options), ..Queue::default() };
        Self {
            counters: Counters::default(),
            spool: Mutex::new(Spool::new(&options.path)),
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            // An earlier process may have left a spool.
            pending: AtomicBool::new(true),
            changes: Changes::default(),
            leases: Leases::new(),
            reader: Mutex::default(),
            options,
        }
    }

    /// Queues a record; what does not fit goes to the spool at once.
    pub(crate) fn record(&self, record: UsageRecord) {
        let mut queue = lock(&self.queue);
        // A full queue costs the caller one line to the spool; it never waits for the database.
        if queue.closed || queue.records.len() >= self.options.queue {
            drop(queue);
            self.counters.overflowing(&spool::directory(&self.options.path));
            self.spool([&record]);
            return;
        }
        queue.records.push(record);
        let waiting = queue.records.len();
        drop(queue);
        // The thread waits for the first record, then for a full batch; those in between need not wake it.
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

    /// Leases have something to be written: with the next records, or soon.
    pub(crate) fn due(&self) {
        let mut queue = lock(&self.queue);
        let was_idle = queue.is_idle();
        queue.due = true;
        drop(queue);
        if was_idle {
            self.wake.notify_one();
        }
    }

    /// Waits for a change of the journals after the one that was seen, by any process.
    pub(crate) async fn watching(&self, seen: u64) {
        let mut change = pin!(self.changes.after(seen));
        let mut asked = false;
        poll_fn(|cx| {
            let poll = change.as_mut().poll(cx);
            // The thread may be asleep, and has to look at the file from now on.
            if poll.is_pending() && !std::mem::replace(&mut asked, true) {
                self.submit(Job::Once(Box::new(|_| {})));
            }
            poll
        })
        .await;
    }

    pub(crate) fn queued(&self) -> usize {
        lock(&self.queue).records.len()
    }

    pub(crate) fn close(&self) {
        lock(&self.queue).closing = true;
        self.wake.notify_one();
    }

    /// Waits for records or jobs, at most for `idle`. The records go into `records`, which is empty; with the
    /// jobs comes whether the queue is closing.
    pub(crate) fn take(&self, records: &mut Vec<UsageRecord>, idle: Duration) -> (VecDeque<Job>, bool) {
        let wait =
            |queue, time| self.wake.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0;
        let mut queue = lock(&self.queue);
        if queue.is_idle() {
            queue = wait(queue, idle);
        }
        if queue.may_grow() {
            queue = wait(queue, DELAY);
        }
        queue.due = false;
        std::mem::swap(&mut queue.records, records);
        (std::mem::take(&mut queue.jobs), queue.closing)
    }

    /// Ends the queue. Records that are left go to the spool.
    pub(crate) fn end(&self) {
        self.leases.close();
        let mut queue = lock(&self.queue);
        queue.closed = true;
        // A job that is dropped drops its sender, by which its caller learns that the store is closed.
        let left = (std::mem::take(&mut queue.records), std::mem::take(&mut queue.jobs));
        drop(queue);
        self.spool(&left.0);
    }

    pub(crate) fn spool<'a>(&self, records: impl IntoIterator<Item = &'a UsageRecord>) {
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
