//! What routing costs: the choice of a route, a whole call through the router, falling back, and many calls
//! over several providers against as many over one.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::{
    alloc::System,
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use forge_anthropic::AnthropicProvider;
use forge_core::{
    Adapter, AdapterKind, AdapterRegistry, CallContext, Capabilities, ErrorKind, ModelId, ModelRequest,
    ModelTable, Money, Participant, ParticipantRole, Provider, ProviderError, ProviderExt as _,
    ResponseStream, SecretString, StreamEvent, TokenCount, async_trait,
    event::{Delta, Finished, PartKind, RateLimitStatus, Started, StopReason},
    model::{ModelInfo, Price, Rate, Tier},
    provider::Health,
    request::Delivery,
    storage::memory::MemoryBudgets,
    time::SystemTimer,
};
use forge_layers::{BreakerPolicy, RetryPolicy};
use forge_router::{
    Budget, Cap, Member, PoolPlan, ProviderPlan, RolePlan, Router, RouterDeps, RouterPlan, Strategy, Target,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    // Names of parts on the command line leave the others out.
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    runtime.expect("a runtime").block_on(async {
        if wanted("selection") {
            selection();
        }
        if wanted("calls") {
            calls().await;
        }
        if wanted("fallback") {
            fallback().await;
        }
        if wanted("many") {
            many().await;
        }
    });
}

/// 100 roles with chains of five over so many providers, and pools of all of them.
fn selection() {
    let request = Arc::new(ModelRequest::new("Be brief.").with_user_message("Hello").with_max_tokens(100));
    for count in [10, 1_000] {
        let mut plan = plan(count, "instant");
        for role in 0..100 {
            let at = |step: usize| Target::Provider((role * 7 + step) % count);
            let role_plan =
                RolePlan { primary: vec![at(0)], fallback: (1..5).map(at).collect(), ..RolePlan::default() };
            plan.roles.insert(ParticipantRole::Custom(format!("role-{role}")), role_plan);
        }
        let members: Vec<_> =
            (0..count).map(|at| Member { target: Target::Provider(at), weight: 1 }).collect();
        for strategy in Strategy::ALL {
            let name = strategy.as_str();
            let pool = PoolPlan { id: name.into(), strategy, members: members.clone() };
            let primary = vec![Target::Pool(plan.pools.len())];
            plan.pools.push(pool);
            plan.roles.insert(ParticipantRole::from(name), RolePlan { primary, ..RolePlan::default() });
        }
        let router = router(plan);
        let roles: Vec<String> = (0..100).map(|role| format!("role-{role}")).collect();
        let pools = Strategy::ALL.map(|strategy| vec![strategy.as_str().to_owned()]);
        for roles in std::iter::once(&roles).chain(&pools) {
            let contexts: Vec<_> = roles.iter().map(|role| context(role)).collect();
            let mut samples = Vec::with_capacity(100_000);
            let before = ALLOCATOR.stats().allocations;
            for at in 0..100_000 {
                let cx = &contexts[at % contexts.len()];
                let begun = Instant::now();
                std::hint::black_box(router.first_choice(cx, &request));
                samples.push(begun.elapsed());
            }
            let allocations = (ALLOCATOR.stats().allocations - before) as f64 / 1e5;
            let name = if roles.len() > 1 { "chains of 5" } else { roles[0].as_str() };
            println!(
                "selection, {count} providers, {name}: {}, {allocations:.1} allocations",
                percentiles(samples)
            );
        }
    }
}

