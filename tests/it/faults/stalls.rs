use std::time::{Duration, Instant};

use forge::{
    CallContext, ErrorKind, ModelRequest, ProviderExt as _, SecretString,
    provider::Timeouts,
    router::{ProviderPlan, Router, RouterPlan},
};
use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use forge_testkit::{Reply, ScriptedServer, Then};
use futures_util::{StreamExt as _, stream};

/// How long the clocks of a call wait.
const PATIENCE: Duration = Duration::from_millis(200);

fn router(endpoint: String) -> Router {
    let total = Duration::from_secs(20);
    let provider = ProviderPlan {
        api_key: Some(SecretString::from("sk-test-1")),
        endpoint: Some(endpoint),
        timeouts: Some(Timeouts { connect: total, first_event: PATIENCE, gap: PATIENCE, total }),
        ..forge::provider_plan("anthropic", "claude-sonnet-5-5")
    };
    let mut plan = RouterPlan::of(vec![provider]);
    plan.retry.max_retries = 0;
    plan.breaker.consecutive_failures = u32::MAX;
    plan.breaker.error_rate = 2.0;
    Router::build(plan, forge::router_deps()).unwrap()
}

/// Makes 500 calls, 100 at a time; all of them must end by the clock.
async fn five_hundred(name: &str, endpoint: String) -> String {
    let router = router(endpoint);
    let call = |_| async {
        let cx = CallContext::new(Router::participant("coder".into()));
        let begun = Instant::now();
        let request = ModelRequest::new("").with_user_message("hi").with_max_tokens(50);
        let error = router.complete(&cx, request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{name}: {error}");
        begun.elapsed()
    };
    let calls = stream::iter(0..500).map(call).buffer_unordered(100).collect::<Vec<_>>();
    let mut took = tokio::time::timeout(Duration::from_secs(120), calls).await.expect(name);
    took.sort_unstable();
    assert_eq!((took.len(), router.in_flight()), (500, 0), "{name}");
    format!("{name}: 500 ended, half of them within {:?}, all within {:?}", took[250], took[499])
}

#[test]
fn every_kind_of_silence_ends_by_its_clock() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for (name, rule) in [
            ("no head", "stall: { before_headers: 600000 }"),
            ("no first byte", "stall: { before_first_byte: 600000 }"),
            ("silence after an event", "stall: { between_events: 600000 }"),
            ("silence after five events", "stall: { between_events: 600000, after_events: 5 }"),
            ("nothing but pings", "stall: { between_events: 10000, pings_every: 20 }"),
            ("a byte now and then", "drip: { bytes: 1, every_ms: 50 }"),
        ] {
            let scenario = Scenario::from_yaml(&format!("rules: [{{ {rule} }}]")).unwrap();
            let sim = Sim::start(SimConfig { scenario, ..SimConfig::default() }).await.unwrap();
            println!("{}", five_hundred(name, sim.base_url(Vendor::Anthropic)).await);
            sim.shutdown().await;
        }
        let half_head = Reply::raw("HTTP/1.1 200 OK\r\ncontent-ty").then(Then::Hold);
        let server = ScriptedServer::start([half_head]).await.unwrap();
        println!("{}", five_hundred("half a head", server.url()).await);
    });
}
