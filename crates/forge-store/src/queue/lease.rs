//! One lease: a row for each generation of a task.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use forge_core::storage::{
    access::AuditEvent,
    queue::{LeaseEnd, LeaseEnding, LeaseRequest, QueueError, TaskLease, lease_end},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    audit,
    row::{clamp, time, unsigned},
};

/// What [`read`] reads, of the table under the name `last`.
pub(super) const COLUMNS: &str = "last.generation, last.owner, last.began_at, last.expires_at, last.ended_at, \
    last.ending, last.ended_by, last.detail";

/// The lease of a task; `None` where the row has none.
pub(super) fn read(row: &Row<'_>, task: &Arc<str>) -> rusqlite::Result<Option<TaskLease>> {
    let Some(generation) = row.get::<_, Option<i64>>("generation")?.map(unsigned) else { return Ok(None) };
    let (began, expires) = (time(row.get("began_at")?), time(row.get("expires_at")?));
    let mut lease =
        TaskLease::new(Arc::clone(task), generation, row.get::<_, Arc<str>>("owner")?, began, expires);
    if let Some(at) = row.get::<_, Option<i64>>("ended_at")? {
        let detail = row.get::<_, Option<Arc<str>>>("detail")?.unwrap_or_default();
        let by = row.get::<_, Option<Arc<str>>>("ended_by")?.unwrap_or_default();
        let ending = match &*row.get::<_, Option<String>>("ending")?.unwrap_or_default() {
            "closed" => LeaseEnding::Closed(detail),
            "forced" => LeaseEnding::Forced { by, reason: detail },
            "released" => LeaseEnding::Released(detail),
            _ => LeaseEnding::Expired,
        };
        lease.ended = Some((ending, time(at)));
    }
    Ok(Some(lease))
}

/// The last lease of a task, if it is this one and was not ended.
pub(super) fn current(
    conn: &Connection,
    queue: &str,
    task: &str,
    generation: u64,
) -> rusqlite::Result<Result<TaskLease, QueueError>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM queue_leases AS last WHERE queue = ?1 AND task = ?2 ORDER BY generation DESC LIMIT 1"
    );
    let task: Arc<str> = task.into();
    let mut find = conn.prepare_cached(&sql)?;
    let found = find.query_row([queue, &task], |row| read(row, &task)).optional()?.flatten();
    Ok(match found {
        Some(lease) if lease.generation == generation && lease.ended.is_none() => Ok(lease),
        other => Err(QueueError::Stale { task, generation, current: other.map(Box::new) }),
    })
}

/// The next lease of a task, after `last`, whose time is over if it was not ended.
pub(super) fn begin(
    conn: &Connection,
    queue: &str,
    task: &Arc<str>,
    last: Option<&TaskLease>,
    request: &LeaseRequest,
) -> rusqlite::Result<TaskLease> {
    let (began, expires) = (request.now, lease_end(request.now, request.ttl));
    if let Some(over) = last.filter(|last| last.ended.is_none()) {
        let expired = LeaseEnd::new(Arc::clone(task), over.generation, LeaseEnding::Expired, began);
        end(conn, queue, over.clone(), &expired)?;
    }
    let generation = last.map_or(0, |last| last.generation) + 1;
    let [began, expires] = [began, expires].map(|at| at.timestamp_millis());
    conn.prepare_cached(
        "INSERT INTO queue_leases (queue, task, generation, owner, began_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![queue, &**task, clamp(generation), &*request.owner, began, expires])?;
    Ok(TaskLease::new(Arc::clone(task), generation, Arc::clone(&request.owner), time(began), time(expires)))
}

pub(super) fn renew(
    conn: &Connection,
    queue: &str,
    task: &str,
    generation: u64,
    until: DateTime<Utc>,
) -> rusqlite::Result<Result<TaskLease, QueueError>> {
    let mut lease = match current(conn, queue, task, generation)? {
        Ok(lease) => lease,
        Err(stale) => return Ok(Err(stale)),
    };
    lease.expires_at = lease.expires_at.max(time(until.timestamp_millis()));
    conn.prepare_cached(
        "UPDATE queue_leases SET expires_at = ?4 WHERE queue = ?1 AND task = ?2 AND generation = ?3",
    )?
    .execute(params![queue, task, clamp(generation), lease.expires_at.timestamp_millis()])?;
    Ok(Ok(lease))
}

/// Ends a lease that was not ended.
pub(super) fn end(
    conn: &Connection,
    queue: &str,
    mut lease: TaskLease,
    end: &LeaseEnd,
) -> rusqlite::Result<TaskLease> {
    let (by, detail) = match &end.ending {
        LeaseEnding::Released(reason) | LeaseEnding::Closed(reason) => (None, Some(reason)),
        LeaseEnding::Forced { by, reason } => (Some(by), Some(reason)),
        _ => (None, None),
    };
    let at = end.now.timestamp_millis();
    conn.prepare_cached(
        "UPDATE queue_leases SET ended_at = ?4, ending = ?5, ended_by = ?6, detail = ?7
         WHERE queue = ?1 AND task = ?2 AND generation = ?3",
    )?
    .execute(params![
        queue,
        &*lease.task,
        clamp(lease.generation),
        at,
        end.ending.as_str(),
        by.map(|by| &**by),
        detail.map(|detail| &**detail)
    ])?;
    if let LeaseEnding::Forced { by, reason } = &end.ending {
        let detail = serde_json::json!({
            "workspace": queue, "generation": lease.generation, "owner": &*lease.owner, "reason": &**reason,
        });
        let event = AuditEvent::new(end.now, Arc::clone(by), "lease_forced", Arc::clone(&lease.task));
        audit::append(conn, &event.with_detail(detail.to_string()))?;
    }
    lease.ended = Some((end.ending.clone(), time(at)));
    Ok(lease)
}
