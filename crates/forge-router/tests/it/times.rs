//! What changes while time goes by: circuits, health, hedging, another configuration, the end.

use std::{sync::Arc, time::Duration};

use forge_core::{
    ErrorKind, Provider as _, ProviderExt as _, SecretString, provider::Health, route::Verdict,
    time::Clock as _,
};
use forge_layers::RetryPolicy;
use forge_router::{HealthStatus, Router};
use futures_util::{FutureExt as _, future::join_all};

use crate::stage::{Play, Stage, chain, provider, question};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn why_not(router: &Router, stage: &Stage, id: &str) -> Option<String> {
    let trace = stage.run(router.explain(&stage.context("coder"), &Arc::new(question())));
    let found = trace.candidates.into_iter().find(|one| one.provider == id).unwrap();
    match found.verdict {
        Verdict::Passed(why) => Some(why),
        Verdict::Chosen | Verdict::Next | Verdict::Failed(_) => None,
    }
}

#[test]
fn a_failing_primary_is_left_after_five_calls_and_used_again_when_it_recovers() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    for _ in 0..100 {
        assert_eq!(stage.who(&router, "coder"), "o-1");
    }
    assert_eq!(stage.calls("a-1"), 5);
    assert_eq!(why_not(&router, &stage, "a-1").unwrap(), "circuit open for 15 s after: server error");
    stage.always("a-1", Play::Answer);
    stage.timer.advance(seconds(14));
    assert_eq!(stage.who(&router, "coder"), "o-1");
    stage.timer.advance(seconds(1));
    assert_eq!(stage.who(&router, "coder"), "a-1", "the probe");
    assert_eq!(stage.who(&router, "coder"), "a-1");
}

#[test]
fn falling_back_takes_no_time_at_all() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Authentication));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    let before = stage.timer.instant();
    assert_eq!(stage.who(&router, "coder"), "o-1");
    assert_eq!(stage.timer.instant(), before);
}

#[test]
fn with_dead_primaries_the_answer_comes_within_five_seconds() {
    for kind in [ErrorKind::Transport, ErrorKind::Server, ErrorKind::Overloaded] {
        let stage = Stage::new();
        let dead = ["a-1", "o-1", "g-1"];
        for id in dead {
            stage.always(id, Play::Fail(kind));
        }
        let mut plan = chain("coder", &["a-1", "o-1", "g-1", "a-2"]);
        plan.retry = RetryPolicy::default();
        let router = stage.router(plan);
        let begun = stage.timer.instant();
        assert_eq!(stage.who(&router, "coder"), "a-2");
        assert!(stage.timer.instant() - begun <= seconds(5));
        assert_eq!(dead.map(|id| stage.calls(id)), [3, 3, 3]);
    }
}

#[test]
fn an_outage_does_not_multiply_the_calls() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Overloaded));
    let mut plan = chain("coder", &["a-1"]);
    plan.retry = RetryPolicy::default();
    plan.breaker.consecutive_failures = u32::MAX;
    plan.breaker.error_rate = 2.0;
    let router = stage.router(plan);
    let contexts: Vec<_> = (0..1_000).map(|_| stage.context("coder")).collect();
    let outcomes = stage.run(join_all(contexts.iter().map(|cx| router.complete(cx, question()))));
    assert!(outcomes.iter().all(Result::is_err));
    assert!(stage.calls("a-1") <= 1_210, "{} attempts", stage.calls("a-1"));
}

#[test]
fn the_last_route_is_asked_although_its_circuit_is_open_unless_waiting_was_asked_for() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    stage.always("o-1", Play::Fail(ErrorKind::Server));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    for _ in 0..5 {
        stage.ask(&router, "coder").unwrap_err();
    }
    assert!(why_not(&router, &stage, "o-1").is_some());
    stage.ask(&router, "coder").unwrap_err();
    assert_eq!((stage.calls("a-1"), stage.calls("o-1")), (5, 6));
    stage.always("o-1", Play::Answer);
    assert_eq!(stage.who(&router, "coder"), "o-1", "it recovers before its time");
    assert_eq!(why_not(&router, &stage, "o-1"), None);

    let stage = Stage::new();
    stage.always("a-1", Play::FailFor(ErrorKind::RateLimited, 300));
    let router = stage.router(chain("coder", &["a-1"]));
    assert_eq!(stage.ask(&router, "coder").unwrap_err().kind, ErrorKind::RateLimited);
    let error = stage.ask(&router, "coder").unwrap_err();
    assert_eq!((error.kind, stage.calls("a-1")), (ErrorKind::CircuitOpen, 1));
    assert_eq!(error.retry_after, Some(seconds(300)));
}