/// A call through everything a router does, to a provider that answers at once.
async fn calls() {
    let request = Arc::new(ModelRequest::new("Be brief.").with_user_message("Hello").with_max_tokens(100));
    let (bare, cx) = (Instantly { fails: false }, context("coder"));
    let mut limited = plan(2, "instant");
    let plenty = std::num::NonZeroU64::new(u64::from(u32::MAX));
    for provider in &mut limited.providers {
        provider.rate = forge_layers::RateLimits {
            requests_per_minute: std::num::NonZeroU32::new(u32::MAX),
            input_tokens_per_minute: plenty,
            output_tokens_per_minute: plenty,
            burst: None,
        };
        provider.concurrent = Some(64);
        provider.timeouts = Some(forge_core::provider::Timeouts::USUAL);
    }
    limited.budget = Budget { day: Cap { money: None, tokens: Some(u64::MAX / 2) }, ..Budget::default() };
    limited.default = Some(Target::Provider(0));
    let mut simple = plan(2, "instant");
    simple.default = Some(Target::Provider(0));
    let (simple, limited) = (router(simple), router(limited));
    let providers: [(&str, &dyn Provider); 3] =
        [("no router", &bare), ("router", &simple), ("router, all limits and a budget", &limited)];
    for (name, provider) in providers {
        let mut samples = Vec::with_capacity(100_000);
        for _ in 0..100_000 {
            let begun = Instant::now();
            provider.complete(&cx, Arc::clone(&request)).await.expect("a reply");
            samples.push(begun.elapsed());
        }
        println!("call, {name}: {}", percentiles(samples));
    }
}

/// From the failure of the first route to the request to the second.
async fn fallback() {
    let mut plan = plan(2, "failing");
    plan.providers[1].kind = "instant".into();
    plan.breaker.consecutive_failures = u32::MAX;
    plan.breaker.error_rate = 2.0;
    plan.default = Some(Target::Provider(0));
    let role = RolePlan {
        fallback: vec![Target::Provider(1)],
        primary: vec![Target::Provider(0)],
        ..RolePlan::default()
    };
    plan.roles.insert(ParticipantRole::Coder, role);
    let router = router(plan);
    let request = ModelRequest::new("Be brief.").with_user_message("Hello").with_max_tokens(100);
    let mut samples = Vec::with_capacity(10_000);
    for _ in 0..10_000 {
        router.complete(&context("coder"), request.clone()).await.expect("a reply");
        let times = TIMES.lock().expect("no panic").drain(..).collect::<Vec<_>>();
        samples.push(times[1] - times[0]);
    }
    println!("fallback begins after: {}", percentiles(samples));
}

/// 1,000 calls over HTTP: whole replies, 64 at once, and streams, all at once.
async fn many() {
    let urls: Vec<String> = (0..3)
        .map(|_| {
            let address = forge_benches::serve("127.0.0.1:0").expect("a vendor");
            format!("http://localhost:{}", address.port())
        })
        .collect();
    let alone = AnthropicProvider::new("sk-test-not-a-key").with_base_url(&urls[0]);
    let mut plan = plan(3, "anthropic");
    for (provider, url) in plan.providers.iter_mut().zip(&urls) {
        provider.endpoint = Some(url.clone());
        provider.api_key = Some(SecretString::from("sk-test-not-a-key"));
        provider.model = Participant::claude_sonnet().model_id;
    }
    let roles = ["drafter", "critic", "synthesizer", "coder"];
    for (at, role) in roles.iter().enumerate() {
        let primary = vec![Target::Provider(at % 3)];
        plan.roles.insert(ParticipantRole::from(*role), RolePlan { primary, ..RolePlan::default() });
    }
    let router: Arc<dyn Provider> = Arc::new(router(plan));
    let alone: Arc<dyn Provider> = Arc::new(alone);
    for (what, delivery, at_once) in
        [("calls, 64 at once", Delivery::Whole, 64), ("streams at once", Delivery::Stream, 1_000)]
    {
        let mut best = BTreeMap::new();
        for _ in 0..9 {
            for (name, provider) in [("one provider alone", &alone), ("3 providers, 4 roles", &router)] {
                let took = thousand(provider, &roles, delivery, at_once).await;
                let least = best.entry(name).or_insert(took);
                *least = took.min(*least);
            }
        }
        for (name, took) in best {
            println!("1,000 {what}, {name}: {:.1} ms (best of 9)", took.as_secs_f64() * 1e3);
        }
    }
}

async fn thousand(
    provider: &Arc<dyn Provider>,
    roles: &[&'static str],
    delivery: Delivery,
    at_once: usize,
) -> Duration {
    let begun = Instant::now();
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (provider, next, roles) = (Arc::clone(provider), Arc::clone(&next), roles.to_vec());
        workers.spawn(async move {
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if at >= 1_000 {
                    return;
                }
                let participant = Participant::claude_sonnet()
                    .with_provider_id("nobody")
                    .with_role(roles[at % roles.len()].into());
                let request =
                    ModelRequest::new("Be brief.").with_user_message("Hello").with_delivery(delivery);
                provider.complete(&CallContext::new(participant), request).await.expect("a reply");
            }
        });
    }
    while let Some(end) = workers.join_next().await {
        end.expect("no panic");
    }
    begun.elapsed()
}

