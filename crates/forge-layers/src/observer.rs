//! What a call holds travels inside its stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use forge_core::{CallContext, ModelRequest, Provider, ProviderError, ResponseStream, StreamEvent};
use futures_core::Stream;

/// Sees what becomes of one call, and is dropped as soon as the call is over, however it ends. Its
/// `Drop` gives back what the call held.
pub trait StreamObserver: Send + Unpin + 'static {
    /// An event of the reply. [`StreamEvent::Finished`] is the last thing it sees.
    fn event(&mut self, event: &StreamEvent);

    /// The call failed; without an error, the reply just ended. The last thing it sees.
    fn failure(&mut self, error: Option<&ProviderError>);
}

/// Makes the call and shows its events to `observer`; for custom layers. The observer is dropped with the
/// future, at the failure, or with the stream.
pub async fn tap(
    inner: &dyn Provider,
    cx: &CallContext,
    request: Arc<ModelRequest>,
    mut observer: impl StreamObserver,
) -> Result<ResponseStream, ProviderError> {
    match inner.stream(cx, request).await {
        Ok(inner) => Ok(ResponseStream::new(Tapped { inner, observer: Some(observer) })),
        Err(error) => {
            observer.failure(Some(&error));
            Err(error)
        }
    }
}

struct Tapped<W> {
    inner: ResponseStream,
    observer: Option<W>,
}

impl<W: StreamObserver> Stream for Tapped<W> {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(Pin::new(&mut self.inner).poll_next(cx));
        if let Some(observer) = &mut self.observer {
            let over = match &item {
                Some(Ok(event)) => {
                    observer.event(event);
                    matches!(event, StreamEvent::Finished(_))
                }
                Some(Err(error)) => {
                    observer.failure(Some(error));
                    true
                }
                None => {
                    observer.failure(None);
                    true
                }
            };
            if over {
                // With the last event and not with the stream: what the call held is free while its caller still
                // reads.
                self.observer = None;
            }
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
