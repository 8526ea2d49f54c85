//! Where a workflow stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a workflow stands. It goes through the stages in this order, back to editing from checking and reviewing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// It was asked for.
    #[default]
    Created,
    /// Questions are asked.
    Clarifying,
    /// A plan is made.
    Planning,
    /// The plan waits for a person.
    AwaitingApproval,
    /// Edits are written.
    Editing,
    /// Edits are checked.
    Checking,
    /// The change is read.
    Reviewing,
    /// The result waits for a person.
    AwaitingMerge,
    /// The user has the result.
    Completed,
    /// It cannot go on, and may be resumed.
    Failed,
    /// It is over.
    Aborted,
}

impl Stage {
    /// Its name, as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Clarifying => "clarifying",
            Self::Planning => "planning",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Editing => "editing",
            Self::Checking => "checking",
            Self::Reviewing => "reviewing",
            Self::AwaitingMerge => "awaiting_merge",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_str().replace('_', " "))
    }
}
