//! Answers: which sums and attempts they come from, and how those are put together.

use std::{collections::BTreeMap, time::Duration};

use forge_core::{ModelId, Money, ParticipantRole, ProviderId};
use rusqlite::Connection;

use crate::{
    Bucket, Figures, Filter, GroupBy, Key, SummaryRow, Timing, Tokens, TrendPoint,
    cell::{Cell, Series},
    codes,
    error::StoreError,
    filter::{conditions, needs_rows, span},
    names::Names,
    row::{self, DAY, HOUR, Row, unsigned},
    store,
    store::Store,
    writer::Shared,
};

/// Points that a trend may have.
const POINTS: i64 = 100_000;

impl Store {
    /// Figures of the attempts that `filter` means, one row per combination of `by` that occurs, ordered by
    /// time, provider, model, role and status. Without `by` it is one row, also if there are no attempts.
    ///
    /// # Errors
    /// [`StoreError::Filter`] if the filter ends before it begins; otherwise when the file cannot be read.
    pub fn summary(&self, filter: &Filter, by: &[GroupBy]) -> Result<Vec<SummaryRow>, StoreError> {
        summary(&self.shared, filter, by)
    }

    /// Figures per hour or day, from the first with an attempt to the last, without gaps.
    ///
    /// # Errors
    /// As [`summary`](Self::summary); also [`StoreError::Filter`] above 100,000 points.
    pub fn trend(&self, filter: &Filter, bucket: Bucket) -> Result<Vec<TrendPoint>, StoreError> {
        trend(&self.shared, filter, bucket)
    }
}

pub(crate) fn summary(
    shared: &Shared,
    filter: &Filter,
    by: &[GroupBy],
) -> Result<Vec<SummaryRow>, StoreError> {
    let (from, to) = span(filter)?;
    store::read(shared, "read", |conn| {
        let mut names = Names::default();
        let groups = groups(conn, &mut names, filter, (from, to), by)?;
        let mut rows = Vec::with_capacity(groups.len());
        for (ids, group) in groups {
            rows.push(SummaryRow { key: key(conn, &mut names, ids)?, figures: group.figures() });
        }
        if by.is_empty() && rows.is_empty() {
            rows.push(SummaryRow { key: Key::default(), figures: Figures::default() });
        }
        let order = |id: &Key| {
            let text = |id: Option<&str>| id.map(str::to_owned);
            (
                id.start,
                text(id.provider.as_ref().map(ProviderId::as_str)),
                text(id.model.as_ref().map(ModelId::as_str)),
                text(id.role.as_ref().map(ParticipantRole::as_str)),
                id.status.map(codes::status_code),
            )
        };
        rows.sort_by_cached_key(|row| order(&row.key));
        Ok(rows)
    })
}

pub(crate) fn trend(shared: &Shared, filter: &Filter, bucket: Bucket) -> Result<Vec<TrendPoint>, StoreError> {
    let (by, step) = match bucket {
        Bucket::Hour => (GroupBy::Hour, HOUR),
        Bucket::Day => (GroupBy::Day, DAY),
    };
    let rows = summary(shared, filter, &[by])?;
    let at = |row: &SummaryRow| row.key.start.map_or(0, |start| start.timestamp_millis());
    let (Some(first), Some(last)) = (rows.first().map(at), rows.last().map(at)) else {
        return Ok(Vec::new());
    };
    // Gaps are filled, so that one stray date could ask for millions of empty points.
    if (last - first) / step >= POINTS {
        let reason = format!("the trend has more than {POINTS} points; ask for a shorter time, or for days");
        return Err(StoreError::Filter { reason });
    }
    let mut rows = rows.into_iter().peekable();
    let mut points = Vec::new();
    for start in (first..=last).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        let figures = rows.next_if(|row| at(row) == start).map(|row| row.figures).unwrap_or_default();
        points.push(TrendPoint { start: row::time(start), figures });
    }
    Ok(points)
}

