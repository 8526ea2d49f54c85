use forge_core::{
    ProviderExt as _, StreamEvent, TokenCount,
    event::{Finished, PartKind, RateLimitStatus, RateLimitWindow, Started, StopReason},
    time::{Clock as _, ManualTimer, Timer},
};
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use proptest::prelude::*;

use super::*;
use crate::script::{
    Script, Step, context, drop_at_every_poll, fail, part, reply, run, scripted, seconds, sleep, started,
    text,
};

struct Bench {
    timer: ManualTimer,
    limit: RateLimit,
}

impl Bench {
    fn new(requests: u32, input: u64, output: u64) -> Self {
        let timer = ManualTimer::new();
        let limits = RateLimits {
            requests_per_minute: NonZeroU32::new(requests),
            input_tokens_per_minute: NonZeroU64::new(input),
            output_tokens_per_minute: NonZeroU64::new(output),
            burst: None,
        };
        let limit = RateLimit::new(limits);
        Self { timer, limit }
    }

    fn provider(
        &self,
        plot: impl Fn() -> Vec<Step> + Send + Sync + 'static,
    ) -> (Arc<dyn Provider>, Arc<Script>) {
        let script = scripted(&self.timer, move |_| plot());
        (self.limit.layer(Arc::clone(&script) as Arc<dyn Provider>), script)
    }

