//! A limit on concurrent calls that adapts to what the vendor accepts.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError, ResponseStream,
    StreamEvent, async_trait, error::Phase, provider::Layer, stream::StreamObserver, time::Timer,
};

use crate::{observer::tap, queue::Queue};

/// Between which bounds the limit moves. A bound of 0 counts as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConcurrencyPolicy {
    /// The most calls at once, ever.
    pub max: u32,
    /// The limit does not fall below this.
    pub min: u32,
    /// The limit at the beginning.
    pub initial: u32,
}

impl ConcurrencyPolicy {
    /// Begins at `max` and may fall to 1.
    pub const fn new(max: u32) -> Self {
        Self { max, min: 1, initial: max }
    }
}

/// Limits how many calls are under way at once; the others wait, first come, first served.
///
/// A call is under way from its admission until its stream ends or is dropped. The limit halves when the
/// vendor answers with [`RateLimited`](ErrorKind::RateLimited) or [`Overloaded`](ErrorKind::Overloaded),
/// at most once per round trip: calls that were admitted before the last halving say nothing about the
/// new limit. It grows by one after as many successes as it counts. How long calls take never moves it,
/// since that follows the length of the answers.
///
/// A call whose deadline passes while it waits fails with [`ErrorKind::RateLimited`] in the phase
/// [`Phase::BeforeSend`]. If the vendor refuses another call and asks for a wait
/// ([`retry_after`](forge_core::error::ErrorFacts::retry_after)) that is longer than what a waiting call has left, that one
/// fails at once.
///
/// ```
/// use std::sync::Arc;
/// use forge_core::{Provider, provider::Stack};
/// use forge_layers::{Concurrency, ConcurrencyPolicy};
///
/// # fn demo(claude: Arc<dyn Provider>) {
/// let policy = ConcurrencyPolicy { initial: 4, ..ConcurrencyPolicy::new(32) };
/// let concurrency = Concurrency::new(policy);
/// let provider = Stack::new(claude).with(&concurrency).build();
/// assert_eq!((concurrency.in_flight(), concurrency.limit()), (0, 4));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Concurrency {
    shared: Arc<Shared>,
}

impl Concurrency {
    /// A limit of its own, shared by every provider that this value or a clone of it wraps.
    pub fn new(policy: ConcurrencyPolicy) -> Self {
        let max = policy.max.max(1);
        let min = policy.min.clamp(1, max);
        let limit = policy.initial.clamp(min, max);
        let lane = Lane {
            min,
            max,
            limit,
            in_flight: 0,
            successes: 0,
            paused_until: None,
            epoch: 0,
            queue: Queue::new(),
        };
        Self { shared: Arc::new(Shared { lane: Mutex::new(lane) }) }
    }

    /// How many calls are under way.
    pub fn in_flight(&self) -> u32 {
        self.shared.lock().in_flight
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// How many calls may be under way now. After a halving, more may be for a while.
    pub fn limit(&self) -> u32 {
        self.shared.lock().limit
    }
}

impl Layer for Concurrency {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Limited { inner, shared: Arc::clone(&self.shared) })
    }
}

#[derive(Debug)]
struct Limited {
    inner: Arc<dyn Provider>,
    shared: Arc<Shared>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Limited {
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
        let waited = match Shared::permit(&self.shared, cx).await {
            Ok(permit) => return tap(&*self.inner, cx, request, permit).await,
            Err(waited) => waited,
        };
        let (message, retry_after) = match waited {
            Waited::ForOthers(others) => {
                (format!("the deadline passed while the call waited behind {others} concurrent calls"), None)
            }
            Waited::ForVendor(pause) => (
                format!(
                    "the vendor rate-limited an earlier call; {:.0} s of its wait are left, beyond the deadline of this call",
                    pause.as_secs_f64().ceil()
                ),
                Some(pause),
            ),
        };
        Err(ProviderError::new(ErrorKind::RateLimited, self.name(), message).with(|facts| {
            facts.model = Some(cx.model().clone());
            facts.phase = Phase::BeforeSend;
            facts.retry_after = retry_after;
        }))
    }
}

#[derive(Debug)]
struct Shared {
    lane: Mutex<Lane>,
}

#[derive(Debug)]
struct Lane {
    min: u32,
    max: u32,
    limit: u32,
    in_flight: u32,
    /// Since the limit last moved.
    successes: u32,
    /// Until when the vendor wants no calls.
    paused_until: Option<Instant>,
    /// Counts the halvings. A permit remembers in which epoch it was given out.
    epoch: u64,
    queue: Queue<()>,
}

