//! The log of what was done to keys and configuration.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::storage::{
    StorageError,
    access::{AuditEntry, AuditEvent, AuditLog, audit_hash},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    error::StoreError,
    row::{self, clamp, unsigned},
    store::{self, Store},
};

/// Adds an entry behind the last one, in the transaction of the caller; returns its hash.
pub(crate) fn append(conn: &Connection, event: &AuditEvent) -> rusqlite::Result<Arc<str>> {
    let mut last = conn.prepare_cached("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")?;
    let last = last.query_row([], |row| Ok((unsigned(row.get(0)?), row.get(1)?))).optional()?;
    let (number, previous): (u64, String) = last.unwrap_or_default();
    let number = number.saturating_add(1);
    let hash = audit_hash(&previous, number, event);
    conn.prepare_cached(
        "INSERT INTO audit (number, at, by, action, subject, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        clamp(number),
        event.at.timestamp_millis(),
        &*event.by,
        &*event.action,
        &*event.subject,
        event.detail,
        hash
    ])?;
    Ok(hash.into())
}

fn entries(conn: &Connection, since: i64) -> rusqlite::Result<Vec<AuditEntry>> {
    let mut find = conn.prepare(
        "SELECT number, at, by, action, subject, detail, hash FROM audit WHERE at >= ?1 ORDER BY number",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let [by, action, subject] = [row.get::<_, Arc<str>>(2)?, row.get(3)?, row.get(4)?];
        let event = AuditEvent::new(row::time(row.get(1)?), by, action, subject);
        let event = event.with_detail(row.get::<_, String>(5)?);
        Ok(AuditEntry::new(unsigned(row.get(0)?), event, row.get::<_, Arc<str>>(6)?))
    };
    find.query_map([since], read)?.collect()
}

#[async_trait]
impl AuditLog for Store {
    async fn append_audit(&self, event: AuditEvent) -> Result<Arc<str>, StorageError> {
        let work = move |conn: &Connection, _: &_| append(conn, &event).map(Ok::<_, StoreError>);
        Ok(self.commit(work, |_, hash| hash).await??)
    }

    async fn audit(&self, since: Option<DateTime<Utc>>) -> Result<Vec<AuditEntry>, StorageError> {
        // The first millisecond that is not before it.
        let since = since.map_or(i64::MIN, |since| {
            let whole = since.timestamp_subsec_nanos() % 1_000_000 == 0;
            since.timestamp_millis().saturating_add(i64::from(!whole))
        });
        let read = self.answer(move |shared| store::read(shared, "read", |conn| entries(conn, since)));
        Ok(read.await?)
    }
}
