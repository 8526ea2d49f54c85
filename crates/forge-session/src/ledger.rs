//! The findings ledger: which faults were raised, by whom, and the outcome of each.
//!
//! Nothing leaves it, and no wording alone closes anything. The host confirms each decision: a changed text
//! for an acceptance, a reason for a rejection, the same passage for a duplicate. For what blocks, a check
//! has to agree as well; what it does not mention is open again.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use crate::{
    answer::{Disposition, DispositionKind, FindingId, Issue, Severity, Verdict},
    finding::{Finding, FindingState, Raised},
    passage::{QuoteIndex, overlap},
};

/// Every finding of a session. No finding is ever removed: its outcome changes instead.
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

    /// Findings that need a decision or a change.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings().filter(|finding| finding.is_open())
    }

    /// Critical and major findings that are open.
    pub fn open_blocking(&self) -> usize {
        self.open().filter(|finding| finding.blocks()).count()
    }

    /// The seats that raised a finding or one of its duplicates in `cycle`, each once.
    pub(crate) fn seats(&self, finding: &Finding, cycle: u32) -> BTreeSet<u32> {
        let same = self.findings().filter(|other| other.duplicate_of() == Some(finding.id));
        let raised = std::iter::once(finding).chain(same).flat_map(|one| &one.raised_by);
        raised.filter(|raised| raised.cycle == cycle).filter_map(|raised| raised.seat).collect()
    }

    /// Puts these findings in the place of those with their numbers.
    pub(crate) fn set(&mut self, findings: &[Finding]) {
        self.0.extend(findings.iter().map(|finding| (finding.id, finding.clone())));
    }

    /// The number of the next finding, from 1.
    fn next_id(&self) -> FindingId {
        // Nothing leaves the ledger, so that no number is given twice.
        FindingId(self.0.keys().next_back().map_or(1, |last| last.0 + 1))
    }

    /// The findings that these issues create or raise again. Only equal words about one passage are one finding. Whether
    /// two critics mean the same is a judgement, which the synthesizer makes and the checker reviews.
    pub(crate) fn raise(&self, cycle: u32, raised: &[RaisedFinding<'_>]) -> Vec<Finding> {
        let mut ledger = self.clone();
        let mut touched = BTreeSet::new();
        let mut judged = "";
        let mut text = QuoteIndex::default();
        let mut places: BTreeMap<FindingId, Option<Range<usize>>> = BTreeMap::new();
        let mut claims: BTreeMap<String, Vec<FindingId>> = BTreeMap::new();
        for finding in self.findings() {
            claims.entry(finding.issue.claim.clone()).or_default().push(finding.id);
        }
        for RaisedFinding { seat, issue, document, late } in raised {
            // Issues about one text follow each other, so that its index is made once for all of them.
            if !std::ptr::eq(judged, *document) {
                (judged, text) = (*document, QuoteIndex::of(document));
                places = ledger.findings().map(|known| (known.id, text.find(&known.issue.quote))).collect();
            }
            let place = text.find(&issue.quote);
            let voice = Raised {
                seat: *seat,
                person: false,
                cycle,
                who: None,
                severity: issue.severity,
                claim: issue.claim.clone(),
            };
            let same_claim = claims.get(&issue.claim).into_iter().flatten();
            let same = same_claim.copied().find(|id| match (&place, places.get(id)) {
                (Some(one), Some(Some(other))) => overlap(one, other),
                // A quote that is not in the text has no place. Then only the same quote is the same passage.
                _ => ledger.find(*id).is_some_and(|known| known.issue.quote == issue.quote),
            });
            let id = if let Some(known) = same.and_then(|id| ledger.0.get_mut(&id)) {
                known.raise_again(voice, *late);
                known.id
            } else {
                let id = ledger.next_id();
                places.insert(id, place.clone());
                claims.entry(issue.claim.clone()).or_default().push(id);
                ledger.0.insert(id, Finding::new(id, cycle, (*issue).clone(), place.is_some(), voice));
                id
            };
            touched.insert(id);
        }
        touched.into_iter().filter_map(|id| ledger.0.get(&id).cloned()).collect()
    }

    /// Feedback of the person who asked for the document, as findings that must be decided like any other.
    pub(crate) fn raise_feedback<'a>(
        &self,
        cycle: u32,
        wanted: impl Iterator<Item = &'a str>,
    ) -> Vec<Finding> {
        let first = self.next_id().0;
        let finding = |(id, text): (u32, &str)| {
            // Major, so that it has to be decided before anything is called settled.
            let severity = Some(Severity::Major);
            let issue = Issue { severity, claim: text.to_owned(), ..Issue::default() };
            let voice =
                Raised { seat: None, person: true, cycle, who: None, severity, claim: text.to_owned() };
            Finding::new(FindingId(id), cycle, issue, false, voice)
        };
        (first..).zip(wanted).map(finding).collect()
    }

    /// The open findings after the decisions of the synthesizer. The host verifies each decision: acceptance counts only if
    /// the text changed (`unplaced` tells where it did not), rejection only with a reason, a duplicate only at the same
    /// passage. Anything else leaves the finding open, so that no wording can make one disappear.
    pub(crate) fn dispose(
        &self,
        base: &str,
        unplaced: &BTreeMap<FindingId, String>,
        dispositions: &[Disposition],
    ) -> Vec<Finding> {
        // Only duplicates are looked for in it.
        let base = LazyCell::new(|| QuoteIndex::of(base));
        let mut ledger = self.clone();
        let mut decided = BTreeSet::new();
        // Only what is open: a second decision on what is settled could take it back unseen.
        for finding in self.open() {
            let given = dispositions.iter().find(|given| given.finding == finding.id);
            let (state, note) = match given {
                None => (FindingState::Open, Some("the synthesizer left it out".to_owned())),
                Some(given) => match given.decision {
                    DispositionKind::Accept => match unplaced.get(&finding.id) {
                        Some(why) => (FindingState::Open, Some(why.clone())),
                        // Settled is for the check to say; a minor fault has none.
                        None if finding.blocks() => (FindingState::Accepted, None),
                        None => (FindingState::Settled, None),
                    },
                    DispositionKind::Reject if given.reason.trim().is_empty() => {
                        (FindingState::Open, Some("rejected without a reason".to_owned()))
                    }
                    DispositionKind::Reject => (FindingState::Rejected, None),
                    DispositionKind::Defer => (FindingState::Deferred, None),
                    DispositionKind::Duplicate => {
                        match self.duplicate_target(&base, finding, given, dispositions) {
                            Ok(_) => (FindingState::Duplicate, None),
                            Err(why) => (FindingState::Open, Some(why)),
                        }
                    }
                },
            };
            // A finding that is left out keeps its last decision. Whatever was decided is to be checked.
            let disposition = given.cloned().or_else(|| finding.disposition.clone());
            let finding = Finding { state, disposition, checked: false, note, ..finding.clone() };
            decided.insert(finding.id);
            // A rejection that now covers another finding is checked again, together with that one.
            let stands = finding.duplicate_of().and_then(|id| ledger.0.get_mut(&id));
            if let Some(known) = stands.filter(|known| known.state == FindingState::Rejected) {
                known.checked = false;
                decided.insert(known.id);
            }
            ledger.set(&[finding]);
        }
        ledger.carry_severities(&mut decided);
        decided.into_iter().filter_map(|id| ledger.0.get(&id).cloned()).collect()
    }

    /// The finding that a duplicate refers to. It must be about the same passage, and decided in the same answer or rejected
    /// before: otherwise two findings could refer to each other and vanish together.
    pub(crate) fn duplicate_target(
        &self,
        base: &QuoteIndex,
        finding: &Finding,
        given: &Disposition,
        dispositions: &[Disposition],
    ) -> Result<FindingId, String> {
        let id = given.same_as.ok_or("called a duplicate of nothing")?;
        let known = self.find(id).filter(|known| known.id != finding.id);
        let known = known.ok_or_else(|| format!("called a duplicate of {id}, which is no other finding"))?;
        let own = dispositions
            .iter()
            .any(|given| given.finding == id && given.decision != DispositionKind::Duplicate);
        if !(known.is_open() && own) && known.state != FindingState::Rejected {
            return Err(format!("called a duplicate of {id}, which is not decided here"));
        }
        let quotes = (base.find(&finding.issue.quote), base.find(&known.issue.quote));
        match quotes {
            (Some(one), Some(other)) if overlap(&one, &other) => Ok(id),
            _ => Err(format!("called a duplicate of {id}, which is about another passage")),
        }
    }

    /// A finding takes the worst severity of its duplicates.
    fn carry_severities(&mut self, touched: &mut BTreeSet<FindingId>) {
        let same: Vec<_> =
            self.findings().filter_map(|one| Some((one.duplicate_of()?, one.issue.severity))).collect();
        for (id, severity) in same {
            let Some(known) = self.0.get_mut(&id) else { continue };
            let worst = worse_severity(known.issue.severity, severity);
            if worst != known.issue.severity {
                known.issue.severity = worst;
                // It was settled as a minor fault and is blocking now, so that it needs a check.
                if known.blocks() && known.state == FindingState::Settled {
                    known.state = FindingState::Accepted;
                }
                touched.insert(id);
            }
        }
    }

    /// Findings that need a check: accepted ones, and blocking ones whose rejection was not checked.
    pub(crate) fn to_check(&self) -> impl Iterator<Item = &Finding> {
        self.findings().filter(|finding| match finding.state {
            FindingState::Accepted => true,
            FindingState::Rejected => finding.blocks() && !finding.checked,
            _ => false,
        })
    }

    /// The findings that needed a check, after it. A finding that the check leaves out is open again.
    /// `unsettled`: what it is called when the check does not agree with an acceptance.
    pub(crate) fn judge(&self, verdicts: &[Verdict], unsettled: &str) -> Vec<Finding> {
        let judge = |finding: &Finding| {
            let rejected = finding.state == FindingState::Rejected;
            let given = verdicts.iter().find(|verdict| verdict.finding == finding.id);
            let (state, note) = match given {
                Some(verdict) if verdict.settled && rejected => {
                    (FindingState::Rejected, Some(format!("the check agrees: {}", verdict.reason)))
                }
                Some(verdict) if verdict.settled => (FindingState::Settled, None),
                Some(verdict) if rejected => {
                    (FindingState::Open, Some(format!("wrongly rejected: {}", verdict.reason)))
                }
                Some(verdict) => (FindingState::Open, Some(format!("{unsettled}: {}", verdict.reason))),
                // Silence is no agreement.
                None => (FindingState::Open, Some("the check left it out".into())),
            };
            let checked = given.is_some_and(|verdict| verdict.settled);
            let note = note.map(|note| note.trim_end_matches([' ', ':']).to_owned());
            Finding { state, checked, note, ..finding.clone() }
        };
        self.to_check().map(judge).collect()
    }
}

