//! Which providers the command works with.

use std::{path::Path, sync::Arc, time::Duration};

use chrono::Utc;
use forge::{
    Adapter, AdapterSettings, Environment, Health, Journal, ModelId, ModelResponse, Money, Participant,
    ProviderError, SecretString, UsageSink,
    config::SessionPlan,
    router::{ProviderPlan, Router, RouterPlan, TaskContext},
    store::{Store, StoreState, TaskEntry},
};
use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use futures_util::future::join_all;

use crate::{args::Source, config, error::CliError, machine::variable, metrics, show::note};

/// How long a local server may take to say that it is there.
const PROBE: Duration = Duration::from_millis(300);

/// Where local servers usually listen.
const LOCAL_SERVERS: [(&str, &str); 4] = [
    ("Ollama", "http://127.0.0.1:11434"),
    ("llama.cpp", "http://127.0.0.1:8080"),
    ("vLLM", "http://127.0.0.1:8000"),
    ("LM Studio", "http://127.0.0.1:1234"),
];

/// What the user said about where providers come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) source: Source,
    /// The configuration named on the command line.
    pub(crate) config: Option<&'a Path>,
    pub(crate) quiet: bool,
    /// What simulated vendors play, if they are asked; `{}` for nothing special.
    pub(crate) scenario: &'a str,
}

/// The providers in use, behind a router.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) router: Router,
    pub(crate) plan: RouterPlan,
    /// Where each provider of the plan was found.
    pub(crate) found: Vec<String>,
    /// The simulated vendors, if they are in use. They end with this value.
    sim: Option<Sim>,
    store: Option<Arc<Store>>,
    /// How the configuration wants sessions to run.
    pub(crate) session: SessionPlan,
}

/// A plan before it runs.
struct Found {
    plan: RouterPlan,
    places: Vec<String>,
    sim: Option<Sim>,
    warnings: Vec<String>,
    session: SessionPlan,
}

impl System {
    /// Chooses the providers and says which on the first line of stderr: those of the configuration; else the
    /// vendors whose keys are in the environment; else a local server that answers; else simulated ones.
    pub(crate) async fn choose(wanted: Wanted<'_>) -> Result<Self, CliError> {
        let Found { plan, places, sim, warnings, session } = find(wanted).await?;
        let names: Vec<_> =
            plan.providers.iter().zip(&places).map(|(one, place)| format!("{} ({place})", one.id)).collect();
        let first = match &sim {
            Some(_) if wanted.source.offline => {
                "SIMULATED: offline; simulated vendors answer, no model is asked".into()
            }
            Some(_) => {
                "SIMULATED: no API key is set and no local server answers; simulated vendors answer, no \
                        model is asked"
                    .into()
            }
            None => format!("providers: {}", names.join(", ")),
        };
        note(wanted.quiet, &first);
        for warning in &warnings {
            note(wanted.quiet, warning);
        }
        let mut parts = forge::parts();
        let store = metrics::ledger(sim.is_some(), wanted.quiet).map(Arc::new);
        if let Some(store) = &store {
            // Without the file, budgets hold for this run alone.
            if store.status().state == StoreState::Writing {
                parts.budgets = Arc::clone(store) as _;
            }
            parts.sink = Arc::clone(store) as _;
        }
        let router = Router::build(plan.clone(), parts).map_err(|error| match error {
            forge::RegistryError::Refused { source, .. } => CliError::provider(&source),
            other => CliError::failed("a provider cannot be set up", &other),
        })?;
        Ok(Self { router, plan, found: places, sim, store, session })
    }

    /// Where sessions are kept, if the file can be written.
    pub(crate) fn journal(&self) -> Option<Arc<dyn Journal>> {
        Some(Arc::clone(self.accounts()?) as _)
    }

    /// The accounts that can be written and read; `None` if calls are recorded in a spool, or nowhere.
    pub(crate) fn accounts(&self) -> Option<&Arc<Store>> {
        self.store.as_ref().filter(|store| store.status().state == StoreState::Writing)
    }

