//! Accounts in memory.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Mutex,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::lock;
use crate::{
    error_kind::ErrorKind,
    id::{CallId, ModelId},
    storage::{
        StorageError,
        accounts::{
            AccountsError, AccountsReader, Bucket, CallStatus, Figures, Filter, GroupBy, Key, SummaryRow,
            Timing, Tokens, TrendPoint, UsageRecord, UsageSink,
        },
    },
    usage::Money,
};

/// Points that a trend may have.
// Gaps are filled, so that two attempts far apart would fill the memory with empty points.
const POINTS: usize = 100_000;

/// Accounts that end with the process. Their percentiles are exact.
#[derive(Debug, Default)]
pub struct MemoryAccounts(Mutex<BTreeMap<Id, UsageRecord>>);

type Id = (CallId, u32);

/// An attempt in the light of the others of its call.
#[derive(Debug)]
struct Attempt {
    record: UsageRecord,
    /// Whether the call ended with it.
    ends: bool,
    /// Whether it is the answer, and another provider was tried first.
    fallback: bool,
}

impl MemoryAccounts {
    /// The attempts that `filter` means, in the order of time, call and attempt.
    fn select(&self, filter: &Filter) -> Result<Vec<Attempt>, AccountsError> {
        // An empty answer would read as a time in which nobody called.
        if filter.since.zip(filter.until).is_some_and(|(since, until)| since > until) {
            let reason = "the filter ends before it begins; swap `since` and `until`".to_owned();
            return Err(AccountsError::Filter { reason });
        }
        let records = lock(&self.0);
        let mut calls: BTreeMap<CallId, Vec<&UsageRecord>> = BTreeMap::new();
        for ((call, _), record) in &*records {
            calls.entry(*call).or_default().push(record);
        }
        // Before the filter: where a call ended shows only beside all of its attempts.
        let mut found: Vec<_> = calls.values().flat_map(|call| agreed(call)).collect();
        found.retain(|one| means(filter, &one.record));
        found.sort_by_key(|one| place(&one.record));
        Ok(found)
    }
}

fn place(record: &UsageRecord) -> (DateTime<Utc>, CallId, u32) {
    (record.started_at, record.call_id, record.attempt)
}

/// The attempts of a call as they are in the light of each other: one that failed before another is a retry; the
/// call ends with its success, else with its last attempt; and it fell back if its success is not at the provider
/// that was tried first.
fn agreed(call: &[&UsageRecord]) -> Vec<Attempt> {
    let last = call.last().map_or(0, |one| one.attempt);
    let success = call.iter().find(|one| one.status == CallStatus::Success);
    // With a hedge, the attempt that succeeds need not be the last one.
    let end = success.map_or(last, |one| one.attempt);
    let attempt = |one: &&UsageRecord| {
        let mut record = (*one).clone();
        if record.status == CallStatus::Failure && record.attempt < last {
            record.status = CallStatus::Retry;
        }
        let moved = call.first().is_some_and(|first| first.provider != one.provider);
        Attempt { ends: one.attempt == end, fallback: moved && one.status == CallStatus::Success, record }
    };
    call.iter().map(attempt).collect()
}

fn model(record: &UsageRecord) -> &ModelId {
    record.model_served.as_ref().unwrap_or(&record.model_asked)
}

fn means(filter: &Filter, record: &UsageRecord) -> bool {
    fn any<T: PartialEq>(wanted: &[T], found: &T) -> bool {
        wanted.is_empty() || wanted.contains(found)
    }
    let session = record.tags.session();
    any(&filter.providers, &record.provider)
        && any(&filter.models, model(record))
        && any(&filter.roles, &record.role)
        && any(&filter.statuses, &record.status)
        && any(&filter.calls, &record.call_id)
        && (filter.sessions.is_empty() || filter.sessions.iter().any(|one| Some(&**one) == session))
        && filter.tags.iter().all(|(key, value)| record.tags.get(key) == Some(value))
        && filter.since.is_none_or(|since| record.started_at >= since)
        // Without its end, so that two times side by side count no attempt twice.
        && filter.until.is_none_or(|until| record.started_at < until)
}

#[async_trait]
impl UsageSink for MemoryAccounts {
    fn record(&self, record: UsageRecord) {
        // A record that comes twice counts once.
        if let Entry::Vacant(free) = lock(&self.0).entry((record.call_id, record.attempt)) {
            free.insert(record);
        }
    }

