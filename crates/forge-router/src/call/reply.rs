//! The reply of the route that answered.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use forge_core::{
    CallContext, ProviderError, ProviderId, ResponseStream, StreamEvent, route::RouteTrace, time::Timer,
};
use forge_layers::Peeked;
use futures_core::Stream;

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

/// The reply of the route that answered. Holds the call's place among those under way.
pub(super) struct RoutedStream {
    events: Option<ResponseStream>,
    trace: Arc<RouteTrace>,
    affinity: AffinityUpdate,
    in_flight: Option<InFlightGuard>,
}

impl RoutedStream {
    pub(super) fn new(
        reply: Peeked,
        trace: RouteTrace,
        affinity: AffinityUpdate,
        in_flight: InFlightGuard,
    ) -> Self {
        let (Peeked { mut events, rest }, trace) = (reply, Arc::new(trace));
        for event in &mut events {
            if let StreamEvent::Started(started) = event {
                started.route = Some(Arc::clone(&trace));
            }
        }
        let events = Some(rest.with_head(events));
        Self { events, trace, affinity, in_flight: Some(in_flight) }
    }

    /// Drops the route's stream, and with it what the attempt holds; a caller may keep this one for long.
    fn end(&mut self) {
        self.events = None;
        self.in_flight = None;
    }

    /// Looks at an event on its way to the caller. With the last one, the call counts as ended: a caller that
    /// keeps the stream must not hold up a shutdown.
    fn note(&mut self, event: &StreamEvent) {
        if let StreamEvent::Finished(finished) = event {
            let usage = &finished.usage;
            // What was written counts as well: the next turn of the conversation can read it there.
            let cached = [usage.cache_read, usage.cache_write_5m, usage.cache_write_1h];
            if cached.into_iter().flatten().any(|tokens| tokens > 0) {
                self.affinity.apply();
            }
            self.in_flight = None;
        }
    }
}

impl Stream for RoutedStream {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(events) = &mut this.events else { return Poll::Ready(None) };
        let mut item = if this.in_flight.as_ref().is_some_and(InFlightGuard::is_cancelled) {
            Poll::Pending
        } else {
            Pin::new(events).poll_next(task)
        };
        if let Poll::Ready(Some(Ok(event))) = &item {
            this.note(event);
            return item;
        }
        // Only a task that waits has to be woken by a shutdown.
        if item.is_pending() && this.in_flight.as_ref().is_some_and(|call| call.poll_cancelled(task)) {
            item = Poll::Ready(Some(Err(cancelled())));
        }
        if item.is_ready() {
            this.end();
        }
        item.map_err(|error| traced(error, Arc::clone(&this.trace)))
    }
}
