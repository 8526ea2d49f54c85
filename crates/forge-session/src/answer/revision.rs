//! Reading a synthesis: a document and a decision on every finding.

use serde_json::Value;

use super::{
    Conflict, Decision, Disposition, FindingId, Reading, Revision, decision, document, echo, edits, field,
    finding_id, items, lenient, markdown, text,
};

/// The last whole value that fits, completed by what only others say. Two documents, or two decisions on one
/// finding, are no answer.
pub(super) fn read(text: &str) -> Reading {
    let mut values = lenient::all(text, &from_json);
    values.retain(|value| !value.fits.is_empty());
    let Some(at) = values.first().map(|value| value.range.start) else {
        return markdown::revision(text).map_or(Reading::Unreadable, checked);
    };
    if values.iter().any(|value| value.is_whole) {
        values.retain(|value| value.is_whole);
    }
    let parts = values.into_iter().flat_map(|value| value.fits);
    let mut parts: Vec<Revision> = parts.collect();
    let Some(last) = parts.pop() else { return Reading::Unreadable };
    let Some(revision) = parts.into_iter().rev().try_fold(last, joined) else {
        return Reading::Contradictory;
    };
    let is_edited = revision.dispositions.iter().any(|given| !given.edits.is_empty());
    if revision.document.is_some() || is_edited || text.trim_start().starts_with(['{', '[']) {
        return checked(revision);
    }
    checked(Revision { document: before(&text[..at]), ..revision })
}

/// The document that stands in Markdown before the decisions.
fn before(text: &str) -> Option<String> {
    let text = text.trim_end();
    let (above, last) = text.rsplit_once('\n')?;
    let fenced = super::fence(last).filter(|(_, info)| ["", "json", "json5"].contains(info)).map(|_| above);
    let document = document::read(fenced.unwrap_or(text))?;
    let is_headed = document.lines().any(|line| line.starts_with('#'));
    let is_document = is_headed || (fenced.is_some() && document.lines().count() > 2);
    is_document.then(|| markdown::without_label(&document))
}

/// One finding is decided once.
fn checked(revision: Revision) -> Reading {
    let mut dispositions: Vec<Disposition> = Vec::new();
    for given in revision.dispositions {
        match dispositions.iter_mut().find(|one| one.finding == given.finding) {
            Some(one) if one.decision != given.decision => return Reading::Contradictory,
            Some(one) => {
                let more: Vec<_> = given.edits.into_iter().filter(|edit| !one.edits.contains(edit)).collect();
                one.edits.extend(more);
            }
            None => dispositions.push(given),
        }
    }
    Reading::Revision(Revision { dispositions, ..revision })
}

/// What two values say together; nothing if they exclude each other.
fn joined(last: Revision, earlier: Revision) -> Option<Revision> {
    let agree = match (&last.document, &earlier.document) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let mut dispositions = Vec::new();
    for given in earlier.dispositions {
        match last.dispositions.iter().find(|one| one.finding == given.finding) {
            Some(one) if one.decision != given.decision => return None,
            Some(_) => {}
            None => dispositions.push(given),
        }
    }
    dispositions.extend(last.dispositions);
    let conflicts = if last.conflicts.is_empty() { earlier.conflicts } else { last.conflicts };
    agree.then(|| Revision { document: last.document.or(earlier.document), dispositions, conflicts })
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
    let document = field(value, &names).filter(is_one).and_then(|_| document::read(&text(value, &names)));
    let document = document.filter(|document| !echo::is_outline(document));
    let mut dispositions: Vec<Disposition> = match field(value, &["dispositions", "decisions", "findings"]) {
        Some(Value::Array(list)) => list.iter().filter_map(disposition).collect(),
        Some(Value::Object(by_id)) => by_id.iter().filter_map(|(id, value)| keyed(id, value)).collect(),
        _ => Vec::new(),
    };
    // Edits may stand in a list of their own, each with its finding.
    for edit in items(value, &["edits", "changes"]) {
        let id = finding_id(&text(edit, &["finding", "findingid", "id"]));
        if let Some(given) = dispositions.iter_mut().find(|given| Some(given.finding) == id) {
            given.edits.extend(edits::of(edit));
        }
    }
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
            let (decision, same_as) = decision::of(word)?;
            Some(Disposition { finding: id, decision, same_as, ..Disposition::default() })
        }
        other => with_id(id, other),
    }
}

fn with_id(finding: FindingId, value: &Value) -> Option<Disposition> {
    let said = text(value, &["decision", "disposition", "status", "action", "verdict"]);
    let (decision, named) = decision::of(&said)?;
    let same = || finding_id(&text(value, &["sameas", "duplicateof", "dupof", "duplicates", "same"]));
    let reason = text(value, &["reason", "rationale", "explanation", "why", "justification"]);
    let is_example = !reason.is_empty() && echo::is_blank(&reason);
    let edits = edits::of(value);
    let spans: &[&str] = match edits.is_empty() {
        true => &["changedspan", "span", "newtext", "change", "changedtext"],
        false => &["changedspan", "span"],
    };
    let given = Disposition {
        finding,
        decision,
        reason,
        same_as: if decision == Decision::Duplicate { named.or_else(same) } else { None },
        edits,
        changed_span: text(value, spans),
    };
    (!is_example).then_some(given)
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
