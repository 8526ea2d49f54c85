//! A circuit breaker: a route that fails is left alone for a while, then tried with one call.

mod circuit;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError, ProviderId,
    ResponseStream, StreamEvent, async_trait,
    error::{BreakerEffect, Phase},
    provider::Layer,
    storage::cooldown::{Cooldown, CooldownStore},
    stream::StreamObserver,
    time::{Clock, Timer},
    watch::{CircuitChanged, CircuitState, EventLog},
};

use self::circuit::{Circuit, Failure, LONGEST_HINT, LONGEST_REST, Pass, Refusal};
use crate::observer::tap;

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerPolicy {
    /// This many failures in a row open it.
    pub consecutive_failures: u32,
    /// This share of failures within the window opens it; above 1 none does.
    pub error_rate: f64,
    /// The window, in ten buckets of equal length: the oldest tenth falls out at once.
    pub window: Duration,
    /// The rate counts from this many calls within the window.
    pub min_samples: u32,
    /// How long it stays open the first time. Doubles with every probe that fails.
    pub cooldown: Duration,
    /// The cooldown does not grow beyond this.
    pub max_cooldown: Duration,
    /// By which share of itself a cooldown is longer or shorter at random.
    pub jitter: f64,
    /// How long it stays open when the credential is refused, may not do this, or is spent.
    pub sticky_cooldown: Duration,
}

impl Default for BreakerPolicy {
    /// 5 failures in a row, or half of at least 5 calls within 30 s; 15 s doubling to 120 s, give or take
    /// 10 %; 30 min for a bad credential.
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            error_rate: 0.5,
            window: Duration::from_secs(30),
            min_samples: 5,
            cooldown: Duration::from_secs(15),
            max_cooldown: Duration::from_secs(120),
            jitter: 0.1,
            sticky_cooldown: Duration::from_secs(30 * 60),
        }
    }
}

/// Where a circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls fail at once.
    Open {
        /// When the first probe may pass.
        until: Instant,
    },
    /// One call at a time passes, as a probe; the others fail at once.
    HalfOpen,
}

/// Stops calls to a route that fails.
///
/// Failures in a row or their share within a window open the circuit; which errors are failures is said by
/// [`ProviderError::policy`], so that a caller's own faults never move it. While it is open, calls fail at
/// once with [`ErrorKind::CircuitOpen`] in the phase [`Phase::BeforeSend`], and
/// [`retry_after`](forge_core::error::ErrorFacts::retry_after) says how long that lasts. Then exactly one call
/// passes as a probe: its success closes the circuit, its failure opens it for twice as long. A probe that
/// says neither (the caller's fault, or dropped before any content came) frees its slot for the next call.
///
/// A refused, powerless or spent credential opens the circuit at once for
/// [`sticky_cooldown`](BreakerPolicy::sticky_cooldown). A failure that asks for more than 120 s of patience
/// opens it for that long, and no cooldown is shorter than the failure's `retry_after`.
///
/// A call counts when it ends: a stream with its last event. One that its caller drops midway counts as
/// nothing, or as a success if it is a probe of which content has come.
///
/// ```
/// use std::{sync::Arc, time::Instant};
/// use forge_core::{Provider, provider::Stack};
/// use forge_layers::{Breaker, BreakerPolicy, BreakerState};
///
/// # fn demo(claude: Arc<dyn Provider>) {
/// let policy = BreakerPolicy { consecutive_failures: 3, ..BreakerPolicy::default() };
/// let breaker = Breaker::new(policy, 7);
/// let provider = Stack::new(claude).with(&breaker).build();
/// assert_eq!(breaker.state(Instant::now()), BreakerState::Closed);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    shared: Arc<Shared>,
}

impl Breaker {
    /// A closed circuit, shared by every provider that this value or a clone of it wraps. `seed` fixes the
    /// jitter and differs between routes.
    pub fn new(policy: BreakerPolicy, seed: u64) -> Self {
        let circuit = Mutex::new(Circuit::new(policy, seed));
        Self { shared: Arc::new(Shared { circuit, kept: None, watched: None }) }
    }

