//! A comment.

use std::fmt::Write as _;

use super::{
    advice,
    escape::{fenced, markdown as safe},
};
use crate::review::{
    finding::{Finding, Side},
    report::Report,
};

/// How a code host calls a block that can be taken over with a click.
const SUGGESTION: &str = "suggestion";

pub(super) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    if report.simulated {
        out.push_str("> SIMULATED: scripts answered, no model has read this.\n\n");
    }
    let _ = writeln!(out, "**Review of {}**: {}\n", safe(&report.target), safe(&report.first_line()));
    for notice in &report.notices {
        let _ = writeln!(out, "> {}\n", safe(notice));
    }
    for finding in &report.findings {
        write_one(&mut out, finding);
    }
    for open in &report.open {
        let (severity, path) = (open.severity.as_str(), safe(&open.path));
        let _ = writeln!(out, "- still open: **{severity}** {path}: {}", safe(&open.claim));
    }
    group(&mut out, "More of lower weight", &report.folded);
    group(&mut out, "Disputed", &report.disputed);
    group(&mut out, "Without a place in the change", &report.unanchored);
    if !report.not_read.is_empty() {
        out.push_str("\nNot read:\n\n");
        for unread in &report.not_read {
            let _ = writeln!(out, "- {}: {}", safe(&unread.path), safe(&unread.why));
        }
    }
    out
}

fn group(out: &mut String, title: &str, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details><summary>{title} ({})</summary>\n", findings.len());
    for finding in findings {
        write_one(out, finding);
    }
    out.push_str("</details>\n");
}

fn write_one(out: &mut String, finding: &Finding) {
    let _ = writeln!(
        out,
        "- **{} {}** {} ({}): {}",
        finding.id,
        finding.severity.as_str(),
        safe(&finding.at()),
        finding.category.as_str(),
        safe(&finding.claim),
    );
    let mut line = |what: &str, text: &str| {
        if !text.trim().is_empty() {
            let _ = writeln!(out, "  {what}{}  ", safe(text));
        }
    };
    line("quoted: ", &finding.quote);
    line("instead: ", &advice(&finding.suggested_change));
    line("raised by ", &finding.raised_by.join(", "));
    line("because ", &finding.reason);
    if let Some(fix) = &finding.fix {
        // A suggestion replaces the lines under a comment that stands at them.
        let is_new = finding.place.as_ref().is_some_and(|place| place.side == Side::New);
        let block = fenced(if is_new { SUGGESTION } else { "" }, &fix.new);
        let _ = writeln!(out, "\n{}", block.trim_end());
    }
    out.push('\n');
}
