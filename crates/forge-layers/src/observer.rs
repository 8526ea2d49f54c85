//! What a call holds travels with its stream.

use std::sync::Arc;

use forge_core::{
    CallContext, ModelRequest, Provider, ProviderError, ResponseStream, stream::StreamObserver,
};

/// Makes the call and shows its events to `observer`; for custom layers. The observer is dropped with the
/// future, at the failure, or with the stream.
pub async fn tap(
    inner: &dyn Provider,
    cx: &CallContext,
    request: Arc<ModelRequest>,
    mut observer: impl StreamObserver,
) -> Result<ResponseStream, ProviderError> {
    match inner.stream(cx, request).await {
        Ok(events) => Ok(events.observed(observer)),
        Err(mut error) => {
            observer.failure(Some(&mut error));
            Err(error)
        }
    }
}
