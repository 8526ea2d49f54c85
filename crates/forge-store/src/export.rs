//! Attempts for other programs: CSV for spreadsheets, JSON lines for everything else.

use std::{
    borrow::Cow,
    fmt::{Display, Write as _},
    io::{self, Write},
    sync::Arc,
};

use chrono::SecondsFormat;
use forge_core::{ErrorKind, Served, ServerTools, Tags, UsageRecord};
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use crate::{
    Filter, Store, StoreError, filter,
    names::Names,
    row::{self, Row},
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

/// What is written of an attempt, in both forms.
#[derive(Debug, Serialize)]
struct Line<'a> {
    call_id: String,
    attempt: u32,
    started_at: String,
    provider: &'a str,
    vendor: &'a str,
    model_asked: &'a str,
    model_served: Option<&'a str>,
    role: &'a str,
    session: Option<&'a str>,
    round: Option<u32>,
    task: Option<&'a str>,
    status: &'static str,
    error: Option<&'static str>,
    latency_us: u64,
    first_token_us: Option<u64>,
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write_5m: Option<u64>,
    cache_write_1h: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
    cost_nano_usd: Option<u64>,
    price_version: Option<&'a str>,
    estimated: bool,
    other_input: Option<u64>,
    server_tools: Option<ServerTools>,
    tier: Option<&'a str>,
    region: Option<&'a str>,
    speed: Option<&'a str>,
    tags: &'a Tags,
    request_id: Option<&'a str>,
}

/// The columns of [`csv`], which are the keys of [`jsonl`] as well.
const HEADER: &str = "call_id,attempt,started_at,provider,vendor,model_asked,model_served,role,session,round,task,\
    status,error,latency_us,first_token_us,input,cache_read,cache_write_5m,cache_write_1h,output,reasoning,\
    cost_nano_usd,price_version,estimated,other_input,server_tools,tier,region,speed,tags,request_id\n";

impl<'a> From<&'a Attempt> for Line<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        let Attempt { record, price_version } = attempt;
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let tokens = &record.tokens;
        let served =
            |of: fn(&Served) -> &Option<Arc<str>>| record.served.as_ref().and_then(|one| of(one).as_deref());
        Self {
            call_id: record.call_id.to_string(),
            attempt: record.attempt,
            started_at: record.started_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            provider: record.provider.as_str(),
            vendor: record.vendor.as_str(),
            model_asked: record.model_asked.as_str(),
            model_served: record.model_served.as_ref().map(AsRef::as_ref),
            role: record.role.as_str(),
            session: record.tags.session(),
            round: record.tags.round(),
            task: record.tags.task(),
            status: record.status.as_str(),
            error: record.error.map(ErrorKind::as_str),
            latency_us: micros(record.latency),
            first_token_us: record.first_token.map(micros),
            input: tokens.input,
            cache_read: tokens.cache_read,
            cache_write_5m: tokens.cache_write_5m,
            cache_write_1h: tokens.cache_write_1h,
            output: tokens.output,
            reasoning: tokens.reasoning,
            cost_nano_usd: record.cost.map(forge_core::Money::nanos),
            price_version: price_version.as_deref(),
            estimated: record.estimated,
            request_id: record.request_id.as_deref(),
            other_input: tokens.other_input,
            server_tools: tokens.server_tools,
            tier: served(|one| &one.tier),
            region: served(|one| &one.region),
            speed: served(|one| &one.speed),
            tags: &record.tags,
        }
    }
}

/// Writes each attempt as a line of JSON.
pub fn jsonl<W: Write>(mut writer: W) -> impl FnMut(&Attempt) -> io::Result<()> {
    move |attempt| {
        serde_json::to_writer(&mut writer, &Line::from(attempt))?;
        writer.write_all(b"\n")
    }
}

/// Writes one JSON document: what stands before the attempts now, each attempt as an object, and its end with the value
/// that is returned.
pub fn json<W: Write>(mut writer: W) -> io::Result<Document<W>> {
    writer.write_all(b"{\"version\":\"1.0\",\"attempts\":[")?;
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
        row.text(line.model_asked);
        row.text(line.model_served.unwrap_or_default());
        row.text(line.role);
        row.text(line.session.unwrap_or_default());
        row.number(line.round);
        row.text(line.task.unwrap_or_default());
        row.text(line.status);
        row.text(line.error.unwrap_or_default());
        row.number(Some(line.latency_us));
        let numbers = [
            line.first_token_us,
            line.input,
            line.cache_read,
            line.cache_write_5m,
            line.cache_write_1h,
            line.output,
            line.reasoning,
            line.cost_nano_usd,
        ];
        for number in numbers {
            row.number(number);
        }
        row.text(line.price_version.unwrap_or_default());
        row.number(Some(line.estimated));
        row.number(line.other_input);
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
