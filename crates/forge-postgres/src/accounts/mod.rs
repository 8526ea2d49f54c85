//! Questions about the accounts, answered from the attempts themselves.

mod question;
mod sink;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::TimeDelta;
use deadpool_postgres::Object;
use forge_core::{
    ErrorKind, Money,
    storage::{
        StorageErrorKind,
        accounts::{
            AccountsError, AccountsReader, Bucket, Figures, Filter, GroupBy, Key, SummaryRow, Timing, Tokens,
            TrendPoint, UsageRecord,
        },
    },
};
use tokio_postgres::{IsolationLevel, Row};

use self::question::Question;
use crate::{error::Failure, records::row, shared::Shared, store::PostgresStore, text::unescape, time};

/// Points that a trend may have.
// Gaps are filled, so that two attempts far apart would fill the memory with empty points.
const POINTS: usize = 100_000;
/// Columns of what attempts have in common.
const KEYS: usize = 5;

/// The figures, behind the columns of the key. What was dropped or killed says nothing of how long a vendor takes.
const FIGURES: &str = "count(*), count(*) FILTER (WHERE ends), count(*) FILTER (WHERE status = 0),
    count(*) FILTER (WHERE status = 1), count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 3),
    count(*) FILTER (WHERE status = 4), count(*) FILTER (WHERE fallback),
    count(*) FILTER (WHERE unknown_tokens), count(*) FILTER (WHERE cost IS NULL),
    ARRAY[sum(input), sum(cache_read), sum(cache_write_5m), sum(cache_write_1h), sum(other_input), sum(output),
        sum(reasoning), sum(cost)]::text[],
    floor(avg(latency) FILTER (WHERE status < 3))::bigint,
    percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency) FILTER (WHERE status < 3),
    floor(avg(first_token) FILTER (WHERE status < 3))::bigint,
    percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY first_token)
        FILTER (WHERE status < 3 AND first_token IS NOT NULL)";

#[async_trait]
impl AccountsReader for PostgresStore {
    async fn summary(&self, filter: &Filter, by: &[GroupBy]) -> Result<Vec<SummaryRow>, AccountsError> {
        let (question, columns) = (Question::new(filter)?, columns(by));
        let grouped = !by.is_empty();
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            // Both questions see the same attempts.
            let reading =
                client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
            let transaction = reading.start().await?;
            let (conditions, values) = (question.conditions(), question.values());
            let group = if grouped { "GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5" } else { "" };
            let sql = format!("SELECT {columns}, {FIGURES} FROM attempts WHERE {conditions} {group}");
            let rows = transaction.query(&sql, &values).await?;
            let mut rows = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
            let sql = format!(
                "SELECT {columns}, error, count(*) FROM attempts WHERE {conditions} AND status < 3 AND error IS NOT NULL
                 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 7 DESC, 6"
            );
            for row in transaction.query(&sql, &values).await? {
                let (key, kind) = (key(&row)?, kind(row.get(KEYS))?);
                if let Some(found) = rows.iter_mut().find(|one| one.key == key) {
                    found.figures.errors.push((kind, count(&row, KEYS + 1)));
                }
            }
            Ok(rows)
        };
        Ok(self.ask("read the accounts", work).await?)
    }

    async fn trend(&self, filter: &Filter, bucket: Bucket) -> Result<Vec<TrendPoint>, AccountsError> {
        let (by, step) = match bucket {
            Bucket::Hour => (GroupBy::Hour, TimeDelta::hours(1)),
            Bucket::Day => (GroupBy::Day, TimeDelta::days(1)),
        };
        let rows = self.summary(filter, &[by]).await?;
        let mut points: Vec<TrendPoint> = Vec::new();
        for row in rows {
            let Some(start) = row.key.start else { continue };
            while let Some(next) = points.last().map(|point| point.start + step).filter(|next| *next < start)
            {
                if points.len() >= POINTS {
                    let reason = format!(
                        "the trend has more than {POINTS} points; ask for a shorter time, or for days"
                    );
                    return Err(AccountsError::Filter { reason });
                }
                points.push(TrendPoint { start: next, figures: Figures::default() });
            }
            points.push(TrendPoint { start, figures: row.figures });
        }
        Ok(points)
    }

    async fn attempts(
        &self,
        filter: &Filter,
        after: Option<&UsageRecord>,
        limit: u64,
    ) -> Result<Vec<UsageRecord>, AccountsError> {
        let mut question = Question::new(filter)?;
        if let Some(after) = after {
            question.after(after);
        }
        let work = move |_: Arc<Shared>, client: Object| async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let sql = format!(
                "SELECT record, status FROM attempts WHERE {} ORDER BY started_at, call_id, attempt LIMIT {limit}",
                question.conditions()
            );
            let rows = client.query(&sql, &question.values()).await?;
            let read = |row: &Row| {
                let mut record: UsageRecord = serde_json::from_str(row.get(0))?;
                // What the others of its call have made of it since it was written.
                record.status = row::status(row.get(1)).unwrap_or(record.status);
                Ok(record)
            };
            rows.iter().map(read).collect()
        };
        Ok(self.ask("read the attempts", work).await?)
    }
}

