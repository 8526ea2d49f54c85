//! Several keys of one provider.

use std::num::NonZeroU32;

use forge_core::{ErrorKind, SecretString, provider::Health, route::Verdict, time::Clock as _};
use forge_layers::RetryPolicy;
use forge_router::{Router, RouterPlan};
use futures_util::FutureExt as _;

use crate::stage::{Play, Stage, chain, question};

const REFUSALS: [ErrorKind; 4] =
    [ErrorKind::Authentication, ErrorKind::Permission, ErrorKind::QuotaExhausted, ErrorKind::RateLimited];

/// A stage on which every key answers.
fn stage(keys: &[&str]) -> Stage {
    let stage = Stage::new();
    for key in keys {
        stage.always(&format!("a-1/{key}"), Play::Answer);
    }
    stage
}

fn with_keys(mut plan: RouterPlan, keys: &[&str]) -> RouterPlan {
    let mut keys = keys.iter().map(|key| SecretString::from(*key));
    plan.providers[0].api_key = keys.next();
    plan.providers[0].more_keys = keys.collect();
    plan
}

fn plan(keys: &[&str]) -> RouterPlan {
    with_keys(chain("coder", &["a-1", "o-1"]), keys)
}

fn calls(stage: &Stage, keys: &[&str]) -> Vec<usize> {
    keys.iter().map(|key| stage.calls(&format!("a-1/{key}"))).collect()
}

fn ask(stage: &Stage, router: &Router) -> String {
    stage.who(router, "coder")
}

/// Number and success of every attempt in the accounts.
fn rows(stage: &Stage) -> Vec<(String, u32, bool)> {
    let records = stage.ledger.records.lock().unwrap();
    let row = |record: &forge_core::storage::accounts::UsageRecord| {
        let failed = matches!(record.status, forge_core::storage::accounts::CallStatus::Failure);
        (record.provider.to_string(), record.attempt, !failed)
    };
    records.iter().map(row).collect()
}

#[test]
fn a_refused_key_makes_way_for_the_next_at_once() {
    for kind in REFUSALS {
        let stage = stage(&["k1", "k2"]);
        stage.always("a-1/k1", Play::FailFor(kind, 60));
        let router = stage.router(plan(&["k1", "k2"]));
        let begun = stage.timer.instant();
        let response = stage.ask(&router, "coder").unwrap();
        assert_eq!((response.text(), stage.timer.instant()), ("a-1".into(), begun), "{kind:?}");
        assert_eq!(calls(&stage, &["k1", "k2"]), [1, 1]);
        assert_eq!(rows(&stage), [("a-1".into(), 1, false), ("a-1".into(), 2, true)]);
        let route = response.route.unwrap();
        let failed: Vec<_> = route.failed.iter().map(|one| (one.attempt, one.error)).collect();
        assert_eq!(failed, [(1, kind)]);
        assert_eq!(route.candidates.len(), 1, "a key is no route");

        assert_eq!(ask(&stage, &router), "a-1");
        assert_eq!(calls(&stage, &["k1", "k2"]), [1, 2], "{kind:?}: the first is left alone");
        assert_eq!(rows(&stage).last(), Some(&("a-1".into(), 1, true)), "{kind:?}");

        // The first one's wait is not over: the call goes on to the next route in place of waiting, too.
        stage.always("a-1/k2", Play::Fail(kind));
        assert_eq!((ask(&stage, &router), stage.timer.instant()), ("o-1".into(), begun), "{kind:?}");
        assert_eq!(calls(&stage, &["k1", "k2"]), [1, 3]);
    }
}

#[test]
fn a_failure_that_is_not_about_the_key_goes_to_the_next_route() {
    for kind in [ErrorKind::Server, ErrorKind::Overloaded, ErrorKind::ModelNotFound] {
        let stage = stage(&["k1", "k2"]);
        stage.always("a-1/k1", Play::Fail(kind));
        let router = stage.router(plan(&["k1", "k2"]));
        assert_eq!(ask(&stage, &router), "o-1");
        assert_eq!(calls(&stage, &["k1", "k2"]), [1, 0], "{kind:?}");
    }
}

#[test]
fn when_all_keys_are_refused_the_next_route_answers() {
    for kind in REFUSALS {
        let stage = stage(&["k1", "k2", "k3"]);
        for key in ["a-1/k1", "a-1/k2", "a-1/k3"] {
            stage.always(key, Play::FailFor(kind, 60));
        }
        let router = stage.router(plan(&["k1", "k2", "k3"]));
        let begun = stage.timer.instant();
        let response = stage.ask(&router, "coder").unwrap();
        assert_eq!(response.text(), "o-1", "{kind:?}");
        assert_eq!(calls(&stage, &["k1", "k2", "k3"]), [1, 1, 1]);
        let route = response.route.unwrap();
        let failed: Vec<_> = route.failed.iter().map(|one| one.attempt).collect();
        assert_eq!(failed, [1, 2, 3], "each once, with a number of its own");
        let numbers: Vec<_> = rows(&stage).into_iter().map(|(_, attempt, _)| attempt).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);

        // Nobody waits for the keys while another route can answer, and none is asked in vain.
        assert_eq!(ask(&stage, &router), "o-1", "{kind:?}");
        assert_eq!(calls(&stage, &["k1", "k2", "k3"]), [1, 1, 1]);
        assert_eq!(stage.timer.instant(), begun);
    }
}