#[test]
fn a_last_resort_that_fails_hides_no_other_attempt() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Overloaded));
    stage.always("o-1", Play::FailFor(ErrorKind::RateLimited, 300));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    stage.ask(&router, "coder").unwrap_err();
    let error = stage.ask(&router, "coder").unwrap_err();
    assert_eq!((error.kind, stage.calls("o-1")), (ErrorKind::CircuitOpen, 1));
    assert_eq!(error.retry_after, Some(seconds(300)));
    assert!(error.message.contains("(a-1: overloaded; o-1: circuit open)"), "{error}");
}

#[test]
fn while_the_last_route_is_probed_other_calls_are_not_refused() {
    let stage = Stage::new();
    stage.plays("a-1", |call| match call {
        0..5 => Play::Fail(ErrorKind::Server),
        5 => Play::Late(60),
        _ => Play::Answer,
    });
    let router = stage.router(chain("coder", &["a-1"]));
    for _ in 0..5 {
        stage.ask(&router, "coder").unwrap_err();
    }
    stage.timer.advance(seconds(15));
    let cx = stage.context("coder");
    let mut probe = Box::pin(router.complete(&cx, question()));
    assert!(probe.as_mut().now_or_never().is_none());
    assert_eq!((stage.who(&router, "coder").as_str(), stage.calls("a-1")), ("a-1", 7));
}

#[test]
fn the_deadline_of_the_call_ends_the_chain() {
    let stage = Stage::new();
    stage.always("a-1", Play::Late(10));
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.providers[0].timeouts = Some(forge_core::provider::Timeouts::USUAL);
    let router = stage.router(plan);
    let cx = stage.context("coder").with_timeout(seconds(3));
    let error = stage.run(router.complete(&cx, question())).unwrap_err();
    assert_eq!((error.kind, stage.calls("o-1")), (ErrorKind::Timeout, 0));
}

#[test]
fn all_providers_are_checked_side_by_side_within_ten_seconds() {
    use HealthStatus::{Failed, Loading, Ready, Refused};
    let stage = Stage::new();
    stage.health("o-1", Err(ErrorKind::Authentication));
    stage.health("g-1", Ok(Health::Loading));
    stage.health("a-2", Err(ErrorKind::Timeout));
    let router = stage.router(chain("coder", &["a-1", "o-1", "g-1", "a-2"]));
    let begun = stage.timer.instant();
    let found = stage.run(router.check());
    assert_eq!(stage.timer.instant() - begun, seconds(10));
    let statuses: Vec<_> = found.iter().map(|one| (one.provider.as_str(), one.status)).collect();
    assert_eq!(statuses, [("a-1", Ready), ("o-1", Refused), ("g-1", Loading), ("a-2", Failed)]);
    assert!(found[1].detail.as_ref().unwrap().contains("check the API key"));
    assert!(found[3].detail.as_ref().unwrap().contains("no answer within 10 s"));
}

#[test]
fn a_provider_that_is_not_ready_is_passed_over_until_it_is() {
    for (health, believed, why) in [
        (Ok(Health::Loading), 5, "still loading"),
        (Ok(Health::Empty), 30, "has no model"),
        (Err(ErrorKind::Transport), 30, "did not answer"),
        (Err(ErrorKind::Authentication), 300, "credential was refused"),
    ] {
        let stage = Stage::new();
        stage.health("a-1", health);
        let router = stage.router(chain("coder", &["a-1", "o-1"]));
        stage.run(router.check());
        assert_eq!(stage.who(&router, "coder"), "o-1");
        assert!(why_not(&router, &stage, "a-1").unwrap().contains(why));
        stage.timer.advance(seconds(believed));
        assert_eq!(stage.who(&router, "coder"), "a-1", "an old finding is not believed: {why}");
    }
}

#[test]
fn a_provider_that_did_not_answer_a_check_is_asked_where_nobody_else_is_left() {
    let stage = Stage::new();
    stage.health("a-1", Err(ErrorKind::Transport));
    stage.health("o-1", Err(ErrorKind::Authentication));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    stage.run(router.check());
    assert_eq!(stage.who(&router, "coder"), "a-1");
    assert_eq!(stage.calls("o-1"), 0);
}

#[test]
fn a_corrected_credential_is_used_at_once_after_a_good_check() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Authentication));
    stage.health("a-1", Err(ErrorKind::Authentication));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    assert_eq!(stage.who(&router, "coder"), "o-1");
    stage.run(router.check());
    stage.always("a-1", Play::Answer);
    assert_eq!(stage.who(&router, "coder"), "o-1");
    stage.health("a-1", Ok(Health::Ready));
    let mut checking = Box::pin(router.keep_checking(seconds(60)));
    assert!(checking.as_mut().now_or_never().is_none());
    stage.timer.advance(seconds(60));
    assert!(checking.as_mut().now_or_never().is_none());
    assert_eq!(stage.who(&router, "coder"), "a-1");
}