    async fn flush(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

#[async_trait]
impl AccountsReader for MemoryAccounts {
    async fn summary(&self, filter: &Filter, by: &[GroupBy]) -> Result<Vec<SummaryRow>, AccountsError> {
        let mut groups: BTreeMap<Order, (Key, Vec<Attempt>)> = BTreeMap::new();
        for attempt in self.select(filter)? {
            let key = key(&attempt.record, by);
            groups.entry(order(&key)).or_insert_with(|| (key, Vec::new())).1.push(attempt);
        }
        if by.is_empty() && groups.is_empty() {
            groups.entry(order(&Key::default())).or_default();
        }
        let row = |(key, attempts): (Key, Vec<Attempt>)| SummaryRow { key, figures: figures(&attempts) };
        Ok(groups.into_values().map(row).collect())
    }

    async fn trend(&self, filter: &Filter, bucket: Bucket) -> Result<Vec<TrendPoint>, AccountsError> {
        let (by, step) = match bucket {
            Bucket::Hour => (GroupBy::Hour, TimeDelta::hours(1)),
            Bucket::Day => (GroupBy::Day, TimeDelta::days(1)),
        };
        let rows = self.summary(filter, &[by]).await?;
        let mut rows = rows.into_iter().filter_map(|row| Some((row.key.start?, row.figures))).peekable();
        let Some((mut start, _)) = rows.peek().cloned() else { return Ok(Vec::new()) };
        let mut points = Vec::new();
        while rows.peek().is_some() {
            if points.len() >= POINTS {
                let reason =
                    format!("the trend has more than {POINTS} points; ask for a shorter time, or for days");
                return Err(AccountsError::Filter { reason });
            }
            let figures = rows.next_if(|(time, _)| *time == start).map(|(_, figures)| figures);
            points.push(TrendPoint { start, figures: figures.unwrap_or_default() });
            start += step;
        }
        Ok(points)
    }

    async fn attempts(
        &self,
        filter: &Filter,
        after: Option<&UsageRecord>,
        limit: u64,
    ) -> Result<Vec<UsageRecord>, AccountsError> {
        let found = self.select(filter)?.into_iter().map(|one| one.record);
        let rest = found.filter(|one| after.is_none_or(|after| place(one) > place(after)));
        Ok(rest.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }
}

type Order = (Option<DateTime<Utc>>, [Option<String>; 3], Option<u8>);

fn order(key: &Key) -> Order {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let names = [
        text(key.provider.as_ref().map(AsRef::as_ref)),
        text(key.model.as_ref().map(AsRef::as_ref)),
        text(key.role.as_ref().map(crate::participant::ParticipantRole::as_str)),
    ];
    (key.start, names, key.status.map(|status| status as u8))
}

fn key(record: &UsageRecord, by: &[GroupBy]) -> Key {
    let has = |one: GroupBy| by.contains(&one);
    let step = if has(GroupBy::Hour) { 3_600 } else { 86_400 };
    let start = || {
        let seconds = record.started_at.timestamp();
        // Down before 1970 as well, where a plain division would round up.
        DateTime::from_timestamp(seconds.div_euclid(step) * step, 0).unwrap_or_default()
    };
    Key {
        start: (has(GroupBy::Hour) || has(GroupBy::Day)).then(start),
        provider: has(GroupBy::Provider).then(|| record.provider.clone()),
        model: has(GroupBy::Model).then(|| model(record).clone()),
        role: has(GroupBy::Role).then(|| record.role.clone()),
        status: has(GroupBy::Status).then_some(record.status),
    }
}

fn figures(attempts: &[Attempt]) -> Figures {
    let count = |of: &dyn Fn(&Attempt) -> bool| attempts.iter().filter(|one| of(one)).count() as u64;
    let status = |status: CallStatus| count(&|one| one.record.status == status);
    let mut kinds: BTreeMap<&str, (ErrorKind, u64)> = BTreeMap::new();
    // What was dropped or killed says nothing of how long a vendor takes, nor how often it fails.
    let ended = || attempts.iter().filter(|one| one.record.status.has_outcome()).map(|one| &one.record);
    for kind in ended().filter_map(|record| record.error) {
        kinds.entry(kind.as_str()).or_insert((kind, 0)).1 += 1;
    }
    let mut errors: Vec<_> = kinds.into_values().collect();
    // Stable, so that kinds of the same number stay in the order of their names.
    errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Figures {
        calls: count(&|one| one.ends),
        attempts: attempts.len() as u64,
        successes: status(CallStatus::Success),
        failures: status(CallStatus::Failure),
        retries: status(CallStatus::Retry),
        cancelled: status(CallStatus::Cancelled),
        killed: status(CallStatus::Killed),
        fallbacks: count(&|one| one.fallback),
        latency: timing(ended().map(|record| record.latency)),
        first_token: timing(ended().filter_map(|record| record.first_token)),
        tokens: tokens(attempts),
        // Unknown is not zero: beside each sum stands how many attempts it does not know.
        unknown_tokens: count(&|one| one.record.tokens.is_unknown()),
        cost: attempts.iter().filter_map(|one| one.record.cost).sum::<Money>(),
        unknown_cost: count(&|one| one.record.cost.is_none()),
        errors,
    }
}

fn tokens(attempts: &[Attempt]) -> Tokens {
    let mut sum = Tokens::default();
    for one in attempts.iter().map(|one| &one.record.tokens) {
        for (sum, class) in [
            (&mut sum.input, one.input),
            (&mut sum.cache_read, one.cache_read),
            (&mut sum.cache_write_5m, one.cache_write_5m),
            (&mut sum.cache_write_1h, one.cache_write_1h),
            (&mut sum.other_input, one.other_input),
            (&mut sum.output, one.output),
            (&mut sum.reasoning, one.reasoning),
        ] {
            // Counts are the vendors' own, and an absurd one must not break the sum.
            *sum = sum.saturating_add(class.unwrap_or(0));
        }
    }
    sum
}

fn timing(times: impl Iterator<Item = Duration>) -> Timing {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
    // The nearest rank: a percentile is a time that was measured, and never one between two.
    let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).checked_sub(1)?).copied();
    let mean = times.iter().sum::<Duration>().checked_div(count);
    Timing { mean, p50: at(50), p95: at(95), p99: at(99) }
}
