//! The vocabulary of answers: issues, dispositions, verdicts.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The severity of a fault. Critical and major faults block: nothing is settled while one is open.
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

    /// Whether such a fault must be resolved.
    pub const fn blocks(self) -> bool {
        match self {
            Self::Critical | Self::Major => true,
            Self::Minor | Self::Nit => false,
        }
    }
}

/// The category of a fault.
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

/// One fault as one critic describes it. A field that the critic left out is empty; nothing is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Remark"))]
#[serde(default)]
pub struct Issue {
    /// The severity; `None` if the critic gave none, or one that is not known.
    pub severity: Option<Severity>,
    /// The critic's word for the severity if it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rating: String,
    /// The category.
    pub category: Category,
    /// The location, in the critic's words.
    pub location: String,
    /// The passage, as the critic quoted it.
    pub quote: String,
    /// What is wrong.
    pub claim: String,
    /// What to do about it.
    pub suggested_change: String,
}

/// The number of a finding within its session, written `F1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FindingId(pub u32);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F{}", self.0)
    }
}

/// What the synthesizer decided about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Disposition {
    /// The finding.
    pub finding: FindingId,
    /// The decision.
    pub decision: DispositionKind,
    /// Why.
    pub reason: String,
    /// The finding that says the same, for a duplicate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<FindingId>,
    /// What to change in the text, for an accepted finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// The new passage, for an accepted finding in an answer that gives the whole document.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub changed_span: String,
}

/// One change to a text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Edit {
    /// The passage as it stands, word for word; empty to add at the end.
    pub old: String,
    /// What stands there afterwards.
    pub new: String,
}

/// Something good that a critic says of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Strength {
    /// The passage, as the critic quoted it.
    pub quote: String,
    /// What is good about it.
    pub claim: String,
}

/// What can be decided about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DispositionKind {
    /// The text is changed.
    Accept,
    /// The text stays, for a reason.
    Reject,
    /// Not now.
    #[default]
    Defer,
    /// Another finding says the same.
    Duplicate,
}

impl DispositionKind {
    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Defer => "defer",
            Self::Duplicate => "duplicate",
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

/// What a check said about one finding. A finding without one is open again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The finding.
    pub finding: FindingId,
    /// Whether the fault is gone, or the finding was rightly rejected.
    pub settled: bool,
    /// Why.
    pub reason: String,
}