/// The worse of two ratings. No rating counts as major, so that an omission hides nothing.
fn worse_severity(one: Option<Severity>, other: Option<Severity>) -> Option<Severity> {
    let weight = |rating: Option<Severity>| (rating.unwrap_or(Severity::Major), rating.is_some());
    if weight(other) > weight(one) { other } else { one }
}

impl Finding {
    /// A finding that nobody has decided.
    fn new(id: FindingId, cycle: u32, issue: Issue, anchored: bool, voice: Raised) -> Self {
        Self {
            id,
            cycle,
            issue,
            anchored,
            raised_by: vec![voice],
            state: FindingState::Open,
            disposition: None,
            checked: false,
            note: None,
        }
    }

    /// Each critic counts once a cycle, however often it repeats itself.
    fn raise_again(&mut self, voice: Raised, late: bool) {
        self.issue.severity = worse_severity(self.issue.severity, voice.severity);
        let who = |raised: &Raised| (raised.cycle, raised.seat, raised.person);
        if self.raised_by.iter().all(|known| who(known) != who(&voice)) {
            self.raised_by.push(voice);
        }
        // A rejection stays, however often it is contradicted: where most of a panel does, it is contested.
        let done = matches!(self.state, FindingState::Settled | FindingState::Accepted);
        if done && !late {
            self.state = FindingState::Open;
            self.note = Some("raised again".into());
        }
    }
}

