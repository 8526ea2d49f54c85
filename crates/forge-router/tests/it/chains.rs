//! Along the chain of a role.

use std::sync::Arc;

use forge_core::{
    CallContext, ErrorKind, Message, ModelProvider, ModelRequest, Participant, ProviderExt as _,
    error::Phase,
    event::StopReason,
    request::{CacheTtl, MessageRole, Opaque, Part, Tool},
    route::Verdict,
};
use forge_layers::RetryPolicy;
use forge_router::{Parameters, RouterPlan, Target};

use crate::stage::{Play, Stage, able, chain, question};

#[test]
fn the_first_route_answers_and_says_how_it_was_chosen() {
    let stage = Stage::new();
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    let response = stage.ask(&router, "coder").unwrap();
    assert_eq!(response.text(), "a-1");
    assert_eq!(response.participant.model_id, "model-a-1");
    assert_eq!(response.participant.role.as_str(), "coder");
    let route = response.route.unwrap();
    assert_eq!((route.candidates.len(), route.failed.len()), (1, 0));
    assert_eq!((&*route.candidates[0].origin, &route.candidates[0].verdict), ("primary", &Verdict::Chosen));
    assert_eq!(stage.calls("o-1"), 0);
}

#[test]
fn every_failure_that_another_route_may_cure_moves_on() {
    use ErrorKind as E;
    for kind in [
        E::RateLimited,
        E::Overloaded,
        E::Server,
        E::Timeout,
        E::Transport,
        E::Truncated,
        E::Authentication,
        E::Permission,
        E::QuotaExhausted,
        E::ModelNotFound,
        E::BudgetExceeded,
        E::Decode,
    ] {
        let stage = Stage::new();
        stage.always("a-1", Play::Fail(kind));
        let router = stage.router(chain("coder", &["a-1", "o-1"]));
        let response = stage.ask(&router, "coder").unwrap();
        assert_eq!(response.text(), "o-1", "{kind:?}");
        let route = response.route.unwrap();
        assert_eq!(route.candidates[0].verdict, Verdict::Failed(kind));
        assert_eq!((route.failed[0].error, route.failed[0].provider.as_str()), (kind, "a-1"));
    }
    for kind in [E::InvalidRequest, E::Unsupported, E::Cancelled, E::Refusal] {
        let stage = Stage::new();
        stage.always("a-1", Play::Fail(kind));
        let router = stage.router(chain("coder", &["a-1", "o-1"]));
        let error = stage.ask(&router, "coder").unwrap_err();
        assert_eq!((error.kind, stage.calls("o-1")), (kind, 0), "{kind:?}");
        assert_eq!(error.route.as_ref().unwrap().failed.len(), 1);
    }
}

#[test]
fn a_server_that_is_not_there_is_tried_again_only_where_nobody_else_is_left() {
    for kind in [ErrorKind::Transport, ErrorKind::Timeout] {
        let stage = Stage::new();
        stage.always("a-1", Play::Unreachable(kind));
        stage.always("o-1", Play::Unreachable(kind));
        let mut plan = chain("coder", &["a-1", "o-1"]);
        plan.retry = RetryPolicy::default();
        let error = stage.ask(&stage.router(plan), "coder").unwrap_err();
        assert_eq!((stage.calls("a-1"), stage.calls("o-1"), error.kind), (1, 3, kind));

        // The other route's circuit is open after the first call.
        let stage = Stage::new();
        let script =
            move |at| if at == 0 { Play::Fail(ErrorKind::ModelNotFound) } else { Play::Unreachable(kind) };
        stage.plays("a-1", script);
        stage.always("o-1", Play::Fail(ErrorKind::Authentication));
        let mut plan = chain("coder", &["a-1", "o-1"]);
        plan.retry = RetryPolicy::default();
        let router = stage.router(plan);
        stage.ask(&router, "coder").unwrap_err();
        assert_eq!((stage.calls("a-1"), stage.calls("o-1")), (1, 1));
        stage.ask(&router, "coder").unwrap_err();
        assert_eq!(stage.calls("a-1"), 1 + 3);

        let stage = Stage::new();
        stage.plays("a-1", move |at| if at == 0 { Play::Unreachable(kind) } else { Play::Answer });
        let mut plan = chain("coder", &["a-1"]);
        plan.retry = RetryPolicy::default();
        assert_eq!(stage.ask(&stage.router(plan), "coder").unwrap().text(), "a-1");
    }
}

