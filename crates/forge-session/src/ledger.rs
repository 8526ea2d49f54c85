//! The findings ledger: which faults were raised, by how many, and what became of each.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Decision, Disposition, Finding, FindingId, FindingState, Raised, Remark, Verdict};

/// Two claims about one passage say the same when they share this part of their words; claims about no
/// certain passage must share more.
const SAME_PLACE: f64 = 0.4;
const ANYWHERE: f64 = 0.75;

/// Every finding of a session. Findings are merged, never dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger(BTreeMap<FindingId, Finding>);

impl Ledger {
    /// Every finding in the order of its number.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.0.values()
    }

    /// The finding with this number.
    pub fn find(&self, id: FindingId) -> Option<&Finding> {
        self.0.get(&id)
    }

    /// Findings that wait for a decision or a change.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings().filter(|finding| finding.is_open())
    }

    /// Critical and major findings that are open.
    pub fn open_blocking(&self) -> usize {
        self.open().filter(|finding| finding.blocks()).count()
    }

    pub(crate) fn set(&mut self, findings: &[Finding]) {
        self.0.extend(findings.iter().map(|finding| (finding.id, finding.clone())));
    }

    /// The findings that these remarks make new or raise again.
    pub(crate) fn raise(&self, cycle: u32, heard: &[Heard<'_>]) -> Vec<Finding> {
        let mut ledger = self.clone();
        let mut touched = BTreeSet::new();
        for Heard { seat, remark, document, late } in heard {
            let place = anchor(document, &remark.quote);
            let raised =
                Raised { seat: *seat, cycle, severity: remark.severity, claim: remark.claim.clone() };
            let same = ledger.0.values_mut().find(|known| says_the_same(known, remark, document, place));
            let id = if let Some(known) = same {
                known.raised_by.push(raised);
                known.remark.severity = known.remark.severity.max(remark.severity);
                let done = matches!(known.state, FindingState::Settled | FindingState::Accepted);
                if done && !late {
                    known.state = FindingState::Open;
                    known.note = Some("raised again".into());
                }
                known.id
            } else {
                let id = FindingId(ledger.0.keys().next_back().map_or(1, |last| last.0 + 1));
                let finding = Finding {
                    id,
                    cycle,
                    remark: (*remark).clone(),
                    anchored: place.is_some(),
                    raised_by: vec![raised],
                    state: FindingState::Open,
                    disposition: None,
                    note: None,
                };
                ledger.0.insert(id, finding);
                id
            };
            touched.insert(id);
        }
        touched.into_iter().filter_map(|id| ledger.0.get(&id).cloned()).collect()
    }

    /// Every open finding after the synthesizer's decisions: an accepted one counts only if the text really
    /// changed, a rejected one only with a reason, and one without a decision stays open.
    pub(crate) fn dispose(&self, old: &str, new: &str, dispositions: &[Disposition]) -> Vec<Finding> {
        let decide = |finding: &Finding| {
            let given = dispositions.iter().find(|given| given.finding == finding.id);
            let (state, note) = match given {
                None => (FindingState::Open, Some("the synthesizer left it out")),
                Some(given) => match given.decision {
                    Decision::Accept if !has_changed(old, new, finding, given) => {
                        (FindingState::Open, Some("accepted, but the text did not change"))
                    }
                    Decision::Accept if finding.blocks() => (FindingState::Accepted, None),
                    Decision::Accept => (FindingState::Settled, None),
                    Decision::Reject if given.reason.trim().is_empty() => {
                        (FindingState::Open, Some("rejected without a reason"))
                    }
                    Decision::Reject => (FindingState::Rejected, None),
                    Decision::Defer => (FindingState::Deferred, None),
                },
            };
            let disposition = given.cloned().or_else(|| finding.disposition.clone());
            Finding { state, disposition, note: note.map(str::to_owned), ..finding.clone() }
        };
        self.open().map(decide).collect()
    }

    /// The accepted findings after a check. What the check says nothing about is open again.
    pub(crate) fn judge(&self, verdicts: &[Verdict]) -> Vec<Finding> {
        let accepted = self.findings().filter(|finding| finding.state == FindingState::Accepted);
        let judge = |finding: &Finding| {
            let given = verdicts.iter().find(|verdict| verdict.finding == finding.id);
            let (state, note) = match given {
                Some(verdict) if verdict.settled => (FindingState::Settled, None),
                Some(verdict) => (FindingState::Open, Some(format!("not settled: {}", verdict.reason))),
                None => (FindingState::Open, Some("the check left it out".into())),
            };
            Finding { state, note, ..finding.clone() }
        };
        accepted.map(judge).collect()
    }
}