    fn call(&self, steps: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> Result<(), ProviderError> {
        let (provider, _) = self.provider(steps);
        run(&self.timer, provider.complete(&context(&self.timer), request(400, 100))).map(|_| ())
    }

    fn tokens(&self) -> [Option<i128>; 2] {
        self.limit.shared.lock().tokens(self.timer.instant())
    }

    fn wait(&self, input: u64, output: u32) -> u64 {
        self.limit.expected_wait(&request(input, output), self.timer.instant()).as_secs()
    }
}

/// About so many tokens.
fn request(input: u64, output: u32) -> ModelRequest {
    let bytes = usize::try_from(input).unwrap() * 4;
    ModelRequest::new("x".repeat(bytes)).with_max_tokens(output)
}

fn finished(usage: TokenCount) -> Step {
    let reason = StopReason::EndTurn;
    Step::Event(StreamEvent::from(Finished::new(reason).with_usage(usage)))
}

fn left(requests: Option<u64>, tokens: Option<u64>) -> Box<RateLimitStatus> {
    let window = |remaining| RateLimitWindow::new(None, Some(remaining), None);
    let (requests, tokens) = (requests.map(window), tokens.map(window));
    let mut status = RateLimitStatus::default();
    (status.requests, status.tokens) = (requests, tokens);
    Box::new(status)
}

fn accepted(status: Box<RateLimitStatus>) -> Step {
    let mut started = Started::default();
    started.rate_limit = Some(status);
    Step::Event(started.into())
}

fn refusal(change: impl FnOnce(&mut forge_core::error::ErrorFacts)) -> Vec<Step> {
    vec![Step::Fail(ProviderError::new(ErrorKind::RateLimited, "script", "").with(change))]
}

#[test]
fn requests_go_out_at_the_pace_of_the_limit() {
    let bench = Bench::new(60, 0, 0);
    let (provider, script) = bench.provider(|| reply(&["Hi"]));
    let begun = bench.timer.instant();
    let cx = context(&bench.timer);
    let calls: FuturesUnordered<_> =
        (0..20).map(|_| provider.complete(&cx, ModelRequest::default()).boxed()).collect();
    assert!(run(&bench.timer, calls.collect::<Vec<_>>()).iter().all(Result::is_ok));
    let times: Vec<u64> = script.calls().iter().map(|call| (call.at - begun).as_secs()).collect();
    assert_eq!(times, [[0; 5].as_slice(), &(1..=15).collect::<Vec<_>>()].concat());
    assert_eq!(bench.limit.waiting(), 0);
}

#[test]
fn an_estimate_is_replaced_by_the_usage_and_cached_input_does_not_count() {
    let bench = Bench::new(0, 10_000, 5_000);
    let usage = TokenCount::default()
        .with_input(300)
        .with_cache_read(9_000)
        .with_cache_write_5m(200)
        .with_output(40)
        .with_reasoning(10);
    bench.call(move || vec![Step::Open, started(), finished(usage)]).unwrap();
    assert_eq!(bench.tokens(), [Some(9_500), Some(4_950)]);
    bench
        .call(|| {
            vec![
                Step::Open,
                started(),
                part(0, PartKind::Text),
                text(0, "12345678"),
                finished(TokenCount::default()),
            ]
        })
        .unwrap();
    assert_eq!(bench.tokens(), [Some(9_100), Some(4_948)]);
}

#[test]
fn a_call_that_failed_before_any_content_gives_everything_back() {
    for steps in [
        || vec![fail(ErrorKind::Server)],
        || vec![Step::Open, fail(ErrorKind::Overloaded)],
        || vec![Step::Open, started(), fail(ErrorKind::Transport)],
        || vec![Step::Open, started()],
    ] {
        let bench = Bench::new(0, 1_000, 1_000);
        bench.call(steps).unwrap_err();
        assert_eq!(bench.tokens(), [Some(1_000); 2]);
    }
}

#[test]
fn a_call_that_broke_off_midway_keeps_its_input_and_what_it_had_written() {
    let broken = || {
        vec![Step::Open, started(), part(0, PartKind::Text), text(0, "12345678"), fail(ErrorKind::Transport)]
    };
    let bench = Bench::new(0, 1_000, 1_000);
    bench.call(broken).unwrap_err();
    assert_eq!(bench.tokens(), [Some(600), Some(998)]);
}

#[test]
fn usage_beyond_the_estimate_is_owed() {
    let bench = Bench::new(0, 0, 600);
    let usage = TokenCount::default().with_output(1_200);
    bench.call(move || vec![Step::Open, started(), finished(usage)]).unwrap();
    assert_eq!(bench.tokens(), [None, Some(-600)]);
    assert_eq!(bench.wait(0, 100), 70);
}

#[test]
fn nothing_leaks_wherever_a_call_is_dropped() {
    let bench = Bench::new(0, 1_000, 1_000);
    let (provider, script) = bench.provider(|| {
        let mut steps = vec![sleep(0), sleep(0), Step::Open, started(), sleep(60)];
        steps.extend([part(0, PartKind::Text), sleep(60), finished(TokenCount::default())]);
        steps
    });
    let cx = context(&bench.timer);
    let call = || provider.stream(&cx, Arc::new(request(400, 100)));
    drop_at_every_poll(&bench.timer, call, |_| assert_eq!(bench.tokens(), [Some(1_000); 2]));
    let call = || provider.complete(&cx, request(400, 100));
    drop_at_every_poll(&bench.timer, call, |_| {
        let [input, output] = bench.tokens();
        assert!(input >= Some(600) && output == Some(1_000));
        assert_eq!((bench.limit.waiting(), script.streams()), (0, 0));
        bench.timer.advance(seconds(60));
    });
}

#[test]
fn nothing_leaks_wherever_a_waiter_is_dropped_and_the_next_one_moves_up() {
    let bench = Bench::new(0, 0, 600);
    let (provider, script) = bench.provider(|| reply(&["Hi"]));
    let cx = context(&bench.timer);
    let shared = &bench.limit.shared;
    let held = Shared::admission(shared, Need { input: 0, output: 600 }, &cx).now_or_never().unwrap();
    let mut large = Box::pin(provider.complete(&cx, request(0, 600)));
    let mut small: FuturesUnordered<_> =
        [provider.complete(&cx, request(0, 100)).boxed()].into_iter().collect();
    assert!(large.as_mut().now_or_never().is_none());
    assert!(small.next().now_or_never().is_none());
    bench.timer.advance(seconds(10));
    assert!(small.next().now_or_never().is_none(), "the large one is not overtaken");
    assert_eq!((bench.limit.waiting(), bench.wait(0, 100)), (2, 70));
    drop(large);
    small.next().now_or_never().flatten().unwrap().unwrap();
    assert_eq!((script.calls().len(), bench.limit.waiting()), (1, 0));
    drop(held);
    assert_eq!(bench.tokens()[1], Some(600));
}

#[test]
fn a_request_larger_than_the_bucket_goes_when_the_bucket_is_full() {
    let bench = Bench::new(0, 0, 600);
    let (provider, script) = bench.provider(|| reply(&["Hi"]));
    let begun = bench.timer.instant();
    let cx = context(&bench.timer);
    let held = Shared::admission(&bench.limit.shared, Need { input: 0, output: 100 }, &cx).now_or_never();
    assert_eq!(bench.wait(0, 5_000), 10);
    run(&bench.timer, provider.complete(&context(&bench.timer), request(0, 5_000))).unwrap();
    assert_eq!(script.calls()[0].at - begun, seconds(10));
    drop(held);
}

#[test]
fn what_is_given_back_is_used_at_once_by_those_who_wait() {
    let bench = Bench::new(0, 0, 600);
    let (shared, cx) = (&bench.limit.shared, context(&bench.timer));
    let need = |output| Need { input: 0, output };
    let held = Shared::admission(shared, need(600), &cx).now_or_never().unwrap();
    let mut waiters: FuturesUnordered<_> = [200, 400, 1]
        .map(|output| Box::pin(Shared::admission(shared, need(output), &cx)))
        .into_iter()
        .collect();
    assert!(waiters.next().now_or_never().is_none());
    drop(held);
    let admitted: Vec<_> =
        std::iter::from_fn(|| waiters.next().now_or_never().flatten()).map(Result::unwrap).collect();
    assert_eq!((admitted.len(), bench.limit.waiting()), (2, 1));
}

#[test]
fn nobody_is_overtaken_even_when_there_is_enough_for_all() {
    let bench = Bench::new(60, 0, 600);
    let (shared, cx) = (&bench.limit.shared, context(&bench.timer));
    let waiter = |output| Shared::admission(shared, Need { input: 0, output }, &cx).boxed();
    let held = waiter(600).now_or_never().unwrap();
    let (mut first, mut second) = (waiter(300), waiter(100));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    bench.timer.advance(seconds(60));
    assert!(second.as_mut().now_or_never().is_none());
    assert!(waiter(1).now_or_never().is_none());
    let admitted = (first.now_or_never().unwrap(), second.now_or_never().unwrap());
    drop((held, admitted));
}

#[test]
fn a_wait_beyond_the_deadline_is_not_begun() {
    let bench = Bench::new(0, 0, 600);
    let (shared, cx) = (&bench.limit.shared, context(&bench.timer));
    let held = Shared::admission(shared, Need { input: 0, output: 600 }, &cx).now_or_never().unwrap();
    let (provider, script) = bench.provider(|| reply(&["Hi"]));
    let call = |timeout| {
        let cx = context(&bench.timer).with_timeout(seconds(timeout));
        let provider = Arc::clone(&provider);
        async move { provider.complete(&cx, request(0, 300)).await }.boxed()
    };
    let error = call(30).now_or_never().expect("no wait").unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::RateLimited, Phase::BeforeSend));
    assert_eq!(error.retry_after, Some(seconds(30)));
    assert!(error.message.contains("the configured rate limit admits this call in 30 s"), "{error}");
    let mut first = call(31);
    assert!(first.as_mut().now_or_never().is_none());
    assert!(call(60).now_or_never().is_some(), "those ahead count as well");
    run(&bench.timer, first).unwrap();
    assert_eq!(script.calls().len(), 1);
    drop(held);
}

