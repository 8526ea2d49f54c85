//! Calls whose caller goes along a chain of its own, and calls that some must not answer.

use std::{sync::Arc, time::Duration};

use forge_core::{
    CallContext, ErrorKind, Message, ModelProvider, Participant, ProviderExt as _,
    call::Fallback,
    error::Phase,
    provider::Timeouts,
    request::{MessageRole, Opaque, Part},
    route::Verdict,
    time::Clock as _,
};
use forge_layers::RetryPolicy;
use forge_router::{
    CallSettings, Member, Parameters, PoolPlan, RolePlan, Router, RouterPlan, Strategy, Target,
};

use crate::stage::{Play, Stage, chain, question};

/// A panel of two with a fallback and a default.
fn plan() -> RouterPlan {
    let mut plan = chain("critic", &["a-1", "o-1", "g-1", "a-2"]);
    let role = plan.roles.values_mut().next().unwrap();
    role.primary = vec![Target::Provider(0), Target::Provider(1)];
    role.fallback = vec![Target::Provider(2)];
    plan.default = Some(Target::Provider(3));
    plan
}

fn named(stage: &Stage, id: &str, role: &str) -> CallContext {
    let vendor = ModelProvider::from(if id.starts_with('o') { "openai" } else { "anthropic" });
    let participant = Participant::new(vendor, format!("model-{id}")).with_provider_id(id);
    CallContext::with_timer(participant.with_role(role.into()), Arc::new(stage.timer.clone()))
}

fn author(vendor: &str, model: &str) -> Participant {
    Participant::new(vendor.into(), model)
}

fn calls(stage: &Stage) -> [usize; 4] {
    ["a-1", "o-1", "g-1", "a-2"].map(|id| stage.calls(id))
}

#[test]
fn a_caller_with_a_chain_of_its_own_reaches_only_whom_it_names() {
    for kind in [ErrorKind::Server, ErrorKind::RateLimited, ErrorKind::Authentication, ErrorKind::Transport] {
        for fallback in [Fallback::Caller, Fallback::Nobody] {
            for role in ["critic", "poet"] {
                let stage = Stage::new();
                stage.always("o-1", Play::Fail(kind));
                let router = stage.router(plan());
                let cx = named(&stage, "o-1", role).with_fallback(fallback);
                let explained = stage.run(router.explain(&cx, &Arc::new(question())));
                assert_eq!(explained.candidates.len(), 1);
                let error = stage.run(router.complete(&cx, question())).unwrap_err();
                assert_eq!((error.kind, calls(&stage)), (kind, [0, 1, 0, 0]), "{fallback:?} {role}");
            }
        }
    }
}

#[test]
fn a_connection_is_tried_again_and_an_open_circuit_passed_only_where_the_caller_has_nobody_else() {
    for (fallback, tries, resort) in [(Fallback::Caller, 1, false), (Fallback::Nobody, 3, true)] {
        let stage = Stage::new();
        stage.always("o-1", Play::Unreachable(ErrorKind::Transport));
        let mut plan = plan();
        plan.retry = RetryPolicy::default();
        let router = stage.router(plan);
        let call = || {
            stage.run(router.complete(&named(&stage, "o-1", "critic").with_fallback(fallback), question()))
        };
        assert_eq!(call().unwrap_err().kind, ErrorKind::Transport);
        assert_eq!(stage.calls("o-1"), tries, "{fallback:?}");

        stage.always("o-1", Play::Fail(ErrorKind::Server));
        while stage.calls("o-1") < 12 && call().unwrap_err().kind != ErrorKind::CircuitOpen {}
        stage.always("o-1", Play::Answer);
        let outcome = call();
        assert_eq!(outcome.is_ok(), resort, "{fallback:?}: {outcome:?}");
        assert_eq!([0, 2, 3].map(|at| calls(&stage)[at]), [0; 3]);
    }
}

#[test]
fn a_pool_that_is_named_is_asked_with_all_its_members_and_a_bare_role_means_its_first() {
    let stage = Stage::new();
    let mut plan = plan();
    let members = [1, 2].map(|at| Member { target: Target::Provider(at), weight: 1 });
    plan.pools = vec![PoolPlan { id: "pool".into(), strategy: Strategy::Priority, members: members.into() }];
    let router = stage.router(plan);
    for id in ["a-1", "o-1", "g-1", "a-2"] {
        stage.always(id, Play::Fail(ErrorKind::Overloaded));
    }
    let pool = Router::participant("critic".into()).with_provider_id("pool");
    let pool = CallContext::with_timer(pool, Arc::new(stage.timer.clone()));
    let ask = |cx: CallContext| stage.run(router.complete(&cx.with_fallback(Fallback::Caller), question()));
    ask(pool).unwrap_err();
    assert_eq!(calls(&stage), [0, 1, 1, 0]);
    ask(stage.context("critic")).unwrap_err();
    assert_eq!(calls(&stage), [1, 1, 1, 0], "the first of the panel");
    ask(stage.context("poet")).unwrap_err();
    assert_eq!(calls(&stage), [1, 1, 1, 1], "the default");
    let gone = ask(named(&stage, "gone", "critic")).unwrap_err();
    assert_eq!((gone.kind, calls(&stage)), (ErrorKind::InvalidRequest, [1, 1, 1, 1]));
}