/// One finding of one critic about one document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RaisedFinding<'a> {
    /// The critic's seat; `None` for the checker.
    pub(crate) seat: Option<u32>,
    /// The issue.
    pub(crate) issue: &'a Issue,
    /// The document that the critic has read.
    pub(crate) document: &'a str,
    /// Whether there is a newer version, in which the fault may be settled already.
    pub(crate) late: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Edit;

    const TEXT: &str = "# Limits\n\nThe limit is one hundred\nrequests a minute.\n\nTokens never expire.\n";

    fn issue(severity: Severity, quote: &str, claim: &str) -> Issue {
        Issue { severity: Some(severity), quote: quote.into(), claim: claim.into(), ..Issue::default() }
    }

    fn said(seat: u32, issue: &Issue) -> RaisedFinding<'_> {
        RaisedFinding { seat: Some(seat), issue, document: TEXT, late: false }
    }

    fn raised(issues: &[Issue]) -> Ledger {
        let mut ledger = Ledger::default();
        let raised: Vec<_> = issues.iter().zip(0..).map(|(issue, seat)| said(seat, issue)).collect();
        ledger.set(&ledger.raise(1, &raised));
        ledger
    }

    fn decided(finding: u32, decision: DispositionKind, reason: &str) -> Disposition {
        Disposition { finding: FindingId(finding), decision, reason: reason.into(), ..Disposition::default() }
    }

    fn accepted(finding: u32, old: &str, new: &str) -> Disposition {
        let edits = vec![Edit { old: old.into(), new: new.into() }];
        Disposition { edits, ..decided(finding, DispositionKind::Accept, "right") }
    }

    fn same(finding: u32, as_: u32) -> Disposition {
        Disposition { same_as: Some(FindingId(as_)), ..decided(finding, DispositionKind::Duplicate, "") }
    }

    /// As if the edits of every accepted finding had been made.
    fn disposed(ledger: &mut Ledger, dispositions: &[Disposition]) {
        ledger.set(&ledger.dispose(TEXT, &BTreeMap::new(), dispositions));
    }

    fn states(ledger: &Ledger) -> Vec<FindingState> {
        ledger.findings().map(|finding| finding.state).collect()
    }

    #[test]
    fn a_finding_with_a_quote_from_nowhere_is_kept_and_unanchored() {
        let ledger = raised(&[issue(Severity::Major, "two hundred", "the number is wrong")]);
        assert!(!ledger.find(FindingId(1)).unwrap().anchored);
        assert_eq!(ledger.open_blocking(), 1);
    }

    #[test]
    fn only_the_same_words_about_the_same_passage_are_one_finding() {
        let claim = "tokens never expire, which is unsafe";
        let ledger = raised(&[
            issue(Severity::Minor, "Tokens never expire.", claim),
            issue(Severity::Critical, "Tokens never  expire", claim),
            issue(Severity::Major, "Tokens never expire.", "unsafe: the tokens never expire"),
            issue(Severity::Minor, "The limit is one hundred", claim),
        ]);
        let all: Vec<_> = ledger.findings().collect();
        assert_eq!(all.len(), 3);
        assert_eq!((all[0].raised_by.len(), all[0].issue.severity), (2, Some(Severity::Critical)));
    }

    #[test]
    fn opposites_at_one_passage_stay_two_findings() {
        let quote = "The limit is one hundred";
        let ledger = raised(&[
            issue(Severity::Major, quote, "the limit is too small for the load"),
            issue(Severity::Major, quote, "the limit is too large for the load"),
        ]);
        assert_eq!(ledger.findings().count(), 2);
    }

    #[test]
    fn a_voice_that_repeats_itself_counts_once() {
        let fault = issue(Severity::Major, "Tokens never expire.", "they must");
        let raised: Vec<_> = (0..50).map(|_| said(0, &fault)).chain([said(2, &fault)]).collect();
        let found = Ledger::default().raise(1, &raised);
        assert_eq!(found[0].raised_by.iter().map(|one| one.seat).collect::<Vec<_>>(), [Some(0), Some(2)]);
    }

    #[test]
    fn unrated_counts_as_major_and_a_known_rating_wins_over_none() {
        let unrated = Issue { severity: None, ..issue(Severity::Nit, "Tokens", "they must") };
        assert_eq!(raised(std::slice::from_ref(&unrated)).open_blocking(), 1);
        for (other, worst) in [
            (Severity::Nit, None),
            (Severity::Major, Some(Severity::Major)),
            (Severity::Critical, Some(Severity::Critical)),
        ] {
            let ledger = raised(&[unrated.clone(), issue(other, "Tokens", "they must")]);
            assert_eq!(ledger.find(FindingId(1)).unwrap().issue.severity, worst);
        }
    }

    #[test]
    fn a_finding_without_a_decision_or_rejected_without_a_reason_stays_open() {
        let fault = issue(Severity::Major, "Tokens never expire.", "they must");
        for (given, state) in [
            (vec![], FindingState::Open),
            (vec![decided(1, DispositionKind::Reject, " ")], FindingState::Open),
            (vec![decided(1, DispositionKind::Reject, "out of scope")], FindingState::Rejected),
            (vec![decided(1, DispositionKind::Defer, "")], FindingState::Deferred),
        ] {
            let mut ledger = raised(std::slice::from_ref(&fault));
            disposed(&mut ledger, &given);
            assert_eq!(states(&ledger), [state]);
        }
    }

    #[test]
    fn a_duplicate_counts_only_at_the_place_of_a_finding_that_is_decided_itself() {
        let faults = [
            issue(Severity::Minor, "Tokens never expire.", "they must"),
            issue(Severity::Critical, "never expire", "expiry is missing"),
            issue(Severity::Major, "The limit is one hundred", "per whom?"),
        ];
        let fix = accepted(1, "never expire", "expire");
        let mut ledger = raised(&faults);
        disposed(&mut ledger, &[fix.clone(), same(2, 1), same(3, 1)]);
        // The one that stands for a critical fault must be checked as such.
        assert_eq!(states(&ledger), [FindingState::Accepted, FindingState::Duplicate, FindingState::Open]);
        assert_eq!(ledger.find(FindingId(1)).unwrap().issue.severity, Some(Severity::Critical));
        for circle in [vec![same(1, 2), same(2, 1)], vec![same(1, 1), same(2, 9)]] {
            let mut ledger = raised(&faults[..2]);
            disposed(&mut ledger, &circle);
            assert_eq!(states(&ledger), [FindingState::Open, FindingState::Open]);
        }
    }

    #[test]
    fn a_duplicate_of_a_rejected_finding_has_the_rejection_judged_again() {
        let mut ledger = raised(&[issue(Severity::Major, "Tokens never expire.", "they must")]);
        disposed(&mut ledger, &[decided(1, DispositionKind::Reject, "out of scope")]);
        let agreed = Verdict { finding: FindingId(1), settled: true, reason: "so it is".into() };
        ledger.set(&ledger.judge(&[agreed], "not settled"));
        assert_eq!(ledger.to_check().count(), 0);
        let again = issue(Severity::Major, "Tokens never expire", "no expiry");
        ledger.set(&ledger.raise(2, &[said(0, &again)]));
        disposed(&mut ledger, &[same(2, 1)]);
        assert_eq!(ledger.to_check().map(|one| one.id).collect::<Vec<_>>(), [FindingId(1)]);
    }

    #[test]
    fn a_check_settles_only_what_it_names_and_judges_rejections() {
        let mut ledger = raised(&[
            issue(Severity::Major, "Tokens never expire.", "they must"),
            issue(Severity::Major, "The limit is one hundred", "per whom?"),
            issue(Severity::Major, "requests a minute", "which requests?"),
            issue(Severity::Major, "# Limits", "of what?"),
        ]);
        disposed(
            &mut ledger,
            &[
                accepted(1, "never expire", "expire"),
                accepted(2, "one hundred", "100 a user"),
                decided(3, DispositionKind::Reject, "plain from the title"),
                decided(4, DispositionKind::Reject, "n/a"),
            ],
        );
        let verdict =
            |finding, settled| Verdict { finding: FindingId(finding), settled, reason: String::new() };
        ledger.set(&ledger.judge(&[verdict(1, true), verdict(3, true), verdict(4, false)], "not settled"));
        let (open, rejected) = (FindingState::Open, FindingState::Rejected);
        assert_eq!(states(&ledger), [FindingState::Settled, open, rejected, open]);
        assert_eq!(ledger.to_check().count(), 0);
    }

    #[test]
    fn a_settled_fault_that_is_raised_again_is_open_again_and_a_rejected_one_is_not() {
        for (state, expected) in
            [(FindingState::Settled, FindingState::Open), (FindingState::Rejected, FindingState::Rejected)]
        {
            let fault = issue(Severity::Major, "Tokens never expire.", "they must");
            let mut ledger = raised(std::slice::from_ref(&fault));
            let settled = Finding { state, ..ledger.find(FindingId(1)).unwrap().clone() };
            ledger.set(&[settled]);
            assert_eq!(ledger.raise(2, &[said(0, &fault)])[0].state, expected);
            let late = RaisedFinding { late: true, ..said(0, &fault) };
            assert_eq!(ledger.raise(2, &[late])[0].state, state);
        }
    }

    #[test]
    fn what_the_person_wants_is_a_finding_like_any_other() {
        let mut ledger = raised(&[issue(Severity::Nit, "Tokens", "a word")]);
        ledger.set(&ledger.raise_feedback(1, ["be brief", "name the unit"].into_iter()));
        assert_eq!((ledger.findings().count(), ledger.open_blocking()), (3, 2));
    }
}
