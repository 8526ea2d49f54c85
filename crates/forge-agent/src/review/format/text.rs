//! For a terminal.

use std::fmt::Write as _;

use forge_prompt::{clean, one_line};

use super::advice;
use crate::review::{finding::Finding, report::Report};

pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    if report.simulated {
        out.push_str("SIMULATED: scripts answered, no model has read this\n\n");
    }
    let _ = writeln!(out, "{}: {}", one_line(&report.target), one_line(&report.first_line()));
    for notice in &report.notices {
        let _ = writeln!(out, "note: {}", one_line(notice));
    }
    for finding in &report.findings {
        write_one(&mut out, finding);
    }
    let folded = report.folded.len();
    if folded > 0 {
        let _ = writeln!(out, "\nand {folded} more of lower weight (--format json lists them)");
    }
    if !report.open.is_empty() {
        out.push_str("\nOpen from earlier reviews of this branch:\n");
    }
    for open in &report.open {
        let (severity, claim) = (open.severity.as_str(), one_line(&open.claim));
        let _ =
            writeln!(out, "  {}: {severity} {claim}\n    > {}", one_line(&open.path), one_line(&open.quote));
    }
    group(&mut out, "Disputed: not decided, or refuted", &report.disputed);
    group(&mut out, "Without a place in the change; these never fail a build", &report.unanchored);
    for unread in &report.not_read {
        let _ = writeln!(out, "not read: {}: {}", one_line(&unread.path), unread.why);
    }
    out
}

fn group(out: &mut String, title: &str, findings: &[Finding]) {
    if !findings.is_empty() {
        let _ = writeln!(out, "\n{title}:");
    }
    for finding in findings {
        write_one(out, finding);
    }
}

fn write_one(out: &mut String, finding: &Finding) {
    let _ = writeln!(
        out,
        "\n{}: {} {} {}",
        one_line(&finding.at()),
        finding.id,
        finding.severity.as_str(),
        finding.category.as_str(),
    );
    let mut line = |what: &str, text: &str| {
        if !text.trim().is_empty() {
            let _ = writeln!(out, "  {what}{}", one_line(text));
        }
    };
    line("", &finding.claim);
    line("> ", &finding.quote);
    line("instead: ", &advice(&finding.suggested_change));
    line("raised by ", &finding.raised_by.join(", "));
    line("because ", &finding.reason);
    line("check: ", finding.check.as_deref().unwrap_or_default());
    if let Some(fix) = &finding.fix {
        let _ = writeln!(out, "  fix ({}):", finding.fingerprint);
        for (mark, lines) in [('-', &fix.old), ('+', &fix.new)] {
            for one in lines {
                let _ = writeln!(out, "    {mark}{}", clean(one));
            }
        }
    }
}
