//! Which planted faults the findings of a critic hit.
//!
//! *Located*: the quote, found in the text by the session's own rule, shares text with the fault's span or with one of its
//! partners. *Identified*: located, and the finding claims the same. Place alone flatters: two faults may share a sentence.

use std::{cmp::Reverse, ops::Range};

use forge_session::{Issue, QuoteIndex};

use crate::corpus::{Document, Fault};

/// What the findings of one critic about one document come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Matched {
    /// Whether each fault was located, in the order of the faults.
    pub located: Vec<bool>,
    /// Whether each fault was identified.
    pub identified: Vec<bool>,
    /// Findings that claim a fault which another finding has identified.
    pub repeated: usize,
    /// Findings that identify nothing.
    pub false_claims: usize,
    /// Those of them whose quote is not in the text.
    pub unanchored: usize,
}

/// A finding and a fault at one place.
struct Pair {
    finding: usize,
    fault: usize,
    overlap: usize,
    same_claim: bool,
}

/// Matches findings with the faults of a document.
///
/// One finding hits at most one fault, and one fault counts once: pairs with the same claim go first, then those that share more
/// text. A finding whose quote is not in the text hits nothing.
pub fn match_findings(document: &Document, findings: &[Issue]) -> Matched {
    let index = QuoteIndex::of(&document.text);
    let places: Vec<_> = findings.iter().map(|finding| index.find(&finding.quote)).collect();
    let mut pairs = pairs(document, findings, &places);
    pairs.sort_by_key(|pair| (!pair.same_claim, Reverse(pair.overlap), pair.finding, pair.fault));
    let nothing = vec![false; document.faults.len()];
    let mut matched = Matched { located: nothing.clone(), identified: nothing, ..Matched::default() };
    let mut hits = vec![false; findings.len()];
    for pair in &pairs {
        let (Some(hit), Some(located)) = (hits.get_mut(pair.finding), matched.located.get_mut(pair.fault))
        else {
            continue;
        };
        if !*hit && !*located {
            (*hit, *located) = (true, true);
            matched.identified[pair.fault] = pair.same_claim;
        }
    }
    let identifies = |at: usize| pairs.iter().any(|pair| pair.finding == at && pair.same_claim);
    let claimed = (0..findings.len()).filter(|at| identifies(*at)).count();
    matched.repeated = claimed - matched.identified.iter().filter(|hit| **hit).count();
    matched.false_claims = findings.len() - claimed;
    matched.unanchored = places.iter().filter(|place| place.is_none()).count();
    matched
}

fn pairs(document: &Document, findings: &[Issue], places: &[Option<Range<usize>>]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (finding, (issue, place)) in findings.iter().zip(places).enumerate() {
        let Some(place) = place else { continue };
        let text = format!("{}\n{}", issue.claim, issue.suggested_change);
        for (fault, planted) in document.faults.iter().enumerate() {
            let overlap = overlap(planted, place);
            if overlap > 0 {
                pairs.push(Pair { finding, fault, overlap, same_claim: planted.is_claimed_by(&text) });
            }
        }
    }
    pairs
}

/// The bytes that a place shares with the span of a fault or with one of its partners, whichever is more.
fn overlap(fault: &Fault, place: &Range<usize>) -> usize {
    let common = |of: &Range<usize>| of.end.min(place.end).saturating_sub(of.start.max(place.start));
    std::iter::once(&fault.span).chain(&fault.partners).map(common).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
