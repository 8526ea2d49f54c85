//! Which providers there are: those of a file, of the environment, or a local server that answers.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;

use super::{FoundFile, Paths, SystemError, file::Variables};
use crate::{
    Adapter, AdapterRegistry, ModelId, ModelTable,
    config::{
        AgentsPlan, ConfigFile, HookPlan, McpPlan, PermissionsPlan, ServePlan, SessionPlan, WorkflowPlan,
    },
    environment::Environment,
    prompts::PromptPlan,
    provider::{AdapterSettings, Health},
    router::{ProviderPlan, RouterPlan},
};

/// How long a local server may take to say that it is there. It runs on this machine and answers in a few
/// milliseconds; where nothing else is known, every start waits for it.
const PROBE: Duration = Duration::from_millis(150);

/// Where local servers usually listen: their own defaults.
const LOCAL_SERVERS: [(&str, &str); 4] = [
    ("Ollama", "http://127.0.0.1:11434"),
    ("llama.cpp", "http://127.0.0.1:8080"),
    ("vLLM", "http://127.0.0.1:8000"),
    ("LM Studio", "http://127.0.0.1:1234"),
];

/// The kind of adapter that speaks to local servers.
const LOCAL: &str = "local";

/// What stands between models and the machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guards {
    pub(crate) hooks: Vec<HookPlan>,
    pub(crate) permissions: PermissionsPlan,
}

/// A plan with where each of its providers was found.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    pub(crate) plan: RouterPlan,
    pub(crate) origins: Vec<String>,
    pub(crate) session: SessionPlan,
    // Large, and moved about by every command.
    pub(crate) serve: Box<ServePlan>,
    pub(crate) mcp: McpPlan,
    pub(crate) prompts: PromptPlan,
    pub(crate) agents: Box<AgentsPlan>,
    pub(crate) workflow: WorkflowPlan,
    pub(crate) guards: Guards,
    pub(crate) warnings: Vec<String>,
}

impl Discovered {
    pub(crate) fn of(found: Vec<(ProviderPlan, String)>) -> Self {
        let (providers, origins) = found.into_iter().unzip();
        Self { plan: RouterPlan::of(providers), origins, ..Self::default() }
    }

    /// Every provider of a file comes from it. Prompts lie beside it.
    pub(crate) fn in_file(found: &FoundFile, file: ConfigFile) -> Self {
        let path = &found.path;
        let prompts = found.prompts(&file);
        let origins = vec![path.display().to_string(); file.plan.providers.len()];
        let warnings = file.warnings.iter().map(ToString::to_string);
        let warnings = warnings.chain(found.unused_prompts()).collect();
        let mut session = file.session;
        session.prompts = session.prompts.map(|folder| path.with_file_name("").join(folder));
        let mut mcp = file.mcp;
        for folder in &mut mcp.roots {
            *folder = path.with_file_name("").join(&*folder);
        }
        Self {
            plan: file.plan,
            origins,
            session,
            serve: Box::new(file.serve),
            mcp,
            prompts,
            agents: Box::new(file.agents),
            workflow: file.workflow,
            guards: Guards { hooks: file.hooks, permissions: file.permissions },
            warnings,
        }
    }
}

/// The providers of the configuration; else the vendors whose keys are in the environment and the server that a
/// variable names; else a local server that answers.
pub(crate) async fn discover(
    named: Option<&Path>,
    paths: &Paths,
    registry: &AdapterRegistry,
    models: &ModelTable,
    variables: &Variables,
) -> Result<Discovered, SystemError> {
    if let Some(found) = FoundFile::find(named, paths)? {
        let today = chrono::Utc::now().date_naive();
        return match found.load_on(registry, models, today, Arc::clone(variables)) {
            Ok(file) => Ok(Discovered::in_file(&found, file)),
            Err(source) => Err(SystemError::Config { path: found.path, source }),
        };
    }
    let environment = Environment::read_for(registry, |name| variables(name));
    // For a file, the same is a warning of its own; what comes from variables is checked nowhere else.
    let shown = environment.providers.iter().filter(|one| one.plan.shows_key());
    let warnings: Vec<_> = shown
        .map(|one| {
            let url = one.plan.endpoint.as_deref().unwrap_or_default();
            format!(
                "warning: {} goes to {url} over plain HTTP, where everybody between can read it",
                one.variable
            )
        })
        .collect();
    let mut found: Vec<(ProviderPlan, String)> =
        environment.providers.into_iter().map(|one| (one.plan, one.variable.to_owned())).collect();
    for server in environment.servers {
        let url = server.plan.endpoint.clone().unwrap_or_default();
        let origin = format!("{} at {url}", server.variable);
        found.push((with_first_model(registry, server.plan).await?, origin));
    }
    if found.is_empty() {
        found.extend(probe_local_servers(registry).await?);
    }
    if found.is_empty() {
        return Err(SystemError::NoProvider);
    }
    Ok(Discovered { warnings, ..Discovered::of(found) })
}

