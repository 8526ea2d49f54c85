//! Queues of tasks: their lines, and who has each of them.

mod decisions;
mod lease;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::{Object, Transaction};
use forge_core::storage::{
    StorageError,
    queue::{
        Choose, LeaseEnd, LeaseRequest, LineChange, QueueEntry, QueueError, QueueStore, TaskLease, lease_end,
    },
};
use tokio_postgres::Row;

use crate::{error::Failure, shared::Shared, store::PostgresStore};

/// What stands in a queue, each task with its last lease.
async fn entries(
    client: &impl deadpool_postgres::GenericClient,
    queue: &str,
) -> Result<Vec<QueueEntry>, Failure> {
    let sql = format!(
        "WITH tasks AS (SELECT task FROM queue_lines WHERE queue = $1
             UNION SELECT task FROM queue_leases WHERE queue = $1),
         last AS (SELECT DISTINCT ON (task) * FROM queue_leases WHERE queue = $1 ORDER BY task, generation DESC)
         SELECT {}, tasks.task, lines.line FROM tasks
         LEFT JOIN queue_lines AS lines ON lines.queue = $1 AND lines.task = tasks.task
         LEFT JOIN last ON last.task = tasks.task
         ORDER BY tasks.task",
        lease::COLUMNS
    );
    let read = |row: &Row| {
        let line = row.get::<_, Option<&str>>(9).map(Arc::from);
        let entry = QueueEntry::new(row.get::<_, &str>(8), line);
        match lease::read(row, &entry.task) {
            Some(lease) => entry.with_lease(lease),
            None => entry,
        }
    };
    Ok(client.query(&sql, &[&queue]).await?.iter().map(read).collect())
}

/// Whoever changes a queue takes turns with all who do: a choice holds until it is given away.
async fn turn<'a>(client: &'a mut Object, queue: &str) -> Result<Transaction<'a>, Failure> {
    let transaction = client.transaction().await?;
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.queue.' || $1, 0))";
    transaction.execute(lock, &[&queue]).await?;
    Ok(transaction)
}

/// Puts a line where the one that was said is; false if another is there.
async fn write(transaction: &Transaction<'_>, queue: &str, change: &LineChange) -> Result<bool, Failure> {
    let LineChange { task, before, after, .. } = change;
    let find = "SELECT line FROM queue_lines WHERE queue = $1 AND task = $2";
    let found = transaction.query_opt(find, &[&queue, &&**task]).await?;
    if found.as_ref().map(|row| row.get::<_, &str>(0)) != before.as_deref() {
        return Ok(false);
    }
    put(transaction, queue, task, after).await?;
    Ok(true)
}

async fn put(transaction: &Transaction<'_>, queue: &str, task: &str, line: &str) -> Result<(), Failure> {
    let put = "INSERT INTO queue_lines (queue, task, line) VALUES ($1, $2, $3)
        ON CONFLICT (queue, task) DO UPDATE SET line = excluded.line";
    transaction.execute(put, &[&queue, &task, &line]).await?;
    Ok(())
}

async fn give(
    transaction: &Transaction<'_>,
    queue: &str,
    request: &LeaseRequest,
    choose: &Choose,
) -> Result<Option<TaskLease>, Failure> {
    let entries = entries(transaction, queue).await?;
    let Some(choice) = choose(&entries) else { return Ok(None) };
    let entry = entries.iter().find(|entry| entry.task == choice.task);
    if entry.is_some_and(|entry| entry.held(request.now).is_some()) {
        return Ok(None);
    }
    let last = entry.and_then(|entry| entry.lease.as_ref());
    let given = lease::begin(transaction, queue, &choice.task, last, request).await?;
    if let Some(line) = &choice.line {
        put(transaction, queue, &choice.task, line).await?;
    }
    Ok(Some(given))
}

#[async_trait]
impl QueueStore for PostgresStore {
    async fn queue(&self, queue: &str) -> Result<Vec<QueueEntry>, StorageError> {
        let queue = queue.to_owned();
        let work = move |_: Arc<Shared>, client: Object| async move { entries(&client, &queue).await };
        self.ask("read a queue", work).await
    }

    async fn write_lines(&self, queue: &str, changes: Vec<LineChange>) -> Result<(), QueueError> {
        let queue = queue.to_owned();
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            let transaction = turn(&mut client, &queue).await?;
            for change in &changes {
                if !write(&transaction, &queue, change).await? {
                    return Ok(Err(QueueError::Changed { task: Arc::clone(&change.task) }));
                }
            }
            transaction.commit().await?;
            Ok(Ok(()))
        };
        self.ask("write the lines of a queue", work).await?
    }

    async fn lease(
        &self,
        queue: &str,
        request: LeaseRequest,
        choose: Arc<Choose>,
    ) -> Result<Option<TaskLease>, StorageError> {
        let queue = queue.to_owned();
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            let transaction = turn(&mut client, &queue).await?;
            let given = give(&transaction, &queue, &request, &*choose).await?;
            transaction.commit().await?;
            Ok(given)
        };
        self.ask("lease a task", work).await
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
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            let transaction = turn(&mut client, &queue).await?;
            let lease = match lease::current(&transaction, &queue, &task, generation).await? {
                Ok(lease) => lease::renew(&transaction, &queue, lease, lease_end(now, ttl)).await?,
                Err(stale) => return Ok(Err(stale)),
            };
            transaction.commit().await?;
            Ok(Ok(lease))
        };
        self.ask("renew a lease", work).await?
    }

    async fn end_lease(&self, queue: &str, end: LeaseEnd) -> Result<TaskLease, QueueError> {
        let queue = queue.to_owned();
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            let transaction = turn(&mut client, &queue).await?;
            let lease = match lease::current(&transaction, &queue, &end.task, end.generation).await? {
                Ok(lease) => lease,
                Err(stale) => return Ok(Err(stale)),
            };
            if let Some(line) = &end.line
                && !write(&transaction, &queue, line).await?
            {
                return Ok(Err(QueueError::Changed { task: Arc::clone(&line.task) }));
            }
            let lease = lease::end(&transaction, &queue, lease, &end).await?;
            transaction.commit().await?;
            Ok(Ok(lease))
        };
        self.ask("end a lease", work).await?
    }
}