/// What one critic said about one document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard<'a> {
    /// The critic's seat; `None` for the checker.
    pub(crate) seat: Option<u32>,
    /// What it said.
    pub(crate) remark: &'a Remark,
    /// The document that it judged.
    pub(crate) document: &'a str,
    /// Whether there is a newer version, so that a fault may have been settled in the meantime.
    pub(crate) late: bool,
}

/// Where `quote` occurs in `document` apart from white space, as byte positions.
pub(crate) fn anchor(document: &str, quote: &str) -> Option<(usize, usize)> {
    let solid = |c: &char| !c.is_whitespace();
    let quote = quote.trim().trim_matches(['"', '“', '”', '`']);
    let wanted: String = quote.chars().filter(solid).collect();
    if wanted.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(document.len());
    let mut places = Vec::with_capacity(document.len());
    for (at, c) in document.char_indices().filter(|(_, c)| solid(c)) {
        text.push(c);
        places.extend(std::iter::repeat_n(at, c.len_utf8()));
    }
    let start = text.find(&wanted)?;
    let last = places.get(start + wanted.len() - 1)?;
    let end = last + document[*last..].chars().next().map_or(1, char::len_utf8);
    Some((*places.get(start)?, end))
}

/// The text changed for this finding if the new passage is there and was not, or if the quoted one is gone.
fn has_changed(old: &str, new: &str, finding: &Finding, given: &Disposition) -> bool {
    let occurs = |text: &str, part: &str| anchor(text, part).is_some();
    let span = &given.changed_span;
    let came = occurs(new, span) && !occurs(old, span);
    let quote = &finding.remark.quote;
    came || (occurs(old, quote) && !occurs(new, quote))
}

fn says_the_same(known: &Finding, remark: &Remark, document: &str, place: Option<(usize, usize)>) -> bool {
    let likeness = likeness(&known.remark.claim, &remark.claim);
    match (anchor(document, &known.remark.quote), place) {
        (Some(one), Some(other)) => overlap(one, other) && likeness >= SAME_PLACE,
        _ => likeness >= ANYWHERE,
    }
}

/// Whether the shorter passage lies in the longer one by half or more.
fn overlap(one: (usize, usize), other: (usize, usize)) -> bool {
    let common = one.1.min(other.1).saturating_sub(one.0.max(other.0));
    let shorter = (one.1 - one.0).min(other.1 - other.0);
    common * 2 >= shorter
}