#[test]
fn a_waiter_learns_at_once_that_its_wait_has_become_too_long() {
    let bench = Bench::new(0, 0, 600);
    let (shared, cx) = (&bench.limit.shared, context(&bench.timer));
    let held = Shared::admission(shared, Need { input: 0, output: 600 }, &cx).now_or_never().unwrap();
    let waiter = |cx| Shared::admission(shared, Need { input: 0, output: 100 }, cx).boxed();
    let hurried = context(&bench.timer).with_timeout(seconds(30));
    let mut waiters: FuturesUnordered<_> = [waiter(&cx), waiter(&hurried)].into_iter().collect();
    assert!(waiters.next().now_or_never().is_none());
    let closed = bench.timer.instant() + seconds(45);
    wake(shared.lock().close(closed));
    let refused = waiters.next().now_or_never().flatten().unwrap();
    assert_eq!(refused.err(), Some((seconds(45), true)));
    assert!(waiters.next().now_or_never().is_none());
    bench.timer.advance(seconds(45));
    assert!(waiters.next().now_or_never().flatten().unwrap().is_ok());
    drop(held);
}

#[test]
fn a_refusal_with_a_time_closes_the_way_until_then() {
    let bench = Bench::new(0, 0, 0);
    bench.call(|| refusal(|facts| facts.retry_after = Some(seconds(20)))).unwrap_err();
    assert_eq!(bench.wait(1, 1), 20);
    bench.limit.shared.lock().close(bench.timer.instant() + seconds(5));
    assert_eq!(bench.wait(1, 1), 20, "an earlier time opens nothing");
    let begun = bench.timer.instant();
    let ours = || {
        refusal(|facts| {
            facts.phase = Phase::BeforeSend;
            facts.retry_after = Some(seconds(20));
        })
    };
    bench.call(ours).unwrap_err();
    assert_eq!(bench.timer.instant() - begun, seconds(20));
    assert_eq!(bench.wait(1, 1), 0, "only the vendor can close it");
}