#[test]
fn findings_are_kept_and_asked_for_again_when_they_are_old() {
    let stage = Stage::new();
    let router = stage.router(chain("coder", &["a-1"]));
    let status = || stage.run(router.health())[0].status;
    assert_eq!(status(), HealthStatus::Ready);
    stage.health("a-1", Ok(Health::Loading));
    assert_eq!(status(), HealthStatus::Ready);
    stage.timer.advance(seconds(300));
    assert_eq!(status(), HealthStatus::Loading);
    stage.health("a-1", Ok(Health::Ready));
    stage.timer.advance(seconds(5));
    assert_eq!(status(), HealthStatus::Ready);
}

#[test]
fn a_call_that_is_slow_to_begin_is_hedged_where_the_role_says_so() {
    for hedge in [true, false] {
        let stage = Stage::new();
        stage.plays("a-1", |call| if call == 100 { Play::Hang } else { Play::Late(1) });
        let mut plan = chain("coder", &["a-1", "o-1"]);
        plan.roles.values_mut().next().unwrap().hedge = hedge;
        let router = stage.router(plan);
        for _ in 0..100 {
            assert_eq!(stage.who(&router, "coder"), "a-1");
        }
        let begun = stage.timer.instant();
        let cx = stage.context("coder").with_timeout(seconds(60));
        let mut call = Box::pin(router.complete(&cx, question()));
        assert!(call.as_mut().now_or_never().is_none());
        if !hedge {
            assert_eq!(stage.timer.next_wake(), None, "nothing else is going to happen");
            continue;
        }
        assert_eq!(stage.run(call).unwrap().text(), "o-1");
        assert_eq!(stage.timer.instant() - begun, seconds(1), "the slowest twentieth begins after a second");
        let records = stage.ledger.records.lock().unwrap();
        let last: Vec<_> = records.iter().filter(|one| one.call_id == cx.call_id).collect();
        assert_eq!(last.len(), 2, "the loser is accounted for");
        assert_ne!(last[0].attempt, last[1].attempt);
        assert!(last.iter().any(|one| one.status == forge_core::storage::accounts::CallStatus::Cancelled));
    }
}

#[test]
fn slow_calls_that_nobody_else_can_take_leave_the_extra_ones_to_others() {
    let stage = Stage::new();
    stage.plays("a-1", |call| Play::Late(if call < 37 { 1 } else { 9 }));
    let mut plan = chain("coder", &["a-1", "o-1"]);
    let coder = plan.roles.values_mut().next().unwrap();
    coder.hedge = true;
    let mut alone = coder.clone();
    alone.fallback.clear();
    plan.roles.insert("poet".into(), alone);
    let router = stage.router(plan);
    for _ in 0..38 {
        assert_eq!(stage.who(&router, "poet"), "a-1");
    }
    assert_eq!(stage.who(&router, "coder"), "o-1");
}

#[test]
fn another_configuration_holds_for_new_calls_and_keeps_what_is_known() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    stage.always("o-1", Play::Late(5));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    for _ in 0..5 {
        stage.who(&router, "coder");
    }
    let cx = stage.context("coder");
    let mut old_call = Box::pin(router.complete(&cx, question()));
    assert!(old_call.as_mut().now_or_never().is_none());

    let mut other = chain("coder", &["a-1", "g-1"]);
    other.providers[0].timeouts = Some(forge_core::provider::Timeouts::USUAL);
    router.reload(other).unwrap();
    assert_eq!(stage.who(&router, "coder"), "g-1");
    assert_eq!(stage.calls("a-1"), 5, "its circuit is still open");
    assert_eq!(stage.run(old_call).unwrap().text(), "o-1", "it ends as it began");

    let mut corrected = chain("coder", &["a-1", "g-1"]);
    corrected.providers[0].api_key = Some(SecretString::from("sk-test-new"));
    stage.always("a-1", Play::Answer);
    router.reload(corrected).unwrap();
    assert_eq!(stage.who(&router, "coder"), "a-1", "another credential begins anew");

    let mut bad = chain("coder", &["a-1"]);
    bad.providers[0].kind = "nobody".into();
    bad.providers[0].endpoint = Some("http://127.0.0.1:1".into());
    let error = router.reload(bad).unwrap_err();
    assert!(error.to_string().contains("no adapter of type `nobody`"), "{error}");
    assert_eq!(stage.who(&router, "coder"), "a-1", "a bad one changes nothing");
    assert_eq!(router.plan().providers.len(), 2);
}

