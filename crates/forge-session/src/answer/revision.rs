//! Reading a synthesis: a document and a decision on every finding.

use serde_json::Value;

use super::{
    Conflict, Decision, Disposition, FindingId, Revision, document, field, finding_id, items, lenient,
    markdown, plain, text,
};

pub(super) fn read(text: &str) -> Option<Revision> {
    let Some((at, revision)) = lenient::find_at(text, from_json) else { return markdown::revision(text) };
    if revision.document.is_some() || text.trim_start().starts_with(['{', '[']) {
        return Some(revision);
    }
    // The document stands in Markdown before the JSON.
    let before = text[..at].rfind("```").map(|fence| &text[..fence]);
    let before = before.and_then(document).filter(|before| before.contains('\n'));
    Some(Revision { document: before.map(|text| markdown::without_label(&text)), ..revision })
}

fn from_json(value: &Value) -> Option<Revision> {
    if let Value::Array(list) = value {
        let dispositions: Vec<_> = list.iter().filter_map(disposition).collect();
        return (!dispositions.is_empty()).then(|| Revision { dispositions, ..Revision::default() });
    }
    let names = ["document", "revision", "reviseddocument", "newdocument", "markdown"];
    // A list is one of lines; two documents are none.
    let is_line = |line: &Value| line.as_str().is_some_and(|line| !line.trim_end().contains('\n'));
    let is_one = |value: &&Value| value.as_array().is_none_or(|lines| lines.iter().all(is_line));
    let document = field(value, &names).filter(is_one).and_then(|_| document(&text(value, &names)));
    let dispositions = match field(value, &["dispositions", "decisions", "findings"]) {
        Some(Value::Array(list)) => list.iter().filter_map(disposition).collect(),
        Some(Value::Object(by_id)) => by_id.iter().filter_map(|(id, value)| keyed(id, value)).collect(),
        _ => Vec::new(),
    };
    if document.is_none() && dispositions.is_empty() {
        return None;
    }
    let conflicts = items(value, &["conflicts", "resolvedconflicts"]).iter().map(conflict).collect();
    Some(Revision { document, dispositions, conflicts })
}

fn disposition(value: &Value) -> Option<Disposition> {
    let id = finding_id(&text(value, &["finding", "findingid", "id"]))?;
    with_id(id, value)
}

fn keyed(id: &str, value: &Value) -> Option<Disposition> {
    let id = finding_id(id)?;
    match value {
        Value::String(word) => {
            let decision = decision(word)?;
            Some(Disposition { finding: id, decision, ..Disposition::default() })
        }
        other => with_id(id, other),
    }
}

fn with_id(finding: FindingId, value: &Value) -> Option<Disposition> {
    Some(Disposition {
        finding,
        decision: decision(&text(value, &["decision", "disposition", "status", "action", "verdict"]))?,
        same_as: finding_id(&text(value, &["sameas"])),
        edits: items(value, &["edits"])
            .iter()
            .map(|edit| {
                let raw = |name| edit.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                super::Edit { old: raw("old"), new: raw("new") }
            })
            .collect(),
        reason: text(value, &["reason", "rationale", "explanation", "why", "justification"]),
        changed_span: text(value, &["changedspan", "span", "newtext", "change", "changedtext"]),
        ..Disposition::default()
    })
}

fn conflict(value: &Value) -> Conflict {
    let positions = items(value, &["positions", "sides"]);
    Conflict {
        about: text(value, &["about", "topic", "subject", "conflict"]),
        positions: positions.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        resolution: text(value, &["resolution", "decision", "chosen"]),
        rationale: text(value, &["rationale", "reason", "why"]),
    }
}

pub(super) fn decision(word: &str) -> Option<Decision> {
    match plain(word).as_str() {
        "accept" | "accepted" | "fixed" | "adopted" | "applied" | "agree" | "agreed" => {
            Some(Decision::Accept)
        }
        "reject" | "rejected" | "declined" | "decline" | "wontfix" | "disagree" => Some(Decision::Reject),
        "duplicate" => Some(Decision::Duplicate),
        "defer" | "deferred" | "postpone" | "postponed" | "later" => Some(Decision::Defer),
        _ => None,
    }
}
