//! What comes out of a session: its result, or the plan of one that is not run.

use std::{path::Path, process::ExitCode, time::Duration};

use forge::{
    session::{
        DocumentLabel, Estimate, EstimatedCall, Finding, FindingState, OutputType, Plan, SessionResult,
        SessionStatus, Severity, Stop,
    },
    storage::budget::Amount,
};
use serde_json::{Value, json};

use crate::{
    args::{Accept, FailOn, ResultFormat, SessionArgs},
    error::CliError,
    files, layout,
    terminal::{self, millis, note},
};

/// A fault stands that the user does not accept.
const FAULTY: u8 = 6;

/// Whether a fault of the reviewed document is confirmed or undecided, and severe enough. One without a rating counts as
/// major.
fn stands(finding: &Finding, least: FailOn) -> bool {
    let least = match least {
        FailOn::Critical => Severity::Critical,
        FailOn::Major => Severity::Major,
        FailOn::Minor => Severity::Minor,
        FailOn::Nit => Severity::Nit,
    };
    let of_critics = finding.raised_by.iter().any(|raised| raised.seat.is_some());
    let is_left = !matches!(finding.state, FindingState::Rejected | FindingState::Duplicate);
    of_critics && is_left && finding.issue.severity.unwrap_or(Severity::Major) >= least
}

/// The session ended with less than it was to give.
const DEGRADED: u8 = 5;

pub(super) fn exit_code(result: &SessionResult, accept: Option<Accept>, fail_on: Option<FailOn>) -> ExitCode {
    // What the user names as a failure goes before whatever became of the session.
    if fail_on.is_some_and(|least| result.findings.iter().any(|finding| stands(finding, least))) {
        return FAULTY.into();
    }
    match (result.status, result.label, result.stop_reason) {
        (SessionStatus::Converged | SessionStatus::Settled, ..) => ExitCode::SUCCESS,
        // The code of budgets: either the session's own money is spent, or there is no room in another one's.
        (SessionStatus::Paused, ..) | (_, _, Some(Stop::Budget)) => 4.into(),
        // The code of calls that nobody could answer.
        (_, DocumentLabel::Nothing, Some(Stop::NoDraft)) => 3.into(),
        (_, DocumentLabel::Nothing, _) => ExitCode::FAILURE,
        _ if result.is_degraded() && accept != Some(Accept::Degraded) => DEGRADED.into(),
        _ => ExitCode::SUCCESS,
    }
}

pub(super) fn deliver(
    result: &SessionResult,
    session_args: &SessionArgs,
    as_json: bool,
    quiet: bool,
) -> Result<(), CliError> {
    if let Some(path) = &session_args.output {
        let format = if session_args.document_only { ResultFormat::Document } else { format_of(path) };
        // A half result may be better than none, but not better than what an earlier run has left.
        match broken_off(result).filter(|_| path.exists()) {
            Some(why) => note(false, &format!("{} stays as it was: {why}", path.display())),
            None => files::write(path, &rendered(result, format), quiet)?,
        }
    }
    let shown = match (as_json, session_args.jsonl, &session_args.output) {
        (true, ..) => terminal::out(&format!("{}\n", result.to_json())),
        // A named file holds the result, and with `--jsonl` the last line does.
        (_, true, _) | (.., Some(_)) => Ok(()),
        _ if session_args.document_only => {
            terminal::prose(&rendered(result, ResultFormat::Document), session_args.raw)
        }
        _ => terminal::prose(&result.to_markdown(), session_args.raw),
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
            total.input_tokens,
            total.output_tokens,
            total.cost,
            Duration::from_millis(result.duration_ms).as_secs_f64()
        ),
    );
    Ok(())
}

/// What a file is to hold by the ending of its name.
pub(super) fn format_of(path: &Path) -> ResultFormat {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        Some("json") => ResultFormat::Json,
        Some("html" | "htm") => ResultFormat::Html,
        Some("md" | "markdown") => ResultFormat::Md,
        _ => ResultFormat::Document,
    }
}

/// Why a result may not take the place of what may be a good one.
fn broken_off(result: &SessionResult) -> Option<&'static str> {
    match (result.label, result.status) {
        (DocumentLabel::Nothing, _) => Some("there is no document"),
        (_, SessionStatus::Aborted | SessionStatus::TimedOut) => Some("the session was broken off"),
        (_, SessionStatus::Paused | SessionStatus::InProgress | SessionStatus::Initialized) => {
            Some("the session is not at its end")
        }
        (_, SessionStatus::Converged | SessionStatus::Settled | SessionStatus::Complete) => None,
    }
}