#[test]
fn neither_affinity_nor_a_hedge_leads_away_from_whom_the_caller_names() {
    let stage = Stage::new();
    let mut plan = plan();
    plan.roles.values_mut().next().unwrap().hedge = true;
    let router = stage.router(plan);
    let opaque = Opaque::new(ModelProvider::Anthropic, "model-a-1".into(), "s");
    let turn = Message::new(
        MessageRole::Assistant,
        vec![Part::thinking("hm").with_opaque(Some(opaque)), Part::text("said")],
    );
    for _ in 0..40 {
        let cx = named(&stage, "o-1", "critic").with_fallback(Fallback::Caller);
        let request = question().with_message(turn.clone()).with_user_message("go on");
        assert_eq!(stage.run(router.complete(&cx, request)).unwrap().text(), "o-1");
    }
    stage.always("o-1", Play::Late(60));
    let cx = named(&stage, "o-1", "critic").with_fallback(Fallback::Caller);
    assert_eq!(stage.run(router.complete(&cx, question())).unwrap().text(), "o-1");
    assert_eq!(calls(&stage), [0, 41, 0, 0]);
}

#[test]
fn whoever_is_excluded_is_passed_over_wherever_it_stands() {
    let stage = Stage::new();
    let mut plan = plan();
    let members = [0, 2].map(|at| Member { target: Target::Provider(at), weight: 1 });
    for strategy in Strategy::ALL {
        plan.pools = vec![PoolPlan { id: "pool".into(), strategy, members: members.into() }];
        plan.roles
            .insert("pooled".into(), RolePlan { primary: vec![Target::Pool(0)], ..RolePlan::default() });
        let router = stage.router(plan.clone());
        for _ in 0..3 {
            let cx = stage.context("pooled").with_exclusions([author("anthropic", "model-a-1")]);
            assert_eq!(stage.run(router.complete(&cx, question())).unwrap().text(), "g-1", "{strategy:?}");
        }
    }
    let router = stage.router(plan);
    let ask = |authors: &[Participant], id: Option<&str>| {
        let cx = id.map_or_else(|| stage.context("critic"), |id| named(&stage, id, "critic"));
        let cx = cx.with_exclusions(authors);
        let outcome = stage.run(router.complete(&cx, question()));
        let explained = stage.run(router.explain(&cx, &Arc::new(question()))).participant.clone();
        let asked = outcome.as_ref().ok().map(|reply| reply.participant.provider_id.clone());
        assert_eq!(asked, explained.map(|one| one.provider_id.clone()));
        outcome
    };
    let (a, o, g) =
        (author("anthropic", "model-a-1"), author("openai", "model-o-1"), author("google", "model-g-1"));
    let default = author("anthropic", "model-a-2");
    assert_eq!(ask(std::slice::from_ref(&a), None).unwrap().text(), "o-1");
    assert_eq!(ask(&[a.clone(), o.clone()], None).unwrap().text(), "g-1");
    assert_eq!(ask(&[a.clone(), o.clone(), g.clone()], None).unwrap().text(), "a-2");
    assert_eq!(ask(std::slice::from_ref(&o), Some("o-1")).unwrap().text(), "g-1", "also if it is named");
    assert_eq!(ask(&[author("openai", "model-a-1")], None).unwrap().text(), "a-1", "another vendor's");
    let before = calls(&stage);
    let error = ask(&[a, o, g, default], None).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend));
    assert!(error.message.contains("a-1: it wrote the text to be judged"), "{error}");
    assert_eq!(calls(&stage), before);
}

#[test]
fn another_model_of_an_author_is_no_author_and_a_last_resort_is_none_either() {
    let stage = Stage::new();
    let router = stage.router(chain("critic", &["a-1"]));
    let author = author("anthropic", "model-a-1");
    let ask = |model: &str| {
        let one = Participant::new(ModelProvider::Anthropic, model).with_provider_id("a-1");
        let cx = CallContext::with_timer(one.with_role("critic".into()), Arc::new(stage.timer.clone()));
        let cx = cx.with_fallback(Fallback::Nobody).with_exclusions([author.clone()]);
        stage.run(router.complete(&cx, question()))
    };
    assert_eq!(ask("model-a-9").unwrap().participant.model_id, "model-a-9");
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    for _ in 0..5 {
        ask("model-a-9").unwrap_err();
    }
    let before = stage.calls("a-1");
    assert_eq!(ask("model-a-1").unwrap_err().kind, ErrorKind::InvalidRequest);
    assert_eq!(stage.calls("a-1"), before);
    ask("model-a-9").unwrap_err();
    assert_eq!(stage.calls("a-1"), before + 1, "the last resort is asked");
}

