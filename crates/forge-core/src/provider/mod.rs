//! Who answers: the traits that everything else stands on, and how an adapter is described, set up and wrapped.

mod kind;
mod layer;
mod registry;
mod settings;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use serde::Serialize;

pub use self::{
    kind::{AdapterKind, CompatibleVendor},
    layer::{Layer, Stack},
    registry::{AdapterRegistry, RegistryError},
    settings::{AdapterSettings, Timeouts},
};
use crate::{
    call::CallContext,
    error::ProviderError,
    event::{ModelResponse, RateLimitStatus},
    id::ModelId,
    model::{Capabilities, ModelInfo},
    request::ModelRequest,
    stream::{Accumulator, ResponseStream},
};

/// Anything that answers model requests: an adapter, a router, a layer around either, a fake.
///
/// The only method that does work is [`stream`](Self::stream); callers that want the whole reply use
/// [`ProviderExt::complete`].
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// The name under which it is configured, for errors and accounts.
    fn name(&self) -> &str;

    /// What `model` can do. An unknown model gets the vendor's most common abilities.
    fn capabilities(&self, model: &ModelId) -> Capabilities;

    /// Sends the request and returns the events of the reply, which keep the contract of
    /// [`StreamEvent`](crate::StreamEvent). Dropping the future or the stream cancels the call.
    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError>;
}

/// What [`Provider::stream`] is to the compiler. A provider that hands a call on as it is can be written with it in place of
/// `async fn`, and returns the future of the one behind it without another one around it.
pub type StreamFuture<'a> = Pin<Box<dyn Future<Output = Result<ResponseStream, ProviderError>> + Send + 'a>>;

impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        (**self).capabilities(model)
    }

    fn stream<'s, 'c, 'f>(&'s self, cx: &'c CallContext, request: Arc<ModelRequest>) -> StreamFuture<'f>
    where
        's: 'f,
        'c: 'f,
    {
        (**self).stream(cx, request)
    }
}

/// What callers get for free with every [`Provider`].
pub trait ProviderExt: Provider {
    /// The whole reply, folded from the same events as a stream.
    ///
    /// # Errors
    /// Those of the stream. When content had arrived before the failure, it is in
    /// [`ErrorFacts::partial`](crate::error::ErrorFacts).
    fn complete(
        &self,
        cx: &CallContext,
        request: impl Into<Arc<ModelRequest>> + Send,
    ) -> impl Future<Output = Result<ModelResponse, ProviderError>> + Send {
        let request = request.into();
        async move {
            let mut accumulator = Accumulator::new(cx);
            let mut events = self.stream(cx, request).await?;
            while let Some(event) = events.next().await {
                // Also where the contract is broken: what had arrived by then was paid for.
                if let Err(error) = event.and_then(|event| accumulator.push(event)) {
                    return Err(accumulator.interrupted(error));
                }
            }
            accumulator.finish()
        }
    }
}

impl<P: Provider + ?Sized> ProviderExt for P {}

/// What a vendor offers beside calls. Implemented by adapter crates only.
#[async_trait]
pub trait Adapter: Provider {
    /// Asks a free endpoint whether the vendor is there and takes the credential.
    ///
    /// # Errors
    /// Those of the request, [`Authentication`](crate::ErrorKind::Authentication) for a bad credential
    /// among them. A server that is still loading its model is `Ok` with [`Health::Loading`].
    async fn health_check(&self) -> Result<Health, ProviderError>;

    /// Every model the vendor lists for this credential.
    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError>;

    /// How many input tokens the request would have for `model`.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where the vendor has no way to count.
    async fn count_tokens(&self, model: &ModelId, request: &ModelRequest) -> Result<u64, ProviderError>;

    /// The rate limits last seen in a reply's headers.
    fn rate_limit_status(&self) -> RateLimitStatus;

    /// Whether `request`, which is [carried](ModelRequest::carried), can go to `model` in the bytes of its client, with
    /// what is set beside them. A request that cannot is read before it comes here.
    fn relays(&self, _model: &ModelId, _request: &ModelRequest) -> bool {
        false
    }
}

/// How a vendor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "Forge's own judgement, which every reader has to follow")]
pub enum Health {
    /// It answers and takes the credential.
    Ready,
    /// It answers, but its model is still loading: wait, do not count it as a failure.
    Loading,
    /// It answers, but has no model to serve.
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error_kind::{ErrorKind, Phase},
        event::{Delta, Finished, PartKind, Started, StopReason, StreamEvent},
        participant::Participant,
    };

    /// Ends its reply with this.
    #[derive(Debug)]
    struct Ending(fn() -> Result<StreamEvent, ProviderError>);

    #[async_trait]
    impl Provider for Ending {
        fn name(&self) -> &'static str {
            "p"
        }

        fn capabilities(&self, _: &ModelId) -> Capabilities {
            Capabilities::default()
        }

        async fn stream(
            &self,
            _: &CallContext,
            _: Arc<ModelRequest>,
        ) -> Result<ResponseStream, ProviderError> {
            Ok(ResponseStream::from_events([
                Ok(Started::new(None, Some("served".into())).into()),
                Ok(StreamEvent::PartStarted { index: 0, kind: PartKind::Text }),
                Ok(StreamEvent::PartDelta { index: 0, delta: Delta::Text("Hello".into()) }),
                (self.0)(),
            ]))
        }
    }

    fn complete(end: fn() -> Result<StreamEvent, ProviderError>) -> Result<ModelResponse, ProviderError> {
        let provider: Arc<dyn Provider> = Arc::new(Ending(end));
        let cx = CallContext::new(Participant::local("asked"));
        let call = provider.complete(&cx, ModelRequest::new(""));
        futures_util::FutureExt::now_or_never(call).expect("nothing to wait for")
    }

    #[test]
    fn complete_folds_the_stream() {
        let whole = complete(|| Ok(Finished::new(StopReason::EndTurn).into())).unwrap();
        assert_eq!((whole.text().as_ref(), whole.model.as_str()), ("Hello", "served"));
    }

    #[test]
    fn what_had_arrived_is_kept_whatever_broke_the_call_off() {
        let reset = || Err(ProviderError::new(ErrorKind::Transport, "p", "reset"));
        let breach = || Ok(StreamEvent::PartEnded { index: 7, opaque: None });
        for (end, kind) in [(reset as fn() -> _, ErrorKind::Transport), (breach, ErrorKind::Decode)] {
            let error = complete(end).unwrap_err();
            assert_eq!((error.kind, error.phase), (kind, Phase::AfterOutput));
            assert_eq!(error.partial.as_ref().unwrap().text(), "Hello");
        }
    }
}
