//! Reading a critique.

use serde_json::Value;

use super::{Critique, Remark, Strength, category, items, lenient, markdown, plain, rated, severity, text};

const FINDINGS: [&str; 6] = ["findings", "issues", "problems", "faults", "defects", "critique"];
const CLAIM: [&str; 9] =
    ["claim", "issue", "problem", "finding", "description", "message", "comment", "title", "summary"];
const CHANGE: [&str; 7] =
    ["suggestedchange", "suggestion", "fix", "recommendation", "change", "remedy", "proposedchange"];

pub(super) fn read(text: &str) -> Option<Critique> {
    let unquoted = markdown::unquoted(text);
    let text = unquoted.as_deref().unwrap_or(text);
    lenient::find(text, from_json)
        .or_else(|| in_sequence(text))
        .or_else(|| serde_json::from_str::<String>(text.trim()).ok().and_then(|inner| read(&inner)))
        .or_else(|| markdown::critique(text))
}

fn from_json(value: &Value) -> Option<Critique> {
    if let Value::Array(list) = value {
        // An empty list alone could be anything, and so could one of words.
        let findings: Vec<Remark> = list.iter().filter_map(remark).collect();
        return (!findings.is_empty()).then(|| Critique::of(findings));
    }
    let members = value.as_object()?;
    let rank = |key: &str| FINDINGS.iter().position(|name| *name == plain(key));
    let mut named: Vec<_> = members.iter().filter_map(|(key, value)| Some((rank(key)?, value))).collect();
    named.sort_by_key(|(rank, _)| *rank);
    let mut named = named.into_iter().map(|(_, value)| value);
    let Some(first) = named.next() else {
        // The arguments of a call, as text; what one finding quotes is not meant.
        let is_finding = remark(value).is_some_and(|one| one.severity.is_some());
        return if is_finding { None } else { members.values().find_map(encoded) };
    };
    let mut findings = list(first)?;
    findings.extend(named.filter_map(list).flatten());
    let strengths = items(value, &["strengths", "positives", "pros"]);
    let strengths = strengths
        .iter()
        .map(|one| Strength { quote: text(one, &["quote"]), claim: text(one, &["claim"]) })
        .collect();
    Some(Critique { strengths, findings })
}

fn encoded(value: &Value) -> Option<Critique> {
    lenient::find(value.as_str()?, from_json)
}

/// The findings in a list, in groups by severity, or by label; `None` if there is something and none of it is
/// a finding.
pub(super) fn list(value: &Value) -> Option<Vec<Remark>> {
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let (found, nothing) = match value {
        Value::Null => return Some(Vec::new()),
        Value::String(_) => return encoded(value).map(|critique| critique.findings),
        Value::Array(list) => {
            let only_claims = list.iter().all(Value::is_string);
            (list.iter().filter_map(if only_claims { claim } else { remark }).collect(), list.is_empty())
        }
        Value::Object(groups) => match remark(value) {
            Some(one) => (vec![one], false),
            None => (
                groups.iter().flat_map(|(name, group)| grouped(name, group)).collect(),
                groups.values().all(is_empty),
            ),
        },
        Value::Bool(_) | Value::Number(_) => return None,
    };
    let found: Vec<Remark> = found;
    (nothing || !found.is_empty()).then_some(found)
}

fn grouped(name: &str, group: &Value) -> Vec<Remark> {
    let named = severity(name);
    let remarks: Vec<Remark> = match group {
        Value::Array(list) => list.iter().filter_map(|one| remark(one).or_else(|| claim(one))).collect(),
        one => remark(one).into_iter().collect(),
    };
    remarks.into_iter().map(|one| Remark { severity: one.severity.or(named), ..one }).collect()
}

/// Findings that stand one after the other, or under labels, instead of in a list.
fn in_sequence(text: &str) -> Option<Critique> {
    let values = lenient::objects(text);
    let labelled = |value: &Value| -> Vec<Remark> {
        value.as_object().into_iter().flat_map(|all| all.values().filter_map(remark)).collect()
    };
    let each = values.iter().flat_map(|value| remark(value).map_or_else(|| labelled(value), |one| vec![one]));
    let findings: Vec<Remark> = each.filter(|one| one.severity.is_some()).collect();
    (!findings.is_empty()).then(|| Critique::of(findings))
}

fn claim(value: &Value) -> Option<Remark> {
    let claim = value.as_str().filter(|text| !text.trim().is_empty())?;
    Some(Remark { claim: claim.to_owned(), ..Remark::default() })
}

/// A finding needs a claim or a change to make; every other field may be missing.
fn remark(value: &Value) -> Option<Remark> {
    let members = value.as_object()?;
    if let (1, Some(inner)) = (members.len(), members.values().find(|inner| inner.is_object())) {
        return remark(inner);
    }
    let remark = Remark {
        rating: String::new(),
        severity: rated(&text(value, &["severity", "level", "priority", "impact"])),
        category: category(&plain(&text(value, &["category", "type", "kind", "area"]))).unwrap_or_default(),
        location: text(value, &["location", "where", "section", "line", "lines", "position"]),
        quote: text(value, &["quote", "excerpt", "passage", "quotedtext", "evidence", "citation"]),
        claim: text(value, &CLAIM),
        suggested_change: text(value, &CHANGE),
    };
    (!remark.claim.is_empty() || !remark.suggested_change.is_empty()).then_some(remark)
}
