//! Writing attempts, and the sums over them in the same transaction.

use std::collections::HashMap;

use forge_core::storage::accounts::UsageRecord;
use rusqlite::{Connection, OptionalExtension as _, ToSql, TransactionBehavior, params_from_iter};

use crate::{
    cell::Cell,
    codes,
    names::Names,
    row::{self, HOUR, Row},
};

/// What a [`Cell`] is about: hour, provider, model, role, status, error.
type CellKey = [i64; 6];

/// Differences to be added to the sums in the file.
#[derive(Debug, Default)]
pub(crate) struct Sums(HashMap<CellKey, Cell>);

/// Writes the records that are not there yet and what is to be written beside them, as one unit; returns how many
/// those are.
pub(crate) fn write(
    conn: &mut Connection,
    names: &mut Names,
    price_version: Option<&str>,
    records: &[UsageRecord],
    beside: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<u64> {
    let written = conn.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
        let version = price_version.map(|version| version_id(&transaction, version)).transpose()?;
        let mut sums = Sums::default();
        let mut written = 0;
        let mut insert = transaction.prepare_cached(&insert_sql())?;
        for record in records {
            let row = Row::from_record(&transaction, names, record, version)?;
            // A record that is there already came back through the spool; it counts once.
            if row.write(&mut insert)? {
                written += 1;
                sums.count(&row, 1);
                // A first attempt that succeeds is the usual call. It agrees with itself and costs no look-up.
                if row.attempt > 1 || row.status != codes::SUCCESS {
                    settle(&transaction, &mut sums, &row)?;
                }
            }
        }
        drop(insert);
        sums.apply(&transaction)?;
        beside(&transaction)?;
        transaction.commit()?;
        Ok(written)
    });
    // Ids of names from a transaction that is undone belong to nobody.
    if written.is_err() {
        names.clear();
    }
    written
}

fn insert_sql() -> String {
    let marks = vec!["?"; row::COLUMNS.split(',').count()].join(",");
    format!("INSERT INTO attempts ({}) VALUES ({marks}) ON CONFLICT DO NOTHING", row::COLUMNS)
}

pub(crate) fn version_id(conn: &Connection, version: &str) -> rusqlite::Result<i64> {
    let mut find = conn.prepare_cached("SELECT id FROM price_versions WHERE version = ?1")?;
    if let Some(id) = find.query_row([version], |row| row.get(0)).optional()? {
        return Ok(id);
    }
    conn.execute("INSERT INTO price_versions (version) VALUES (?1)", [version])?;
    Ok(conn.last_insert_rowid())
}

/// Makes the attempts of a call agree with each other after `new` was added, whatever the order in which they
/// come.
fn settle(conn: &Connection, sums: &mut Sums, new: &Row) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {} FROM attempts WHERE call_id = ?1 AND (attempt > 1 OR status <> 0) ORDER BY attempt, started_at",
        row::COLUMNS
    ))?;
    let found = statement.query_map([new.call], Row::read)?.collect::<Result<Vec<_>, _>>()?;
    let mut update = conn.prepare_cached(
        "UPDATE attempts SET status = ?4, ends = ?5, fallback = ?6
         WHERE started_at = ?1 AND call_id = ?2 AND attempt = ?3",
    )?;
    for (old, agreed) in found.iter().zip(agree(&found)) {
        if *old != agreed {
            update.execute((
                agreed.started_at,
                agreed.call,
                agreed.attempt,
                agreed.status,
                agreed.ends,
                agreed.fallback,
            ))?;
            sums.count(old, -1);
            sums.count(&agreed, 1);
        }
    }
    Ok(())
}

/// The attempts of a call, in order, as they are in the light of each other: one that failed before another
/// is a retry; the call ends with its success, else with its last attempt; and it fell back if its success
/// is not at the provider that was tried first.
///
/// A lone attempt after the first that the caller dropped lost a race against a first that succeeded, and
/// such successes are not looked up.
fn agree(rows: &[Row]) -> Vec<Row> {
    let last = rows.last().map_or(0, |row| row.attempt);
    let first = rows.first().map_or(0, |row| row.provider);
    let success = rows.iter().find(|row| row.status == codes::SUCCESS).map(|row| row.attempt);
    let lost = rows.len() == 1 && last > 1 && rows.iter().all(|row| row.status == codes::CANCELLED);
    let agreed = rows.iter().map(|row| {
        let is_success = row.status == codes::SUCCESS;
        Row {
            status: if row.status == codes::FAILURE && row.attempt < last {
                codes::RETRY
            } else {
                row.status
            },
            ends: row.attempt == success.unwrap_or(last) && !lost,
            fallback: is_success && row.provider != first,
            ..row.clone()
        }
    });
    agreed.collect()
}

impl Sums {
    pub(crate) fn count(&mut self, row: &Row, sign: i64) {
        let hour = row.started_at.div_euclid(HOUR);
        let key = [hour, row.provider, row.model(), row.role, row.status, row.error];
        self.0.entry(key).or_default().count(row, sign);
    }

    /// Adds the differences to the sums of hours and days.
    pub(crate) fn apply(self, conn: &Connection) -> rusqlite::Result<()> {
        let mut days: HashMap<CellKey, Cell> = HashMap::new();
        for (key, cell) in &self.0 {
            let day = key[0].div_euclid(24) * 24;
            let day = [day, key[1], key[2], key[3], key[4], key[5]];
            days.entry(day).or_default().merge(cell.clone());
        }
        for (width, cells) in [(1, self.0), (24, days)] {
            for (key, cell) in cells {
                add(conn, width, key, cell)?;
            }
        }
        Ok(())
    }
}

const SAME: &str =
    "width = ? AND hour = ? AND provider = ? AND model = ? AND role = ? AND status = ? AND error = ?";

fn add(conn: &Connection, width: i64, key: CellKey, mut cell: Cell) -> rusqlite::Result<()> {
    let mut find = conn.prepare_cached(&format!("SELECT {} FROM rollups WHERE {SAME}", Cell::COLUMNS))?;
    let known = params_from_iter([width].into_iter().chain(key));
    find.query_row(known, |row| cell.read(row, 0)).optional()?;
    // Corrections can empty a cell, which would otherwise be listed with zeros.
    if cell.attempts <= 0 {
        let mut remove = conn.prepare_cached(&format!("DELETE FROM rollups WHERE {SAME}"))?;
        return remove.execute(params_from_iter([width].into_iter().chain(key))).map(drop);
    }
    let mut put = conn.prepare_cached(&format!(
        "INSERT OR REPLACE INTO rollups (width, hour, provider, model, role, status, error, {})
         VALUES (?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        Cell::COLUMNS
    ))?;
    let mut values: Vec<Box<dyn ToSql>> = Vec::with_capacity(24);
    values.push(Box::new(width));
    values.extend(key.map(|number| Box::new(number) as Box<dyn ToSql>));
    values.extend(cell.values());
    put.execute(params_from_iter(values)).map(drop)
}
