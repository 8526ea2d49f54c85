//! The router over real sockets: vendors that refuse, stall, reset and lie, and one that answers.

use std::{net::TcpListener, sync::Arc, time::Duration};

use forge::{
    CallContext, ErrorKind, ModelRequest, ProviderError, ProviderExt as _, SecretString,
    error::Phase,
    layers::RetryPolicy,
    provider::Timeouts,
    route::Verdict,
    router::{ProviderPlan, RolePlan, Router, RouterPlan, Target},
};
use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use forge_testkit::{Reply, ScriptedServer, Then};

const ANSWER: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",",
    "\"role\":\"assistant\",\"model\":\"claude-sonnet-5-5\",\"content\":[],\"stop_reason\":null,",
    "\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},",
    "\"usage\":{\"output_tokens\":2}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

const OVERLOADED: &str = concat!(
    "event: error\ndata: {\"type\":\"error\",",
    "\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
);

fn claude(id: &str, url: &str) -> ProviderPlan {
    let patience = Duration::from_millis(200);
    ProviderPlan {
        id: id.into(),
        api_key: Some(SecretString::from("sk-test-1")),
        endpoint: Some(url.to_owned()),
        timeouts: Some(Timeouts { first_event: patience, gap: patience, ..Timeouts::USUAL }),
        ..forge::provider_plan("anthropic", "claude-sonnet-5-5")
    }
}

/// A router that asks `first` for the role `coder`, then `second`, each once.
fn router(first: &str, second: &str) -> Router {
    let role = RolePlan {
        primary: vec![Target::Provider(0)],
        fallback: vec![Target::Provider(1)],
        ..RolePlan::default()
    };
    let plan = RouterPlan {
        providers: vec![claude("first", first), claude("second", second)],
        roles: [("coder".into(), role)].into(),
        retry: RetryPolicy { max_retries: 0, ..RetryPolicy::default() },
        ..RouterPlan::default()
    };
    Router::build(plan, forge::router_deps()).unwrap()
}

fn context() -> CallContext {
    CallContext::new(Router::participant("coder".into()))
}

fn question() -> ModelRequest {
    ModelRequest::new("").with_user_message("hi").with_max_tokens(50)
}

fn on_runtime<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test)
}

/// What the fallback is told to make of a first vendor at `url`: the kind of its failure.
async fn failure_at(url: &str) -> ErrorKind {
    let good = ScriptedServer::start([Reply::sse(ANSWER)]).await.unwrap();
    let response = router(url, &good.url()).complete(&context(), question()).await.unwrap();
    assert_eq!((response.text().as_ref(), response.participant.provider_id.as_str()), ("Hi", "second"));
    let route = response.route.unwrap();
    let Verdict::Failed(kind) = route.candidates[0].verdict else { panic!("{route:?}") };
    assert_eq!((route.failed.len(), route.failed[0].error), (1, kind));
    kind
}

#[test]
fn every_way_to_fail_before_the_answer_leads_to_the_next_route_under_its_own_name() {
    let half_head = "HTTP/1.1 200 OK\r\ncontent-ty";
    let bad_chunk =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let limited = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}"#;
    let denied = r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
    on_runtime(async {
        for (reply, kind) in [
            (Reply::raw("").then(Then::Reset), ErrorKind::Transport),
            (Reply::raw(half_head).then(Then::Reset), ErrorKind::Transport),
            (Reply::raw(half_head), ErrorKind::Transport),
            (Reply::raw("nonsense\r\n\r\n"), ErrorKind::Transport),
            (Reply::raw(bad_chunk), ErrorKind::Truncated),
            (Reply::sse(ANSWER).cut_body(0), ErrorKind::Truncated),
            (Reply::sse(ANSWER).cut_body(100), ErrorKind::Truncated),
            (Reply::sse(OVERLOADED), ErrorKind::Overloaded),
            (Reply::json(529, overloaded), ErrorKind::Overloaded),
            (Reply::json(429, limited), ErrorKind::RateLimited),
            (Reply::json(401, denied), ErrorKind::Authentication),
            (Reply::whole(502, "text/html", &[], "<html>Bad gateway</html>"), ErrorKind::Server),
            (Reply::raw("").then(Then::Hold), ErrorKind::Timeout),
            (Reply::raw(half_head).then(Then::Hold), ErrorKind::Timeout),
            (Reply::sse(ANSWER).cut_body(100).then(Then::Hold), ErrorKind::Timeout),
        ] {
            let name = format!("{reply:?}");
            let bad = ScriptedServer::start([reply]).await.unwrap();
            assert_eq!(failure_at(&bad.url()).await, kind, "{name}");
            assert_eq!(bad.requests().len(), 1, "asked once: {name}");
        }
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(failure_at(&format!("http://{closed}")).await, ErrorKind::Transport);
    });
}

