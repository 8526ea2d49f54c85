//! From the findings of a session to those of a review: each gets its place, its name, and who said it.

use forge_session::{Finding as Raised, FindingState, SessionResult, Severity};

use super::{
    anchor::{Anchored, Said, anchor},
    change::Change,
    finding::{Anchor, Finding, Outcome, Source},
    fingerprint,
    parse::parse,
    pieces::Piece,
    suggestion,
};

/// Gives the text of a file as it is afterwards; `None` where it cannot be read.
pub type ReadFile<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Places what a session says of a piece.
pub(crate) struct Reader<'a> {
    /// The piece alone: what stands twice in the change may stand once in it.
    change: Change,
    read: Option<ReadFile<'a>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(piece: &Piece, read: Option<ReadFile<'a>>) -> Self {
        // The text was written by this program.
        Self { change: parse(&piece.text).unwrap_or_default(), read }
    }

    pub(crate) fn findings(&self, result: &SessionResult) -> Vec<Finding> {
        let own = result.findings.iter().filter(|one| {
            // What was raised by a seat and stands for itself.
            one.state != FindingState::Duplicate && one.raised_by.iter().any(|raised| raised.seat.is_some())
        });
        own.map(|one| self.finding(one, result)).collect()
    }

    fn finding(&self, one: &Raised, result: &SessionResult) -> Finding {
        let issue = &one.issue;
        let said = Said { quote: &issue.quote, location: &issue.location, claim: &issue.claim };
        let Anchored { anchor, place, lines } = anchor(&self.change, said);
        let path = place.as_ref().map_or(issue.location.as_str(), |place| place.path.as_str());
        let text = if lines.is_empty() { issue.quote.clone() } else { lines.join("\n") };
        let fix = place.as_ref().filter(|_| anchor == Anchor::Placed).and_then(|place| {
            let file = self.read.and_then(|read| read(&place.path))?;
            suggestion::fix(&issue.suggested_change, place, &lines, &file)
        });
        let given = one.disposition.as_ref();
        let note = one.note.clone();
        Finding {
            id: String::new(),
            fingerprint: fingerprint::of(path, &text, issue.category.as_str()),
            severity: issue.severity.unwrap_or(Severity::Major),
            category: issue.category,
            claim: issue.claim.clone(),
            // The lines themselves: a critic may have left out a half, or added the mark of the diff.
            quote: text.trim().to_owned(),
            place,
            anchor,
            suggested_change: issue.suggested_change.clone(),
            fix,
            outcome: outcome(one.state),
            source: Source::Panel,
            raised_by: voices(one, result),
            reason: given.map(|given| given.reason.clone()).unwrap_or_default(),
            check: note.or_else(|| one.checked.then(|| "it could not be refuted".to_owned())),
            session: Some(result.session.clone()),
        }
    }
}

const fn outcome(state: FindingState) -> Outcome {
    match state {
        FindingState::Accepted | FindingState::Settled => Outcome::Confirmed,
        FindingState::Rejected => Outcome::Rejected,
        FindingState::Open | FindingState::Deferred | FindingState::Duplicate => Outcome::Disputed,
    }
}

/// Who raised it or one of its duplicates, each once.
fn voices(one: &Raised, result: &SessionResult) -> Vec<String> {
    let same = result.findings.iter().filter(|other| other.duplicate_of() == Some(one.id));
    let mut names: Vec<String> = Vec::new();
    for raised in std::iter::once(one).chain(same).flat_map(|one| &one.raised_by) {
        let name = raised.who.clone().or_else(|| raised.seat.map(|seat| format!("critic {}", seat + 1)));
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}
