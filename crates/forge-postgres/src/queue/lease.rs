//! One lease: a row for each generation of a task.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use forge_core::storage::{
    access::AuditEvent,
    queue::{LeaseEnd, LeaseEnding, LeaseRequest, QueueError, TaskLease, lease_end},
};
use tokio_postgres::Row;

use crate::{access::audit, error::Failure, time};

/// What [`read`] reads, of the table under the name `last`.
pub(super) const COLUMNS: &str = "last.generation, last.owner, last.began_at, last.expires_at, last.ended_at, \
    last.ending, last.ended_by, last.detail";

/// The lease of a task; `None` where the row has none.
pub(super) fn read(row: &Row, task: &Arc<str>) -> Option<TaskLease> {
    let text = |at| Arc::<str>::from(row.get::<_, Option<&str>>(at).unwrap_or_default());
    let generation = row.get::<_, Option<i64>>(0)?.unsigned_abs();
    let mut lease = TaskLease::new(Arc::clone(task), generation, text(1), time(row.get(2)), time(row.get(3)));
    lease.ended = row.get::<_, Option<i64>>(4).map(|at| {
        let ending = match &*text(5) {
            "closed" => LeaseEnding::Closed(text(7)),
            "forced" => LeaseEnding::Forced { by: text(6), reason: text(7) },
            "released" => LeaseEnding::Released(text(7)),
            _ => LeaseEnding::Expired,
        };
        (ending, time(at))
    });
    Some(lease)
}

fn row_of(generation: u64) -> i64 {
    i64::try_from(generation).unwrap_or(i64::MAX)
}

/// The last lease of a task, if it is this one and was not ended.
pub(super) async fn current(
    transaction: &Transaction<'_>,
    queue: &str,
    task: &str,
    generation: u64,
) -> Result<Result<TaskLease, QueueError>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM queue_leases AS last WHERE queue = $1 AND task = $2 ORDER BY generation DESC LIMIT 1"
    );
    let task: Arc<str> = task.into();
    let row = transaction.query_opt(&sql, &[&queue, &&*task]).await?;
    Ok(match row.and_then(|row| read(&row, &task)) {
        Some(lease) if lease.generation == generation && lease.ended.is_none() => Ok(lease),
        other => Err(QueueError::Stale { task, generation, current: other.map(Box::new) }),
    })
}

/// The next lease of a task, after `last`, whose time is over if it was not ended.
pub(super) async fn begin(
    transaction: &Transaction<'_>,
    queue: &str,
    task: &Arc<str>,
    last: Option<&TaskLease>,
    request: &LeaseRequest,
) -> Result<TaskLease, Failure> {
    let (began, expires) = (request.now, lease_end(request.now, request.ttl));
    if let Some(over) = last.filter(|last| last.ended.is_none()) {
        let expired = LeaseEnd::new(Arc::clone(task), over.generation, LeaseEnding::Expired, began);
        end(transaction, queue, over.clone(), &expired).await?;
    }
    let generation = last.map_or(0, |last| last.generation) + 1;
    let [began, expires] = [began, expires].map(|at| at.timestamp_millis());
    let insert = "INSERT INTO queue_leases (queue, task, generation, owner, began_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&queue, &&**task, &row_of(generation), &&*request.owner, &began, &expires];
    transaction.execute(insert, &values).await?;
    Ok(TaskLease::new(Arc::clone(task), generation, Arc::clone(&request.owner), time(began), time(expires)))
}

pub(super) async fn renew(
    transaction: &Transaction<'_>,
    queue: &str,
    mut lease: TaskLease,
    until: DateTime<Utc>,
) -> Result<TaskLease, Failure> {
    lease.expires_at = lease.expires_at.max(time(until.timestamp_millis()));
    let update = "UPDATE queue_leases SET expires_at = $4 WHERE queue = $1 AND task = $2 AND generation = $3";
    let until = lease.expires_at.timestamp_millis();
    transaction.execute(update, &[&queue, &&*lease.task, &row_of(lease.generation), &until]).await?;
    Ok(lease)
}

/// Ends a lease that was not ended.
pub(super) async fn end(
    transaction: &Transaction<'_>,
    queue: &str,
    mut lease: TaskLease,
    end: &LeaseEnd,
) -> Result<TaskLease, Failure> {
    let (by, detail) = match &end.ending {
        LeaseEnding::Released(reason) | LeaseEnding::Closed(reason) => (None, Some(&**reason)),
        LeaseEnding::Forced { by, reason } => (Some(&**by), Some(&**reason)),
        _ => (None, None),
    };
    let (at, ending) = (end.now.timestamp_millis(), end.ending.as_str());
    let update = "UPDATE queue_leases SET ended_at = $4, ending = $5, ended_by = $6, detail = $7
        WHERE queue = $1 AND task = $2 AND generation = $3";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&queue, &&*lease.task, &row_of(lease.generation), &at, &ending, &by, &detail];
    transaction.execute(update, &values).await?;
    if let LeaseEnding::Forced { by, reason } = &end.ending {
        let detail = serde_json::json!({
            "workspace": queue, "generation": lease.generation, "owner": &*lease.owner, "reason": &**reason,
        });
        let event = AuditEvent::new(end.now, Arc::clone(by), "lease_forced", Arc::clone(&lease.task));
        audit::append(transaction, &event.with_detail(detail.to_string())).await?;
    }
    lease.ended = Some((end.ending.clone(), time(at)));
    Ok(lease)
}
