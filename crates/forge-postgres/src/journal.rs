//! Journals: each change is one statement that checks its conditions itself.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use deadpool_postgres::Object;
use forge_core::storage::journal::{
    Batch, Claim, Entry, Fence, Journal, JournalError, StreamInfo, StreamName, Streams,
};
use tokio_postgres::Row;

use crate::{error::Failure, shared::Shared, store::PostgresStore, time, watch};

/// A lease that has more than this beyond its length to go was given before a clock jumped back.
const JUMP: i64 = 60_000;
/// A longer lease outlives every process.
const YEAR: u64 = 365 * 24 * 60 * 60 * 1_000;

/// Whether the claim of `s` is live at the time `$2`.
const LIVE: &str = "(s.holder IS NOT NULL AND s.lease_until > $2 AND s.lease_until - $2 <= s.lease + 60000)";

/// What a change met instead of what it needs.
type Refused<T> = Result<Result<T, JournalError>, Failure>;

/// The state of a stream by which a change was refused.
struct Found {
    fence: u64,
    entries: u64,
    holder: Option<(Arc<str>, i64)>,
}

impl Found {
    async fn of(client: &Object, name: &StreamName, now: i64) -> Result<Option<Self>, Failure> {
        let sql = "SELECT fence, entries, holder, lease, lease_until FROM journal_streams WHERE name = $1";
        let statement = client.prepare_cached(sql).await?;
        let read = |row: Row| Self {
            fence: unsigned(&row, 0),
            entries: unsigned(&row, 1),
            holder: live(&row, 2, now).map(|holder| (holder, row.get(4))),
        };
        Ok(client.query_opt(&statement, &[&name.as_str()]).await?.map(read))
    }

    fn held(self, stream: &StreamName) -> Option<JournalError> {
        let (holder, until) = self.holder?;
        let (stream, fence) = (stream.clone(), Fence(self.fence));
        Some(JournalError::Held { stream, holder, fence, until: time(until) })
    }
}

/// The holder in column `at`, with its lease and the end of it behind, unless its claim is over.
fn live(row: &Row, at: usize, now: i64) -> Option<Arc<str>> {
    let (lease, until): (i64, i64) = (row.get(at + 1), row.get(at + 2));
    let holds = until > now && until - now <= lease.saturating_add(JUMP);
    row.get::<_, Option<&str>>(at).filter(|_| holds).map(Arc::from)
}

fn unsigned(row: &Row, at: usize) -> u64 {
    u64::try_from(row.get::<_, i64>(at)).unwrap_or(0)
}

/// No table holds a larger number.
fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl Journal for PostgresStore {
    async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        let (name, claim) = (stream.clone(), claim.clone());
        let work = move |shared: Arc<Shared>, client: Object| async move {
            // Whoever was in the way may have gone before it is asked who it is.
            loop {
                if let Some(outcome) = self::claim(&shared, &client, &name, &claim).await? {
                    return Ok(outcome);
                }
            }
        };
        self.ask("claim a stream", work).await?
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        let name = stream.clone();
        let work = move |_: Arc<Shared>, client: Object| async move {
            // A holder that was replaced cannot release the claim of its successor.
            let sql = "UPDATE journal_streams SET holder = NULL WHERE name = $1 AND fence = $2";
            client.execute(sql, &[&name.as_str(), &clamp(fence.0)]).await?;
            Ok(())
        };
        Ok(self.ask("release a stream", work).await?)
    }

    async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError> {
        let summary = batch.summary_text(stream)?;
        let name = stream.clone();
        let work = move |shared: Arc<Shared>, client: Object| async move {
            append(&shared, &client, &name, fence, &batch, summary.as_deref()).await
        };
        let count = self.ask("append to a stream", work).await??;
        self.shared.changes.notify();
        Ok(count)
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        let name = stream.clone();
        let work = move |_: Arc<Shared>, client: Object| async move { read(&client, &name, sequence).await };
        Ok(self.ask("read a stream", work).await?)
    }
}

async fn claim(
    shared: &Shared,
    client: &Object,
    name: &StreamName,
    claim: &Claim,
) -> Result<Option<Result<Fence, JournalError>>, Failure> {
    let now = shared.now();
    let lease = clamp(u64::try_from(claim.lease.as_millis()).unwrap_or(YEAR).min(YEAR));
    let replaces = claim.replaces.map(|fence| clamp(fence.0));
    // A renewal keeps the fence, so that appends on their way stay valid. A takeover names the fence that it ends, so that it
    // cannot end a claim which it has not seen. The next fence is drawn under the lock of the row: a fence that was drawn
    // earlier may be smaller than that of whoever was faster.
    let sql = format!(
        "INSERT INTO journal_streams AS s (name, fence, holder, lease, lease_until, created_at, updated_at)
         VALUES ($1, nextval('fences'), $3, $4, $2::bigint + $4::bigint, $2, $2)
         ON CONFLICT (name) DO UPDATE SET
             fence = CASE WHEN {LIVE} AND s.holder = excluded.holder THEN s.fence ELSE nextval('fences') END,
             holder = excluded.holder, lease = excluded.lease, lease_until = excluded.lease_until
         WHERE NOT {LIVE} OR s.holder = excluded.holder OR s.fence = $5
         RETURNING s.fence"
    );
    let statement = client.prepare_cached(&sql).await?;
    let row =
        client.query_opt(&statement, &[&name.as_str(), &now, &&*claim.holder, &lease, &replaces]).await?;
    if let Some(row) = row {
        return Ok(Some(Ok(Fence(unsigned(&row, 0)))));
    }
    Ok(Found::of(client, name, now).await?.and_then(|found| found.held(name)).map(Err))
}

