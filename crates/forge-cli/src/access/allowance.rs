//! What a key or a team may use, as it is typed and told.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use forge::{
    Money,
    storage::{
        access::{Allowance, KeyBudget},
        budget::Period,
    },
};
use serde_json::{Value, json};

use crate::{args::AllowanceArgs, error::CliError};

/// Letters of the longest pattern.
const PATTERN: usize = 200;
/// The longest life that is written as one.
const LONG: TimeDelta = TimeDelta::days(36_500);

pub(super) fn read(args: &AllowanceArgs) -> Result<Allowance, CliError> {
    let is_pattern = |text: &str| {
        !text.is_empty()
            && text.len() <= PATTERN
            && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    if let Some(wrong) = args.models.iter().find(|text| !is_pattern(text)) {
        return Err(CliError::usage(
            format!("`{wrong}` is not a pattern of models"),
            "write a name as clients ask for it, with `*` for any letters, such as `role:*` or `claude-*`",
        ));
    }
    let mut allowance = Allowance::default();
    allowance.models.clone_from(&args.models);
    let periods = [
        (Period::Day, args.per_day_usd, args.per_day_tokens),
        (Period::Month, args.per_month_usd, args.per_month_tokens),
        (Period::Ever, args.total_usd, args.total_tokens),
    ];
    for (period, money, tokens) in periods {
        let mut budget = KeyBudget::of_tokens(period, 0);
        (budget.money, budget.tokens) = (money, tokens);
        if money.is_some() || tokens.is_some() {
            allowance.budgets.push(budget);
        }
    }
    allowance.requests_per_minute = args.rpm;
    allowance.tokens_per_minute = args.tpm;
    allowance.concurrent = args.concurrent;
    Ok(allowance)
}

/// When a key is refused: after a time, from a day or a moment on, or `never`.
pub(super) fn expiry(text: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CliError> {
    if text == "never" {
        return Ok(None);
    }
    let after = || {
        let length = TimeDelta::from_std(humantime::parse_duration(text).ok()?).ok()?;
        now.checked_add_signed(length)
    };
    let day = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    let whole = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let found = after().or_else(day).or_else(whole);
    found.filter(|at| *at > now && *at - now <= LONG).map(Some).ok_or_else(|| {
        CliError::usage(
            format!("`{text}` is not a time at which a key can expire"),
            "write for how long it holds (90d, 12h), a day or a time to come (2027-03-01), or `never`",
        )
    })
}

/// A day or a moment for people.
pub(super) fn when(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

pub(super) const fn period(period: Period) -> &'static str {
    match period {
        Period::Day => "day",
        Period::Month => "month",
        Period::Ever => "total",
        Period::Session => "session",
        _ => "call",
    }
}

fn amount(budget: &KeyBudget) -> String {
    let tokens = budget.tokens.map(|tokens| format!("{tokens} tokens"));
    let parts: Vec<_> = budget.money.map(|money| money.to_string()).into_iter().chain(tokens).collect();
    let span = match budget.period {
        Period::Ever => "in all".to_owned(),
        other => format!("a {}", period(other)),
    };
    format!("{} {span}", parts.join(" and "))
}

/// The limits in words; "no limits" without any.
pub(super) fn words(allowance: &Allowance) -> String {
    let mut words: Vec<_> = allowance.budgets.iter().map(amount).collect();
    words.extend(allowance.requests_per_minute.map(|most| format!("{most} requests a minute")));
    words.extend(allowance.tokens_per_minute.map(|most| format!("{most} tokens a minute")));
    words.extend(allowance.concurrent.map(|most| format!("{most} at once")));
    if !allowance.models.is_empty() {
        words.push(format!("models {}", allowance.models.join(" ")));
    }
    words.extend(allowance.scopes.iter().map(|scope| format!("scope {}", scope.as_str())));
    if words.is_empty() { "no limits".to_owned() } else { words.join(", ") }
}

/// A limit of a budget, under the names of both of its forms.
pub(super) fn limit(budget: &KeyBudget) -> Value {
    json!({
        "period": period(budget.period),
        "limit_nano_usd": budget.money.map(Money::nanos),
        "limit_usd": budget.money.map(Money::dollars),
        "limit_tokens": budget.tokens,
    })
}

pub(super) fn to_json(allowance: &Allowance) -> Value {
    json!({
        "models": allowance.models,
        "budgets": allowance.budgets.iter().map(limit).collect::<Vec<_>>(),
        "requests_per_minute": allowance.requests_per_minute,
        "tokens_per_minute": allowance.tokens_per_minute,
        "concurrent": allowance.concurrent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_expires_later_than_now_or_never() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("90d", "2027-02-19T12:00:00Z"),
            ("90 days", "2027-02-19T12:00:00Z"),
            ("2027-03-01", "2027-03-01T00:00:00Z"),
            ("2026-11-21T14:30:00+02:00", "2026-11-21T12:30:00Z"),
        ] {
            assert_eq!(expiry(text, now).unwrap(), Some(expected.parse().unwrap()), "{text}");
        }
        assert_eq!(expiry("never", now).unwrap(), None);
        for text in ["", "0s", "90", "-1d", "2026-11-21", "1999-01-01", "101y", "999999999999y", "soon"] {
            assert!(expiry(text, now).is_err(), "{text}");
        }
    }
}
