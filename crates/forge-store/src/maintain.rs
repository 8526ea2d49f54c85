//! Maintenance: prunes old attempts, rebuilds sums, corrects prices.
//!
//! Everything runs in small steps, between which other records are written. All of it blocks.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::Path,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use forge_core::{ModelId, ModelProvider, ModelTable, Money};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use crate::{
    Filter,
    error::StoreError,
    export::{self, Attempt},
    files::private,
    filter,
    ledger::{Sums, version_id},
    mcp,
    names::Names,
    row::{self, DAY, HOUR, Row, clamp, unsigned},
    schema::Durability,
    store::Store,
    writer::Writer,
};

/// Attempts per step.
const STEP: i64 = 5_000;

/// What [`Store::prune`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Attempts that are gone.
    pub attempts: u64,
    /// The midnight (UTC) before which all attempts are gone.
    pub before: DateTime<Utc>,
    /// Bytes by which the file has shrunk; `None` where it could not be rewritten now, because somebody else uses it
    /// or there is no room for a copy. Its empty pages are used again all the same.
    pub freed_bytes: Option<u64>,
}

/// What [`Store::reprice`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Repriced {
    /// Attempts whose cost is another now.
    pub changed: u64,
    /// Attempts that the table has no price for, or whose tokens are unknown. They keep what they had.
    pub unpriced: u64,
    /// The cost of the changed attempts before, as far as it was known.
    #[serde(rename = "before_nano_usd")]
    pub before: Money,
    /// The cost of the changed attempts now.
    #[serde(rename = "after_nano_usd")]
    pub after: Money,
}

impl Store {
    /// Removes the attempts of whole days (UTC) before `before`, whose sums stay, and what was asked over MCP on those days. With an `archive`, which
    /// must not exist yet, they are written there first, as [`export::jsonl`] does. Then the file is made smaller,
    /// which needs room for a copy of it for a while.
    pub fn prune(&self, before: DateTime<Utc>, archive: Option<&Path>) -> Result<Pruned, StoreError> {
        let end = before.timestamp_millis().div_euclid(DAY) * DAY;
        let archive = archive.map(Archive::create).transpose()?.map(Arc::new);
        let mut attempts = 0;
        loop {
            let archive = archive.clone();
            let gone = self.step(move |conn, names| {
                let rows = rows(conn, (i64::MIN, [0; 16], 0), end)?;
                if let Some(archive) = archive
                    && let Err(error) = archive.write(conn, names, &rows)?
                {
                    return Ok(Err(error));
                }
                // After the archive is on disk: a crash may leave an attempt in both places, never in none.
                remove(conn, &rows, end)?;
                Ok(Ok(rows.len()))
            })?;
            attempts += gone as u64;
            if gone == 0 {
                break;
            }
        }
        self.step(move |conn, _| mcp::remove(conn, end).map(Ok))?;
        let freed_bytes = self.ask_and_wait(shrink)?;
        Ok(Pruned { attempts, before: row::time(end), freed_bytes })
    }

    /// Rebuilds the sums of all days from their attempts, except pruned days; returns the number of days.
    pub fn rebuild(&self) -> Result<u64, StoreError> {
        let (first, last) = self.query("read", |conn| {
            let sql = "SELECT min(hour), max(hour) FROM rollups";
            let summed: (Option<i64>, Option<i64>) = conn.query_row(sql, [], |row| row.try_into())?;
            let sql = "SELECT min(started_at), max(started_at) FROM attempts";
            let there: (Option<i64>, Option<i64>) = conn.query_row(sql, [], |row| row.try_into())?;
            let days = |hour: Option<i64>, time: Option<i64>| {
                [hour.map(|hour| hour.div_euclid(24)), time.map(|time| time.div_euclid(DAY))]
            };
            let first = days(summed.0, there.0).into_iter().flatten().min();
            let last = days(summed.1, there.1).into_iter().flatten().max();
            Ok((first.max(pruned_before(conn)?.map(|end| end.div_euclid(DAY))), last))
        })?;
        let (mut next, mut days) = (first, 0);
        while let (Some(day), Some(last)) = (next, last) {
            if day > last {
                break;
            }
            self.step(move |conn, _| rebuild_day(conn, day).map(Ok))?;
            days += 1;
            // Days without anything are passed over.
            next = self.query("read", |conn| next_day(conn, day + 1))?;
        }
        Ok(days)
    }

