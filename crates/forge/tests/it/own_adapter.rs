//! An adapter of another crate: everything that Forge knows of the vendor comes from its kind.

use std::{collections::BTreeMap, sync::Arc};

use forge::{
    Adapter, AdapterKind, AdapterRegistry, CallContext, Capabilities, Environment, Message, ModelId,
    ModelProvider, ModelRequest, ModelTable, Participant, Provider, ProviderError, ResponseStream,
    async_trait,
    config::{ConfigError, ConfigFile, Loader, Lookup, Trust},
    event::RateLimitStatus,
    model::ModelInfo,
    provider::{AdapterSettings, Health},
    request::{MessageRole, Part, Source},
};
use forge_sim::Vendor;
use forge_testkit::Subject;

/// A vendor that speaks a dialect there is already, behind a type of its own.
#[derive(Debug)]
struct Acme(forge::LocalProvider);

#[async_trait]
impl Provider for Acme {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.0.capabilities(model)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        self.0.stream(cx, request).await
    }
}

#[async_trait]
impl Adapter for Acme {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        self.0.health_check().await
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        self.0.models().await
    }

    async fn count_tokens(&self, model: &ModelId, request: &ModelRequest) -> Result<u64, ProviderError> {
        self.0.count_tokens(model, request).await
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        self.0.rate_limit_status()
    }
}

const MODELS: &str = r#"[{
    "provider": "acme", "id": "qwen3", "context_tokens": 50000, "source": "https://example.com", "checked": "2026-11",
    "prices": [{"tiers": [{"input": "1", "output": "2"}]}]
}]"#;

fn kind() -> AdapterKind {
    AdapterKind::new("acme", |settings| Ok(Arc::new(Acme(forge::LocalProvider::from_settings(settings)?))))
        .with_key(&["ACME_KEY", "ACME_TOKEN"])
        .with_base_url("https://api.example.com", &["ACME_URL"])
        .with_owned_headers(&["x-acme-key"])
        .with_brands(&["Acme"])
        .with_usual(Participant::new("acme".into(), "qwen3"))
        .with_models(ModelTable::from_json(MODELS).unwrap())
        .with_capabilities(|_| {
            let mut able = Capabilities::default();
            able.tools = true;
            able
        })
}

fn registry() -> AdapterRegistry {
    let mut registry = forge::registry();
    registry.register(kind());
    registry
}

#[derive(Debug)]
struct Variables(BTreeMap<&'static str, &'static str>);

impl Lookup for Variables {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| (*value).to_owned())
    }

    fn file(&self, _: &str) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

const FILE: &str = r#"schema_version: "1.0"
providers:
  mine: { type: acme, model: qwen3, api_key: "${ACME_TOKEN}" }
roles:
  coder: { provider: mine, needs: [tools] }
budget: { per_day_usd: 1 }
"#;

fn load(text: &str, trust: Trust) -> Result<ConfigFile, ConfigError> {
    let registry = registry();
    let variables = Variables([("ACME_TOKEN", "sk-test-1"), ("HTTPS_PROXY", "http://proxy:1")].into());
    let models = registry.models();
    let loader = Loader::new(&registry, &models, "2026-11-20".parse().unwrap(), &variables);
    loader.with_trust(trust).load("forge.yaml", text)
}

#[test]
fn a_file_may_name_it_and_its_models_are_known() {
    let file = load(FILE, Trust::Project).unwrap();
    assert!(file.warnings.is_empty(), "{:?}", file.warnings);
    let provider = &file.plan.providers[0];
    assert_eq!(provider.vendor(), ModelProvider::Custom("acme".into()));
    assert!(provider.capabilities.tools && provider.proxy.is_some());
}

#[test]
fn what_its_kind_says_is_what_a_file_is_told() {
    let project = |wrong: String, expected: &str| {
        let error = load(&wrong, Trust::Project).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let at = "forge.yaml:3:17: error[E114]: providers.mine.type: ";
    project(FILE.replace("acme,", "acne,"), &format!("{at}there is no type `acne`; did you mean `acme`?"));
    project(FILE.replace(", api_key: \"${ACME_TOKEN}\"", ""), "write `api_key: \"${ACME_KEY}\"`");
    project(FILE.replace("${ACME_TOKEN}", "${OPENAI_API_KEY}"), "error[E108]: providers.mine.api_key");
    project(FILE.replace("[tools]", "[images]"), "error[E130]: roles.coder.provider: the role needs images");
    let owned = FILE.replace("model: qwen3", "model: qwen3, headers: { X-Acme-Key: a }");
    let error = load(&owned, Trust::Trusted).unwrap_err().to_string();
    assert!(error.contains("error[E122]: providers.mine.headers.X-Acme-Key"), "{error}");
    let file = load(&FILE.replace("qwen3", "qwen4").replace("needs: [tools]", ""), Trust::Project).unwrap();
    assert!(file.warnings[0].to_string().ends_with("did you mean `qwen3`?"), "{:?}", file.warnings);
}

#[test]
fn it_is_in_the_schema_and_among_the_hidden_names() {
    let (registry, models) = (registry(), forge::models());
    let nothing = Variables(BTreeMap::new());
    let schema = Loader::new(&registry, &models, "2026-11-20".parse().unwrap(), &nothing).schema();
    let kinds = schema["$defs"]["ProviderSpec"]["properties"]["type"]["enum"].as_array().unwrap();
    assert!(kinds.contains(&"acme".into()), "{kinds:?}");
    assert!(registry.brands().contains(&"Acme".to_owned()));
}

#[test]
fn its_variables_are_found_in_the_environment() {
    let set = |name: &str| match name {
        "ACME_TOKEN" => Some("sk-test-1".to_owned()),
        "ACME_URL" => Some("https://elsewhere.example.com".to_owned()),
        _ => None,
    };
    let found = Environment::read_for(&registry(), set).providers;
    assert_eq!((found.len(), found[0].variable, found[0].plan.kind.as_str()), (1, "ACME_TOKEN", "acme"));
    assert_eq!(found[0].plan.endpoint.as_deref(), Some("https://elsewhere.example.com"));
}

fn a_document() -> ModelRequest {
    let source = Source::Base64 { media_type: "application/pdf".into(), data: "AAAA".into() };
    let parts = vec![Part::document(source)];
    ModelRequest::new("").with_message(Message::new(MessageRole::User, parts))
}

fn open(settings: AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError> {
    kind().build(settings)
}

const ACME: Subject = Subject {
    vendor: &Vendor::Vllm,
    provider: || ModelProvider::Custom("acme".into()),
    model: "qwen3",
    open,
    unsupported: a_document,
    exempt: &[
        ("opaque parts", "the dialect has no state"),
        ("token classes", "the server gives totals only"),
        ("quota_exhausted", "nothing is paid for"),
        ("request id", "the server sends none"),
        ("token count", "the server does not offer it"),
    ],
};

mod contract {
    forge_testkit::contract!(super::ACME);
}
