//! Findings: what critics say is wrong, and what became of it.

use serde::{Deserialize, Serialize};

use crate::{Disposition, FindingId, Remark, Severity};

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
