//! `forge prompts report` and `forge prompts score`.

use std::process::ExitCode;

use chrono::Utc;
use forge::{
    Money,
    config::ExperimentPlan,
    store::{PromptFigures, PromptGroup},
};
use serde_json::{Value, json};

use super::desk::{self, Desk};
use crate::{
    access,
    args::PromptsScore,
    error::CliError,
    layout, metrics,
    terminal::{self, note},
};

/// Units below which a comparison says nothing.
const FEW: u64 = 30;
/// How many standard errors of the normal distribution hold 95 of 100.
const Z: f64 = 1.96;

pub(super) fn report(
    desk: &Desk,
    experiments: &[ExperimentPlan],
    wanted: Option<&str>,
) -> Result<ExitCode, CliError> {
    let store = metrics::open_if_there(desk.simulated);
    let mut all = Vec::new();
    for of in groups(desk, experiments, wanted)? {
        let rows = store.as_ref().map(|store| store.prompt_figures(of)).transpose();
        let rows = rows.map_err(|error| CliError::store(&error))?.unwrap_or_default();
        if !rows.is_empty() {
            all.push((of, rows));
        }
    }
    if desk.json {
        let groups: Vec<Value> = all.iter().map(|(of, rows)| to_json(desk, *of, rows)).collect();
        terminal::json(&json!({ "simulated": desk.simulated, "groups": groups }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if all.is_empty() {
        note(desk.quiet, "no call was made with it yet");
    }
    for (of, rows) in &all {
        let (kind, name, heading) = words(*of);
        let lines: Vec<_> = rows.iter().map(|one| line(desk, *of, one)).collect();
        let headings =
            [heading, "UNITS", "CALLS", "SUCCESS", "UNREAD", "TOKENS", "COST", "P50", "P95", "SCORE", ""];
        let table = layout::table(&headings, &[1, 2, 3, 4, 5, 6, 7, 8, 9], &lines);
        terminal::out(&format!("{kind} {name}\n{table}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is meant: an experiment or a prompt of this name, or all of them.
fn groups<'a>(
    desk: &'a Desk,
    experiments: &'a [ExperimentPlan],
    wanted: Option<&'a str>,
) -> Result<Vec<PromptGroup<'a>>, CliError> {
    let Some(name) = wanted else {
        let all = experiments.iter().map(|one| PromptGroup::Experiment(&one.name));
        return Ok(all.chain(desk.set.iter().map(|one| PromptGroup::Prompt(&one.name))).collect());
    };
    if experiments.iter().any(|one| one.name == name) {
        return Ok(vec![PromptGroup::Experiment(name)]);
    }
    // One that is over, or whose file is gone, has figures all the same.
    let is_kept = desk.versions.iter().any(|one| *one.prompt.name == *name);
    if is_kept || desk.set.get(name).is_some() {
        return Ok(vec![PromptGroup::Prompt(name)]);
    }
    let store = metrics::open_if_there(desk.simulated);
    let of = PromptGroup::Experiment(name);
    match store.map(|store| store.prompt_figures(of)) {
        Some(Ok(figures)) if !figures.is_empty() => Ok(vec![of]),
        _ => Err(desk::unknown(name, &desk.set)),
    }
}

/// What it is, its name, and what its rows are.
fn words(of: PromptGroup<'_>) -> (&'static str, &str, &'static str) {
    match of {
        PromptGroup::Experiment(name) => ("experiment", name, "arm"),
        PromptGroup::Prompt(name) => ("prompt", name, "version"),
        _ => ("", "", ""),
    }
}

/// A version by its number, an arm by its name.
fn group(desk: &Desk, of: PromptGroup<'_>, one: &PromptFigures) -> String {
    let PromptGroup::Prompt(name) = of else { return one.group.clone() };
    let known =
        desk.versions.iter().find(|known| *known.prompt.name == *name && *known.prompt.hash == *one.group);
    known.map_or_else(|| one.group.clone(), |known| known.number.to_string())
}

fn line(desk: &Desk, of: PromptGroup<'_>, one: &PromptFigures) -> Vec<String> {
    let seconds = |percent| {
        let micros = one.latency(percent).unwrap_or_default();
        format!("{:.1} s", micros as f64 / 1e6)
    };
    let share = one.successes as f64 / one.calls.max(1) as f64 * 100.0;
    let score = mean(&one.scores).map_or_else(String::new, |(mean, within)| match within {
        Some(within) => format!("{mean:.2} \u{b1} {within:.2}"),
        None => format!("{mean:.2}"),
    });
    vec![
        group(desk, of, one),
        one.units.to_string(),
        one.calls.to_string(),
        format!("{share:.0} %"),
        one.malformed.to_string(),
        (one.input_tokens.saturating_add(one.output_tokens)).to_string(),
        Money::from_nanos(one.cost.nanos()).to_string(),
        seconds(50),
        seconds(95),
        score,
        if one.units < FEW { "too few".to_owned() } else { String::new() },
    ]
}

fn to_json(desk: &Desk, of: PromptGroup<'_>, rows: &[PromptFigures]) -> Value {
    let row = |one: &PromptFigures| {
        let millis = |percent| one.latency(percent).map(|micros| micros / 1_000);
        let score = mean(&one.scores);
        let (low, high) = interval(one.successes, one.calls);
        let object = json!({
            "group": group(desk, of, one), "units": one.units, "calls": one.calls, "successes": one.successes,
            "success_from": low, "success_to": high, "unreadable": one.malformed,
            "input_tokens": one.input_tokens, "output_tokens": one.output_tokens,
            "p50_ms": millis(50), "p95_ms": millis(95), "scores": one.scores.len(),
            "score": score.map(|(mean, _)| mean), "score_within": score.and_then(|(_, within)| within),
            "too_few": one.units < FEW,
        });
        terminal::with_cost(object, Some(one.cost))
    };
    let (kind, name, _) = words(of);
    json!({ "kind": kind, "name": name, "rows": rows.iter().map(row).collect::<Vec<_>>() })
}

/// The mean, and how far from it the true one lies in 95 of 100 cases; unknown of a single value.
fn mean(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let within = (values.len() > 1).then(|| Z * (squares / (count - 1.0) / count).sqrt());
    (!values.is_empty()).then_some((mean, within))
}

/// Between which shares the true one lies in 95 of 100 cases (Wilson's interval, which holds for few calls as well).
fn interval(successes: u64, calls: u64) -> (f64, f64) {
    if calls == 0 {
        return (0.0, 1.0);
    }
    let (share, count) = (successes as f64 / calls as f64, calls as f64);
    let (centre, scale) = (share + Z * Z / (2.0 * count), 1.0 + Z * Z / count);
    let within = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    (((centre - within) / scale).max(0.0), ((centre + within) / scale).min(1.0))
}

pub(super) async fn score(args: &PromptsScore, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let (subject, value) = (args.subject.as_str(), args.value);
    if !value.is_finite() {
        return Err(CliError::usage("a score is a number", "write for example `1`, `0` or `0.8`"));
    }
    let store = metrics::open(args.store.offline)?;
    let known = store.score(subject, value, Utc::now(), &access::by()).await;
    if !known.map_err(|error| CliError::store(&error))? {
        return Err(CliError::usage(
            format!("no call of `{}` is in the accounts", layout::cut(subject, 64)),
            "name a session of `forge sessions list`, or a call by its id",
        ));
    }
    if as_json {
        let object = json!({ "simulated": args.store.offline, "subject": subject, "score": value });
        terminal::json(&object)?;
    }
    note(quiet, &format!("{subject} has the score {value}"));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_books() {
        // 81 of 100, by Wilson: 0.7222 to 0.8749 (NIST handbook, 7.2.4.1 has the formula).
        let (low, high) = interval(81, 100);
        assert!((low - 0.7222).abs() < 1e-3 && (high - 0.8749).abs() < 1e-3, "{low} {high}");
        assert_eq!(interval(0, 0), (0.0, 1.0));
        let (low, high) = interval(10, 10);
        assert!((0.72..0.73).contains(&low) && high > 0.999, "{low} {high}");
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[2.0]), Some((2.0, None)));
        let (mean, within) = mean(&[1.0, 3.0]).unwrap();
        assert!((mean - 2.0).abs() < 1e-9 && (within.unwrap() - 1.96).abs() < 1e-9);
    }
}
