//! One HTML page. Every text of a model is escaped; there are no scripts.

use std::fmt::{self, Write as _};

use similar::{ChangeTag, TextDiff};

use super::{markdown, seconds, status};
use crate::{CallSummary, SessionResult, Stage};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#222;background:#fff}pre{white-space:pre-wrap;background:#f6f6f4;padding:1rem;border-radius:.4rem}\
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem .5rem;text-align:left;\
vertical-align:top}.banner{background:#fff3cd;border-left:.3rem solid #d39e00;padding:.5rem 1rem;margin:.3rem 0}\
.critical,.major{color:#a40000;font-weight:600}del,ins{text-decoration:none;display:inline-block;width:100%}\
del{background:#ffe3e0}ins{background:#dff5e1}svg text{font:11px system-ui,sans-serif}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}pre{background:#262626}\
.banner{background:#3d3415}svg text{fill:#ddd}td,th{border-color:#444}.critical,.major{color:#ff8a80}\
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
         <title>{title}</title><style>{STYLE}</style>\n<h1>{title}</h1>\n"
    );
    for banner in result.banners() {
        let _ = writeln!(out, "<p class=\"banner\">{}</p>", Safe(&banner));
    }
    let _ = writeln!(
        out,
        "<p>Session {}, {}. {}; {} in all, {} on the critical path.</p>\n<pre>{}</pre>",
        Safe(&result.session),
        Safe(&status(result)),
        Safe(&markdown::usage(result.total)),
        seconds(result.wall_ms),
        seconds(result.critical_path_ms),
        Safe(&result.document)
    );
    findings(&mut out, result);
    changes(&mut out, result);
    dissents(&mut out, result);
    timeline(&mut out, &result.calls);
    costs(&mut out, result);
    out
}

fn findings(out: &mut String, result: &SessionResult) {
    let _ = writeln!(
        out,
        "<h2>Findings</h2>\n<table><tr><th></th><th>severity</th><th>raised</th><th>claim</th><th>state</th>\
         <th>decision</th></tr>"
    );
    for finding in &result.findings {
        let decision = finding.disposition.as_ref();
        let decision = decision
            .map_or_else(String::new, |given| format!("{}: {}", given.decision.as_str(), given.reason));
        let _ = writeln!(
            out,
            "<tr><td>{0}</td><td class=\"{1}\">{1}</td><td>{2}</td><td>{3}</td><td>{4}</td><td>{5}</td></tr>",
            finding.id,
            finding.severity(),
            finding.raised_by.len(),
            Safe(&finding.remark.claim),
            Safe(&markdown::state(finding)),
            Safe(&decision)
        );
    }
    let _ = writeln!(out, "</table>");
}

fn dissents(out: &mut String, result: &SessionResult) {
    if result.dissents.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>Dissents</h2>\n<ul>");
    for dissent in &result.dissents {
        let _ = writeln!(
            out,
            "<li>{} ({}): {} <em>Rejected:</em> {}</li>",
            Safe(&dissent.finding),
            Safe(&dissent.severity),
            Safe(&dissent.claim),
            Safe(&dissent.reason)
        );
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

/// A bar for each call, from its beginning to its end.
fn timeline(out: &mut String, calls: &[CallSummary]) {
    let end = calls.iter().map(|call| call.begun_ms + call.took_ms.unwrap_or(0)).max().unwrap_or(0).max(1);
    let _ = writeln!(
        out,
        "<h2>Calls</h2>\n<svg viewBox=\"0 0 800 {}\" width=\"100%\" role=\"img\" aria-label=\"calls over time\">",
        calls.len() * 22 + 4
    );
    for (row, call) in calls.iter().enumerate() {
        let at = |millis: u64| 220.0 + millis as f64 / end as f64 * 500.0;
        let (from, to) = (at(call.begun_ms), at(call.begun_ms + call.took_ms.unwrap_or(0)));
        let colour = if call.error.is_some() { "#b0b0b0" } else { colour(call.call.stage) };
        let y = row * 22;
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text><rect x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"14\" \
             fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{}</text>",
            y + 14,
            Safe(&format!("{} {}", call.call, call.participant.model).chars().take(34).collect::<String>()),
            y + 3,
            (to - from).max(2.0),
            (to + 4.0).min(735.0),
            y + 14,
            call.took_ms.map_or_else(|| "-".into(), seconds)
        );
    }
    let _ = writeln!(out, "</svg>");
}

/// A bar for the cost of each participant.
fn costs(out: &mut String, result: &SessionResult) {
    let most = result.by_participant.values().map(|usage| usage.cost.nanos()).max().unwrap_or(0).max(1);
    let _ = writeln!(
        out,
        "<h2>Cost</h2>\n<svg viewBox=\"0 0 800 {}\" width=\"100%\" role=\"img\" aria-label=\"cost by participant\">",
        result.by_participant.len() * 22 + 4
    );
    for (row, (name, usage)) in result.by_participant.iter().enumerate() {
        let width = usage.cost.nanos() as f64 / most as f64 * 420.0;
        let y = row * 22;
        let cost =
            if usage.unknown > 0 { format!("{} and unknown", usage.cost) } else { usage.cost.to_string() };
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text><rect x=\"220\" y=\"{}\" width=\"{:.1}\" height=\"14\" fill=\"#4a7ab5\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            y + 14,
            Safe(&name.chars().take(34).collect::<String>()),
            y + 3,
            width.max(1.0),
            224.0 + width,
            y + 14,
            Safe(&cost)
        );
    }
    let _ = writeln!(out, "</svg>");
}

const fn colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Draft => "#4a7ab5",
        Stage::Critique => "#c58b2a",
        Stage::Synthesis => "#3d8f5f",
        Stage::Check => "#8259a8",
    }
}
