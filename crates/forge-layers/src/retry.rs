//! Another attempt after a failure that may pass. The only retry loop of a process.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError, ResponseStream,
    StreamEvent, async_trait,
    error::{Advice, Phase},
    provider::Layer,
    stream::StreamObserver,
};

use crate::peek::peek;

/// How often and when a failed attempt is made again.
///
/// The waits have full jitter: each is drawn evenly between nothing and a bound that grows from retry to
/// retry, so that clients that failed together do not come back together (AWS Architecture Blog,
/// "Exponential Backoff And Jitter").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts after the first one.
    pub max_retries: u32,
    /// The bound of the first wait.
    pub initial_backoff: Duration,
    /// The bound that no wait exceeds, unless the vendor asks for more.
    pub max_backoff: Duration,
    /// By how much the bound grows from wait to wait.
    pub multiplier: f64,
    /// The longest wait that a vendor may ask for. An error that asks for more is returned at once.
    pub longest_hint: Duration,
    /// The longest wait that a vendor may ask for where the caller has another route.
    pub patience: Duration,
    /// Whether to try again when no connection could be made. Otherwise the error returns at once, and the
    /// caller can take another route.
    pub reconnect: bool,
}

impl Default for RetryPolicy {
    /// 2 retries, waits of up to 0.5 s and 1 s, hints of up to 120 s, or of 5 s where there is another route.
    fn default() -> Self {
        Self {
            max_retries: 2,
            initial_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
            multiplier: 2.0,
            longest_hint: Duration::from_secs(120),
            patience: Duration::from_secs(5),
            reconnect: true,
        }
    }
}

impl RetryPolicy {
    /// This policy for a caller with another route: long waits and unreachable servers are returned at once.
    pub fn of_several(self) -> Self {
        Self { longest_hint: self.longest_hint.min(self.patience), reconnect: false, ..self }
    }

    fn bound(&self, retries: u32) -> Duration {
        let growth = self.multiplier.powf(f64::from(retries));
        let bound = Duration::try_from_secs_f64(self.initial_backoff.as_secs_f64() * growth);
        // The growth ends in infinity, which is no duration; the longest wait holds then.
        bound.unwrap_or(self.max_backoff).min(self.max_backoff)
    }
}

/// Makes failed attempts again.
///
/// An attempt is made again if its error says so ([`ProviderError::policy`]), nothing of its answer has
/// reached the caller, the wait ends before the deadline of the call, and the [`RetryBudget`] has a slot.
/// Otherwise the last error is returned. A vendor's
/// [`retry_after`](forge_core::error::ErrorFacts::retry_after) is a floor: the wait is that long, with the
/// jitter on top. Every attempt carries its own number in [`CallContext::attempt`], and those that fail are
/// noted in [`CallContext::attempts`].
///
/// ```
/// use std::sync::Arc;
/// use forge_core::{Provider, provider::Stack};
/// use forge_layers::{Retry, RetryBudget, RetryPolicy};
///
/// # fn demo(claude: Arc<dyn Provider>, gemini: Arc<dyn Provider>) {
/// let budget = RetryBudget::default();
/// let policy = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
/// let retry = Retry::new(policy, 7).with_budget(budget);
/// let providers = [claude, gemini].map(|provider| Stack::new(provider).with(&retry).build());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Retry {
    policy: RetryPolicy,
    dice: Arc<Mutex<fastrand::Rng>>,
    budget: RetryBudget,
}

impl Retry {
    /// Retries with a budget of their own. `seed` fixes the jitter and differs between processes.
    pub fn new(policy: RetryPolicy, seed: u64) -> Self {
        let dice = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { policy, dice, budget: RetryBudget::default() }
    }

