//! A reply whose events are others on the way to the caller.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use forge_core::{ProviderError, ResponseStream, StreamEvent};
use futures_core::Stream;

/// The reply with what `rewrite` adds to the list for each of its events: nothing, the event, or several.
pub(super) fn rewritten(
    reply: ResponseStream,
    rewrite: impl FnMut(StreamEvent, &mut VecDeque<StreamEvent>) + Send + Unpin + 'static,
) -> ResponseStream {
    ResponseStream::new(Rewritten { reply, rewrite, ready: VecDeque::new() })
}

struct Rewritten<F> {
    reply: ResponseStream,
    rewrite: F,
    ready: VecDeque<StreamEvent>,
}

impl<F: FnMut(StreamEvent, &mut VecDeque<StreamEvent>) + Unpin> Stream for Rewritten<F> {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { reply, rewrite, ready } = self.get_mut();
        loop {
            if let Some(event) = ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match ready!(Pin::new(&mut *reply).poll_next(cx)) {
                Some(Ok(event)) => rewrite(event, ready),
                end => return Poll::Ready(end),
            }
        }
    }
}
