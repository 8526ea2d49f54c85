//! The accounts in Prometheus' text exposition format.

use std::{collections::BTreeMap, fmt::Write as _};

use rusqlite::Connection;

use crate::{
    cell::Cell,
    codes::{self, FAILURE, RETRY},
    error::StoreError,
    names::Names,
    row::{self, unsigned},
    store::Store,
};

/// Upper bounds of the latency histogram, in milliseconds.
const BOUNDS: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000];

struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    lines: String,
}

impl Metric {
    fn new(name: &'static str, kind: &'static str, help: &'static str) -> Self {
        Self { name, kind, help, lines: String::new() }
    }

    fn line(&mut self, suffix: &str, labels: &str, value: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.lines, "{}{suffix}{{{labels}}} {value}", self.name);
    }
}

/// All attempts ever, with the labels provider, model, role and status. An attempt that failed counts as
/// `failure`, also if the call went on, so that no counter ever goes back. Bounds of the histogram are
/// within 3.2 %. Blocks.
pub fn render(store: &Store) -> Result<String, StoreError> {
    store.query("read", |conn| {
        let mut attempts = Metric::new("forge_attempts_total", "counter", "Attempts of calls.");
        let mut errors = Metric::new("forge_errors_total", "counter", "Failed attempts by kind of error.");
        let mut tokens = Metric::new("forge_tokens_total", "counter", "Tokens by class, as far as known.");
        let mut cost =
            Metric::new("forge_cost_dollars_total", "counter", "Cost in dollars, as far as known.");
        let mut latency = Metric::new(
            "forge_attempt_duration_seconds",
            "histogram",
            "Time from sending to the last event.",
        );
        for (labels, cell) in cells(conn, |status, _| {
            let status = if status == RETRY { FAILURE } else { status };
            Some(("status", codes::status(status).as_str()))
        })? {
            attempts.line("", &labels, cell.attempts);
            for (class, count) in row::CLASSES.into_iter().zip(cell.tokens) {
                tokens.line("", &format!("{labels},class=\"{class}\""), count);
            }
            cost.line("", &labels, forge_core::Money::from_nanos(unsigned(cell.cost)).dollars());
            for bound in BOUNDS {
                let seconds = bound as f64 / 1e3;
                let count = cell.latency.values.at_most(bound * 1_000);
                latency.line("_bucket", &format!("{labels},le=\"{seconds}\""), count);
            }
            latency.line("_bucket", &format!("{labels},le=\"+Inf\""), cell.attempts);
            latency.line("_sum", &labels, cell.latency.sum as f64 / 1e6);
            latency.line("_count", &labels, cell.attempts);
        }
        for (labels, cell) in cells(conn, |_, error| Some(("kind", codes::error_kind(error)?.as_str())))? {
            errors.line("", &labels, cell.attempts);
        }
        let mut text = String::new();
        for metric in [attempts, errors, tokens, cost, latency] {
            let Metric { name, kind, help, lines } = metric;
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
        Ok(text)
    })
}

/// Sums by provider, model, role and whatever `last` makes of status and error, with their labels.
fn cells(
    conn: &Connection,
    last: impl Fn(i64, i64) -> Option<(&'static str, &'static str)>,
) -> rusqlite::Result<BTreeMap<String, Cell>> {
    let mut names = Names::default();
    let mut cells: BTreeMap<_, Cell> = BTreeMap::new();
    let mut statement = conn.prepare(&format!(
        "SELECT provider, model, role, status, error, {} FROM rollups WHERE width = 24",
        Cell::COLUMNS
    ))?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        let Some(last) = last(found.get(3)?, found.get(4)?) else { continue };
        let ids: [i64; 3] = [found.get(0)?, found.get(1)?, found.get(2)?];
        cells.entry((ids, last)).or_default().read(found, 5)?;
    }
    let labelled = cells.into_iter().map(|((ids, (label, value)), cell)| {
        let mut labels = String::new();
        for (label, id) in ["provider", "model", "role"].into_iter().zip(ids) {
            let _ = write!(labels, "{label}=\"{}\",", escaped(&names.name(conn, id)?));
        }
        let _ = write!(labels, "{label}=\"{value}\"");
        Ok((labels, cell))
    });
    labelled.collect()
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