/// Where the figures of a time come from: whole days and hours from their sums, the rest from the attempts.
#[derive(Debug, Default, PartialEq)]
struct Plan {
    rows: Vec<(i64, i64)>,
    hours: Vec<(i64, i64)>,
    days: Vec<(i64, i64)>,
}

impl Plan {
    fn new((from, to): (i64, i64), only_rows: bool, only_hours: bool) -> Self {
        let mut plan = Self::default();
        let inner = |step: i64, (from, to): (i64, i64)| {
            ((from + step - 1).div_euclid(step) * step, to.div_euclid(step) * step)
        };
        // Rounded inwards: the sum of an hour stands for all of it or not at all.
        let whole = inner(HOUR, (from, to));
        if only_rows || whole.0 >= whole.1 {
            plan.rows.push((from, to));
            return plan;
        }
        plan.rows = vec![(from, whole.0), (whole.1, to)];
        let days = inner(DAY, whole);
        if only_hours || days.0 >= days.1 {
            plan.hours.push(whole);
        } else {
            plan.hours = vec![(whole.0, days.0), (days.1, whole.1)];
            plan.days.push(days);
        }
        for part in [&mut plan.rows, &mut plan.hours] {
            part.retain(|(from, to)| from < to);
        }
        plan
    }
}

type Ids = [Option<i64>; 5];

#[derive(Debug, Default)]
struct Group {
    total: Cell,
    statuses: [i64; 5],
    errors: BTreeMap<i64, i64>,
}

impl Group {
    fn add(&mut self, status: i64, error: i64, attempts: i64) {
        if let Some(count) = usize::try_from(status).ok().and_then(|at| self.statuses.get_mut(at)) {
            *count += attempts;
        }
        // An attempt that was dropped or killed says nothing about its provider.
        if error != 0 && codes::has_outcome(status) {
            *self.errors.entry(error).or_default() += attempts;
        }
    }

    fn figures(&self) -> Figures {
        let (count, total) = (unsigned, &self.total);
        let [successes, failures, retries, cancelled, killed] = self.statuses.map(count);
        let [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, other_input] =
            total.tokens.map(count);
        let mut errors: Vec<_> = self
            .errors
            .iter()
            .filter_map(|(code, attempts)| Some((codes::error_kind(*code)?, count(*attempts))))
            .collect();
        errors.sort_by_key(|(_, attempts)| std::cmp::Reverse(*attempts));
        Figures {
            calls: count(total.calls),
            attempts: count(total.attempts),
            successes,
            failures,
            retries,
            cancelled,
            killed,
            fallbacks: count(total.fallbacks),
            latency: timing(&total.latency),
            first_token: timing(&total.first_token),
            tokens: Tokens {
                input,
                cache_read,
                cache_write_5m,
                cache_write_1h,
                other_input,
                output,
                reasoning,
            },
            unknown_tokens: count(total.unknown_tokens),
            cost: Money::from_nanos(count(total.cost)),
            unknown_cost: count(total.unknown_cost),
            errors,
        }
    }
}

fn timing(series: &Series) -> Timing {
    let micros = |value: i64| Duration::from_micros(unsigned(value));
    let at = |percent| series.values.percentile(percent).map(Duration::from_micros);
    let count = series.values.count();
    Timing { mean: (count > 0).then(|| micros(series.sum / count)), p50: at(50), p95: at(95), p99: at(99) }
}