#[test]
fn what_has_begun_to_answer_is_never_spliced() {
    let stage = Stage::new();
    stage.always("a-1", Play::Break);
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    let error = stage.ask(&router, "coder").unwrap_err();
    assert_eq!((error.kind, error.phase, stage.calls("o-1")), (ErrorKind::Transport, Phase::AfterOutput, 0));
    assert_eq!(error.partial.as_ref().unwrap().text(), "Hel");
    assert_eq!(error.route.as_ref().unwrap().participant.as_ref().unwrap().provider_id, "a-1");
}

#[test]
fn a_chain_at_its_end_lists_every_attempt_and_names_each_once() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    stage.always("o-1", Play::Fail(ErrorKind::Overloaded));
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let router = stage.router(plan);
    let error = stage.ask(&router, "coder").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Overloaded);
    assert!(error.message.contains("a-1: server error; o-1: overloaded"), "{error}");
    let attempts: Vec<u32> = error.route.as_ref().unwrap().failed.iter().map(|one| one.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
    let records = stage.ledger.records.lock().unwrap();
    let mut names: Vec<_> = records.iter().map(|one| (one.call_id, one.attempt)).collect();
    names.dedup();
    assert_eq!(names.len(), 4, "call and attempt name a record");
}

#[test]
fn a_prompt_that_is_too_long_goes_only_to_larger_windows() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::ContextTooLong));
    let mut plan = chain("coder", &["a-1", "o-1", "g-1", "g-2"]);
    for (at, window) in [(1, Some(100_000)), (2, None), (3, Some(100_001))] {
        plan.providers[at].capabilities.context_tokens = window;
    }
    let response = stage.ask(&stage.router(plan), "coder").unwrap();
    assert_eq!(response.text(), "g-2");
    assert_eq!((stage.calls("o-1"), stage.calls("g-1")), (0, 0));
    let route = response.route.unwrap();
    let Verdict::Passed(why) = &route.candidates[1].verdict else { panic!("{route:?}") };
    assert!(why.contains("no larger than the 100000 tokens"), "{why}");
}

#[test]
fn a_refusal_moves_on_only_where_the_chain_says_so() {
    for (play, filter, refusal, next) in [
        (Play::Fail(ErrorKind::ContentFiltered), true, false, true),
        (Play::Fail(ErrorKind::ContentFiltered), false, true, false),
        (Play::Fail(ErrorKind::Refusal), false, true, true),
        (Play::Decline(StopReason::Refusal), false, true, true),
        (Play::Decline(StopReason::ContentFiltered), false, true, false),
        (Play::Decline(StopReason::ContentFiltered), true, true, true),
    ] {
        let stage = Stage::new();
        stage.always("a-1", play.clone());
        let mut plan = chain("coder", &["a-1", "o-1"]);
        let role = plan.roles.values_mut().next().unwrap();
        let allowed = [(filter, ErrorKind::ContentFiltered), (refusal, ErrorKind::Refusal)];
        role.fallback_on =
            allowed.into_iter().filter(|(allowed, _)| *allowed).map(|(_, kind)| kind).collect();
        let answered = stage.ask(&stage.router(plan), "coder").is_ok_and(|response| response.text() == "o-1");
        assert_eq!(answered, next, "{play:?} {filter} {refusal}");
    }
    let stage = Stage::new();
    stage.always("a-1", Play::Decline(StopReason::Refusal));
    let response = stage.ask(&stage.router(chain("coder", &["a-1", "o-1"])), "coder").unwrap();
    assert_eq!(response.stop_reason, StopReason::Refusal, "by default the refusal is the answer");
}

#[test]
fn a_reply_without_an_answer_leads_on_unless_the_role_says_otherwise() {
    for (reason, kind, asked) in [
        (StopReason::EndTurn, ErrorKind::Empty, 1),
        // What a model wrote badly it may write well the next time.
        (StopReason::Error, ErrorKind::Malformed, 3),
    ] {
        let stage = Stage::new();
        stage.always("a-1", Play::Decline(reason));
        let mut plan = chain("coder", &["a-1", "o-1"]);
        plan.retry = RetryPolicy::default();
        assert_eq!(stage.who(&stage.router(plan.clone()), "coder"), "o-1", "{reason:?}");
        assert_eq!(stage.calls("a-1"), asked, "{reason:?}");
        let statuses: Vec<_> = stage.ledger.records.lock().unwrap().iter().map(|row| row.error).collect();
        assert_eq!(statuses.iter().filter(|error| **error == Some(kind)).count(), asked);
        plan.roles.values_mut().next().unwrap().fallback_on.clear();
        assert_eq!(stage.ask(&stage.router(plan), "coder").unwrap_err().kind, kind);
        assert_eq!(stage.calls("o-1"), 1);
    }
}