    /// The same retries within `budget`, which other layers may share.
    pub fn with_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// The same retries, with the same budget, by another policy.
    pub fn with_policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The policy.
    pub const fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// When the next attempt begins, and its slot; `None` if the error goes to the caller.
    fn next(&self, cx: &CallContext, retries: u32, error: &ProviderError) -> Option<(Instant, Slot)> {
        let hint = error.retry_after.unwrap_or_default();
        // Nothing was sent, so another route answers sooner than a second connect timeout ends.
        let unreachable = error.phase == Phase::BeforeSend
            && matches!(error.kind, ErrorKind::Transport | ErrorKind::Timeout);
        if error.policy().advice != Advice::RetryThenNext
            || (unreachable && !self.policy.reconnect)
            || retries >= self.policy.max_retries
            || hint > self.policy.longest_hint
        {
            return None;
        }
        // The jitter comes on top of the vendor's wait: before it is over, the next attempt would be refused as
        // well.
        let wait = hint.checked_add(self.jitter(self.policy.bound(retries)))?;
        let at = cx.timer.instant().checked_add(wait)?;
        // The error at hand tells more than the timeout that would follow.
        if cx.deadline.is_some_and(|deadline| deadline <= at) {
            return None;
        }
        // Last, so that a retry that does not take place takes no slot.
        Some((at, self.budget.slot()?))
    }

    fn jitter(&self, bound: Duration) -> Duration {
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_nanos(dice.u64(0..=nanos))
    }
}

impl Layer for Retry {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Retrying { inner, retry: self.clone() })
    }
}

#[derive(Debug)]
struct Retrying {
    inner: Arc<dyn Provider>,
    retry: Retry,
}

impl Retrying {
    async fn attempt(
        &self,
        cx: &CallContext,
        request: &Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let stream = self.inner.stream(cx, Arc::clone(request)).await?;
        // Up to its first content, a reply that fails has reached nobody and can be asked for again.
        peek(self.inner.name(), stream, request).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Retrying {
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
        let call = self.retry.budget.call();
        let mut cx = cx.clone();
        let (mut retries, mut slot) = (0, None);
        loop {
            let begun = cx.timer.instant();
            let error = match self.attempt(&cx, &request).await {
                Ok(events) => return Ok(events.observed(Held { _call: call, _retry: slot })),
                Err(error) => error,
            };
            // An open circuit lets no attempt happen, so there is none to note.
            if error.kind != ErrorKind::CircuitOpen {
                cx.note_failure(&error, begun);
            }
            // The failed attempt's slot is free for whoever comes first, this call among them.
            drop(slot.take());
            let Some((at, taken)) = self.retry.next(&cx, retries, &error) else { return Err(error) };
            slot = Some(taken);
            tracing::debug!(call = %cx.call_id, attempt = cx.attempt, error = ?error.kind, "trying again");
            cx.timer.sleep_until(at).await;
            cx.next_attempt();
            retries += 1;
        }
    }
}

/// Limits retries to a share of the calls in flight, so that an outage does not multiply the load.
///
/// Clones share one count. A call counts until its stream ends or is dropped; a retry counts from the
/// beginning of its wait until its attempt ends or is dropped.
///
/// ```
/// use forge_layers::RetryBudget;
///
/// let budget = RetryBudget::new(0.1, 1);
/// assert_eq!((budget.calls(), budget.retries()), (0, 0));
/// ```
#[derive(Debug, Clone)]
pub struct RetryBudget {
    ratio: f64,
    floor: u32,
    calls: Arc<AtomicUsize>,
    retries: Arc<AtomicUsize>,
}

impl RetryBudget {
    /// Allows retries for this share of the calls in flight, and for `floor` of them in any case.
    pub fn new(ratio: f64, floor: u32) -> Self {
        Self { ratio, floor, calls: Arc::default(), retries: Arc::default() }
    }

    /// Calls in flight.
    pub fn calls(&self) -> usize {
        // Relaxed: the counts guard no other memory, and a limit that is off by one call for a moment does no
        // harm.
        self.calls.load(Ordering::Relaxed)
    }

    /// Retries in flight.
    pub fn retries(&self) -> usize {
        self.retries.load(Ordering::Relaxed)
    }

    fn call(&self) -> Slot {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Slot(Arc::clone(&self.calls))
    }

    fn slot(&self) -> Option<Slot> {
        let limit = (self.calls() as f64 * self.ratio).max(f64::from(self.floor));
        let next = |retries: usize| ((retries + 1) as f64 <= limit).then_some(retries + 1);
        let taken = self.retries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.ok().map(|_| Slot(Arc::clone(&self.retries)))
    }
}

impl Default for RetryBudget {
    /// A fifth of the calls in flight, and 3 in any case.
    fn default() -> Self {
        Self::new(0.2, 3)
    }
}

/// A share in a count, for as long as it lives.
#[derive(Debug)]
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a call that has been answered holds until its reply is over.
struct Held {
    _call: Slot,
    _retry: Option<Slot>,
}

impl StreamObserver for Held {
    fn event(&mut self, _: &StreamEvent) {}