impl Shared {
    /// Waits for a permit, unless the deadline comes first.
    async fn permit(shared: &Arc<Self>, call: &CallContext) -> Result<Permit, Waited> {
        let CallContext { timer, deadline, .. } = call;
        let mut place = Place { shared: Arc::clone(shared), timer, number: None };
        let mut alarm = None;
        poll_fn(|cx| {
            if let Some(permit) = place.take(cx.waker()) {
                return Poll::Ready(Ok(permit));
            }
            let Some(deadline) = *deadline else { return Poll::Pending };
            let lane = shared.lock();
            let (paused_until, others) = (lane.paused_until, lane.in_flight);
            drop(lane);
            let now = timer.instant();
            // The vendor refuses every call until then, so a permit would come too late.
            if let Some(until) = paused_until.filter(|until| *until > now && *until >= deadline) {
                return Poll::Ready(Err(Waited::ForVendor(until.saturating_duration_since(now))));
            }
            let alarm = alarm.get_or_insert_with(|| timer.sleep_until(deadline));
            alarm.as_mut().poll(cx).map(|()| Err(Waited::ForOthers(others)))
        })
        .await
    }

    /// No code here panics while it holds the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call was still waiting for when it gave up.
enum Waited {
    /// One of this many other calls to end.
    ForOthers(u32),
    /// The vendor to take calls again, which is this far away.
    ForVendor(Duration),
}

/// A place in the queue, once there is a need for one.
struct Place<'a> {
    shared: Arc<Shared>,
    timer: &'a Arc<dyn Timer>,
    number: Option<u64>,
}

impl Place<'_> {
    fn take(&mut self, waker: &Waker) -> Option<Permit> {
        let mut lane = self.shared.lock();
        // A newcomer waits behind the queue although there is room: the first in it has been woken for that room.
        if !lane.queue.is_turn_of(self.number) || lane.in_flight >= lane.limit {
            self.number = Some(lane.queue.wait(self.number, (), waker));
            return None;
        }
        lane.in_flight += 1;
        let (shared, timer) = (Arc::clone(&self.shared), Arc::clone(self.timer));
        let permit = Permit { shared, timer, epoch: lane.epoch };
        let next = self.number.take().and_then(|place| lane.queue.leave(place));
        drop(lane);
        wake(next);
        Some(permit)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.number {
            let next = self.shared.lock().queue.leave(place);
            wake(next);
        }
    }
}

/// The right to be under way.
struct Permit {
    shared: Arc<Shared>,
    timer: Arc<dyn Timer>,
    epoch: u64,
}

impl StreamObserver for Permit {
    fn event(&mut self, event: &StreamEvent) {
        if matches!(event, StreamEvent::Finished(_)) {
            self.shared.lock().succeeded(self.epoch);
        }
    }

    fn failure(&mut self, error: Option<&mut ProviderError>) {
        let error = error.as_deref();
        // Only the vendor's own refusals move the limit; one before sending came from a layer of ours.
        let congested = error.is_some_and(|error| {
            matches!(error.kind, ErrorKind::RateLimited | ErrorKind::Overloaded)
                && error.phase != Phase::BeforeSend
        });
        if congested {
            self.shared.lock().congested(self.epoch);
        }
        if let Some(error) = error.filter(|error| congested && error.kind == ErrorKind::RateLimited)
            && let Some(until) = error.retry_after.and_then(|wait| self.timer.instant().checked_add(wait))
        {
            let waiting = self.shared.lock().pause(until);
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut lane = self.shared.lock();
        lane.in_flight -= 1;
        // After a halving there may be no room yet; the one that is woken looks for itself.
        let next = lane.queue.first();
        drop(lane);
        wake(next);
    }
}

impl Lane {
    fn succeeded(&mut self, epoch: u64) {
        // A success under an earlier limit does not prove that the new one holds.
        if epoch != self.epoch {
            return;
        }
        self.successes += 1;
        // Up by one after a full round, down by half below: additive increase, multiplicative decrease, as in TCP.
        if self.successes >= self.limit {
            self.successes = 0;
            self.limit = self.max.min(self.limit.saturating_add(1));
        }
    }

    /// Returns the wakers of those for whom the wait may have become too long.
    fn pause(&mut self, until: Instant) -> Vec<Waker> {
        // The longest pause holds; a shorter one that arrives later does not end it.
        if self.paused_until >= Some(until) {
            return Vec::new();
        }
        self.paused_until = Some(until);
        self.queue.wakers()
    }

