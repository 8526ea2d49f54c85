//! What an answer leaves out, for the one repair that may complete it.

use std::collections::BTreeSet;

use super::{Call, Outcome, State, is_cut_off};
use crate::{
    Decision, Disposition, FindingId, Purpose, Stage,
    answer::{Check, Critique, Reading, Revision},
    passage::Text,
    revise::{Revised, revise},
};

/// What is missing, and for which findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gap {
    /// In words, for whoever gave the answer.
    pub(crate) problem: String,
    /// The findings that it is about; all of them if empty.
    pub(crate) findings: Vec<FindingId>,
}

impl Gap {
    fn of(problem: impl Into<String>) -> Option<Self> {
        Some(Self { problem: problem.into(), findings: Vec::new() })
    }
}

impl State {
    /// What `reading` leaves out; `None` if it is complete.
    pub(crate) fn gap(&self, cycle: u32, reading: Option<&Reading>, last: &Call) -> Option<Gap> {
        let is_cut = matches!(&last.outcome, Outcome::Answered(answer) if is_cut_off(answer.stop_reason));
        match reading {
            Some(Reading::Document(_)) => None,
            Some(Reading::Critique(critique)) => unrated(critique),
            Some(Reading::Revision(revision)) => self.gap_of_revision(cycle, revision),
            Some(Reading::Check(check)) => self.gap_of_check(check),
            Some(Reading::Contradictory) => {
                Gap::of("It says two things that exclude each other. Say once what holds.")
            }
            Some(Reading::Unreadable) | None if is_cut => Gap::of(
                "It was cut off at its length limit. Give at most the five most important items, in few words.",
            ),
            Some(Reading::Unreadable) | None => {
                Gap::of("It is not one JSON object in the form that was asked for.")
            }
        }
    }

    fn gap_of_check(&self, check: &Check) -> Option<Gap> {
        let given: BTreeSet<FindingId> = check.verdicts.iter().map(|verdict| verdict.finding).collect();
        let missing: Vec<FindingId> =
            self.to_check().into_iter().filter(|finding| !given.contains(finding)).collect();
        let problem = format!("It has no verdict on {}.", list(&missing));
        (!missing.is_empty()).then_some(Gap { problem, findings: missing })
    }

    fn gap_of_revision(&self, cycle: u32, revision: &Revision) -> Option<Gap> {
        let revised = self.revised_by(cycle, revision);
        if revised.loss.is_too_much() {
            let (lost, of) = (revised.loss.lines, revised.loss.of);
            return Gap::of(format!(
                "Its document leaves out text that no accepted finding is about ({lost} of {of} lines are gone). Answer \
                 with edits, each an old passage and a new one; what they do not touch stays."
            ));
        }
        let mut problems: Vec<(FindingId, String)> = Vec::new();
        let base = Text::of(self.base(cycle).map_or("", |version| &version.text));
        for finding in self.ledger.open() {
            let given = revision.dispositions.iter().find(|given| given.finding == finding.id);
            let problem = match given {
                None => Some("no decision".to_owned()),
                Some(given) if given.decision == Decision::Duplicate => {
                    self.ledger.stands_for(&base, finding, given, &revision.dispositions).err()
                }
                Some(_) => revised.unplaced.get(&finding.id).cloned(),
            };
            problems.extend(problem.map(|problem| (finding.id, problem)));
        }
        if problems.is_empty() {
            return None;
        }
        let told: Vec<String> = problems.iter().map(|(id, problem)| format!("{id}: {problem}")).collect();
        let problem = format!(
            "The document below has the edits that could be made. Decide these again, and only these: {}.",
            told.join("; ")
        );
        Some(Gap { problem, findings: problems.into_iter().map(|(id, _)| id).collect() })
    }

    /// What a revision makes of the text that `cycle` starts from.
    pub(crate) fn revised_by(&self, cycle: u32, revision: &Revision) -> Revised {
        revise(self.base(cycle).map_or("", |version| &version.text), revision, &self.ledger)
    }

    /// Whether a synthesis can be used, as far as it goes: it must not destroy the text, and where it accepts
    /// anything, something must have come of it.
    pub(crate) fn is_usable_revision(&self, cycle: u32, revision: &Revision) -> bool {
        let accepted = || revision.dispositions.iter().filter(|given| given.decision == Decision::Accept);
        let revised = self.revised_by(cycle, revision);
        let has_text = accepted().any(|given| !given.edits.is_empty()) || revision.document.is_some();
        !revised.loss.is_too_much() && (has_text || accepted().next().is_none())
    }

    /// The answer of a repair completes the one before it: decisions that stood go on standing.
    pub(super) fn joined(&self, cycle: u32, first: &Revision, second: Revision) -> Revision {
        if self.revised_by(cycle, first).loss.is_too_much() {
            return Revision { conflicts: pick(&first.conflicts, second.conflicts), ..second };
        }
        let failed = self.gap_of_revision(cycle, first).map(|gap| gap.findings).unwrap_or_default();
        let stands = |given: &&Disposition| {
            !failed.contains(&given.finding)
                || second.dispositions.iter().all(|again| again.finding != given.finding)
        };
        let mut dispositions: Vec<Disposition> = first.dispositions.iter().filter(stands).cloned().collect();
        let more = second.dispositions.into_iter().filter(|given| failed.contains(&given.finding));
        dispositions.extend(more);
        Revision {
            document: first.document.clone().or(second.document),
            dispositions,
            conflicts: pick(&first.conflicts, second.conflicts),
        }
    }
}

/// A second critique that was asked for to rate the findings of the first one.
pub(super) fn rated(mut first: Critique, second: &Critique) -> Critique {
    let in_order = first.findings.len() == second.findings.len();
    for (at, finding) in first.findings.iter_mut().enumerate().filter(|(_, one)| one.severity.is_none()) {
        let same = second.findings.iter().find(|other| other.claim == finding.claim);
        let same = same.or_else(|| second.findings.get(at).filter(|_| in_order));
        finding.severity = same.and_then(|other| other.severity);
    }
    first
}

fn unrated(critique: &Critique) -> Option<Gap> {
    let unrated: Vec<String> = critique
        .findings
        .iter()
        .filter(|finding| finding.severity.is_none())
        .map(|finding| format!("\"{}\"", finding.claim.chars().take(80).collect::<String>()))
        .collect();
    if unrated.is_empty() {
        return None;
    }
    let claims = unrated.join(", ");
    Gap::of(format!(
        "Each finding needs one of the severities critical, major, minor, nit. Rate these: {claims}."
    ))
}

fn pick<T: Clone>(first: &[T], second: Vec<T>) -> Vec<T> {
    if first.is_empty() { second } else { first.to_vec() }
}

fn list(ids: &[FindingId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether the one repair of a seat is behind it.
pub(super) fn is_repaired(calls: &[&Call]) -> bool {
    calls.iter().any(|call| call.intent.purpose == Purpose::Repair)
}

/// Whether to ask `call` for its answer once more: a plain refusal and nothing at all stay what they are.
pub(super) fn can_be_repaired(stage: Stage, call: &Call) -> bool {
    let Outcome::Answered(answer) = &call.outcome else { return false };
    stage != Stage::Draft
        && super::is_usable(answer.stop_reason, stage)
        && !answer.raw_content.trim().is_empty()
        && !crate::answer::is_refusal(&answer.raw_content)
}
