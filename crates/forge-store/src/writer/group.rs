//! Transactions that wait at the same time are one: whoever waits for the disk waits once for all of them.

use std::collections::VecDeque;

use rusqlite::Connection;

use super::Writer;
use crate::{error::StoreError, schema::Durability};

/// Transactions that share one at most, so that other processes get their turn.
const MOST: usize = 256;
/// Those that are kept for later while the file cannot be written; more are given up.
const LATER: usize = 10_000;

/// The process that writes, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// The process as the holder of reservations.
    pub(crate) process: i64,
    /// Whether it has reserved nothing yet.
    pub(crate) first: bool,
    pub(crate) now: i64,
    pub(crate) ttl: i64,
}

/// One transaction, which may have to be made again.
pub(crate) trait Work: Send {
    fn durability(&self) -> Durability;

    /// Whether nobody waits for it, so that it is tried until it is done.
    fn is_patient(&self) -> bool;

    /// Does it, and says whether what it wrote is to be kept. It may be asked again when that could not be committed.
    fn attempt(&mut self, conn: &Connection, turn: &Turn) -> rusqlite::Result<bool>;

    /// Called once what was kept is committed, or could not be. Gives back what is to be tried again later.
    fn end(self: Box<Self>, writer: &mut Writer, outcome: Result<(), StoreError>) -> Option<Box<dyn Work>>;
}

/// A transaction that somebody waits for.
struct Awaited<T, E, W, D> {
    durability: Durability,
    work: W,
    outcome: Option<Result<T, E>>,
    done: D,
}

/// `work`, and then `done` with what came of it.
pub(crate) fn awaited<T: Send + 'static, E: Send + 'static>(
    durability: Durability,
    work: impl FnMut(&Connection, &Turn) -> rusqlite::Result<Result<T, E>> + Send + 'static,
    done: impl FnOnce(&mut Writer, Result<Result<T, E>, StoreError>) + Send + 'static,
) -> Box<dyn Work> {
    Box::new(Awaited { durability, work, outcome: None, done })
}

impl<T, E, W, D> Work for Awaited<T, E, W, D>
where
    T: Send,
    E: Send,
    W: FnMut(&Connection, &Turn) -> rusqlite::Result<Result<T, E>> + Send,
    D: FnOnce(&mut Writer, Result<Result<T, E>, StoreError>) + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn is_patient(&self) -> bool {
        false
    }

    fn attempt(&mut self, conn: &Connection, turn: &Turn) -> rusqlite::Result<bool> {
        // What came of it before was undone, and is dropped before it is done again.
        self.outcome = None;
        Ok(self.outcome.insert((self.work)(conn, turn)?).is_ok())
    }

    fn end(self: Box<Self>, writer: &mut Writer, outcome: Result<(), StoreError>) -> Option<Box<dyn Work>> {
        let Self { outcome: kept, done, .. } = *self;
        match (outcome, kept) {
            (Err(error), _) => done(writer, Err(error)),
            (Ok(()), Some(kept)) => done(writer, Ok(kept)),
            // It was never tried, which is as if the thread had ended: its caller learns it by what is dropped.
            (Ok(()), None) => {}
        }
        None
    }
}

/// A transaction that nobody waits for.
struct Patient<W, D> {
    work: W,
    done: D,
}

/// `work`, tried until it is done, and then `done`. It survives the end of the process.
pub(crate) fn patient(
    work: impl FnMut(&Connection) -> rusqlite::Result<()> + Send + 'static,
    done: impl FnOnce(&mut Writer) + Send + 'static,
) -> Box<dyn Work> {
    Box::new(Patient { work, done })
}

impl<W, D> Work for Patient<W, D>
where
    W: FnMut(&Connection) -> rusqlite::Result<()> + Send + 'static,
    D: FnOnce(&mut Writer) + Send + 'static,
{
    fn durability(&self) -> Durability {
        Durability::Process
    }

    fn is_patient(&self) -> bool {
        true
    }

    fn attempt(&mut self, conn: &Connection, _: &Turn) -> rusqlite::Result<bool> {
        (self.work)(conn).map(|()| true)
    }

    fn end(self: Box<Self>, writer: &mut Writer, outcome: Result<(), StoreError>) -> Option<Box<dyn Work>> {
        if outcome.is_err() {
            return Some(self);
        }
        (self.done)(writer);
        None
    }
}

/// Transactions in the order in which they came, and those that are tried again later.
#[derive(Default)]
pub(super) struct Works {
    waiting: Vec<Box<dyn Work>>,
    later: VecDeque<Box<dyn Work>>,
}

impl Works {
    /// Whether some are to be tried again later.
    pub(super) fn has_later(&self) -> bool {
        !self.later.is_empty()
    }

    /// Has those that were postponed tried again, before any that came after them.
    pub(super) fn again(&mut self) {
        self.waiting.extend(self.later.drain(..));
    }

    pub(super) fn push(&mut self, work: Box<dyn Work>) {
        self.waiting.push(work);
    }

    /// Has what leases have to be written come with the others, or by itself.
    pub(super) fn book(&mut self, writer: &Writer) {
        if self.waiting.is_empty() && !self.has_later() && writer.shared.leases.is_due() {
            self.push(patient(|_| Ok(()), |_| {}));
        }
    }

    /// Does all that wait, each with an answer of its own.
    pub(super) fn run(&mut self, writer: &mut Writer) {
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        loop {
            let mut group: Vec<_> = waiting.by_ref().take(MOST).collect();
            if group.is_empty() {
                return;
            }
            self.postpone(&mut group);
            self.commit(writer, group);
        }
    }

    /// One that failed stands for those behind it that nobody waits for, each of which might wait for a lock.
    fn postpone(&mut self, group: &mut Vec<Box<dyn Work>>) {
        if self.has_later() {
            for work in group.extract_if(.., |work| work.is_patient()) {
                self.keep(work);
            }
        }
    }

    fn keep(&mut self, work: Box<dyn Work>) {
        if self.later.len() < LATER {
            self.later.push_back(work);
        }
    }

    fn commit(&mut self, writer: &mut Writer, mut group: Vec<Box<dyn Work>>) {
        if group.is_empty() {
            return;
        }
        let outcomes: Vec<Result<(), StoreError>> = match writer.share(&mut group) {
            Ok(outcomes) => outcomes,
            Err(error) if group.len() == 1 => vec![Err(error)],
            // Whoever holds the file would have each of them wait as long again.
            Err(StoreError::Locked { path }) => {
                group.iter().map(|_| Err(StoreError::Locked { path: path.clone() })).collect()
            }
            // One that takes all of them down, such as one that fills the disk, must not do so again.
            Err(_) => {
                for work in group {
                    let mut alone = vec![work];
                    self.postpone(&mut alone);
                    self.commit(writer, alone);
                }
                return;
            }
        };
        for (work, outcome) in group.into_iter().zip(outcomes) {
            if let Some(work) = work.end(writer, outcome) {
                self.keep(work);
            }
        }
    }
}
