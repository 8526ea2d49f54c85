//! What the store and the queue hold, as the dashboard shows it.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use forge::{
    Money,
    session::SessionSummary,
    storage::{journal::StreamInfo, queue::DecisionLog as _},
    store::{Bucket, Filter, GroupBy, Store, StoreState},
};
use forge_tui::{AlertRow, Records, RouteRow, SessionRow, TaskRow, TaskState, UsageRow};
use forge_worker::{
    Bead, TaskQueue,
    queue::{Snapshot, Standing},
};
use serde_json::Value;

/// Hours that are shown.
const HOURS: i64 = 24;

/// Closed tasks and decisions that are shown.
const MOST: usize = 50;

/// Reads everything. What cannot be read is told beside the rest.
pub(super) async fn read(store: &Store, queue: &TaskQueue, now: DateTime<Utc>) -> Records {
    let mut records = Records { workspace: name(queue), ..Records::default() };
    // Whole hours are answered from sums.
    let since = (now - TimeDelta::hours(HOURS - 1)).duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
    match queue.snapshot(now).await {
        Ok(snapshot) => tasks(&snapshot, &mut records),
        Err(error) => records.problems.push(format!("the queue: {error}")),
    }
    let figures = usage(store, since, &mut records).and_then(|()| hours(store, since, &mut records));
    if let Err(error) = figures {
        records.problems.push(format!("the accounts: {error}"));
    }
    match store.streams_since(now - TimeDelta::days(7)).await {
        Ok(streams) => records.sessions = streams.iter().filter_map(session).collect(),
        Err(error) => records.problems.push(format!("the journals: {error}")),
    }
    decisions(store, queue, &mut records).await;
    alerts(store, now, &mut records);
    records
}

fn name(queue: &TaskQueue) -> String {
    let path = std::path::Path::new(queue.name());
    path.file_name().map_or_else(|| queue.name().to_owned(), |name| name.to_string_lossy().into_owned())
}

fn tasks(snapshot: &Snapshot, records: &mut Records) {
    let row = |bead: &Bead, state, score, owner, note: String| TaskRow {
        id: bead.id.to_string(),
        title: bead.title.clone(),
        kind: bead.kind.as_str().to_owned(),
        priority: bead.priority,
        state,
        score,
        owner,
        note,
    };
    let (mut claimed, mut ready, mut blocked, mut closed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (bead, standing) in snapshot.standings() {
        match standing {
            Standing::Claimed(lease) => {
                let (owner, until) = (lease.owner.to_string(), lease.expires_at.format("until %H:%M"));
                claimed.push(row(bead, TaskState::Claimed, None, Some(owner), until.to_string()));
            }
            Standing::Ready(score) => {
                ready.push(row(bead, TaskState::Ready, Some(score.components.total()), None, String::new()));
            }
            Standing::Waiting(obstacles) => {
                let why: Vec<_> = obstacles.iter().map(ToString::to_string).collect();
                blocked.push(row(bead, TaskState::Blocked, None, None, why.join(", ")));
            }
            _ => closed.push((bead.updated_at, row(bead, TaskState::Closed, None, None, String::new()))),
        }
    }
    records.closed = closed.len();
    closed.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let closed = closed.into_iter().take(MOST).map(|(_, row)| row);
    records.tasks = claimed.into_iter().chain(ready).chain(blocked).chain(closed).collect();
}

fn usage(store: &Store, since: DateTime<Utc>, records: &mut Records) -> Result<(), forge::store::StoreError> {
    let filter = Filter { since: Some(since), ..Filter::default() };
    let millis =
        |time: Option<std::time::Duration>| time.and_then(|time| u64::try_from(time.as_millis()).ok());
    let rows = store.summary(&filter, &[GroupBy::Provider, GroupBy::Model])?;
    let mut rows: Vec<UsageRow> = rows
        .into_iter()
        .map(|row| UsageRow {
            provider: row.key.provider.map(|id| id.to_string()).unwrap_or_default(),
            model: row.key.model.map(|id| id.to_string()).unwrap_or_default(),
            calls: row.figures.calls,
            failed: row.figures.failures + row.figures.retries,
            tokens: row.figures.tokens.total(),
            cost: (row.figures.unknown_cost == 0).then_some(row.figures.cost),
            p50_ms: millis(row.figures.latency.p50),
            p95_ms: millis(row.figures.latency.p95),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.cost.map(Money::nanos), row.calls)));
    records.usage = rows;
    let by_role = store.summary(&filter, &[GroupBy::Role, GroupBy::Provider])?;
    records.routes.extend(by_role.into_iter().filter_map(|row| {
        let (calls, instead) = (row.figures.calls, row.figures.fallbacks);
        let of_them = if instead > 0 {
            format!(", {instead} of them instead of another provider")
        } else {
            String::new()
        };
        Some(RouteRow {
            at: None,
            what: format!("role {}", row.key.role?),
            chosen: row.key.provider?.to_string(),
            reason: format!("{calls} calls in {HOURS} hours{of_them}"),
        })
    }));
    Ok(())
}

