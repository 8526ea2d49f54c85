//! Findings: what critics say is wrong, and what became of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a fault is. Faults of the first two kinds block: the session goes on while one is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A matter of taste.
    Nit,
    /// Worth a change.
    Minor,
    /// Must be changed.
    Major,
    /// The document is wrong or unsafe as it stands.
    Critical,
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::Major, Self::Minor, Self::Nit];

    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nit => "nit",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }

    /// Whether the session goes on while such a fault is open.
    pub const fn blocks(self) -> bool {
        match self {
            Self::Critical | Self::Major => true,
            Self::Minor | Self::Nit => false,
        }
    }
}

/// What a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// It is not true, or does not work.
    Correctness,
    /// It can be misread.
    Clarity,
    /// Something is missing.
    Completeness,
    /// The code is hard to read or to change.
    CodeQuality,
    /// The parts are cut or joined badly.
    Architecture,
    /// It is slow or wasteful.
    Performance,
    /// It can be attacked.
    Security,
    /// Anything else, or nothing said.
    #[default]
    Other,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 8] = [
        Self::Correctness,
        Self::Clarity,
        Self::Completeness,
        Self::CodeQuality,
        Self::Architecture,
        Self::Performance,
        Self::Security,
        Self::Other,
    ];

    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Correctness => "correctness",
            Self::Clarity => "clarity",
            Self::Completeness => "completeness",
            Self::CodeQuality => "code_quality",
            Self::Architecture => "architecture",
            Self::Performance => "performance",
            Self::Security => "security",
            Self::Other => "other",
        }
    }
}

/// One fault as one critic put it. A field that the critic left out is empty; nothing is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Remark {
    /// How bad; `None` if the critic did not say.
    pub severity: Option<Severity>,
    /// What it is about.
    pub category: Category,
    /// Where, in the critic's words.
    pub location: String,
    /// The passage, as the critic quoted it.
    pub quote: String,
    /// What is wrong.
    pub claim: String,
    /// What to do about it.
    pub suggested_change: String,
}

/// The number of a finding within its session, written `F1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FindingId(pub u32);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F{}", self.0)
    }
}

/// One fault in the ledger, with everybody who raised it and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Its number.
    pub id: FindingId,
    /// The cycle in which it was first raised.
    pub cycle: u32,
    /// The fault, as first put; with the worst severity that anybody gave it.
    pub remark: Remark,
    /// Whether the quote occurs in the document that was judged, apart from white space.
    pub anchored: bool,
    /// Who raised it, in the order of the seats.
    pub raised_by: Vec<Raised>,
    /// What became of it.
    pub state: FindingState,
    /// The synthesizer's latest decision on it.
    pub disposition: Option<Disposition>,
    /// Why the host or the checker left it open in spite of the decision.
    pub note: Option<String>,
}

impl Finding {
    /// Whether it is critical or major.
    pub fn blocks(&self) -> bool {
        self.remark.severity.is_some_and(Severity::blocks)
    }

    /// Whether it still waits for a change to the text.
    pub fn is_open(&self) -> bool {
        match self.state {
            FindingState::Open | FindingState::Deferred => true,
            FindingState::Accepted | FindingState::Settled | FindingState::Rejected => false,
        }
    }

    /// The severity's written name; `unrated` if nobody gave one.
    pub fn severity(&self) -> &'static str {
        self.remark.severity.map_or("unrated", Severity::as_str)
    }
}

/// One time that a fault was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Raised {
    /// The critic's seat; `None` for the checker.
    pub seat: Option<u32>,
    /// The cycle.
    pub cycle: u32,
    /// How bad this critic called it.
    pub severity: Option<Severity>,
    /// How this critic put it.
    pub claim: String,
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Nothing yet, or not enough.
    Open,
    /// Accepted and the text changed; not checked.
    Accepted,
    /// Accepted, the text changed, and the check agrees; or no check is due to a minor fault.
    Settled,
    /// Rejected with a reason.
    Rejected,
    /// Put off.
    Deferred,
}

impl FindingState {
    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Settled => "settled",
            Self::Rejected => "rejected",
            Self::Deferred => "deferred",
        }
    }
}

/// What the synthesizer decided about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Disposition {
    /// The finding.
    pub finding: FindingId,
    /// The decision.
    pub decision: Decision,
    /// Why.
    pub reason: String,
    /// The new passage, for an accepted finding.
    pub changed_span: String,
}

/// What can be decided about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The text is changed.
    Accept,
    /// The text stays, for a reason.
    Reject,
    /// Not now.
    Defer,
}

impl Decision {
    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Defer => "defer",
        }
    }
}

/// Positions that excluded each other, and how the synthesizer resolved them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Conflict {
    /// What it is about.
    pub about: String,
    /// The positions.
    pub positions: Vec<String>,
    /// What was chosen.
    pub resolution: String,
    /// Why.
    pub rationale: String,
}

/// What a check said about one finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The finding.
    pub finding: FindingId,
    /// Whether the fault is gone.
    pub settled: bool,
    /// Why.
    pub reason: String,
}
