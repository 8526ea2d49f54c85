//! The copy of a reply while it goes by.

use std::sync::Arc;

use forge_core::{ProviderError, StreamEvent, event::StopReason, stream::StreamObserver, time::Timer};

use super::{Cache, flight::Flight, reply::Reply};

/// Keeps a copy of a reply.
pub(super) struct Copying {
    pub(super) copy: Option<Reply>,
    pub(super) cache: Cache,
    pub(super) timer: Arc<dyn Timer>,
    /// Those who wait for the reply go on as soon as it is kept, or will not be.
    pub(super) flight: Option<Flight>,
}

impl StreamObserver for Copying {
    fn event(&mut self, event: &StreamEvent) {
        let Some(copy) = &mut self.copy else { return };
        copy.push(event);
        if copy.bytes > self.cache.policy.max_bytes {
            // Given up as soon as it is too large, so that a long reply is not held in memory for nothing.
            (self.copy, self.flight) = (None, None);
        } else if let StreamEvent::Finished(finished) = event
            && let Some(copy) = self.copy.take()
        {
            if matches!(finished.reason, StopReason::EndTurn | StopReason::StopSequence) {
                self.cache.lock().insert(copy.marked(), &self.cache.policy, self.timer.instant());
            }
            self.flight = None;
        }
    }

    fn failure(&mut self, _: Option<&mut ProviderError>) {}
}
