//! Providers that answer as they are told, and a router in front of them.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use forge_core::{
    Adapter, AdapterKind, AdapterRegistry, CallContext, Capabilities, ErrorKind, ExposeSecret as _, ModelId,
    ModelRequest, ModelResponse, ModelTable, ParticipantRole, Provider, ProviderError, ProviderExt as _,
    ProviderId, ResponseStream, StreamEvent, TokenCount, async_trait,
    error::Phase,
    event::{Delta, Finished, PartKind, RateLimitStatus, Started, StopReason},
    model::ModelInfo,
    provider::Health,
    storage::{
        StorageError,
        accounts::{UsageRecord, UsageSink},
        memory::MemoryBudgets,
    },
    time::{Clock as _, ManualTimer, Timer as _},
};
use forge_layers::{BreakerPolicy, RetryPolicy};
use forge_router::{ProviderPlan, RolePlan, Router, RouterDeps, RouterPlan, Target};
use futures_util::{FutureExt as _, StreamExt as _};

/// What a provider does with a call.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    /// Answers with its own name.
    Answer,
    /// Answers after this many seconds.
    Late(u64),
    /// Answers, and part of the prompt came from its cache.
    Cached,
    /// Declines without a word.
    Decline(StopReason),
    Fail(ErrorKind),
    /// Cannot be reached.
    Unreachable(ErrorKind),
    /// Fails and asks for this many seconds of patience.
    FailFor(ErrorKind, u64),
    /// The vendor answers with this HTTP status, for a reason that nobody knows.
    Refuse(u16),
    /// Says one word and breaks off.
    Break,
    /// Says one word and is silent from then on.
    Stall,
    /// Never answers.
    Hang,
}

type Script = dyn Fn(usize) -> Play + Send + Sync;

/// What all providers of a test share.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) timer: ManualTimer,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) budgets: Arc<MemoryBudgets>,
    actors: Arc<Mutex<HashMap<String, Actor>>>,
}

struct Actor {
    script: Arc<Script>,
    health: Result<Health, ErrorKind>,
    able: Option<Capabilities>,
    requests: Vec<(CallContext, Arc<ModelRequest>)>,
}

