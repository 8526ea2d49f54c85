//! A machine on which everything occurs, for tests.

use chrono::{DateTime, TimeDelta, Utc};
use forge_core::Money;
use forge_worker::{WorkerStatus, WorkerTier};

use crate::data::{AlertRow, Records, RouteRow, SessionRow, TaskRow, TaskState, UsageRow, WorkerRow};

pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

fn ago(seconds: i64) -> DateTime<Utc> {
    noon() - TimeDelta::seconds(seconds)
}

fn worker(name: &str, status: WorkerStatus, state: &str, agent: &str, bead: Option<&str>) -> WorkerRow {
    WorkerRow {
        name: name.to_owned(),
        status,
        state: state.to_owned(),
        source: "hook".to_owned(),
        evidence: "the event UserPromptSubmit".to_owned(),
        since: ago(75),
        agent: agent.to_owned(),
        model: "claude-sonnet-5-5".to_owned(),
        tier: WorkerTier::Standard,
        workspace: "/home/ada/project".to_owned(),
        bead: bead.map(str::to_owned),
        pid: Some(4711),
        restarts: u32::from(name == "delta"),
    }
}

pub(crate) fn workers() -> Vec<WorkerRow> {
    let gamma = worker("gamma", WorkerStatus::Active, "waiting_permission", "codex", Some("fg-9"));
    vec![
        worker("alpha", WorkerStatus::Active, "working", "claude", None),
        worker("beta", WorkerStatus::Idle, "ready", "codex", None),
        worker("delta", WorkerStatus::Failed, "lost", "aider", None),
        WorkerRow { since: ago(7200), ..gamma },
    ]
}

fn task(id: &str, title: &str, state: TaskState, owner: Option<&str>, note: &str) -> TaskRow {
    let score = (state == TaskState::Ready).then_some(55);
    let (kind, priority) = ("bug".to_owned(), 1);
    let owner = owner.map(str::to_owned);
    TaskRow {
        id: id.to_owned(),
        title: title.to_owned(),
        kind,
        priority,
        state,
        score,
        owner,
        note: note.to_owned(),
    }
}

fn usage(provider: &str, model: &str, cost: Option<u64>, failed: u64) -> UsageRow {
    UsageRow {
        provider: provider.to_owned(),
        model: model.to_owned(),
        calls: 1234,
        failed,
        tokens: 5_600_000,
        cost: cost.map(Money::from_nanos),
        p50_ms: Some(830),
        p95_ms: None,
    }
}

fn alert(id: Option<u64>, is_critical: bool, cause: &str) -> AlertRow {
    let subject = "delta".to_owned();
    AlertRow { id, is_critical, subject, cause: cause.to_owned(), since: ago(300), is_acknowledged: false }
}

pub(crate) fn records() -> Records {
    Records {
        workspace: "project".to_owned(),
        tasks: vec![
            task(
                "fg-1",
                "Lose no order when the queue is full",
                TaskState::Claimed,
                Some("alpha"),
                "until 12:14",
            ),
            task("fg-2", "Say which file is damaged", TaskState::Ready, None, ""),
            task("fg-3", "Print the report", TaskState::Blocked, None, "waits for fg-1"),
            task("fg-0", "Make the repository", TaskState::Closed, None, ""),
        ],
        closed: 12,
        usage: vec![
            usage("claude", "claude-sonnet-5-5", Some(2_340_000_000), 0),
            usage("laptop", "qwen3", None, 3),
        ],
        spent_by_hour: (0..24).map(|hour| hour * 10_000_000).collect(),
        calls_by_hour: (0..24).map(|hour| hour % 7).collect(),
        sessions: vec![SessionRow {
            name: "s-20261120-1".to_owned(),
            kind: "session".to_owned(),
            stage: "4 calls".to_owned(),
            cost: Some(Money::from_nanos(12_345_000)),
            updated_at: ago(12),
            topic: "A design for the importer".to_owned(),
        }],
        routes: vec![RouteRow {
            at: Some(ago(60)),
            what: "fg-1".to_owned(),
            chosen: "alpha".to_owned(),
            reason: "availability; 2 others could have had it".to_owned(),
        }],
        alerts: vec![
            alert(Some(7), true, "lost; its worktree has 2 changed files"),
            alert(None, false, "the accounts cannot be written"),
        ],
        problems: Vec::new(),
    }
}