fn groups(
    conn: &Connection,
    names: &mut Names,
    filter: &Filter,
    time: (i64, i64),
    by: &[GroupBy],
) -> rusqlite::Result<BTreeMap<Ids, Group>> {
    let mut groups: BTreeMap<Ids, Group> = BTreeMap::new();
    let plan = Plan::new(time, needs_rows(filter), by.contains(&GroupBy::Hour));
    let step = if by.contains(&GroupBy::Hour) { HOUR } else { DAY };
    let timed = by.contains(&GroupBy::Hour) || by.contains(&GroupBy::Day);
    let has = |one: GroupBy| by.contains(&one);
    let ids = |time: i64, provider: i64, model: i64, role: i64, status: i64| -> Ids {
        [
            timed.then(|| time.div_euclid(step) * step),
            has(GroupBy::Provider).then_some(provider),
            has(GroupBy::Model).then_some(model),
            has(GroupBy::Role).then_some(role),
            has(GroupBy::Status).then_some(status),
        ]
    };

    if let Some(conditions) = conditions(filter, conn, names, "coalesce(served, asked)")? {
        let sql = format!(
            "SELECT {} FROM attempts WHERE started_at >= ?1 AND started_at < ?2{conditions}",
            row::COLUMNS
        );
        let mut statement = conn.prepare(&sql)?;
        for part in &plan.rows {
            let mut rows = statement.query(*part)?;
            while let Some(found) = rows.next()? {
                let found = Row::read(found)?;
                let ids = ids(found.started_at, found.provider, found.model(), found.role, found.status);
                let group = groups.entry(ids).or_default();
                group.total.count(&found, 1);
                group.add(found.status, found.error, 1);
            }
        }
    }
    if !plan.hours.is_empty() || !plan.days.is_empty() {
        let Some(conditions) = conditions(filter, conn, names, "model")? else { return Ok(groups) };
        let sql = format!(
            "SELECT hour, provider, model, role, status, error, {} FROM rollups
             WHERE width = ?1 AND hour >= ?2 AND hour < ?3{conditions}",
            Cell::COLUMNS
        );
        let mut statement = conn.prepare(&sql)?;
        let parts = plan.hours.iter().map(|part| (1, part)).chain(plan.days.iter().map(|part| (24, part)));
        for (width, (from, to)) in parts {
            let mut rows = statement.query((width, from / HOUR, to / HOUR))?;
            while let Some(found) = rows.next()? {
                let (status, error) = (found.get(4)?, found.get(5)?);
                let hour: i64 = found.get(0)?;
                let ids = ids(hour * HOUR, found.get(1)?, found.get(2)?, found.get(3)?, status);
                let group = groups.entry(ids).or_default();
                let mut cell = Cell::default();
                let attempts = cell.read(found, 6)?;
                group.total.merge(if codes::has_outcome(status) { cell } else { cell.without_times() });
                group.add(status, error, attempts);
            }
        }
    }
    Ok(groups)
}

fn key(conn: &Connection, names: &mut Names, ids: Ids) -> rusqlite::Result<Key> {
    let [start, provider, model, role, status] = ids;
    let mut name = |id: Option<i64>| id.map(|id| names.name(conn, id)).transpose();
    Ok(Key {
        start: start.map(row::time),
        provider: name(provider)?.map(ProviderId::new),
        model: name(model)?.map(ModelId::new),
        role: name(role)?.map(|name| ParticipantRole::from(&*name)),
        status: status.map(codes::status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::FOREVER;

    #[test]
    fn only_the_ragged_edges_of_a_time_are_read_from_the_attempts() {
        let plan = Plan::new((HOUR / 2, 2 * DAY + 3 * HOUR + 1), false, false);
        assert_eq!(plan.rows, [(HOUR / 2, HOUR), (2 * DAY + 3 * HOUR, 2 * DAY + 3 * HOUR + 1)]);
        assert_eq!(plan.hours, [(HOUR, DAY), (2 * DAY, 2 * DAY + 3 * HOUR)]);
        assert_eq!(plan.days, [(DAY, 2 * DAY)]);

        let within = Plan::new((1, HOUR - 1), false, false);
        assert_eq!((within.rows.len(), within.hours.len(), within.days.len()), (1, 0, 0));
        let always = Plan::new((-FOREVER, FOREVER), false, false);
        assert_eq!((always.rows.len(), always.hours.len(), always.days.len()), (0, 0, 1));
        assert!(Plan::new((-FOREVER, FOREVER), false, true).days.is_empty());
    }
}
