//! Findings: what is said to be wrong, and its outcome.

use serde::{Deserialize, Serialize};

use crate::answer::{Disposition, FindingId, Issue, Severity};

/// One fault in the ledger, with everybody who raised it and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Its number.
    pub id: FindingId,
    /// The cycle in which it was first raised.
    pub cycle: u32,
    /// The fault as first raised, with the worst severity that anybody gave it.
    #[serde(rename = "remark")]
    pub issue: Issue,
    /// Whether the quote occurs in the document that the critic has read, ignoring white space.
    pub anchored: bool,
    /// Who raised it, each critic once a cycle, in the order of the seats.
    pub raised_by: Vec<Raised>,
    /// Its outcome.
    pub state: FindingState,
    /// The synthesizer's latest decision on it.
    pub disposition: Option<Disposition>,
    /// Whether the check agreed with that decision.
    #[serde(default)]
    pub checked: bool,
    /// Why the host or the checker left it open despite the decision, or what the checker said of a rejection.
    pub note: Option<String>,
}

impl Finding {
    /// Whether it is critical or major. A finding counts as major until somebody rates it.
    pub fn blocks(&self) -> bool {
        self.issue.severity.is_none_or(Severity::blocks)
    }

    /// Whether it still needs a decision or a change to the text.
    pub fn is_open(&self) -> bool {
        match self.state {
            FindingState::Open | FindingState::Deferred => true,
            FindingState::Accepted
            | FindingState::Settled
            | FindingState::Rejected
            | FindingState::Duplicate => false,
        }
    }

    /// The severity's written name; `unrated` if nobody gave one.
    pub fn severity(&self) -> &'static str {
        self.issue.severity.map_or("unrated", Severity::as_str)
    }

    /// The finding that it says the same as.
    pub fn duplicate_of(&self) -> Option<FindingId> {
        let given = self.disposition.as_ref().filter(|_| self.state == FindingState::Duplicate)?;
        given.same_as
    }
}

/// One time that a fault was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Raised {
    /// The critic's seat; `None` for the checker and for the person who asked for the document.
    pub seat: Option<u32>,
    /// Whether the person who asked for the document said it.
    #[serde(default)]
    pub person: bool,
    /// The cycle.
    pub cycle: u32,
    /// Who that was, by provider and model; in results only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// How bad this voice called it.
    pub severity: Option<Severity>,
    /// How this voice put it.
    pub claim: String,
}

/// The outcome of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Not resolved.
    Open,
    /// Accepted, and the text changed; not checked.
    Accepted,
    /// Accepted, the text changed, and the check agrees; a minor fault needs no check.
    Settled,
    /// Rejected with a reason.
    Rejected,
    /// Deferred.
    Deferred,
    /// Another finding about the same passage says the same and represents it.
    Duplicate,
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
            Self::Duplicate => "duplicate",
        }
    }
}
