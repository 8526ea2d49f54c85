//! Sums over attempts, as kept for every hour and day.

use rusqlite::{ToSql, types::ValueRef};

use crate::{codes, histogram::Histogram, row::Row};

/// Sums over the attempts of one hour or day, provider, model, role, status and error; or over more. While
/// they are collected they may also be differences. A sum that does not fit stays at the maximum.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Cell {
    pub(crate) attempts: i64,
    pub(crate) calls: i64,
    pub(crate) fallbacks: i64,
    pub(crate) tokens: [i64; 7],
    pub(crate) unknown_tokens: i64,
    pub(crate) cost: i64,
    pub(crate) unknown_cost: i64,
    pub(crate) latency: Series,
    pub(crate) first_token: Series,
}

/// Microseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Series {
    pub(crate) sum: i64,
    pub(crate) values: Histogram,
}

impl Series {
    fn count(&mut self, value: i64, sign: i64) {
        self.sum = self.sum.saturating_add(sign * value);
        self.values.add(u64::try_from(value).unwrap_or(0), sign);
    }

    fn read(&mut self, sum: i64, values: ValueRef<'_>) {
        self.sum = self.sum.saturating_add(sum);
        let values = values.as_blob().unwrap_or_default();
        self.values.merge(&Histogram::from_bytes(values));
    }
}

impl Cell {
    pub(crate) const COLUMNS: &str = "attempts, calls, fallbacks, input, cache_read, cache_write_5m, \
        cache_write_1h, output, reasoning, other_input, unknown_tokens, cost, unknown_cost, latency_sum, latency, \
        first_token_sum, first_token";

    /// Counts an attempt in (`sign` 1) or out (-1).
    pub(crate) fn count(&mut self, row: &Row, sign: i64) {
        let add = |sum: &mut i64, value: i64| *sum = sum.saturating_add(sign * value);
        add(&mut self.attempts, 1);
        add(&mut self.calls, i64::from(row.ends));
        add(&mut self.fallbacks, i64::from(row.fallback));
        for (sum, tokens) in self.tokens.iter_mut().zip(row.tokens) {
            add(sum, tokens.unwrap_or(0));
        }
        add(&mut self.unknown_tokens, i64::from(row.tokens == [None; 7]));
        add(&mut self.cost, row.cost.unwrap_or(0));
        add(&mut self.unknown_cost, i64::from(row.cost.is_none()));
        if !codes::has_outcome(row.status) {
            return;
        }
        self.latency.count(row.latency, sign);
        if let Some(first) = row.first_token {
            self.first_token.count(first, sign);
        }
    }

    /// The same sums without times, which attempts without an outcome do not have.
    pub(crate) fn without_times(self) -> Self {
        Self { latency: Series::default(), first_token: Series::default(), ..self }
    }

    /// Adds the sums that stand in [`COLUMNS`](Self::COLUMNS) from the column `at` on; returns their
    /// attempts.
    pub(crate) fn read(&mut self, row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<i64> {
        let attempts = row.get(at)?;
        let [latency, first_token] = [13, 15].map(|series| at + series);
        for (column, sum) in (at..).zip(self.sums()) {
            *sum = sum.saturating_add(row.get(column)?);
        }
        self.latency.read(row.get(latency)?, row.get_ref(latency + 1)?);
        self.first_token.read(row.get(first_token)?, row.get_ref(first_token + 1)?);
        Ok(attempts)
    }

    /// The values of [`COLUMNS`](Self::COLUMNS).
    pub(crate) fn values(&self) -> Vec<Box<dyn ToSql>> {
        let mut copy = self.clone();
        let mut values: Vec<Box<dyn ToSql>> = Vec::with_capacity(17);
        values.extend(copy.sums().map(|sum| Box::new(*sum) as Box<dyn ToSql>));
        for series in [&self.latency, &self.first_token] {
            values.push(Box::new(series.sum));
            values.push(Box::new(series.values.to_bytes()));
        }
        values
    }

    fn sums(&mut self) -> [&mut i64; 13] {
        let [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, other_input] =
            &mut self.tokens;
        [
            &mut self.attempts,
            &mut self.calls,
            &mut self.fallbacks,
            input,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            output,
            reasoning,
            other_input,
            &mut self.unknown_tokens,
            &mut self.cost,
            &mut self.unknown_cost,
        ]
    }

    pub(crate) fn merge(&mut self, mut other: Self) {
        for (sum, more) in self.sums().into_iter().zip(other.sums()) {
            *sum = sum.saturating_add(*more);
        }
        for (series, more) in
            [(&mut self.latency, &other.latency), (&mut self.first_token, &other.first_token)]
        {
            series.sum = series.sum.saturating_add(more.sum);
            series.values.merge(&more.values);
        }
    }
}
