//! Markdown.

use std::fmt::Write as _;

use super::{call_name, seconds, status};
use crate::{Finding, SessionResult, Usage, prompt::clean::one_line};

pub(super) fn render(result: &SessionResult) -> String {
    let mut out = String::new();
    for banner in result.banners() {
        let _ = writeln!(out, "> **{}**", one_line(&banner));
    }
    if !out.is_empty() {
        out.push_str(">\n");
    }
    let _ = writeln!(out, "> {}\n", one_line(&result.first_line()));
    match &result.proposal {
        Some(_) => {
            let _ =
                writeln!(out, "# {}\n\n{}---\n", one_line(&result.title), super::review::markdown(result));
        }
        None => {
            let _ = writeln!(out, "{}\n\n---\n", result.document.trim());
        }
    }
    let _ = writeln!(out, "## About this document\n");
    let _ = writeln!(out, "- session `{}`, {}", result.session, status(result));
    let _ = writeln!(out, "- {}", usage(result.total));
    let _ = writeln!(
        out,
        "- {} in all, {} of them in calls that had to follow each other, {}",
        seconds(result.duration_ms),
        seconds(result.critical_path_ms),
        super::counted(u64::from(result.cycles), "cycle")
    );
    findings(&mut out, result);
    dissents(&mut out, result);
    conflicts(&mut out, result);
    strengths(&mut out, result);
    participants(&mut out, result);
    if let Some(comparison) = &result.comparison {
        let _ = writeln!(out, "\n### Against the draft\n");
        let _ = writeln!(
            out,
            "- draft alone: {}, {}",
            usage(comparison.draft_usage),
            seconds(comparison.draft_duration_ms)
        );
        let _ = writeln!(
            out,
            "- critical or major faults: {} found, {} settled; lines: {} new, {} gone",
            comparison.serious_found, comparison.serious_settled, comparison.new_lines, comparison.lost_lines
        );
    }
    out
}

fn findings(out: &mut String, result: &SessionResult) {
    if result.findings.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n### Findings\n\n| | severity | raised by | state | claim | decision |\n|---|---|---|---|---|---|"
    );
    for finding in &result.findings {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            finding.id,
            finding.severity(),
            cell(&super::voices(finding)),
            cell(&state(finding)),
            cell(&finding.remark.claim),
            cell(&super::decision(finding))
        );
    }
}

fn strengths(out: &mut String, result: &SessionResult) {
    if result.strengths.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Strengths\n");
    for praise in &result.strengths {
        let quote = match praise.quote.as_str() {
            "" => String::new(),
            quote => format!("\"{}\": ", one_line(quote)),
        };
        let _ = writeln!(out, "- {quote}{} ({})", one_line(&praise.claim), praise.who);
    }
}

/// The state, with why it is not settled and whether the quote was found.
pub(super) fn state(finding: &Finding) -> String {
    let mut state = finding.state.as_str().to_owned();
    if let Some(note) = &finding.note {
        let _ = write!(state, " ({note})");
    }
    if !finding.anchored && !finding.remark.quote.is_empty() {
        state += " [its quote is not in the text]";
    }
    state
}

fn dissents(out: &mut String, result: &SessionResult) {
    if result.dissents.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Dissents\n");
    for dissent in &result.dissents {
        let _ = writeln!(
            out,
            "- {} ({}, raised by {}): {} — rejected: {}{}",
            dissent.finding,
            dissent.severity,
            dissent.raised_by.join(", "),
            one_line(&dissent.claim),
            one_line(&dissent.reason),
            dissent.check.as_ref().map_or_else(String::new, |check| format!(" ({})", one_line(check)))
        );
    }
}

fn conflicts(out: &mut String, result: &SessionResult) {
    if result.conflicts.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Decisions\n");
    for (cycle, conflict) in &result.conflicts {
        let positions =
            conflict.positions.iter().map(|position| one_line(position)).collect::<Vec<_>>().join(" / ");
        let _ = writeln!(
            out,
            "- cycle {cycle}, {}: {positions} → {} ({})",
            one_line(&conflict.about),
            one_line(&conflict.resolution),
            one_line(&conflict.rationale)
        );
    }
}

fn participants(out: &mut String, result: &SessionResult) {
    let _ =
        writeln!(out, "\n### Calls\n\n| call | who | tokens | cost | time | |\n|---|---|---|---|---|---|");
    for call in &result.calls {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            call_name(call),
            cell(&format!("{}/{}", call.participant.provider_id, call.participant.model)),
            call.usage.input_tokens + call.usage.output_tokens,
            if call.usage.unknown > 0 { "unknown".to_owned() } else { call.usage.cost.to_string() },
            call.duration_ms.map_or_else(|| "-".into(), seconds),
            cell(call.error.as_deref().unwrap_or_default())
        );
    }
}

pub(super) fn usage(usage: Usage) -> String {
    let unknown = match usage.unknown {
        0 => String::new(),
        unknown => format!(" and {} of unknown cost", super::counted(u64::from(unknown), "call")),
    };
    let calls = super::counted(u64::from(usage.calls), "call");
    format!("{calls}, {} tokens in, {} out, {}{unknown}", usage.input_tokens, usage.output_tokens, usage.cost)
}

fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}
