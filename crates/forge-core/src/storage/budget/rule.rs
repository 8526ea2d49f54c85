//! Which budgets hold for a call.

use std::sync::Arc;

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use super::BudgetCap;
use crate::{id::ProviderId, participant::ParticipantRole, tags::Tags, usage::Money};

/// A budget: for which calls, for how long, and how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BudgetRule {
    /// For which calls.
    pub scope: Scope,
    /// For how long it is summed up.
    pub period: Period,
    /// The most money.
    pub money: Option<Money>,
    /// The most tokens.
    pub tokens: Option<u64>,
}

/// For which calls a budget holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// All calls together.
    All,
    /// The calls of a configured provider.
    Provider(ProviderId),
    /// The calls in a role.
    Role(ParticipantRole),
    /// The calls that have a tag.
    Tag {
        /// The tag's key.
        key: Arc<str>,
        /// The tag's value; without one, every value has a budget of its own.
        value: Option<Arc<str>>,
    },
}

/// For how long a budget is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Period {
    /// Each call by itself.
    Call,
    /// A session. Outside of one, each call by itself.
    Session,
    /// A day (UTC).
    Day,
    /// A month (UTC).
    Month,
    /// For ever.
    Ever,
}

impl BudgetRule {
    /// A budget without a cap.
    pub fn new(scope: Scope, period: Period) -> Self {
        Self { scope, period, money: None, tokens: None }
    }

    /// The same budget with a cap on money.
    pub fn with_money(mut self, money: impl Into<Option<Money>>) -> Self {
        self.money = money.into();
        self
    }

    /// The same budget with a cap on tokens.
    pub fn with_tokens(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.tokens = tokens.into();
        self
    }

    fn cap(&self, owner: &str, tags: &Tags, now: DateTime<Utc>) -> BudgetCap {
        let (period, per_call) = match (self.period, tags.session()) {
            (Period::Call, _) => ("call".to_owned(), true),
            // Under one common key, strangers would use up each other's budget.
            (Period::Session, None) => ("session".to_owned(), true),
            (Period::Session, Some(session)) => (format!("session:{session}"), false),
            // By UTC, so that machines in several time zones share one day.
            (Period::Day, _) => (format!("day:{}", now.format("%Y-%m-%d")), false),
            (Period::Month, _) => (format!("month:{}", now.format("%Y-%m")), false),
            (Period::Ever, _) => ("ever".to_owned(), false),
        };
        let cap = BudgetCap::new(format!("{owner}{period}")).with_money(self.money).with_tokens(self.tokens);
        if per_call { cap.for_each_call() } else { cap }
    }
}

impl Scope {
    /// Whether it holds for a call of `provider` in `role` with these tags.
    pub fn includes(&self, provider: &ProviderId, role: &ParticipantRole, tags: &Tags) -> bool {
        match self {
            Self::All => true,
            Self::Provider(one) => one == provider,
            Self::Role(one) => one == role,
            Self::Tag { key, value } => {
                let value_holds = |found| value.as_deref().is_none_or(|value| value == found);
                tags.get(key).is_some_and(value_holds)
            }
        }
    }

    /// What the keys of its budgets begin with; `None` if it does not hold for the call. A value that holds a `:`
    /// or a `%` is written with `%3A` and `%25`, so that no two tags share a budget.
    fn owner(&self, provider: &ProviderId, role: &ParticipantRole, tags: &Tags) -> Option<String> {
        self.includes(provider, role, tags).then(|| match self {
            Self::All => String::new(),
            Self::Provider(one) => format!("provider:{one}:"),
            Self::Role(one) => format!("role:{one}:"),
            Self::Tag { key, .. } => {
                format!("tag:{}:{}:", escaped(key), escaped(tags.get(key).unwrap_or_default()))
            }
        })
    }
}

fn escaped(text: &str) -> String {
    // The `%` first, or the one that stands for a `:` would be replaced in turn.
    text.replace('%', "%25").replace(':', "%3A")
}

