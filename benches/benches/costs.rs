//! What each thing around a call costs, in instructions (where valgrind is installed) and allocations: layers, a router,
//! accounts, limits, a budget in the file, tools, a long conversation, the deltas of a stream. And what whole sessions,
//! entries of a journal, and reservations cost.
//!
//! The benchmark starts itself again for each part: `serve` answers calls and prints its address, `PART TIMES URL` makes
//! calls on one warm connection, or does the part's other work so often. Each time costs the difference between two runs
//! under callgrind, by the difference of their times. Names of parts on the command line leave the others out; `gate` fails where a part costs more than it may.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::{
    alloc::System,
    env,
    error::Error,
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
};

use forge_anthropic::AnthropicProvider;
use forge_benches::{
    doors,
    measure::{Place, Vendor, allocations, instructions, output},
    script,
};
use forge_core::{
    AdapterRegistry, Message, ModelRequest, ModelTable, Participant, ParticipantRole, Provider, SecretString,
    provider::{Stack, Timeouts},
    request::{Delivery, Tool},
    storage::{
        budget::BudgetStore,
        journal::Journal,
        memory::{MemoryBudgets, MemoryJournal},
    },
    time::SystemTimer,
};
use forge_layers::{
    Breaker, BreakerPolicy, Concurrency, ConcurrencyPolicy, Observe, RateLimit, RateLimits, Retry,
    RetryPolicy, Timeout,
};
use forge_router::{Budget, Cap, ProviderPlan, RolePlan, Router, RouterDeps, RouterPlan, Target};
use forge_store::{JsonlJournal, Store, StoreOptions};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often the shorter and the longer run under callgrind do the work of a part.
fn runs(part: &str) -> [u64; 2] {
    match part {
        "session" => [2, 6],
        "session-64" => [1, 3],
        "journal-files" | "journal-sqlite" => [0, 100],
        "journal-files-400" | "journal-sqlite-400" => [0, 400],
        "reserve" | "reserve-1000" => [50, 250],
        _ => [20, 120],
    }
}

/// A part, the one that it is compared to, and what it may cost at most: so many times as many instructions, and so many
/// allocations. Ratios have room for another compiler. Parts with a file have more of it: how many rows share a commit
/// depends on how fast the machine is.
struct Part(&'static str, &'static str, f64, f64);

const PARTS: [Part; 21] = [
    Part("adapter", "adapter", 1.0, 64.0),
    Part("layers", "adapter", 1.26, 85.0),
    Part("router", "adapter", 1.29, 84.0),
    Part("accounts", "adapter", 1.90, 90.0),
    Part("limits", "adapter", 2.10, 108.0),
    Part("budget", "limits", 1.30, 150.0),
    Part("tools", "tools", 1.0, 68.0),
    Part("tools-router", "tools", 1.90, 110.0),
    Part("deltas", "deltas", 1.0, 128.0),
    Part("deltas-layers", "deltas", 1.19, 150.0),
    Part("deltas-router", "deltas", 1.11, 150.0),
    Part("conversation", "conversation", 1.0, 205.0),
    Part("conversation-router", "conversation", 1.09, 240.0),
    Part("session", "adapter", 184.0, 8_600.0),
    Part("session-64", "session", 4.3, 13_000.0),
    Part("journal-files", "journal-files", 1.0, f64::INFINITY),
    Part("journal-files-400", "journal-files", 1.08, f64::INFINITY),
    Part("journal-sqlite", "journal-sqlite", 1.0, f64::INFINITY),
    Part("journal-sqlite-400", "journal-sqlite", 1.15, f64::INFINITY),
    Part("reserve", "reserve", 1.0, f64::INFINITY),
    Part("reserve-1000", "reserve", 1.23, f64::INFINITY),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => {
            println!("http://localhost:{}", forge_benches::serve("127.0.0.1:0")?.port());
            loop {
                std::thread::park();
            }
        }
        [part, times, url] if url.starts_with("http") => measure(part, times.parse()?, url),
        _ => report(&arguments),
    }
}

