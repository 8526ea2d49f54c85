//! A whole reply.

use std::{borrow::Cow, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ModelId, Part, Participant, RateLimitStatus, RouteTrace, TokenCount, Warning};

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It said all it had to say.
    EndTurn,
    /// It reached the token limit of the request or of the model's output.
    MaxTokens,
    /// It wrote one of the stop sequences.
    StopSequence,
    /// It waits for tool results.
    ToolUse,
    /// It declined.
    Refusal,
    /// A filter of the vendor stopped it, or blocked the prompt.
    ContentFiltered,
    /// The conversation filled the context window.
    ContextWindow,
    /// The vendor paused a long turn; send the reply back as it is to go on.
    Paused,
    /// It failed; what is there is partial.
    Error,
    /// Any other reason; see the vendor's own word beside it.
    Other,
}

/// A whole reply, folded from its events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelResponse {
    /// Who was asked; where a router chose, the one it chose.
    pub participant: Arc<Participant>,
    /// The model that served the call; the one asked for if the vendor did not say.
    pub model: ModelId,
    /// The vendor's id of the reply.
    pub id: Option<String>,
    /// The vendor's id of the request, for its support desk.
    pub request_id: Option<String>,
    /// The parts of the answer, in order. Fit to be sent back as an assistant turn.
    pub content: Vec<Part>,
    /// Tokens by class.
    pub tokens: TokenCount,
    /// From the call to its last event.
    pub duration: Duration,
    /// From the call to the first content.
    pub first_token: Option<Duration>,
    /// When the call ended.
    pub timestamp: DateTime<Utc>,
    /// Why the model stopped.
    pub stop_reason: StopReason,
    /// The vendor's own word for it.
    pub raw_stop_reason: Option<String>,
    /// What the reply's headers said about rate limits.
    pub rate_limit: Option<Box<RateLimitStatus>>,
    /// How the call found its model, where a router chose it.
    pub route: Option<Arc<RouteTrace>>,
    /// What the caller should know, such as settings that were left out.
    pub warnings: Vec<Warning>,
    /// The vendor's reply, if the request asked to keep it.
    pub raw: Option<String>,
}

impl ModelResponse {
    /// The text of the answer, without thoughts; borrowed when it is one part.
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.content.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let first = texts.next().unwrap_or_default();
        texts.fold(Cow::Borrowed(first), |mut whole, next| {
            whole.to_mut().push_str(next);
            whole
        })
    }
}
