//! Documents with planted faults.

use std::ops::Range;

use forge_session::{OutputType, Severity};
use serde::{Deserialize, Serialize};

use super::claim::words;

/// The categories of planted faults: those that reviewers really find and miss.
pub const CATEGORIES: [&str; 19] = [
    "broken-invariant",
    "contradiction",
    "impossible-requirement",
    "injection",
    "integer-overflow",
    "leap-day",
    "lost-update",
    "missing-error-case",
    "off-by-one",
    "privacy-leak",
    "race",
    "resource-leak",
    "stale-name",
    "time-zone",
    "toctou",
    "unbounded-growth",
    "unhandled-retry",
    "wrong-default",
    "wrong-unit",
];

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Requirements.
    Specification,
    /// A design with its decisions.
    Design,
    /// Text that explains.
    Documentation,
    /// Code.
    Code,
    /// A unified diff.
    Diff,
}

impl Kind {
    /// The kind as the critique stage knows it, which picks the rubric of the critics.
    pub const fn output(self) -> OutputType {
        match self {
            Self::Specification => OutputType::Specification,
            Self::Design => OutputType::Design,
            Self::Documentation => OutputType::Documentation,
            Self::Code => OutputType::Code,
            Self::Diff => OutputType::Change,
        }
    }
}

/// A document with its planted faults, and its clean twin.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// What its author was asked for.
    pub task: String,
    /// The text with the faults, which critics read.
    pub text: String,
    /// The same text without them, and without any other difference.
    pub twin: String,
    /// The faults, in the order in which they were written down.
    pub faults: Vec<Fault>,
}

/// A planted fault.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// Its name within the document.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of fault it is, one of [`CATEGORIES`].
    pub category: &'static str,
    /// The smallest passage of the text that shows it, in bytes.
    pub span: Range<usize>,
    /// Distant passages without which it cannot be seen, in bytes of the text.
    pub partners: Vec<Range<usize>>,
    /// What is wrong, for people.
    pub wrong: String,
    /// How reviewers say it: for each way the beginnings of its words, in lower case.
    pub claims: Vec<Vec<String>>,
}

impl Fault {
    /// Whether a text claims this fault: for one of the ways to say it, each beginning begins a word of the text.
    pub fn is_claimed_by(&self, text: &str) -> bool {
        let said: Vec<String> = words(text).collect();
        let has = |beginning: &String| said.iter().any(|word| word.starts_with(beginning.as_str()));
        self.claims.iter().any(|claim| claim.iter().all(has))
    }
}
