//! What there is to say of a finding, for all forms of a report.

use forge_prompt::one_line;

use super::{decision, passages::Passages, truncate, voices};
use crate::{
    answer::DispositionKind,
    finding::{Finding, FindingState},
};

/// Characters shown of a passage.
const SHOWN: usize = 400;

/// One line about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// All of them in the order in which they are read; what nobody said is left out.
pub(super) fn facts(finding: &Finding, passages: &Passages) -> Vec<Fact> {
    let issue = &finding.issue;
    let quote = match (truncate(&issue.quote, SHOWN), finding.anchored) {
        (quote, _) if quote.is_empty() => quote,
        (quote, true) => format!("“{quote}” (checked: it stands in the text)"),
        (quote, false) => format!("“{quote}” (its quote is not in the text)"),
    };
    let all = [
        ("Raised by", voices(finding)),
        ("Also put as", also(finding)),
        ("Quote", quote),
        ("Place", truncate(&issue.location, SHOWN)),
        ("Now", place(finding, passages)),
        ("Suggestion", one_line(&issue.suggested_change)),
        ("Decision", one_line(&decision(finding))),
        ("New passage", new_passage(finding)),
        ("Check", check(finding)),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| Fact { name, text }).collect()
}

/// Where its passage stands, in words.
fn place(finding: &Finding, passages: &Passages) -> String {
    match passages.place(finding.id) {
        Some((true, "")) => "in the document".to_owned(),
        Some((true, heading)) => format!("in the document under “{heading}”"),
        Some((false, "")) => "no longer in the document".to_owned(),
        Some((false, heading)) => format!("no longer in the document; in the draft under “{heading}”"),
        None => String::new(),
    }
}

fn also(finding: &Finding) -> String {
    let mut claims: Vec<&str> = Vec::new();
    for claim in finding.raised_by.iter().map(|raised| raised.claim.as_str()) {
        if !claim.is_empty() && claim != finding.issue.claim && !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    claims.into_iter().map(one_line).collect::<Vec<_>>().join(" / ")
}

/// What stands in the text for it, as far as the host could put it there.
fn new_passage(finding: &Finding) -> String {
    // What is still open was accepted in words only, and its passage is not in the text.
    let accepted =
        |given: &&crate::answer::Disposition| given.decision == DispositionKind::Accept && !finding.is_open();
    let Some(given) = finding.disposition.as_ref().filter(accepted) else { return String::new() };
    let new = given.edits.iter().map(|edit| edit.new.as_str()).filter(|new| !new.trim().is_empty());
    let passages: Vec<&str> =
        new.chain(Some(given.changed_span.as_str())).filter(|new| !new.is_empty()).collect();
    if passages.is_empty() && !given.edits.is_empty() {
        return "nothing; the passage is gone".to_owned();
    }
    truncate(&passages.join(" … "), SHOWN)
}

/// What the check made of the decision.
fn check(finding: &Finding) -> String {
    let note = finding.note.as_deref().map(one_line);
    match (finding.state, finding.checked, note) {
        (FindingState::Duplicate, ..) => String::new(),
        (_, true, None) => "the checker agrees".to_owned(),
        (_, _, Some(note)) => note,
        (_, false, None) if finding.disposition.is_some() => {
            if finding.blocks() { "not checked" } else { "none, as the fault is minor" }.to_owned()
        }
        (_, false, None) => String::new(),
    }
}
