//! The findings ledger: which faults were raised, by how many, and what became of each.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Decision, Disposition, Finding, FindingId, FindingState, Raised, Remark, Verdict, seed};

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
        let (mut judged, mut text, mut gists) = ("", Text::default(), Vec::new());
        for Heard { seat, remark, document, late } in heard {
            if !std::ptr::eq(judged, *document) {
                (judged, text) = (*document, Text::of(document));
                gists = ledger.findings().map(|known| Gist::of(known.id, &known.remark, &text)).collect();
            }
            let id = FindingId(ledger.0.keys().next_back().map_or(1, |last| last.0 + 1));
            let gist = Gist::of(id, remark, &text);
            let raised =
                Raised { seat: *seat, cycle, severity: remark.severity, claim: remark.claim.clone() };
            let same = gists.iter().find(|known| known.says_the_same(&gist)).map(|known| known.id);
            let id = if let Some(known) = same.and_then(|id| ledger.0.get_mut(&id)) {
                known.raised_by.push(raised);
                known.remark.severity = known.remark.severity.max(remark.severity);
                let done = matches!(known.state, FindingState::Settled | FindingState::Accepted);
                if done && !late {
                    known.state = FindingState::Open;
                    known.note = Some("raised again".into());
                }
                known.id
            } else {
                let finding = Finding {
                    id,
                    cycle,
                    remark: (*remark).clone(),
                    anchored: gist.place.is_some(),
                    raised_by: vec![raised],
                    state: FindingState::Open,
                    disposition: None,
                    note: None,
                };
                ledger.0.insert(id, finding);
                gists.push(gist);
                id
            };
            touched.insert(id);
        }
        touched.into_iter().filter_map(|id| ledger.0.get(&id).cloned()).collect()
    }

    /// Every open finding after the synthesizer's decisions: an accepted one counts only if the text really
    /// changed, a rejected one only with a reason, and one without a decision stays open.
    pub(crate) fn dispose(&self, old: &str, new: &str, dispositions: &[Disposition]) -> Vec<Finding> {
        let (old, new) = (Text::of(old), Text::of(new));
        let decide = |finding: &Finding| {
            let given = dispositions.iter().find(|given| given.finding == finding.id);
            let (state, note) = match given {
                None => (FindingState::Open, Some("the synthesizer left it out")),
                Some(given) => match given.decision {
                    Decision::Accept if !has_changed(&old, &new, finding, given) => {
                        (FindingState::Open, Some("accepted, but the text did not change"))
                    }
                    Decision::Accept if finding.blocks() => (FindingState::Accepted, None),
                    Decision::Accept => (FindingState::Settled, None),
                    Decision::Reject if given.reason.trim().is_empty() => {
                        (FindingState::Open, Some("rejected without a reason"))
                    }
                    Decision::Reject => (FindingState::Rejected, None),
                    Decision::Defer | Decision::Duplicate => (FindingState::Deferred, None),
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

/// A document without its white space, in which quotes are looked for.
#[derive(Debug, Default)]
struct Text {
    solid: String,
    /// Where each byte of it stands in the document.
    places: Vec<usize>,
}

impl Text {
    fn of(document: &str) -> Self {
        let mut text = Self::default();
        for (at, c) in document.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            text.solid.push(c);
            text.places.extend((at..).take(c.len_utf8()));
        }
        text
    }

    /// Where `quote` occurs, as byte positions in the document.
    fn find(&self, quote: &str) -> Option<(usize, usize)> {
        let quote = quote.trim().trim_matches(['"', '“', '”', '`']);
        let wanted: String = quote.chars().filter(|c| !c.is_whitespace()).collect();
        if wanted.is_empty() {
            return None;
        }
        let start = self.solid.find(&wanted)?;
        Some((*self.places.get(start)?, self.places.get(start + wanted.len() - 1)? + 1))
    }
}

/// The text changed for this finding if the new passage is there and was not, or if the quoted one is gone.
fn has_changed(old: &Text, new: &Text, finding: &Finding, given: &Disposition) -> bool {
    let occurs = |text: &Text, part: &str| text.find(part).is_some();
    let span = &given.changed_span;
    let came = occurs(new, span) && !occurs(old, span);
    let quote = &finding.remark.quote;
    came || (occurs(old, quote) && !occurs(new, quote))
}

/// What a finding is about, for comparison with many others.
#[derive(Debug)]
struct Gist {
    id: FindingId,
    place: Option<(usize, usize)>,
    words: BTreeSet<String>,
    /// A bit for each word, by which most claims are told apart at once.
    bits: u128,
}

impl Gist {
    fn of(id: FindingId, remark: &Remark, text: &Text) -> Self {
        let words = remark.claim.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: BTreeSet<String> = words.map(str::to_lowercase).collect();
        let bits = words.iter().fold(0, |bits, word| bits | 1 << (seed::hash(&[word.as_bytes()]) % 128));
        Self { id, place: text.find(&remark.quote), words, bits }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        match (self.place, other.place) {
            (Some(one), Some(another)) => overlap(one, another) && self.is_like(other, SAME_PLACE),
            _ => self.is_like(other, ANYWHERE),
        }
    }

    /// Whether the claims have this share of their words in common (Jaccard).
    fn is_like(&self, other: &Self, share: f64) -> bool {
        let is_enough = |common: usize| {
            let all = self.words.len() + other.words.len() - common;
            all > 0 && common as f64 >= share * all as f64
        };
        let most = self.words.len() - (self.bits & !other.bits).count_ones() as usize;
        is_enough(most) && is_enough(self.words.intersection(&other.words).count())
    }
}

/// Whether the shorter passage lies in the longer one by half or more.
fn overlap(one: (usize, usize), other: (usize, usize)) -> bool {
    let common = one.1.min(other.1).saturating_sub(one.0.max(other.0));
    let shorter = (one.1 - one.0).min(other.1 - other.0);
    common * 2 >= shorter
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
        Disposition {
            finding: FindingId(1),
            decision,
            reason: reason.into(),
            changed_span: span.into(),
            ..Disposition::default()
        }
    }

    #[test]
    fn a_quote_is_found_whatever_its_white_space() {
        let text = Text::of(TEXT);
        let place = text.find("one  hundred requests\ta minute.").unwrap();
        assert_eq!(&TEXT[place.0..place.1], "one hundred\nrequests a minute.");
        assert_eq!(Text::of("für Öl").find("Öl").map(|place| &"für Öl"[place.0..place.1]), Some("Öl"));
        for missing in ["", "  ", "\"\"", "two hundred"] {
            assert_eq!(text.find(missing), None, "{missing:?}");
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
