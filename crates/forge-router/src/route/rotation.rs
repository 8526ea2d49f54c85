//! From one key of a provider to the next.
//!
//! Vendors limit, refuse and bill keys one by one. Another key may pass at once where a retry would have to
//! wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError, ResponseStream,
    async_trait, error::Phase,
};
use forge_layers::peek;

use super::lane::Lane;

/// Asks the keys of a provider in turn. When the vendor refuses one, the next is asked at once.
///
/// Stands inside the retry loop, which sees one attempt that failed when all keys were refused.
#[derive(Debug)]
pub(crate) struct Rotation {
    pub(crate) lanes: Arc<[Lane]>,
    /// What is asked of each lane, in the same order.
    pub(crate) providers: Vec<Arc<dyn Provider>>,
    /// The lane that was asked last.
    pub(crate) last: Arc<AtomicUsize>,
    /// Whether the circuits have a say in who is asked.
    pub(crate) minds_circuits: bool,
    /// When every key has to pause for longer, nobody waits for it.
    pub(crate) longest_pause: Duration,
}

impl Rotation {
    /// The lane to ask: the first in turn of those that keep the call waiting least.
    fn next(&self, request: &ModelRequest, asked: &[usize], now: Instant) -> Option<usize> {
        // Relaxed: calls that start together may read the same turn, which only makes it less even.
        let first = self.last.load(Ordering::Relaxed).wrapping_add(1);
        let count = self.lanes.len();
        let in_turn = (0..count).map(|step| first.wrapping_add(step) % count);
        let usable = |at: &usize| {
            let lane = &self.lanes[*at];
            let open = self.minds_circuits && lane.is_open(now);
            // Another key has been refused already: the call does not wait where it would be refused, too.
            !asked.contains(at) && !open && (asked.is_empty() || lane.pause(now).is_zero())
        };
        in_turn.filter(usable).min_by_key(|at| self.lanes[*at].expected_wait(request, now))
    }

    fn pause(&self, now: Instant) -> Duration {
        least_pause(&self.lanes, now)
    }

    /// Asks one key, and waits for the first content.
    async fn attempt(
        &self,
        at: usize,
        cx: &CallContext,
        request: &Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        self.last.store(at, Ordering::Relaxed);
        let stream = self.providers[at].stream(cx, Arc::clone(request)).await?;
        // Up to its first content, another key may take the call over unseen.
        peek(self.name(), stream, request).await
    }
}

/// For how long every lane that is not open still has to pause.
pub(crate) fn least_pause(lanes: &[Lane], now: Instant) -> Duration {
    let closed = lanes.iter().filter(|lane| !lane.is_open(now));
    closed.map(|lane| lane.pause(now)).min().unwrap_or_default()
}

/// Whether the error is about the key, so that another one may do.
fn is_about_key(kind: ErrorKind) -> bool {
    use ErrorKind as E;
    matches!(kind, E::Authentication | E::Permission | E::QuotaExhausted | E::RateLimited | E::CircuitOpen)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Rotation {
    fn name(&self) -> &str {
        self.providers[0].name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.providers[0].capabilities(model)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let pause = self.pause(cx.timer.instant());
        if pause > self.longest_pause {
            let message =
                format!("the vendor accepts no calls with any key for {:.0} s", pause.as_secs_f64().ceil());
            return Err(ProviderError::new(ErrorKind::RateLimited, self.name(), message).with(|facts| {
                facts.model = Some(cx.model().clone());
                facts.phase = Phase::BeforeSend;
                facts.retry_after = Some(pause);
            }));
        }
        let mut cx = cx.clone();
        let mut asked = Vec::new();
        // When all circuits have opened since the route was chosen, one of them says so.
        let mut at = self.next(&request, &asked, cx.timer.instant()).unwrap_or(0);
        loop {
            asked.push(at);
            let begun = cx.timer.instant();
            let error = match self.attempt(at, &cx, &request).await {
                Ok(events) => return Ok(events),
                Err(error) => error,
            };
            let ended = cx.timer.instant();
            let next = is_about_key(error.kind).then(|| self.next(&request, &asked, ended)).flatten();
            // The first attempt has the number under which the retry loop notes what it gets.
            let is_noted = next.is_some() || asked.len() > 1;
            if is_noted && error.kind != ErrorKind::CircuitOpen {
                cx.note_failure(&error, begun);
            }
            let Some(next) = next else { return Err(self.hinted(error, ended)) };
            tracing::debug!(call = %cx.call_id, key = next + 1, error = ?error.kind, "trying the next key");
            cx.next_attempt();
            at = next;
        }
    }
}

impl Rotation {
    /// The error with the wait after which the first of the keys may be asked again.
    fn hinted(&self, error: ProviderError, now: Instant) -> ProviderError {
        if error.kind != ErrorKind::RateLimited || error.retry_after.is_none() {
            return error;
        }
        let pause = self.pause(now);
        error.with(|facts| facts.retry_after = facts.retry_after.map(|wait| wait.min(pause)))
    }
}
