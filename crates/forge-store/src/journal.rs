//! Journals: durable appends by one writer at a time.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::{Entry, Fence, Journal, JournalError, StorageError, StreamName};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use crate::{
    Store, StoreError, row,
    row::{clamp, unsigned},
    writer::Writer,
};

/// A lease that has more than this beyond its length to go was given before the clock jumped back.
const JUMP: i64 = 60_000;
/// A longer lease outlives every process.
const YEAR: u64 = 365 * 24 * 60 * 60 * 1_000;

/// A journal's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamInfo {
    /// Its name.
    pub name: String,
    /// Its entries.
    pub entries: u64,
    /// The bytes of their payloads.
    pub bytes: u64,
    /// When it was first claimed.
    pub created_at: DateTime<Utc>,
    /// When it was last appended to.
    pub updated_at: DateTime<Utc>,
    /// Who is writing it now.
    pub holder: Option<String>,
}

#[derive(Debug)]
struct Stream {
    id: i64,
    fence: i64,
    entries: i64,
    holder: Option<String>,
}

impl Stream {
    fn find(conn: &Connection, name: &str, now: i64) -> rusqlite::Result<Option<Self>> {
        let mut statement = conn.prepare_cached(
            "SELECT id, fence, entries, holder, lease, lease_until FROM journal_streams WHERE name = ?1",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            let holder: Option<String> = row.get(3)?;
            let (lease, until) = (row.get(4)?, row.get(5)?);
            let holder = holder.filter(|_| holds(now, lease, until));
            Ok(Self { id: row.get(0)?, fence: row.get(1)?, entries: row.get(2)?, holder })
        };
        statement.query_row([name], read).optional()
    }
}

fn holds(now: i64, lease: i64, until: i64) -> bool {
    until > now && until - now <= lease.saturating_add(JUMP)
}

impl Store {
    /// Every stream, the latest first. Blocks.
    pub fn streams(&self) -> Result<Vec<StreamInfo>, StoreError> {
        let now = self.now();
        self.read("read", |conn| {
            let mut statement = conn.prepare(
                "SELECT name, entries, bytes, created_at, updated_at, holder, lease, lease_until
                 FROM journal_streams ORDER BY updated_at DESC, id DESC",
            )?;
            let read = |row: &rusqlite::Row<'_>| {
                let holder: Option<String> = row.get(5)?;
                let (lease, until) = (row.get(6)?, row.get(7)?);
                Ok(StreamInfo {
                    name: row.get(0)?,
                    entries: unsigned(row.get(1)?),
                    bytes: unsigned(row.get(2)?),
                    created_at: row::time(row.get(3)?),
                    updated_at: row::time(row.get(4)?),
                    holder: holder.filter(|_| holds(now, lease, until)),
                })
            };
            statement.query_map([], read)?.collect()
        })
    }

    /// Deletes a stream with its entries; returns whether there was one. Blocks.
    ///
    /// # Errors
    /// [`JournalError::Held`] while somebody writes it.
    pub fn delete_stream(&self, stream: &StreamName) -> Result<bool, JournalError> {
        let (name, now) = (stream.clone(), self.now());
        let deleted = self.ask_and_wait(move |writer| {
            writer.durable(|conn| {
                let Some(found) = Stream::find(conn, name.as_str(), now)? else { return Ok(Ok(false)) };
                if let Some(holder) = found.holder {
                    return Ok(Err(JournalError::Held { stream: name, holder }));
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
            })
        });
        settle(deleted)
    }

    pub(crate) fn now(&self) -> i64 {
        self.shared.options.clock.now().timestamp_millis()
    }
}

fn settle<T>(
    outcome: Result<Result<Result<T, JournalError>, StoreError>, StoreError>,
) -> Result<T, JournalError> {
    outcome.and_then(|outcome| outcome).map_err(StorageError::from)?
}

#[async_trait]
impl Journal for Store {
    async fn claim(&self, stream: &StreamName, holder: &str, lease: Duration) -> Result<Fence, JournalError> {
        let (name, holder, now) = (stream.clone(), holder.to_owned(), self.now());
        let lease = clamp(u64::try_from(lease.as_millis()).unwrap_or(YEAR).min(YEAR));
        settle(self.ask(move |writer| claim(writer, name, &holder, now, lease)).await)
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        let name = stream.clone();
        let job = move |writer: &mut Writer| {
            writer.durable(|conn| {
                conn.execute(
                    "UPDATE journal_streams SET holder = NULL WHERE name = ?1 AND fence = ?2",
                    params![name.as_str(), clamp(fence.0)],
                )?;
                Ok(Ok(()))
            })
        };
        settle(self.ask(job).await)
    }

    async fn append(
        &self,
        stream: &StreamName,
        fence: Fence,
        expected: u64,
        payloads: Vec<Vec<u8>>,
    ) -> Result<u64, JournalError> {
        let (name, now) = (stream.clone(), self.now());
        settle(self.ask(move |writer| append(writer, name, fence, expected, &payloads, now)).await)
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

fn claim(
    writer: &mut Writer,
    name: StreamName,
    holder: &str,
    now: i64,
    lease: i64,
) -> Result<Result<Fence, JournalError>, StoreError> {
    writer.durable(|conn| {
        let found = Stream::find(conn, name.as_str(), now)?;
        let fence = match &found {
            Some(Stream { holder: Some(current), .. }) if current != holder => {
                let holder = current.clone();
                return Ok(Err(JournalError::Held { stream: name, holder }));
            }
            Some(Stream { holder: Some(_), fence, .. }) => *fence,
            Some(Stream { holder: None, fence, .. }) => fence + 1,
            None => {
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
            params![name.as_str(), fence, holder, lease, now.saturating_add(lease), now],
        )?;
        Ok(Ok(Fence(unsigned(fence))))
    })
}

fn append(
    writer: &mut Writer,
    name: StreamName,
    fence: Fence,
    expected: u64,
    payloads: &[Vec<u8>],
    now: i64,
) -> Result<Result<u64, JournalError>, StoreError> {
    writer.durable(|conn| {
        let found = Stream::find(conn, name.as_str(), now)?;
        let Some(found) = found.filter(|found| found.fence == clamp(fence.0)) else {
            return Ok(Err(JournalError::Fenced { stream: name }));
        };
        let actual = unsigned(found.entries);
        if actual != expected {
            return Ok(Err(JournalError::Conflict { stream: name, expected, actual }));
        }
        let mut insert = conn
            .prepare_cached("INSERT INTO journal_entries (stream, sequence, payload) VALUES (?1, ?2, ?3)")?;
        let mut entries = found.entries;
        for payload in payloads {
            insert.execute(params![found.id, entries, payload])?;
            entries += 1;
        }
        let bytes: usize = payloads.iter().map(Vec::len).sum();
        conn.execute(
            "UPDATE journal_streams SET entries = ?2, bytes = bytes + ?3, updated_at = ?4 WHERE id = ?1",
            params![found.id, entries, clamp(bytes as u64), now],
        )?;
        Ok(Ok(unsigned(entries)))
    })
}
