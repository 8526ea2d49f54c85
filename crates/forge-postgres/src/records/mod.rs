//! Usage records on their way: a queue that takes them, and a task that writes them.

pub(crate) mod row;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use forge_core::storage::{StorageError, StorageErrorKind, accounts::UsageRecord};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::shared::Shared;

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
    /// Takes a record, if there is room for it.
    pub(crate) fn record(&self, record: UsageRecord) {
        let Self { sender, waiting, most, lost } = self;
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

    /// Waits until what it took before is written, or could not be.
    pub(crate) async fn flush(&self) -> Result<(), StorageError> {
        let closed =
            || StorageError::new(StorageErrorKind::Closed, "write usage records", "the store is closed");
        let (sender, flushed) = oneshot::channel();
        self.sender.send(Message::Flush(sender)).map_err(|_| closed())?;
        flushed.await.unwrap_or_else(|_| Err(closed()))
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

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
