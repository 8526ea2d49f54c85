//! From the answer of a synthesizer to the next version of a text. The host applies the edits, so that everything else
//! stays byte for byte. A whole document is taken as it is and searched for losses.

mod loss;

use std::{collections::BTreeMap, ops::Range};

pub(crate) use self::loss::Loss;
use crate::{
    answer::{Disposition, DispositionKind, Edit, FindingId, Revision},
    finding::Finding,
    ledger::Ledger,
    passage::{QuoteIndex, overlap},
};

/// A text after the decisions of an answer.
#[derive(Debug)]
pub(crate) struct Revised {
    /// The next version.
    pub(crate) text: String,
    /// Accepted findings whose change is not in it, and why.
    pub(crate) unplaced: BTreeMap<FindingId, String>,
    /// Lines that are gone although no accepted finding is about them.
    pub(crate) loss: Loss,
    /// Whether the text had to stay as it is.
    is_judged: bool,
}

impl Revised {
    /// A text that is judged and not revised: to accept a finding changes nothing in it.
    pub(crate) fn unchanged(base: &str) -> Self {
        let (unplaced, loss) = (BTreeMap::new(), Loss::of_edits(base, &[], &std::iter::empty()));
        Self { text: base.to_owned(), unplaced, loss, is_judged: true }
    }

    /// Whether the synthesis that made it can be used, as far as it goes: it must not destroy the text, and where it
    /// accepts anything, something must have come of it.
    pub(crate) fn is_usable(&self, revision: &Revision) -> bool {
        let accepted =
            || revision.dispositions.iter().filter(|given| given.decision == DispositionKind::Accept);
        let has_text = accepted().any(|given| !given.edits.is_empty()) || revision.document.is_some();
        !self.loss.is_too_much() && (self.is_judged || has_text || accepted().next().is_none())
    }
}

/// Applies the decisions of `revision` to `base`. The edits of a finding are applied all or none: half a change could
/// contradict itself.
pub(crate) fn revise(base: &str, revision: &Revision, ledger: &Ledger) -> Revised {
    let accepted = || revision.dispositions.iter().filter(|given| given.decision == DispositionKind::Accept);
    let mut unplaced = BTreeMap::new();
    let by_edits = accepted().any(|given| !given.edits.is_empty());
    let quote_of = |id: FindingId| ledger.find(id).map(|finding| finding.issue.quote.as_str());
    // Edits go before a document in the same answer: they leave alone what nobody spoke of.
    if let Some(document) = revision.document.as_ref().filter(|_| !by_edits) {
        let (old, new) = (QuoteIndex::of(base), QuoteIndex::of(document));
        for given in accepted().filter(|given| !has_changed(&old, &new, ledger.find(given.finding), given)) {
            unplaced.insert(given.finding, "accepted, but the text did not change".to_owned());
        }
        let placed = accepted().filter(|given| !unplaced.contains_key(&given.finding));
        let loss = Loss::between((base, &old), document, placed.filter_map(|given| quote_of(given.finding)));
        return Revised { text: document.clone(), unplaced, loss, is_judged: false };
    }
    let mut text = base.to_owned();
    let mut made = Vec::new();
    // One decision after the other: each edit is looked for in the text that those before it have made.
    for given in accepted() {
        match edited(&text, given, ledger.find(given.finding), &made) {
            Ok(next) => {
                text = next;
                made.extend(given.edits.iter().filter(|edit| !made.contains(edit)).collect::<Vec<_>>());
            }
            Err(why) => {
                unplaced.insert(given.finding, why);
            }
        }
    }
    let placed = accepted().filter(|given| !unplaced.contains_key(&given.finding));
    let quotes = placed.filter_map(|given| quote_of(given.finding));
    let loss = Loss::of_edits(base, &made, &quotes);
    Revised { text, unplaced, loss, is_judged: false }
}

/// Whether the text changed for a finding: the new passage appeared, or the quoted one is gone.
fn has_changed(old: &QuoteIndex, new: &QuoteIndex, finding: Option<&Finding>, given: &Disposition) -> bool {
    let occurs = |text: &QuoteIndex, part: &str| text.find(part).is_some();
    let span = &given.changed_span;
    // A passage that stood there before proves no change.
    let came = occurs(new, span) && !occurs(old, span);
    let quote = finding.map_or("", |finding| &finding.issue.quote);
    came || (occurs(old, quote) && !occurs(new, quote))
}

