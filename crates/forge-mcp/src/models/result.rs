//! How a council stands, and what came of it.

use forge::{
    session::{Estimate, Finding, Outcome, Plan, SessionResult, SessionSummary, Stage, State},
    storage::journal::StreamName,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What of a result is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Show {
    /// The text, the findings with their decisions, and what is not agreed on.
    #[default]
    Findings,
    /// The report for people.
    Report,
    /// All that is known.
    Full,
}

/// A council in this state, which this process may be at work on.
pub(super) fn shown(name: &StreamName, state: &State, is_running: bool, show: Show) -> Value {
    let word = match (state.stopped, is_running) {
        (Some(_), _) => "done",
        (None, true) => "running",
        (None, false) => "paused",
    };
    let mut shown = json!({"run": name.as_str(), "state": word});
    if state.plan.simulated {
        shown["simulated"] = true.into();
    }
    if word == "done" {
        extend(&mut shown, ended(name, state, show));
    } else {
        let (done, left) = stages(state);
        extend(
            &mut shown,
            json!({
                "cycle": state.cycle(),
                "done": done,
                "left": left,
                "cost_so_far_usd": SessionSummary::of(name.as_str(), state).cost.dollars(),
                "held": state.held.as_ref().map(ToString::to_string),
                "next": if is_running { "call run again to wait for it" } else { "call run to go on with it" },
            }),
        );
    }
    shown
}

/// The report of a council, which need not have ended.
pub(super) fn report(name: &StreamName, state: &State) -> String {
    SessionResult::of(name.as_str(), state).to_markdown()
}

fn ended(name: &StreamName, state: &State, show: Show) -> Value {
    let result = SessionResult::of(name.as_str(), state);
    match show {
        Show::Report => json!({"report": report(name, state)}),
        Show::Full => json!({"result": result}),
        Show::Findings => json!({
            "status": result.status,
            "notes": result.banners(),
            "text": result.document,
            "findings": result.findings.iter().map(finding).collect::<Vec<_>>(),
            "dissents": result.dissents.iter().map(|one| json!({
                "finding": one.finding, "severity": one.severity, "claim": one.claim, "raised_by": one.raised_by,
                "rejected_because": one.reason,
            })).collect::<Vec<_>>(),
            "cost_usd": result.total.cost.dollars(),
            "calls": result.total.calls,
            "calls_of_unknown_cost": result.total.unknown,
        }),
    }
}

/// Where something is wrong, who says so, and what was decided.
fn finding(finding: &Finding) -> Value {
    let issue = &finding.issue;
    let place = if issue.location.is_empty() { &issue.quote } else { &issue.location };
    let who: Vec<_> = finding.raised_by.iter().filter_map(|raised| raised.who.as_deref()).collect();
    json!({
        "id": finding.id.to_string(),
        "severity": finding.severity(),
        "place": place,
        "claim": issue.claim,
        "raised_by": who,
        "decision": finding.state.as_str(),
        "reason": finding.disposition.as_ref().map(|decided| &decided.reason),
    })
}

/// The stages of this cycle that are over, and those that are not, with how many have answered.
fn stages(state: &State) -> (Vec<String>, Vec<String>) {
    let (mut done, mut left) = (Vec::new(), Vec::new());
    let cycle = state.cycle().max(1);
    for stage in Stage::ALL {
        let calls = state
            .calls
            .iter()
            .filter(|(key, _)| key.stage == stage && (stage == Stage::Draft || key.cycle == cycle));
        let outcomes: Vec<_> = calls.map(|(_, call)| &call.outcome).collect();
        let answered = outcomes.iter().filter(|one| matches!(one, Outcome::Answered(_))).count();
        let is_over = answered > 0 && !outcomes.iter().any(|one| matches!(one, Outcome::Running));
        let is_over = is_over || stage == Stage::Draft && state.plan.draft.is_some();
        let name = stage.as_str();
        let named = if outcomes.len() > 1 {
            format!("{name} ({answered} of {})", outcomes.len())
        } else {
            name.to_owned()
        };
        if is_over { done.push(named) } else { left.push(named) }
    }
    (done, left)
}

/// What a council would take.
pub(super) fn estimate(estimate: &Estimate, plan: &Plan) -> Value {
    let who = |one: &forge::session::EstimatedCall| json!({"stage": one.stage, "provider": one.participant.provider_id, "model": one.participant.model_id});
    json!({
        "calls_of_one_cycle": estimate.calls.len(),
        "cycles": estimate.cycles,
        "low_usd": estimate.likely.money.dollars(),
        "high_usd": estimate.most.money.max(estimate.likely_all_cycles.money).dollars(),
        "cap_usd": plan.settings.caps.money.map(forge::Money::dollars),
        "all_prices_known": estimate.priced,
        "participants": estimate.calls.iter().map(who).collect::<Vec<_>>(),
        "missing": estimate.warnings,
    })
}

fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