    /// Reprices the attempts since `since` and before `until` by `table`, in attempts and sums, and notes `version`
    /// with those that it can price. The model that served sets the price, else the one asked. An attempt without
    /// a known token count keeps its cost, and so do pruned ones.
    pub fn reprice(
        &self,
        table: &ModelTable,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
        version: &str,
    ) -> Result<Repriced, StoreError> {
        let (from, to) = filter::span(&Filter { since, until, ..Filter::default() })?;
        let work = Arc::new((table.clone(), version.to_owned()));
        let mut total = Repriced::default();
        let mut next = Some((from, [0; 16], 0));
        while let Some(key) = next {
            let work = Arc::clone(&work);
            let (done, rest) = self.step(move |conn, names| {
                let (table, version) = &*work;
                let rows = rows(conn, key, to)?;
                let version = version_id(conn, version)?;
                let price = |names: &mut Names, row: &Row| -> rusqlite::Result<Option<Money>> {
                    let vendor = ModelProvider::from(&*names.name(conn, row.vendor)?);
                    let model = ModelId::new(names.name(conn, row.model())?);
                    let day = row::time(row.started_at).date_naive();
                    let served = row.served_as();
                    Ok(table.cost_as_served(&vendor, &model, day, &row.token_count(), served.as_ref()))
                };
                let mut done = Repriced::default();
                let mut sums = Sums::default();
                let mut update = conn.prepare_cached(
                    "UPDATE attempts SET cost = ?4, price_version = ?5
                     WHERE started_at = ?1 AND call_id = ?2 AND attempt = ?3",
                )?;
                for row in &rows {
                    let Some(cost) = price(names, row)? else {
                        done.unpriced += 1;
                        continue;
                    };
                    let new =
                        Row { cost: Some(clamp(cost.nanos())), price_version: Some(version), ..row.clone() };
                    update.execute(params![row.started_at, row.call, row.attempt, new.cost, version])?;
                    if new.cost != row.cost {
                        done.changed += 1;
                        done.before += Money::from_nanos(unsigned(row.cost.unwrap_or(0)));
                        done.after += cost;
                        sums.count(row, -1);
                        sums.count(&new, 1);
                    }
                }
                sums.apply(conn)?;
                // There need not be such a key; it only has to lie behind the last one.
                let rest = rows.last().map(|row| (row.started_at, row.call, row.attempt + 1));
                Ok(Ok((done, rest)))
            })?;
            total.changed += done.changed;
            total.unpriced += done.unpriced;
            total.before += done.before;
            total.after += done.after;
            next = rest;
        }
        Ok(total)
    }

    fn step<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection, &mut Names) -> rusqlite::Result<Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask_and_wait(|writer| writer.transact(Durability::Process, |conn, names| job(conn, names)))??
    }
}

/// Returns empty pages to the file system; `None` where that is not possible now.
fn shrink(writer: &mut Writer) -> Option<u64> {
    let path = writer.shared.options.path.clone();
    let size = || fs::metadata(&path).map(|facts| facts.len()).ok();
    let shrunk = writer.inspect(|conn| {
        // As long as a reader needs the log, the file cannot become smaller.
        let settled = || {
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
                .map(|busy| busy == 0)
        };
        if !settled()? {
            return Ok(None);
        }
        let before = size();
        let empty: i64 = conn.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
        if empty > 0 {
            conn.execute_batch("VACUUM")?;
            if !settled()? {
                return Ok(None);
            }
        }
        Ok(before.zip(size()).map(|(before, after)| before.saturating_sub(after)))
    });
    shrunk.inspect_err(|error| tracing::debug!(%error, "the file keeps its size")).ok().flatten()
}

