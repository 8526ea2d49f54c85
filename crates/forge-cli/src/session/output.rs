//! What comes out of a session: its result, or the plan of one that is not run.

use std::{process::ExitCode, time::Duration};

use forge::session::{DocumentLabel, Estimate, Plan, SessionResult, SessionStatus, Stop};

use crate::{
    args::{Accept, Going, ResultFormat},
    error::CliError,
    files,
    show::{self, note},
};

/// The session ended with less than it was to give.
const DEGRADED: u8 = 5;

pub(super) fn exit_code(result: &SessionResult, accept: Option<Accept>) -> ExitCode {
    match (result.status, result.label, result.stop_reason) {
        (SessionStatus::Converged | SessionStatus::Settled, ..) => ExitCode::SUCCESS,
        (SessionStatus::Paused, ..) | (_, _, Some(Stop::Budget)) => 4.into(),
        (_, DocumentLabel::Nothing, Some(Stop::NoDraft)) => 3.into(),
        (_, DocumentLabel::Nothing, _) => ExitCode::FAILURE,
        _ if result.is_degraded() && accept != Some(Accept::Degraded) => DEGRADED.into(),
        _ => ExitCode::SUCCESS,
    }
}

pub(super) fn deliver(result: &SessionResult, going: &Going, quiet: bool) -> Result<(), CliError> {
    if let Some(path) = &going.output {
        let format = match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => ResultFormat::Json,
            Some("html" | "htm") => ResultFormat::Html,
            _ => ResultFormat::Md,
        };
        // What is there may be a good result; one without a document is never better.
        if result.label == DocumentLabel::Nothing && path.exists() {
            note(false, &format!("{} stays as it was: there is no document", path.display()));
        } else {
            files::write(path, &rendered(result, format), quiet)?;
        }
    }
    let shown = match (going.json, going.jsonl, &going.output) {
        (true, ..) => show::out(&format!("{}\n", result.to_json())),
        (_, true, _) | (.., Some(_)) => Ok(()),
        _ => show::out(&result.to_markdown()),
    };
    shown?;
    note(quiet, &result.first_line());
    let total = result.total;
    let unknown = if total.unknown > 0 { " and more of unknown cost" } else { "" };
    note(
        quiet,
        &format!(
            "{} calls, {} tokens in, {} out, {}{unknown}, {:.1} s",
            total.calls,
            total.input,
            total.output,
            total.cost,
            Duration::from_millis(result.wall_ms).as_secs_f64()
        ),
    );
    Ok(())
}

pub(super) fn rendered(result: &SessionResult, format: ResultFormat) -> String {
    match format {
        ResultFormat::Md => result.to_markdown(),
        ResultFormat::Json => format!("{}\n", result.to_json()),
        ResultFormat::Html => result.to_html(),
    }
}

pub(super) fn dry(plan: &Plan, estimate: &Estimate, as_json: bool) -> Result<ExitCode, CliError> {
    if as_json {
        let object = serde_json::json!({
            "schema_version": "1.0",
            "simulated": plan.simulated,
            "settings": plan.settings,
            "notes": plan.notes,
            "estimate": estimate,
        });
        show::json(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let cells = |stage: String, who: String, likely: forge::Amount, most: forge::Amount| {
        let dollars = |amount: forge::Amount| format!("${:.4}", amount.money.dollars());
        vec![stage, who, likely.tokens.to_string(), dollars(likely), most.tokens.to_string(), dollars(most)]
    };
    let mut rows: Vec<_> = estimate
        .calls
        .iter()
        .map(|call| {
            let who = format!("{}/{}", call.participant.provider_id, call.participant.model);
            cells(call.stage.to_string(), who, call.likely, call.most)
        })
        .collect();
    rows.push(cells("one cycle".into(), String::new(), estimate.likely, estimate.most));
    let headings = ["STAGE", "PARTICIPANT", "TOKENS", "COST", "AT MOST", "COST AT MOST"];
    let mut text = show::table(&headings, &[2, 3, 4, 5], &rows);
    let all = estimate.likely_all_cycles;
    let cycles = estimate.cycles;
    let likely = format!("{} tokens, ${:.4}", all.tokens, all.money.dollars());
    text = format!("{text}likely, if all {cycles} cycles are needed: {likely}\n");
    if !estimate.priced {
        text.push_str("some prices are unknown; the costs above are too low\n");
    }
    for less in &plan.notes {
        text.push_str(less);
        text.push('\n');
    }
    let head = if plan.simulated { "SIMULATED\n\n" } else { "" };
    show::out(&format!("{head}{text}"))?;
    Ok(ExitCode::SUCCESS)
}
