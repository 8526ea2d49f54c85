//! The overview as JSON.

use forge::Money;
use forge_tui::{Records, TaskState, WorkerRow};
use serde_json::{Value, json};

pub(super) fn overview(workers: Result<&[WorkerRow], &String>, records: &Records) -> Value {
    let worker = |row: &WorkerRow| {
        json!({
            "worker": row.name,
            "status": row.status.as_str(),
            "state": row.state,
            "source": row.source,
            "since": row.since,
            "agent": row.agent,
            "model": row.model,
            "tier": row.tier.as_str(),
            "bead": row.bead,
            "pid": row.pid,
            "restarts": row.restarts,
        })
    };
    let usage = records.usage.iter().map(|row| {
        json!({
            "provider": row.provider,
            "model": row.model,
            "calls": row.calls,
            "failed": row.failed,
            "tokens": row.tokens,
            "cost_nano_usd": row.cost.map(Money::nanos),
            "cost_usd": row.cost.map(Money::dollars),
        })
    });
    let sessions = records.sessions.iter().map(|row| {
        json!({ "name": row.name, "kind": row.kind, "stage": row.stage, "updated_at": row.updated_at, "title": row.topic })
    });
    let alerts = records.alerts.iter().map(|row| {
        json!({
            "id": row.id,
            "severity": if row.is_critical { "critical" } else { "warning" },
            "subject": row.subject,
            "cause": row.cause,
            "since": row.since,
            "acknowledged": row.is_acknowledged,
        })
    });
    let problems = records.problems.iter().chain(workers.err());
    json!({
        "workers": workers.ok().map(|rows| rows.iter().map(worker).collect::<Vec<_>>()),
        "tasks": {
            "ready": records.tasks_in(TaskState::Ready),
            "claimed": records.tasks_in(TaskState::Claimed),
            "blocked": records.tasks_in(TaskState::Blocked),
            "closed": records.closed,
        },
        "usage": usage.collect::<Vec<_>>(),
        "sessions": sessions.collect::<Vec<_>>(),
        "alerts": alerts.collect::<Vec<_>>(),
        "problems": problems.collect::<Vec<_>>(),
    })
}