#[test]
fn silence_after_the_results_of_tools_is_an_answer() {
    let stage = Stage::new();
    stage.always("a-1", Play::Decline(StopReason::EndTurn));
    let result = Message::new(MessageRole::User, vec![Part::tool_result("c", "done")]);
    let call = Message::new(MessageRole::Assistant, vec![Part::tool_use("c", "t", serde_json::json!({}))]);
    let request = question().with_message(call).with_message(result);
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    let response = stage.run(router.complete(&stage.context("coder"), request)).unwrap();
    assert_eq!((response.text().as_ref(), stage.calls("o-1")), ("", 0));
}

#[test]
fn what_one_vendor_refuses_for_an_unknown_reason_one_other_vendor_is_asked() {
    let stage = Stage::new();
    for id in ["a-1", "a-2", "o-1", "g-1"] {
        stage.always(id, Play::Refuse(400));
    }
    let router = stage.router(chain("coder", &["a-1", "a-2", "o-1", "g-1"]));
    let error = stage.ask(&router, "coder").unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    let calls = ["a-1", "a-2", "o-1", "g-1"].map(|id| stage.calls(id));
    assert_eq!(calls, [1, 0, 1, 0], "the same vendor would say the same, and a third is not asked");
    stage.always("o-1", Play::Answer);
    assert_eq!(stage.who(&router, "coder"), "o-1");
    // What Forge itself refuses is wrong for everybody.
    stage.always("a-1", Play::Fail(ErrorKind::InvalidRequest));
    assert_eq!(stage.ask(&router, "coder").unwrap_err().kind, ErrorKind::InvalidRequest);
    assert_eq!(stage.calls("o-1"), 2);
}

#[test]
fn after_a_prompt_that_was_too_long_unknown_windows_are_asked_last() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "u-1", "o-1", "g-1"]);
    for (provider, window) in
        plan.providers.iter_mut().zip([Some(100_000), None, Some(50_000), Some(200_000)])
    {
        provider.capabilities.context_tokens = window;
        let mut able = able();
        able.context_tokens = window;
        stage.is_able(provider.id.as_str(), able);
    }
    stage.always("a-1", Play::Fail(ErrorKind::ContextTooLong));
    stage.always("g-1", Play::Fail(ErrorKind::ContextTooLong));
    assert_eq!(stage.who(&stage.router(plan), "coder"), "u-1");
    assert_eq!(["a-1", "u-1", "o-1", "g-1"].map(|id| stage.calls(id)), [1, 1, 0, 1]);
}

#[test]
fn a_long_wait_is_not_waited_for_while_another_can_be_asked() {
    let stage = Stage::new();
    stage.plays(
        "a-1",
        |call| if call % 2 == 0 { Play::FailFor(ErrorKind::RateLimited, 20) } else { Play::Answer },
    );
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.retry = RetryPolicy::default();
    assert_eq!(stage.who(&stage.router(plan.clone()), "coder"), "o-1");
    let stage = Stage::new();
    stage.plays(
        "a-1",
        |call| if call == 0 { Play::FailFor(ErrorKind::RateLimited, 20) } else { Play::Answer },
    );
    let mut alone = chain("coder", &["a-1"]);
    alone.retry = RetryPolicy::default();
    assert_eq!(stage.who(&stage.router(alone), "coder"), "a-1", "alone it is worth the wait");
    let stage = Stage::new();
    stage.plays(
        "a-1",
        |call| if call == 0 { Play::FailFor(ErrorKind::RateLimited, 20) } else { Play::Answer },
    );
    plan.retry.patience = std::time::Duration::from_secs(30);
    assert_eq!(stage.who(&stage.router(plan), "coder"), "a-1");
}

#[test]
fn routes_that_lack_a_feature_or_have_too_small_a_window_are_not_asked() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "o-1", "g-1"]);
    plan.providers[0].capabilities.tools = false;
    plan.providers[1].capabilities.context_tokens = Some(1_000);
    let router = stage.router(plan);
    let tool = Tool::function("t", serde_json::json!({"type": "object"}));
    let request = question().with_user_message("x".repeat(13_000)).with_tool(tool);
    let response = stage.run(router.complete(&stage.context("coder"), request)).unwrap();
    assert_eq!((response.text().as_ref(), stage.calls("a-1"), stage.calls("o-1")), ("g-1", 0, 0));
    let mut alone = chain("coder", &["a-1"]);
    alone.providers[0].capabilities.structured_output = false;
    let request =
        question().with_output(forge_core::request::OutputFormat::json_schema("n", serde_json::json!({})));
    let error = stage.run(stage.router(alone).complete(&stage.context("coder"), request)).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Unsupported, Phase::BeforeSend));
    assert!(error.message.contains("a-1: cannot follow a schema in its answer"), "{error}");
}

