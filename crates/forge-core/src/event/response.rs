//! A whole reply.

use std::{borrow::Cow, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{StopDetail, Warning};
use crate::{
    error_kind::ErrorKind,
    event::RateLimitStatus,
    id::ModelId,
    participant::Participant,
    request::{ModelRequest, Part},
    route::RouteTrace,
    storage::accounts::Served,
    usage::{Money, TokenCount},
};

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
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

impl StopReason {
    /// What is wrong with a reply to `request` that ended for this reason and said nothing. A model may end its turn in
    /// silence after the results of tools.
    pub fn without_answer(self, request: &ModelRequest) -> Option<ErrorKind> {
        match self {
            // A model that failed may do better at once. Silence of its own choice is for the role to judge.
            Self::Error => Some(ErrorKind::Malformed),
            Self::EndTurn | Self::Other => (!request.may_be_silent()).then_some(ErrorKind::Empty),
            // The other reasons say by themselves why nothing came.
            _ => None,
        }
    }
}

/// A whole reply, folded from its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
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
    /// From the call to its last event; in JSON in milliseconds, as `duration_ms`.
    #[serde(rename = "duration_ms", with = "crate::millis")]
    pub duration: Duration,
    /// From the call to the first content; in JSON in milliseconds, as `first_token_ms`.
    #[serde(rename = "first_token_ms", with = "crate::millis::option", default)]
    pub first_token: Option<Duration>,
    /// When the call ended.
    pub timestamp: DateTime<Utc>,
    /// Why the model stopped.
    pub stop_reason: StopReason,
    /// The vendor's own word for it.
    pub raw_stop_reason: Option<String>,
    /// The stop sequence that the model wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_sequence: Option<String>,
    /// What the vendor said about a refusal or a filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_detail: Option<StopDetail>,
    /// How the vendor served the call, as far as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Served>,
    /// What the call cost, where whoever answered knows it better than a list of prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// What the reply's headers said about rate limits.
    pub rate_limit: Option<Box<RateLimitStatus>>,
    /// How the call found its model, where a router chose it.
    pub route: Option<Arc<RouteTrace>>,
    /// What the caller should know, such as settings that were left out.
    pub warnings: Vec<Warning>,
    /// The vendor's reply, if the request asked to keep it.
    #[serde(default, alias = "raw")]
    pub raw_response: Option<String>,
}

impl ModelResponse {
    /// A reply of `participant` that ended as it should, at the beginning of the Unix epoch and in no time: for
    /// batches, replays and tests.
    pub fn new(participant: impl Into<Arc<Participant>>, content: Vec<Part>) -> Self {
        let participant = participant.into();
        Self {
            model: participant.model_id.clone(),
            participant,
            id: None,
            request_id: None,
            content,
            tokens: TokenCount::default(),
            duration: Duration::ZERO,
            first_token: None,
            // The core reads no clock, and nobody takes the epoch for the time of a call.
            timestamp: DateTime::UNIX_EPOCH,
            stop_reason: StopReason::EndTurn,
            raw_stop_reason: None,
            stop_sequence: None,
            stop_detail: None,
            served: None,
            cost: None,
            rate_limit: None,
            route: None,
            warnings: Vec::new(),
            raw_response: None,
        }
    }

    /// Sets the tokens.
    pub fn with_tokens(mut self, tokens: TokenCount) -> Self {
        self.tokens = tokens;
        self
    }

    /// Sets the time from the call to its last event.
    pub fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// The text of the answer, without thoughts; borrowed when it is one part. The words of a refusal are an
    /// answer too.
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.content.iter().filter_map(|part| match part {
            Part::Text { text, .. } | Part::Refusal { text } => Some(text.as_str()),
            _ => None,
        });
        let first = texts.next().unwrap_or_default();
        texts.fold(Cow::Borrowed(first), |mut whole, next| {
            whole.to_mut().push_str(next);
            whole
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_read_back_from_its_json() {
        let response = ModelResponse::new(Participant::gpt(), vec![Part::text("hi"), Part::refusal("no")])
            .with_tokens(TokenCount { input: Some(3), ..TokenCount::default() })
            .with_duration(Duration::from_millis(1_250));
        let json = serde_json::to_value(&response).unwrap();
        assert_eq!(
            (&json["duration_ms"], &json["first_token_ms"]),
            (&1_250.into(), &serde_json::Value::Null)
        );
        assert_eq!(serde_json::from_value::<ModelResponse>(json).unwrap(), response);
    }
}