/// The share of words that two claims have in common (Jaccard).
fn likeness(one: &str, other: &str) -> f64 {
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let (one, other) = (words(one), words(other));
    let all = one.union(&other).count();
    if all == 0 { 0.0 } else { one.intersection(&other).count() as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    const TEXT: &str = "# Limits\n\nThe limit is one hundred\nrequests a minute.\n\nTokens never expire.\n";

    fn remark(severity: Severity, quote: &str, claim: &str) -> Remark {
        Remark { severity: Some(severity), quote: quote.into(), claim: claim.into(), ..Remark::default() }
    }

    fn said(seat: u32, remark: &Remark) -> Heard<'_> {
        Heard { seat: Some(seat), remark, document: TEXT, late: false }
    }

    fn raised(remarks: &[Remark]) -> Ledger {
        let mut ledger = Ledger::default();
        let heard: Vec<_> = remarks.iter().zip(0..).map(|(remark, seat)| said(seat, remark)).collect();
        ledger.set(&ledger.raise(1, &heard));
        ledger
    }

    fn decided(decision: Decision, reason: &str, span: &str) -> Disposition {
        Disposition { finding: FindingId(1), decision, reason: reason.into(), changed_span: span.into() }
    }

    #[test]
    fn a_quote_is_found_whatever_its_white_space() {
        let place = anchor(TEXT, "one  hundred requests\ta minute.").unwrap();
        assert_eq!(&TEXT[place.0..place.1], "one hundred\nrequests a minute.");
        assert_eq!(anchor("für Öl", "Öl").map(|place| &"für Öl"[place.0..place.1]), Some("Öl"));
        for missing in ["", "  ", "\"\"", "two hundred"] {
            assert_eq!(anchor(TEXT, missing), None, "{missing:?}");
        }
    }

    #[test]
    fn a_finding_with_a_quote_from_nowhere_is_kept_and_unanchored() {
        let ledger = raised(&[remark(Severity::Major, "two hundred", "the number is wrong")]);
        assert!(!ledger.find(FindingId(1)).unwrap().anchored);
        assert_eq!(ledger.open_blocking(), 1);
    }

    #[test]
    fn the_same_fault_raised_twice_is_one_finding_with_the_worse_severity() {
        let ledger = raised(&[
            remark(Severity::Minor, "Tokens never expire.", "tokens never expire, which is unsafe"),
            remark(Severity::Critical, "Tokens never  expire", "unsafe: the tokens never expire"),
            remark(Severity::Nit, "Tokens never expire.", "a full stop too many"),
        ]);
        let all: Vec<_> = ledger.findings().collect();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].raised_by.len(), all[0].remark.severity), (2, Some(Severity::Critical)));
        assert_eq!(all[1].raised_by.len(), 1);
    }

    #[test]
    fn acceptance_counts_only_if_the_text_changed() {
        let ledger = raised(&[remark(Severity::Major, "Tokens never expire.", "they must")]);
        let new = TEXT.replace("Tokens never expire.", "Tokens expire after an hour.");
        let state = |new: &str, span: &str| {
            ledger.dispose(TEXT, new, &[decided(Decision::Accept, "", span)])[0].state
        };
        assert_eq!(state(&new, "Tokens expire after an hour."), FindingState::Accepted);
        assert_eq!(state(&new, ""), FindingState::Accepted);
        assert_eq!(state(TEXT, "Tokens expire after an hour."), FindingState::Open);
        assert_eq!(state(TEXT, "Tokens never expire."), FindingState::Open);
    }

    #[test]
    fn a_finding_without_a_decision_or_rejected_without_a_reason_stays_open() {
        let ledger = raised(&[remark(Severity::Major, "Tokens never expire.", "they must")]);
        let state = |given: &[Disposition]| ledger.dispose(TEXT, TEXT, given)[0].state;
        assert_eq!(state(&[]), FindingState::Open);
        assert_eq!(state(&[decided(Decision::Reject, " ", "")]), FindingState::Open);
        assert_eq!(state(&[decided(Decision::Reject, "out of scope", "")]), FindingState::Rejected);
        assert_eq!(state(&[decided(Decision::Defer, "", "")]), FindingState::Deferred);
    }

    #[test]
    fn a_check_settles_only_what_it_names() {
        let mut ledger = raised(&[
            remark(Severity::Major, "Tokens never expire.", "they must"),
            remark(Severity::Major, "The limit is one hundred", "per whom?"),
        ]);
        let new = "all new";
        let mut given =
            vec![decided(Decision::Accept, "", "all new"), decided(Decision::Accept, "", "all new")];
        given[1].finding = FindingId(2);
        ledger.set(&ledger.dispose(TEXT, new, &given));
        let verdict = Verdict { finding: FindingId(1), settled: true, reason: String::new() };
        ledger.set(&ledger.judge(&[verdict]));
        let states: Vec<_> = ledger.findings().map(|finding| finding.state).collect();
        assert_eq!(states, [FindingState::Settled, FindingState::Open]);
    }

    #[test]
    fn a_settled_fault_that_is_raised_again_is_open_again_and_a_rejected_one_is_not() {
        for (state, expected) in
            [(FindingState::Settled, FindingState::Open), (FindingState::Rejected, FindingState::Rejected)]
        {
            let fault = remark(Severity::Major, "Tokens never expire.", "they must");
            let mut ledger = raised(std::slice::from_ref(&fault));
            let settled = Finding { state, ..ledger.find(FindingId(1)).unwrap().clone() };
            ledger.set(&[settled]);
            assert_eq!(ledger.raise(2, &[said(0, &fault)])[0].state, expected);
            let late = Heard { late: true, ..said(0, &fault) };
            assert_eq!(ledger.raise(2, &[late])[0].state, state);
        }
    }
}
