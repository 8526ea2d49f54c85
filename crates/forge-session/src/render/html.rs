//! One HTML page. Every text of a model is escaped; there are no scripts.

mod changes;
mod charts;
mod findings;
mod head;
mod prose;

use std::fmt::Write as _;

use forge_prompt::{
    html::{Safe, head as page_head},
    one_line,
};

use super::{again, counted, markdown, passages::Passages, seconds};
use crate::result::SessionResult;

const STYLE: &str = include_str!("html/style.css");

pub(super) fn render(result: &SessionResult) -> String {
    let mut out = page_head(&one_line(&result.title), STYLE);
    let passages = Passages::of(result);
    head::render(&mut out, result);
    let document = prose::render(&result.document, &passages.here);
    if !result.document.trim().is_empty() {
        let _ = writeln!(out, "<article id=\"document\">\n{}</article>", document.html);
    }
    changes::render(&mut out, result);
    findings::render(&mut out, result, &passages, &document.marked);
    findings::dissents(&mut out, result);
    findings::conflicts(&mut out, result);
    findings::contributions(&mut out, result);
    findings::strengths(&mut out, result);
    accounts(&mut out, result);
    let _ = writeln!(
        out,
        "<footer>Session <code>{}</code>, shown again by <code>{}</code></footer>\n</html>",
        Safe(&result.session),
        Safe(&again(result))
    );
    out
}

/// What it took.
fn accounts(out: &mut String, result: &SessionResult) {
    let _ = writeln!(out, "<section id=\"accounts\">");
    comparison(out, result);
    charts::timeline(out, &result.calls);
    charts::costs(out, result);
    let _ = writeln!(
        out,
        "<p class=\"quiet\">{}; {} in all, {} of them in calls that had to follow each other, {}.</p>\n</section>",
        Safe(&markdown::usage(result.total)),
        seconds(result.duration_ms),
        seconds(result.critical_path_ms),
        counted(u64::from(result.cycles), "cycle")
    );
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
