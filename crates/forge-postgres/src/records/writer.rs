//! The task that writes usage records, many at once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use forge_core::storage::{StorageError, StorageErrorKind, accounts::UsageRecord};
use tokio::{
    sync::{mpsc, oneshot},
    time,
};

use super::{Message, row};
use crate::{error::Failure, shared::Shared};

/// Records that one statement writes at most.
const MOST: usize = 2_000;

pub(super) struct Writer {
    shared: Arc<Shared>,
    receiver: mpsc::UnboundedReceiver<Message>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
    /// Records that are being written, or could not be.
    held: Vec<UsageRecord>,
    is_open: bool,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        receiver: mpsc::UnboundedReceiver<Message>,
        waiting: Arc<AtomicUsize>,
        lost: Arc<AtomicU64>,
    ) -> Self {
        Self { shared, receiver, waiting, lost, held: Vec::new(), is_open: true }
    }

    pub(super) async fn run(mut self) {
        while self.is_open {
            let flush = self.fill().await;
            let written = self.write().await;
            let is_away = written.is_err();
            if let Err(failure) = &written {
                let waiting = self.waiting.load(Ordering::Acquire);
                tracing::warn!(error = %failure.source, waiting, "usage records wait for the database");
            }
            if let Some(flush) = flush {
                let _ = flush.send(written.map_err(|failure| failure.to("write usage records")));
            }
            if is_away && self.is_open {
                time::sleep(self.shared.options.retry).await;
            }
        }
        // Whoever closes waits for so long, and no longer.
        let left = self.waiting.load(Ordering::Acquire);
        if left > 0 {
            self.lost.fetch_add(left as u64, Ordering::Relaxed);
            tracing::error!(
                records = left,
                "usage records are lost: the store was closed while the database was away"
            );
        }
    }

    /// Takes what waits, up to a flush or what one statement writes. What could not be written does not keep it from seeing that it is
    /// asked to flush or to close.
    async fn fill(&mut self) -> Option<oneshot::Sender<Result<(), StorageError>>> {
        let most = if self.held.is_empty() { MOST } else { usize::MAX };
        let mut next =
            if self.held.is_empty() { self.receiver.recv().await } else { self.receiver.try_recv().ok() };
        while let Some(message) = next {
            match message {
                Message::Record(record) => self.held.push(*record),
                Message::Flush(sender) => return Some(sender),
                Message::Close => {
                    self.is_open = false;
                    return None;
                }
            }
            next = if self.held.len() < most { self.receiver.try_recv().ok() } else { None };
        }
        None
    }

    async fn write(&mut self) -> Result<(), Failure> {
        let mut most = MOST;
        while !self.held.is_empty() {
            let count = self.held.len().min(most);
            match self.write_first(count).await {
                Ok(()) => most = (most * 2).min(MOST),
                // One record that the database never takes keeps no other from being written: it is looked for by halves.
                Err(failure) if failure.is_of_data && count > 1 => {
                    most = count / 2;
                    continue;
                }
                Err(failure) if failure.is_of_data => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(error = %failure.source, "a usage record is lost: the database refuses it");
                }
                Err(failure) => return Err(failure),
            }
            self.held.drain(..count);
            self.waiting.fetch_sub(count, Ordering::AcqRel);
        }
        Ok(())
    }

    async fn write_first(&mut self, count: usize) -> Result<(), Failure> {
        let part = &mut self.held[..count];
        // In the order of the key: two stores that write the same records cannot wait for each other.
        part.sort_unstable_by_key(|record| (record.call_id, record.attempt));
        let writing = async {
            let mut client = self.shared.client().await?;
            row::write(&mut client, part).await
        };
        let late = |_| Failure::new(StorageErrorKind::Busy, "the database did not answer in time");
        time::timeout(self.shared.options.timeout, writing).await.map_err(late)?
    }
}