    /// Has `store` keep, under the name `route`, what the vendor asks for: waits of more than 120 s, but no cooldown
    /// that this circuit has guessed. Those of `earlier` that go by this name hold; what is left of
    /// them is read on `clock`.
    pub fn kept_in(
        self,
        store: Arc<dyn CooldownStore>,
        route: String,
        earlier: &[Cooldown],
        clock: &dyn Clock,
    ) -> Self {
        let mut circuit = Circuit::clone(&self.shared.lock());
        for cooldown in earlier.iter().filter(|cooldown| cooldown.route == route) {
            // Wall time is what outlives a process. A cooldown that is over is negative here and holds nothing.
            if let Ok(left) = (cooldown.until - clock.now()).to_std() {
                circuit.hold(left, cooldown.cause, clock.instant());
            }
        }
        let watched = self.shared.watched.clone();
        Self {
            shared: Arc::new(Shared { circuit: Mutex::new(circuit), kept: Some((store, route)), watched }),
        }
    }

    /// Has `log` told, in the time of `clock`, whenever the circuit of `provider` changes.
    pub fn watched(self, log: EventLog, provider: ProviderId, clock: Arc<dyn Timer>) -> Self {
        let (circuit, kept) = (Mutex::new(self.shared.lock().clone()), self.shared.kept.clone());
        let watched = Some(Watched { log, provider, clock });
        Self { shared: Arc::new(Shared { circuit, kept, watched }) }
    }

    /// Where the circuit stands at `now`. Looking at it does not use up the probe.
    pub fn state(&self, now: Instant) -> BreakerState {
        self.shared.lock().state(now)
    }

    /// What opened the circuit; `None` while it is closed.
    pub fn cause(&self) -> Option<ErrorKind> {
        self.shared.lock().cause()
    }

    /// The same circuit for calls that have nowhere else to go: it lets them pass while it is open, unless the
    /// vendor asked for the wait or a credential needs to be replaced. One that succeeds closes the circuit.
    pub fn last_resort(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Broken { inner, shared: Arc::clone(&self.shared), admit: Circuit::admit_last })
    }

    /// Closes the circuit and forgets all failures; calls under way count no more. For a credential that has
    /// been replaced, or a user who knows better.
    pub fn reset(&self) {
        let mut circuit = self.shared.lock();
        let was_open = circuit.cause().is_some();
        circuit.close();
        drop(circuit);
        if was_open {
            self.shared.tell(CircuitState::Closed, None, None);
        }
    }
}

impl Layer for Breaker {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Broken { inner, shared: Arc::clone(&self.shared), admit: Circuit::admit })
    }
}

#[derive(Debug)]
struct Broken {
    inner: Arc<dyn Provider>,
    shared: Arc<Shared>,
    admit: fn(&mut Circuit, Instant) -> Result<Pass, Refusal>,
}