    /// Where calls are recorded, if anywhere.
    pub(crate) fn sink(&self) -> Option<Arc<dyn UsageSink>> {
        Some(Arc::clone(self.store.as_ref()?) as _)
    }

    /// Lets a session spend this much, whatever the configuration says of one session.
    pub(crate) fn allow_session(&mut self, most: Money) -> Result<(), CliError> {
        let cap = &mut self.plan.budget.session.money;
        if cap.is_none_or(|cap| cap >= most) {
            return Ok(());
        }
        *cap = Some(most);
        self.router
            .reload(self.plan.clone())
            .map_err(|error| CliError::failed("a provider cannot be set up", &error))
    }

    /// Writes down what came of a task.
    pub(crate) fn log(&self, mut task: TaskContext, outcome: &Result<ModelResponse, ProviderError>) {
        // A task that nobody has begun cannot be in a state that forbids this.
        let _ = task.record(outcome);
        let Some(store) = &self.store else { return };
        let now = Utc::now();
        store.put_task(TaskEntry {
            id: task.id().to_owned(),
            role: task.role().clone(),
            provider: task.provider().cloned(),
            attempts: task.attempts(),
            state: task.state().to_string(),
            created_at: now,
            updated_at: now,
        });
    }

    /// Ends what is under way and sees to it that every call is accounted for.
    pub(crate) async fn close(&self, grace: Duration) {
        if let Err(error) = self.router.shutdown(grace).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the last calls may be missing in the accounts"
            );
        }
    }

    /// Reads the configuration again. If it cannot be used, everything stays as it is.
    pub(crate) async fn reload(&mut self, wanted: Wanted<'_>) -> Result<(), CliError> {
        if self.is_simulated() {
            return Ok(());
        }
        let Found { plan, places, sim, .. } = find(wanted).await?;
        if sim.is_some() {
            return Err(CliError::usage("no provider is left", "write a configuration, or set a key"));
        }
        self.router
            .reload(plan.clone())
            .map_err(|error| CliError::failed("a provider cannot be set up", &error))?;
        (self.plan, self.found) = (plan, places);
        Ok(())
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.sim.is_some()
    }

    /// The adapter of each provider, in the order of the plan.
    pub(crate) fn adapters(&self) -> impl Iterator<Item = (&ProviderPlan, Arc<dyn Adapter>)> {
        self.plan.providers.iter().filter_map(|one| Some((one, self.router.adapter(&one.id)?)))
    }

    /// The participant that asks the provider or pool `id`.
    pub(crate) fn named(&self, id: &str) -> Result<Participant, CliError> {
        if let Some(provider) = self.plan.providers.iter().find(|one| one.id == id) {
            let participant = Participant::new(provider.vendor(), provider.model.clone());
            return Ok(participant.with_provider_id(id));
        }
        if self.plan.pools.iter().any(|pool| pool.id == id) {
            return Ok(Router::participant(forge::ParticipantRole::default()).with_provider_id(id));
        }
        let known: Vec<_> = self.plan.providers.iter().map(|one| one.id.as_str()).collect();
        Err(CliError::usage(
            format!("there is no provider `{id}`"),
            format!("choose one of: {}", known.join(", ")),
        ))
    }
}

