//! What was found, and what became of it.

use std::{collections::BTreeSet, fmt::Write as _};

use forge_prompt::one_line;

use super::Safe;
use crate::{
    answer::FindingId,
    finding::Finding,
    render::{facts::facts, passages::Passages},
    result::SessionResult,
};

/// The findings; those in `marked` have a mark in the document that they link to.
pub(super) fn render(
    out: &mut String,
    result: &SessionResult,
    passages: &Passages,
    marked: &BTreeSet<FindingId>,
) {
    if result.findings.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<section id=\"findings\">\n<h2>Findings</h2>\n<p class=\"quiet\">What was found wrong, and what became of \
         it. A number leads to the passage in the document.</p>"
    );
    for finding in &result.findings {
        card(out, finding, passages, marked.contains(&finding.id));
    }
    let _ = writeln!(out, "</section>");
}

fn card(out: &mut String, finding: &Finding, passages: &Passages, marked: bool) {
    let number = finding.id.0;
    let link = |words: &str| {
        if marked {
            format!("<a href=\"#passage-{number}\">{}</a>", Safe(words))
        } else {
            Safe(words).to_string()
        }
    };
    let _ = writeln!(
        out,
        "<section class=\"finding\" id=\"finding-{number}\">\n<h3>{} <span class=\"{1}\">{1}</span> · {2} · {3}</h3>\n\
         <p class=\"claim\">{4}</p>\n<dl>",
        link(&finding.id.to_string()),
        finding.severity(),
        finding.issue.category.as_str().replace('_', " "),
        finding.state.as_str(),
        Safe(&one_line(&finding.issue.claim)),
    );
    for fact in facts(finding, passages) {
        let text = if fact.name == "Now" { link(&fact.text) } else { Safe(&fact.text).to_string() };
        let _ = writeln!(out, "<dt>{}</dt><dd>{text}</dd>", fact.name);
    }
    let _ = writeln!(out, "</dl>\n</section>");
}

pub(super) fn dissents(out: &mut String, result: &SessionResult) {
    if result.dissents.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<h2>Dissents</h2>\n<p class=\"quiet\">Critical or major findings that the synthesizer rejected.</p>\n<ul>"
    );
    for dissent in &result.dissents {
        let _ = writeln!(
            out,
            "<li>{} ({}, raised by {}): {} <em>Rejected:</em> {}{}</li>",
            Safe(&dissent.finding),
            Safe(&dissent.severity),
            Safe(&dissent.raised_by.join(", ")),
            Safe(&dissent.claim),
            Safe(&dissent.reason),
            Safe(&dissent.check.as_ref().map_or_else(String::new, |check| format!(" ({check})")))
        );
    }
    let _ = writeln!(out, "</ul>");
}

pub(super) fn conflicts(out: &mut String, result: &SessionResult) {
    if result.conflicts.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<h2>Decisions</h2>\n<p class=\"quiet\">Where findings excluded each other, what was chosen, and why.</p>\n<ul>"
    );
    for (cycle, conflict) in &result.conflicts {
        let _ = writeln!(
            out,
            "<li>Cycle {cycle}, {}: {} &rarr; <strong>{}</strong> {}</li>",
            Safe(&conflict.about),
            Safe(&conflict.positions.join(" / ")),
            Safe(&conflict.resolution),
            Safe(&conflict.rationale)
        );
    }
    let _ = writeln!(out, "</ul>");
}

pub(super) fn contributions(out: &mut String, result: &SessionResult) {
    if result.contributions.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>People</h2>\n<ul>");
    for one in &result.contributions {
        let _ = writeln!(out, "<li>{}</li>", Safe(&one_line(&one.describe())));
    }
    let _ = writeln!(out, "</ul>");
}

pub(super) fn strengths(out: &mut String, result: &SessionResult) {
    if result.strengths.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>Strengths</h2>\n<ul>");
    for praise in &result.strengths {
        let quote = match praise.quote.as_str() {
            "" => String::new(),
            quote => format!("<q>{}</q> ", Safe(&one_line(quote))),
        };
        let _ = writeln!(out, "<li>{quote}{} ({})</li>", Safe(&praise.claim), Safe(&praise.who));
    }
    let _ = writeln!(out, "</ul>");
}