/// The text with all edits of a decision. An edit that several findings share is applied once.
fn edited(
    text: &str,
    given: &Disposition,
    finding: Option<&Finding>,
    made: &[&Edit],
) -> Result<String, String> {
    if given.edits.is_empty() {
        return Err("accepted without an edit".to_owned());
    }
    let quote = finding.map_or("", |finding| &finding.issue.quote);
    let mut next = text.to_owned();
    let new = || given.edits.iter().filter(|edit| !made.contains(edit));
    for edit in new() {
        apply(&mut next, edit, quote)?;
    }
    // An edit that another finding has brought in already is left out here, and is no fault.
    if next == text && new().next().is_some() {
        return Err("accepted, but its edit changes nothing".to_owned());
    }
    Ok(next)
}

/// Replaces the passage of `edit`. If it occurs several times, the `quote` of the finding selects the place.
fn apply(text: &mut String, edit: &Edit, quote: &str) -> Result<(), String> {
    if edit.old.trim().is_empty() {
        let addition = edit.new.trim();
        if !addition.is_empty() {
            // One blank line before what is added, however the text ended.
            text.truncate(text.trim_end().len());
            *text = format!("{text}\n\n{addition}\n");
        }
        return Ok(());
    }
    let exact: Vec<Range<usize>> =
        text.match_indices(&edit.old).map(|(at, found)| at..at + found.len()).collect();
    if let Some(place) = choose(text, exact, quote)? {
        text.replace_range(place, &edit.new);
        return Ok(());
    }
    // Models copy passages with other white space. Only the passage itself is replaced.
    let folded: Vec<Range<usize>> = QuoteIndex::of(text).find_all(&edit.old).collect();
    match choose(text, folded, quote)? {
        Some(place) => {
            text.replace_range(place, edit.new.trim());
            Ok(())
        }
        None => Err("the passage of its edit is not in the text".to_owned()),
    }
}

