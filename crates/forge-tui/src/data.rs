//! What the dashboard shows: rows that others have made, and nothing that is computed here.

use chrono::{DateTime, Utc};
use forge_core::Money;
use forge_worker::{WorkerStatus, WorkerTier};

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a row is made whole by whoever has read it")]
pub struct WorkerRow {
    /// Its name.
    pub name: String,
    /// How it is, in one of the seven words.
    pub status: WorkerStatus,
    /// The same more exactly, such as `waiting_permission`.
    pub state: String,
    /// Who says so.
    pub source: String,
    /// What was seen.
    pub evidence: String,
    /// Since when it is so.
    pub since: DateTime<Utc>,
    /// The agent, such as `codex`.
    pub agent: String,
    /// Its model; empty where the agent chooses.
    pub model: String,
    /// Its tier.
    pub tier: WorkerTier,
    /// The folder that it works in.
    pub workspace: String,
    /// The bead that it has.
    pub bead: Option<String>,
    /// The number of the agent, while it runs.
    pub pid: Option<i32>,
    /// How often it was started again.
    pub restarts: u32,
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums, reason = "each has a place and a colour of its own")]
pub enum TaskState {
    /// Somebody has it.
    Claimed,
    /// It can be begun.
    Ready,
    /// Something keeps it from being begun.
    Blocked,
    /// It is done.
    Closed,
}

impl TaskState {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Closed => "closed",
        }
    }
}

/// A task of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a row is made whole by whoever has read it")]
pub struct TaskRow {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Such as `bug`.
    pub kind: String,
    /// 0 is most urgent.
    pub priority: u8,
    /// How it stands.
    pub state: TaskState,
    /// Its points, where it is ready.
    pub score: Option<u8>,
    /// Who has it.
    pub owner: Option<String>,
    /// Until when it is had, or what it waits for.
    pub note: String,
}

/// What one participant of the accounts did in the time that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a row is made whole by whoever has read it")]
pub struct UsageRow {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Its attempts.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// All its tokens.
    pub tokens: u64,
    /// What it cost; unknown where no price is.
    pub cost: Option<Money>,
    /// Half of the calls took at most so long, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 95 of 100 calls took at most so long, in milliseconds.
    pub p95_ms: Option<u64>,
}

/// A council or a workflow that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a row is made whole by whoever has read it")]
pub struct SessionRow {
    /// Its name.
    pub name: String,
    /// `session` or `workflow`.
    pub kind: String,
    /// How far it is.
    pub stage: String,
    /// What it has cost until now.
    pub cost: Option<Money>,
    /// When something last happened.
    pub updated_at: DateTime<Utc>,
    /// What it is about.
    pub topic: String,
}

/// Why somebody got something: a decision of the router or of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a row is made whole by whoever has read it")]
pub struct RouteRow {
    /// When; `None` for what is summed up.
    pub at: Option<DateTime<Utc>>,
    /// What was handed out: a bead, or the call of a role.
    pub what: String,
    /// Who got it.
    pub chosen: String,
    /// Why, and who else could have had it.
    pub reason: String,
}

/// Something that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a row is made whole by whoever has read it")]
pub struct AlertRow {
    /// Its number, by which it is acknowledged; `None` for what goes away by itself.
    pub id: Option<u64>,
    /// Whether something is lost or stands still, and not only odd.
    pub is_critical: bool,
    /// Whose it is: a worker, or a part of Forge.
    pub subject: String,
    /// What is wrong.
    pub cause: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether somebody has seen it.
    pub is_acknowledged: bool,
}

/// A row of a list, as a search sees it.
pub(crate) trait Searched {
    /// The texts of which one has to contain what is searched for.
    fn words(&self) -> Vec<&str>;
}

impl Searched for WorkerRow {
    fn words(&self) -> Vec<&str> {
        let bead = self.bead.as_deref().unwrap_or_default();
        vec![&self.name, &self.state, self.status.as_str(), &self.agent, &self.model, bead]
    }
}

impl Searched for TaskRow {
    fn words(&self) -> Vec<&str> {
        let owner = self.owner.as_deref().unwrap_or_default();
        vec![&self.id, &self.title, self.state.as_str(), owner, &self.note]
    }
}

impl Searched for UsageRow {
    fn words(&self) -> Vec<&str> {
        vec![&self.provider, &self.model]
    }
}

impl Searched for SessionRow {
    fn words(&self) -> Vec<&str> {
        vec![&self.name, &self.kind, &self.topic]
    }
}

impl Searched for RouteRow {
    fn words(&self) -> Vec<&str> {
        vec![&self.what, &self.chosen, &self.reason]
    }
}

impl Searched for AlertRow {
    fn words(&self) -> Vec<&str> {
        vec![&self.subject, &self.cause]
    }
}

/// What the store and the queue hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "it is made whole by whoever has read it")]
pub struct Records {
    /// The workspace whose queue it is.
    pub workspace: String,
    /// Its tasks: claimed, ready by their order, blocked, and the last that were closed.
    pub tasks: Vec<TaskRow>,
    /// How many were ever closed.
    pub closed: usize,
    /// The participants of the last 24 hours, the most expensive first.
    pub usage: Vec<UsageRow>,
    /// What was spent in each of the last 24 hours, in nano-dollars, the oldest first.
    pub spent_by_hour: Vec<u64>,
    /// Calls in each of the last 24 hours, the oldest first.
    pub calls_by_hour: Vec<u64>,
    /// What runs.
    pub sessions: Vec<SessionRow>,
    /// The last decisions, the newest first.
    pub routes: Vec<RouteRow>,
    /// What a person should know.
    pub alerts: Vec<AlertRow>,
    /// What could not be read, and why.
    pub problems: Vec<String>,
}

impl Records {
    /// How many tasks stand like this, among those that are shown.
    #[must_use]
    pub fn tasks_in(&self, state: TaskState) -> usize {
        if state == TaskState::Closed {
            return self.closed;
        }
        self.tasks.iter().filter(|task| task.state == state).count()
    }

    /// What was spent in 24 hours, and whether a part of it is unknown.
    #[must_use]
    pub fn spent(&self) -> (Money, bool) {
        let known = self.usage.iter().filter_map(|row| row.cost);
        let sum = known.fold(0_u64, |sum, cost| sum.saturating_add(cost.nanos()));
        (Money::from_nanos(sum), self.usage.iter().any(|row| row.cost.is_none()))
    }
}