impl Default for Actor {
    fn default() -> Self {
        Self {
            script: Arc::new(|_| Play::Answer),
            health: Ok(Health::Ready),
            able: None,
            requests: Vec::new(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) records: Mutex<Vec<UsageRecord>>,
    pub(crate) flushed: Mutex<usize>,
}

#[async_trait]
impl UsageSink for Ledger {
    fn record(&self, record: UsageRecord) {
        self.records.lock().unwrap().push(record);
    }

    async fn flush(&self) -> Result<(), StorageError> {
        *self.flushed.lock().unwrap() += 1;
        Ok(())
    }
}

/// Everything, with a window of 100,000 tokens.
pub(crate) fn able() -> Capabilities {
    let mut able = Capabilities::default();
    (able.context_tokens, able.max_output_tokens) = (Some(100_000), Some(1_000));
    (able.images, able.documents, able.audio) = (true, true, true);
    (able.tools, able.forced_tool_choice, able.structured_output) = (true, true, true);
    (able.sampling, able.stop_sequences, able.prefill) = (true, true, true);
    able
}

/// A dollar per million tokens of input, two of output, for every vendor.
fn prices() -> ModelTable {
    let row = |vendor: &str| {
        format!(
            r#"{{"provider": "{vendor}", "id": "*", "source": "s", "checked": "2026-11",
                "prices": [{{"tiers": [{{"input": "1", "output": "2"}}]}}],
                "served": [{{"tier": ["priority"], "times": "2.5", "source": "s", "checked": "2026-11"}}]}}"#
        )
    };
    let rows = ["anthropic", "openai", "google"].map(row).join(",");
    ModelTable::from_json(&format!("[{rows}]")).unwrap()
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            timer: ManualTimer::new(),
            ledger: Arc::default(),
            budgets: Arc::default(),
            actors: Arc::default(),
        }
    }

    fn actor<T>(&self, id: &str, with: impl FnOnce(&mut Actor) -> T) -> T {
        with(self.actors.lock().unwrap().entry(id.to_owned()).or_default())
    }

    /// What `id` does with its first, second, ... call, counted from 0. `id/key` is what it does with one of its keys.
    pub(crate) fn plays(&self, id: &str, script: impl Fn(usize) -> Play + Send + Sync + 'static) {
        self.actor(id, |actor| actor.script = Arc::new(script));
    }

    pub(crate) fn always(&self, id: &str, play: Play) {
        self.plays(id, move |_| play.clone());
    }

    pub(crate) fn health(&self, id: &str, health: Result<Health, ErrorKind>) {
        self.actor(id, |actor| actor.health = health);
    }

    /// What the models of `id` can do.
    pub(crate) fn is_able(&self, id: &str, able: Capabilities) {
        self.actor(id, |actor| actor.able = Some(able));
    }

    /// How many calls have come to `id`.
    pub(crate) fn calls(&self, id: &str) -> usize {
        self.actor(id, |actor| actor.requests.len())
    }

    pub(crate) fn last_request(&self, id: &str) -> Arc<ModelRequest> {
        self.actor(id, |actor| Arc::clone(&actor.requests.last().unwrap().1))
    }

    pub(crate) fn deps(&self) -> RouterDeps {
        let mut registry = AdapterRegistry::new();
        for vendor in ["anthropic", "openai", "google", "unpriced"] {
            let stage = self.clone();
            let kind = AdapterKind::new(vendor, move |settings| {
                let with_key = settings.api_key.map(|key| format!("{}/{}", settings.id, key.expose_secret()));
                Ok(Arc::new(Fake { id: settings.id, with_key, stage: stage.clone() }))
            });
            registry.register(kind.with_capabilities(|_| able()));
        }
        RouterDeps {
            registry: Arc::new(registry),
            models: Arc::new(prices()),
            sink: Arc::clone(&self.ledger) as _,
            budgets: Arc::clone(&self.budgets) as _,
            cooldowns: Arc::new(()),
            timer: Arc::new(self.timer.clone()),
            seed: 7,
            events: None,
        }
    }

    pub(crate) fn router(&self, plan: RouterPlan) -> Router {
        Router::build(plan, self.deps()).unwrap()
    }

    pub(crate) fn context(&self, role: &str) -> CallContext {
        CallContext::with_timer(Router::participant(role.into()), Arc::new(self.timer.clone()))
    }

    /// Drives `future` to its end; whenever it waits, time moves on to the next wake.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            if let Some(output) = future.as_mut().now_or_never() {
                return output;
            }
            self.timer.advance(self.timer.next_wake().expect("a call that waits for time"));
        }
    }

    /// One call in `role`.
    pub(crate) fn ask(&self, router: &Router, role: &str) -> Result<ModelResponse, ProviderError> {
        self.run(router.complete(&self.context(role), question()))
    }

    /// Who answers a call in `role`.
    pub(crate) fn who(&self, router: &Router, role: &str) -> String {
        match self.ask(router, role) {
            Ok(response) => response.participant.provider_id.to_string(),
            Err(error) => format!("{error}"),
        }
    }
}

pub(crate) fn question() -> ModelRequest {
    ModelRequest::new("").with_user_message("hi").with_max_tokens(100)
}

/// A provider of a plan; the vendor is the part of the id before the first hyphen.
pub(crate) fn provider(id: &str) -> ProviderPlan {
    let vendor = match id.split('-').next().unwrap() {
        "a" => "anthropic",
        "o" => "openai",
        "u" => "unpriced",
        _ => "google",
    };
    ProviderPlan {
        capabilities: able(),
        display_name: id.to_uppercase(),
        ..ProviderPlan::new(id, vendor, format!("model-{id}"))
    }
}

/// A plan without retries in which `role` is asked of the providers in order.
pub(crate) fn chain(role: &str, ids: &[&str]) -> RouterPlan {
    let role_plan = RolePlan {
        primary: vec![Target::Provider(0)],
        fallback: (1..ids.len()).map(Target::Provider).collect(),
        ..RolePlan::default()
    };
    RouterPlan {
        providers: ids.iter().map(|id| provider(id)).collect(),
        roles: [(ParticipantRole::from(role), role_plan)].into(),
        retry: RetryPolicy { max_retries: 0, ..RetryPolicy::default() },
        breaker: BreakerPolicy { jitter: 0.0, ..BreakerPolicy::default() },
        ..RouterPlan::default()
    }
}