    fn congested(&mut self, epoch: u64) {
        // Calls that went out together fail together; they are one sign of congestion and not many.
        if epoch != self.epoch {
            return;
        }
        self.epoch += 1;
        self.successes = 0;
        self.limit = self.min.max(self.limit / 2);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use forge_core::{ProviderExt as _, event::StopReason, time::ManualTimer};
    use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};

    use super::*;
    use crate::script::{
        Script, Step, context, drop_at_every_poll, fail, finished, reply, run, scripted, seconds, sleep,
        started,
    };

    fn slow_reply() -> Vec<Step> {
        let mut steps = vec![sleep(1)];
        steps.extend(reply(&["Hi"]));
        steps.insert(3, sleep(2));
        steps.push(sleep(1));
        steps
    }

    /// Ends as told, one call after the other.
    fn outcome(concurrency: &Concurrency, timer: &ManualTimer, kind: Option<ErrorKind>) -> ResponseStream {
        let script = scripted(timer, move |_| {
            let end = kind.map_or_else(|| finished(StopReason::EndTurn), fail);
            vec![Step::Open, started(), end]
        });
        let provider = concurrency.layer(script);
        let (cx, request) = (context(timer), Arc::new(ModelRequest::default()));
        provider.stream(&cx, request).now_or_never().expect("a free permit").unwrap()
    }

    fn drain(mut stream: ResponseStream) {
        while stream.next().now_or_never().expect("nothing to wait for").is_some() {}
    }

