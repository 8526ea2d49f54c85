//! Markdown.

use std::fmt::Write as _;

use forge_prompt::one_line;

use super::{
    again, call_name, counted, difference::Difference, facts::facts, passages::Passages, seconds, simulated,
    task, truncate,
};
use crate::{
    finding::Finding,
    result::{SessionResult, Usage},
};

/// Bytes of the changes that a review shows at least.
const MOST_OF_A_REVIEW: usize = 20_000;
/// Characters shown of the task.
const TASK: usize = 280;
/// Characters shown of all constraints, and of all references.
const LIST: usize = 400;

/// The report: what to know before reading, then the document, then the facts about it. A review has its
/// faults in the place of the document.
pub(super) fn render(result: &SessionResult) -> String {
    let mut out = String::new();
    head(&mut out, result);
    if result.is_review() {
        let faults = super::review::markdown(result);
        let _ = writeln!(out, "# {}\n\n{faults}\n---\n\n## About this review", one_line(&result.title));
        difference(&mut out, result);
    } else {
        let _ = writeln!(out, "{}\n\n---\n\n## About this document", result.document.trim());
        difference(&mut out, result);
        findings(&mut out, result);
    }
    dissents(&mut out, result);
    conflicts(&mut out, result);
    contributions(&mut out, result);
    strengths(&mut out, result);
    accounts(&mut out, result);
    let _ = writeln!(out, "\nSession `{}`, shown again by `{}`", result.session, again(result));
    out
}

/// What was asked, what came of it, and what is less than planned.
fn head(out: &mut String, result: &SessionResult) {
    if let Some(banner) = simulated(result) {
        let _ = writeln!(out, "> **{banner}**\n>");
    }
    let _ = writeln!(out, "> Asked: {}\n>", truncate(task(result), TASK));
    for (name, items) in [("Keep to", &result.asked.constraints), ("Work from", &result.asked.references)] {
        if !items.is_empty() {
            let _ = writeln!(out, "> {name}: {}\n>", truncate(&items.join("; "), LIST));
        }
    }
    let _ = writeln!(out, "> **{}**", one_line(&result.first_line()));
    for banner in result.shortfalls() {
        let _ = writeln!(out, ">\n> **{}**", one_line(&banner));
    }
    out.push('\n');
}

/// The changed lines, or how many there are where they are longer than the document.
fn difference(out: &mut String, result: &SessionResult) {
    let Some(difference) = Difference::of(result) else { return };
    let (gone, new) = difference.lines();
    let gone = counted(gone as u64, "line");
    let what = Difference::name(result);
    let _ = writeln!(out, "\n### {what}\n\n{gone} gone, {new} new");
    let lines = difference.unified();
    // Of a review it is what was asked for.
    let most = if result.is_review() { MOST_OF_A_REVIEW } else { 0 };
    if lines.len() <= result.document.len().max(most) {
        let fence = fence(&lines);
        let _ = writeln!(out, "\n{fence}diff\n{lines}{fence}");
    } else {
        let _ = writeln!(out, "(to show them would take more room than the document)");
    }
}

/// A fence that `text` does not contain.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn accounts(out: &mut String, result: &SessionResult) {
    participants(out, result);
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
    let _ = writeln!(
        out,
        "\n{}; {} in all, {} of them in calls that had to follow each other, {}",
        usage(result.total),
        seconds(result.duration_ms),
        seconds(result.critical_path_ms),
        counted(u64::from(result.cycles), "cycle")
    );
}

fn findings(out: &mut String, result: &SessionResult) {
    if result.findings.is_empty() {
        return;
    }
    let _ =
        writeln!(out, "\n### Findings\n\n| | severity | raised by | state | claim |\n|---|---|---|---|---|");
    for finding in &result.findings {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            finding.id,
            finding.severity(),
            cell(&super::voices(finding)),
            finding.state.as_str(),
            cell(&finding.issue.claim)
        );
    }
    let passages = Passages::of(result);
    for finding in &result.findings {
        detail(out, finding, &passages);
    }
}

/// One finding with its facts, in single lines: no text of a model begins a heading or a list of its own.
fn detail(out: &mut String, finding: &Finding, passages: &Passages) {
    let _ = writeln!(
        out,
        "\n#### {} {}, {}\n\n{}\n",
        finding.id,
        finding.severity(),
        finding.state.as_str(),
        one_line(&finding.issue.claim)
    );
    for fact in facts(finding, passages) {
        let _ = writeln!(out, "- {}: {}", fact.name, fact.text);
    }
}

fn contributions(out: &mut String, result: &SessionResult) {
    if result.contributions.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### People\n");
    for one in &result.contributions {
        let _ = writeln!(out, "- {}", one_line(&one.describe()));
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
            cell(&format!("{}/{}", call.participant.provider_id, call.participant.model_id)),
            call.usage.input_tokens + call.usage.output_tokens,
            if call.usage.unknown > 0 { "unknown".to_owned() } else { call.usage.cost.to_string() },
            call.duration_ms.map_or_else(|| "-".into(), seconds),
            cell(call.error.as_deref().unwrap_or_default())
        );
    }
}

/// What calls used, in words. Unknown costs are told beside the sum and never as nothing.
pub(super) fn usage(usage: Usage) -> String {
    let unknown = match usage.unknown {
        0 => String::new(),
        unknown => format!(" and {} of unknown cost", counted(u64::from(unknown), "call")),
    };
    let calls = counted(u64::from(usage.calls), "call");
    format!("{calls}, {} tokens in, {} out, {}{unknown}", usage.input_tokens, usage.output_tokens, usage.cost)
}

/// A text as the cell of a table: a bar or a line break would end the cell.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}