impl Broken {
    fn refused(&self, cx: &CallContext, refusal: Refusal) -> ProviderError {
        let (message, retry_after, cause) = match refusal {
            Refusal::Open { cause, left } => {
                (format!("the last failure was: {}", cause.describe()), Some(left), Some(cause))
            }
            Refusal::Probing => ("half-open, and another call is the probe".into(), None, None),
        };
        let cause = cause.map(|kind| ProviderError::new(kind, self.name(), kind.describe()));
        ProviderError::new(ErrorKind::CircuitOpen, self.name(), message).with(|facts| {
            facts.model = Some(cx.model().clone());
            facts.phase = Phase::BeforeSend;
            facts.retry_after = retry_after;
            facts.source = cause.map(|cause| Box::new(cause) as _);
        })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Broken {
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
        let now = cx.timer.instant();
        // The lock is held for the decision alone; the ticket carries it through the call.
        let admitted = (self.admit)(&mut self.shared.lock(), now);
        let pass = admitted.map_err(|refusal| self.refused(cx, refusal))?;
        if pass.is_probe() {
            let cause = self.shared.lock().cause();
            self.shared.tell(CircuitState::HalfOpen, cause, None);
        }
        let ticket = Ticket {
            shared: Arc::clone(&self.shared),
            timer: Arc::clone(&cx.timer),
            provider: Arc::clone(&self.inner),
            pass: Some(pass),
            content: false,
        };
        tap(&*self.inner, cx, request, ticket).await
    }
}

#[derive(Debug)]
struct Shared {
    circuit: Mutex<Circuit>,
    /// Who keeps what the vendor asks for, and under which name.
    kept: Option<(Arc<dyn CooldownStore>, String)>,
    /// Who is told of changes.
    watched: Option<Watched>,
}

/// The provider of a circuit that is watched.
#[derive(Debug, Clone)]
struct Watched {
    log: EventLog,
    provider: ProviderId,
    clock: Arc<dyn Timer>,
}

impl Shared {
    fn tell(&self, state: CircuitState, cause: Option<ErrorKind>, open: Option<Duration>) {
        let Some(Watched { log, provider, clock }) = &self.watched else { return };
        let open_ms = open.map(|open| u64::try_from(open.as_millis()).unwrap_or(u64::MAX));
        log.publish(clock.now(), CircuitChanged { provider: provider.clone(), state, cause, open_ms });
    }

    /// No code here panics while it holds the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One admitted call, the probe's slot included, until it is settled or dropped.
struct Ticket {
    shared: Arc<Shared>,
    timer: Arc<dyn Timer>,
    provider: Arc<dyn Provider>,
    pass: Option<Pass>,
    content: bool,
}

impl Ticket {
    fn settle(&mut self, settle: impl FnOnce(&mut Circuit, Pass, Instant)) {
        // The end of the stream settles first; the drop that follows finds nothing left to settle.
        let Some(pass) = self.pass.take() else { return };
        let now = self.timer.instant();
        let mut circuit = self.shared.lock();
        let before = circuit.state(now);
        settle(&mut circuit, pass, now);
        let (after, cause) = (circuit.state(now), circuit.cause());
        // A subscriber of `tracing` runs code of its own, which may ask for the state.
        drop(circuit);
        let provider = self.provider.name();
        match (before, after) {
            (before, after) if before == after => {}
            (_, BreakerState::Open { until }) => {
                let open = until.saturating_duration_since(now);
                // Whoever asks is told with the routes that were passed over.
                tracing::info!(provider, seconds = open.as_secs(), "circuit opened");
                self.shared.tell(CircuitState::Open, cause, Some(open));
            }
            (_, BreakerState::Closed) => {
                tracing::info!(provider, "circuit closed");
                self.shared.tell(CircuitState::Closed, None, None);
            }
            (_, BreakerState::HalfOpen) => {}
        }
    }
}

impl StreamObserver for Ticket {
    fn event(&mut self, event: &StreamEvent) {
        self.content |= event.is_content();
        // A reply that began well may still break off, so only its end is a success.
        if matches!(event, StreamEvent::Finished(_)) {
            self.settle(Circuit::succeeded);
        }
    }

