//! Who has a task, and until when.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::LineChange;

/// That somebody has a task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskLease {
    /// The task.
    pub task: Arc<str>,
    /// Which lease of the task it is, from 1. What is done under an earlier one is refused.
    pub generation: u64,
    /// Who has the task.
    pub owner: Arc<str>,
    /// Since when.
    pub began_at: DateTime<Utc>,
    /// Until when, unless it is renewed or ended.
    pub expires_at: DateTime<Utc>,
    /// How it was ended, and when.
    pub ended: Option<(LeaseEnding, DateTime<Utc>)>,
}

impl TaskLease {
    /// A lease that was not ended.
    pub fn new(
        task: impl Into<Arc<str>>,
        generation: u64,
        owner: impl Into<Arc<str>>,
        began_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Self {
        Self { task: task.into(), generation, owner: owner.into(), began_at, expires_at, ended: None }
    }

    /// Whether nobody else may take the task at `now`.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.ended.is_none() && now < self.expires_at
    }

    /// Whether its time is over at `now` and nobody has ended it: its owner has gone, or could not renew it.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.ended.is_none() && !self.holds(now)
    }
}

/// When a lease ends that holds for `ttl` from `now` on. As late as a date can be written, where that is later still.
pub fn lease_end(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(ttl)
        .ok()
        .and_then(|ttl| now.checked_add_signed(ttl))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How a lease ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseEnding {
    /// The task goes back, for this reason.
    Released(Arc<str>),
    /// Somebody else took the task from its owner: who, and why.
    Forced {
        /// Who.
        by: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// The task is done, and this shows it.
    Closed(Arc<str>),
    /// Its time was over, and the next lease began.
    Expired,
}

impl LeaseEnding {
    /// The word of tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Released(_) => "released",
            Self::Forced { .. } => "forced",
            Self::Closed(_) => "closed",
            Self::Expired => "expired",
        }
    }
}

/// That a lease is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseEnd {
    /// The task.
    pub task: Arc<str>,
    /// The generation of the lease.
    pub generation: u64,
    /// How it ends.
    pub ending: LeaseEnding,
    /// When.
    pub now: DateTime<Utc>,
    /// What becomes of the line.
    pub line: Option<LineChange>,
}

impl LeaseEnd {
    /// The end of a lease, which leaves the line as it is.
    pub fn new(task: impl Into<Arc<str>>, generation: u64, ending: LeaseEnding, now: DateTime<Utc>) -> Self {
        Self { task: task.into(), generation, ending, now, line: None }
    }

    /// The same with a change of the line.
    pub fn with_line(mut self, line: LineChange) -> Self {
        self.line = Some(line);
        self
    }
}

/// What is there instead of a lease that has ended, as a part of a sentence.
pub(super) fn instead(current: Option<&TaskLease>) -> String {
    match current {
        None => ": nobody has taken it yet".to_owned(),
        Some(TaskLease { ended: Some((ending, at)), generation, .. }) => {
            format!(": generation {generation} was {} at {}", ending.as_str(), at.format("%FT%TZ"))
        }
        Some(TaskLease { generation, owner, .. }) => format!(": {owner} has it, as generation {generation}"),
    }
}
