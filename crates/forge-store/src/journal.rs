//! Journals: durable appends by one writer at a time.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::storage::{
    StorageError,
    journal::{Batch, Claim, Entry, Fence, Journal, JournalError, StreamInfo, StreamName, Streams},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    error::StoreError,
    row,
    row::{clamp, unsigned},
    store::{self, Store},
    writer::Writer,
};

/// A lease that has more than this beyond its length to go was given before the clock jumped back.
const JUMP: i64 = 60_000;
/// A longer lease outlives every process.
const YEAR: u64 = 365 * 24 * 60 * 60 * 1_000;

#[derive(Debug)]
struct Stream {
    id: i64,
    fence: i64,
    entries: i64,
    /// Who writes it now, and until when.
    holder: Option<(Arc<str>, i64)>,
}

impl Stream {
    fn find(conn: &Connection, name: &str, now: i64) -> rusqlite::Result<Option<Self>> {
        let mut statement = conn.prepare_cached(
            "SELECT id, fence, entries, holder, lease, lease_until FROM journal_streams WHERE name = ?1",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            let holder: Option<Arc<str>> = row.get(3)?;
            let (lease, until) = (row.get(4)?, row.get(5)?);
            let holder = holder.filter(|_| holds(now, lease, until)).map(|holder| (holder, until));
            Ok(Self { id: row.get(0)?, fence: row.get(1)?, entries: row.get(2)?, holder })
        };
        statement.query_row([name], read).optional()
    }

    /// Why nobody else may write it now.
    fn held(&self, stream: &StreamName) -> Option<JournalError> {
        let (holder, until) = self.holder.clone()?;
        let (stream, fence) = (stream.clone(), Fence(unsigned(self.fence)));
        Some(JournalError::Held { stream, holder, fence, until: row::time(until) })
    }
}

fn holds(now: i64, lease: i64, until: i64) -> bool {
    until > now && until - now <= lease.saturating_add(JUMP)
}

impl Store {
    pub(crate) fn now(&self) -> i64 {
        self.shared.options.clock.now().timestamp_millis()
    }
}

impl Store {
    /// Changes the journals in a transaction that is on disk afterwards.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<Result<T, JournalError>> + Send + 'static,
    ) -> Result<T, JournalError> {
        let mut work = work;
        self.commit(move |conn, _| work(conn), |_, made| made).await.map_err(StorageError::from)?
    }
}

#[async_trait]
impl Journal for Store {
    async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        let (name, claim, now) = (stream.clone(), claim.clone(), self.now());
        self.change(move |conn| self::claim(conn, &name, &claim, now)).await
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        let name = stream.clone();
        let job = move |conn: &Connection| {
            conn.execute(
                // A holder that was replaced cannot release the claim of its successor.
                "UPDATE journal_streams SET holder = NULL WHERE name = ?1 AND fence = ?2",
                params![name.as_str(), clamp(fence.0)],
            )?;
            Ok(Ok(()))
        };
        self.change(job).await
    }

    async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError> {
        let summary = batch.summary_text(stream)?;
        let (name, now) = (stream.clone(), self.now());
        let job = move |conn: &Connection| append(conn, &name, fence, &batch, summary.as_deref(), now);
        let count = self.change(job).await?;
        self.shared.changes.notify();
        Ok(count)
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        let name = stream.clone();
        let job = move |writer: &mut Writer| {
            writer.inspect(|conn| {
                let mut statement = conn.prepare_cached(
                    "SELECT sequence, payload FROM journal_entries
                     WHERE stream = (SELECT id FROM journal_streams WHERE name = ?1) AND sequence >= ?2
                     ORDER BY sequence",
                )?;
                let read = |row: &rusqlite::Row<'_>| {
                    Ok(Entry { sequence: unsigned(row.get(0)?), payload: row.get(1)? })
                };
                statement.query_map(params![name.as_str(), clamp(sequence)], read)?.collect()
            })
        };
        let entries = self.ask(job).await.and_then(|entries| entries);
        Ok(entries.map_err(StorageError::from)?)
    }
}

#[async_trait]
impl Streams for Store {
    async fn list(&self) -> Result<Vec<StreamInfo>, JournalError> {
        let now = self.now();
        let listed = self.ask(move |writer| writer.inspect(|conn| list(conn, now, i64::MIN))).await;
        Ok(listed.and_then(|listed| listed).map_err(StorageError::from)?)
    }

    async fn delete(&self, stream: &StreamName) -> Result<bool, JournalError> {
        let (name, now) = (stream.clone(), self.now());
        self.change(move |conn| delete(conn, &name, now)).await
    }

    async fn watch(&self, stream: &StreamName, from: u64) -> Result<Vec<Entry>, JournalError> {
        loop {
            // Before the read: a change in between ends the wait at once.
            let seen = self.shared.changes.count();
            let entries = self.read(stream, from).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            self.shared.watching(seen).await;
        }
    }
}

impl Store {
    /// The streams that were written to at this moment or later, the latest first. Unlike [`list`](Streams::list) this asks a
    /// connection that only reads.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn streams_since(&self, since: DateTime<Utc>) -> Result<Vec<StreamInfo>, StoreError> {
        let (now, since) = (self.now(), since.timestamp_millis());
        self.answer(move |shared| store::read(shared, "read", |conn| list(conn, now, since))).await
    }
}