#[test]
fn another_credential_does_not_keep_the_wait_that_the_vendor_asked_of_the_old_one() {
    let stage = Stage::new();
    stage.plays("a-1", |call| match call {
        0 => Play::FailFor(ErrorKind::RateLimited, 100),
        _ => Play::Answer,
    });
    let mut plan = chain("coder", &["a-1"]);
    plan.providers[0].rate.requests_per_minute = std::num::NonZeroU32::new(600);
    let router = stage.router(plan.clone());
    stage.ask(&router, "coder").unwrap_err();
    plan.providers[0].api_key = Some(SecretString::from("sk-test-new"));
    router.reload(plan).unwrap();
    let begun = stage.timer.instant();
    assert_eq!(stage.who(&router, "coder"), "a-1");
    assert_eq!(stage.timer.instant(), begun);
}

#[test]
fn a_shutdown_waits_for_calls_ends_those_that_take_too_long_and_flushes() {
    let stage = Stage::new();
    stage.plays("a-1", |call| if call == 0 { Play::Late(2) } else { Play::Hang });
    let router = stage.router(chain("coder", &["a-1"]));
    let (first, second) = (stage.context("coder"), stage.context("coder"));
    let mut quick = Box::pin(router.complete(&first, question()));
    let mut endless = Box::pin(router.complete(&second, question()));
    assert!(quick.as_mut().now_or_never().is_none() && endless.as_mut().now_or_never().is_none());
    assert_eq!(router.in_flight(), 2);

    let mut closing = Box::pin(router.shutdown(seconds(5)));
    assert!(closing.as_mut().now_or_never().is_none());
    let refused = stage.ask(&router, "coder").unwrap_err();
    assert!(refused.kind == ErrorKind::Cancelled && refused.message.contains("shutting down"), "{refused}");
    assert_eq!(stage.run(&mut quick).unwrap().text(), "a-1");
    stage.timer.advance(seconds(3));
    assert!(closing.as_mut().now_or_never().is_none());
    let ended = endless.now_or_never().unwrap().unwrap_err();
    assert_eq!((ended.kind, *stage.ledger.flushed.lock().unwrap()), (ErrorKind::Cancelled, 0));
    assert_eq!(closing.now_or_never().unwrap().unwrap(), 1);
    assert_eq!((router.in_flight(), *stage.ledger.flushed.lock().unwrap()), (0, 1));
    assert_eq!(stage.run(router.shutdown(seconds(5))).unwrap(), 0, "again");
    assert_eq!(stage.ledger.records.lock().unwrap().len(), 2, "one row per attempt");
}

#[test]
fn a_stream_that_breaks_off_says_how_the_call_came_there() {
    let stage = Stage::new();
    stage.always("a-1", Play::Break);
    let router = stage.router(chain("coder", &["a-1"]));
    let cx = stage.context("coder");
    let mut events = stage.run(router.stream(&cx, Arc::new(question()))).unwrap();
    let error = loop {
        if let Err(error) = stage.run(events.next()).expect("it breaks off") {
            break error;
        }
    };
    assert_eq!(error.route.as_ref().unwrap().candidates[0].provider, "a-1");
}

#[test]
fn a_stream_under_way_is_ended_by_a_shutdown_and_says_how_it_came_there() {
    let stage = Stage::new();
    stage.always("a-1", Play::Stall);
    let router = stage.router(chain("coder", &["a-1"]));
    let cx = stage.context("coder");
    let mut events = stage.run(router.stream(&cx, Arc::new(question()))).unwrap();
    let mut next = || events.next().now_or_never();
    while let Some(event) = next() {
        assert!(event.unwrap().is_ok());
    }
    let mut closing = Box::pin(router.shutdown(seconds(0)));
    assert!(closing.as_mut().now_or_never().is_none());
    let ended = next().expect("it does not wait").unwrap().unwrap_err();
    assert_eq!((ended.kind, ended.route.as_ref().unwrap().candidates.len()), (ErrorKind::Cancelled, 1));
    assert!(next().unwrap().is_none(), "nothing comes after it");
    assert_eq!(closing.now_or_never().unwrap().unwrap(), 1);
}

#[test]
fn one_provider_serves_many_roles_and_its_limit_holds_for_all_of_them() {
    let stage = Stage::new();
    stage.always("a-1", Play::Late(1));
    let mut plan = chain("coder", &["a-1"]);
    plan.default = Some(forge_router::Target::Provider(0));
    plan.providers[0] = forge_router::ProviderPlan { concurrent: Some(2), ..provider("a-1") };
    let router = stage.router(plan);
    let contexts: Vec<_> = ["coder", "critic", "poet", "coder"].map(|role| stage.context(role)).into();
    let begun = stage.timer.instant();
    let outcomes = stage.run(join_all(contexts.iter().map(|cx| router.complete(cx, question()))));
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(stage.timer.instant() - begun, seconds(2), "two at a time");
}