    fn failure(&mut self, _: Option<&mut ProviderError>) {}
}

#[cfg(test)]
mod tests {
    use forge_core::{
        ProviderExt as _,
        time::{Clock as _, ManualTimer},
    };
    use futures_util::future::join_all;
    use proptest::prelude::*;

    use super::*;
    use crate::script::{
        Step, context, drop_at_every_poll, fail, part, reply, run, scripted, seconds, sleep, started, text,
    };

    fn request() -> Arc<ModelRequest> {
        Arc::new(ModelRequest::new("").with_user_message("hi"))
    }

    fn hinting(hint: Duration) -> Step {
        Step::Fail(
            ProviderError::new(ErrorKind::RateLimited, "script", "slow down")
                .with(|facts| facts.retry_after = Some(hint)),
        )
    }

    fn layer(policy: RetryPolicy) -> Retry {
        Retry::new(policy, 1)
    }

    #[test]
    fn a_failure_that_may_pass_is_tried_twice_more_and_the_last_error_returned() {
        let timer = ManualTimer::new();
        let script = scripted(&timer, |cx| match cx.attempt {
            1 => vec![fail(ErrorKind::Overloaded)],
            2 => vec![Step::Open, started(), fail(ErrorKind::Transport)],
            _ => vec![Step::Open, started()],
        });
        let retrying = layer(RetryPolicy::default()).layer(script.clone());
        let cx = context(&timer);
        let error = run(&timer, retrying.stream(&cx, request())).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated);
        let attempts: Vec<u32> = script.calls().iter().map(|call| call.context.attempt).collect();
        assert_eq!(attempts, [1, 2, 3]);
        let noted: Vec<_> = cx.attempts.failed().iter().map(|one| (one.attempt, one.error)).collect();
        let kinds = [ErrorKind::Overloaded, ErrorKind::Transport, ErrorKind::Truncated];
        assert_eq!(noted, [(1, kinds[0]), (2, kinds[1]), (3, kinds[2])]);
    }

    #[test]
    fn what_will_not_pass_and_what_has_begun_to_answer_is_not_tried_again() {
        let timer = ManualTimer::new();
        for kind in [ErrorKind::InvalidRequest, ErrorKind::Authentication, ErrorKind::CircuitOpen] {
            let script = scripted(&timer, move |_| vec![fail(kind)]);
            let retrying = layer(RetryPolicy::default()).layer(script.clone());
            assert_eq!(run(&timer, retrying.stream(&context(&timer), request())).unwrap_err().kind, kind);
            assert_eq!(script.calls().len(), 1, "{kind:?}");
        }
        let begun = || {
            let text_part = part(0, forge_core::event::PartKind::Text);
            vec![Step::Open, started(), text_part, text(0, "a"), fail(ErrorKind::Server)]
        };
        let script = scripted(&timer, move |_| begun());
        let retrying = layer(RetryPolicy::default()).layer(script.clone());
        let error = run(&timer, retrying.complete(&context(&timer), request())).unwrap_err();
        assert_eq!((error.kind, script.calls().len()), (ErrorKind::Server, 1));
        assert!(error.partial.is_some());
    }