/// The first attempts from `key` on that began before `end`.
fn rows(conn: &Connection, key: (i64, [u8; 16], u32), end: i64) -> rusqlite::Result<Vec<Row>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {} FROM attempts WHERE (started_at, call_id, attempt) >= (?1, ?2, ?3) AND started_at < ?4
         ORDER BY started_at, call_id, attempt LIMIT ?5",
        row::COLUMNS
    ))?;
    statement.query_map(params![key.0, key.1, key.2, end, STEP], Row::read)?.collect()
}

fn remove(conn: &Connection, rows: &[Row], end: i64) -> rusqlite::Result<()> {
    let mut delete =
        conn.prepare_cached("DELETE FROM attempts WHERE started_at = ?1 AND call_id = ?2 AND attempt = ?3")?;
    for row in rows {
        delete.execute(params![row.started_at, row.call, row.attempt])?;
    }
    // Never lowered: `rebuild` would take a pruned day for an empty one and remove its sums.
    let sql = "INSERT INTO meta (key, value) VALUES ('pruned_before', ?1)
         ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)";
    conn.execute(sql, [end]).map(drop)
}

fn pruned_before(conn: &Connection) -> rusqlite::Result<Option<i64>> {
    conn.query_row("SELECT value FROM meta WHERE key = 'pruned_before'", [], |row| row.get(0)).optional()
}

fn next_day(conn: &Connection, day: i64) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT min(started_at) FROM attempts WHERE started_at >= ?1";
    let there: Option<i64> = conn.query_row(sql, [day * DAY], |row| row.get(0))?;
    let mut days = vec![there.map(|time| time.div_euclid(DAY))];
    for width in [1, 24] {
        let sql = "SELECT min(hour) FROM rollups WHERE width = ?1 AND hour >= ?2";
        let summed: Option<i64> = conn.query_row(sql, [width, day * 24], |row| row.get(0))?;
        days.push(summed.map(|hour| hour.div_euclid(24)));
    }
    Ok(days.into_iter().flatten().min())
}

fn rebuild_day(conn: &Connection, day: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM rollups WHERE hour >= ?1 AND hour < ?2", [day * 24, day * 24 + 24])?;
    let mut sums = Sums::default();
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {} FROM attempts WHERE started_at >= ?1 AND started_at < ?2",
        row::COLUMNS
    ))?;
    let mut rows = statement.query([day * 24 * HOUR, (day + 1) * DAY])?;
    while let Some(row) = rows.next()? {
        sums.count(&Row::read(row)?, 1);
    }
    sums.apply(conn)
}

/// Where attempts go before they are removed.
#[derive(Debug)]
struct Archive {
    file: File,
    path: std::path::PathBuf,
}

impl Archive {
    fn create(path: &Path) -> Result<Self, StoreError> {
        let file = private().create_new(true).open(path);
        let path = path.to_owned();
        match file {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(StoreError::Io { what: "make the archive", path, source }),
        }
    }

    /// On disk when it returns.
    fn write(
        &self,
        conn: &Connection,
        names: &mut Names,
        rows: &[Row],
    ) -> rusqlite::Result<Result<(), StoreError>> {
        let mut attempts = Vec::with_capacity(rows.len());
        for row in rows {
            attempts.push(Attempt::read(conn, names, row)?);
        }
        let write = || -> io::Result<()> {
            let mut out = BufWriter::new(&self.file);
            let mut line = export::jsonl(&mut out);
            attempts.iter().try_for_each(&mut line)?;
            drop(line);
            out.flush()?;
            self.file.sync_data()
        };
        let failed = |source| StoreError::Io { what: "write the archive", path: self.path.clone(), source };
        Ok(write().map_err(failed))
    }
}
