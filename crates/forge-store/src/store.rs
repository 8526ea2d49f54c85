//! The handle that programs hold.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
};

use async_trait::async_trait;
use forge_core::storage::{
    StorageError,
    accounts::{UsageRecord, UsageSink},
};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{
    error::StoreError,
    options::StoreOptions,
    schema::{self, Durability},
    spool,
    status::StoreStatus,
    sync::lock,
    writer::{Job, Shared, Turn, Writer, awaited},
};

/// The one file of a process, shared in an `Arc`. Dropping it writes everything that is queued, and blocks until then.
#[derive(Debug)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the file, or makes it. What a spool beside it holds is taken into it.
    ///
    /// # Errors
    /// Says why the file cannot be used; see [`StoreError`].
    pub fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let (store, opened) = Self::start(options, false);
        opened.map(|()| store)
    }

    /// The same, but never fails: while the file cannot be used, records go to the spool, with one warning,
    /// and questions, journals and budgets fail. [`status`](Self::status) says why.
    pub fn open_or_spool(options: StoreOptions) -> Self {
        Self::start(options, true).0
    }

    fn start(options: StoreOptions, may_spool: bool) -> (Self, Result<(), StoreError>) {
        let shared = Arc::new(Shared::new(options));
        let writer = Writer::new(Arc::clone(&shared));
        let (sender, opened) = mpsc::channel();
        let run = move || {
            writer.run(may_spool, |outcome| {
                let _ = sender.send(outcome);
            });
        };
        let started = thread::Builder::new().name("forge-store".into()).spawn(run);
        let path = || shared.options.path.clone();
        let (thread, opened) = match started {
            Ok(thread) => {
                (Some(thread), opened.recv().unwrap_or_else(|_| Err(StoreError::Closed { path: path() })))
            }
            // The writer was dropped with its closure.
            Err(source) => (None, Err(StoreError::Io { what: "start a thread for", path: path(), source })),
        };
        (Self { shared, thread: Mutex::new(thread) }, opened)
    }

    /// The state of the store.
    pub fn status(&self) -> StoreStatus {
        self.shared.counters.status(self.path(), self.shared.queued())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.shared.options.path
    }

    /// The directory of the spool.
    pub fn spool_path(&self) -> PathBuf {
        spool::directory(self.path())
    }

    /// Reads the whole file. Blocks, for seconds if the file is large.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first fault that is found; otherwise when the file cannot be read.
    pub fn check(&self) -> Result<(), StoreError> {
        schema::check(&schema::reader(&self.shared.options)?, self.path())
    }

    /// Runs `job` on the writing thread.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = oneshot::channel();
        self.submit(job, |answer| {
            // Whoever asked may have stopped waiting; the job is done all the same.
            let _ = sender.send(answer);
        });
        answer.await.map_err(|_| self.closed())
    }

    /// Runs `work` on the writing thread, in one transaction with what else waits. It is on disk when it is answered;
    /// what it refuses is rolled back. `done` makes the answer of what it came to, after the commit.
    pub(crate) async fn commit<T: Send + 'static, A: Send + 'static, E: Send + 'static>(
        &self,
        work: impl FnMut(&Connection, &Turn) -> rusqlite::Result<Result<T, E>> + Send + 'static,
        done: impl FnOnce(&mut Writer, T) -> A + Send + 'static,
    ) -> Result<Result<A, E>, StoreError> {
        let (sender, answer) = oneshot::channel();
        let done = |writer: &mut Writer, outcome: Result<Result<T, E>, StoreError>| {
            let answer = outcome.map(|outcome| outcome.map(|made| done(writer, made)));
            let _ = sender.send(answer);
        };
        self.shared.submit(Job::Work(awaited(Durability::Disk, work, done)));
        answer.await.map_err(|_| self.closed())?
    }

    /// Runs `job` on the writing thread, and blocks until it is done.
    pub(crate) fn ask_and_wait<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = mpsc::channel();
        self.submit(job, move |answer| {
            let _ = sender.send(answer);
        });
        answer.recv().map_err(|_| self.closed())
    }

    fn submit<T>(
        &self,
        job: impl FnOnce(&mut Writer) -> T + Send + 'static,
        answer: impl FnOnce(T) + Send + 'static,
    ) {
        self.shared.submit(Job::Once(Box::new(move |writer| answer(job(writer)))));
    }

    fn closed(&self) -> StoreError {
        StoreError::Closed { path: self.path().to_owned() }
    }

    /// Answers a question on a thread of its own, because it may take a while.
    pub(crate) async fn answer<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Arc<Shared>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let work = move || {
            // Whoever asked may have gone.
            let _ = sender.send(question(&shared));
        };
        let started = thread::Builder::new().name("forge-store-reader".into()).spawn(work);
        started.map_err(|source| StoreError::Io {
            what: "start a thread for",
            path: self.path().to_owned(),
            source,
        })?;
        answer.await.map_err(|_| self.closed())?
    }

    /// Reads one state of the file on a connection of its own.
    pub(crate) fn query<T>(
        &self,
        what: &'static str,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        read(&self.shared, what, question)
    }
}

/// Reads one state of the file on a connection of its own.
pub(crate) fn read<T>(
    shared: &Shared,
    what: &'static str,
    question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let mut conn = schema::reader(&shared.options)?;
    let answer = conn.transaction().and_then(|transaction| question(&transaction));
    answer.map_err(|source| StoreError::sqlite(what, &shared.options.path, source))
}

/// The same over a connection that is kept, for what is asked again and again.
pub(crate) fn read_again<T>(
    shared: &Shared,
    question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let mut kept = lock(&shared.reader);
    let conn = kept.take().map_or_else(|| schema::reader(&shared.options), Ok)?;
    let answer =
        question(&conn).map_err(|source| StoreError::sqlite("read", &shared.options.path, source))?;
    // After a failure the file is opened anew.
    *kept = Some(conn);
    Ok(answer)
}

#[async_trait]
impl UsageSink for Store {
    fn record(&self, record: UsageRecord) {
        self.shared.record(record);
    }

    /// Waits until every record taken so far is in the file or in the spool.
    async fn flush(&self) -> Result<(), StorageError> {
        let sync = |writer: &mut Writer| {
            // The lock is released before the disk is waited for.
            let syncing = lock(&writer.shared.spool).syncing();
            syncing()
        };
        Ok(self.ask(sync).await??)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = lock(&self.thread).take() {
            // A panic of the thread has been reported there, and a drop must not add another.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::storage::{
        StorageErrorKind,
        journal::{Journal, JournalError, StreamName},
    };

    use super::*;

    #[test]
    fn a_store_that_was_closed_says_so() {
        let path = std::env::temp_dir().join(format!("forge-closed-{}.db", std::process::id()));
        let store = Store::open(StoreOptions::new(&path)).unwrap();
        store.shared.close();
        if let Some(thread) = lock(&store.thread).take() {
            thread.join().unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        match runtime.block_on(Journal::read(&store, &StreamName::new("s").unwrap(), 0)) {
            Err(JournalError::Storage(error)) => assert_eq!(error.kind(), StorageErrorKind::Closed),
            other => panic!("{other:?}"),
        }
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let _ = std::fs::remove_file(schema::beside(&path, suffix));
        }
    }
}
