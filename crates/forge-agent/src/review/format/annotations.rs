//! Annotations of a workflow.

use std::fmt::Write as _;

use forge_session::Severity;

use super::{advice, escape, shortfall};
use crate::review::{finding::Finding, report::Report};

pub(super) fn annotations(report: &Report) -> String {
    let mut out = String::new();
    if let Some(short) = shortfall(report) {
        let _ = writeln!(out, "::warning title=Forge::{}", escape::message(&short));
    }
    for finding in &report.findings {
        write_one(&mut out, finding);
    }
    let rest = report.folded.len();
    let more = if rest > 0 { format!("; {rest} of them are not shown here") } else { String::new() };
    let _ = writeln!(out, "::notice title=Forge::{}{more}", escape::message(&report.first_line()));
    out
}

fn write_one(out: &mut String, finding: &Finding) {
    let Some(place) = &finding.place else { return };
    let level = match finding.severity {
        Severity::Critical | Severity::Major => "error",
        Severity::Minor => "warning",
        Severity::Nit => "notice",
    };
    let title = format!("{} {} {}", finding.id, finding.severity.as_str(), finding.category.as_str());
    let mut text = finding.claim.clone();
    let advice = advice(&finding.suggested_change);
    if !advice.is_empty() {
        text = format!("{text}\nInstead: {advice}");
    }
    text = format!("{text}\nRaised by {}.", finding.raised_by.join(", "));
    let _ = writeln!(
        out,
        "::{level} file={},line={},endLine={},title={}::{}",
        escape::property(&place.path),
        place.shown_line,
        place.shown_end(),
        escape::property(&title),
        escape::message(&text),
    );
}