#[test]
fn the_request_wins_over_the_role_and_the_role_over_the_provider() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1"]);
    let set = |max_tokens, temperature| {
        let mut parameters = Parameters { max_tokens, ..Parameters::default() };
        parameters.sampling.temperature = temperature;
        parameters
    };
    plan.providers[0].parameters = set(Some(1), Some(0.1));
    plan.providers[0].parameters.sampling.top_p = Some(0.5);
    plan.roles.values_mut().next().unwrap().parameters = set(Some(2), Some(0.2));
    let router = stage.router(plan);
    let request = ModelRequest::new("").with_user_message("hi").with_max_tokens(3);
    stage.run(router.complete(&stage.context("coder"), request)).unwrap();
    let sent = stage.last_request("a-1");
    let sampling = sent.sampling;
    assert_eq!((sent.max_tokens, sampling.temperature, sampling.top_p), (Some(3), Some(0.2), Some(0.5)));
}

#[test]
fn a_prompt_is_kept_as_the_role_or_the_provider_says_and_marks_of_the_request_stay_alone() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1"]);
    plan.providers[0].parameters.prompt_cache = Some(CacheTtl::FiveMinutes);
    let marks = |plan: &RouterPlan, request: ModelRequest| {
        let router = stage.router(plan.clone());
        stage.run(router.complete(&stage.context("coder"), request)).unwrap();
        let sent = serde_json::to_value(stage.last_request("a-1")).unwrap();
        [&sent["system"][0], &sent["messages"][0]["parts"][0], &sent["messages"][1]["parts"][0]]
            .map(|part| part["cache"].as_str().unwrap_or("-").to_owned())
    };
    let request = || ModelRequest::new("rules").with_user_message("first").with_user_message("second");
    assert_eq!(marks(&plan, request()), ["5m", "-", "5m"]);
    plan.roles.values_mut().next().unwrap().parameters.prompt_cache = Some(CacheTtl::OneHour);
    assert_eq!(marks(&plan, request()), ["1h", "-", "1h"], "the role comes first");
    let mut marked = request();
    marked.messages.to_mut()[0].parts = vec![Part::text("first").with_cache(CacheTtl::FiveMinutes)];
    assert_eq!(marks(&plan, marked), ["-", "5m", "-"]);
}

#[test]
fn a_model_is_asked_for_no_longer_an_answer_than_it_can_write() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.providers[0].capabilities.max_output_tokens = Some(64_000);
    let router = stage.router(plan);
    let ask = |most| {
        let request = ModelRequest::new("").with_user_message("hi").with_max_tokens(most);
        stage.run(router.complete(&stage.context("coder"), request)).unwrap()
    };
    assert!(ask(64_000).warnings.is_empty());
    assert_eq!(stage.last_request("a-1").max_tokens, Some(64_000));
    stage.always("a-1", Play::Fail(ErrorKind::Overloaded));
    let response = ask(64_000);
    assert_eq!((response.text().as_ref(), response.warnings[0].about.as_str()), ("o-1", "max_tokens"));
    assert_eq!(stage.last_request("o-1").max_tokens, Some(1_000));
}

#[test]
fn a_conversation_stays_with_the_model_whose_state_it_holds_while_that_is_healthy() {
    let stage = Stage::new();
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    let opaque = Opaque::new(ModelProvider::OpenAI, "model-o-1".into(), "s");
    let thought = Part::thinking("hm").with_opaque(Some(opaque));
    let turn = Message::new(MessageRole::Assistant, vec![thought, Part::text("said")]);
    let request = question().with_message(turn).with_user_message("go on");
    let ask = || stage.run(router.complete(&stage.context("coder"), request.clone())).unwrap();
    let response = ask();
    assert_eq!(
        (response.text().as_ref(), &*response.route.as_ref().unwrap().candidates[0].origin),
        ("o-1", "affinity")
    );
    assert_eq!(stage.last_request("o-1").messages[1].parts.len(), 2, "its own state goes back");

    stage.always("o-1", Play::Fail(ErrorKind::Server));
    assert_eq!(ask().text(), "a-1");
    assert_eq!(
        stage.last_request("a-1").messages[1].parts,
        [Part::text("said")],
        "foreign state is left out"
    );
}

