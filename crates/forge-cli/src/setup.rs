//! Which providers the command works with.

use std::{sync::Arc, time::Duration};

use forge::{
    Adapter, AdapterSettings, Environment, Health, ModelId, ModelProvider, Participant, SecretString,
};
use forge_sim::{Sim, SimConfig, Vendor};
use futures_util::future::join_all;

use crate::{args::Source, error::CliError, show::note};

/// How long a local server may take to say that it is there.
const PROBE: Duration = Duration::from_millis(300);

/// Where local servers usually listen.
const LOCAL_SERVERS: [(&str, &str); 4] = [
    ("Ollama", "http://127.0.0.1:11434"),
    ("llama.cpp", "http://127.0.0.1:8080"),
    ("vLLM", "http://127.0.0.1:8000"),
    ("LM Studio", "http://127.0.0.1:1234"),
];

/// The providers in use.
#[derive(Debug)]
pub(crate) struct Providers {
    pub(crate) list: Vec<Configured>,
    /// The simulated vendors, if they are in use. They end with this value.
    pub(crate) sim: Option<Sim>,
}

/// One provider, ready to be asked.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    /// Where it was found.
    pub(crate) found: String,
    /// The model asked when nobody says otherwise; `None` asks the server which it has.
    pub(crate) model: Option<ModelId>,
    pub(crate) adapter: Arc<dyn Adapter>,
}

impl Providers {
    /// Chooses the providers and says which on the first line of stderr.
    pub(crate) async fn choose(source: Source, quiet: bool) -> Result<Self, CliError> {
        let providers = Self::find(source).await?;
        let names: Vec<_> = providers.list.iter().map(|one| format!("{} ({})", one.id, one.found)).collect();
        if providers.sim.is_some() {
            let reason =
                if source.offline { "offline" } else { "no API key is set and no local server answers" };
            note(quiet, &format!("SIMULATED: {reason}; simulated vendors answer, no model is asked"));
        } else {
            note(quiet, &format!("providers: {}", names.join(", ")));
        }
        Ok(providers)
    }

    async fn find(source: Source) -> Result<Self, CliError> {
        if source.offline {
            return Self::simulated(source.seed).await;
        }
        #[expect(clippy::disallowed_methods, reason = "the command is where the environment comes in")]
        let environment = Environment::read(|name| std::env::var(name).ok());
        let mut list = Vec::new();
        for found in environment.providers {
            list.push(Configured {
                id: found.kind.to_owned(),
                kind: found.kind,
                found: found.variable.to_owned(),
                model: Some(found.model),
                adapter: build(found.kind, found.settings)?,
            });
        }
        if let Some(url) = environment.ollama {
            list.push(Configured::local("OLLAMA_HOST", &url)?);
        }
        if list.is_empty() {
            list.extend(probe_local_servers().await?);
        }
        if list.is_empty() { Self::simulated(source.seed).await } else { Ok(Self { list, sim: None }) }
    }

    async fn simulated(seed: u64) -> Result<Self, CliError> {
        let sim = Sim::start(SimConfig { seed, ..SimConfig::default() })
            .await
            .map_err(|error| CliError::failed("the simulated vendors did not start", &error))?;
        let vendors = [
            ("anthropic", Vendor::Anthropic, Participant::claude_sonnet().model),
            ("openai", Vendor::OpenAi, Participant::gpt().model),
            ("google", Vendor::Google, Participant::gemini_flash().model),
            ("local", Vendor::Ollama, ModelId::from("qwen3")),
        ];
        let mut list = Vec::new();
        for (kind, vendor, model) in vendors {
            let settings = AdapterSettings {
                api_key: Some(SecretString::from("sk-test-simulated")),
                base_url: Some(sim.base_url(vendor)),
                ..AdapterSettings::new(kind)
            };
            let adapter = build(kind, settings)?;
            list.push(Configured {
                id: kind.to_owned(),
                kind,
                found: "simulated".into(),
                model: Some(model),
                adapter,
            });
        }
        Ok(Self { list, sim: Some(sim) })
    }

    pub(crate) fn simulated_flag(&self) -> bool {
        self.sim.is_some()
    }

    /// The provider called `id`, or the first one.
    pub(crate) fn pick(&self, id: Option<&str>) -> Result<&Configured, CliError> {
        let known: Vec<_> = self.list.iter().map(|one| one.id.as_str()).collect();
        match id {
            None => self.list.first(),
            Some(id) => self.list.iter().find(|one| one.id == id),
        }
        .ok_or_else(|| {
            let what = format!("there is no provider `{}`", id.unwrap_or_default());
            CliError::usage(
                what,
                format!("choose one of: {}; or set the key of another vendor", known.join(", ")),
            )
        })
    }
}

impl Configured {
    fn local(found: &str, url: &str) -> Result<Self, CliError> {
        let settings = AdapterSettings { base_url: Some(url.to_owned()), ..AdapterSettings::new("local") };
        let found = format!("{found} at {url}");
        Ok(Self { id: "local".into(), kind: "local", found, model: None, adapter: build("local", settings)? })
    }

    /// The participant to ask: `model`, else the usual one, else the first that the server lists.
    pub(crate) async fn participant(&self, model: Option<&str>) -> Result<Participant, CliError> {
        let model = match (model, &self.model) {
            (Some(model), _) => ModelId::from(model),
            (None, Some(usual)) => usual.clone(),
            (None, None) => {
                let models = self.adapter.models().await.map_err(|error| CliError::provider(&error))?;
                let first = models.into_iter().next().ok_or_else(|| {
                    CliError::usage(
                        format!("{} has no model to ask", self.id),
                        "load a model on the server first",
                    )
                })?;
                first.id
            }
        };
        Ok(Participant::new(ModelProvider::from(self.kind), model).with_provider_id(self.id.as_str()))
    }
}

fn build(kind: &str, settings: AdapterSettings) -> Result<Arc<dyn Adapter>, CliError> {
    forge::registry().build(kind, settings).map_err(|error| match error {
        forge::RegistryError::Refused { source, .. } => CliError::provider(&source),
        other => CliError::failed("the provider cannot be set up", &other),
    })
}

/// The first local server that answers, all asked at once.
async fn probe_local_servers() -> Result<Option<Configured>, CliError> {
    let candidates = LOCAL_SERVERS
        .iter()
        .map(|(name, url)| Configured::local(name, url))
        .collect::<Result<Vec<_>, _>>()?;
    let probes = candidates.iter().map(|one| tokio::time::timeout(PROBE, one.adapter.health_check()));
    let answers = join_all(probes).await;
    let alive = |answer: &Result<Result<Health, _>, _>| matches!(answer, Ok(Ok(Health::Ready)));
    Ok(candidates.into_iter().zip(answers).find(|(_, answer)| alive(answer)).map(|(one, _)| one))
}
