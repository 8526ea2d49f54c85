//! Findings: what is said to be wrong, and what became of it.

use serde::{Deserialize, Serialize};

use crate::answer::{Disposition, FindingId, Issue, Severity};

/// One fault in the ledger, with everybody who raised it and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Its number.
    pub id: FindingId,
    /// The cycle in which it was first raised.
    pub cycle: u32,
    /// The fault, as first put; with the worst severity that anybody gave it.
    #[serde(rename = "remark")]
    pub issue: Issue,
    /// Whether the quote occurs in the document that was judged, apart from white space.
    pub anchored: bool,
    /// Who raised it, each voice once a cycle, in the order of the seats.
    pub raised_by: Vec<Raised>,
    /// What became of it.
    pub state: FindingState,
    /// The synthesizer's latest decision on it.
    pub disposition: Option<Disposition>,
    /// Whether the check agreed with that decision.
    #[serde(default)]
    pub checked: bool,
    /// Why the host or the checker left it open in spite of the decision; what the checker said of a rejection.
    pub note: Option<String>,
}

impl Finding {
    /// Whether it is critical or major. What nobody rated counts as major until somebody does.
    pub fn blocks(&self) -> bool {
        self.issue.severity.is_none_or(Severity::blocks)
    }

    /// Whether it still waits for a change to the text.
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
    /// Another finding at the same place says the same and stands for it.
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