async fn find(wanted: Wanted<'_>) -> Result<Found, CliError> {
    if wanted.source.offline {
        return simulated(wanted).await;
    }
    if let Some(loaded) = config::find_and_load(wanted.config)? {
        let plan = loaded.file.plan;
        let places = vec![loaded.path.display().to_string(); plan.providers.len()];
        let warnings = loaded.file.warnings.iter().map(ToString::to_string).collect();
        let mut session = loaded.file.session;
        session.prompts = session.prompts.map(|folder| loaded.path.with_file_name("").join(folder));
        return Ok(Found { plan, places, sim: None, warnings, session });
    }
    let environment = Environment::read(variable);
    let mut found: Vec<(ProviderPlan, String)> =
        environment.providers.into_iter().map(|one| (one.plan, one.variable.to_owned())).collect();
    if let Some(url) = environment.ollama {
        let (plan, adapter) = local(&url)?;
        found.push((asked_for_model(plan, &adapter).await, format!("OLLAMA_HOST at {url}")));
    }
    if found.is_empty() {
        found.extend(probe_local_servers().await?);
    }
    if found.is_empty() { simulated(wanted).await } else { Ok(Found::of(found, None)) }
}

impl Found {
    fn of(found: Vec<(ProviderPlan, String)>, sim: Option<Sim>) -> Self {
        let (providers, places) = found.into_iter().unzip();
        let session = SessionPlan::default();
        Self { plan: RouterPlan::of(providers), places, sim, warnings: Vec::new(), session }
    }
}

async fn simulated(wanted: Wanted<'_>) -> Result<Found, CliError> {
    let scenario = Scenario::from_yaml(wanted.scenario)
        .map_err(|error| CliError::failed("the simulated vendors have no scenario", &error))?;
    let sim = Sim::start(SimConfig { seed: wanted.source.seed, scenario, ..SimConfig::default() })
        .await
        .map_err(|error| CliError::failed("the simulated vendors did not start", &error))?;
    let vendors = [
        ("anthropic", Vendor::Anthropic, Participant::claude_sonnet().model),
        ("openai", Vendor::OpenAi, Participant::gpt().model),
        ("google", Vendor::Google, Participant::gemini_flash().model),
        ("local", Vendor::Ollama, ModelId::from("qwen3")),
    ];
    let found = vendors.map(|(kind, vendor, model)| {
        let plan = ProviderPlan {
            api_key: Some(SecretString::from("sk-test-simulated")),
            endpoint: Some(sim.base_url(vendor)),
            ..forge::provider_plan(kind, model)
        };
        (plan, "simulated".to_owned())
    });
    Ok(Found::of(found.into(), Some(sim)))
}

/// A local server at `url`, whose model is not known yet.
fn local(url: &str) -> Result<(ProviderPlan, Arc<dyn Adapter>), CliError> {
    let settings = AdapterSettings { base_url: Some(url.to_owned()), ..AdapterSettings::new("local") };
    let adapter = forge::registry()
        .build("local", settings)
        .map_err(|error| CliError::failed("the local server cannot be set up", &error))?;
    let plan = ProviderPlan { endpoint: Some(url.to_owned()), ..forge::provider_plan("local", "") };
    Ok((plan, adapter))
}

/// The plan with the first model that the server lists. One that does not answer says so when it is asked.
async fn asked_for_model(plan: ProviderPlan, adapter: &Arc<dyn Adapter>) -> ProviderPlan {
    let models = adapter.models().await.unwrap_or_default();
    match models.into_iter().next() {
        Some(first) => ProviderPlan { model: first.id, ..plan },
        None => plan,
    }
}

/// The first local server that answers, all asked at once.
async fn probe_local_servers() -> Result<Option<(ProviderPlan, String)>, CliError> {
    let candidates = LOCAL_SERVERS.iter().map(|(_, url)| local(url)).collect::<Result<Vec<_>, _>>()?;
    let probes = candidates.iter().map(|(_, adapter)| tokio::time::timeout(PROBE, adapter.health_check()));
    let answers = join_all(probes).await;
    let alive = answers.iter().position(|answer| matches!(answer, Ok(Ok(Health::Ready))));
    let Some(at) = alive else { return Ok(None) };
    let (Some((name, url)), Some((plan, adapter))) = (LOCAL_SERVERS.get(at), candidates.into_iter().nth(at))
    else {
        return Ok(None);
    };
    Ok(Some((asked_for_model(plan, &adapter).await, format!("{name} at {url}"))))
}
