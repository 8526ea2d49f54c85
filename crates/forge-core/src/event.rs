//! The events of a reply and the contract of their order.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use serde::Serialize;

use crate::{ModelId, Opaque, ProviderError, RateLimitStatus, RouteTrace, StopReason, TokenCount};

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
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StreamEvent {
    /// The vendor accepted the request.
    Started(Started),
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
    /// Tokens so far.
    UsageUpdated(TokenCount),
    /// Something the caller should know, such as a setting that was left out.
    Warned(Warning),
    /// The model is done.
    Finished(Finished),
}

impl StreamEvent {
    /// Whether the event hands part of the answer to the caller. The first such event is the border
    /// up to which a call may move to another route.
    pub fn is_content(&self) -> bool {
        matches!(self, Self::PartStarted { .. } | Self::PartDelta { .. } | Self::PartEnded { .. })
    }
}

/// What the vendor said when it accepted the request.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
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
}

/// What a part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PartKind {
    /// Text of the answer.
    Text,
    /// Thoughts.
    Thinking,
    /// A tool call; its arguments come as [`Delta::ToolInput`].
    ToolUse {
        /// Pairs the call with its result.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// A part that only its vendor understands.
    Vendor,
}

/// What is added to a part. The variant fits the part's kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "of", content = "text", rename_all = "snake_case")]
pub enum Delta {
    /// Text of the answer.
    Text(String),
    /// Thoughts.
    Thinking(String),
    /// A piece of the JSON text of a tool call's arguments.
    ToolInput(String),
}

/// Something the caller should know; the call goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
pub struct Finished {
    /// Why the model stopped, in the common vocabulary.
    pub reason: StopReason,
    /// The vendor's own word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_reason: Option<String>,
    /// Tokens of the whole call.
    pub usage: TokenCount,
    /// The vendor's reply, if the request asked to keep it: the body, or one line per frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

/// The events of one reply. Dropping it cancels the call.
pub struct ResponseStream(Pin<Box<dyn Stream<Item = Result<StreamEvent, ProviderError>> + Send>>);

impl ResponseStream {
    /// Wraps any stream of events that keeps the contract of [`StreamEvent`].
    pub fn new(events: impl Stream<Item = Result<StreamEvent, ProviderError>> + Send + 'static) -> Self {
        Self(Box::pin(events))
    }

    /// A stream of events that are already there.
    pub fn from_events<I>(events: I) -> Self
    where
        I: IntoIterator<Item = Result<StreamEvent, ProviderError>>,
        I::IntoIter: Send + 'static,
    {
        Self::new(Ready(events.into_iter()))
    }

    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<StreamEvent, ProviderError>> {
        std::future::poll_fn(|cx| self.0.as_mut().poll_next(cx)).await
    }
}

impl Stream for ResponseStream {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream").finish_non_exhaustive()
    }
}

struct Ready<I>(I);

impl<I> Unpin for Ready<I> {}

impl<I: Iterator> Stream for Ready<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}