    #[test]
    fn no_more_calls_than_the_limit_are_under_way_and_nobody_is_forgotten() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy::new(3));
        let order = Arc::new(Mutex::new(Vec::new()));
        let most = Arc::new(AtomicUsize::new(0));
        let script = {
            let (order, most, concurrency) = (Arc::clone(&order), Arc::clone(&most), concurrency.clone());
            scripted(&timer, move |cx| {
                order.lock().unwrap().push(cx.attempt);
                most.fetch_max(concurrency.in_flight() as usize, Ordering::Relaxed);
                slow_reply()
            })
        };
        let provider = concurrency.layer(script);
        let calls: FuturesUnordered<_> = (0..20)
            .map(|attempt| {
                let (provider, mut cx) = (Arc::clone(&provider), context(&timer));
                cx.attempt = attempt;
                // Boxed one by one and polled in this order the first time.
                async move { provider.complete(&cx, ModelRequest::default()).await.map(|_| attempt) }.boxed()
            })
            .collect();
        let ends: Vec<_> = run(&timer, calls.collect());
        assert!(ends.iter().all(Result::is_ok));
        assert_eq!(order.lock().unwrap().len(), 20);
        assert_eq!(most.load(Ordering::Relaxed), 3);
        assert_eq!((concurrency.in_flight(), concurrency.waiting()), (0, 0));
    }

    #[test]
    fn waiters_are_served_in_the_order_they_came_and_a_dropped_one_leaves_no_hole() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy::new(1));
        let held = outcome(&concurrency, &timer, None);
        let (shared, cx) = (&concurrency.shared, context(&timer));
        let mut waiters: Vec<_> = (0..5).map(|_| Box::pin(Shared::permit(shared, &cx))).collect();
        for waiter in &mut waiters {
            assert!(waiter.as_mut().now_or_never().is_none());
        }
        drop(waiters.remove(2));
        drop(waiters.remove(0));
        assert_eq!(concurrency.waiting(), 3);
        drop(held);
        assert!(waiters[1].as_mut().now_or_never().is_none());
        assert!(Shared::permit(shared, &cx).now_or_never().is_none());
        for mut waiter in waiters {
            assert!(waiter.as_mut().now_or_never().is_some());
        }
        assert_eq!((concurrency.in_flight(), concurrency.waiting()), (0, 0));
    }

    #[test]
    fn a_waiter_that_was_woken_and_then_dropped_passes_its_turn_on() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy::new(1));
        let held = outcome(&concurrency, &timer, None);
        let (shared, cx) = (&concurrency.shared, context(&timer));
        let mut first = Box::pin(Shared::permit(shared, &cx));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second: FuturesUnordered<_> = [Box::pin(Shared::permit(shared, &cx))].into_iter().collect();
        assert!(second.next().now_or_never().is_none());
        drop(held);
        drop(first);
        // Polls the second only if it was woken.
        assert!(second.next().now_or_never().flatten().is_some_and(|permit| permit.is_ok()));
    }

    #[test]
    fn a_call_dropped_at_any_poll_gives_its_permit_back() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy::new(1));
        let provider = concurrency.layer(scripted(&timer, |_| slow_reply()));
        let cx = context(&timer);
        let call = || provider.complete(&cx, ModelRequest::default());
        drop_at_every_poll(&timer, call, |polls| {
            assert_eq!((concurrency.in_flight(), concurrency.waiting()), (0, 0), "after {polls} polls");
        });
        let mut held = Some(outcome(&concurrency, &timer, None));
        let cx = context(&timer).with_timeout(seconds(100));
        let call = || provider.complete(&cx, ModelRequest::default());
        drop_at_every_poll(&timer, call, |polls| {
            assert_eq!((concurrency.in_flight(), concurrency.waiting()), (1, 0), "after {polls} polls");
        });
        held.take();
        assert_eq!(concurrency.in_flight(), 0);
    }

    #[test]
    fn a_permit_comes_back_when_the_stream_ends_though_it_is_still_held() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy::new(2));
        let mut whole = outcome(&concurrency, &timer, None);
        let mut broken = outcome(&concurrency, &timer, Some(ErrorKind::Server));
        assert_eq!(concurrency.in_flight(), 2);
        for stream in [&mut whole, &mut broken] {
            assert!(stream.next().now_or_never().flatten().is_some());
            assert!(stream.next().now_or_never().flatten().is_some());
        }
        assert_eq!(concurrency.in_flight(), 0);
        drop((whole, broken));
        assert_eq!(concurrency.in_flight(), 0);
    }

    #[test]
    fn a_waiter_fails_at_its_deadline_without_sending_anything() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy::new(1));
        let held = outcome(&concurrency, &timer, None);
        let script = scripted(&timer, |_| reply(&["Hi"]));
        let provider = concurrency.layer(Arc::clone(&script) as Arc<dyn Provider>);
        let cx = context(&timer).with_timeout(seconds(7));
        let begun = forge_core::time::Clock::instant(&timer);
        let error = run(&timer, provider.complete(&cx, ModelRequest::default())).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::RateLimited, Phase::BeforeSend));
        assert_eq!(forge_core::time::Clock::instant(&timer) - begun, seconds(7));
        assert!(script.calls().is_empty());
        assert!(error.message.contains("waited behind 1 concurrent calls"), "{error}");
        drop(held);
        assert_eq!((concurrency.in_flight(), concurrency.waiting()), (0, 0));
    }

    #[test]
    fn a_waiter_learns_at_once_that_the_vendor_wants_more_time_than_it_has() {
        for (kind, hint, ends) in [
            (ErrorKind::RateLimited, Some(120), true),
            (ErrorKind::RateLimited, Some(90), false),
            (ErrorKind::RateLimited, None, false),
            (ErrorKind::Overloaded, Some(120), false),
        ] {
            let timer = ManualTimer::new();
            let concurrency = Concurrency::new(ConcurrencyPolicy::new(2));
            let held = outcome(&concurrency, &timer, None);
            let refused = scripted(&timer, move |_| {
                let refusal = ProviderError::new(kind, "script", "slow down");
                vec![sleep(1), Step::Fail(refusal.with(|facts| facts.retry_after = hint.map(seconds)))]
            });
            let call = |script: Arc<Script>, deadline| {
                let (provider, cx) =
                    (concurrency.layer(script), context(&timer).with_timeout(seconds(deadline)));
                async move { provider.complete(&cx, ModelRequest::default()).await }.boxed()
            };
            let script = scripted(&timer, |_| reply(&["Hi"]));
            let mut refused = call(refused, 500);
            assert!(refused.as_mut().now_or_never().is_none());
            let mut waiters: FuturesUnordered<_> =
                [call(Arc::clone(&script), 92), call(Arc::clone(&script), 300)].into_iter().collect();
            assert!(waiters.next().now_or_never().is_none());
            run(&timer, refused).unwrap_err();
            // Polls them only if they were woken.
            let ended = waiters.next().now_or_never().flatten();
            assert_eq!(ended.is_some(), ends, "{kind:?} {hint:?}");
            if let Some(error) = ended.map(Result::unwrap_err) {
                assert_eq!((error.kind, error.phase), (ErrorKind::RateLimited, Phase::BeforeSend));
                assert_eq!(error.retry_after, Some(seconds(120)));
                assert!(error.message.contains("an earlier call; 120 s of its wait are left"), "{error}");
            }
            drop(held);
            assert!(run(&timer, waiters.collect::<Vec<_>>()).iter().all(Result::is_ok));
            assert_eq!((concurrency.in_flight(), concurrency.waiting()), (0, 0));
        }
    }

    #[test]
    fn congestion_halves_the_limit_once_per_round_trip() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy { min: 3, ..ConcurrencyPolicy::new(16) });
        for (kind, limit) in
            [(ErrorKind::RateLimited, 8), (ErrorKind::Overloaded, 4), (ErrorKind::RateLimited, 3)]
        {
            let together: Vec<_> = (0..3).map(|_| outcome(&concurrency, &timer, Some(kind))).collect();
            together.into_iter().for_each(drain);
            assert_eq!(concurrency.limit(), limit);
        }
    }

    #[test]
    fn neither_other_failures_nor_our_own_refusals_nor_drops_move_the_limit() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy::new(8));
        for kind in [ErrorKind::Server, ErrorKind::Timeout, ErrorKind::Transport, ErrorKind::InvalidRequest] {
            drain(outcome(&concurrency, &timer, Some(kind)));
        }
        drop(outcome(&concurrency, &timer, Some(ErrorKind::RateLimited)));
        let refusal = scripted(&timer, |_| {
            let error = ProviderError::new(ErrorKind::RateLimited, "script", "");
            vec![Step::Fail(error.with(|facts| facts.phase = Phase::BeforeSend))]
        });
        let cx = context(&timer);
        run(&timer, concurrency.layer(refusal).complete(&cx, ModelRequest::default())).unwrap_err();
        assert_eq!(concurrency.limit(), 8);
    }

    #[test]
    fn a_limits_worth_of_successes_raises_it_by_one_up_to_the_maximum() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy { initial: 2, ..ConcurrencyPolicy::new(4) });
        let limits: Vec<u32> = (0..12)
            .map(|_| {
                drain(outcome(&concurrency, &timer, None));
                concurrency.limit()
            })
            .collect();
        assert_eq!(limits, [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]);
    }

    #[test]
    fn a_raised_limit_is_used_by_those_who_wait() {
        let timer = ManualTimer::new();
        let concurrency = Concurrency::new(ConcurrencyPolicy { initial: 1, ..ConcurrencyPolicy::new(2) });
        let stream = outcome(&concurrency, &timer, None);
        let (shared, cx) = (&concurrency.shared, context(&timer));
        let mut waiters: FuturesUnordered<_> =
            (0..2).map(|_| Box::pin(Shared::permit(shared, &cx))).collect();
        assert!(waiters.next().now_or_never().is_none());
        drain(stream);
        let permits: Vec<_> = (0..2)
            .map(|_| waiters.next().now_or_never().flatten().and_then(Result::ok).expect("a permit"))
            .collect();
        assert_eq!((concurrency.limit(), concurrency.in_flight()), (2, 2));
        drop(permits);
    }

    #[test]
    fn nothing_leaks_whatever_happens_in_whatever_order() {
        type Call = Pin<Box<dyn Future<Output = ()> + Send>>;
        let timer = ManualTimer::new();
        for seed in 0..200 {
            let mut dice = fastrand::Rng::with_seed(seed);
            let concurrency = Concurrency::new(ConcurrencyPolicy { min: 2, ..ConcurrencyPolicy::new(6) });
            let kinds = [None, None, Some(ErrorKind::RateLimited), Some(ErrorKind::Server)];
            let mut calls: Vec<Call> = Vec::new();
            for _ in 0..300 {
                match dice.u8(0..4) {
                    0 => {
                        let end = kinds[dice.usize(0..kinds.len())];
                        let script = scripted(&timer, move |_| {
                            let end = end.map_or_else(|| finished(StopReason::EndTurn), fail);
                            vec![sleep(1), Step::Open, started(), sleep(1), end]
                        });
                        let (provider, cx) = (concurrency.layer(script), context(&timer));
                        calls.push(Box::pin(async move {
                            let _ = provider.complete(&cx, ModelRequest::default()).await;
                        }));
                    }
                    1 if !calls.is_empty() => drop(calls.swap_remove(dice.usize(0..calls.len()))),
                    2 => timer.advance(seconds(1)),
                    _ => calls.retain_mut(|call| call.now_or_never().is_none()),
                }
                let in_flight = concurrency.in_flight() as usize;
                assert!(in_flight <= 6 && in_flight + concurrency.waiting() <= calls.len());
            }
            calls.clear();
            assert_eq!((concurrency.in_flight(), concurrency.waiting()), (0, 0), "seed {seed}");
        }
    }
}
