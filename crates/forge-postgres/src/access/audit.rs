//! The log of what was done to keys and configuration.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::{Object, Transaction};
use forge_core::storage::{
    StorageError,
    access::{AuditEntry, AuditEvent, AuditLog, audit_hash},
};

use crate::{
    error::Failure,
    shared::Shared,
    store::PostgresStore,
    text::{escape, unescape},
    time,
};

/// Adds an entry behind the last one, in the transaction of the caller; returns its hash.
pub(crate) async fn append(transaction: &Transaction<'_>, event: &AuditEvent) -> Result<Arc<str>, Failure> {
    // Entries follow each other, so that whoever adds one waits for the one before to be there for good.
    transaction.execute("SELECT FROM access FOR UPDATE", &[]).await?;
    let last =
        transaction.query_opt("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1", &[]).await?;
    let (number, previous) =
        last.map_or_else(|| (0, String::new()), |row| (row.get::<_, i64>(0), row.get(1)));
    let number = number.saturating_add(1);
    let hash = audit_hash(&previous, number.unsigned_abs(), event);
    let insert = "INSERT INTO audit (number, at, by, action, subject, detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let AuditEvent { at, by, action, subject, detail, .. } = event;
    let at = at.timestamp_millis();
    let [by, action, subject, detail] = [&**by, &**action, &**subject, detail].map(escape);
    transaction.execute(insert, &[&number, &at, &by, &action, &subject, &detail, &hash]).await?;
    Ok(hash.into())
}

#[async_trait]
impl AuditLog for PostgresStore {
    async fn append_audit(&self, event: AuditEvent) -> Result<Arc<str>, StorageError> {
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            let transaction = client.transaction().await?;
            let hash = append(&transaction, &event).await?;
            transaction.commit().await?;
            Ok(hash)
        };
        self.ask("add to the log", work).await
    }

    async fn audit(&self, since: Option<DateTime<Utc>>) -> Result<Vec<AuditEntry>, StorageError> {
        // The first millisecond that is not before it.
        let since = since.map_or(i64::MIN, |since| {
            let is_whole = since.timestamp_subsec_nanos() % 1_000_000 == 0;
            since.timestamp_millis().saturating_add(i64::from(!is_whole))
        });
        let work = move |_: Arc<Shared>, client: Object| async move {
            let find = "SELECT number, at, by, action, subject, detail, hash FROM audit WHERE at >= $1 ORDER BY number";
            let rows = client.query(find, &[&since]).await?;
            let entry = |row: &tokio_postgres::Row| {
                let [by, action, subject, detail] = [2, 3, 4, 5].map(|at| unescape(row.get(at)));
                let event = AuditEvent::new(time(row.get(1)), by, action, subject).with_detail(detail);
                AuditEntry::new(row.get::<_, i64>(0).unsigned_abs(), event, row.get::<_, &str>(6))
            };
            Ok(rows.iter().map(entry).collect())
        };
        self.ask("read the log", work).await
    }
}
