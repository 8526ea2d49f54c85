//! Forms of JSON that code hosts and their helpers read.

use forge_prompt::one_line;
use forge_session::Severity;
use serde_json::{Value, json};

use super::{advice, shortfall, some_path};
use crate::review::{finding::Finding, report::Report};

/// A code quality report.
pub(super) fn gitlab(report: &Report) -> String {
    let level = |severity| match severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
        Severity::Nit => "info",
    };
    let entry = |finding: &Finding| {
        let place = finding.place.as_ref()?;
        Some(json!({
            "description": said(finding),
            "check_name": rule(finding),
            "fingerprint": finding.fingerprint,
            "severity": level(finding.severity),
            "location": {"path": place.path, "lines": {"begin": place.shown_line, "end": place.shown_end()}},
        }))
    };
    let mut all: Vec<Value> = report.findings.iter().chain(&report.folded).filter_map(entry).collect();
    // A list without entries reads as a clean change.
    all.extend(shortfall(report).map(|short| {
        json!({
            "description": short,
            "check_name": "forge/coverage",
            "fingerprint": "forge-coverage",
            "severity": "info",
            "location": {"path": some_path(report), "lines": {"begin": 1}},
        })
    }));
    serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
}

/// Lines of JSON.
pub(super) fn rdjsonl(report: &Report) -> String {
    let level = |severity| match severity {
        Severity::Critical | Severity::Major => "ERROR",
        Severity::Minor => "WARNING",
        Severity::Nit => "INFO",
    };
    let line = |finding: &Finding| {
        let place = finding.place.as_ref()?;
        let range = json!({"start": {"line": place.shown_line}, "end": {"line": place.shown_end()}});
        let mut line = json!({
            "message": said(finding),
            "location": {"path": place.path, "range": range},
            "severity": level(finding.severity),
            "source": {"name": "forge"},
            "code": {"value": rule(finding)},
        });
        if let Some(fix) = &finding.fix {
            line["suggestions"] = json!([{"range": range, "text": fix.new.join("\n")}]);
        }
        Some(line)
    };
    let found = report.findings.iter().chain(&report.folded).filter_map(line);
    let short = shortfall(report).map(|short| {
        json!({
            "message": short,
            "location": {"path": some_path(report)},
            "severity": "WARNING",
            "source": {"name": "forge"},
        })
    });
    found.chain(short).fold(String::new(), |all, line| all + &line.to_string() + "\n")
}

/// The name of the rule that a finding belongs to.
pub(super) fn rule(finding: &Finding) -> String {
    format!("forge/{}", finding.category.as_str())
}

/// What is wrong and what to do, on one line.
pub(super) fn said(finding: &Finding) -> String {
    let advice = advice(&finding.suggested_change);
    let claim = one_line(&finding.claim);
    if advice.is_empty() { claim } else { format!("{claim} Instead: {}", one_line(&advice)) }
}
