//! What came of the calls of prompts and experiments.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use forge_core::Money;
use rusqlite::{Connection, Row, params};

use crate::{
    codes,
    error::StoreError,
    row::unsigned,
    store::{self, Store},
};

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptGroup<'a> {
    /// A prompt, by the hashes of its versions.
    Prompt(&'a str),
    /// An experiment, by its arms.
    Experiment(&'a str),
}

/// What came of the calls with one version, or of one arm.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct PromptFigures {
    /// The hash of the version, or the name of the arm.
    pub group: String,
    /// Sessions, and calls outside of any.
    pub units: u64,
    /// Calls that ended.
    pub calls: u64,
    /// Those that succeeded.
    pub successes: u64,
    /// Those whose answer could not be read.
    pub malformed: u64,
    /// Tokens of requests, as far as they are known.
    pub input_tokens: u64,
    /// Tokens of answers, as far as they are known.
    pub output_tokens: u64,
    /// What is known of their cost.
    pub cost: Money,
    /// How long each of them took, in microseconds, sorted.
    pub latencies: Vec<u64>,
    /// What was said of its units, sorted.
    pub scores: Vec<f64>,
}

impl PromptFigures {
    /// The latency that `percent` of the calls stay within, in microseconds: the nearest rank; `None` without calls.
    pub fn latency(&self, percent: usize) -> Option<u64> {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).copied()
    }
}

/// A call as a report reads it.
struct Call {
    prompts: Option<String>,
    experiments: Option<String>,
    arms: Option<String>,
    unit: String,
    status: i64,
    error: Option<i64>,
    figures: [Option<i64>; 4],
}

fn call(row: &Row<'_>) -> rusqlite::Result<Call> {
    Ok(Call {
        prompts: row.get(0)?,
        experiments: row.get(1)?,
        arms: row.get(2)?,
        unit: row.get(3)?,
        status: row.get(4)?,
        error: row.get(5)?,
        figures: [row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?],
    })
}

impl Call {
    /// The group that it belongs to; `None` if it is none of the report's.
    fn group(&self, of: PromptGroup<'_>) -> Option<&str> {
        match of {
            PromptGroup::Prompt(name) => {
                let mut used = self.prompts.as_deref()?.split(' ').filter_map(|one| one.split_once('@'));
                used.find(|(known, _)| *known == name).map(|(_, hash)| hash)
            }
            PromptGroup::Experiment(name) => {
                // Both lists have the same order.
                let at = self.experiments.as_deref()?.split(' ').position(|known| known == name)?;
                self.arms.as_deref()?.split(' ').nth(at)
            }
        }
    }
}

fn figures(conn: &Connection, of: PromptGroup<'_>) -> rusqlite::Result<Vec<PromptFigures>> {
    let mut groups: BTreeMap<String, (PromptFigures, BTreeSet<String>)> = BTreeMap::new();
    let mut find = conn.prepare(
        "SELECT json_extract(tags, '$.prompt'), json_extract(tags, '$.experiment'), json_extract(tags, '$.arm'),
             coalesce((SELECT name FROM names WHERE id = attempts.session),
                 (SELECT name FROM names WHERE id = attempts.workflow), lower(hex(call_id))),
             status, error, coalesce(input, 0) + coalesce(cache_read, 0) + coalesce(cache_write_5m, 0)
                 + coalesce(cache_write_1h, 0) + coalesce(other_input, 0),
             coalesce(output, 0) + coalesce(reasoning, 0), cost, latency
         FROM attempts WHERE ends = 1 AND tags IS NOT NULL",
    )?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let call = call(row)?;
        let Some(group) = call.group(of) else { continue };
        let (figures, units) = groups.entry(group.to_owned()).or_default();
        let [input, output, cost, latency] = call.figures.map(|figure| figure.map_or(0, unsigned));
        figures.calls += 1;
        figures.successes += u64::from(call.status == codes::SUCCESS);
        let is_malformed = call.error == Some(codes::error_code(forge_core::ErrorKind::Malformed));
        figures.malformed += u64::from(is_malformed);
        figures.input_tokens = figures.input_tokens.saturating_add(input);
        figures.output_tokens = figures.output_tokens.saturating_add(output);
        figures.cost = Money::from_nanos(figures.cost.nanos().saturating_add(cost));
        figures.latencies.push(latency);
        units.insert(call.unit);
    }
    let mut scores = conn.prepare("SELECT avg(value) FROM prompt_scores WHERE subject = ?1")?;
    let mut all = Vec::with_capacity(groups.len());
    for (group, (mut figures, units)) in groups {
        (figures.group, figures.units) = (group, units.len() as u64);
        for unit in &units {
            figures.scores.extend(scores.query_row([unit], |row| row.get::<_, Option<f64>>(0))?);
        }
        figures.latencies.sort_unstable();
        figures.scores.sort_by(f64::total_cmp);
        all.push(figures);
    }
    Ok(all)
}

/// Whether calls of this name are in the accounts: a session, or a call by its id.
fn is_known(conn: &Connection, subject: &str) -> rusqlite::Result<bool> {
    let session = "SELECT 1 FROM attempts WHERE session = (SELECT id FROM names WHERE name = ?1) LIMIT 1";
    let call = "SELECT 1 FROM attempts WHERE lower(hex(call_id)) = ?1 LIMIT 1";
    Ok(conn.prepare(session)?.exists([subject])? || conn.prepare(call)?.exists([subject])?)
}

impl Store {
    /// What came of the calls of a prompt by version, or of an experiment by arm. Blocks.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn prompt_figures(&self, of: PromptGroup<'_>) -> Result<Vec<PromptFigures>, StoreError> {
        store::read(&self.shared, "read", |conn| figures(conn, of))
    }

    /// Keeps what somebody says of a session, or of a call by its id, in place of what they said before. `false` if no call
    /// of it is in the accounts.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn score(
        &self,
        subject: &str,
        value: f64,
        now: DateTime<Utc>,
        by: &str,
    ) -> Result<bool, StoreError> {
        // Ids of calls are written with and without hyphens.
        let is_id = subject.len() == 36 && subject.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let subject = if is_id { subject.replace('-', "").to_lowercase() } else { subject.to_owned() };
        let by = by.to_owned();
        let work = move |conn: &Connection, _: &_| {
            if !is_known(conn, &subject)? {
                return Ok(Ok(false));
            }
            conn.execute(
                "INSERT OR REPLACE INTO prompt_scores (subject, value, at, by) VALUES (?1, ?2, ?3, ?4)",
                params![subject, value, now.timestamp_millis(), by],
            )?;
            Ok(Ok::<_, StoreError>(true))
        };
        self.commit(work, |_, known| known).await?
    }
}