/// The caps that `rules` set for a call, in the order of the rules. The same call has the same keys on every machine.
///
/// ```
/// use forge_core::{Money, storage::budget::{BudgetRule, Period, Scope, caps}, tags::Tags};
///
/// let team = Scope::Tag { key: "team".into(), value: None };
/// let rules = [BudgetRule::new(team, Period::Month).with_money(Money::from_nanos(5_000_000_000))];
/// let now = "2026-11-21T12:00:00Z".parse()?;
/// let found = caps(&rules, &"claude".into(), &"coder".into(), &Tags::default().with_team("red"), now);
/// assert_eq!(found[0].key, "tag:team:red:month:2026-11");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn caps(
    rules: &[BudgetRule],
    provider: &ProviderId,
    role: &ParticipantRole,
    tags: &Tags,
    now: DateTime<Utc>,
) -> Vec<BudgetCap> {
    let of = |rule: &BudgetRule| Some(rule.cap(&rule.scope.owner(provider, role, tags)?, tags, now));
    rules.iter().filter_map(of).collect()
}

/// When the period of the budget `key` is over, so that all of it has room again; `None` if time alone makes none.
///
/// ```
/// use forge_core::storage::budget::renewed_at;
///
/// assert_eq!(renewed_at("role:critic:day:2026-12-31"), "2027-01-01T00:00:00Z".parse().ok());
/// assert_eq!(renewed_at("session:s-1"), None);
/// ```
pub fn renewed_at(key: &str) -> Option<DateTime<Utc>> {
    // From the end, because an owner in front may hold a `:` of its own.
    let (before, value) = key.rsplit_once(':')?;
    let next = match before.rsplit(':').next()? {
        "day" => value.parse::<NaiveDate>().ok()?.checked_add_days(Days::new(1))?,
        "month" => format!("{value}-01").parse::<NaiveDate>().ok()?.checked_add_months(Months::new(1))?,
        _ => return None,
    };
    Some(next.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(rules: &[(Scope, Period)], tags: &Tags) -> Vec<(String, bool)> {
        let rules: Vec<_> =
            rules.iter().map(|(scope, period)| BudgetRule::new(scope.clone(), *period)).collect();
        let now = "2026-11-21T23:59:59Z".parse().unwrap();
        let found = caps(&rules, &"claude".into(), &ParticipantRole::Critic, tags, now);
        found.into_iter().map(|cap| (cap.key, cap.per_call)).collect()
    }

    #[test]
    fn every_period_has_a_key_of_its_own_for_every_scope_that_holds() {
        let tags = Tags::default().with_session("s-1").with_team("a:b%");
        let tag = |value: Option<&str>| Scope::Tag { key: "team".into(), value: value.map(Arc::from) };
        let rules = [
            (Scope::All, Period::Session),
            (Scope::All, Period::Day),
            (Scope::Provider("claude".into()), Period::Day),
            (Scope::Provider("gpt".into()), Period::Day),
            (Scope::Role(ParticipantRole::Critic), Period::Session),
            (Scope::Role(ParticipantRole::Drafter), Period::Session),
            (tag(None), Period::Month),
            (tag(Some("a:b%")), Period::Ever),
            (tag(Some("other")), Period::Ever),
            (Scope::All, Period::Call),
        ];
        let expected = [
            ("session:s-1", false),
            ("day:2026-11-21", false),
            ("provider:claude:day:2026-11-21", false),
            ("role:critic:session:s-1", false),
            ("tag:team:a%3Ab%25:month:2026-11", false),
            ("tag:team:a%3Ab%25:ever", false),
            ("call", true),
        ];
        assert_eq!(keys(&rules, &tags), expected.map(|(key, each)| (key.to_owned(), each)));
    }

    #[test]
    fn outside_of_a_session_its_cap_holds_for_each_call() {
        let found = keys(&[(Scope::All, Period::Session)], &Tags::default());
        assert_eq!(found, [("session".to_owned(), true)]);
    }
}
