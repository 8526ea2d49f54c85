//! Which attempts a question is about.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use forge::{ModelId, ParticipantRole, ProviderId, storage::accounts::CallStatus, store::Filter, tags::Tags};

use crate::{
    args::{MetricsFilter, MetricsStatus},
    error::CliError,
};

pub(super) fn read(args: &MetricsFilter, now: DateTime<Utc>) -> Result<Filter, CliError> {
    let edge = |text: &Option<String>| text.as_deref().map(|text| time(text, now)).transpose();
    Ok(Filter {
        providers: args.providers.iter().map(|id| ProviderId::from(id.as_str())).collect(),
        models: args.models.iter().map(|id| ModelId::from(id.as_str())).collect(),
        roles: args.roles.iter().map(|role| ParticipantRole::from(role.as_str())).collect(),
        sessions: args.sessions.clone(),
        calls: Vec::new(),
        tags: Tags::default(),
        since: edge(&args.since)?,
        until: edge(&args.until)?,
        statuses: args.statuses.iter().map(|status| status_of(*status)).collect(),
    })
}

fn status_of(status: MetricsStatus) -> CallStatus {
    match status {
        MetricsStatus::Success => CallStatus::Success,
        MetricsStatus::Failure => CallStatus::Failure,
        MetricsStatus::Retry => CallStatus::Retry,
        MetricsStatus::Cancelled => CallStatus::Cancelled,
        MetricsStatus::Killed => CallStatus::Killed,
    }
}

/// A time as a user writes it: `24h` ago, a day (UTC), or a whole timestamp.
pub(crate) fn time(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, CliError> {
    let ago = || {
        let ago = humantime::parse_duration(text).ok()?;
        now.checked_sub_signed(chrono::TimeDelta::from_std(ago).ok()?)
    };
    let day = || {
        let day: NaiveDate = text.parse().ok()?;
        Some(day.and_time(NaiveTime::MIN).and_utc())
    };
    let whole = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    // No text is two of them: a duration has units, a day no time.
    ago().or_else(day).or_else(whole).ok_or_else(|| {
        CliError::usage(
            format!("`{text}` is not a time"),
            "write how long ago (24h, 30days), a day (2026-11-21) or a whole time (2026-11-21T08:00:00Z)",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_a_while_ago_a_day_or_a_whole_timestamp() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("24h", "2026-11-20T12:00:00Z"),
            ("90m", "2026-11-21T10:30:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T02:00:00+02:00", "2026-11-01T00:00:00Z"),
        ] {
            assert_eq!(time(text, now).unwrap(), expected.parse::<DateTime<Utc>>().unwrap(), "{text}");
        }
        for text in ["", "yesterday", "24", "2026-13-01", "999999999999999years", "-1h"] {
            assert!(time(text, now).is_err(), "{text}");
        }
    }
}