fn build(registry: &AdapterRegistry, plan: &ProviderPlan) -> Result<Arc<dyn Adapter>, SystemError> {
    let mut settings = AdapterSettings::new(plan.id.clone());
    settings.base_url.clone_from(&plan.endpoint);
    Ok(registry.build(&plan.kind, settings)?)
}

/// The plan with the first model that the server lists. One that does not answer says so when it is asked.
async fn with_first_model(
    registry: &AdapterRegistry,
    mut plan: ProviderPlan,
) -> Result<ProviderPlan, SystemError> {
    let models = build(registry, &plan)?.models().await.unwrap_or_default();
    if let Some(first) = models.into_iter().next() {
        plan.model = first.id;
    }
    Ok(plan)
}

/// The first local server that answers, all asked at once.
async fn probe_local_servers(
    registry: &AdapterRegistry,
) -> Result<Option<(ProviderPlan, String)>, SystemError> {
    let places = LOCAL_SERVERS.map(|(name, url)| (name, url.to_owned()));
    let probed = probe(registry, places).await?;
    // The first of the list and not the fastest, so that each start finds the same one. A server that is
    // loading or has no model cannot take the call that is waiting.
    let alive = probed.into_iter().find(|one| one.health == Some(Health::Ready));
    let Some(Probed { name, url, plan, .. }) = alive else { return Ok(None) };
    Ok(Some((with_first_model(registry, plan).await?, format!("{name} at {url}"))))
}

/// A local server that was asked whether it is there.
struct Probed {
    name: &'static str,
    url: String,
    plan: ProviderPlan,
    adapter: Arc<dyn Adapter>,
    health: Option<Health>,
}

/// Asks all servers at once.
async fn probe(
    registry: &AdapterRegistry,
    places: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<Vec<Probed>, SystemError> {
    let Some(kind) = registry.kind(LOCAL) else { return Ok(Vec::new()) };
    let mut servers = Vec::with_capacity(LOCAL_SERVERS.len());
    for (name, url) in places {
        let mut plan = ProviderPlan::of_kind(kind, "");
        plan.endpoint = Some(url.clone());
        servers.push(Probed { name, url, adapter: build(registry, &plan)?, plan, health: None });
    }
    let probes = servers.iter().map(|one| tokio::time::timeout(PROBE, one.adapter.health_check()));
    for (server, answer) in join_all(probes).await.into_iter().enumerate() {
        servers[server].health = answer.ok().and_then(Result::ok);
    }
    Ok(servers)
}

/// A local server that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalServer {
    /// The program that usually listens there.
    pub name: &'static str,
    /// Where that is.
    pub url: String,
    /// The variable that names the place, if one does.
    pub variable: Option<&'static str>,
    /// How it does; `None` if nobody answers.
    pub health: Option<Health>,
    /// What it serves.
    pub models: Vec<ModelId>,
}

/// Looks for local servers where they usually listen, or where a variable from `lookup` says, side by side and for a
/// moment.
///
/// # Errors
/// A variable that holds no address.
pub async fn local_servers(lookup: impl Fn(&str) -> Option<String>) -> Result<Vec<LocalServer>, SystemError> {
    let registry = crate::registry();
    let named = Environment::read_for(&registry, lookup).servers;
    let named = named.into_iter().find(|found| found.plan.kind == LOCAL);
    // The one variable is that of the first server.
    let mut places = LOCAL_SERVERS.map(|(name, url)| (name, url.to_owned()));
    if let Some(url) = named.as_ref().and_then(|found| found.plan.endpoint.clone()) {
        places[0].1 = url;
    }
    let probed = probe(&registry, places).await?;
    let list = async |one: &Probed| match one.health {
        Some(_) => tokio::time::timeout(PROBE, one.adapter.models()).await.ok().and_then(Result::ok),
        None => None,
    };
    let lists = join_all(probed.iter().map(list)).await;
    let servers = probed.into_iter().zip(lists).enumerate().map(|(at, (one, list))| LocalServer {
        name: one.name,
        url: one.url,
        variable: named.as_ref().filter(|_| at == 0).map(|found| found.variable),
        health: one.health,
        models: list.into_iter().flatten().map(|model| model.id).collect(),
    });
    Ok(servers.collect())
}