#[test]
fn the_only_provider_is_asked_again_with_the_key_that_is_back_first() {
    let stage = stage(&["k1", "k2"]);
    let script = |seconds| {
        move |call| if call == 0 { Play::FailFor(ErrorKind::RateLimited, seconds) } else { Play::Answer }
    };
    stage.plays("a-1/k1", script(20));
    stage.plays("a-1/k2", script(60));
    let mut plan = with_keys(chain("coder", &["a-1"]), &["k1", "k2"]);
    plan.retry = RetryPolicy::default();
    let router = stage.router(plan);
    let begun = stage.timer.instant();
    let response = stage.ask(&router, "coder").unwrap();
    assert_eq!(calls(&stage, &["k1", "k2"]), [2, 1]);
    let waited = (stage.timer.instant() - begun).as_secs();
    assert!((20..22).contains(&waited), "{waited}");
    let failed: Vec<_> = response.route.unwrap().failed.iter().map(|one| one.attempt).collect();
    assert_eq!(failed, [1, 2]);
    let numbers: Vec<_> = rows(&stage).into_iter().map(|(_, attempt, good)| (attempt, good)).collect();
    assert_eq!(numbers, [(1, false), (2, false), (3, true)]);
}

#[test]
fn good_keys_take_turns() {
    let keys = ["k1", "k2", "k3"];
    let stage = stage(&keys);
    let router = stage.router(plan(&keys));
    for _ in 0..6 {
        ask(&stage, &router);
    }
    assert_eq!(calls(&stage, &keys), [2, 2, 2]);
    stage.always("a-1/k2", Play::Fail(ErrorKind::Authentication));
    for _ in 0..6 {
        assert_eq!(ask(&stage, &router), "a-1");
    }
    assert_eq!(calls(&stage, &keys), [5, 3, 5], "a bad one leaves the others their even share");
}

#[test]
fn a_key_that_is_back_after_its_wait_is_used_again() {
    for (kind, wait) in [(ErrorKind::RateLimited, 30), (ErrorKind::Authentication, 30 * 60)] {
        let stage = stage(&["k1", "k2"]);
        let script = move |call| if call == 0 { Play::FailFor(kind, 30) } else { Play::Answer };
        stage.plays("a-1/k1", script);
        let router = stage.router(plan(&["k1", "k2"]));
        ask(&stage, &router);
        stage.timer.advance(std::time::Duration::from_secs(wait - 1));
        ask(&stage, &router);
        assert_eq!(calls(&stage, &["k1", "k2"]), [1, 2], "{kind:?}");
        stage.timer.advance(std::time::Duration::from_secs(1));
        ask(&stage, &router);
        ask(&stage, &router);
        assert_eq!(calls(&stage, &["k1", "k2"]), [2, 3], "{kind:?}");
    }
}

#[test]
fn limits_hold_for_each_key() {
    let stage = stage(&["k1", "k2"]);
    let mut plan = plan(&["k1", "k2"]);
    plan.providers[0].rate.requests_per_minute = NonZeroU32::new(6);
    plan.providers[0].rate.burst = NonZeroU32::new(1);
    let router = stage.router(plan);
    let begun = stage.timer.instant();
    let waits: Vec<_> = (0..4)
        .map(|_| {
            ask(&stage, &router);
            (stage.timer.instant() - begun).as_secs()
        })
        .collect();
    assert_eq!(waits, [0, 0, 10, 10]);
    assert_eq!(calls(&stage, &["k1", "k2"]), [2, 2]);

    let stage = Stage::new();
    for key in ["a-1/k1", "a-1/k2"] {
        stage.always(key, Play::Hang);
    }
    let mut plan = with_keys(chain("coder", &["a-1"]), &["k1", "k2"]);
    plan.providers[0].concurrent = Some(1);
    let router = stage.router(plan);
    let contexts = [(); 3].map(|()| stage.context("coder"));
    let mut under_way: Vec<_> = contexts
        .iter()
        .map(|cx| Box::pin(forge_core::ProviderExt::complete(&router, cx, question())))
        .collect();
    for call in &mut under_way {
        assert!(call.as_mut().now_or_never().is_none());
    }
    assert_eq!(calls(&stage, &["k1", "k2"]), [1, 1], "the third waits");
}

#[test]
fn a_provider_is_open_only_when_all_its_keys_are() {
    let stage = stage(&["k1", "k2"]);
    stage.always("a-1/k1", Play::Fail(ErrorKind::Authentication));
    let router = stage.router(plan(&["k1", "k2"]));
    let verdict = || {
        let cx = stage.context("coder");
        stage.run(router.explain(&cx, &question().into())).candidates[0].verdict.clone()
    };
    ask(&stage, &router);
    assert_eq!(verdict(), Verdict::Chosen);
    stage.timer.advance(std::time::Duration::from_secs(60));
    stage.always("a-1/k2", Play::Fail(ErrorKind::QuotaExhausted));
    assert_eq!(ask(&stage, &router), "o-1");
    let Verdict::Passed(why) = verdict() else { panic!("it would be asked") };
    assert!(why.starts_with("circuit open for 1740 s after: "), "the one that ends first: {why}");
    assert_eq!(ask(&stage, &router), "o-1");
    assert_eq!(calls(&stage, &["k1", "k2"]), [1, 2]);
}

