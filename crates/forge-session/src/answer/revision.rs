//! Reading a synthesis: a document and a decision on every finding.

use forge_prompt::{
    json::{items, member, text},
    markdown::{document, fence},
};
use serde_json::Value;

use super::{
    Conflict, Disposition, DispositionKind, FindingId, Reading, Revision, decision, edits, finding_id,
    from_markdown, unfilled, values,
};

/// The last whole value that fits, completed by what only others say. Two documents, or two decisions on one
/// finding, are no answer.
pub(super) fn read(text: &str) -> Reading {
    let mut found = values(text, &from_json);
    found.retain(|value| !value.fits.is_empty());
    let Some(at) = found.first().map(|value| value.range.start) else {
        return from_markdown::revision(text).map_or(Reading::Unreadable, checked);
    };
    // A value that was cut off does not outweigh one that has its end.
    if found.iter().any(|value| value.is_whole) {
        found.retain(|value| value.is_whole);
    }
    let parts = found.into_iter().flat_map(|value| value.fits);
    let mut parts: Vec<Revision> = parts.collect();
    let Some(last) = parts.pop() else { return Reading::Unreadable };
    let Some(revision) = parts.into_iter().rev().try_fold(last, joined) else {
        return Reading::Contradictory;
    };
    // Text before a list of edits explains it. Taken for a document, it would replace the whole text.
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
    let fenced = fence(last).filter(|(_, info)| ["", "json", "json5"].contains(info)).map(|_| above);
    let document = document(fenced.unwrap_or(text))?;
    let is_headed = document.lines().any(|line| line.starts_with('#'));
    let is_document = is_headed || (fenced.is_some() && document.lines().count() > 2);
    is_document.then(|| from_markdown::without_label(&document))
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

/// What a JSON value says of documents and decisions; `None` if it says nothing of either.
fn from_json(value: &Value) -> Option<Revision> {
    if let Value::Array(list) = value {
        let dispositions: Vec<_> = list.iter().filter_map(disposition).collect();
        return (!dispositions.is_empty()).then(|| Revision { dispositions, ..Revision::default() });
    }
    let names = ["document", "revision", "reviseddocument", "newdocument", "markdown"];
    // A list is one of lines; two documents are none.
    let is_line = |line: &Value| line.as_str().is_some_and(|line| !line.trim_end().contains('\n'));
    let is_one = |value: &&Value| value.as_array().is_none_or(|lines| lines.iter().all(is_line));
    let document = member(value, &names).filter(is_one).and_then(|_| document(&text(value, &names)));
    let document = document.filter(|document| !unfilled::is_outline(document));
    let mut dispositions: Vec<Disposition> = match member(value, &["dispositions", "decisions", "findings"]) {
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

/// A decision that names its finding.
fn disposition(value: &Value) -> Option<Disposition> {
    let id = finding_id(&text(value, &["finding", "findingid", "id"]))?;
    with_id(id, value)
}

/// A decision under the name of its finding: a word, or an object.
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

/// The decision on a finding. Without a word that is known there is none: a guess could lose the finding.
fn with_id(finding: FindingId, value: &Value) -> Option<Disposition> {
    let said = text(value, &["decision", "disposition", "status", "action", "verdict"]);
    let (decision, named) = decision::of(&said)?;
    let same = || finding_id(&text(value, &["sameas", "duplicateof", "dupof", "duplicates", "same"]));
    let reason = text(value, &["reason", "rationale", "explanation", "why", "justification"]);
    let is_example = unfilled::is_form(&reason);
    let edits = edits::of(value);
    // Beside edits, `change` and the like are their names, and no passage of the new text.
    let spans: &[&str] = if edits.is_empty() {
        &["changedspan", "span", "newtext", "change", "changedtext"]
    } else {
        &["changedspan", "span"]
    };
    let given = Disposition {
        finding,
        decision,
        reason,
        same_as: if decision == DispositionKind::Duplicate { named.or_else(same) } else { None },
        edits,
        changed_span: text(value, spans),
    };
    (!is_example).then_some(given)
}

/// A conflict, as far as its fields are there.
fn conflict(value: &Value) -> Conflict {
    let positions = items(value, &["positions", "sides"]);
    Conflict {
        about: text(value, &["about", "topic", "subject", "conflict"]),
        positions: positions.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        resolution: text(value, &["resolution", "decision", "chosen"]),
        rationale: text(value, &["rationale", "reason", "why"]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Edit, Form};
    use super::*;

    fn revision(text: &str) -> Revision {
        match super::super::read(Form::Revision, text) {
            Reading::Revision(revision) => revision,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn edit(old: &str, new: &str) -> Edit {
        Edit { old: old.into(), new: new.into() }
    }

    #[test]
    fn edits_are_read_under_all_their_names_and_kept_byte_for_byte() {
        for text in [
            r#"{"decisions": [{"finding": "F1", "reason": "r", "decision": "accept", "same_as": "", "edits": [{"old": "  a\n", "new": "\tb "}]}], "conflicts": []}"#,
            r#"{"dispositions": [{"finding": "F1", "decision": "accept", "edits": {"old_passage": "  a\n", "new_passage": "\tb "}}]}"#,
            r#"{"decisions": [{"finding": "F1", "decision": "accepted", "edit": [{"search": "  a\n", "replace": "\tb "}]}]}"#,
            r#"{"decisions": [{"finding": "F1", "decision": "accept", "before": "  a\n", "after": "\tb "}]}"#,
            r#"{"decisions": [{"finding": "F1", "decision": "accept", "old": "  a\n", "new_text": "\tb "}]}"#,
            r#"{"decisions": {"F1": {"decision": "accept", "edits": [{"from": "  a\n", "to": "\tb "}]}}}"#,
            r#"{"decisions": [{"finding": "F1", "decision": "accept"}], "edits": [{"finding": "F1", "original": "  a\n", "replacement": "\tb "}]}"#,
            r#"{"decisions": [{"finding": "F1", "decision": "accept", "edits": [{"find": ["  a", ""], "replace_with": "\tb "}, {"old": "x"}, {"old": "...", "new": "..."}]}],}"#,
        ] {
            let read = revision(text);
            assert_eq!(read.dispositions[0].edits, [edit("  a\n", "\tb ")], "{text}");
            assert_eq!((read.dispositions.len(), read.document), (1, None));
        }
        let gone = r#"{"decisions": [{"finding": "F1", "decision": "accept", "edits": [{"old": "a", "new": ""}, {"old": "", "new": "end"}]}]}"#;
        assert_eq!(revision(gone).dispositions[0].edits, [edit("a", ""), edit("", "end")]);
    }

    #[test]
    fn search_and_replace_blocks_are_edits_of_the_finding_above() {
        for head in [
            "### F1: accept - yes",
            "**F1** — accept: yes",
            "### F1\n\nDecision: accept\nReason: yes",
            "### F1: accept\n\nyes",
            "- F1: accepted (yes)",
        ] {
            for (open, close) in [("", ""), ("```\n", "```\n")] {
                let text = format!(
                    "{head}\n\n{open}<<<<<<< SEARCH\n    a = 1\n=======\n    a = 2\n\n    b = F2: reject\n>>>>>>> REPLACE\n{close}\n### F2: reject - no\n"
                );
                let read = revision(&text);
                let given: Vec<_> = read
                    .dispositions
                    .iter()
                    .map(|one| (one.finding.0, one.decision, one.reason.as_str()))
                    .collect();
                assert_eq!(
                    given,
                    [(1, DispositionKind::Accept, "yes"), (2, DispositionKind::Reject, "no")],
                    "{text}"
                );
                assert_eq!(
                    read.dispositions[0].edits,
                    [edit("    a = 1", "    a = 2\n\n    b = F2: reject")],
                    "{text}"
                );
                assert_eq!(read.document, None);
            }
        }
        let bare = "F3\n<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n<<<<<<< SEARCH\ny\n=======\nz\n>>>>>>> REPLACE\n";
        let read = revision(bare);
        assert_eq!(read.dispositions[0].edits, [edit("x", ""), edit("y", "z")]);
        assert_eq!(
            (read.dispositions[0].finding.0, read.dispositions[0].decision),
            (3, DispositionKind::Accept)
        );
    }

    #[test]
    fn a_duplicate_names_the_finding_it_repeats() {
        for said in [
            r#""decision": "duplicate", "same_as": "F2""#,
            r#""decision": "same as F2""#,
            r#""decision": "dup of F2", "same_as": """#,
            r#""decision": "Duplicate (F2)""#,
            r#""decision": "same_as", "same_as": "Finding 2""#,
            r#""decision": "same", "duplicate_of": 2"#,
            r#""decision": "Doublon de F2""#,
        ] {
            let read = revision(&format!(r#"{{"decisions": [{{"finding": "F1", "reason": "r", {said}}}]}}"#));
            let one = &read.dispositions[0];
            assert_eq!(
                (one.decision, one.same_as),
                (DispositionKind::Duplicate, Some(FindingId(2))),
                "{said}"
            );
        }
        let line = revision("## Dispositions\n\n- F1: same as F2 - both say so\n- F2: reject - no");
        assert_eq!(line.dispositions[0].same_as, Some(FindingId(2)));
        let accepted =
            revision(r#"{"decisions": [{"finding": "F1", "decision": "accept", "same_as": "F2"}]}"#);
        assert_eq!(accepted.dispositions[0].same_as, None);
    }

    #[test]
    fn decisions_are_known_in_ten_languages() {
        for (decision, words) in [
            (
                DispositionKind::Accept,
                "accept adopted 接受 स्वीकार aceptado accepté قبول aceito принято akzeptiert 採用",
            ),
            (
                DispositionKind::Reject,
                "reject wontfix 拒绝 अस्वीकार rechazado rejeté رفض rejeitado отклонено abgelehnt 却下",
            ),
            (
                DispositionKind::Defer,
                "defer later 推迟 स्थगित aplazado différé مؤجل adiado отложено verschoben 延期",
            ),
            (DispositionKind::Duplicate, "duplicate same 重复 duplicado doublon مكرر дубликат duplikat 重複"),
        ] {
            for word in words.split(' ') {
                assert_eq!(decision::of(word), Some((decision, None)), "{word}");
            }
        }
        for word in ["", "perhaps", "accept|reject|defer", "F2", "accept F2", "not accepted"] {
            assert_eq!(decision::of(word), None, "{word}");
        }
    }

    const WHOLE: &str = r##"{"document": "# T\n\nNew.", "dispositions": [{"finding": "F1", "decision": "accept", "reason": "r"}]}"##;

    #[test]
    fn the_last_whole_value_counts_and_two_that_differ_exclude_each_other() {
        for text in [
            format!("<think>{}</think>{WHOLE}", WHOLE.replace("New", "Old")),
            format!("{WHOLE}\n{WHOLE}"),
            format!(r#"{{"document": "...", "dispositions": [{{"finding": "F1", "decision": "reject", "reason": "..."}}]}} {WHOLE}"#),
            format!(r#"{{"document": "the whole new document in Markdown", "dispositions": [{{"finding": "F1", "decision": "accept|reject|defer", "reason": text}}]}} {WHOLE}"#),
            format!(r#"{{"document": "<document>", "dispositions": []}} {WHOLE}"#),
            format!("{WHOLE}\n\n{{\"document\": \"# T\\n\\nOther.\", \"dispositions\": [{{\"finding\": \"F1\", \"decision\": \"reject\"}}, {{\"fin"),
            r##"{"document": "# T\n\nNew."} {"dispositions": [{"finding": "F1", "decision": "accept", "reason": "r"}]}"##.to_owned(),
        ] {
            let read = revision(&text);
            assert_eq!(read.document.as_deref(), Some("# T\n\nNew."), "{text}");
            assert_eq!((read.dispositions.len(), read.dispositions[0].decision), (1, DispositionKind::Accept), "{text}");
        }
        for text in [
            format!("{WHOLE}\n{}", WHOLE.replace("New", "Old")),
            format!("{WHOLE}\n{}", WHOLE.replace("accept", "reject")),
            r#"{"decisions": [{"finding": "F1", "decision": "accept"}, {"finding": "F1", "decision": "reject"}]}"#.to_owned(),
        ] {
            assert_eq!(super::super::read(Form::Revision, &text), Reading::Contradictory, "{text}");
        }
    }

    #[test]
    fn what_is_said_before_decisions_is_no_document() {
        let json = r#"{"decisions": [{"finding": "F1", "decision": "reject", "reason": "r"}]}"#;
        for text in
            [format!("Sure.\nHere are my decisions:\n\n{json}"), format!("Sure.\n\n```json\n{json}\n```")]
        {
            assert_eq!(revision(&text).document, None, "{text}");
        }
        let document = "# T\n\nBody.";
        for text in [
            format!("{document}\n\n{json}"),
            format!("{document}\n\n```json\n{json}\n```"),
            format!("```markdown\n{document}\n```\n\n```json\n{json}\n```"),
        ] {
            assert_eq!(revision(&text).document.as_deref(), Some(document), "{text}");
        }
    }
}