#[test]
fn a_call_with_less_time_than_the_vendor_asked_for_is_refused_at_once_and_told_why() {
    let bench = Bench::new(0, 0, 0);
    bench.call(|| refusal(|facts| facts.retry_after = Some(seconds(120)))).unwrap_err();
    assert_eq!(bench.limit.pause(bench.timer.instant()), seconds(120));
    bench.timer.advance(seconds(20));
    let (provider, script) = bench.provider(|| reply(&["Hi"]));
    for (timeout, passes) in [(99, false), (100, false), (101, true)] {
        let cx = context(&bench.timer).with_timeout(seconds(timeout));
        let call = async { provider.complete(&cx, request(1, 1)).await };
        let Some(outcome) = call.now_or_never() else {
            assert!(passes, "{timeout} s");
            continue;
        };
        let error = outcome.unwrap_err();
        assert!(!passes && error.retry_after == Some(seconds(100)), "{timeout} s: {error}");
        assert!(
            error.message.contains("the vendor rate-limited an earlier call; 100 s of its wait are left"),
            "{error}"
        );
    }
    assert!(script.calls().is_empty());
    bench.timer.advance(seconds(100));
    assert_eq!(bench.limit.pause(bench.timer.instant()), seconds(0));
}

/// A clock that goes on between two looks at it, as a real one does.
#[derive(Debug)]
struct Ticking(ManualTimer);

impl forge_core::time::Clock for Ticking {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.now()
    }

    fn instant(&self) -> Instant {
        self.0.advance(Duration::from_nanos(1));
        self.0.instant()
    }
}

impl Timer for Ticking {
    fn sleep_until(&self, at: Instant) -> Wait {
        self.0.sleep_until(at)
    }
}

#[test]
fn a_wait_that_the_vendor_asked_for_is_called_that_while_the_clock_goes_on() {
    let timer = ManualTimer::new();
    let limits = RateLimits { requests_per_minute: NonZeroU32::new(60), ..RateLimits::default() };
    let limit = RateLimit::new(limits);
    let script = scripted(&timer, |_| refusal(|facts| facts.retry_after = Some(seconds(120))));
    let provider = limit.layer(script as Arc<dyn Provider>);
    let ask = |cx: &CallContext| provider.complete(cx, request(1, 1)).now_or_never().unwrap().unwrap_err();
    let cx = CallContext::with_timer(context(&timer).participant, Arc::new(Ticking(timer.clone())));
    ask(&cx);
    let error = ask(&cx.with_timeout(seconds(30)));
    assert!(error.message.contains("the vendor rate-limited an earlier call"), "{error}");
}

#[test]
fn the_vendors_remaining_quota_slows_calls_down_before_the_first_refusal() {
    let bench = Bench::new(60, 6_000, 6_000);
    let usage = TokenCount::default().with_input(400).with_output(100);
    bench.call(move || vec![Step::Open, accepted(left(Some(0), Some(50))), finished(usage)]).unwrap();
    assert_eq!(bench.tokens(), [Some(50); 2]);
    assert_eq!(bench.wait(0, 1), 1, "the next request");
    assert_eq!(bench.wait(0, 650), 6, "the tokens");
    bench.timer.advance(seconds(60));
    bench.call(|| refusal(|facts| facts.rate_limit = Some(left(None, Some(0))))).unwrap_err();
    assert_eq!(bench.tokens(), [Some(0); 2]);
    bench.timer.advance(seconds(60));
    bench.call(move || vec![Step::Open, accepted(left(Some(900), Some(90_000))), finished(usage)]).unwrap();
    assert_eq!(bench.tokens(), [Some(5_600), Some(5_900)], "more than expected changes nothing");
}