async fn append(
    shared: &Shared,
    client: &Object,
    name: &StreamName,
    fence: Fence,
    batch: &Batch,
    summary: Option<&str>,
) -> Refused<u64> {
    let bytes: usize = batch.payloads.iter().map(Vec::len).sum();
    let count = i64::try_from(batch.payloads.len()).unwrap_or(i64::MAX);
    // The fence decides, not the lease: a slow holder may go on until somebody takes over.
    let sql = "WITH stream AS (
            UPDATE journal_streams SET entries = entries + $4, bytes = bytes + $5, updated_at = $6,
                summary = coalesce($7, summary)
            WHERE name = $1 AND fence = $2 AND entries = $3 RETURNING id, name, entries
        ), written AS (
            INSERT INTO journal_entries (stream, sequence, payload)
            SELECT id, $3 + at - 1, payload FROM stream, unnest($8::bytea[]) WITH ORDINALITY AS part(payload, at)
        )
        SELECT entries, pg_notify('forge_journal', current_schema() || '.' || name) FROM stream";
    let statement = client.prepare_cached(sql).await?;
    loop {
        let (number, expected) = (clamp(fence.0), clamp(batch.expected));
        let row = client
            .query_opt(
                &statement,
                &[
                    &name.as_str(),
                    &number,
                    &expected,
                    &count,
                    &clamp(bytes as u64),
                    &shared.now(),
                    &summary,
                    &batch.payloads,
                ],
            )
            .await?;
        if let Some(row) = row {
            return Ok(Ok(unsigned(&row, 0)));
        }
        // Fence first: whoever lost the stream must not take the entries of its heir for a mistake of its own.
        let found = Found::of(client, name, shared.now()).await?;
        let Some(found) = found.filter(|found| found.fence == fence.0) else {
            return Ok(Err(JournalError::Fenced { stream: name.clone() }));
        };
        let (expected, actual) = (batch.expected, found.entries);
        // Where both agree by now, another append of the same writer came in between, and it is tried again.
        if actual != expected {
            return Ok(Err(JournalError::Conflict { stream: name.clone(), expected, actual }));
        }
    }
}

async fn read(client: &Object, name: &StreamName, sequence: u64) -> Result<Vec<Entry>, Failure> {
    let sql = "SELECT sequence, payload FROM journal_entries
        WHERE stream = (SELECT id FROM journal_streams WHERE name = $1) AND sequence >= $2 ORDER BY sequence";
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &[&name.as_str(), &clamp(sequence)]).await?;
    Ok(rows.iter().map(|row| Entry { sequence: unsigned(row, 0), payload: row.get(1) }).collect())
}

#[async_trait]
impl Streams for PostgresStore {
    async fn list(&self) -> Result<Vec<StreamInfo>, JournalError> {
        let work = |shared: Arc<Shared>, client: Object| async move {
            let sql =
                "SELECT name, entries, bytes, created_at, updated_at, holder, lease, lease_until, summary
                FROM journal_streams ORDER BY updated_at DESC, id DESC";
            let (rows, now) = (client.query(sql, &[]).await?, shared.now());
            Ok(rows.iter().filter_map(|row| info(row, now)).collect())
        };
        Ok(self.ask("list the streams", work).await?)
    }

    async fn delete(&self, stream: &StreamName) -> Result<bool, JournalError> {
        let name = stream.clone();
        let work = move |shared: Arc<Shared>, client: Object| async move {
            loop {
                let now = shared.now();
                let sql = format!("DELETE FROM journal_streams AS s WHERE name = $1 AND NOT {LIVE}");
                if client.execute(&sql, &[&name.as_str(), &now]).await? > 0 {
                    return Ok(Ok(true));
                }
                let Some(found) = Found::of(&client, &name, now).await? else { return Ok(Ok(false)) };
                if let Some(held) = found.held(&name) {
                    return Ok(Err(held));
                }
            }
        };
        self.ask("delete a stream", work).await?
    }

    async fn watch(&self, stream: &StreamName, from: u64) -> Result<Vec<Entry>, JournalError> {
        watch::listen(self);
        let (shared, name) = (Arc::clone(&self.shared), stream.clone());
        let wait = async move {
            loop {
                // Before the read: a change in between ends the wait at once.
                let seen = shared.changes.count();
                let entries = {
                    let client = shared.client().await?;
                    read(&client, &name, from).await?
                };
                if !entries.is_empty() {
                    return Ok::<_, Failure>(entries);
                }
                // A notice can get lost with its connection, so that the table is looked at all the same.
                let _ = tokio::time::timeout(Duration::from_millis(200), shared.changes.after(seen)).await;
            }
        };
        Ok(self.run(wait).await?.map_err(|failure| failure.to("watch a stream"))?)
    }
}

/// `None` for a name that is none: another program wrote it.
fn info(row: &Row, now: i64) -> Option<StreamInfo> {
    let name = StreamName::new(row.get(0)).ok()?;
    let summary = row.get::<_, Option<&str>>(8).and_then(|text| serde_json::from_str(text).ok());
    let info = StreamInfo::new(name, time(row.get(3)))
        .with_content(unsigned(row, 1), unsigned(row, 2), time(row.get(4)))
        .with_holder(live(row, 5, now))
        .with_summary(summary);
    Some(info)
}