fn percentiles(mut samples: Vec<Duration>) -> String {
    samples.sort_unstable();
    let at = |share: usize| samples[samples.len() * share / 1_000].as_nanos() as f64 / 1e3;
    format!("p50 {:.2} µs, p99 {:.2} µs, p99.9 {:.2} µs", at(500), at(990), at(999))
}

fn context(role: &str) -> CallContext {
    CallContext::new(Router::participant(role.into()))
}

fn plan(count: usize, kind: &str) -> RouterPlan {
    let provider = |at: usize| ProviderPlan {
        capabilities: {
            let mut able = Capabilities::default();
            able.context_tokens = Some(200_000);
            able
        },
        price: Some(price(at)),
        ..ProviderPlan::new(format!("provider-{at}"), kind, format!("model-{at}"))
    };
    RouterPlan {
        providers: (0..count).map(provider).collect(),
        retry: RetryPolicy { max_retries: 0, ..RetryPolicy::default() },
        breaker: BreakerPolicy::default(),
        ..RouterPlan::default()
    }
}

/// Of the providers, every hundredth asks as little as the cheapest.
fn price(at: usize) -> Price {
    let rate = |dollars: usize| Rate::per_million(Money::from_nanos(dollars as u64 * 1_000_000_000));
    let (input, output) = (rate(at % 100 + 1), rate(at % 100 + 5));
    let [cache_read, cache_write_5m, cache_write_1h] = [None; 3];
    let tier = Tier { above_input_tokens: 0, input, output, cache_read, cache_write_5m, cache_write_1h };
    Price { effective_from: None, effective_to: None, tiers: vec![tier] }
}

fn router(plan: RouterPlan) -> Router {
    let mut registry = AdapterRegistry::new();
    registry.register(AdapterKind::new("instant", |_| Ok(Arc::new(Instantly { fails: false }))));
    registry.register(AdapterKind::new("failing", |_| Ok(Arc::new(Instantly { fails: true }))));
    registry.register(forge_anthropic::kind());
    let deps = RouterDeps {
        registry: Arc::new(registry),
        models: Arc::new(ModelTable::default()),
        sink: Arc::new(()),
        budgets: Arc::new(MemoryBudgets::default()),
        cooldowns: Arc::new(()),
        timer: SystemTimer::shared(),
        seed: 1,
        events: None,
    };
    Router::build(plan, deps).expect("a router")
}

/// When the last call failed, and when the next one came.
static TIMES: Mutex<Vec<Instant>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Instantly {
    fails: bool,
}

#[async_trait]
impl Provider for Instantly {
    fn name(&self) -> &'static str {
        "instant"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }

    async fn stream(&self, _: &CallContext, _: Arc<ModelRequest>) -> Result<ResponseStream, ProviderError> {
        if self.fails {
            let error = ProviderError::new(ErrorKind::Overloaded, "failing", "");
            TIMES.lock().expect("no panic").push(Instant::now());
            return Err(error);
        }
        let mut times = TIMES.lock().expect("no panic");
        if times.len() == 1 {
            times.push(Instant::now());
        }
        drop(times);
        let usage = TokenCount::default().with_input(10).with_output(2);
        let finished = Finished::new(StopReason::EndTurn).with_usage(usage);
        Ok(ResponseStream::from_events([
            Ok(StreamEvent::from(Started::default())),
            Ok(StreamEvent::PartStarted { index: 0, kind: PartKind::Text }),
            Ok(StreamEvent::PartDelta { index: 0, delta: Delta::Text("Hello".into()) }),
            Ok(StreamEvent::PartEnded { index: 0, opaque: None }),
            Ok(StreamEvent::from(finished)),
        ]))
    }
}

#[async_trait]
impl Adapter for Instantly {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        Ok(Health::Ready)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(Vec::new())
    }

    async fn count_tokens(&self, model: &ModelId, _: &ModelRequest) -> Result<u64, ProviderError> {
        Err(ProviderError::unsupported("instant", model, "counting"))
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        RateLimitStatus::default()
    }
}