    fn failure(&mut self, error: Option<&mut ProviderError>) {
        let error = error.as_deref();
        // A stream that ends without a word is as much a failure of the route as one with an error.
        let kind = error.map_or(ErrorKind::Truncated, |error| error.kind);
        let policy = error.map_or_else(|| kind.policy(Phase::default()), ProviderError::policy);
        let retry_after = error.and_then(|error| error.retry_after).unwrap_or_default();
        match policy.breaker {
            // The drop settles it: a probe that had content proves the route, any other frees its slot.
            BreakerEffect::Ignored => {}
            BreakerEffect::Counts | BreakerEffect::OpensSticky => {
                let sticky = policy.breaker == BreakerEffect::OpensSticky;
                let failure = Failure { cause: kind, sticky, retry_after };
                self.settle(|circuit, pass, now| circuit.failed(pass, failure, now));
                if let Some((store, route)) = self.shared.kept.as_ref().filter(|_| retry_after > LONGEST_HINT)
                {
                    let until = self.timer.now() + retry_after.min(LONGEST_REST);
                    store.keep(Cooldown::new(route, kind, until));
                }
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Content proves that the route works although nobody reads on. Without any, nothing is known.
        if self.content && self.pass.as_ref().is_some_and(Pass::is_probe) {
            self.settle(Circuit::succeeded);
        } else {
            self.settle(|circuit, pass, _| circuit.abandoned(pass));
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        ProviderExt as _,
        event::{PartKind, StopReason},
        time::{Clock as _, ManualTimer},
    };
    use futures_util::FutureExt;

    use super::*;
    use crate::script::{
        Script, Step, context, drop_at_every_poll, fail, finished, part, reply, run, scripted, seconds,
        sleep, started, text,
    };

    struct Bench {
        timer: ManualTimer,
        breaker: Breaker,
    }

    impl Bench {
        fn new() -> Self {
            let timer = ManualTimer::new();
            let policy = BreakerPolicy { jitter: 0.0, ..BreakerPolicy::default() };
            let breaker = Breaker::new(policy, 1);
            Self { timer, breaker }
        }

        fn provider(
            &self,
            plot: impl Fn() -> Vec<Step> + Send + Sync + 'static,
        ) -> (Arc<dyn Provider>, Arc<Script>) {
            let script = scripted(&self.timer, move |_| plot());
            (self.breaker.layer(Arc::clone(&script) as Arc<dyn Provider>), script)
        }

        fn call(&self, provider: &Arc<dyn Provider>) -> Result<(), ProviderError> {
            run(&self.timer, provider.complete(&context(&self.timer), ModelRequest::default())).map(|_| ())
        }

        fn end_with(&self, kind: ErrorKind) -> ProviderError {
            let (provider, _) = self.provider(move || vec![fail(kind)]);
            self.call(&provider).unwrap_err()
        }

        fn state(&self) -> BreakerState {
            self.breaker.state(self.timer.instant())
        }

        fn half_open(&self) {
            for _ in 0..5 {
                self.end_with(ErrorKind::Server);
            }
            self.timer.advance(seconds(15));
            assert_eq!(self.state(), BreakerState::HalfOpen);
        }
    }

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<Cooldown>>);

    impl CooldownStore for Kept {
        fn cooldowns(&self) -> Vec<Cooldown> {
            self.0.lock().unwrap().clone()
        }

        fn keep(&self, cooldown: Cooldown) {
            self.0.lock().unwrap().push(cooldown);
        }
    }

    #[test]
    fn what_the_vendor_asks_for_holds_for_the_next_process_and_a_guess_does_not() {
        let store = Arc::new(Kept::default());
        let Bench { timer, breaker } = Bench::new();
        let kept = |breaker: Breaker, route: &str, earlier: &[Cooldown]| {
            breaker.kept_in(Arc::clone(&store) as _, route.to_owned(), earlier, &timer)
        };
        let bench = Bench { timer: timer.clone(), breaker: kept(breaker, "a", &[]) };
        let refuse = |kind: ErrorKind, retry_after: Option<u64>| {
            let (provider, _) = bench.provider(move || {
                let error = ProviderError::new(kind, "p", "no");
                vec![Step::Fail(error.with(|facts| facts.retry_after = retry_after.map(Duration::from_secs)))]
            });
            bench.call(&provider).unwrap_err();
            bench.breaker.reset();
        };
        refuse(ErrorKind::Authentication, None);
        refuse(ErrorKind::RateLimited, Some(60));
        assert_eq!(store.cooldowns(), []);
        refuse(ErrorKind::RateLimited, Some(3_600));
        let until = timer.now() + Duration::from_secs(3_600);
        assert_eq!(store.cooldowns(), [Cooldown::new("a", ErrorKind::RateLimited, until)]);

        timer.advance(seconds(3_000));
        let next = |route: &str| {
            let breaker = Breaker::new(BreakerPolicy::default(), 1);
            kept(breaker, route, &store.cooldowns())
        };
        assert_eq!(next("b").state(timer.instant()), BreakerState::Closed);
        assert_eq!(next("a").cause(), Some(ErrorKind::RateLimited));
        timer.advance(seconds(601));
        assert_eq!(next("a").state(timer.instant()), BreakerState::Closed);
    }

    fn slow_reply() -> Vec<Step> {
        let ended = finished(StopReason::EndTurn);
        let (begun, said) = (part(0, PartKind::Text), text(0, "Hi"));
        vec![sleep(1), sleep(1), Step::Open, started(), sleep(1), begun, sleep(1), said, sleep(1), ended]
    }

    #[test]
    fn a_hard_outage_opens_the_circuit_within_five_calls() {
        let bench = Bench::new();
        let (provider, script) = bench.provider(|| vec![fail(ErrorKind::Server)]);
        for _ in 0..1_000 {
            bench.call(&provider).unwrap_err();
        }
        assert_eq!(script.calls().len(), 5);
        let error = bench.call(&provider).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::CircuitOpen, Phase::BeforeSend));
        assert_eq!(error.retry_after, Some(seconds(15)));
        let until = bench.timer.instant() + seconds(15);
        assert_eq!(bench.state(), BreakerState::Open { until });
    }

