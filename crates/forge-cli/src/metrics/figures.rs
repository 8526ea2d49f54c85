//! Figures in words, for the terminal and for the page.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use forge::store::{Bucket, Figures, Filter, GroupBy, Store, SummaryRow, TrendPoint};

/// Trends of a shorter time are shown by the hour.
const HOURLY: TimeDelta = TimeDelta::days(3);

/// Figures by the hour for a short time, else by the day.
pub(super) fn trend(
    store: &Store,
    filter: &Filter,
    now: DateTime<Utc>,
) -> Result<(Bucket, Vec<TrendPoint>), forge::store::StoreError> {
    let days = store.trend(filter, Bucket::Day)?;
    // Without a beginning in the question, the first day that has calls.
    let begin = filter.since.or_else(|| days.first().map(|point| point.start));
    let end = filter.until.unwrap_or(now);
    if begin.is_none_or(|begin| end - begin > HOURLY) {
        return Ok((Bucket::Day, days));
    }
    Ok((Bucket::Hour, store.trend(filter, Bucket::Hour)?))
}

/// What the row's attempts have in common, in the order of the question.
pub(super) fn names(row: &SummaryRow, by: &[GroupBy]) -> Vec<String> {
    let key = &row.key;
    let name = |by: &GroupBy| match by {
        GroupBy::Provider => key.provider.as_ref().map(ToString::to_string),
        GroupBy::Model => key.model.as_ref().map(ToString::to_string),
        GroupBy::Role => key.role.as_ref().map(ToString::to_string),
        GroupBy::Day => key.start.map(|start| start.format("%F").to_string()),
        GroupBy::Hour => key.start.map(|start| start.format("%F %Hh").to_string()),
        GroupBy::Status => key.status.map(|status| status.as_str().to_owned()),
    };
    by.iter().map(|by| name(by).unwrap_or_default()).collect()
}

pub(super) fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "-".into(), |share| format!("{:.1} %", share * 100.0))
}

/// A sum that leaves something out says so.
pub(super) fn cost(figures: &Figures) -> String {
    let more = if figures.unknown_cost > 0 { "+?" } else { "" };
    format!("${:.4}{more}", figures.cost.dollars())
}

pub(super) fn time(time: Option<Duration>) -> String {
    time.map_or_else(
        || "-".into(),
        |time| match time.as_secs_f64() {
            short if short < 1.0 => format!("{:.0} ms", short * 1e3),
            long => format!("{long:.1} s"),
        },
    )
}
