//! Reading a check.

use serde_json::Value;

use super::{Check, Verdict, critique, field, finding_id, lenient, markdown, plain, text};

pub(super) fn read(text: &str) -> Option<Check> {
    lenient::find(text, from_json).or_else(|| markdown::check(text))
}

fn from_json(value: &Value) -> Option<Check> {
    let verdicts = match value {
        Value::Array(list) => {
            let verdicts: Vec<_> = list.iter().filter_map(verdict).collect();
            return (!verdicts.is_empty()).then(|| Check { verdicts, ..Check::default() });
        }
        _ => field(value, &["verdicts", "settled", "findings", "results"]),
    };
    let new = field(value, &["newfindings", "newissues"]);
    let verdicts: Vec<Verdict> = match verdicts {
        Some(Value::Array(list)) => list.iter().filter_map(verdict).collect(),
        Some(Value::Object(by_id)) => by_id.iter().filter_map(|(id, value)| keyed(id, value)).collect(),
        None if new.is_some() => Vec::new(),
        _ => return None,
    };
    let new_findings = new.and_then(critique::list).unwrap_or_default();
    Some(Check { verdicts, new_findings })
}

fn verdict(value: &Value) -> Option<Verdict> {
    let finding = finding_id(&text(value, &["finding", "findingid", "id"]))?;
    let said = field(value, &["settled", "issettled", "resolved", "fixed", "verdict", "status"])?;
    Some(Verdict { finding, settled: settled(said)?, reason: reason(value) })
}

fn keyed(id: &str, value: &Value) -> Option<Verdict> {
    let finding = finding_id(id)?;
    let said = field(value, &["settled", "issettled", "resolved", "verdict", "status"]).unwrap_or(value);
    Some(Verdict { finding, settled: settled(said)?, reason: reason(value) })
}

fn reason(value: &Value) -> String {
    text(value, &["reason", "rationale", "explanation", "why", "comment"])
}

fn settled(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(said) => Some(*said),
        Value::String(word) => said(word),
        _ => None,
    }
}

pub(super) fn said(word: &str) -> Option<bool> {
    match plain(word).as_str() {
        "settled" | "resolved" | "fixed" | "yes" | "true" | "done" | "closed" | "pass" => Some(true),
        "notsettled" | "unsettled" | "unresolved" | "notresolved" | "notfixed" | "open" | "no" | "false"
        | "partial" | "partially" | "partiallysettled" | "fail" => Some(false),
        _ => None,
    }
}