/// The columns of what attempts have in common; NULL where nothing was asked.
fn columns(by: &[GroupBy]) -> String {
    let has = |one: GroupBy| by.contains(&one);
    let step = if has(GroupBy::Hour) { 3_600_000 } else { 86_400_000 };
    // Down before 1970 as well, where a plain remainder is negative.
    let start = format!("started_at - (started_at % {step} + {step}) % {step}");
    let column =
        |asked: bool, sql: &str, kind: &str| if asked { sql.to_owned() } else { format!("NULL::{kind}") };
    [
        column(has(GroupBy::Hour) || has(GroupBy::Day), &start, "bigint"),
        column(has(GroupBy::Provider), "provider", "text"),
        column(has(GroupBy::Model), "model", "text"),
        column(has(GroupBy::Role), "role", "text"),
        column(has(GroupBy::Status), "status", "smallint"),
    ]
    .join(", ")
}

fn key(row: &Row) -> Result<Key, Failure> {
    let text = |at| row.get::<_, Option<&str>>(at).map(|text| unescape(text).into_owned());
    let code: Option<i16> = row.get(4);
    let damaged = |code| Failure::new(StorageErrorKind::Damaged, format!("an attempt has the status {code}"));
    Ok(Key {
        start: row.get::<_, Option<i64>>(0).map(time),
        provider: text(1).map(Into::into),
        model: text(2).map(Into::into),
        role: text(3).map(Into::into),
        status: code.map(|code| row::status(code).ok_or_else(|| damaged(code))).transpose()?,
    })
}

fn kind(name: &str) -> Result<ErrorKind, Failure> {
    Ok(serde_json::from_value(name.into())?)
}

fn count(row: &Row, at: usize) -> u64 {
    u64::try_from(row.get::<_, i64>(at)).unwrap_or(0)
}

fn summary(row: &Row) -> Result<SummaryRow, Failure> {
    let count = |at| count(row, KEYS + at);
    let sums: Vec<Option<&str>> = row.get(KEYS + 10);
    // A sum beyond every number is the largest; none at all is nothing.
    let sum = |at: usize| {
        sums.get(at).copied().flatten().map_or(0, |digits| digits.parse::<u64>().unwrap_or(u64::MAX))
    };
    let tokens = Tokens {
        input: sum(0),
        cache_read: sum(1),
        cache_write_5m: sum(2),
        cache_write_1h: sum(3),
        other_input: sum(4),
        output: sum(5),
        reasoning: sum(6),
    };
    let figures = Figures {
        attempts: count(0),
        calls: count(1),
        successes: count(2),
        failures: count(3),
        retries: count(4),
        cancelled: count(5),
        killed: count(6),
        fallbacks: count(7),
        unknown_tokens: count(8),
        unknown_cost: count(9),
        tokens,
        cost: Money::from_nanos(sum(7)),
        latency: timing(row, KEYS + 11),
        first_token: timing(row, KEYS + 13),
        errors: Vec::new(),
    };
    Ok(SummaryRow { key: key(row)?, figures })
}

/// The mean in column `at`, with the percentiles behind it.
fn timing(row: &Row, at: usize) -> Timing {
    let micros = |time: i64| Duration::from_micros(u64::try_from(time).unwrap_or(0));
    let percentiles: Vec<Option<i64>> = row.get::<_, Option<_>>(at + 1).unwrap_or_default();
    let percentile = |at: usize| percentiles.get(at).copied().flatten().map(micros);
    Timing {
        mean: row.get::<_, Option<i64>>(at).map(micros),
        p50: percentile(0),
        p95: percentile(1),
        p99: percentile(2),
    }
}
