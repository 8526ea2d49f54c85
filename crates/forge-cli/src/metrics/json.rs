//! Forms for programs. One thing has one name in all of them; see `docs/database.md`.

use forge::{
    Money,
    store::{Figures, Filter, SummaryRow, Timing, export},
};
use serde_json::{Map, Value, json};

/// The version of the summary; 1.0 had other names.
pub(super) const SUMMARY: &str = "2.0";
/// The version of what the other commands print.
pub(super) const DONE: &str = "1.0";

/// The document of `metrics summary`.
pub(super) fn summary(filter: &Filter, total: &Figures, rows: &[SummaryRow], simulated: bool) -> Value {
    json!({
        "version": SUMMARY,
        "simulated": simulated,
        "since": filter.since,
        "until": filter.until,
        "total": figures(total),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

/// What a command did.
pub(super) fn done(simulated: bool, facts: Value) -> Value {
    let mut object = json!({ "version": DONE, "simulated": simulated });
    if let (Value::Object(object), Value::Object(facts)) = (&mut object, facts) {
        object.extend(facts);
    }
    object
}

/// An amount under both of its names.
pub(super) fn cost(money: Money) -> Value {
    json!({ "cost_nano_usd": money.nanos(), "cost_usd": export::dollars(money) })
}

fn row(row: &SummaryRow) -> Value {
    let key = &row.key;
    let facts = [
        ("start", key.start.map(|start| json!(start))),
        ("provider", key.provider.as_ref().map(|provider| json!(provider))),
        ("model", key.model.as_ref().map(|model| json!(model))),
        ("role", key.role.as_ref().map(|role| json!(role))),
        ("status", key.status.map(|status| json!(status))),
    ];
    let facts = facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?)));
    let mut object: Map<String, Value> = facts.collect();
    if let Value::Object(figures) = figures(&row.figures) {
        object.extend(figures);
    }
    Value::Object(object)
}

fn figures(figures: &Figures) -> Value {
    let errors = figures.errors.iter().map(|(kind, attempts)| json!({ "error": kind, "attempts": attempts }));
    json!({
        "calls": figures.calls,
        "attempts": figures.attempts,
        "successes": figures.successes,
        "failures": figures.failures,
        "retries": figures.retries,
        "cancelled": figures.cancelled,
        "killed": figures.killed,
        "fallbacks": figures.fallbacks,
        "success_rate": figures.success_rate(),
        "duration_ms": timing(&figures.latency),
        "first_token_ms": timing(&figures.first_token),
        "tokens": figures.tokens,
        "unknown_tokens": figures.unknown_tokens,
        "cost_nano_usd": figures.cost.nanos(),
        "cost_usd": export::dollars(figures.cost),
        "unknown_cost": figures.unknown_cost,
        "errors": errors.collect::<Vec<_>>(),
    })
}

fn timing(timing: &Timing) -> Value {
    let [mean, p50, p95, p99] =
        [timing.mean, timing.p50, timing.p95, timing.p99].map(|time| time.map(export::millis));
    json!({ "mean": mean, "p50": p50, "p95": p95, "p99": p99 })
}