#[test]
fn a_conversation_stays_where_its_prefix_is_cached() {
    let stage = Stage::new();
    stage.plays("a-1", |call| if call == 0 { Play::Fail(ErrorKind::Overloaded) } else { Play::Answer });
    stage.always("o-1", Play::Cached);
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    assert_eq!(stage.who(&router, "coder"), "o-1");
    let more = question().with_assistant_message("o-1").with_user_message("more");
    let response = stage.run(router.complete(&stage.context("coder"), more)).unwrap();
    assert_eq!(response.text(), "o-1", "the cache is there");
    let other = ModelRequest::new("another").with_user_message("conversation");
    let response = stage.run(router.complete(&stage.context("coder"), other)).unwrap();
    assert_eq!(response.text(), "a-1");
    stage.timer.advance(std::time::Duration::from_secs(301));
    assert_eq!(stage.who(&router, "coder"), "a-1", "caches end");
}

#[test]
fn a_named_provider_is_asked_first_and_alone_where_the_role_is_unknown() {
    let stage = Stage::new();
    let mut plan = chain("critic", &["a-1", "o-1", "g-1"]);
    let role = plan.roles.values_mut().next().unwrap();
    role.primary = vec![Target::Provider(0), Target::Provider(1)];
    role.fallback = vec![Target::Provider(2)];
    let router = stage.router(plan);
    let named = |role: &str| {
        let participant = Participant::new(ModelProvider::OpenAI, "model-o-2")
            .with_provider_id("o-1")
            .with_role(role.into());
        CallContext::with_timer(participant, Arc::new(stage.timer.clone()))
    };
    let response = stage.run(router.complete(&named("critic"), question())).unwrap();
    assert_eq!((response.text().as_ref(), response.participant.model_id.as_str()), ("o-1", "model-o-2"));
    stage.always("o-1", Play::Fail(ErrorKind::Server));
    let response = stage.run(router.complete(&named("critic"), question())).unwrap();
    assert_eq!((response.text().as_ref(), stage.calls("a-1")), ("g-1", 0), "not to the rest of the panel");
    let error = stage.run(router.complete(&named("poet"), question())).unwrap_err();
    assert_eq!((error.kind, error.provider.as_str()), (ErrorKind::Server, "o-1"));
}

#[test]
fn a_role_without_a_route_says_what_to_write() {
    let stage = Stage::new();
    let router = stage.router(forge_router::RouterPlan::default());
    let error = stage.ask(&router, "poet").unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    assert!(error.message.contains("no route for role `poet`"), "{error}");
}

#[test]
fn a_role_that_names_only_fallbacks_has_them_behind_the_default() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.roles.values_mut().next().unwrap().primary.clear();
    plan.default = Some(Target::Provider(0));
    let router = stage.router(plan);
    assert_eq!(stage.who(&router, "coder"), "a-1");
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    assert_eq!(stage.who(&router, "coder"), "o-1");
}

#[test]
fn a_route_that_lacks_a_feature_is_not_the_last_resort() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.providers[1].capabilities.tools = false;
    for id in ["a-1", "o-1"] {
        stage.always(id, Play::Fail(ErrorKind::Server));
    }
    let router = stage.router(plan);
    for _ in 0..5 {
        stage.ask(&router, "coder").unwrap_err();
    }
    stage.always("a-1", Play::Answer);
    let tool = Tool::function("t", serde_json::json!({}));
    let request = question().with_tool(tool);
    let response = stage.run(router.complete(&stage.context("coder"), request)).unwrap();
    assert_eq!((response.text().as_ref(), stage.calls("o-1")), ("a-1", 5));
}

#[test]
fn explaining_sends_nothing_and_gives_the_reasons() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "o-1", "g-1"]);
    plan.providers[1].capabilities.tools = false;
    stage.always("a-1", Play::Fail(ErrorKind::Authentication));
    let router = stage.router(plan);
    stage.who(&router, "coder");
    let calls = ["a-1", "o-1", "g-1"].map(|id| stage.calls(id));
    let trace = stage.run(router.explain(&stage.context("coder"), &Arc::new(question())));
    assert_eq!(["a-1", "o-1", "g-1"].map(|id| stage.calls(id)), calls);
    let verdicts: Vec<_> = trace.candidates.iter().map(|one| one.verdict.clone()).collect();
    let open = "circuit open for 1800 s after: credential refused".to_owned();
    assert_eq!(verdicts, [Verdict::Passed(open), Verdict::Chosen, Verdict::Next]);
    assert_eq!(trace.participant.unwrap().provider_id, "o-1");
    // At most 2 bytes of text and 48 tokens of framing at $1, and 100 tokens at $2, per million.
    assert_eq!(trace.candidates[1].cost.unwrap().nanos(), (2 + 32) * 1_000 + 100 * 2_000);
}
