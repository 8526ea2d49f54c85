//! What is outside of the work and outlives its runs: files, a model, a site, and the fuse that ends a run.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use forge_core::{
    CallContext,
    storage::{
        accounts::{CallStatus, UsageRecord, UsageSink as _},
        journal::{Batch, Claim, Entry, Fence, Journal, JournalError, StreamName},
        memory::{MemoryAccounts, MemoryJournal},
    },
    time::ManualTimer,
};
use forge_durable::{LocalLocks, Locks, RunDeps};

pub(crate) struct World {
    pub(crate) timer: ManualTimer,
    pub(crate) journal: MemoryJournal,
    pub(crate) accounts: Arc<MemoryAccounts>,
    pub(crate) folder: PathBuf,
    /// How often each thing happened.
    pub(crate) happened: Mutex<BTreeMap<String, usize>>,
    /// How many more moments the run lives; below zero it is dead.
    fuse: AtomicI64,
    runs: AtomicU64,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl World {
    pub(crate) fn new(name: &str) -> Arc<Self> {
        let timer = ManualTimer::new();
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        Arc::new(Self {
            journal: MemoryJournal::new(Arc::new(timer.clone())),
            accounts: Arc::default(),
            timer,
            folder,
            happened: Mutex::default(),
            fuse: AtomicI64::new(i64::MAX),
            runs: AtomicU64::new(0),
        })
    }

    /// What a further run stands on.
    pub(crate) fn deps(self: &Arc<Self>) -> RunDeps {
        let run = self.runs.fetch_add(1, SeqCst);
        let locks: Arc<dyn Locks> = Arc::new(LocalLocks::new(&self.folder));
        let timer = Arc::new(self.timer.clone());
        RunDeps::new(Arc::new(Mortal(Arc::clone(self))), timer, format!("run {run}"))
            .with_locks(Some(locks))
            .with_accounts(Arc::clone(&self.accounts) as _, Some(Arc::clone(&self.accounts) as _))
    }

    /// The next run dies at its moment number `moments`.
    pub(crate) fn light(&self, moments: i64) {
        self.fuse.store(moments, SeqCst);
    }

    /// A moment at which the run may die. Then it comes back no more.
    pub(crate) async fn moment(&self) {
        if self.fuse.fetch_sub(1, SeqCst) <= 0 {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn happens(&self, what: &str) {
        *self.happened.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.happened.lock().unwrap().get(what).copied().unwrap_or(0)
    }

    /// A model call, with its row in the accounts as the layers around a provider write it.
    pub(crate) async fn call(&self, cx: &CallContext) {
        self.moment().await;
        self.happens("request");
        self.moment().await;
        let row = UsageRecord::new(cx.call_id, cx.timer.now(), &cx.participant, CallStatus::Success);
        self.accounts.record(UsageRecord { tags: cx.tags.clone(), ..row });
        self.moment().await;
    }

    /// Drives the future until it is ready, or has died: `None`.
    pub(crate) fn live<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..1_000 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return Some(output);
            }
            if self.fuse.load(SeqCst) < 0 {
                return None;
            }
        }
        panic!("it neither ends nor dies");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A journal before and behind each of whose writes the run may die.
#[derive(Debug)]
struct Mortal(Arc<World>);

#[async_trait]
impl Journal for Mortal {
    async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        self.0.moment().await;
        let claimed = self.0.journal.claim(stream, claim).await;
        self.0.moment().await;
        claimed
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        self.0.moment().await;
        self.0.journal.release(stream, fence).await
    }

    async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError> {
        self.0.moment().await;
        let appended = self.0.journal.append(stream, fence, batch).await;
        self.0.moment().await;
        appended
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        self.0.journal.read(stream, sequence).await
    }
}
