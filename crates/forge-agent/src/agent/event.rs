//! What a journal holds of a dialogue.

use forge_core::{
    ErrorKind, ModelId, ModelProvider, ModelResponse, Money, ProviderId, TokenCount, event::StopReason,
    request::Part,
};
use forge_durable::ModelCall;
use serde::{Deserialize, Serialize};

/// An entry of a dialogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AgentEvent {
    /// What the model is told at first. It is kept, so that a dialogue goes on with the same words whatever became of the files and
    /// prompts that they were made of.
    Opened {
        /// The system text.
        system: String,
        /// The first turn.
        user: String,
    },
    /// A call begins.
    Intended {
        /// The call.
        call: ModelCall,
    },
    /// The model answered.
    Answered(Box<AgentReply>),
    /// The call failed.
    Failed(AgentFailure),
    /// A tool has run.
    ToolEnded {
        /// The call of the tool, as the model names it.
        id: String,
        /// What it says.
        text: String,
        /// Whether it went wrong.
        is_error: bool,
    },
    /// The host refuses the answer, and the model may mend it.
    Refused {
        /// What is wrong, in words for the model.
        problem: String,
    },
    /// The host goes on with the dialogue: its answer was taken, and there is more to do.
    Told {
        /// What is to be done.
        text: String,
    },
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgentReply {
    /// What the model said, fit to be sent back to it.
    pub content: Vec<Part>,
    /// Why it stopped.
    pub stop_reason: StopReason,
    /// What the call took.
    pub tokens: TokenCount,
    /// What it cost, if that is known.
    #[serde(rename = "cost_nano_usd")]
    pub cost: Option<Money>,
    /// The configured provider that answered.
    pub provider: ProviderId,
    /// Whose model it is.
    pub vendor: ModelProvider,
    /// The model that answered.
    pub model: ModelId,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Attempts that failed before, on other routes or on the same.
    pub failed_attempts: u32,
}

impl AgentReply {
    /// An answer of nobody that cost nothing; for tests and replays.
    pub fn new(content: Vec<Part>) -> Self {
        Self {
            content,
            stop_reason: StopReason::EndTurn,
            tokens: TokenCount::default(),
            cost: None,
            provider: "none".into(),
            vendor: "none".into(),
            model: "none".into(),
            duration_ms: 0,
            failed_attempts: 0,
        }
    }

    /// What is kept of a response.
    pub fn of(response: ModelResponse, cost: Option<Money>, failed_attempts: u32) -> Self {
        Self {
            stop_reason: response.stop_reason,
            tokens: response.tokens,
            cost,
            provider: response.participant.provider_id.clone(),
            vendor: response.participant.provider.clone(),
            model: response.model,
            duration_ms: u64::try_from(response.duration.as_millis()).unwrap_or(u64::MAX),
            content: response.content,
            failed_attempts,
        }
    }

    /// The text of the answer.
    pub fn text(&self) -> String {
        let texts = self.content.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgentFailure {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What it says.
    pub message: String,
}

impl AgentFailure {
    /// A failure.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
