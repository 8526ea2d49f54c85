//! What people do in a session while it runs.

use serde::{Deserialize, Serialize};

use crate::{decision::Decision, stage::Stage};

/// What somebody did in a session, beside its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Contribution {
    /// When, in milliseconds of the session.
    pub at_ms: u64,
    /// The cycle in which it was done; 0 before there is a draft. A decision belongs to the cycle that it is about.
    pub cycle: u32,
    /// Who, as those who attend are known; `None` for whoever runs the session.
    pub by: Option<String>,
    /// What.
    #[serde(flatten)]
    pub deed: Deed,
}

impl Contribution {
    /// The same in words, such as `cycle 1, anna: feedback: be brief`.
    pub fn describe(&self) -> String {
        let by = self.by.as_deref().unwrap_or("whoever runs the session");
        format!("cycle {}, {by}: {}", self.cycle, self.deed.describe())
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "deed", rename_all = "snake_case")]
pub enum Deed {
    /// Feedback for the next stage.
    Feedback {
        /// What was said.
        text: String,
    },
    /// A decision after a cycle.
    Decided {
        /// The decision.
        decision: Decision,
    },
    /// The document was written anew.
    Edited {
        /// The number of the version that this made, the draft being 1.
        #[serde(rename = "document_version")]
        version: u32,
    },
    /// The session was paused.
    Paused,
    /// It was let go on.
    Resumed,
    /// What was under way in a stage was not waited for.
    Skipped {
        /// The stage.
        stage: Stage,
    },
    /// The session was aborted.
    Aborted,
}

impl Deed {
    /// The written name, as in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Feedback { .. } => "feedback",
            Self::Decided { .. } => "decided",
            Self::Edited { .. } => "edited",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Skipped { .. } => "skipped",
            Self::Aborted => "aborted",
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Feedback { text } => format!("feedback: {text}"),
            Self::Decided { decision } => format!("decided: {}", decision.describe()),
            Self::Edited { version } => format!("wrote version {version}"),
            Self::Paused => "paused the session".to_owned(),
            Self::Resumed => "let the session go on".to_owned(),
            Self::Skipped { stage } => format!("skipped what was left of the stage {stage}"),
            Self::Aborted => "aborted the session".to_owned(),
        }
    }
}
