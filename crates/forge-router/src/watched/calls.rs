//! The beginning and the end of each call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Money, Provider, ProviderError, ProviderId,
    ResponseStream, StreamEvent, TokenCount, async_trait,
    route::RouteTrace,
    storage::accounts::CallStatus,
    stream::StreamObserver,
    watch::{CallEnded, CallStarted, CallTags, EventLog},
};
use forge_layers::tap;

/// A provider whose calls are watched.
#[derive(Debug)]
pub(super) struct WatchedCalls {
    pub(super) inner: Arc<dyn Provider>,
    pub(super) log: EventLog,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for WatchedCalls {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.inner.capabilities(model)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let watch = CallWatch::begin(self.log.clone(), cx);
        tap(&*self.inner, cx, request, watch).await
    }
}

/// What is known of a call so far. It is told once: with its last event, its failure, or when it is dropped.
struct CallWatch {
    log: EventLog,
    cx: CallContext,
    begun: Instant,
    /// What earlier calls of the same context have taken.
    before: (u32, Option<Money>),
    provider: Option<ProviderId>,
    model: Option<ModelId>,
    tokens: TokenCount,
    first_token: Option<Duration>,
    /// Whether a session answers, whose calls are told of one by one: what they took is theirs.
    is_session: bool,
    is_told: bool,
}

impl CallWatch {
    fn begin(log: EventLog, cx: &CallContext) -> Self {
        let asked = &cx.participant;
        log.publish(
            cx.timer.now(),
            CallStarted {
                call: cx.call_id,
                provider: asked.provider_id.clone(),
                model: asked.model_id.clone(),
                role: asked.role.clone(),
                tags: CallTags(cx.tags.clone()),
            },
        );
        Self {
            log,
            begun: cx.timer.instant(),
            before: (cx.attempts.begun().saturating_sub(1), cx.attempts.cost()),
            cx: cx.clone(),
            provider: None,
            model: None,
            tokens: TokenCount::default(),
            first_token: None,
            is_session: false,
            is_told: false,
        }
    }

    fn elapsed(&self) -> Duration {
        self.cx.timer.instant().saturating_duration_since(self.begun)
    }

    /// Who was asked last, and which model.
    fn route(&mut self, trace: &RouteTrace) {
        if let Some(answering) = &trace.participant {
            (self.provider, self.model) =
                (Some(answering.provider_id.clone()), Some(answering.model_id.clone()));
        } else if let Some(failed) = trace.failed.last() {
            (self.provider, self.model) = (Some(failed.provider.clone()), Some(failed.model.clone()));
        }
    }

    fn tell(&mut self, outcome: CallStatus, error: Option<ErrorKind>) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let (cx, duration) = (&self.cx, self.elapsed());
        let (attempts, cost) = (cx.attempts.begun().saturating_sub(self.before.0), cx.attempts.cost());
        // Where nobody was asked, the first number was not used.
        let nobody = outcome == CallStatus::Failure && self.provider.is_none();
        let ended = CallEnded {
            call: cx.call_id,
            outcome,
            error,
            provider: self.provider.take(),
            model: self.model.take(),
            attempts: if nobody { 0 } else { attempts },
            tokens: self.tokens,
            cost: cost.zip(self.before.1).and_then(|(sum, before)| sum.checked_sub(before)),
            duration_ms: millis(duration),
            first_token_ms: self.first_token.map(millis),
            role: cx.participant.role.clone(),
            tags: CallTags(cx.tags.clone()),
        };
        self.log.publish(cx.timer.now(), ended);
    }
}

/// What a session takes beside its calls.
fn nothing() -> TokenCount {
    TokenCount::default().with_input(0).with_output(0)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl StreamObserver for CallWatch {
    fn event(&mut self, event: &StreamEvent) {
        if event.is_content() && self.first_token.is_none() {
            self.first_token = Some(self.elapsed());
        }
        match event {
            StreamEvent::Started(started) => {
                if let Some(trace) = &started.route {
                    self.route(trace);
                }
                if let Some(session) = &started.session {
                    self.is_session = true;
                    self.cx.tags = std::mem::take(&mut self.cx.tags).with_session(Arc::clone(session));
                }
                if started.model.is_some() {
                    self.model.clone_from(&started.model);
                }
            }
            StreamEvent::UsageUpdated(tokens) if !self.is_session => self.tokens.overwrite(tokens),
            StreamEvent::Finished(finished) => {
                self.tokens = if self.is_session { nothing() } else { finished.usage };
                self.tell(CallStatus::Success, None);
            }
            _ => {}
        }
    }

    fn failure(&mut self, error: Option<&mut ProviderError>) {
        // A stream that just ends has broken off.
        let kind = error.as_ref().map_or(ErrorKind::Truncated, |error| error.kind);
        if let Some(trace) = error.as_ref().and_then(|error| error.route.as_deref()) {
            self.route(trace);
        }
        let is_cancelled = kind == ErrorKind::Cancelled;
        self.tell(if is_cancelled { CallStatus::Cancelled } else { CallStatus::Failure }, Some(kind));
    }
}

impl Drop for CallWatch {
    fn drop(&mut self) {
        self.tell(CallStatus::Cancelled, Some(ErrorKind::Cancelled));
    }
}
