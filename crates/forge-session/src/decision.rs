//! What a person decides between two cycles.

use forge_prompt::one_line;
use serde::{Deserialize, Serialize};

/// What the approver decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on by the stop rule.
    Continue,
    /// Leave the remaining cycles out.
    Skip,
    /// Run one more cycle with this in mind.
    Feedback(String),
    /// Settle conflicts otherwise than the synthesizer did, in one more cycle if any is not accepted or deferred.
    Resolve(Vec<ConflictResolution>),
    /// Break off.
    Abort,
}

/// What the approver says about one conflict of [`SessionResult::conflicts`](crate::SessionResult).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConflictResolution {
    /// What the conflict is about, as the synthesizer put it.
    pub about: String,
    /// The choice.
    pub choice: Resolution,
}

/// How a conflict is to be settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// As the synthesizer resolved it.
    Accept,
    /// By this one of its positions.
    Choose(String),
    /// In this other way.
    Custom(String),
    /// Not in this session.
    Defer,
}

impl Decision {
    /// What the next cycle is told; `None` if the decision asks for none.
    pub(crate) fn instruction(&self) -> Option<String> {
        match self {
            Self::Feedback(text) => Some(text.clone()),
            Self::Resolve(resolutions) => {
                let told = resolutions.iter().filter_map(|one| match &one.choice {
                    // Mostly words of models, who get no lines of their own in a prompt.
                    Resolution::Choose(text) | Resolution::Custom(text) => {
                        Some(format!("On {}: {}", one_line(&one.about), one_line(text)))
                    }
                    Resolution::Accept | Resolution::Defer => None,
                });
                let told: Vec<String> = told.collect();
                (!told.is_empty()).then(|| told.join("\n"))
            }
            Self::Continue | Self::Skip | Self::Abort => None,
        }
    }
}
