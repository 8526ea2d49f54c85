//! An adapter for Acme, a vendor that does not exist, written outside of Forge's workspace.

mod reply;
mod request;
mod wire;

use std::{sync::Arc, time::Duration};

use forge_core::{
    Adapter, AdapterKind, CallContext, Capabilities, ModelId, ModelRequest, Participant, Provider,
    ProviderError, ResponseStream, async_trait,
    event::RateLimitStatus,
    model::ModelInfo,
    provider::{AdapterSettings, Health, Timeouts},
    request::Delivery,
};
use forge_http::{Connection, Dialect, Endpoint, EventOptions, Framing};

const DIALECT: Dialect = Dialect {
    base_url: "https://api.acme.example/v1",
    credential: ("authorization", "Bearer "),
    headers: &[],
    timeouts: Timeouts::USUAL,
    rate_limits: |_, _| RateLimitStatus::default(),
    classify: reply::classify,
};

/// For calls beside the talk itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Acme's models.
#[derive(Debug)]
pub struct AcmeProvider {
    settings: AdapterSettings,
    connection: Connection,
    talk: Endpoint,
    models: Endpoint,
}

impl AcmeProvider {
    /// A provider with these settings, checked.
    pub fn from_settings(settings: AdapterSettings) -> Result<Self, ProviderError> {
        let connection = Connection::new(&settings, DIALECT)?;
        let (talk, models) = (connection.endpoint(["talk"]), connection.endpoint(["models"]));
        Ok(Self { settings, connection, talk, models })
    }
}

/// The adapter as files name it; a program registers it beside those of `forge::registry()`.
pub fn kind() -> AdapterKind {
    AdapterKind::new("acme", |settings| Ok(Arc::new(AcmeProvider::from_settings(settings)?)))
        .with_key(&["ACME_API_KEY"])
        .with_base_url(DIALECT.base_url, &["ACME_BASE_URL"])
        .with_owned_headers(&[DIALECT.credential.0])
        .with_brands(&["Acme"])
        .with_usual(Participant::new("acme".into(), "acme-1"))
        .with_capabilities(capabilities)
}

fn capabilities(_model: &ModelId) -> Capabilities {
    let mut able = Capabilities::default();
    (able.tools, able.structured_output) = (true, true);
    able
}

#[async_trait]
impl Provider for AcmeProvider {
    fn name(&self) -> &str {
        self.settings.id.as_str()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.settings.capabilities(model, capabilities)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let request = request.parsed()?;
        self.settings.check(cx.model(), request)?;
        let (body, warnings) = request::to_wire(self.name(), cx.model(), request)?;
        let options = EventOptions { warnings, keep_raw: request.keep_raw, schema: None };
        let reply = self.connection.post(cx, &self.talk, body, request.delivery).await?;
        match request.delivery {
            Delivery::Stream => Ok(reply.events(Framing::Sse, reply::Decoder::default(), options)),
            Delivery::Whole => reply.whole(options, reply::from_wire).await,
        }
    }
}

#[async_trait]
impl Adapter for AcmeProvider {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        let models = self.models().await?;
        Ok(if models.is_empty() { Health::Empty } else { Health::Ready })
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let reply = self.connection.get(&self.models, &[], PATIENCE).await?;
        let list: wire::ModelList = reply.json().await?;
        Ok(list.models.into_iter().map(ModelInfo::new).collect())
    }

    async fn count_tokens(&self, model: &ModelId, _: &ModelRequest) -> Result<u64, ProviderError> {
        Err(ProviderError::unsupported(self.name(), model, "a count of tokens"))
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        self.connection.rate_limit_status()
    }
}