/// The streams that were written to since this moment, milliseconds since 1970.
fn list(conn: &Connection, now: i64, since: i64) -> rusqlite::Result<Vec<StreamInfo>> {
    let mut statement = conn.prepare_cached(
        "SELECT name, entries, bytes, created_at, updated_at, holder, lease, lease_until, summary
         FROM journal_streams WHERE updated_at >= ?1 ORDER BY updated_at DESC, id DESC",
    )?;
    let mut rows = statement.query([since])?;
    let mut streams = Vec::new();
    while let Some(row) = rows.next()? {
        // A name that is none was written by another program.
        let Ok(name) = StreamName::new(row.get_ref(0)?.as_str()?) else { continue };
        let holder: Option<Arc<str>> = row.get(5)?;
        let (lease, until) = (row.get(6)?, row.get(7)?);
        let summary = row.get_ref(8)?.as_str_or_null()?.and_then(|text| serde_json::from_str(text).ok());
        streams.push(
            StreamInfo::new(name, row::time(row.get(3)?))
                .with_content(unsigned(row.get(1)?), unsigned(row.get(2)?), row::time(row.get(4)?))
                .with_holder(holder.filter(|_| holds(now, lease, until)))
                .with_summary(summary),
        );
    }
    Ok(streams)
}

fn delete(conn: &Connection, name: &StreamName, now: i64) -> rusqlite::Result<Result<bool, JournalError>> {
    let Some(found) = Stream::find(conn, name.as_str(), now)? else { return Ok(Ok(false)) };
    if let Some(held) = found.held(name) {
        return Ok(Err(held));
    }
    conn.execute("DELETE FROM journal_entries WHERE stream = ?1", [found.id])?;
    conn.execute("DELETE FROM journal_streams WHERE id = ?1", [found.id])?;
    // A writer of the deleted stream stays fenced off from one of the same name.
    conn.execute(
        "INSERT INTO meta (key, value) VALUES ('fence', ?1)
         ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
        [found.fence],
    )?;
    Ok(Ok(true))
}

fn claim(
    conn: &Connection,
    name: &StreamName,
    claim: &Claim,
    now: i64,
) -> rusqlite::Result<Result<Fence, JournalError>> {
    let lease = clamp(u64::try_from(claim.lease.as_millis()).unwrap_or(YEAR).min(YEAR));
    let found = Stream::find(conn, name.as_str(), now)?;
    let fence = match &found {
        Some(stream) => match stream.held(name) {
            // A renewal keeps the fence, so that appends on their way stay valid.
            Some(JournalError::Held { holder, .. }) if holder == claim.holder => stream.fence,
            // A takeover names the fence that it ends, so that it cannot end a claim which it has not seen.
            Some(held) if claim.replaces != Some(Fence(unsigned(stream.fence))) => return Ok(Err(held)),
            // From here on every append of an earlier holder is refused.
            _ => stream.fence + 1,
        },
        None => {
            // Above the fences of deleted streams, one of which may have had this name.
            let mut last = conn.prepare_cached("SELECT value FROM meta WHERE key = 'fence'")?;
            last.query_row([], |row| row.get(0)).optional()?.unwrap_or(0) + 1
        }
    };
    conn.execute(
        "INSERT INTO journal_streams
             (name, fence, holder, lease, lease_until, entries, bytes, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?6)
         ON CONFLICT (name) DO UPDATE SET
             fence = excluded.fence, holder = excluded.holder, lease = excluded.lease,
             lease_until = excluded.lease_until",
        params![name.as_str(), fence, &*claim.holder, lease, now.saturating_add(lease), now],
    )?;
    Ok(Ok(Fence(unsigned(fence))))
}

fn append(
    conn: &Connection,
    name: &StreamName,
    fence: Fence,
    batch: &Batch,
    summary: Option<&str>,
    now: i64,
) -> rusqlite::Result<Result<u64, JournalError>> {
    let found = Stream::find(conn, name.as_str(), now)?;
    // The fence decides, not the lease: a slow holder may go on until somebody takes over.
    let Some(found) = found.filter(|found| found.fence == clamp(fence.0)) else {
        return Ok(Err(JournalError::Fenced { stream: name.clone() }));
    };
    let (expected, actual) = (batch.expected, unsigned(found.entries));
    if actual != expected {
        return Ok(Err(JournalError::Conflict { stream: name.clone(), expected, actual }));
    }
    let mut insert =
        conn.prepare_cached("INSERT INTO journal_entries (stream, sequence, payload) VALUES (?1, ?2, ?3)")?;
    let mut entries = found.entries;
    for payload in &batch.payloads {
        insert.execute(params![found.id, entries, payload])?;
        entries += 1;
    }
    let bytes: usize = batch.payloads.iter().map(Vec::len).sum();
    let mut update = conn.prepare_cached(
        "UPDATE journal_streams SET entries = ?2, bytes = bytes + ?3, updated_at = ?4,
             summary = coalesce(?5, summary) WHERE id = ?1",
    )?;
    update.execute(params![found.id, entries, clamp(bytes as u64), now, summary])?;
    Ok(Ok(unsigned(entries)))
}
