//! What a review says: findings in the order of their weight, what was read and what was not.

use forge_session::Severity;
use serde::Serialize;

use super::{
    finding::{Anchor, Finding, Open, Outcome},
    fingerprint,
    pieces::Unread,
};

/// The version of [`Report`] in JSON. A field that is only added does not change it.
const VERSION: &str = "1.0";

/// A review.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form.
    pub version: String,
    /// Whether scripts answered instead of models.
    pub simulated: bool,
    /// What was reviewed, such as `1a2b3c4d5e6f..HEAD`.
    pub target: String,
    /// The commit before, where there is one.
    pub base: Option<String>,
    /// The commit afterwards, where there is one.
    pub head: Option<String>,
    /// How much of it was reviewed.
    pub coverage: Coverage,
    /// Confirmed findings with a place in lines that the change touches, worst first.
    pub findings: Vec<Finding>,
    /// More of the same, above the number that is shown.
    pub folded: Vec<Finding>,
    /// Findings that were not decided, or refuted.
    pub disputed: Vec<Finding>,
    /// Findings without a place: they never fail a build.
    pub unanchored: Vec<Finding>,
    /// Findings that were rejected.
    pub rejected: Vec<Finding>,
    /// Findings of earlier reviews of the branch whose passages still stand.
    pub open: Vec<Open>,
    /// Findings about lines that the change does not touch, which are only counted.
    pub outside: u32,
    /// Findings that are known from a baseline or an earlier review and not repeated.
    pub known: u32,
    /// What a reader has to know before anything else.
    pub notices: Vec<String>,
    /// What was not read, and why.
    pub not_read: Vec<Unread>,
    /// The sessions in which it was read.
    pub sessions: Vec<String>,
    /// What it took.
    pub usage: Spent,
}

/// How much of a change was reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// The outcome.
    pub status: Status,
    /// Why it is not all; empty if it is.
    pub reason: String,
    /// Files that have text to read.
    pub files: u32,
    /// Changed lines in them.
    pub lines: u32,
    /// Pieces in which they are read.
    pub pieces: u32,
    /// Pieces that a panel has read.
    pub pieces_read: u32,
}

/// Whether a change was reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// All of it, by a whole panel.
    Reviewed,
    /// There is nothing in it.
    Empty,
    /// A cap ended it before all was read.
    Capped,
    /// A part was read by too few.
    Partly,
    /// Nobody has read it, or too few.
    NotReviewed,
}

impl Status {
    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reviewed => "reviewed",
            Self::Empty => "empty",
            Self::Capped => "capped",
            Self::Partly => "partly",
            Self::NotReviewed => "not_reviewed",
        }
    }
}

/// What a review took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Spent {
    /// Calls, failed ones among them.
    pub calls: u32,
    /// Input tokens as far as known.
    pub input_tokens: u64,
    /// Output tokens as far as known.
    pub output_tokens: u64,
    /// Cost as far as known.
    #[serde(flatten, with = "forge_core::usage::cost")]
    pub cost: forge_core::Money,
    /// Calls whose cost or tokens are unknown. They are not zero.
    pub unknown: u32,
    /// Milliseconds.
    pub duration_ms: u64,
}

impl Report {
    pub(crate) fn new(target: String, coverage: Coverage) -> Self {
        Self {
            version: VERSION.to_owned(),
            simulated: false,
            target,
            base: None,
            head: None,
            coverage,
            findings: Vec::new(),
            folded: Vec::new(),
            disputed: Vec::new(),
            unanchored: Vec::new(),
            rejected: Vec::new(),
            open: Vec::new(),
            outside: 0,
            known: 0,
            notices: Vec::new(),
            not_read: Vec::new(),
            sessions: Vec::new(),
            usage: Spent::default(),
        }
    }

    /// Whether a confirmed finding of this severity or a worse one stands.
    pub fn fails(&self, least: Severity) -> bool {
        let found = self.findings.iter().chain(&self.folded).map(|one| one.severity);
        found.chain(self.open.iter().map(|one| one.severity)).any(|severity| severity >= least)
    }

    /// What came of it in one line. What was not read never reads as clean.
    pub fn first_line(&self) -> String {
        let coverage = &self.coverage;
        let head = match coverage.status {
            Status::Empty if self.open.is_empty() && self.findings.is_empty() => {
                return format!("nothing to review: {}", coverage.reason);
            }
            Status::Empty => format!("{}; ", coverage.reason),
            Status::NotReviewed => return format!("NOT REVIEWED: {}", coverage.reason),
            Status::Capped | Status::Partly => format!(
                "PARTLY REVIEWED ({} of {} pieces): {}; ",
                coverage.pieces_read, coverage.pieces, coverage.reason
            ),
            Status::Reviewed => String::new(),
        };
        let all = self.findings.len() + self.folded.len();
        let found = match all {
            0 if self.disputed.is_empty() && self.unanchored.is_empty() && self.open.is_empty() => {
                "nothing to report".to_owned()
            }
            0 if !self.open.is_empty() => "nothing new".to_owned(),
            0 => "nothing confirmed".to_owned(),
            1 => format!("1 finding ({})", self.by_severity()),
            all => format!("{all} findings ({})", self.by_severity()),
        };
        let count = |number: usize, what: &str| (number > 0).then(|| format!("{number} {what}"));
        let more = [
            count(self.open.len(), "open from before"),
            count(self.disputed.len(), "disputed"),
            count(self.unanchored.len(), "without a place"),
            count(self.rejected.len(), "rejected"),
            count(self.outside as usize, "outside of the change"),
            count(self.known as usize, "known"),
        ];
        let parts: Vec<String> = std::iter::once(found).chain(more.into_iter().flatten()).collect();
        format!("{head}{}", parts.join(", "))
    }

    fn by_severity(&self) -> String {
        let all = || self.findings.iter().chain(&self.folded);
        let of = |severity: Severity| {
            let count = all().filter(|one| one.severity == severity).count();
            (count > 0).then(|| format!("{count} {}", severity.as_str()))
        };
        Severity::ALL.into_iter().filter_map(of).collect::<Vec<_>>().join(", ")
    }

    /// The report in JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Sorts what was found into its places. `is_known`: whether it is not repeated; `most`: how many are shown.
    pub(crate) fn take(&mut self, mut all: Vec<Finding>, is_known: impl Fn(&Finding) -> bool, most: usize) {
        fingerprint::number(&mut all);
        all.sort_by(|one, other| {
            (other.severity, &one.place, &one.claim).cmp(&(one.severity, &other.place, &other.claim))
        });
        for (at, finding) in all.iter_mut().enumerate() {
            finding.id = format!("R{}", at + 1);
        }
        for finding in all {
            let is_known = is_known(&finding);
            match (finding.outcome, finding.anchor) {
                (Outcome::Rejected, _) => self.rejected.push(finding),
                (_, Anchor::Outside) => self.outside += 1,
                (_, Anchor::Ambiguous | Anchor::Unanchored) => self.unanchored.push(finding),
                _ if is_known => self.known += 1,
                (Outcome::Disputed, _) => self.disputed.push(finding),
                (Outcome::Confirmed, _) if self.findings.len() < most => self.findings.push(finding),
                (Outcome::Confirmed, _) => self.folded.push(finding),
            }
        }
    }
}
