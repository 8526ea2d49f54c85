//! Attempts for other programs: CSV for spreadsheets, JSON lines for everything else.

mod line;

use std::{
    borrow::Cow,
    fmt::{Display, Write as _},
    io::{self, Write},
    sync::Arc,
};

use forge_core::storage::accounts::UsageRecord;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use self::line::{HEADER, Line};
pub use self::line::{dollars, millis};
use crate::{
    Filter,
    error::StoreError,
    filter,
    names::Names,
    row::{self, Row},
    store::Store,
};

/// One attempt, as it is exported.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// What was recorded. Times are kept to the millisecond, durations to the microsecond, and an attempt
    /// that failed before another of its call has become a retry.
    pub record: UsageRecord,
    /// The version of the prices behind the cost.
    pub price_version: Option<Arc<str>>,
}

impl Attempt {
    pub(crate) fn read(conn: &Connection, names: &mut Names, row: &Row) -> rusqlite::Result<Self> {
        let record = row.to_record(conn, names)?;
        let mut find = conn.prepare_cached("SELECT version FROM price_versions WHERE id = ?1")?;
        let version = row.price_version.map(|id| find.query_row([id], |row| row.get(0)).optional());
        Ok(Self { record, price_version: version.transpose()?.flatten() })
    }
}

/// Writes each attempt as a line of JSON.
pub fn jsonl<W: Write>(mut writer: W) -> impl FnMut(&Attempt) -> io::Result<()> {
    move |attempt| {
        serde_json::to_writer(&mut writer, &Line::from(attempt))?;
        writer.write_all(b"\n")
    }
}

/// The version of the document that [`json`] writes.
pub const VERSION: &str = "2.0";

/// Writes one JSON document: what stands before the attempts now, each attempt as an object, and its end with the value
/// that is returned. `simulated` says whether they are of simulated calls.
pub fn json<W: Write>(mut writer: W, simulated: bool) -> io::Result<Document<W>> {
    write!(writer, "{{\"version\":\"{VERSION}\",\"simulated\":{simulated},\"attempts\":[")?;
    Ok(Document { writer, count: 0 })
}

/// One JSON document on its way.
#[derive(Debug)]
pub struct Document<W> {
    writer: W,
    count: u64,
}

impl<W: Write> Document<W> {
    /// Writes one attempt.
    pub fn attempt(&mut self, attempt: &Attempt) -> io::Result<()> {
        self.writer.write_all(if self.count == 0 { b"\n" } else { b",\n" })?;
        self.count += 1;
        Ok(serde_json::to_writer(&mut self.writer, &Line::from(attempt))?)
    }

    /// Writes the end.
    pub fn end(mut self) -> io::Result<()> {
        self.writer.write_all(b"\n]}\n")?;
        self.writer.flush()
    }
}

/// Writes the names of the columns now, and then each attempt as a line of CSV (RFC 4180).
pub fn csv<W: Write>(mut writer: W) -> io::Result<impl FnMut(&Attempt) -> io::Result<()>> {
    writer.write_all(HEADER.as_bytes())?;
    Ok(move |attempt: &Attempt| {
        let line = Line::from(attempt);
        let mut row = Fields(String::with_capacity(256));
        row.text(&line.call_id);
        row.number(Some(line.attempt));
        row.text(&line.started_at);
        row.text(line.provider);
        row.text(line.vendor);
        row.text(line.model);
        row.text(line.model_asked);
        row.text(line.model_served.unwrap_or_default());
        row.text(line.role);
        row.text(line.session.unwrap_or_default());
        row.number(line.round);
        row.text(line.task.unwrap_or_default());
        row.text(line.status);
        row.text(line.error.unwrap_or_default());
        row.number(Some(line.duration_ms));
        row.number(line.first_token_ms);
        let numbers = [
            line.input_tokens,
            line.cache_read_tokens,
            line.cache_write_5m_tokens,
            line.cache_write_1h_tokens,
            line.output_tokens,
            line.reasoning_tokens,
            line.cost_nano_usd,
        ];
        for number in numbers {
            row.number(number);
        }
        row.number(line.cost_usd);
        row.text(line.price_version.unwrap_or_default());
        row.number(Some(line.estimated));
        row.number(line.other_input_tokens);
        row.text(&line.server_tools.map(|uses| json_text(&uses)).unwrap_or_default());
        for text in [line.tier, line.region, line.speed] {
            row.text(text.unwrap_or_default());
        }
        row.text(&json_text(line.tags));
        row.text(line.request_id.unwrap_or_default());
        row.0.pop();
        row.0.push('\n');
        writer.write_all(row.0.as_bytes())
    })
}

/// A field of CSV (RFC 4180), in quotes where it needs them. A text that a spreadsheet would take for a formula
/// gets a `'` in front.
pub fn csv_field(text: &str) -> Cow<'_, str> {
    let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains(['"', ',', ';', '\n', '\r', '\t']) {
        format!("\"{formula}{}\"", text.replace('"', "\"\"")).into()
    } else if formula.is_empty() {
        text.into()
    } else {
        format!("{formula}{text}").into()
    }
}

/// Maps and structs of plain values always have a JSON form.
fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

struct Fields(String);

impl Fields {
    fn number<T: Display>(&mut self, number: Option<T>) {
        if let Some(number) = number {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{number}");
        }
        self.0.push(',');
    }

    fn text(&mut self, text: &str) {
        self.0.extend([&*csv_field(text), ","]);
    }
}

impl Store {
    /// Hands every attempt that `filter` means to `take`, in the order of time, from one state of the file
    /// and one at a time; returns how many. Blocks.
    ///
    /// # Errors
    /// As [`summary`](Self::summary); an error of `take` ends the export.
    pub fn export(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Attempt) -> io::Result<()>,
    ) -> Result<u64, StoreError> {
        let span = filter::span(filter)?;
        let mut failed = None;
        let count = self.query("read", |conn| {
            let mut names = Names::default();
            let Some(conditions) = filter::conditions(filter, conn, &mut names, "coalesce(served, asked)")?
            else {
                return Ok(0);
            };
            let mut statement = conn.prepare(&format!(
                "SELECT {} FROM attempts WHERE started_at >= ?1 AND started_at < ?2{conditions}
                 ORDER BY started_at, call_id, attempt",
                row::COLUMNS
            ))?;
            let mut rows = statement.query(span)?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let attempt = Attempt::read(conn, &mut names, &Row::read(row)?)?;
                if let Err(error) = take(&attempt) {
                    failed = Some(error);
                    break;
                }
                count += 1;
            }
            Ok(count)
        })?;
        match failed {
            Some(source) => Err(StoreError::Io { what: "export from", path: self.path().to_owned(), source }),
            None => Ok(count),
        }
    }
}