#[test]
fn a_redirect_carries_nothing_to_another_place() {
    on_runtime(async {
        let elsewhere = ScriptedServer::start([Reply::sse(ANSWER)]).await.unwrap();
        let url = format!("{}/v1/messages", elsewhere.url());
        let redirect = Reply::whole(307, "text/plain", &[("location", &url)], "");
        let bad = ScriptedServer::start([redirect]).await.unwrap();
        failure_at(&bad.url()).await;
        assert_eq!((elsewhere.requests().len(), elsewhere.connections()), (0, 0));
    });
}

#[test]
fn an_answer_that_breaks_off_is_not_spliced_with_another() {
    on_runtime(async {
        let good = ScriptedServer::start([Reply::sse(ANSWER)]).await.unwrap();
        let end = ANSWER.find("event: content_block_stop").unwrap();
        for reply in [Reply::sse(ANSWER).cut_body(end), Reply::sse(ANSWER).cut_body(end).then(Then::Hold)] {
            let bad = ScriptedServer::start([reply]).await.unwrap();
            let error: ProviderError =
                router(&bad.url(), &good.url()).complete(&context(), question()).await.unwrap_err();
            assert_eq!(error.phase, Phase::AfterOutput);
            assert_eq!(error.partial.as_ref().unwrap().text(), "Hi");
        }
        assert!(good.requests().is_empty());
    });
}

#[test]
fn the_primary_is_used_again_after_its_recovery_without_a_restart() {
    on_runtime(async {
        let outage =
            Scenario::from_yaml("rules: [{ vendor: anthropic, error: { kind: overloaded } }]").unwrap();
        let sim = Sim::start(SimConfig { scenario: outage, ..SimConfig::default() }).await.unwrap();
        let mut plan = RouterPlan::of(vec![
            claude("claude", &sim.base_url(Vendor::Anthropic)),
            ProviderPlan {
                api_key: Some(SecretString::from("sk-test-1")),
                endpoint: Some(sim.base_url(Vendor::OpenAi)),
                ..forge::provider_plan("openai", "gpt-6.2-sol")
            },
        ]);
        plan.retry.max_retries = 0;
        plan.breaker.cooldown = Duration::from_millis(100);
        let router = Arc::new(Router::build(plan, forge::router_deps()).unwrap());
        let who = async || {
            let response = router.complete(&context(), question()).await.unwrap();
            response.participant.provider_id.to_string()
        };
        for _ in 0..20 {
            assert_eq!(who().await, "openai");
        }
        let asked =
            |sim: &Sim| sim.journal().iter().filter(|one| one.vendor == Some(Vendor::Anthropic)).count();
        assert!(asked(&sim) < 20, "it is left alone");
        sim.set_scenario(Scenario::default()).unwrap();
        let recovered = async {
            while who().await != "claude" {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), recovered).await.expect("the primary is used again");
        assert_eq!(who().await, "claude");
        sim.shutdown().await;
    });
}
