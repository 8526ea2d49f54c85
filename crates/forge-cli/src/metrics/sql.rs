//! `forge metrics sql`.

use std::{
    io::{self, BufWriter, IsTerminal as _, StdoutLock, Write},
    process::ExitCode,
};

use forge::store::{SqlPart, StoreError, VIEWS, export};
use serde_json::{Map, Value};

use super::{closed_or, open, torn};
use crate::{
    args::{MetricsSql, SqlFormat},
    error::CliError,
    layout, terminal,
};

/// The version of the JSON document.
pub(super) const VERSION: &str = "1.0";

pub(super) fn run(args: &MetricsSql, quiet: bool) -> Result<ExitCode, CliError> {
    let within = humantime::parse_duration(&args.timeout).map_err(|_| {
        CliError::usage(format!("`{}` is not a duration", args.timeout), "write it as in 90s or 5m")
    })?;
    let store = open(args.offline)?;
    let ask = |take: &mut dyn FnMut(SqlPart<'_>) -> io::Result<()>| {
        store.sql(&args.statement, within, take).map_err(|error| failed(&error))
    };
    let count = match args.format {
        SqlFormat::Table => {
            let mut table = Table::default();
            let count = ask(&mut |part| {
                table.take(part);
                Ok(())
            })?;
            let head = if args.offline { "SIMULATED\n\n" } else { "" };
            terminal::out(&format!("{head}{}", table.text()))?;
            count
        }
        SqlFormat::Csv => {
            let mut out = Out::new();
            let count = ask(&mut |part| out.put(&csv(part)))?;
            out.end("")?;
            count
        }
        SqlFormat::Json => {
            let mut document = Document { out: Out::new(), simulated: args.offline, columns: None, count: 0 };
            match ask(&mut |part| document.take(part)) {
                // The object is begun, so that no other one can follow it.
                Err(error) if document.columns.is_some() => return Ok(torn(&error)),
                asked => {
                    let count = asked?;
                    document.out.end("\n]}\n")?;
                    count
                }
            }
        }
    };
    terminal::note(quiet, &format!("{count} {}", if count == 1 { "row" } else { "rows" }));
    Ok(ExitCode::SUCCESS)
}

fn failed(error: &StoreError) -> CliError {
    match error {
        StoreError::Statement { reason } => {
            let next = format!(
                "write one SELECT on {}; docs/database.md names their columns",
                VIEWS.iter().map(|view| format!("`{view}`")).collect::<Vec<_>>().join(", ")
            );
            CliError::usage(reason.clone(), next)
        }
        other => closed_or(other),
    }
}

/// Standard output: as it is into files and pipes, cleaned onto a terminal.
struct Out {
    writer: BufWriter<StdoutLock<'static>>,
    cleans: bool,
}

impl Out {
    fn new() -> Self {
        let stdout = io::stdout().lock();
        Self { cleans: stdout.is_terminal(), writer: BufWriter::new(stdout) }
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        let text = if self.cleans { layout::clean(text) } else { text.into() };
        self.writer.write_all(text.as_bytes())
    }

    fn end(&mut self, text: &str) -> Result<(), CliError> {
        let written = self.put(text).and_then(|()| self.writer.flush());
        written.map_err(|error| CliError::stdout(&error))
    }
}

/// One JSON object, a row a line.
struct Document {
    out: Out,
    simulated: bool,
    columns: Option<Vec<String>>,
    count: u64,
}

impl Document {
    fn take(&mut self, part: SqlPart<'_>) -> io::Result<()> {
        match part {
            SqlPart::Columns(names) => {
                let names = self.columns.insert(unique(names));
                let (simulated, names) = (self.simulated, serde_json::to_string(names)?);
                self.out.put(&format!(
                    "{{\"version\":\"{VERSION}\",\"simulated\":{simulated},\"columns\":{names},\"rows\":["
                ))
            }
            SqlPart::Row(values) => {
                let names = self.columns.iter().flatten().cloned();
                let row: Map<String, Value> = names.zip(values.iter().cloned()).collect();
                let end = if self.count == 0 { "\n" } else { ",\n" };
                self.count += 1;
                self.out.put(&format!("{end}{}", Value::Object(row)))
            }
        }
    }
}

/// The names with a number behind those that are there already: an object has each key once.
fn unique(names: &[String]) -> Vec<String> {
    let mut unique: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let numbered = (2..).map(|number: u32| format!("{name}_{number}"));
        let mut free = std::iter::once(name.clone()).chain(numbered).filter(|name| !unique.contains(name));
        unique.extend(free.next());
    }
    unique
}

fn csv(part: SqlPart<'_>) -> String {
    let cells: Vec<String> = match part {
        SqlPart::Columns(names) => names.iter().map(|name| export::csv_field(name).into_owned()).collect(),
        SqlPart::Row(values) => values
            .iter()
            .map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) => export::csv_field(text).into_owned(),
                other => other.to_string(),
            })
            .collect(),
    };
    format!("{}\n", cells.join(","))
}

#[derive(Default)]
struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    /// For each column, whether it holds a text.
    texts: Vec<bool>,
}

impl Table {
    fn take(&mut self, part: SqlPart<'_>) {
        match part {
            SqlPart::Columns(names) => {
                self.headings = names.to_vec();
                self.texts = vec![false; names.len()];
            }
            SqlPart::Row(values) => {
                for (is_text, value) in self.texts.iter_mut().zip(values) {
                    *is_text |= value.is_string();
                }
                self.rows.push(values.iter().map(cell).collect());
            }
        }
    }

    fn text(&self) -> String {
        let headings: Vec<&str> = self.headings.iter().map(String::as_str).collect();
        let right: Vec<usize> = (0..headings.len()).filter(|column| !self.texts[*column]).collect();
        layout::table(&headings, &right, &self.rows)
    }
}

/// A row stays one line, whatever a text holds.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.split(['\n', '\r', '\t']).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_column_of_an_object_has_a_name_of_its_own() {
        let names = ["a", "b", "a", "a_2", "a"].map(str::to_owned);
        assert_eq!(unique(&names), ["a", "b", "a_2", "a_2_2", "a_3"]);
    }

    #[test]
    fn a_row_of_a_table_is_one_line_with_its_numbers_at_the_right() {
        let mut table = Table::default();
        table.take(SqlPart::Columns(&["claim".into(), "voices".into()]));
        table.take(SqlPart::Row(&[json!("two\nlines"), json!(10)]));
        table.take(SqlPart::Row(&[json!(null), json!(2.5)]));
        assert_eq!(table.text(), "claim      voices\ntwo lines      10\n-             2.5\n");
    }

    #[test]
    fn csv_leaves_numbers_alone_and_starts_no_formula() {
        let row = [json!(-1), json!("-1"), json!(null), json!("a,b")];
        assert_eq!(csv(SqlPart::Row(&row)), "-1,'-1,,\"a,b\"\n");
    }
}