fn report(named: &[String]) -> Result<(), Box<dyn Error>> {
    let vendor = Vendor::start()?;
    let gate = named.iter().any(|name| name == "gate");
    let mut found: Vec<(&str, u64)> = Vec::new();
    let mut over = Vec::new();
    for Part(part, base, most_times, most_allocations) in PARTS {
        if !gate && !named.is_empty() && !named.iter().any(|name| name == part) {
            continue;
        }
        let allocations: f64 = output(&[part, &runs(part)[1].to_string(), &vendor.url])?.parse()?;
        if allocations > most_allocations {
            over.push(format!("{part}: {allocations} allocations, {most_allocations} at most"));
        }
        let Some(cost) = each(part, &vendor.url) else {
            println!("{part}: {allocations} allocations; no valgrind, so instructions are not counted");
            continue;
        };
        found.push((part, cost));
        let base = found.iter().find(|(name, _)| *name == base).map(|(_, base)| cost as f64 / *base as f64);
        if let Some(times) = base.filter(|times| *times > most_times) {
            over.push(format!("{part}: {times:.2} times as many instructions, {most_times} at most"));
        }
        let times = base.map(|times| format!(", {times:.2} x")).unwrap_or_default();
        println!("{part}: {cost} instructions{times}, {allocations} allocations");
    }
    if gate && !over.is_empty() {
        return Err(over.join("; ").into());
    }
    Ok(())
}

fn each(part: &str, url: &str) -> Option<u64> {
    let runs = runs(part);
    let [short, long] = runs.map(|times| instructions(&[part, &times.to_string(), url]));
    Some(long?.saturating_sub(short?) / (runs[1] - runs[0]))
}

/// Allocations so far, reallocations included.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

fn measure(part: &str, times: u64, url: &str) -> Result<(), Box<dyn Error>> {
    let place = Place::new()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let each = match part {
            "session" => Box::pin(sessions(8 * 1024, times)).await?,
            "session-64" => Box::pin(sessions(64 * 1024, times)).await?,
            "journal-files" | "journal-files-400" => {
                let files = JsonlJournal::open(place.path().join("journal"), SystemTimer::shared())?;
                counted(times, doors::journal(&files, times)).await?
            }
            "journal-sqlite" | "journal-sqlite-400" => {
                counted(times, doors::journal(&*store(&place)?, times)).await?
            }
            "reserve" => counted(times, doors::reserve(&*store(&place)?, 10, times)).await?,
            "reserve-1000" => counted(times, doors::reserve(&*store(&place)?, 1_000, times)).await?,
            _ => {
                let provider = provider(part, url, &place)?;
                let participant =
                    Participant::claude_sonnet().with_provider_id("vendor").with_role(ParticipantRole::Coder);
                allocations(&provider, participant, request(part), times, allocated).await?
            }
        };
        println!("{each:.1}");
        Ok(())
    })
}

/// What the allocations grow by for each of so many times.
async fn counted(
    times: u64,
    work: impl Future<Output = Result<(), Box<dyn Error>>>,
) -> Result<f64, Box<dyn Error>> {
    let before = allocated();
    work.await?;
    Ok((allocated() - before) as f64 / times.max(1) as f64)
}

/// Whole sessions with documents of this many bytes, one after the other, with a journal in memory.
async fn sessions(bytes: usize, times: u64) -> Result<f64, Box<dyn Error>> {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
    let deps = script::deps(script::Vendor::new(bytes), &journal);
    let all = async {
        for at in 0..times {
            script::session(&format!("s-{at}"), deps.clone()).await;
        }
        Ok(())
    };
    Box::pin(counted(times, all)).await
}

fn store(place: &Place) -> Result<Arc<Store>, Box<dyn Error>> {
    Ok(Arc::new(Store::open(StoreOptions::new(place.path().join("forge.db")))?))
}

fn request(part: &str) -> ModelRequest {
    let mut request = ModelRequest::new("Be brief.").with_max_tokens(256);
    if part.starts_with("conversation") {
        for turn in 0..64 {
            request.messages.push(Message::user("a question ".repeat(740)));
            request.messages.push(Message::assistant(format!("{turn}: {}", "an answer ".repeat(820))));
        }
    }
    if part.starts_with("tools") {
        for at in 0..20 {
            let fields: serde_json::Map<_, _> = (0..8)
                .map(|field| {
                    (format!("field_{field}"), json!({"type": "string", "description": "What it holds"}))
                })
                .collect();
            let schema = json!({"type": "object", "properties": fields, "required": ["field_0"]});
            request = request.with_tool(Tool::function(format!("tool_{at}"), schema));
        }
    }
    let delivery = if part.starts_with("deltas") { Delivery::Stream } else { Delivery::Whole };
    request.with_user_message("Hello").with_delivery(delivery)
}

