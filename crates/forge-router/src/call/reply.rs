//! The reply of the route that answered.

use std::{sync::Arc, task::Context};

use forge_core::{
    CallContext, ProviderError, ProviderId, ResponseStream, StreamEvent, route::RouteTrace,
    stream::StreamObserver, time::Timer,
};

use super::failure::{cancelled, traced};
use crate::{affinity::Prefix, in_flight::InFlightGuard, shared::Shared};

/// Where a conversation's prefix is cached, once the reply has said so. Until then nothing is noted: a vendor
/// may cache nothing of it.
pub(super) struct AffinityUpdate {
    shared: Arc<Shared>,
    timer: Arc<dyn Timer>,
    prefix: Prefix,
    provider: ProviderId,
}

impl AffinityUpdate {
    pub(super) fn new(shared: &Arc<Shared>, cx: &CallContext, prefix: Prefix, provider: &ProviderId) -> Self {
        Self { shared: Arc::clone(shared), timer: Arc::clone(&cx.timer), prefix, provider: provider.clone() }
    }

    fn apply(&self) {
        let Self { shared, timer, prefix, provider } = self;
        shared.affinity.remember(*prefix, provider.clone(), timer.instant());
    }
}

/// A call that has been answered, until its reply is over: its place among those under way, and how it came there.
pub(super) struct Answered {
    trace: Arc<RouteTrace>,
    affinity: AffinityUpdate,
    in_flight: InFlightGuard,
}

impl Answered {
    /// The reply, which says how the call came there. The place is given back with the last event: a caller that keeps
    /// the stream must not hold up a shutdown.
    pub(super) fn stream(
        mut reply: ResponseStream,
        trace: RouteTrace,
        affinity: AffinityUpdate,
        in_flight: InFlightGuard,
    ) -> ResponseStream {
        let trace = Arc::new(trace);
        for event in reply.head_mut() {
            if let StreamEvent::Started(started) = event {
                started.route = Some(Arc::clone(&trace));
            }
        }
        reply.observed(Self { trace, affinity, in_flight })
    }
}

impl StreamObserver for Answered {
    fn event(&mut self, event: &StreamEvent) {
        if let StreamEvent::Finished(finished) = event {
            let usage = &finished.usage;
            // What was written counts as well: the next turn of the conversation can read it there.
            let cached = [usage.cache_read, usage.cache_write_5m, usage.cache_write_1h];
            if cached.into_iter().flatten().any(|tokens| tokens > 0) {
                self.affinity.apply();
            }
        }
    }

    fn failure(&mut self, error: Option<&mut ProviderError>) {
        if let Some(error) = error {
            error.facts_mut().route = Some(Arc::clone(&self.trace));
        }
    }

    // Only a task that waits has to be woken by a shutdown.
    fn pending(&mut self, task: &mut Context<'_>) -> Option<ProviderError> {
        let is_cancelled = self.in_flight.poll_cancelled(task);
        is_cancelled.then(|| traced(cancelled(), Arc::clone(&self.trace)))
    }
}
