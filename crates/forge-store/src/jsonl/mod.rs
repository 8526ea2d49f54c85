//! A journal in plain files, for programs without a database.

mod claim;
mod files;
mod line;
mod list;
#[cfg(test)]
mod tests;

use std::{
    future::poll_fn,
    io,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use async_trait::async_trait;
use forge_core::{
    storage::{
        Changes, StorageError, StorageErrorKind,
        journal::{Batch, Claim, Entry, Fence, Journal, JournalError, StreamInfo, StreamName, Streams},
    },
    time::Clock,
};
use tokio::sync::oneshot;

use self::files::Files;
use crate::sync::lock;

/// How often the files are looked at for changes of other processes, while somebody watches a stream.
const WATCH: Duration = Duration::from_millis(100);

/// A [`Journal`] in one file of lines for each stream, `NAME.jsonl`, and a claim beside it, `NAME.claim`.
///
/// Each line has a checksum over its entries, and each append is one line, so that it is there as a whole or
/// not at all. Text after the last whole line, which a crash may leave, is moved to `NAME.torn` at the next
/// claim; a broken line before a whole one is no crash's doing, and such a file is refused. Every append is synced.
/// Entries are UTF-8 text. Two processes keep each other out by the claim file, which is locked while it is read and
/// changed. `NAME.info` says what a list of the streams says, and is made anew when it does not fit the file.
///
/// A thread of its own works on the files. Only their owner may read them.
#[derive(Debug)]
pub struct JsonlJournal {
    folder: PathBuf,
    jobs: Mutex<Option<Sender<Job>>>,
    changes: Arc<Changes>,
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&mut Files) + Send>;

impl JsonlJournal {
    /// A journal in `folder`, which the first claim creates. Claims lapse by the wall clock of `clock`.
    ///
    /// # Errors
    /// The path leads to something else than a folder.
    pub fn open(folder: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        let folder = folder.into();
        let files = Files::new(folder.clone(), clock);
        if folder.exists() && !folder.is_dir() {
            return Err(files.failed(io::ErrorKind::NotADirectory.into()));
        }
        let (jobs, queue) = mpsc::channel();
        let changes = Arc::new(Changes::default());
        let watched = Arc::clone(&changes);
        let thread =
            thread::Builder::new().name("forge-jsonl".into()).spawn(move || work(files, &queue, &watched));
        let thread = thread.map_err(|error| StorageError::io("start a thread for the journal", error))?;
        Ok(Self { folder, jobs: Mutex::new(Some(jobs)), changes, thread: Some(thread) })
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Files) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (sender, answer) = oneshot::channel();
        self.submit(Box::new(move |files| {
            // Whoever asked may have gone.
            let _ = sender.send(job(files));
        }));
        answer.await.map_err(|_| self.closed())?
    }

    fn submit(&self, job: Job) {
        if let Some(jobs) = &*lock(&self.jobs) {
            // A thread that has ended drops the job, and whoever asked is told.
            let _ = jobs.send(job);
        }
    }

    fn closed(&self) -> JournalError {
        let what = format!("use the journal in {}", self.folder.display());
        StorageError::new(StorageErrorKind::Closed, what, "it is closed").into()
    }

    /// Waits for another change than the one that was seen, by whichever process.
    async fn watching(&self, seen: u64) {
        let mut change = pin!(self.changes.after(seen));
        let mut asked = false;
        poll_fn(|cx| {
            let poll = change.as_mut().poll(cx);
            // The thread may be asleep, and has to look at the files from now on.
            if poll.is_pending() && !std::mem::replace(&mut asked, true) {
                self.submit(Box::new(|_| {}));
            }
            poll
        })
        .await;
    }
}

fn work(mut files: Files, queue: &Receiver<Job>, changes: &Changes) {
    loop {
        let job = if changes.is_watched() {
            queue.recv_timeout(WATCH)
        } else {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match job {
            Ok(job) => job(&mut files),
            // Those who watch look at the length of their file, which is cheap.
            Err(RecvTimeoutError::Timeout) => changes.notify(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What was asked for is done before the journal is gone.
impl Drop for JsonlJournal {
    fn drop(&mut self) {
        lock(&self.jobs).take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[async_trait]
impl Journal for JsonlJournal {
    async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        let (stream, claim) = (stream.clone(), claim.clone());
        self.ask(move |files| files.claim(&stream, &claim)).await
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        let stream = stream.clone();
        self.ask(move |files| files.release(&stream, fence)).await
    }

    async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError> {
        let summary = batch.summary_text(stream)?;
        let stream = stream.clone();
        let count = self.ask(move |files| files.append(&stream, fence, batch, summary)).await?;
        self.changes.notify();
        Ok(count)
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        let stream = stream.clone();
        self.ask(move |files| files.read(&stream, sequence)).await
    }
}

#[async_trait]
impl Streams for JsonlJournal {
    async fn list(&self) -> Result<Vec<StreamInfo>, JournalError> {
        self.ask(Files::list).await
    }

    async fn delete(&self, stream: &StreamName) -> Result<bool, JournalError> {
        let stream = stream.clone();
        self.ask(move |files| files.delete(&stream)).await
    }

    async fn watch(&self, stream: &StreamName, from: u64) -> Result<Vec<Entry>, JournalError> {
        loop {
            let seen = self.changes.count();
            let entries = self.read(stream, from).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            self.watching(seen).await;
        }
    }
}