#[derive(Clone)]
struct Fake {
    id: ProviderId,
    with_key: Option<String>,
    stage: Stage,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fake({})", self.id)
    }
}

impl Fake {
    /// Under which name it stands on the stage: with its key, if the test has said what it does with that one.
    fn part(&self) -> &str {
        let actors = self.stage.actors.lock().unwrap();
        self.with_key.as_deref().filter(|part| actors.contains_key(*part)).unwrap_or(self.id.as_str())
    }
}

#[async_trait]
impl Provider for Fake {
    fn name(&self) -> &str {
        self.id.as_str()
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        self.stage.actor(self.part(), |actor| actor.able.unwrap_or_else(able))
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let play = self.stage.actor(self.part(), |actor| {
            actor.requests.push((cx.clone(), request));
            (actor.script)(actor.requests.len() - 1)
        });
        let error = |kind| ProviderError::new(kind, self.id.as_str(), "as told");
        let timer = &self.stage.timer;
        match play {
            Play::Answer => Ok(reply(self.id.as_str(), 0, StopReason::EndTurn)),
            Play::Cached => Ok(reply(self.id.as_str(), 50, StopReason::EndTurn)),
            Play::Late(seconds) => {
                timer.sleep_until(timer.instant() + Duration::from_secs(seconds)).await;
                Ok(reply(self.id.as_str(), 0, StopReason::EndTurn))
            }
            Play::Decline(reason) => {
                Ok(ResponseStream::from_events([started(), finished(0, reason)].map(Ok)))
            }
            Play::Fail(kind) => Err(error(kind)),
            Play::Unreachable(kind) => Err(error(kind).with(|facts| facts.phase = Phase::BeforeSend)),
            Play::FailFor(kind, seconds) => {
                Err(error(kind).with(|facts| facts.retry_after = Some(Duration::from_secs(seconds))))
            }
            Play::Refuse(status) => {
                Err(error(ErrorKind::InvalidRequest).with(|facts| facts.status = Some(status)))
            }
            Play::Break => {
                let [begun, said] = said("Hel");
                let end = Err(error(ErrorKind::Transport));
                Ok(ResponseStream::from_events([Ok(started()), Ok(begun), Ok(said), end]))
            }
            Play::Stall => {
                let [begun, said] = said("Hel");
                let events = futures_util::stream::iter([started(), begun, said].map(Ok));
                Ok(ResponseStream::new(events.chain(futures_util::stream::pending())))
            }
            Play::Hang => Ok(ResponseStream::new(
                futures_util::stream::iter([Ok(started())]).chain(futures_util::stream::pending()),
            )),
        }
    }
}

#[async_trait]
impl Adapter for Fake {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        let health = self.stage.actor(self.part(), |actor| actor.health);
        match health {
            // A server that never says anything.
            Err(ErrorKind::Timeout) => std::future::pending().await,
            health => health.map_err(|kind| ProviderError::new(kind, self.id.as_str(), "as told")),
        }
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(Vec::new())
    }

    async fn count_tokens(&self, model: &ModelId, _: &ModelRequest) -> Result<u64, ProviderError> {
        Err(ProviderError::unsupported(self.id.as_str(), model, "counting"))
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        RateLimitStatus::default()
    }
}

fn started() -> StreamEvent {
    StreamEvent::from(Started::default())
}

fn said(text: &str) -> [StreamEvent; 2] {
    [
        StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
        StreamEvent::PartDelta { index: 0, delta: Delta::Text(text.into()) },
    ]
}

fn finished(cached: u64, reason: StopReason) -> StreamEvent {
    let usage = TokenCount::default().with_input(100).with_cache_read(cached).with_output(10);
    StreamEvent::from(Finished::new(reason).with_usage(usage))
}

fn reply(text: &str, cached: u64, reason: StopReason) -> ResponseStream {
    let [begun, said] = said(text);
    let ended = StreamEvent::PartEnded { index: 0, opaque: None };
    ResponseStream::from_events([started(), begun, said, ended, finished(cached, reason)].map(Ok))
}