    #[test]
    fn a_thousand_faults_of_the_caller_leave_it_closed_and_hide_no_outage() {
        let bench = Bench::new();
        for _ in 0..1_000 {
            bench.end_with(ErrorKind::InvalidRequest);
            bench.end_with(ErrorKind::ContextTooLong);
        }
        assert_eq!(bench.state(), BreakerState::Closed);
        for _ in 0..5 {
            assert_eq!(bench.end_with(ErrorKind::Server).kind, ErrorKind::Server);
            bench.timer.advance(seconds(31));
            bench.end_with(ErrorKind::InvalidRequest);
        }
        assert!(matches!(bench.state(), BreakerState::HalfOpen));
    }

    #[test]
    fn streams_that_fail_or_just_end_count_as_failures() {
        for end in [Some(ErrorKind::Overloaded), None] {
            let bench = Bench::new();
            let (provider, _) = bench.provider(move || {
                let mut steps = vec![Step::Open, started(), part(0, PartKind::Text)];
                steps.extend(end.map(fail));
                steps
            });
            for _ in 0..5 {
                bench.call(&provider).unwrap_err();
            }
            assert!(matches!(bench.state(), BreakerState::Open { .. }));
        }
    }

    #[test]
    fn streams_that_are_dropped_midway_count_as_nothing() {
        let bench = Bench::new();
        let (provider, script) = bench.provider(|| reply(&["Hi"]));
        let cx = context(&bench.timer);
        for dropped in 0..3 {
            for _ in 0..4 {
                bench.end_with(ErrorKind::Server);
            }
            for _ in 0..100 {
                let mut stream = run(&bench.timer, provider.stream(&cx, Arc::default())).unwrap();
                for _ in 0..dropped {
                    run(&bench.timer, stream.next()).unwrap().unwrap();
                }
            }
            assert_eq!(bench.state(), BreakerState::Closed);
            bench.end_with(ErrorKind::Server);
            assert!(matches!(bench.state(), BreakerState::Open { .. }), "the streak goes on");
            bench.breaker.reset();
        }
        assert_eq!(script.calls().len(), 300);
    }

    #[test]
    fn of_a_hundred_callers_exactly_one_is_the_probe() {
        let bench = Bench::new();
        bench.half_open();
        let (provider, script) = bench.provider(slow_reply);
        let cx = context(&bench.timer);
        let mut callers: Vec<_> =
            (0..100).map(|_| Box::pin(provider.complete(&cx, ModelRequest::default()))).collect();
        let refused = callers.iter_mut().filter_map(FutureExt::now_or_never).inspect(|end| {
            let error = end.as_ref().unwrap_err();
            assert_eq!((error.kind, error.retry_after), (ErrorKind::CircuitOpen, None));
        });
        assert_eq!(refused.count(), 99);
        assert_eq!((script.calls().len(), bench.state()), (1, BreakerState::HalfOpen));
        run(&bench.timer, &mut callers[0]).unwrap();
        assert_eq!(bench.state(), BreakerState::Closed);
        bench.call(&provider).unwrap();
    }