fn provider(part: &str, url: &str, place: &Place) -> Result<Arc<dyn Provider>, Box<dyn Error>> {
    let adapter = || Arc::new(AnthropicProvider::new("sk-test-not-a-key").with_base_url(url));
    Ok(match part {
        "adapter" | "tools" | "deltas" | "conversation" => adapter(),
        "layers" | "deltas-layers" => layered(adapter()),
        "router" | "deltas-router" | "conversation-router" => {
            Arc::new(router(plan(url), Arc::new(MemoryBudgets::default()), None)?)
        }
        "accounts" => {
            let store = store(place)?;
            Arc::new(router(plan(url), Arc::new(MemoryBudgets::default()), Some(store))?)
        }
        "limits" | "budget" | "tools-router" => {
            let store = store(place)?;
            let mut plan = limited(plan(url));
            let role = plan.roles.entry(ParticipantRole::Coder).or_default();
            role.parameters.sampling.temperature = Some(0.5);
            let budgets: Arc<dyn BudgetStore> = match part {
                "budget" => {
                    plan.budget =
                        Budget { day: Cap { money: None, tokens: Some(u64::MAX / 4) }, ..Budget::default() };
                    Arc::clone(&store) as _
                }
                _ => Arc::new(MemoryBudgets::default()),
            };
            Arc::new(router(plan, budgets, Some(store))?)
        }
        _ => return Err(format!("there is no part `{part}`").into()),
    })
}

fn limits() -> RateLimits {
    let plenty = NonZeroU64::new(u64::from(u32::MAX));
    RateLimits {
        requests_per_minute: NonZeroU32::new(u32::MAX),
        input_tokens_per_minute: plenty,
        output_tokens_per_minute: plenty,
        burst: None,
    }
}

/// All layers but the cache, in the order of the router.
fn layered(adapter: Arc<dyn Provider>) -> Arc<dyn Provider> {
    Stack::new(adapter)
        .with(&Timeout::new(Timeouts::USUAL))
        .with(&Observe::new(Arc::new(()), Arc::new(ModelTable::default())))
        .with(&RateLimit::new(limits()))
        .with(&Concurrency::new(ConcurrencyPolicy::new(64)))
        .with(&Breaker::new(BreakerPolicy::default(), 1))
        .with(&Retry::new(RetryPolicy::default(), 1))
        .build()
}

fn plan(url: &str) -> RouterPlan {
    let mut provider = ProviderPlan::new("vendor", "anthropic", Participant::claude_sonnet().model_id);
    provider.endpoint = Some(url.into());
    provider.api_key = Some(SecretString::from("sk-test-not-a-key"));
    let mut plan = RouterPlan::of(vec![provider]);
    let primary = vec![Target::Provider(0)];
    plan.roles.insert(ParticipantRole::Coder, RolePlan { primary, ..RolePlan::default() });
    plan
}

fn limited(mut plan: RouterPlan) -> RouterPlan {
    for provider in &mut plan.providers {
        provider.rate = limits();
        provider.concurrent = Some(64);
        provider.timeouts = Some(Timeouts::USUAL);
    }
    plan
}

fn router(
    plan: RouterPlan,
    budgets: Arc<dyn BudgetStore>,
    store: Option<Arc<Store>>,
) -> Result<Router, Box<dyn Error>> {
    let mut registry = AdapterRegistry::new();
    registry.register(forge_anthropic::kind());
    let deps = RouterDeps {
        registry: Arc::new(registry),
        models: Arc::new(ModelTable::default()),
        sink: store.map_or_else(|| Arc::new(()) as _, |store| store as _),
        budgets,
        cooldowns: Arc::new(()),
        timer: SystemTimer::shared(),
        seed: 1,
        events: None,
    };
    Ok(Router::build(plan, deps)?)
}
