//! The account of one call.

use std::sync::Arc;

use forge_core::{
    ErrorKind, ProviderError, StreamEvent, TokenCount, error::Phase, event::RateLimitStatus,
    request::tokens_of, stream::StreamObserver, time::Timer,
};

use super::{Shared, estimate::Need, gate::Taken, wake};

/// The tokens that a call has taken, and what is known of those that it uses.
pub(super) struct Admission {
    shared: Arc<Shared>,
    timer: Arc<dyn Timer>,
    need: Need,
    taken: Option<Taken>,
    usage: TokenCount,
    /// Bytes of the answer so far.
    written: u64,
    /// Whether the vendor has accepted the request.
    accepted: bool,
    content: bool,
}

impl Admission {
    pub(super) fn new(shared: &Arc<Shared>, timer: &Arc<dyn Timer>, need: Need, taken: Taken) -> Self {
        let (shared, timer, usage) = (Arc::clone(shared), Arc::clone(timer), TokenCount::default());
        Self { shared, timer, need, taken: Some(taken), usage, written: 0, accepted: false, content: false }
    }

    pub(super) fn settle(&mut self, used: Need) {
        // Settled once: the end of the reply comes before the drop, which then finds nothing left.
        let Some(taken) = self.taken.take() else { return };
        let now = self.timer.instant();
        let next = self.shared.lock().settle(taken, used, now);
        wake(next);
    }

    fn input(&self) -> u64 {
        // Most vendors do not count input from a cache, see `RateLimit`. The estimate stays where nothing was
        // reported.
        let uncached = self.usage.with_cache_read(None);
        uncached.total_input().unwrap_or(self.need.input)
    }

    fn adopt(&self, status: &RateLimitStatus) {
        let (wall, now) = (self.timer.now(), self.timer.instant());
        let waiters = self.shared.lock().adopt(status, wall, now);
        wake(waiters);
    }
}

impl StreamObserver for Admission {
    fn event(&mut self, event: &StreamEvent) {
        self.content |= event.is_content();
        match event {
            StreamEvent::Started(started) => {
                self.accepted = true;
                if let Some(status) = &started.rate_limit {
                    self.adopt(status);
                }
            }
            StreamEvent::PartDelta { delta, .. } => {
                self.written = self.written.saturating_add(delta.len() as u64);
            }
            StreamEvent::UsageUpdated(usage) => self.usage.overwrite(usage),
            StreamEvent::Finished(finished) => {
                self.usage = finished.usage;
                // A vendor that reports no usage is taken at the length of its answer.
                let output = self.usage.total_output().unwrap_or_else(|| tokens_of(self.written));
                self.settle(Need { input: self.input(), output });
            }
            StreamEvent::Relayed(relayed) => {
                self.written = self.written.saturating_add(u64::from(relayed.text));
            }
            _ => {}
        }
    }

    fn failure(&mut self, error: Option<&mut ProviderError>) {
        // Nothing was generated. A failure after content is settled by the drop, with what had been written.
        if !self.content {
            self.settle(Need::default());
        }
        let Some(error) = error else { return };
        if let Some(status) = &error.rate_limit {
            self.adopt(status);
        }
        // A refusal before sending is a limit of our own and says nothing about the vendor.
        if error.kind == ErrorKind::RateLimited
            && error.phase != Phase::BeforeSend
            && let Some(wait) = error.retry_after
            && let Some(until) = self.timer.instant().checked_add(wait)
        {
            let waiters = self.shared.lock().close(until);
            wake(waiters);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        // The vendor has read the input of an accepted call, and has written at least what arrived.
        if self.accepted || self.content {
            let output = self.usage.total_output().unwrap_or_default().max(tokens_of(self.written));
            self.settle(Need { input: self.input(), output });
        } else {
            self.settle(Need::default());
        }
    }
}