#[test]
fn a_hedge_passes_over_an_author() {
    let stage = Stage::new();
    let mut plan = chain("critic", &["a-1", "o-1", "g-1"]);
    plan.roles.values_mut().next().unwrap().hedge = true;
    let router = stage.router(plan);
    let ask = || {
        let cx = stage.context("critic").with_exclusions([author("openai", "model-o-1")]);
        stage.run(router.complete(&cx, question())).unwrap().text().into_owned()
    };
    for _ in 0..40 {
        assert_eq!(ask(), "a-1");
    }
    stage.always("a-1", Play::Late(60));
    assert_eq!((ask().as_str(), stage.calls("a-1"), stage.calls("o-1")), ("g-1", 41, 0));
}

#[test]
fn a_conversation_does_not_go_back_to_an_author() {
    let stage = Stage::new();
    stage.always("a-1", Play::Cached);
    let router = stage.router(plan());
    assert_eq!(stage.who(&router, "critic"), "a-1");
    let cx = stage.context("critic").with_exclusions([author("anthropic", "model-a-1")]);
    let reply = stage.run(router.complete(&cx, question())).unwrap();
    assert_eq!(reply.text(), "o-1");
    let passed = reply.route.unwrap().candidates[0].verdict.clone();
    assert_eq!(passed, Verdict::Passed("it wrote the text to be judged".into()));
}

#[test]
fn a_wait_longer_than_the_call_has_left_leads_on_at_once_and_says_what_it_is() {
    let seconds = Duration::from_secs;
    let stage = Stage::new();
    stage.plays(
        "a-1",
        |call| if call == 0 { Play::FailFor(ErrorKind::RateLimited, 120) } else { Play::Answer },
    );
    let mut plan = chain("critic", &["a-1", "o-1"]);
    plan.retry = RetryPolicy::default();
    plan.providers[0].rate.requests_per_minute = std::num::NonZeroU32::new(600);
    let router = stage.router(plan);
    let begun = stage.timer.instant();
    let ask = |timeout, fallback| {
        let cx = named(&stage, "a-1", "critic").with_timeout(seconds(timeout)).with_fallback(fallback);
        stage.run(router.complete(&cx, question()))
    };
    let error = ask(90, Fallback::Caller).unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(seconds(120))));
    for fallback in [Fallback::Caller, Fallback::Nobody] {
        let error = ask(90, fallback).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::RateLimited, Phase::BeforeSend));
        assert_eq!(error.retry_after, Some(seconds(120)));
        assert!(error.message.contains("the vendor accepts no calls for 120 s (rate limited)"), "{error}");
    }
    assert_eq!(ask(90, Fallback::Configured).unwrap().text(), "o-1");
    assert_eq!((stage.timer.instant(), stage.calls("a-1")), (begun, 1), "nobody has waited");
    assert_eq!(ask(200, Fallback::Caller).unwrap().text(), "a-1", "there is time enough");
    assert_eq!(stage.timer.instant() - begun, seconds(120));
}

#[test]
fn settings_of_the_role_win_over_those_of_the_provider_and_hold_for_calls_that_name_somebody() {
    let stage = Stage::new();
    let mut plan = plan();
    let set = |max_tokens, temperature| {
        let mut parameters = Parameters { max_tokens, ..Parameters::default() };
        parameters.sampling.temperature = temperature;
        parameters
    };
    plan.providers[1].parameters = set(Some(600), Some(0.1));
    plan.providers[1].timeouts = Some(Timeouts::USUAL);
    plan.roles.values_mut().next().unwrap().parameters = set(None, Some(0.0));
    let router = stage.router(plan);
    let of = |id: &str, role: &str| router.call_settings(&named(&stage, id, role).participant);
    let timeouts = Some(Timeouts::USUAL);
    assert_eq!(of("o-1", "critic"), CallSettings { max_tokens: Some(600), temperature: Some(0.0), timeouts });
    assert_eq!(of("o-1", "poet"), CallSettings { max_tokens: Some(600), temperature: Some(0.1), timeouts });
    assert_eq!(of("g-1", "poet"), CallSettings::default());
    let role = Some(0.0);
    assert_eq!(of("gone", "critic"), CallSettings { temperature: role, ..CallSettings::default() });

    let cx = named(&stage, "o-1", "critic").with_fallback(Fallback::Caller);
    let bare = forge_core::ModelRequest::new("").with_user_message("hi");
    stage.run(router.complete(&cx, bare)).unwrap();
    let sent = stage.last_request("o-1");
    assert_eq!((sent.max_tokens, sent.sampling.temperature), (Some(600), Some(0.0)));
}
