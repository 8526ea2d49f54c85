use std::time::{Duration, Instant};

use forge::{
    CallContext, ErrorKind, ModelRequest, ProviderExt as _, SecretString,
    layers::RetryPolicy,
    router::{ProviderPlan, RolePlan, Router, RouterPlan, Target},
};
use forge_sim::{Sim, SimConfig, Vendor};
use forge_testkit::{Reply, ScriptedServer, Then};

fn claude(id: &str, endpoint: String) -> ProviderPlan {
    ProviderPlan {
        id: id.into(),
        api_key: Some(SecretString::from("sk-test-1")),
        endpoint: Some(endpoint),
        ..forge::provider_plan("anthropic", "claude-sonnet-5-5")
    }
}

fn router(endpoints: Vec<String>) -> Router {
    let providers: Vec<_> =
        endpoints.into_iter().zip(["one", "two"]).map(|(url, id)| claude(id, url)).collect();
    let role = RolePlan {
        primary: vec![Target::Provider(0)],
        fallback: (1..providers.len()).map(Target::Provider).collect(),
        ..RolePlan::default()
    };
    let plan = RouterPlan {
        providers,
        roles: [("coder".into(), role)].into(),
        retry: RetryPolicy { max_retries: 0, ..RetryPolicy::default() },
        ..RouterPlan::default()
    };
    Router::build(plan, forge::router_deps()).unwrap()
}

/// How long each of so many calls takes, the shortest first.
async fn calls(router: &Router, count: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..count {
        let cx = CallContext::new(Router::participant("coder".into()));
        let begun = Instant::now();
        let request = ModelRequest::new("").with_user_message("hi").with_max_tokens(50);
        router.complete(&cx, request).await.unwrap();
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    took
}

#[test]
fn a_primary_whose_circuit_is_open_costs_a_call_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let good = || sim.base_url(Vendor::Anthropic);
        let bad = ScriptedServer::start([Reply::raw("").then(Then::Reset)]).await.unwrap();
        let alone = router(vec![good()]);
        let behind = router(vec![bad.url(), good()]);
        // Five failures open the circuit; the first calls also open connections.
        calls(&behind, 20).await;
        calls(&alone, 20).await;
        assert_eq!(bad.connections(), 5);
        let (alone, behind) = (calls(&alone, 300).await, calls(&behind, 300).await);
        assert_eq!(bad.connections(), 5, "nobody knocks on a closed door");
        for (name, at) in [("p50", 150), ("p99", 297)] {
            println!("{name}: {:?} alone, {:?} behind an open circuit", alone[at], behind[at]);
        }
        sim.shutdown().await;
    });
}

/// What is added to a call when its first route fails before it answers.
#[test]
fn a_refusal_or_a_reset_costs_a_call_little() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let good = || sim.base_url(Vendor::Anthropic);
        let alone = router(vec![good()]);
        calls(&alone, 20).await;
        let base = calls(&alone, 100).await;
        println!("no failure: p50 {:?}, p99 {:?}", base[50], base[98]);
        let bad_chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
        for (name, reply, kind) in [
            ("refused", None, ErrorKind::Transport),
            ("reset", Some(Reply::raw("").then(Then::Reset)), ErrorKind::Transport),
            ("half a head", Some(Reply::raw("HTTP/1.1 200 OK\r\nconte")), ErrorKind::Transport),
            ("a bad chunk", Some(Reply::raw(bad_chunk)), ErrorKind::Truncated),
        ] {
            let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let server = match reply {
                Some(reply) => Some(ScriptedServer::start([reply]).await.unwrap()),
                None => None,
            };
            let bad = server.as_ref().map_or_else(|| format!("http://{closed}"), ScriptedServer::url);
            let mut plan = RouterPlan::clone(&router(vec![bad, good()]).plan());
            plan.breaker.consecutive_failures = u32::MAX;
            plan.breaker.error_rate = 2.0;
            let router = Router::build(plan, forge::router_deps()).unwrap();
            let cx = CallContext::new(Router::participant("coder".into()));
            let request = ModelRequest::new("").with_user_message("hi").with_max_tokens(50);
            let route = router.complete(&cx, request).await.unwrap().route.unwrap();
            assert_eq!(route.failed[0].error, kind, "{name}");
            let took = calls(&router, 100).await;
            println!("{name}: p50 {:?}, p99 {:?}", took[50], took[98]);
        }
        sim.shutdown().await;
    });
}
