//! Queues of tasks: their lines, and who has each of them.

mod decisions;
mod lease;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::storage::{
    StorageError,
    queue::{
        Choose, LeaseEnd, LeaseRequest, LineChange, QueueEntry, QueueError, QueueStore, TaskLease, lease_end,
    },
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    error::StoreError,
    store::{self, Store},
};

/// What stands in a queue, each task with its last lease.
fn entries(conn: &Connection, queue: &str) -> rusqlite::Result<Vec<QueueEntry>> {
    let sql = format!(
        "WITH tasks AS (SELECT task FROM queue_lines WHERE queue = ?1
             UNION SELECT task FROM queue_leases WHERE queue = ?1)
         SELECT {}, tasks.task, lines.line FROM tasks
         LEFT JOIN queue_lines AS lines ON lines.queue = ?1 AND lines.task = tasks.task
         LEFT JOIN queue_leases AS last ON last.queue = ?1 AND last.task = tasks.task AND last.generation =
             (SELECT max(generation) FROM queue_leases AS own WHERE own.queue = ?1 AND own.task = tasks.task)
         ORDER BY tasks.task",
        lease::COLUMNS
    );
    let mut find = conn.prepare_cached(&sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        let entry = QueueEntry::new(row.get::<_, Arc<str>>("task")?, row.get("line")?);
        Ok(match lease::read(row, &entry.task)? {
            Some(lease) => entry.with_lease(lease),
            None => entry,
        })
    };
    find.query_map([queue], read)?.collect()
}

/// Puts a line where the one that was said is; false if another is there.
fn write(conn: &Connection, queue: &str, change: &LineChange) -> rusqlite::Result<bool> {
    let LineChange { task, before, after, .. } = change;
    let found: Option<Arc<str>> = conn
        .prepare_cached("SELECT line FROM queue_lines WHERE queue = ?1 AND task = ?2")?
        .query_row([queue, task], |row| row.get(0))
        .optional()?;
    if found != *before {
        return Ok(false);
    }
    put(conn, queue, task, after)?;
    Ok(true)
}

fn put(conn: &Connection, queue: &str, task: &str, line: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO queue_lines (queue, task, line) VALUES (?1, ?2, ?3)
         ON CONFLICT (queue, task) DO UPDATE SET line = excluded.line",
    )?
    .execute(params![queue, task, line])
    .map(drop)
}

/// Chooses and gives away, in the transaction of the caller, which has the file for itself.
fn give(
    conn: &Connection,
    queue: &str,
    request: &LeaseRequest,
    choose: &Choose,
) -> rusqlite::Result<Option<TaskLease>> {
    let entries = entries(conn, queue)?;
    let Some(choice) = choose(&entries) else { return Ok(None) };
    let entry = entries.iter().find(|entry| entry.task == choice.task);
    if entry.is_some_and(|entry| entry.held(request.now).is_some()) {
        return Ok(None);
    }
    let last = entry.and_then(|entry| entry.lease.as_ref());
    let given = lease::begin(conn, queue, &choice.task, last, request)?;
    if let Some(line) = &choice.line {
        put(conn, queue, &choice.task, line)?;
    }
    Ok(Some(given))
}

fn end(conn: &Connection, queue: &str, end: &LeaseEnd) -> rusqlite::Result<Result<TaskLease, QueueError>> {
    let lease = match lease::current(conn, queue, &end.task, end.generation)? {
        Ok(lease) => lease,
        Err(stale) => return Ok(Err(stale)),
    };
    if let Some(line) = &end.line
        && !write(conn, queue, line)?
    {
        return Ok(Err(QueueError::Changed { task: Arc::clone(&line.task) }));
    }
    lease::end(conn, queue, lease, end).map(Ok)
}

/// A failure of the file, for those whose own refusals are of another kind.
fn storage(error: StoreError) -> QueueError {
    QueueError::Storage(error.into())
}

#[async_trait]
impl QueueStore for Store {
    async fn queue(&self, queue: &str) -> Result<Vec<QueueEntry>, StorageError> {
        let queue = queue.to_owned();
        let read = move |conn: &Connection| entries(conn, &queue);
        Ok(self.answer(move |shared| store::read(shared, "read", read)).await?)
    }

    async fn write_lines(&self, queue: &str, changes: Vec<LineChange>) -> Result<(), QueueError> {
        let queue = queue.to_owned();
        let work = move |conn: &Connection, _: &_| {
            for change in &changes {
                if !write(conn, &queue, change)? {
                    return Ok(Err(QueueError::Changed { task: Arc::clone(&change.task) }));
                }
            }
            Ok(Ok(()))
        };
        self.commit(work, |_, ()| ()).await.map_err(storage)?
    }

    async fn lease(
        &self,
        queue: &str,
        request: LeaseRequest,
        choose: Arc<Choose>,
    ) -> Result<Option<TaskLease>, StorageError> {
        let queue = queue.to_owned();
        let work =
            move |conn: &Connection, _: &_| give(conn, &queue, &request, &*choose).map(Ok::<_, StoreError>);
        Ok(self.commit(work, |_, given| given).await??)
    }

    async fn renew_lease(
        &self,
        queue: &str,
        task: &str,
        generation: u64,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<TaskLease, QueueError> {
        let (queue, task) = (queue.to_owned(), task.to_owned());
        let work = move |conn: &Connection, _: &_| {
            lease::renew(conn, &queue, &task, generation, lease_end(now, ttl))
        };
        self.commit(work, |_, renewed| renewed).await.map_err(storage)?
    }

    async fn end_lease(&self, queue: &str, ending: LeaseEnd) -> Result<TaskLease, QueueError> {
        let queue = queue.to_owned();
        let work = move |conn: &Connection, _: &_| end(conn, &queue, &ending);
        self.commit(work, |_, ended| ended).await.map_err(storage)?
    }
}
