//! One call by forge-router with one provider.

use std::{
    env, fs, io,
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    process,
    sync::Arc,
};

use forge_core::{
    AdapterRegistry, CallContext, ModelProvider, ModelRequest, ModelTable, Participant, ParticipantRole,
    Provider, ProviderExt, SecretString, StreamEvent,
    event::Delta,
    provider::Timeouts,
    request::{Delivery, Shared, Tool},
    storage::memory::MemoryBudgets,
    time::SystemTimer,
};
use forge_layers::RateLimits;
use forge_router::{Budget, Cap, ProviderPlan, RolePlan, Router, RouterDeps, RouterPlan, Target};
use forge_store::{Store, StoreOptions};
use harness::{Dialect, Failure, Form, KEY, MAX_TOKENS, Peer, SYSTEM, TOOL_DESCRIPTION, USER};

struct Forge {
    router: Router,
    participant: Arc<Participant>,
    tools: Shared<Tool>,
    /// Dropped last: the file is closed before its folder goes.
    _place: Option<Place>,
}

impl Forge {
    fn request(&self, delivery: Delivery) -> ModelRequest {
        let mut request = ModelRequest::new(SYSTEM)
            .with_user_message(USER)
            .with_max_tokens(MAX_TOKENS)
            .with_delivery(delivery);
        request.tools = self.tools.clone();
        request
    }
}

impl Peer for Forge {
    const BUDGET: bool = true;

    async fn connect(dialect: Dialect, form: Form, url: &str) -> Result<Self, Failure> {
        let (vendor, adapter, endpoint) = match dialect {
            Dialect::Chat => (ModelProvider::OpenAI, "openai", format!("{url}/v1")),
            Dialect::Anthropic => (ModelProvider::Anthropic, "anthropic", url.to_owned()),
        };
        let participant = Participant::new(vendor, dialect.model())
            .with_provider_id("vendor")
            .with_role(ParticipantRole::Coder);
        let mut provider = ProviderPlan::new("vendor", adapter, participant.model_id.clone());
        provider.endpoint = Some(endpoint);
        provider.api_key = Some(SecretString::from(KEY));
        let (router, place) = match form {
            Form::Budget => {
                let place = Place::new()?;
                let store = Arc::new(Store::open(StoreOptions::new(place.0.join("forge.db")))?);
                (limited(provider, store)?, Some(place))
            }
            _ => (Router::build(plan(provider), deps())?, None),
        };
        let tool = |name| Tool::function(name, harness::schema()).with_description(TOOL_DESCRIPTION);
        let tools = form.tool_names().map(tool).collect();
        Ok(Self { router, participant: Arc::new(participant), tools, _place: place })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let cx = CallContext::new(Arc::clone(&self.participant));
        Ok(self.router.complete(&cx, self.request(Delivery::Whole)).await?.text().into_owned())
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let cx = CallContext::new(Arc::clone(&self.participant));
        let mut events = self.router.stream(&cx, Arc::new(self.request(Delivery::Stream))).await?;
        let mut text = String::new();
        while let Some(event) = events.next().await {
            if let StreamEvent::PartDelta { delta: Delta::Text(delta), .. } = event? {
                text.push_str(&delta);
            }
        }
        Ok(text)
    }
}

fn plan(provider: ProviderPlan) -> RouterPlan {
    let mut plan = RouterPlan::of(vec![provider]);
    let primary = vec![Target::Provider(0)];
    plan.roles.insert(ParticipantRole::Coder, RolePlan { primary, ..RolePlan::default() });
    plan
}

fn deps() -> RouterDeps {
    let mut registry = AdapterRegistry::new();
    registry.register(forge_anthropic::kind());
    registry.register(forge_openai::kind());
    RouterDeps {
        registry: Arc::new(registry),
        models: Arc::new(ModelTable::default()),
        sink: Arc::new(()),
        budgets: Arc::new(MemoryBudgets::default()),
        cooldowns: Arc::new(()),
        timer: SystemTimer::shared(),
        seed: 1,
        events: None,
    }
}

/// Every limit that there is, so high that none holds a call back; accounts and the budget in one file.
fn limited(mut provider: ProviderPlan, store: Arc<Store>) -> Result<Router, Failure> {
    let plenty = NonZeroU64::new(u64::from(u32::MAX));
    provider.rate = RateLimits {
        requests_per_minute: NonZeroU32::new(u32::MAX),
        input_tokens_per_minute: plenty,
        output_tokens_per_minute: plenty,
        burst: None,
    };
    provider.concurrent = Some(64);
    provider.timeouts = Some(Timeouts::USUAL);
    let mut plan = plan(provider);
    plan.budget = Budget { day: Cap { money: None, tokens: Some(u64::MAX / 4) }, ..Budget::default() };
    Ok(Router::build(plan, RouterDeps { sink: Arc::clone(&store) as _, budgets: store, ..deps() })?)
}

/// A folder of this process, which goes with it.
struct Place(PathBuf);

impl Place {
    fn new() -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("forge-peer-{}", process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left goes with the system's other files of this kind.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn main() -> Result<(), Failure> {
    harness::run::<Forge>()
}
