//! Which providers there are: those of a file, of the environment, or a local server that answers.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;

use super::{FoundFile, Paths, SystemError, file::Variables};
use crate::{
    Adapter, AdapterRegistry, AdapterSettings, Environment, Health, ModelTable,
    config::{ConfigFile, SessionPlan},
    router::{ProviderPlan, RouterPlan},
};

/// How long a local server may take to say that it is there.
const PROBE: Duration = Duration::from_millis(150);

/// Where local servers usually listen.
const LOCAL_SERVERS: [(&str, &str); 4] = [
    ("Ollama", "http://127.0.0.1:11434"),
    ("llama.cpp", "http://127.0.0.1:8080"),
    ("vLLM", "http://127.0.0.1:8000"),
    ("LM Studio", "http://127.0.0.1:1234"),
];

/// The kind of adapter that speaks to local servers.
const LOCAL: &str = "local";

/// A plan with where each of its providers was found.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    pub(crate) plan: RouterPlan,
    pub(crate) origins: Vec<String>,
    pub(crate) session: SessionPlan,
    pub(crate) warnings: Vec<String>,
}

impl Discovered {
    pub(crate) fn of(found: Vec<(ProviderPlan, String)>) -> Self {
        let (providers, origins) = found.into_iter().unzip();
        Self { plan: RouterPlan::of(providers), origins, ..Self::default() }
    }

    /// Every provider of a file comes from it. Prompts lie beside it.
    pub(crate) fn in_file(path: &Path, file: ConfigFile) -> Self {
        let origins = vec![path.display().to_string(); file.plan.providers.len()];
        let warnings = file.warnings.iter().map(ToString::to_string).collect();
        let mut session = file.session;
        session.prompts = session.prompts.map(|folder| path.with_file_name("").join(folder));
        Self { plan: file.plan, origins, session, warnings }
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
            Ok(file) => Ok(Discovered::in_file(&found.path, file)),
            Err(source) => Err(SystemError::Config { path: found.path, source }),
        };
    }
    let environment = Environment::read_for(registry, |name| variables(name));
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
    let Some(kind) = registry.kind(LOCAL) else { return Ok(None) };
    let mut servers = Vec::with_capacity(LOCAL_SERVERS.len());
    for (name, url) in LOCAL_SERVERS {
        let mut plan = ProviderPlan::of_kind(kind, "");
        plan.endpoint = Some(url.to_owned());
        servers.push((format!("{name} at {url}"), build(registry, &plan)?, plan));
    }
    let probes = servers.iter().map(|(_, adapter, _)| tokio::time::timeout(PROBE, adapter.health_check()));
    let answers = join_all(probes).await;
    let alive = answers.iter().position(|answer| matches!(answer, Ok(Ok(Health::Ready))));
    let Some((origin, _, plan)) = alive.and_then(|at| servers.into_iter().nth(at)) else { return Ok(None) };
    Ok(Some((with_first_model(registry, plan).await?, origin)))
}
