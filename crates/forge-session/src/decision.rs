//! Decisions of the approver between two cycles.

use forge_prompt::one_line;
use serde::{Deserialize, Serialize};

/// A decision of the approver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Continue as the stop rule says.
    Continue,
    /// Skip the remaining cycles.
    Skip,
    /// Run one more cycle with this feedback.
    Feedback(String),
    /// Resolve conflicts differently from the synthesizer, in one more cycle unless all are accepted or deferred.
    Resolve(Vec<ConflictResolution>),
    /// Abort the session.
    Abort,
}

/// The resolution of one conflict of [`SessionResult::conflicts`](crate::SessionResult).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConflictResolution {
    /// What the conflict is about, as the synthesizer put it.
    pub about: String,
    /// The resolution.
    pub choice: Resolution,
}

/// How to resolve a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// As the synthesizer resolved it.
    Accept,
    /// With this one of its positions.
    Choose(String),
    /// In another way.
    Custom(String),
    /// Not in this session.
    Defer,
}

impl Resolution {
    fn describe(&self) -> &str {
        match self {
            Self::Accept => "as resolved",
            Self::Choose(text) | Self::Custom(text) => text,
            Self::Defer => "not in this session",
        }
    }
}

impl Decision {
    /// What was decided, in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Continue => "go on".to_owned(),
            Self::Skip => "leave out the remaining cycles".to_owned(),
            Self::Feedback(text) => format!("one more cycle: {text}"),
            Self::Resolve(resolutions) => {
                let one = |one: &ConflictResolution| format!("{}: {}", one.about, one.choice.describe());
                resolutions.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Self::Abort => "abort".to_owned(),
        }
    }

    /// The instruction to the next cycle; `None` if the decision asks for none.
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
