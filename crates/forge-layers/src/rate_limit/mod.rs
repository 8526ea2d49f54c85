//! A pace that keeps within the vendor's limits on requests and tokens per minute.

mod admission;
mod estimate;
mod gate;
mod requests;
mod tokens;

use std::{
    future::poll_fn,
    num::{NonZeroU32, NonZeroU64},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError, ResponseStream,
    async_trait, error::Phase, provider::Layer, time::Wait,
};

use self::{
    admission::Admission,
    estimate::Need,
    gate::{Gate, Turn},
};
use crate::observer::tap;

/// What may be sent per minute. `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// Requests. A few of them may go out together, the others at even intervals.
    pub requests_per_minute: Option<NonZeroU32>,
    /// How many requests may go out together; `None` means a twelfth of those per minute, and at most 5.
    pub burst: Option<NonZeroU32>,
    /// Input tokens without those read from a prompt cache.
    pub input_tokens_per_minute: Option<NonZeroU64>,
    /// Output tokens, thoughts included.
    pub output_tokens_per_minute: Option<NonZeroU64>,
}

/// Holds calls back so that the vendor does not have to refuse them.
///
/// Calls wait in one queue, first come, first served, so that a large one is not starved by small ones.
///
/// Tokens are kept in two buckets of a minute's worth each, which refill evenly. Before a call goes out, an
/// estimate is taken from them: a quarter of the bytes of all its texts (1,600 tokens for each picture or
/// document) as input, and its `max_tokens` (8,192 if unset) as output, but no more than the bucket holds.
/// When the call ends, the estimate is replaced by the real usage; a call that failed before any content,
/// or was dropped before it was accepted, gives everything back. One that was dropped midway keeps
/// its input and what it had written so far. Input read from a prompt cache does not count: most vendors do
/// not count it either, and the others correct the account.
///
/// Whenever the vendor says in a reply's or an error's headers that less is left than expected, it is
/// believed, so that calls slow down before the first refusal. After a refusal with
/// [`retry_after`](forge_core::error::ErrorFacts::retry_after) no call goes out until then.
///
/// A call that would have to wait beyond its deadline fails at once with [`ErrorKind::RateLimited`] in the
/// phase [`Phase::BeforeSend`]; its message says what it would wait for, and `retry_after` how long.
///
/// ```
/// use std::{num::{NonZeroU32, NonZeroU64}, sync::Arc, time::{Duration, Instant}};
/// use forge_core::{ModelRequest, Provider, provider::Stack};
/// use forge_layers::{RateLimit, RateLimits};
///
/// # fn demo(claude: Arc<dyn Provider>) {
/// let limits = RateLimits {
///     requests_per_minute: NonZeroU32::new(50),
///     output_tokens_per_minute: NonZeroU64::new(8_000),
///     ..RateLimits::default()
/// };
/// let rate_limit = RateLimit::new(limits);
/// let provider = Stack::new(claude).with(&rate_limit).build();
///
/// let request = ModelRequest::new("").with_user_message("Hello").with_max_tokens(500);
/// assert_eq!(rate_limit.expected_wait(&request, Instant::now()), Duration::ZERO);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RateLimit {
    shared: Arc<Shared>,
}

impl RateLimit {
    /// Full buckets, shared by every provider that this value or a clone of it wraps.
    pub fn new(limits: RateLimits) -> Self {
        let gate = Mutex::new(Gate::new(limits));
        Self { shared: Arc::new(Shared { limits, gate }) }
    }

    /// How long `request` would wait if it came at `now`. A forecast: calls that end early shorten it, and the
    /// vendor may lengthen it. Asking changes nothing.
    pub fn expected_wait(&self, request: &ModelRequest, now: Instant) -> Duration {
        let need = self.shared.need(request);
        self.shared.lock().wait(None, need, now)
    }

    /// How long from `now` the vendor's last refusal still holds every call back.
    pub fn pause(&self, now: Instant) -> Duration {
        self.shared.lock().pause(now)
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting()
    }
}

impl Layer for RateLimit {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Paced { inner, shared: Arc::clone(&self.shared) })
    }
}

#[derive(Debug)]
struct Paced {
    inner: Arc<dyn Provider>,
    shared: Arc<Shared>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Paced {
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
        let need = self.shared.need(&request);
        match Shared::admission(&self.shared, need, cx).await {
            Ok(held) => tap(&*self.inner, cx, request, held).await,
            Err((wait, is_paused)) => {
                let seconds = wait.as_secs_f64().ceil();
                let message = if is_paused {
                    format!(
                        "the vendor rate-limited an earlier call; {seconds:.0} s of its wait are left, beyond the deadline of this call"
                    )
                } else {
                    format!(
                        "the configured rate limit admits this call in {seconds:.0} s, after its deadline"
                    )
                };
                Err(ProviderError::new(ErrorKind::RateLimited, self.name(), message).with(|facts| {
                    facts.model = Some(cx.model().clone());
                    facts.phase = Phase::BeforeSend;
                    facts.retry_after = Some(wait);
                }))
            }
        }
    }
}

#[derive(Debug)]
struct Shared {
    limits: RateLimits,
    gate: Mutex<Gate>,
}

impl Shared {
    fn need(&self, request: &ModelRequest) -> Need {
        // Without a limit on tokens a request is not measured at all.
        let limits = [self.limits.input_tokens_per_minute, self.limits.output_tokens_per_minute];
        if limits.iter().all(Option::is_none) { Need::default() } else { Need::of(request) }
    }

    /// Waits for the turn of a call; if that would pass the deadline, fails with the length of the wait, and whether the
    /// vendor asked for it.
    async fn admission(
        shared: &Arc<Self>,
        need: Need,
        call: &CallContext,
    ) -> Result<Admission, (Duration, bool)> {
        let CallContext { timer, deadline, .. } = call;
        let mut place = Place { shared, place: None };
        let mut alarm: Option<(Instant, Wait)> = None;
        poll_fn(|cx| {
            loop {
                let now = timer.instant();
                let turn = shared.lock().turn(&mut place.place, need, *deadline, cx.waker(), now);
                let at = match turn {
                    Turn::Go(taken, next) => {
                        wake(next);
                        return Poll::Ready(Ok(Admission::new(shared, timer, need, taken)));
                    }
                    Turn::TooLate { wait, is_paused } => return Poll::Ready(Err((wait, is_paused))),
                    Turn::Wait(None) => return Poll::Pending,
                    Turn::Wait(Some(at)) => at,
                };
                // A wake-up that leaves the time as it was keeps the alarm; setting it anew would cost a timer at
                // each.
                let (_, wait) = match alarm.take() {
                    Some(set) if set.0 == at => alarm.insert(set),
                    _ => alarm.insert((at, timer.sleep_until(at))),
                };
                if wait.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                // The alarm has rung, but only the gate knows whether it is this call's turn.
                alarm = None;
            }
        })
        .await
    }

    /// No code here panics while it holds the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, once there is a need for one.
struct Place<'a> {
    shared: &'a Shared,
    place: Option<u64>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // A place that its call has left would hold up everyone behind it.
        if let Some(place) = self.place {
            let next = self.shared.lock().leave(place);
            wake(next);
        }
    }
}

fn wake(wakers: impl IntoIterator<Item = Waker>) {
    // Never under the lock: a waker is code of the runtime.
    for waker in wakers {
        waker.wake();
    }
}

#[cfg(test)]
mod tests;