/// The document alone; of code, what stands in its fences if it has some.
fn document(result: &SessionResult) -> String {
    let whole = &result.document;
    let code = if result.asked.output == OutputType::Code { fenced(whole) } else { Vec::new() };
    let text = if code.is_empty() { whole.trim_end().to_owned() } else { code.join("\n") };
    format!("{}\n", text.trim_end_matches('\n'))
}

/// The contents of the fenced blocks of a Markdown text.
fn fenced(text: &str) -> Vec<String> {
    let (mut blocks, mut open): (Vec<String>, Option<&str>) = (Vec::new(), None);
    for line in text.lines() {
        let trimmed = line.trim_start();
        let ticks = trimmed.len() - trimmed.trim_start_matches(['`', '~']).len();
        let fence = &trimmed[..ticks];
        match open {
            Some(opened) if fence.starts_with(opened) && trimmed.trim_end() == fence => open = None,
            Some(_) => {
                if let Some(block) = blocks.last_mut() {
                    block.push_str(line);
                    block.push('\n');
                }
            }
            None if ticks >= 3 => {
                open = Some(fence);
                blocks.push(String::new());
            }
            None => {}
        }
    }
    blocks
}

pub(super) fn rendered(result: &SessionResult, format: ResultFormat) -> String {
    match format {
        ResultFormat::Document => document(result),
        ResultFormat::Md => result.to_markdown(),
        ResultFormat::Json => format!("{}\n", result.to_json()),
        ResultFormat::Html => result.to_html(),
    }
}

fn foreseen(plan: &Plan, estimate: &Estimate) -> Value {
    let amount = |one: Amount| terminal::with_cost(json!({"tokens": one.tokens}), Some(one.money));
    let call = |one: &EstimatedCall| {
        json!({
            "stage": one.stage,
            "participant": one.participant,
            "likely": amount(one.likely),
            "most": amount(one.most),
            "priced": one.priced,
        })
    };
    let settings = &plan.settings;
    let caps = terminal::with_cost(
        json!({"tokens": settings.caps.tokens, "duration_ms": settings.caps.time.map(millis)}),
        settings.caps.money,
    );
    json!({
        "simulated": plan.simulated,
        "mode": settings.mode,
        "critics": settings.critics,
        "required": settings.required,
        "cycles": estimate.cycles,
        "reference_tokens": settings.reference_tokens,
        "caps": caps,
        "calls": estimate.calls.iter().map(call).collect::<Vec<_>>(),
        "likely": amount(estimate.likely),
        "likely_all_cycles": amount(estimate.likely_all_cycles),
        "most": amount(estimate.most),
        "priced": estimate.priced,
        "warnings": estimate.warnings,
    })
}

pub(super) fn dry(plan: &Plan, estimate: &Estimate, as_json: bool) -> Result<ExitCode, CliError> {
    if as_json {
        terminal::json(&foreseen(plan, estimate))?;
        return Ok(ExitCode::SUCCESS);
    }
    let cells = |stage: String, who: String, likely: Amount, most: Amount| {
        let dollars = |amount: Amount| format!("${:.4}", amount.money.dollars());
        vec![stage, who, likely.tokens.to_string(), dollars(likely), most.tokens.to_string(), dollars(most)]
    };
    let mut rows: Vec<_> = estimate
        .calls
        .iter()
        .map(|call| {
            let who = format!("{}/{}", call.participant.provider_id, call.participant.model_id);
            cells(call.stage.to_string(), who, call.likely, call.most)
        })
        .collect();
    rows.push(cells("one cycle".into(), String::new(), estimate.likely, estimate.most));
    let headings = ["STAGE", "PARTICIPANT", "TOKENS", "COST", "AT MOST", "COST AT MOST"];
    let mut text = layout::table(&headings, &[2, 3, 4, 5], &rows);
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
    terminal::out(&format!("{head}{text}"))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_name_decides_what_a_file_holds() {
        let of = |name: &str| format_of(Path::new(name));
        assert_eq!(
            [of("a.md"), of("b.HTML"), of("c.json")],
            [ResultFormat::Md, ResultFormat::Html, ResultFormat::Json]
        );
        for name in ["y.py", "notes.txt", "Makefile", "a.json.rs"] {
            assert_eq!(of(name), ResultFormat::Document, "{name}");
        }
    }

    #[test]
    fn code_is_what_stands_in_the_fences() {
        let text = "Here:\n\n````rust\nlet a = \"```\";\n```\n````\nand\n~~~\nb\n~~~\n";
        assert_eq!(fenced(text), ["let a = \"```\";\n```\n", "b\n"]);
        assert!(fenced("no fence").is_empty());
    }
}