#[test]
fn what_a_check_says_about_the_first_key_does_not_hold_for_the_others() {
    let stage = stage(&["k1", "k2"]);
    stage.health("a-1/k1", Err(ErrorKind::Authentication));
    stage.always("a-1/k1", Play::Fail(ErrorKind::Authentication));
    let router = stage.router(plan(&["k1", "k2"]));
    stage.run(router.check());
    assert_eq!(ask(&stage, &router), "a-1");
    stage.health("a-1/k1", Ok(Health::Ready));
    stage.always("a-1/k1", Play::Answer);
    stage.run(router.check());
    ask(&stage, &router);
    assert_eq!(calls(&stage, &["k1", "k2"]), [2, 1], "its circuit is closed again");
}

#[test]
fn a_reload_keeps_what_is_known_of_the_keys_that_stay() {
    let keys = ["k1", "k2", "k3"];
    let stage = stage(&keys);
    stage.always("a-1/k1", Play::Fail(ErrorKind::Authentication));
    stage.always("a-1/k2", Play::FailFor(ErrorKind::RateLimited, 100));
    let router = stage.router(plan(&["k1", "k2"]));
    assert_eq!(ask(&stage, &router), "o-1");
    router.reload(plan(&["k3", "k2", "k1"])).unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&stage, &router), "a-1");
    }
    assert_eq!(calls(&stage, &keys), [1, 1, 3]);

    stage.always("a-1/k1", Play::Answer);
    router.reload(plan(&["k2"])).unwrap();
    router.reload(plan(&["k1", "k2"])).unwrap();
    assert_eq!(ask(&stage, &router), "a-1", "one that was taken out begins anew");
    assert_eq!(calls(&stage, &keys), [2, 1, 3]);
}

#[test]
fn a_budget_holds_for_all_keys_together() {
    let stage = stage(&["k1", "k2"]);
    let mut plan = plan(&["k1", "k2"]);
    plan.providers[0].budget.ever.tokens = Some(250);
    let router = stage.router(plan);
    let answers: Vec<_> = (0..4).map(|_| ask(&stage, &router)).collect();
    assert_eq!(answers, ["a-1", "a-1", "o-1", "o-1"]);
    assert_eq!(calls(&stage, &["k1", "k2"]), [1, 1]);
}

#[test]
fn keys_are_never_shown() {
    let stage = stage(&["sk-one", "sk-two"]);
    stage.always("a-1/sk-one", Play::Fail(ErrorKind::Authentication));
    stage.always("a-1/sk-two", Play::Fail(ErrorKind::Authentication));
    let router = stage.router(with_keys(chain("coder", &["a-1"]), &["sk-one", "sk-two"]));
    let error = stage.ask(&router, "coder").unwrap_err();
    let trace = error.route.as_ref().unwrap();
    let rows = stage.ledger.records.lock().unwrap();
    let shown = format!("{error} {error:?} {router:?} {:?} {trace:?} {rows:?}", router.plan());
    assert!(!shown.contains("sk-one") && !shown.contains("sk-two"), "{shown}");
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_call_with_nowhere_else_to_go_passes_the_open_circuits() {
    let stage = stage(&["k1", "k2", "k3"]);
    stage.always("a-1/k1", Play::Fail(ErrorKind::Authentication));
    stage.always("a-1/k2", Play::Fail(ErrorKind::Server));
    stage.always("a-1/k3", Play::Fail(ErrorKind::Server));
    let keys = ["k1", "k2", "k3"];
    let router = stage.router(with_keys(chain("coder", &["a-1"]), &keys));
    let before = || calls(&stage, &keys);
    for _ in 0..12 {
        stage.ask(&router, "coder").unwrap_err();
    }
    assert_eq!(before()[0], 1, "the refused one stays alone");
    stage.always("a-1/k2", Play::Answer);
    stage.always("a-1/k3", Play::Answer);
    assert_eq!(ask(&stage, &router), "a-1");
    assert_eq!(before()[0], 1);
}

#[test]
fn the_error_of_the_last_key_tells_when_the_first_is_back() {
    let stage = stage(&["k1", "k2"]);
    stage.always("a-1/k1", Play::FailFor(ErrorKind::RateLimited, 10));
    stage.always("a-1/k2", Play::FailFor(ErrorKind::RateLimited, 70));
    let router = stage.router(with_keys(chain("coder", &["a-1"]), &["k1", "k2"]));
    let error = stage.ask(&router, "coder").unwrap_err();
    assert_eq!(
        (error.kind, error.retry_after.map(|wait| wait.as_secs())),
        (ErrorKind::RateLimited, Some(10))
    );
}
