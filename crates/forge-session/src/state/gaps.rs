//! What an answer lacks, for the one repair that may complete it.

use std::{cell::LazyCell, collections::BTreeSet};

use forge_prompt::is_refusal;

use super::{Call, Outcome, State, is_cut_off};
use crate::{
    answer::{Check, Critique, Disposition, DispositionKind, FindingId, Reading, Revision},
    passage::QuoteIndex,
    revise::{Revised, revise},
    stage::{Mode, Purpose, Stage},
};

/// What an answer lacks, and for which findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gap {
    /// In words.
    pub(crate) problem: String,
    /// What is asked of whoever gave the answer.
    pub(crate) wanted: &'static str,
    /// The findings that it is about; all of them if empty.
    pub(crate) findings: Vec<FindingId>,
}

impl Gap {
    fn of(problem: impl Into<String>, wanted: &'static str) -> Self {
        Self { problem: problem.into(), wanted, findings: Vec::new() }
    }
}

impl State {
    /// What `reading` leaves out; `None` if it is complete. `revised` is what a revision makes of the text.
    pub(crate) fn gap(
        &self,
        cycle: u32,
        reading: Option<&Reading>,
        revised: Option<&Revised>,
        last: &Call,
    ) -> Option<Gap> {
        let is_cut = matches!(&last.outcome, Outcome::Answered(answer) if is_cut_off(answer.stop_reason));
        match reading {
            Some(Reading::Document(_)) => None,
            Some(Reading::Critique(critique)) => unrated(critique),
            Some(Reading::Revision(revision)) => self.gap_of_revision(cycle, revision, revised?),
            Some(Reading::Check(check)) => self.gap_of_check(check),
            Some(Reading::Contradictory) => {
                Some(Gap::of("it says two things that exclude each other", "Say once what holds."))
            }
            Some(Reading::Unreadable) | None if is_cut => Some(Gap::of(
                "it was cut off at its length limit",
                "Give at most the five most important items, in few words.",
            )),
            Some(Reading::Unreadable) | None => {
                let wanted = "Give one JSON object and nothing else.";
                Some(Gap::of("it is not in the form that was asked for", wanted))
            }
        }
    }

    /// Findings that a check has no verdict on.
    fn gap_of_check(&self, check: &Check) -> Option<Gap> {
        let given: BTreeSet<FindingId> = check.verdicts.iter().map(|verdict| verdict.finding).collect();
        let missing: Vec<FindingId> =
            self.to_check().into_iter().filter(|finding| !given.contains(finding)).collect();
        let problem = format!("it has no verdict on {}", list(&missing));
        let wanted = "Judge the findings below.";
        (!missing.is_empty()).then_some(Gap { problem, wanted, findings: missing })
    }

    /// Findings whose decision is missing or does not fit the text; or a document that lost too much.
    fn gap_of_revision(&self, cycle: u32, revision: &Revision, revised: &Revised) -> Option<Gap> {
        // Before everything else: of a document that lost so much, no decision can be taken over.
        if revised.loss.is_too_much() {
            let (lost, of) = (revised.loss.lines, revised.loss.of);
            return Some(Gap::of(
                format!("its document lost text that no accepted finding is about ({lost} of {of} lines)"),
                "Answer with edits, each an old passage and a new one; what they do not touch stays.",
            ));
        }
        let mut problems: Vec<(FindingId, String)> = Vec::new();
        // Only duplicates are looked for in it.
        let base = LazyCell::new(|| QuoteIndex::of(self.base(cycle).map_or("", |version| &version.text)));
        for finding in self.ledger.open() {
            let given = revision.dispositions.iter().find(|given| given.finding == finding.id);
            let problem = match given {
                None => Some("no decision".to_owned()),
                Some(given) if given.decision == DispositionKind::Duplicate => {
                    self.ledger.duplicate_target(&base, finding, given, &revision.dispositions).err()
                }
                Some(_) => revised.unplaced.get(&finding.id).cloned(),
            };
            problems.extend(problem.map(|problem| (finding.id, problem)));
        }
        if problems.is_empty() {
            return None;
        }
        let told: Vec<String> = problems.iter().map(|(id, problem)| format!("{id}: {problem}")).collect();
        let problem = told.join("; ");
        let wanted = "Decide the findings below again, and only these, for the document as it stands below: the \
                      edits that could be made are in it.";
        Some(Gap { problem, wanted, findings: problems.into_iter().map(|(id, _)| id).collect() })
    }

    /// What a revision makes of the text that `cycle` starts from.
    pub(crate) fn revised_by(&self, cycle: u32, revision: &Revision) -> Revised {
        let base = self.base(cycle).map_or("", |version| &version.text);
        match self.plan.settings.mode {
            Mode::Judge => Revised::unchanged(base),
            Mode::Direct | Mode::Review | Mode::Council => revise(base, revision, &self.ledger),
        }
    }

    /// The same where the reading is a revision.
    pub(crate) fn revised(&self, cycle: u32, reading: Option<&Reading>) -> Option<Revised> {
        match reading {
            Some(Reading::Revision(revision)) => Some(self.revised_by(cycle, revision)),
            _ => None,
        }
    }

    /// The answer of a repair completes the one before it: decisions that stood go on standing.
    pub(super) fn joined(&self, cycle: u32, first: &Revision, second: Revision) -> Revision {
        // The first document is not used, and so none of its decisions; what it said of conflicts holds.
        let revised = self.revised_by(cycle, first);
        if revised.loss.is_too_much() {
            return Revision { conflicts: pick(&first.conflicts, second.conflicts), ..second };
        }
        let failed = self.gap_of_revision(cycle, first, &revised).map(|gap| gap.findings).unwrap_or_default();
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
        // Models put a claim into other words. The place decides only between lists of one length.
        let same = same.or_else(|| second.findings.get(at).filter(|_| in_order));
        finding.severity = same.and_then(|other| other.severity);
    }
    first
}

/// Findings without a severity. They would count as major, so that it is worth asking.
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
    let problem = format!("it gives no known severity for {claims}");
    Some(Gap::of(problem, "Rate each finding as critical, major, minor or nit."))
}

/// What was said first, unless it was nothing: a repair is not asked for these.
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
    // Any text is a draft, so that none has a form to repair.
    stage != Stage::Draft
        && super::is_usable(answer.stop_reason, stage)
        && !answer.raw_content.trim().is_empty()
        && !is_refusal(&answer.raw_content)
}