fn hours(store: &Store, since: DateTime<Utc>, records: &mut Records) -> Result<(), forge::store::StoreError> {
    let filter = Filter { since: Some(since), ..Filter::default() };
    let (mut spent, mut calls) = (vec![0; 24], vec![0; 24]);
    for point in store.trend(&filter, Bucket::Hour)? {
        let hour = usize::try_from((point.start - since).num_hours()).unwrap_or(usize::MAX);
        if let (Some(spent), Some(calls)) = (spent.get_mut(hour), calls.get_mut(hour)) {
            (*spent, *calls) = (point.figures.cost.nanos(), point.figures.calls);
        }
    }
    (records.spent_by_hour, records.calls_by_hour) = (spent, calls);
    Ok(())
}

/// A council or a workflow that has not ended.
fn session(stream: &StreamInfo) -> Option<SessionRow> {
    let summary = stream.summary.as_ref()?;
    let row = |kind: &str, stage: String, cost, topic: &str| SessionRow {
        name: stream.name.to_string(),
        kind: kind.to_owned(),
        stage,
        cost,
        updated_at: stream.updated_at,
        topic: topic.to_owned(),
    };
    let title = summary["title"].as_str().unwrap_or_default();
    if summary["kind"] == "workflow" {
        let stage = summary["stage"].as_str().unwrap_or_default();
        let has_ended = matches!(stage, "completed" | "failed" | "aborted");
        let stage = if summary["paused"] == true { format!("{stage}, paused") } else { stage.to_owned() };
        let cost = summary["cost_nano_usd"].as_u64().map(Money::from_nanos);
        return (!has_ended).then(|| row("workflow", stage, cost, title));
    }
    let session: SessionSummary = serde_json::from_value(summary.clone()).ok()?;
    // One without a holder was left: it can be resumed.
    let stage = if stream.holder.is_some() { format!("{} calls", session.calls) } else { "left".to_owned() };
    session.stop_reason.is_none().then(|| row("session", stage, Some(session.cost), title))
}

async fn decisions(store: &Store, queue: &TaskQueue, records: &mut Records) {
    let kept = match store.decisions(queue.name(), None).await {
        Ok(kept) => kept,
        Err(error) => return records.problems.push(format!("the decisions: {error}")),
    };
    let rows = kept.into_iter().rev().take(MOST).map(|kept| {
        let decision: Value = serde_json::from_str(&kept.decision).unwrap_or_default();
        let others = decision["alternatives"].as_array().map_or(0, Vec::len);
        let reason = decision["reason"].as_str().unwrap_or("?").replace('_', " ");
        RouteRow {
            at: Some(kept.at),
            what: kept.task.to_string(),
            chosen: decision["chosen_worker"].as_str().unwrap_or("?").to_owned(),
            reason: format!("{reason}; {others} others could have had it"),
        }
    });
    records.routes.splice(0..0, rows);
}

fn alerts(store: &Store, now: DateTime<Utc>, records: &mut Records) {
    let status = store.status();
    if status.state != StoreState::Writing {
        records.alerts.push(AlertRow {
            id: None,
            is_critical: false,
            subject: "accounts".to_owned(),
            cause: format!("{} cannot be written; calls go to the spool", store.path().display()),
            since: now,
            is_acknowledged: false,
        });
    }
}
