//! The events of a reply and the contract of their order.

mod rate;
mod response;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use self::{
    rate::{RateLimitStatus, RateLimitWindow},
    response::{ModelResponse, StopReason},
};
use crate::{
    id::ModelId,
    request::{Citation, Opaque},
    route::RouteTrace,
    storage::accounts::Served,
    usage::{Money, TokenCount},
};

/// One step of a reply.
///
/// Every provider keeps this contract, for streams and for whole replies alike:
///
/// - [`Started`](Self::Started) comes first, once.
/// - A part is [`PartStarted`](Self::PartStarted), any number of [`PartDelta`](Self::PartDelta), then
///   [`PartEnded`](Self::PartEnded), all under one index. Indices are given out 0, 1, 2, ... in the
///   order of the parts; several parts may be open at once. A part may stay open when the model
///   reached its token limit inside it.
/// - [`UsageUpdated`](Self::UsageUpdated) is cumulative.
/// - [`Finished`](Self::Finished) comes exactly once, last, and only when the vendor said so.
/// - An `Err` item is terminal. Input that ends without `Finished` is an error of kind
///   [`Truncated`](crate::ErrorKind::Truncated), never a short success.
/// - Unknown vendor events are skipped; a malformed known one is an error.
/// - A reply that is [`Relayed`](Self::Relayed) has no parts: its bytes are the vendor's, and only usage, warnings
///   and the end are told beside them.
///
/// An event is at most 48 bytes; what is larger is boxed, because events pass through many hands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamEvent {
    /// The vendor accepted the request.
    Started(Box<Started>),
    /// A part begins.
    PartStarted {
        /// The part's index.
        index: u32,
        /// What it is.
        kind: PartKind,
    },
    /// A part goes on.
    PartDelta {
        /// The part's index.
        index: u32,
        /// What is added to it.
        delta: Delta,
    },
    /// A part is complete.
    PartEnded {
        /// The part's index.
        index: u32,
        /// Vendor state that belongs to the part.
        #[serde(skip_serializing_if = "Option::is_none")]
        opaque: Option<Box<Opaque>>,
    },
    /// Bytes of the vendor's reply, passed on as they are.
    Relayed(Relayed),
    /// Tokens so far.
    UsageUpdated(Box<TokenCount>),
    /// Something the caller should know, such as a setting that was left out.
    Warned(Box<Warning>),
    /// The model is done.
    Finished(Box<Finished>),
}

impl StreamEvent {
    /// Whether the event hands part of the answer to the caller. The first such event is the border
    /// up to which a call may move to another route.
    pub fn is_content(&self) -> bool {
        match self {
            // A part that only begins counts as well: another reply would give the same index to a part of
            // its own.
            Self::PartStarted { .. } | Self::PartDelta { .. } | Self::PartEnded { .. } => true,
            Self::Relayed(relayed) => relayed.has_content,
            // Nothing of these stands in the answer, so that a call which ends with them may still move on.
            Self::Started(_) | Self::UsageUpdated(_) | Self::Warned(_) | Self::Finished(_) => false,
        }
    }

    /// Whether the event holds a piece of the answer itself: neither thoughts nor a text that has only begun.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::PartStarted { kind, .. } => {
                // The name of a tool says what is wanted. Text and thoughts say nothing before their first
                // piece.
                !matches!(kind, PartKind::Text | PartKind::Thinking | PartKind::Refusal)
            }
            Self::PartDelta { delta, .. } => !matches!(delta, Delta::Thinking(_)) && !delta.is_empty(),
            Self::Relayed(relayed) => relayed.has_content,
            _ => false,
        }
    }

    /// A piece of text of the part `index`.
    pub fn text(index: u32, text: impl Into<String>) -> Self {
        Self::PartDelta { index, delta: Delta::Text(text.into()) }
    }
}

impl From<Started> for StreamEvent {
    fn from(started: Started) -> Self {
        Self::Started(Box::new(started))
    }
}

impl From<TokenCount> for StreamEvent {
    fn from(usage: TokenCount) -> Self {
        Self::UsageUpdated(Box::new(usage))
    }
}

impl From<Warning> for StreamEvent {
    fn from(warning: Warning) -> Self {
        Self::Warned(Box::new(warning))
    }
}

impl From<Finished> for StreamEvent {
    fn from(finished: Finished) -> Self {
        Self::Finished(Box::new(finished))
    }
}

/// Bytes of a vendor's reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Relayed {
    /// The bytes: whole frames, or a whole reply.
    #[serde(skip)]
    pub bytes: Bytes,
    /// Whether they hold part of the answer.
    pub has_content: bool,
    /// How many bytes of text they add to the answer, as far as it is known without what stands around it.
    pub text: u32,
}

impl Relayed {
    /// Bytes that hold part of the answer, or do not.
    pub fn new(bytes: Bytes, has_content: bool) -> Self {
        let text = if has_content { u32::try_from(bytes.len()).unwrap_or(u32::MAX) } else { 0 };
        Self { bytes, has_content, text }
    }

