//! The accounts: a queue that takes records, a task that writes them, and questions.

mod accounts;
mod question;
mod row;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use forge_core::storage::{
    StorageError, StorageErrorKind,
    accounts::{UsageRecord, UsageSink},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::store::{PostgresStore, Shared};

#[derive(Debug)]
enum Message {
    Record(Box<UsageRecord>),
    /// Answered when all that came before is written, or could not be.
    Flush(oneshot::Sender<Result<(), StorageError>>),
    Close,
}

/// Takes records, as many as fit.
#[derive(Debug)]
pub(crate) struct Queue {
    // Without a bound of its own, so that a flush finds a place when records find none.
    sender: mpsc::UnboundedSender<Message>,
    /// Records that are not written yet.
    waiting: Arc<AtomicUsize>,
    most: usize,
    lost: Arc<AtomicU64>,
}

impl Queue {
    pub(crate) fn close(&self) {
        let _ = self.sender.send(Message::Close);
    }
}

/// Starts the task that writes.
pub(crate) fn start(shared: &Arc<Shared>, tasks: &mut JoinSet<()>, handle: &Handle) -> Queue {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (waiting, lost) = (Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default());
    let writer = writer::Writer::new(Arc::clone(shared), receiver, Arc::clone(&waiting), Arc::clone(&lost));
    tasks.spawn_on(writer.run(), handle);
    Queue { sender, waiting, most: shared.options.queue, lost }
}

#[async_trait]
impl UsageSink for PostgresStore {
    fn record(&self, record: UsageRecord) {
        let Queue { sender, waiting, most, lost } = &self.usage;
        if waiting.fetch_add(1, Ordering::AcqRel) >= *most {
            waiting.fetch_sub(1, Ordering::AcqRel);
            if lost.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!(
                    queue = most,
                    "usage records are lost: more of them wait for the database than may"
                );
            }
            return;
        }
        let _ = sender.send(Message::Record(Box::new(record)));
    }

    async fn flush(&self) -> Result<(), StorageError> {
        let closed =
            || StorageError::new(StorageErrorKind::Closed, "write usage records", "the store is closed");
        let (sender, flushed) = oneshot::channel();
        self.usage.sender.send(Message::Flush(sender)).map_err(|_| closed())?;
        flushed.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl PostgresStore {
    /// Usage records that are not written yet, because the database is away or they came just now.
    pub fn waiting_records(&self) -> usize {
        self.usage.waiting.load(Ordering::Acquire)
    }

    /// Usage records that were lost: more waited for the database than may.
    pub fn lost_records(&self) -> u64 {
        self.usage.lost.load(Ordering::Relaxed)
    }
}
