//! What calls took, and how providers do. Nothing is changed.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use forge::{
    router::{RolePlan, Target},
    storage::accounts::{AccountsReader, Figures, Filter, GroupBy, SummaryRow, Timing},
};
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ModelMcpServer;
use crate::{call::Call, failure::Failure, tool::arguments};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageArguments {
    since: Option<String>,
    by: Option<By>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Model,
    Provider,
    Role,
}

impl ModelMcpServer {
    pub(super) async fn usage(&self, given: Option<JsonObject>, call: &Call) -> Result<Value, Failure> {
        let UsageArguments { since, by } = arguments(given)?;
        let since = since.as_deref().map(|text| time(text, call.timer.now())).transpose()?;
        let mut filter = Filter { since, ..Filter::default() };
        // A key sees its own calls and nobody else's.
        if let Some(key) = call.caller.tags.key() {
            filter.tags = filter.tags.with_key(key);
        }
        let by = by.unwrap_or(By::Model);
        let group = match by {
            By::Model => GroupBy::Model,
            By::Provider => GroupBy::Provider,
            By::Role => GroupBy::Role,
        };
        let mut shown = json!({"since": filter.since, "simulated": self.system.is_simulated()});
        match self.system.store() {
            None => shown["recorded"] = false.into(),
            Some(store) => {
                let reader: &dyn AccountsReader = &**store;
                let unreadable = |error: forge::storage::accounts::AccountsError| {
                    Failure::new(
                        "unreadable",
                        error.to_string(),
                        "ask again in a minute; `forge doctor` looks at the accounts",
                    )
                };
                let rows = reader.summary(&filter, &[group]).await.map_err(unreadable)?;
                let total = reader.summary(&filter, &[]).await.map_err(unreadable)?;
                shown["total"] = total.first().map(|row| figures(&row.figures)).into();
                shown["rows"] = rows.iter().map(row).collect();
            }
        }
        if by == By::Provider {
            shown["providers"] = self.providers();
            shown["pools"] = self.pools();
            shown["roles"] = self.roles();
        }
        Ok(shown)
    }

    /// How each provider does, as far as its calls have shown. Nobody is asked.
    fn providers(&self) -> Value {
        let (router, now) = (self.system.router(), self.timer().now());
        let shown = |one: forge::router::RouteStatus| {
            let limits = router.adapter(&one.provider).map(|adapter| adapter.rate_limit_status());
            let limits = limits.filter(|limits| !limits.is_unknown());
            json!({
                "provider": one.provider,
                "model": one.model,
                "health": one.health,
                "circuit_open_for_s": one.open_for.map(|left| left.as_secs()),
                "in_flight": one.in_flight,
                "is_limited": limits.as_ref().map(|limits| limits.is_limited(now)),
                "limits": limits,
            })
        };
        router.routes().into_iter().map(shown).collect()
    }

    fn pools(&self) -> Value {
        let plan = self.system.router().plan();
        let pools = plan.pools.iter().map(|pool| {
            let members: Vec<_> = pool.members.iter().map(|member| name(&plan, member.target)).collect();
            json!({"pool": pool.id, "strategy": format!("{:?}", pool.strategy).to_lowercase(), "members": members})
        });
        pools.collect()
    }

    /// In which order the roles of the configuration are asked.
    fn roles(&self) -> Value {
        let plan = self.system.router().plan();
        let order = |role: &RolePlan| -> Vec<String> {
            role.primary
                .iter()
                .chain(&role.fallback)
                .chain(&plan.default)
                .map(|one| name(&plan, *one))
                .collect()
        };
        let roles = plan.roles.iter().map(|(role, chain)| (role.as_str().to_owned(), json!(order(chain))));
        let mut roles: Map<String, Value> = roles.collect();
        roles.insert("default".into(), json!(plan.default.map(|one| name(&plan, one))));
        roles.into()
    }
}

fn name(plan: &forge::router::RouterPlan, target: Target) -> String {
    let id = match target {
        Target::Provider(at) => plan.providers.get(at).map(|one| &one.id),
        Target::Pool(at) => plan.pools.get(at).map(|one| &one.id),
    };
    id.map(ToString::to_string).unwrap_or_default()
}

/// `24h`, `7d`, a date or a time.
fn time(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    let back = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: i64 = number.parse().ok()?;
        let back = match unit {
            "m" => Duration::try_minutes(number),
            "h" => Duration::try_hours(number),
            "d" => Duration::try_days(number),
            "w" => Duration::try_weeks(number),
            _ => None,
        };
        now.checked_sub_signed(back.filter(|back| *back >= Duration::zero())?)
    };
    let date = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc());
    let found = back().or_else(date).or_else(|| text.parse().ok());
    found.ok_or_else(|| Failure::arguments(format!("`{text}` is no time: write `24h`, `7d` or `2026-11-30`")))
}

fn row(row: &SummaryRow) -> Value {
    let mut object = json!({});
    if let (Value::Object(object), Value::Object(key), Value::Object(figures)) =
        (&mut object, json!(row.key), figures(&row.figures))
    {
        object.extend(key.into_iter().chain(figures));
    }
    object
}

fn figures(figures: &Figures) -> Value {
    let last = figures.errors.first().map(|(kind, attempts)| json!({"error": kind, "attempts": attempts}));
    json!({
        "calls": figures.calls,
        "success_rate": figures.success_rate(),
        "fallbacks": figures.fallbacks,
        "retries": figures.retries,
        "latency_ms": timing(&figures.latency),
        "first_token_ms": timing(&figures.first_token),
        "tokens": figures.tokens,
        "calls_of_unknown_tokens": figures.unknown_tokens,
        "cost_usd": figures.cost.dollars(),
        "calls_of_unknown_cost": figures.unknown_cost,
        "most_frequent_error": last,
    })
}

fn timing(timing: &Timing) -> Value {
    let millis = |time: Option<std::time::Duration>| {
        time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    };
    json!({"p50": millis(timing.p50), "p95": millis(timing.p95), "p99": millis(timing.p99)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_so_long_ago_or_a_date() {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let read = |text| time(text, now).ok().map(|time| time.to_rfc3339());
        for (text, expected) in [
            ("24h", Some("2026-11-29T12:00:00+00:00")),
            ("1w", Some("2026-11-23T12:00:00+00:00")),
            ("2026-11-01", Some("2026-11-01T00:00:00+00:00")),
            ("2026-11-01T01:02:03Z", Some("2026-11-01T01:02:03+00:00")),
            ("", None),
            ("-1d", None),
            ("9999999999999999d", None),
            ("é", None),
            ("yesterday", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