    /// The same bytes, which add so many bytes of text to the answer.
    pub fn with_text(mut self, bytes: usize) -> Self {
        self.text = u32::try_from(bytes).unwrap_or(u32::MAX);
        self
    }
}

/// What the vendor said when it accepted the request.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Started {
    /// The vendor's id of the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The vendor's id of the request, for its support desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The model that serves the request, which may differ from the one asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// What the reply's headers said about rate limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<Box<RateLimitStatus>>,
    /// How the call found its model, where a router chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Arc<RouteTrace>>,
    /// The session that answers, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Arc<str>>,
}

impl Started {
    /// The vendor's ids of the reply and of the model that serves it.
    pub fn new(id: Option<String>, model: Option<ModelId>) -> Self {
        Self { id, model, ..Self::default() }
    }
}

/// What a part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartKind {
    /// Text of the answer.
    Text,
    /// The words with which the model declines; they come as [`Delta::Text`].
    Refusal,
    /// Thoughts.
    Thinking,
    /// A tool call; its input comes as [`Delta::ToolInput`].
    ToolUse(Box<ToolStart>),
    /// A part that only its vendor understands.
    Vendor,
}

impl PartKind {
    /// A call of a function.
    pub fn tool_use(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self::ToolUse(Box::new(ToolStart::new(id, name)))
    }
}

/// How a tool call begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ToolStart {
    /// Pairs the call with its result.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The group of tools to which it belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Whether the tool takes free text; else its input is JSON.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub freeform: bool,
}

impl ToolStart {
    /// A call of a function.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), namespace: None, freeform: false }
    }

    /// A call of a tool in this group.
    pub fn with_namespace(mut self, namespace: Option<String>) -> Self {
        self.namespace = namespace;
        self
    }

    /// A call of a tool that takes free text.
    pub fn freeform(mut self) -> Self {
        self.freeform = true;
        self
    }
}

/// What is added to a part. The variant fits the part's kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "of", content = "text", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delta {
    /// Text of the answer.
    Text(String),
    /// Thoughts.
    Thinking(String),
    /// A piece of the JSON text of a tool call's arguments, or of a freeform tool's input.
    ToolInput(String),
    /// What the text so far rests on.
    Citation(Box<Citation>),
}

impl Delta {
    /// Whether it adds nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) | Self::Thinking(text) | Self::ToolInput(text) => text.is_empty(),
            Self::Citation(_) => false,
        }
    }

    /// The bytes of text that it adds.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Thinking(text) | Self::ToolInput(text) => text.len(),
            Self::Citation(_) => 0,
        }
    }
}

/// Something the caller should know; the call goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Warning {
    /// What it is about: a request field such as `temperature`, or a topic such as `usage`.
    pub about: String,
    /// One sentence for people.
    pub message: String,
}

impl Warning {
    /// A warning about `about`.
    pub fn new(about: impl Into<String>, message: impl Into<String>) -> Self {
        Self { about: about.into(), message: message.into() }
    }
}

/// How the reply ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finished {
    /// Why the model stopped, in the common vocabulary.
    pub reason: StopReason,
    /// The vendor's own word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_reason: Option<String>,
    /// The stop sequence that the model wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_sequence: Option<String>,
    /// What the vendor said about a refusal or a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<StopDetail>,
    /// Tokens of the whole call. They take the place of all that was reported on the way: what is unknown here is
    /// unknown.
    pub usage: TokenCount,
    /// How the vendor served the call, which may change its price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<Served>,
    /// What the call cost, where whoever answers knows it better than a list of prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// The vendor's reply, if the request asked to keep it: the body, or one line per frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_response: Option<String>,
}

impl Finished {
    /// An end for this reason, with nothing known about tokens.
    pub fn new(reason: StopReason) -> Self {
        Self {
            reason,
            raw_reason: None,
            stop_sequence: None,
            detail: None,
            usage: TokenCount::default(),
            served: None,
            cost: None,
            raw_response: None,
        }
    }

    /// Adds the vendor's own word for the reason.
    pub fn with_raw_reason(mut self, word: impl Into<Option<String>>) -> Self {
        self.raw_reason = word.into();
        self
    }

    /// Sets the tokens of the whole call.
    pub fn with_usage(mut self, usage: TokenCount) -> Self {
        self.usage = usage;
        self
    }
}

/// What a vendor said about a refusal or a filter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StopDetail {
    /// The vendor's word for what it objects to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The vendor's explanation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

impl StopDetail {
    /// A category, an explanation, or both; `None` for neither.
    pub fn of(category: Option<String>, explanation: Option<String>) -> Option<Self> {
        (category.is_some() || explanation.is_some()).then_some(Self { category, explanation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ProviderError;

    #[test]
    fn an_event_is_small() {
        assert!(size_of::<StreamEvent>() <= 48, "{}", size_of::<StreamEvent>());
        assert!(size_of::<Option<Result<StreamEvent, ProviderError>>>() <= 48);
    }
}
