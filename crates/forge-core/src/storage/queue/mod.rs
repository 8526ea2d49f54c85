//! The door to queues of tasks, each of which has at most one owner at a time, and to why tasks went where they went.
//!
//! The store knows tasks by their ids and keeps their lines as they are; what a line says is the business of whoever reads it. A
//! queue whose lines stand elsewhere, in a file of a repository, has its leases here all the same.

mod lease;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub use self::lease::{LeaseEnd, LeaseEnding, TaskLease, lease_end};
use super::StorageError;

/// What a queue knows of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueEntry {
    /// The task.
    pub task: Arc<str>,
    /// Its line; `None` where lines stand elsewhere.
    pub line: Option<Arc<str>>,
    /// Its last lease, whether it holds, is over or was ended; `None` before the first.
    pub lease: Option<TaskLease>,
}

impl QueueEntry {
    /// A task without a lease.
    pub fn new(task: impl Into<Arc<str>>, line: Option<Arc<str>>) -> Self {
        Self { task: task.into(), line, lease: None }
    }

    /// The same with its last lease.
    pub fn with_lease(mut self, lease: TaskLease) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The lease that holds at `now`.
    pub fn held(&self, now: DateTime<Utc>) -> Option<&TaskLease> {
        self.lease.as_ref().filter(|lease| lease.holds(now))
    }
}

/// A line that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineChange {
    /// The task.
    pub task: Arc<str>,
    /// The line that has to be there; `None` where there must be none.
    pub before: Option<Arc<str>>,
    /// The line that is there afterwards.
    pub after: Arc<str>,
}

impl LineChange {
    /// A change of the line of a task.
    pub fn new(task: impl Into<Arc<str>>, before: Option<Arc<str>>, after: impl Into<Arc<str>>) -> Self {
        Self { task: task.into(), before, after: after.into() }
    }
}

/// Who wants a task, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// Whose the task will be.
    pub owner: Arc<str>,
    /// When it is asked for.
    pub now: DateTime<Utc>,
    /// For how long, unless it is renewed.
    pub ttl: Duration,
}

impl LeaseRequest {
    /// A request for any task.
    pub fn new(owner: impl Into<Arc<str>>, now: DateTime<Utc>, ttl: Duration) -> Self {
        Self { owner: owner.into(), now, ttl }
    }
}

/// Which task is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskChoice {
    /// The task.
    pub task: Arc<str>,
    /// Its line afterwards; `None` leaves the one that is there.
    pub line: Option<Arc<str>>,
}

impl TaskChoice {
    /// This task, with this line.
    pub fn new(task: impl Into<Arc<str>>, line: Option<Arc<str>>) -> Self {
        Self { task: task.into(), line }
    }
}

/// Chooses among what stands in a queue. It may be asked more than once for one lease, and must not ask the store itself.
pub type Choose = dyn Fn(&[QueueEntry]) -> Option<TaskChoice> + Send + Sync;

/// Why a queue was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The lease is not the last one of the task, or has ended.
    #[error("generation {generation} of {task} has ended{}", lease::instead(current.as_deref()))]
    Stale {
        /// The task.
        task: Arc<str>,
        /// The generation that was named.
        generation: u64,
        /// The last lease of the task.
        current: Option<Box<TaskLease>>,
    },
    /// The line is not the one that had to be there.
    #[error("somebody else changed {task} in the meantime")]
    Changed {
        /// The task.
        task: Arc<str>,
    },
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Keeps queues of tasks. Times are kept to the millisecond.
#[async_trait]
pub trait QueueStore: fmt::Debug + Send + Sync + 'static {
    /// What stands in a queue, by task.
    ///
    /// # Errors
    /// The storage failed.
    async fn queue(&self, queue: &str) -> Result<Vec<QueueEntry>, StorageError>;

    /// Writes all of these lines, or none.
    ///
    /// # Errors
    /// [`QueueError::Changed`] where another line is there than was said.
    async fn write_lines(&self, queue: &str, changes: Vec<LineChange>) -> Result<(), QueueError>;

    /// Has a task chosen from what stands in the queue and gives it away, in one transaction: the generation is the one after the
    /// last of the task. `None` if nothing was chosen, or a task whose lease holds.
    ///
    /// # Errors
    /// The storage failed.
    async fn lease(
        &self,
        queue: &str,
        request: LeaseRequest,
        choose: Arc<Choose>,
    ) -> Result<Option<TaskLease>, StorageError>;

    /// Has the last lease of a task hold for `ttl` from `now` on, also one that is over if nobody took the task since. It never
    /// becomes shorter.
    ///
    /// # Errors
    /// [`QueueError::Stale`] for any other lease.
    async fn renew_lease(
        &self,
        queue: &str,
        task: &str,
        generation: u64,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<TaskLease, QueueError>;

    /// Ends the last lease of a task, and changes its line in the same transaction. One that was forced goes into the log of
    /// [`access`](super::access) where the store keeps one.
    ///
    /// # Errors
    /// [`QueueError::Stale`] for any other lease; [`QueueError::Changed`] where another line is there than was said.
    async fn end_lease(&self, queue: &str, end: LeaseEnd) -> Result<TaskLease, QueueError>;
}

/// Why a task went where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptDecision {
    /// The task.
    pub task: Arc<str>,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// An object of JSON.
    pub decision: Arc<str>,
}

impl KeptDecision {
    /// A decision.
    pub fn new(task: impl Into<Arc<str>>, at: DateTime<Utc>, decision: impl Into<Arc<str>>) -> Self {
        Self { task: task.into(), at, decision: decision.into() }
    }
}

/// Keeps why tasks went where they went.
#[async_trait]
pub trait DecisionLog: fmt::Debug + Send + Sync + 'static {
    /// Keeps a decision.
    ///
    /// # Errors
    /// The storage failed.
    async fn keep_decision(&self, queue: &str, decision: KeptDecision) -> Result<(), StorageError>;

    /// The decisions on one task, or on all of a queue, the last one at the end.
    ///
    /// # Errors
    /// The storage failed.
    async fn decisions(&self, queue: &str, task: Option<&str>) -> Result<Vec<KeptDecision>, StorageError>;
}