#[test]
fn old_news_is_brought_up_to_date_and_windows_of_one_direction_come_first() {
    let bench = Bench::new(0, 6_000, 6_000);
    let (wall, now) = (bench.timer.now() + seconds(30), bench.timer.instant());
    let window = |remaining| Some(RateLimitWindow::new(None, Some(remaining), None));
    let mut status = RateLimitStatus::default();
    (status.tokens, status.input_tokens) = (window(0), window(1_000));
    status.observed_at = Some(bench.timer.now());
    bench.limit.shared.lock().adopt(&status, wall, now);
    assert_eq!(bench.tokens(), [Some(4_000), Some(3_000)]);
}

#[test]
fn the_forecast_consumes_nothing_and_comes_true() {
    let bench = Bench::new(60, 6_000, 6_000);
    for _ in 0..100 {
        assert_eq!(bench.wait(5_000, 5_000), 0);
    }
    let (shared, cx) = (&bench.limit.shared, context(&bench.timer));
    let need = Need { input: 5_000, output: 100 };
    let held = Shared::admission(shared, need, &cx).now_or_never().unwrap();
    let mut waiter = Box::pin(Shared::admission(shared, need, &cx));
    assert!(waiter.as_mut().now_or_never().is_none());
    assert_eq!(bench.wait(1_000, 1), 50);
    let begun = bench.timer.instant();
    let second = run(&bench.timer, waiter);
    assert_eq!(bench.timer.instant() - begun, seconds(40));
    assert_eq!(bench.wait(1_000, 1), 10);
    drop((held, second));
}

#[derive(Debug, Clone)]
enum Move {
    Come(u64),
    GiveUp(usize),
    End(usize, u64),
    Pass(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = prop_oneof![
        3 => (0_u64..900).prop_map(Move::Come),
        1 => (0_usize..20).prop_map(Move::GiveUp),
        1 => (0_usize..20, 0_u64..1_200).prop_map(|(which, used)| Move::End(which, used)),
        2 => (0_u64..30_000).prop_map(Move::Pass),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #[test]
    fn waiters_are_served_in_order_within_the_limit_and_none_is_forgotten(moves in moves()) {
        const PER_MINUTE: u64 = 600;
        let bench = Bench::new(0, PER_MINUTE, 0);
        let (shared, cx) = (&bench.limit.shared, context(&bench.timer));
        let begun = bench.timer.instant();
        let mut waiters = Vec::new();
        let mut held = Vec::new();
        let (mut number, mut last, mut used) = (0, 0, 0_i128);
        for step in moves {
            match step {
                Move::Come(input) => {
                    number += 1;
                    let need = Need { input, output: 0 };
                    waiters.push((number, input, Shared::admission(shared, need, &cx).boxed()));
                }
                Move::GiveUp(which) if !waiters.is_empty() => {
                    drop(waiters.remove(which % waiters.len()));
                }
                Move::End(which, real) if !held.is_empty() => {
                    let (_, mut call): (u64, Admission) = held.swap_remove(which % held.len());
                    call.settle(Need { input: real, output: 0 });
                    used += i128::from(real);
                }
                Move::Pass(milliseconds) => bench.timer.advance(Duration::from_millis(milliseconds)),
                Move::GiveUp(_) | Move::End(..) => {}
            }
            let mut still = Vec::new();
            for (number, input, mut waiter) in waiters {
                match waiter.as_mut().now_or_never() {
                    Some(admitted) => {
                        prop_assert!(still.is_empty(), "{number} has overtaken somebody");
                        prop_assert!(number > last);
                        last = number;
                        held.push((input.min(PER_MINUTE), admitted.unwrap()));
                        let reserved: i128 = held.iter().map(|(input, _)| i128::from(*input)).sum();
                        let refilled = i128::try_from((bench.timer.instant() - begun).as_millis()).unwrap() / 100;
                        prop_assert!(used + reserved <= i128::from(PER_MINUTE) + refilled);
                    }
                    None => still.push((number, input, waiter)),
                }
            }
            waiters = still;
            prop_assert_eq!(bench.limit.waiting(), waiters.len());
        }
        drop(held);
        let unhurried: FuturesUnordered<_> = waiters.into_iter().map(|(_, _, waiter)| waiter).collect();
        let rest = unhurried.map(|admitted| drop(admitted.unwrap())).collect::<Vec<()>>();
        run(&bench.timer, rest);
        prop_assert_eq!(bench.limit.waiting(), 0);
    }
}
