//! One HTML page. Every text of a model is escaped; there are no scripts.

mod charts;
mod prose;

use std::fmt::{self, Write as _};

use similar::{ChangeTag, TextDiff};

use super::{counted, markdown, seconds, status};
use crate::{SessionResult, prompt::clean::one_line};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#222;background:#fff}pre{white-space:pre-wrap;background:#f6f6f4;padding:1rem;border-radius:.4rem}\
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left;\
vertical-align:top}.banner{background:#fff3cd;border-left:.3rem solid #d39e00;padding:.5rem 1rem;margin:.3rem 0}\
.quiet{color:#666}article{border:1px solid #ddd;border-radius:.4rem;padding:0 1.2rem .6rem}\
q{color:#666}.critical,.major{color:#a40000;font-weight:600}del,ins{text-decoration:none;display:inline-block;width:100%}\
del{background:#ffe3e0}ins{background:#dff5e1}svg text{font:11px system-ui,sans-serif}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}pre{background:#262626}\
.banner{background:#3d3415}.quiet,q{color:#aaa}article{border-color:#444}svg text{fill:#ddd}td,th{border-color:#444}.critical,.major{color:#ff8a80}\
del{background:#4a2320}ins{background:#1f3d25}}";

/// Lines shown around a change.
const AROUND: usize = 2;

/// Text with the characters that mean something in HTML replaced.
struct Safe<'a>(&'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

pub(super) fn render(result: &SessionResult) -> String {
    let mut out = String::new();
    let title = Safe(&result.title);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title}</title><style>{STYLE}</style>\n<p class=\"quiet\">{title}</p>\n"
    );
    for banner in result.banners() {
        let _ = writeln!(out, "<p class=\"banner\">{}</p>", Safe(&banner));
    }
    let _ = writeln!(out, "<p><strong>{}</strong></p>", Safe(&result.first_line()));
    let _ = writeln!(
        out,
        "<p class=\"quiet\">Session {}, {}. {}; {} in all, {} of them in calls that had to follow each other.</p>\n\
         <article>\n{}</article>",
        Safe(&result.session),
        Safe(&status(result)),
        Safe(&markdown::usage(result.total)),
        seconds(result.duration_ms),
        seconds(result.critical_path_ms),
        prose::render(&result.document)
    );
    findings(&mut out, result);
    dissents(&mut out, result);
    conflicts(&mut out, result);
    strengths(&mut out, result);
    changes(&mut out, result);
    comparison(&mut out, result);
    charts::timeline(&mut out, &result.calls);
    failures(&mut out, result);
    charts::costs(&mut out, result);
    out
}

fn findings(out: &mut String, result: &SessionResult) {
    if result.findings.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<h2>Findings</h2>\n<p class=\"quiet\">What the critics found wrong, and what became of it.</p>\n\
         <table><tr><th></th><th>severity</th><th>raised by</th><th>claim</th><th>state</th><th>decision</th></tr>"
    );
    for finding in &result.findings {
        let quote = match finding.remark.quote.as_str() {
            "" => String::new(),
            quote => format!("<br><q>{}</q>", Safe(&one_line(quote))),
        };
        let _ = writeln!(
            out,
            "<tr><td>{0}</td><td class=\"{1}\">{1}</td><td>{2}</td><td>{3}{quote}</td><td>{4}</td><td>{5}</td></tr>",
            finding.id,
            finding.severity(),
            Safe(&super::voices(finding)),
            Safe(&finding.remark.claim),
            Safe(&markdown::state(finding)),
            Safe(&super::decision(finding))
        );
    }
    let _ = writeln!(out, "</table>");
}

fn dissents(out: &mut String, result: &SessionResult) {
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
            "<li>{} ({}, raised by {}): {} <em>Rejected:</em> {} {}</li>",
            Safe(&dissent.finding),
            Safe(&dissent.severity),
            Safe(&dissent.raised_by.join(", ")),
            Safe(&dissent.claim),
            Safe(&dissent.reason),
            Safe(dissent.check.as_deref().unwrap_or_default())
        );
    }
    let _ = writeln!(out, "</ul>");
}

fn conflicts(out: &mut String, result: &SessionResult) {
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

fn strengths(out: &mut String, result: &SessionResult) {
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

/// What the document has that the draft had not, and the other way round, with the lines around it.
fn changes(out: &mut String, result: &SessionResult) {
    if result.draft.is_empty() || result.draft == result.document {
        return;
    }
    let _ = writeln!(out, "<details><summary>From the draft to the document</summary>\n<pre>");
    let diff = TextDiff::from_lines(&result.draft, &result.document);
    for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            let _ = writeln!(out, "...");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = Safe(change.value().trim_end_matches('\n'));
            let _ = match change.tag() {
                ChangeTag::Equal => writeln!(out, "  {line}"),
                ChangeTag::Delete => writeln!(out, "<del>- {line}</del>"),
                ChangeTag::Insert => writeln!(out, "<ins>+ {line}</ins>"),
            };
        }
    }
    let _ = writeln!(out, "</pre></details>");
}

/// What the session bought over its draft.
fn comparison(out: &mut String, result: &SessionResult) {
    let Some(comparison) = &result.comparison else { return };
    let row = |name: &str, usage, millis| {
        format!(
            "<tr><td>{name}</td><td>{}</td><td>{}</td></tr>",
            Safe(&markdown::usage(usage)),
            seconds(millis)
        )
    };
    let _ = writeln!(
        out,
        "<h2>Against the draft</h2>\n<table>{}{}</table>\n<p>{} found in the draft, {} settled; {} new, {} gone.</p>",
        row("the draft alone", comparison.draft_usage, comparison.draft_duration_ms),
        row("the whole session", result.total, result.duration_ms),
        counted(comparison.serious_found as u64, "critical or major fault"),
        comparison.serious_settled,
        counted(comparison.new_lines as u64, "line"),
        comparison.lost_lines,
    );
}

/// Calls that gave nothing, and why.
fn failures(out: &mut String, result: &SessionResult) {
    let failed = result.calls.iter().filter_map(|call| Some((call, call.error.as_deref()?)));
    let failed: Vec<_> = failed.collect();
    if failed.is_empty() {
        return;
    }
    let _ = writeln!(out, "<ul>");
    for (call, error) in failed {
        let who = format!("{}/{}", call.participant.provider_id, call.participant.model);
        let _ = writeln!(out, "<li>{}, {}: {}</li>", super::call_name(call), Safe(&who), Safe(error));
    }
    let _ = writeln!(out, "</ul>");
}
