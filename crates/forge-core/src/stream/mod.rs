//! The events of a reply as they come, and how they become one.

mod accumulate;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;

pub use self::accumulate::Accumulator;
use crate::{error::ProviderError, event::StreamEvent};

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
