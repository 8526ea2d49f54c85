//! What is said of a change: findings, and where they stand.

use forge_session::{Category, Severity};
use serde::{Deserialize, Serialize};

/// One finding of a review.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its name within the review, such as `R1`.
    pub id: String,
    /// The same in every review for the same fault at the same text: of file, text of the line and category, without the
    /// number of the line.
    pub fingerprint: String,
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is.
    pub category: Category,
    /// What is wrong.
    pub claim: String,
    /// The lines at its place; without one, the passage as it was quoted.
    pub quote: String,
    /// Where it stands; `None` if nowhere that is known.
    pub place: Option<Place>,
    /// Why it has no place, or that it has one.
    pub anchor: Anchor,
    /// What to change, in words.
    pub suggested_change: String,
    /// The lines to put in place of those of `place`, where they fit exactly.
    pub fix: Option<Fix>,
    /// What was decided.
    pub outcome: Outcome,
    /// Who said it: `panel`, `scanner` or `host`.
    pub source: Source,
    /// Who raised it, by provider and model, or the name of the scanner.
    pub raised_by: Vec<String>,
    /// Why it was accepted or rejected.
    pub reason: String,
    /// What the check said.
    pub check: Option<String>,
    /// The session in which it was found; `None` for those of scanners and of the host.
    pub session: Option<String>,
}

/// A finding of an earlier review whose passage still stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Open {
    /// Its fingerprint.
    pub fingerprint: String,
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub path: String,
    /// The passage.
    pub quote: String,
    /// What is wrong.
    pub claim: String,
}

impl From<&Finding> for Open {
    fn from(finding: &Finding) -> Self {
        Self {
            fingerprint: finding.fingerprint.clone(),
            severity: finding.severity,
            path: finding.place.as_ref().map(|place| place.path.clone()).unwrap_or_default(),
            quote: finding.quote.clone(),
            claim: finding.claim.clone(),
        }
    }
}

/// Where a finding stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The path of the file.
    pub path: String,
    /// Which side of the change the lines are numbered on.
    pub side: Side,
    /// The first line, from 1.
    pub line: u32,
    /// The last line.
    pub end_line: u32,
    /// The line afterwards at which a reader looks: `line`, or the one that is there now where `line` is gone.
    pub shown_line: u32,
}

impl Place {
    /// These lines as they are afterwards.
    pub(crate) fn new(path: impl Into<String>, line: u32, end_line: u32) -> Self {
        Self { path: path.into(), side: Side::New, line, end_line, shown_line: line }
    }

    /// The last line at which a reader looks.
    pub(crate) const fn shown_end(&self) -> u32 {
        match self.side {
            Side::Old => self.shown_line,
            Side::New => self.end_line,
        }
    }
}

/// A side of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a change has two")]
pub enum Side {
    /// Before.
    Old,
    /// Afterwards.
    New,
}

/// How a finding got its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Anchor {
    /// Its quote stands at one place of the change.
    Placed,
    /// Its quote stands at several, and nothing in it decides between them.
    Ambiguous,
    /// Its quote stands nowhere in the change, or it has none.
    Unanchored,
    /// Its quote stands in lines that the change does not touch, and it names no line that it does.
    Outside,
}

/// Lines in place of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fix {
    /// The lines as they are.
    pub old: Vec<String>,
    /// The lines to put there.
    pub new: Vec<String>,
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Accepted; where it blocks, nobody could refute it.
    Confirmed,
    /// Not decided, or accepted and refuted.
    Disputed,
    /// Rejected.
    Rejected,
}

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// Models.
    Panel,
    /// A program whose results were given.
    Scanner,
    /// A rule of this program.
    Host,
}

impl Finding {
    /// A finding of this severity at a place, said by no model.
    pub(crate) fn of_host(severity: Severity, category: Category, place: Place, claim: String) -> Self {
        Self {
            id: String::new(),
            fingerprint: String::new(),
            severity,
            category,
            claim,
            quote: String::new(),
            place: Some(place),
            anchor: Anchor::Placed,
            suggested_change: String::new(),
            fix: None,
            outcome: Outcome::Confirmed,
            source: Source::Host,
            raised_by: vec!["forge".to_owned()],
            reason: String::new(),
            check: None,
            session: None,
        }
    }

    /// `path:line`, or words for a finding without a place.
    pub fn at(&self) -> String {
        match (&self.place, self.anchor) {
            (Some(place), _) if place.side == Side::Old => format!("{}:{} (before)", place.path, place.line),
            (Some(place), _) => format!("{}:{}", place.path, place.line),
            (None, Anchor::Ambiguous) => "at several places".to_owned(),
            (None, _) => "at no line of the change".to_owned(),
        }
    }
}
