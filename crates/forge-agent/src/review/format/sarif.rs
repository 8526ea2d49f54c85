//! SARIF 2.1.0.

use forge_session::{Category, Severity};
use serde_json::{Value, json};

use super::{
    escape::uri,
    quality::{rule, said},
    shortfall,
};
use crate::review::{
    baseline::KEY,
    finding::{Finding, Fix, Place, Side},
    report::Report,
};

pub(super) fn sarif(report: &Report) -> String {
    let categories = Category::ALL.map(Category::as_str);
    let rules: Vec<Value> = categories
        .iter()
        .map(|name| {
            let text = format!("Faults of the category {}", name.replace('_', " "));
            json!({"id": format!("forge/{name}"), "shortDescription": {"text": text}})
        })
        .collect();
    let results: Vec<Value> = report
        .findings
        .iter()
        .chain(&report.folded)
        .filter_map(|finding| result(finding, &categories))
        .collect();
    let notes: Vec<Value> = shortfall(report)
        .into_iter()
        .chain(report.notices.iter().cloned())
        .map(|text| json!({"level": "warning", "message": {"text": text}}))
        .collect();
    let whole = shortfall(report).is_none();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "forge", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "utf16CodeUnits",
            "invocations": [{"executionSuccessful": whole, "toolExecutionNotifications": notes}],
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn result(finding: &Finding, categories: &[&str]) -> Option<Value> {
    let place = finding.place.as_ref()?;
    let level = match finding.severity {
        Severity::Critical | Severity::Major => "error",
        Severity::Minor => "warning",
        Severity::Nit => "note",
    };
    let index = categories.iter().position(|name| *name == finding.category.as_str());
    let region = json!({"startLine": place.shown_line, "endLine": place.shown_end()});
    let mut result = json!({
        "ruleId": rule(finding),
        "ruleIndex": index,
        "level": level,
        "message": {"text": said(finding)},
        "locations": [{"physicalLocation": {"artifactLocation": artifact(place), "region": region}}],
        "partialFingerprints": {(KEY): finding.fingerprint},
        "properties": {
            "severity": finding.severity.as_str(),
            "raisedBy": finding.raised_by,
            "reason": finding.reason,
            "check": finding.check,
        },
    });
    if let Some(fix) = finding.fix.as_ref().filter(|_| place.side == Side::New) {
        result["fixes"] = json!([change(place, fix)]);
    }
    Some(result)
}

/// The root of the repository is whatever the reader takes for it.
fn artifact(place: &Place) -> Value {
    json!({"uri": uri(&place.path), "uriBaseId": "%SRCROOT%"})
}

fn change(place: &Place, fix: &Fix) -> Value {
    // Up to the end of the last line and not into the next one, which may not be there.
    let end = fix.old.last().map_or(0, |line| line.encode_utf16().count()) + 1;
    let region =
        json!({"startLine": place.line, "startColumn": 1, "endLine": place.end_line, "endColumn": end});
    let replacement = json!({"deletedRegion": region, "insertedContent": {"text": fix.new.join("\n")}});
    json!({
        "description": {"text": "The lines that the critic suggests"},
        "artifactChanges": [{"artifactLocation": artifact(place), "replacements": [replacement]}],
    })
}