    #[test]
    fn a_wait_that_would_pass_the_deadline_or_the_longest_hint_is_not_begun() {
        let timer = ManualTimer::new();
        for (hint, timeout, attempts) in [
            (seconds(10), seconds(10), 1),
            (seconds(10), seconds(11), 2),
            (seconds(120), seconds(1_000), 2),
            (seconds(120) + Duration::from_nanos(1), seconds(1_000), 1),
            (Duration::MAX, seconds(1_000), 1),
        ] {
            let script = scripted(&timer, move |cx| match cx.attempt {
                1 => vec![hinting(hint)],
                _ => reply(&["hi"]),
            });
            let policy = RetryPolicy { initial_backoff: Duration::ZERO, ..RetryPolicy::default() };
            let retrying = layer(policy).layer(script.clone());
            let cx = context(&timer).with_timeout(timeout);
            let begun = timer.instant();
            let outcome = run(&timer, retrying.complete(&cx, request()));
            assert_eq!((outcome.is_ok(), script.calls().len()), (attempts == 2, attempts), "{hint:?}");
            assert_eq!(timer.instant() == begun, attempts == 1);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_retry_is_ever_early(
            hint in prop_oneof![any::<Duration>(), (0_u64..150_000).prop_map(Duration::from_millis)],
            longest_hint in any::<Duration>(),
            initial_backoff in any::<Duration>(),
            max_backoff in any::<Duration>(),
            multiplier in any::<f64>(),
            seed in any::<u64>(),
        ) {
            let policy = RetryPolicy { max_retries: 9, initial_backoff, max_backoff, multiplier, longest_hint, patience: longest_hint, reconnect: true };
            let timer = ManualTimer::new();
            let retry = Retry::new(policy, seed);
            let error = ProviderError::new(ErrorKind::RateLimited, "p", "")
                .with(|facts| facts.retry_after = Some(hint));
            for retries in 0..10 {
                if let Some((at, _)) = retry.next(&context(&timer), retries, &error) {
                    let wait = at - timer.instant();
                    prop_assert!(retries < 9 && wait >= hint && hint <= longest_hint);
                    prop_assert!(wait.saturating_sub(hint) <= max_backoff);
                }
            }
        }
    }

    #[test]
    fn clients_that_failed_together_come_back_spread_out() {
        let timer = ManualTimer::new();
        for hint in [None, Some(seconds(20))] {
            let script = scripted(&timer, move |cx| match cx.attempt {
                1 => vec![hint.map_or_else(|| fail(ErrorKind::RateLimited), hinting)],
                _ => reply(&["hi"]),
            });
            let retrying =
                layer(RetryPolicy::default()).with_budget(RetryBudget::new(1.0, 0)).layer(script.clone());
            let clients: Vec<CallContext> = (0..500).map(|_| context(&timer)).collect();
            let begun = timer.instant();
            let outcomes = run(&timer, join_all(clients.iter().map(|cx| retrying.complete(cx, request()))));
            assert!(outcomes.iter().all(Result::is_ok));
            let mut bins = [0; 10];
            for call in script.calls().iter().filter(|call| call.context.attempt > 1) {
                let wait = call.at - (begun + hint.unwrap_or_default());
                bins[(wait.as_millis() / 50).min(9) as usize] += 1;
            }
            assert_eq!(bins.iter().sum::<usize>(), 500);
            assert!(bins.iter().all(|bin| *bin <= 75), "{bins:?}");
        }
    }

    #[test]
    fn an_outage_costs_a_fifth_more_attempts_and_not_two_hundred_percent() {
        let timer = ManualTimer::new();
        let script = scripted(&timer, |_| vec![sleep(1), fail(ErrorKind::Server)]);
        let retrying = layer(RetryPolicy::default()).layer(script.clone());
        let cx = context(&timer);
        let outcomes = run(&timer, join_all((0..1_000).map(|_| retrying.stream(&cx, request()))));
        assert!(outcomes.iter().all(Result::is_err));
        let attempts = script.calls().len();
        assert!((1_200..=1_210).contains(&attempts), "{attempts}");
    }

    #[test]
    fn slots_come_back_wherever_the_call_is_dropped() {
        let timer = ManualTimer::new();
        let script = scripted(&timer, |cx| {
            let mut steps = vec![sleep(1)];
            match cx.attempt {
                1 => steps.push(fail(ErrorKind::Server)),
                2 => steps.extend([Step::Open, started(), sleep(1), fail(ErrorKind::Overloaded)]),
                _ => {
                    steps.extend(reply(&["a", "b"]));
                    steps.insert(5, sleep(1));
                }
            }
            steps
        });
        let budget = RetryBudget::new(0.0, 1);
        let retrying = layer(RetryPolicy::default()).with_budget(budget.clone()).layer(script);
        let cx = context(&timer);
        drop_at_every_poll(
            &timer,
            || retrying.complete(&cx, request()),
            |polls| assert_eq!((budget.calls(), budget.retries()), (0, 0), "after {polls} polls"),
        );
        let mut events = run(&timer, retrying.stream(&cx, request())).unwrap();
        assert_eq!((budget.calls(), budget.retries()), (1, 1));
        while !matches!(run(&timer, events.next()), Some(Ok(StreamEvent::Finished(_)))) {}
        assert_eq!((budget.calls(), budget.retries()), (0, 0));
    }
}
