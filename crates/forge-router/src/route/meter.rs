//! What is under way at a route, and how soon its replies begin.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use forge_core::{
    CallContext, Capabilities, ModelId, ModelRequest, Provider, ProviderError, ResponseStream, StreamEvent,
    async_trait, stream::StreamObserver, time::Timer,
};
use forge_layers::tap;

use super::latency::Latency;

/// What is under way, and how soon replies begin.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    in_flight: AtomicU32,
    pub(crate) latency: Latency,
}

impl Meter {
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }
}

/// A provider whose calls are metered.
#[derive(Debug)]
pub(crate) struct Metered {
    pub(crate) inner: Arc<dyn Provider>,
    pub(crate) meter: Arc<Meter>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Metered {
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
        // Relaxed: a load that is off by a call for a moment only shifts a pick.
        self.meter.in_flight.fetch_add(1, Ordering::Relaxed);
        let count = MeterGuard {
            meter: Arc::clone(&self.meter),
            timer: Arc::clone(&cx.timer),
            begun: Some(cx.timer.instant()),
        };
        tap(&*self.inner, cx, request, count).await
    }
}

/// Counts one call until its stream is gone, also one that nobody reads to the end.
struct MeterGuard {
    meter: Arc<Meter>,
    timer: Arc<dyn Timer>,
    /// Until the first content.
    begun: Option<Instant>,
}

impl StreamObserver for MeterGuard {
    fn event(&mut self, event: &StreamEvent) {
        if event.is_content()
            && let Some(begun) = self.begun.take()
        {
            self.meter.latency.record(self.timer.instant().saturating_duration_since(begun));
        }
    }

    fn failure(&mut self, _: Option<&mut ProviderError>) {}
}

impl Drop for MeterGuard {
    fn drop(&mut self) {
        self.meter.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
