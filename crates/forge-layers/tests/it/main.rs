//! Layers on top of each other, on a clock that the test moves.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use forge_core::{
    CallContext, ErrorKind, ModelRequest, Participant, Provider, ProviderExt as _, TokenCount,
    error::Phase,
    event::StopReason,
    provider::Stack,
    time::{Clock as _, ManualTimer},
};
use forge_layers::{
    Breaker, BreakerPolicy, BreakerState, Concurrency, ConcurrencyPolicy, RateLimit, RateLimits, Retry,
    RetryPolicy,
};
use forge_testkit::{Answer, Script};
use futures_util::FutureExt as _;

/// Fails this many times, then answers.
fn recovering(failures: usize) -> Arc<Script> {
    let calls = AtomicUsize::new(0);
    let usage = TokenCount::default().with_input(1).with_output(1);
    Arc::new(Script::new(move |_, _| match calls.fetch_add(1, Ordering::Relaxed) {
        call if call < failures => Answer::fail(ErrorKind::Server),
        _ => Answer::text("up").with_usage(usage),
    }))
}

fn context(timer: &ManualTimer) -> CallContext {
    CallContext::with_timer(Participant::local("m"), Arc::new(timer.clone()))
}

#[test]
fn a_full_limit_does_not_open_the_circuit() {
    let timer = ManualTimer::new();
    let limits = RateLimits { requests_per_minute: NonZeroU32::new(1), ..RateLimits::default() };
    let breaker = Breaker::new(BreakerPolicy::default(), 1);
    let provider = Stack::new(recovering(0)).with(&RateLimit::new(limits)).with(&breaker).build();
    let mut refused = 0;
    for _ in 0..20 {
        let cx = context(&timer).with_timeout(Duration::from_secs(1));
        let outcome = provider.complete(&cx, ModelRequest::new("")).now_or_never().unwrap();
        if let Err(error) = outcome {
            assert_eq!((error.kind, error.phase), (ErrorKind::RateLimited, Phase::BeforeSend), "{error}");
            refused += 1;
        }
    }
    assert!(refused >= 15, "{refused}");
    assert_eq!(breaker.state(timer.instant()), BreakerState::Closed);
}

#[test]
fn a_call_gets_through_a_short_outage_and_leaves_nothing_behind() {
    let timer = ManualTimer::new();
    let concurrency = Concurrency::new(ConcurrencyPolicy::new(4));
    let breaker = Breaker::new(BreakerPolicy::default(), 1);
    let base = recovering(2);
    let provider = Stack::new(Arc::clone(&base) as Arc<dyn Provider>)
        .with(&concurrency)
        .with(&breaker)
        .with(&Retry::new(RetryPolicy::default(), 1))
        .build();
    let cx = context(&timer);
    let begun = timer.instant();
    let mut call = Box::pin(provider.complete(&cx, ModelRequest::new("")));
    let outcome = loop {
        match call.as_mut().now_or_never() {
            Some(outcome) => break outcome,
            None => timer.advance(timer.next_wake().unwrap()),
        }
    };
    assert_eq!(outcome.unwrap().stop_reason, StopReason::EndTurn);
    assert_eq!(base.calls().len(), 3);
    assert!(timer.instant() - begun <= Duration::from_millis(1_500));
    assert_eq!((concurrency.in_flight(), breaker.state(timer.instant())), (0, BreakerState::Closed));
}
