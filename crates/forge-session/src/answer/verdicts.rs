//! Reading a check.

use forge_prompt::json::{member, text};
use serde_json::Value;

use super::{
    Check, Reading, Verdict, critique, finding_id, from_markdown, is_schema, unfilled, values, words,
};

/// What all values of an answer say together. A finding that is settled and is not makes it no answer.
pub(super) fn read(text: &str) -> Reading {
    let mut check: Option<Check> = None;
    for part in values(text, &from_json).into_iter().flat_map(|value| value.fits) {
        let all = check.get_or_insert_default();
        all.verdicts.extend(part.verdicts);
        critique::join(&mut all.new_findings, part.new_findings);
    }
    // New findings alone are no check. The verdicts may stand in the text beside them.
    if check.as_ref().is_none_or(|check| check.verdicts.is_empty()) {
        check = from_markdown::check(text).or(check);
    }
    let Some(Check { verdicts: given, new_findings }) = check else { return Reading::Unreadable };
    let mut verdicts: Vec<Verdict> = Vec::new();
    for verdict in given {
        match verdicts.iter_mut().find(|one| one.finding == verdict.finding) {
            Some(one) if one.settled != verdict.settled => return Reading::Contradictory,
            // Said twice, the later reason counts.
            Some(one) => *one = verdict,
            None => verdicts.push(verdict),
        }
    }
    Reading::Check(Check { verdicts, new_findings })
}

/// What a JSON value says of verdicts and new findings; `None` if it has a list of neither.
fn from_json(value: &Value) -> Option<Check> {
    if is_schema(value) {
        return None;
    }
    let verdicts = match value {
        Value::Array(list) => {
            let verdicts: Vec<_> = list.iter().filter_map(verdict).collect();
            return (!verdicts.is_empty()).then(|| Check { verdicts, ..Check::default() });
        }
        _ => member(value, &["verdicts", "settled", "findings", "results"]),
    };
    let new = member(value, &["newfindings", "newissues"]);
    let verdicts: Vec<Verdict> = match verdicts {
        Some(Value::Array(list)) => list.iter().filter_map(verdict).collect(),
        Some(Value::Object(by_id)) => by_id.iter().filter_map(|(id, value)| keyed(id, value)).collect(),
        None if new.is_some() => Vec::new(),
        _ => return None,
    };
    let new_findings = new.and_then(critique::list).unwrap_or_default();
    Some(Check { verdicts, new_findings })
}

/// A verdict that names its finding.
fn verdict(value: &Value) -> Option<Verdict> {
    let finding = finding_id(&text(value, &["finding", "findingid", "id"]))?;
    let said = member(value, &["settled", "issettled", "resolved", "fixed", "verdict", "status"])?;
    given(Verdict { finding, settled: settled(said)?, reason: reason(value) })
}

/// A verdict for which the reason is still to be filled in is one of the form.
fn given(verdict: Verdict) -> Option<Verdict> {
    (!unfilled::is_form(&verdict.reason)).then_some(verdict)
}

/// A verdict under the name of its finding: a word, or an object.
fn keyed(id: &str, value: &Value) -> Option<Verdict> {
    let finding = finding_id(id)?;
    let said = member(value, &["settled", "issettled", "resolved", "verdict", "status"]).unwrap_or(value);
    given(Verdict { finding, settled: settled(said)?, reason: reason(value) })
}

fn reason(value: &Value) -> String {
    text(value, &["reason", "rationale", "explanation", "why", "comment"])
}

/// Yes or no, as a truth value or in a word that is known. Anything else is no verdict, and leaves the
/// finding open.
fn settled(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(said) => Some(*said),
        Value::String(word) => words::is_settled(word),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Form;
    use super::*;

    fn given(text: &str) -> Vec<(u32, bool)> {
        match super::super::read(Form::Check, text) {
            Reading::Check(check) => check.verdicts.iter().map(|one| (one.finding.0, one.settled)).collect(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn verdicts_of_all_values_are_put_together() {
        let real =
            r#"{"verdicts": [{"finding": "F1", "reason": "r", "settled": false}], "new_findings": []}"#;
        for text in [
            format!("<think>If all were well: {}</think>{real}", real.replace("false", "true")),
            format!(r#"{{"verdicts": []}} {real}"#),
            format!(r#"{{"verdicts": [{{"finding": "F1", "settled": true, "reason": "..."}}]}} {real}"#),
            format!(
                r#"{{"verdicts": [{{"finding": its label, "settled": true|false, "reason": text}}], "new_findings": []}} {real}"#
            ),
            format!("{real}\n{real}"),
            "{\"verdicts\": []}\n\nF1: not settled - r".to_owned(),
        ] {
            assert_eq!(given(&text), [(1, false)], "{text}");
        }
        let two = format!(r#"{real} {{"verdicts": [{{"finding": "F2", "settled": "yes"}}]}}"#);
        assert_eq!(given(&two), [(1, false), (2, true)]);
    }

    #[test]
    fn settled_and_not_settled_is_a_contradiction() {
        let one = r#"{"verdicts": [{"finding": "F1", "settled": true}]}"#;
        for text in [
            format!("{one}\n{}", one.replace("true", "false")),
            r#"{"verdicts": [{"finding": "F1", "settled": true}, {"finding": 1, "settled": false}]}"#
                .to_owned(),
            "F1: settled\nF1: not settled".to_owned(),
        ] {
            assert_eq!(super::super::read(Form::Check, &text), Reading::Contradictory, "{text}");
        }
    }

    #[test]
    fn a_question_is_not_taken_for_its_answer() {
        for text in [
            "F1 - settled: yes\nF2 - settled: no",
            "### F1\n\nSettled: yes\n\n### F2\n\n**Settled:** no - it stays",
            "F1: resolved? yes\nF2: resolved? no",
            "- F1: status: fixed\n- F2: status: open",
        ] {
            assert_eq!(given(text), [(1, true), (2, false)], "{text}");
        }
    }

    #[test]
    fn a_rejection_is_upheld_or_overruled() {
        for (word, settled) in [
            ("rightly rejected", true),
            ("Upheld", true),
            ("wrongly_rejected", false),
            ("overruled", false),
            ("not settled", false),
            ("partially", false),
        ] {
            assert_eq!(
                given(&format!(r#"{{"verdicts": [{{"finding": "F1", "verdict": "{word}"}}]}}"#)),
                [(1, settled)],
                "{word}"
            );
            assert_eq!(given(&format!("- F1: {word} - because\n")), [(1, settled)], "{word}");
        }
    }
}
