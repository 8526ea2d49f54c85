//! Reading a critique.

use serde_json::Value;

use super::{Critique, category, field, items, lenient, markdown, plain, severity, text};
use crate::Remark;

const FINDINGS: [&str; 6] = ["findings", "issues", "problems", "faults", "defects", "critique"];
const CLAIM: [&str; 9] =
    ["claim", "issue", "problem", "finding", "description", "message", "comment", "title", "summary"];
const CHANGE: [&str; 7] =
    ["suggestedchange", "suggestion", "fix", "recommendation", "change", "remedy", "proposedchange"];

pub(super) fn read(text: &str) -> Option<Critique> {
    lenient::find(text, from_json).or_else(|| markdown::critique(text))
}

fn from_json(value: &Value) -> Option<Critique> {
    if let Value::Array(list) = value {
        // An empty list alone could be anything.
        let findings: Vec<Remark> = list.iter().filter_map(remark).collect();
        return (!findings.is_empty()).then(|| Critique { findings, ..Critique::default() });
    }
    let found = field(value, &FINDINGS)?;
    let list = match found {
        Value::Array(list) => list.iter().filter_map(remark).collect(),
        // Findings grouped by severity, or one finding alone.
        Value::Object(groups) => match remark(found) {
            Some(one) => vec![one],
            None => groups.iter().flat_map(|(name, list)| grouped(name, list)).collect(),
        },
        Value::Null => Vec::new(),
        _ => return None,
    };
    let strengths = items(value, &["strengths", "positives", "pros"]);
    let strengths = strengths.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Some(Critique { strengths, findings: list })
}

fn grouped(name: &str, list: &Value) -> Vec<Remark> {
    let named = severity(name);
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let remarks = list.iter().filter_map(|one| match one {
        Value::String(claim) => Some(Remark { claim: claim.clone(), ..Remark::default() }),
        other => remark(other),
    });
    remarks.map(|one| Remark { severity: one.severity.or(named), ..one }).collect()
}

/// A finding needs a claim or a change to make; every other field may be missing.
fn remark(value: &Value) -> Option<Remark> {
    value.as_object()?;
    let remark = Remark {
        severity: severity(&text(value, &["severity", "level", "priority", "impact"])),
        category: category(&plain(&text(value, &["category", "type", "kind", "area"]))).unwrap_or_default(),
        location: text(value, &["location", "where", "section", "line", "lines", "position"]),
        quote: text(value, &["quote", "excerpt", "passage", "quotedtext", "evidence", "citation"]),
        claim: text(value, &CLAIM),
        suggested_change: text(value, &CHANGE),
    };
    (!remark.claim.is_empty() || !remark.suggested_change.is_empty()).then_some(remark)
}

/// The findings in a list of them.
pub(super) fn remarks(value: &Value) -> Vec<Remark> {
    value.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(remark).collect()
}