    #[test]
    fn a_probe_dropped_at_any_poll_gives_its_slot_back() {
        let bench = Bench::new();
        bench.half_open();
        let (provider, script) = bench.provider(slow_reply);
        let cx = context(&bench.timer);
        let call = || provider.complete(&cx, ModelRequest::default());
        let mut states = Vec::new();
        drop_at_every_poll(&bench.timer, call, |polls| {
            assert_eq!(script.calls().len(), polls);
            states.push(bench.state());
            if bench.state() == BreakerState::Closed {
                bench.half_open();
            }
        });
        // The content comes with the fourth poll.
        let (half_open, closed) = (BreakerState::HalfOpen, BreakerState::Closed);
        assert_eq!(states, [half_open, half_open, half_open, closed, closed, closed]);
        bench.call(&provider).unwrap();
    }

    #[test]
    fn looking_at_the_state_does_not_use_up_the_probe() {
        let bench = Bench::new();
        bench.half_open();
        for _ in 0..10 {
            assert_eq!(bench.state(), BreakerState::HalfOpen);
        }
        let (provider, _) = bench.provider(|| reply(&["Hi"]));
        bench.call(&provider).unwrap();
    }

    #[test]
    fn a_probe_that_ends_with_the_callers_fault_makes_way_for_another() {
        let bench = Bench::new();
        bench.half_open();
        assert_eq!(bench.end_with(ErrorKind::InvalidRequest).kind, ErrorKind::InvalidRequest);
        assert_eq!(bench.state(), BreakerState::HalfOpen);
        assert_eq!(bench.end_with(ErrorKind::Server).kind, ErrorKind::Server);
        let until = bench.timer.instant() + seconds(30);
        assert_eq!(bench.state(), BreakerState::Open { until });
    }

    #[test]
    fn a_bad_credential_opens_it_at_once_for_half_an_hour() {
        for kind in [ErrorKind::Authentication, ErrorKind::Permission, ErrorKind::QuotaExhausted] {
            let bench = Bench::new();
            bench.end_with(kind);
            let until = bench.timer.instant() + seconds(1_800);
            assert_eq!(bench.state(), BreakerState::Open { until });
            bench.timer.advance(seconds(1_800));
            bench.end_with(kind);
            let until = bench.timer.instant() + seconds(1_800);
            assert_eq!(bench.state(), BreakerState::Open { until });
            bench.breaker.reset();
            assert_eq!(bench.state(), BreakerState::Closed);
        }
    }

    #[test]
    fn the_vendors_wish_for_more_than_two_minutes_of_patience_is_granted_in_full() {
        for (wish, state) in [(121, true), (120, false)] {
            let bench = Bench::new();
            let (provider, _) = bench.provider(move || {
                let error = ProviderError::new(ErrorKind::RateLimited, "script", "");
                vec![Step::Fail(error.with(|facts| facts.retry_after = Some(seconds(wish))))]
            });
            bench.call(&provider).unwrap_err();
            let until = bench.timer.instant() + seconds(wish);
            assert_eq!(bench.state() == BreakerState::Open { until }, state);
        }
    }

    #[test]
    fn every_wrapper_of_one_layer_shares_the_circuit() {
        let bench = Bench::new();
        for _ in 0..5 {
            bench.end_with(ErrorKind::Transport);
        }
        let (other, script) = bench.provider(|| reply(&["Hi"]));
        assert_eq!(bench.call(&other).unwrap_err().kind, ErrorKind::CircuitOpen);
        assert!(script.calls().is_empty());
    }
}
