//! Reading a check.

use serde_json::Value;

use super::{Check, Reading, Verdict, critique, echo, field, finding_id, lenient, markdown, plain, text};

/// What all values of an answer say together. A finding that is settled and is not makes it no answer.
pub(super) fn read(text: &str) -> Reading {
    let values = lenient::all(text, &from_json);
    let mut check: Option<Check> = None;
    for part in values.into_iter().flat_map(|value| value.fits) {
        let all = check.get_or_insert_default();
        all.verdicts.extend(part.verdicts);
        critique::join(&mut all.new_findings, part.new_findings);
    }
    if check.as_ref().is_none_or(|check| check.verdicts.is_empty()) {
        check = markdown::check(text).or(check);
    }
    let Some(Check { verdicts: given, new_findings }) = check else { return Reading::Unreadable };
    let mut verdicts: Vec<Verdict> = Vec::new();
    for verdict in given {
        match verdicts.iter_mut().find(|one| one.finding == verdict.finding) {
            Some(one) if one.settled != verdict.settled => return Reading::Contradictory,
            Some(one) => *one = verdict,
            None => verdicts.push(verdict),
        }
    }
    Reading::Check(Check { verdicts, new_findings })
}

fn from_json(value: &Value) -> Option<Check> {
    if lenient::is_schema(value) {
        return None;
    }
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
    given(Verdict { finding, settled: settled(said)?, reason: reason(value) })
}

/// A verdict for which the reason is still to be filled in is one of the form.
fn given(verdict: Verdict) -> Option<Verdict> {
    (verdict.reason.is_empty() || !echo::is_blank(&verdict.reason)).then_some(verdict)
}

fn keyed(id: &str, value: &Value) -> Option<Verdict> {
    let finding = finding_id(id)?;
    let said = field(value, &["settled", "issettled", "resolved", "verdict", "status"]).unwrap_or(value);
    given(Verdict { finding, settled: settled(said)?, reason: reason(value) })
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
        "settled" | "resolved" | "fixed" | "yes" | "true" | "done" | "closed" | "pass" | "passed"
        | "addressed" | "gone" | "rightlyrejected" | "rejectedrightly" | "correctlyrejected"
        | "rejectionupheld" | "upheld" => Some(true),
        "notsettled"
        | "unsettled"
        | "unresolved"
        | "notresolved"
        | "notfixed"
        | "open"
        | "stillopen"
        | "no"
        | "false"
        | "partial"
        | "partially"
        | "partiallysettled"
        | "fail"
        | "failed"
        | "notaddressed"
        | "wronglyrejected"
        | "rejectedwrongly"
        | "incorrectlyrejected"
        | "rejectionoverruled"
        | "overruled" => Some(false),
        _ => None,
    }
}