/// The one place that is meant; `None` if the passage is not there.
fn choose(text: &str, mut places: Vec<Range<usize>>, quote: &str) -> Result<Option<Range<usize>>, String> {
    if places.len() > 1 {
        let count = places.len();
        let quoted: Vec<Range<usize>> = QuoteIndex::of(text).find_all(quote).collect();
        places.retain(|place| quoted.iter().any(|quote| overlap(quote, place)));
        if places.len() != 1 {
            // A guess could change the wrong place.
            return Err(format!("the passage of its edit stands {count} times in the text"));
        }
    }
    Ok(places.pop())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        answer::{Issue, Severity},
        finding::FindingState,
        ledger::RaisedFinding,
    };

    const TEXT: &str = "# Limits\n\nOne hundred requests.\n\n- a: 1\n- b: 1\n\nTokens never expire.\n";

    fn ledger(quotes: &[&str]) -> Ledger {
        let mut ledger = Ledger::default();
        let issues: Vec<Issue> = quotes
            .iter()
            .enumerate()
            .map(|(at, quote)| Issue {
                severity: Some(Severity::Major),
                quote: (*quote).into(),
                claim: format!("claim {at}"),
                ..Issue::default()
            })
            .collect();
        let heard: Vec<RaisedFinding<'_>> = issues
            .iter()
            .map(|issue| RaisedFinding { seat: Some(0), issue, document: TEXT, late: false })
            .collect();
        ledger.set(&ledger.raise(1, &heard));
        ledger
    }

    fn accept(finding: u32, edits: &[(&str, &str)]) -> Disposition {
        let edit = |(old, new): &(&str, &str)| Edit { old: (*old).into(), new: (*new).into() };
        Disposition {
            finding: FindingId(finding),
            decision: DispositionKind::Accept,
            edits: edits.iter().map(edit).collect(),
            ..Disposition::default()
        }
    }

    fn revised(quotes: &[&str], dispositions: Vec<Disposition>) -> Revised {
        revise(TEXT, &Revision { dispositions, ..Revision::default() }, &ledger(quotes))
    }

    #[test]
    fn acceptance_counts_only_if_the_text_changed() {
        for (edits, state) in [
            (&[("never expire", "expire after an hour")][..], FindingState::Accepted),
            (&[("no such words", "x")], FindingState::Open),
            (&[], FindingState::Open),
        ] {
            let ledger = ledger(&["Tokens never expire."]);
            let dispositions = vec![accept(1, edits)];
            let revision = Revision { dispositions, ..Revision::default() };
            let unplaced = revise(TEXT, &revision, &ledger).unplaced;
            let decided = ledger.dispose(TEXT, &unplaced, &revision.dispositions);
            assert_eq!(decided.iter().map(|one| one.state).collect::<Vec<_>>(), [state]);
        }
    }

    #[test]
    fn an_edit_changes_its_passage_and_nothing_else() {
        let one =
            revised(&["Tokens never expire."], vec![accept(1, &[("never expire", "expire after 1 h")])]);
        assert_eq!(one.text, TEXT.replace("never expire", "expire after 1 h"));
        assert!(one.unplaced.is_empty() && one.loss.lines == 0);
    }

    #[test]
    fn a_passage_copied_with_other_white_space_is_found() {
        let one = revised(&[""], vec![accept(1, &[("- a: 1 - b: 1", "- a: 2\n- b: 2")])]);
        assert_eq!(one.text, TEXT.replace("- a: 1\n- b: 1", "- a: 2\n- b: 2"));
    }

    #[test]
    fn of_equal_passages_the_quoted_one_is_meant() {
        let one = revised(&["b: 1"], vec![accept(1, &[(": 1", ": 9")])]);
        assert_eq!(one.text, TEXT.replace("b: 1", "b: 9"));
        let unknown = revised(&[""], vec![accept(1, &[(": 1", ": 9")])]);
        assert_eq!((unknown.text.as_str(), unknown.unplaced.len()), (TEXT, 1));
    }

    #[test]
    fn all_edits_of_a_finding_are_applied_or_none() {
        let edits = [("One hundred", "Two hundred"), ("no such passage", "x")];
        let one = revised(&[""], vec![accept(1, &edits)]);
        assert_eq!((one.text.as_str(), one.unplaced.len()), (TEXT, 1));
    }

    #[test]
    fn one_edit_may_settle_two_findings_and_is_made_once() {
        let edits = [("Tokens never expire.", "Tokens never expire. They should.")];
        let both = revised(&["", ""], vec![accept(1, &edits), accept(2, &edits)]);
        assert_eq!(both.text, TEXT.replace("expire.", "expire. They should."));
        assert!(both.unplaced.is_empty(), "{:?}", both.unplaced);
        let other = [("One hundred", "Two hundred")];
        let both = revised(&["", ""], vec![accept(1, &other), accept(2, &other)]);
        assert!(both.unplaced.is_empty(), "{:?}", both.unplaced);
    }

    #[test]
    fn an_addition_goes_to_the_end_and_an_empty_acceptance_is_none() {
        let one = revised(&[""], vec![accept(1, &[("", "## More\n\nText.")])]);
        assert_eq!(one.text, format!("{TEXT}\n## More\n\nText.\n"));
        for nothing in [vec![], vec![("Tokens", "Tokens")], vec![("", " ")], vec![("nowhere", "Tokens")]] {
            let one = revised(&["One hundred"], vec![accept(1, &nothing)]);
            assert_eq!((one.text.as_str(), one.unplaced.len()), (TEXT, 1), "{nothing:?}");
        }
    }

    #[test]
    fn what_an_edit_takes_away_beyond_its_finding_is_lost_whatever_others_add() {
        let edit = [("- b: 1\n\nTokens never expire.", "Shorter.")];
        let more = [("", "An addition."), ("", "And another.")];
        let one = revised(&["Tokens never expire.", ""], vec![accept(1, &edit), accept(2, &more)]);
        assert_eq!((one.loss.lines, one.unplaced.len()), (1, 0), "{}", one.text);
        let part =
            revised(&["One hundred requests.\n\n- a: 1\n- b: 1"], vec![accept(1, &[("- a: 1\n", "")])]);
        assert_eq!(part.loss.lines, 0);
    }

    #[test]
    fn a_whole_document_counts_for_a_finding_only_if_the_text_changed_there() {
        let whole = |document: String, span: &str| {
            let given = Disposition { changed_span: span.into(), ..accept(1, &[]) };
            let revision =
                Revision { document: Some(document), dispositions: vec![given], ..Revision::default() };
            revise(TEXT, &revision, &ledger(&["Tokens never expire."]))
        };
        let new = TEXT.replace("never expire", "expire");
        assert!(whole(new.clone(), "").unplaced.is_empty());
        assert!(whole(format!("{TEXT}\nMore."), "More.").unplaced.is_empty());
        assert_eq!(whole(TEXT.to_owned(), "Tokens never expire.").unplaced.len(), 1);
        assert_eq!(whole(format!("{TEXT}\nMore."), "Less.").unplaced.len(), 1);
    }
}
