//! The provider itself.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use forge_core::{
    Adapter, CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError,
    ProviderId, ResponseStream, SecretString,
    event::RateLimitStatus,
    model::ModelInfo,
    provider::{AdapterSettings, Health, Timeouts},
    request::Delivery,
};
use forge_http::{Connection, Dialect, Endpoint, EventOptions, Framing, fit::PlainTools, lenient::Count};

use crate::{
    address, error,
    profile::{self, Profile},
    relay,
    request::{self, Mapped},
    response,
    stream::Decoder,
    wire::reply::{ModelPage, TokenTotal},
};

/// The vendor says nothing about rate limits before they are exceeded.
pub(crate) const DIALECT: Dialect = Dialect {
    base_url: "https://generativelanguage.googleapis.com/v1beta",
    // The vendor takes the key as `?key=` too; addresses end up in logs, headers marked as sensitive do not.
    credential: ("x-goog-api-key", ""),
    headers: &[],
    timeouts: Timeouts::USUAL,
    rate_limits: |_headers, _now| RateLimitStatus::default(),
    classify: error::classify,
};

/// For calls beside the completions themselves: they run no model, so that ten seconds of silence is a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gemini models through Google's Gemini API (`generativelanguage`, not Vertex).
///
/// One call is one request; nothing is retried. Connections are set up by the first call and shared by all
/// later ones. Model names are taken with and without `models/`. The vendor sends no headers about rate
/// limits, so that [`rate_limit_status`](forge_core::Adapter::rate_limit_status) stays unknown.
#[derive(Debug)]
pub struct GoogleProvider {
    settings: AdapterSettings,
    api: OnceLock<Api>,
}

#[derive(Debug)]
struct Api {
    connection: Connection,
    models: Endpoint,
}

impl Api {
    /// The address of a method of the model; `models/x` names the same model as `x`.
    fn method(&self, model: &ModelId, method: &str) -> Endpoint {
        let segment = format!("{}:{method}", profile::plain_id(model.as_str()));
        self.connection.endpoint(["models", &segment])
    }
}

impl GoogleProvider {
    /// A provider named `google` with this API key. A key or base URL that cannot be used is reported
    /// by the first call; [`from_settings`](Self::from_settings) reports it at once.
    pub fn new(key: impl Into<SecretString>) -> Self {
        let settings = AdapterSettings { api_key: Some(key.into()), ..AdapterSettings::new("google") };
        Self { settings, api: OnceLock::new() }
    }

    /// A provider with these settings, checked. Nothing is sent, so that a key which the vendor does not know
    /// passes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] when the base URL, the proxy, the certificates, the key or a header
    /// cannot be used.
    pub fn from_settings(settings: AdapterSettings) -> Result<Self, ProviderError> {
        let provider = Self { settings, api: OnceLock::new() };
        provider.api()?;
        Ok(provider)
    }

    /// Reaches the API at `url` instead of `https://generativelanguage.googleapis.com/v1beta`. The version
    /// (`v1beta`) is added where none stands, and the path of a call, such as `/models`, is taken off.
    pub fn with_base_url(self, url: impl Into<String>) -> Self {
        let settings = AdapterSettings { base_url: Some(url.into()), ..self.settings };
        Self { settings, api: OnceLock::new() }
    }

    /// Names the provider in errors and accounts; the default is `google`. Two providers with keys of their
    /// own need two names.
    pub fn with_id(self, id: impl Into<ProviderId>) -> Self {
        Self { settings: AdapterSettings { id: id.into(), ..self.settings }, api: OnceLock::new() }
    }

    /// Sets the clocks of a call: connecting, first content, gap between contents, total. Calls beside the
    /// completions (health, models, token counts) keep ten seconds of their own.
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        Self { settings: AdapterSettings { timeouts: Some(timeouts), ..self.settings }, api: OnceLock::new() }
    }

    fn api(&self) -> Result<&Api, ProviderError> {
        if let Some(api) = self.api.get() {
            return Ok(api);
        }
        let base_url = self.settings.base_url.as_deref().unwrap_or(DIALECT.base_url);
        let settings =
            AdapterSettings { base_url: Some(address::versioned(base_url)), ..self.settings.clone() };
        let connection = Connection::new(&settings, DIALECT)?;
        let api = Api { models: connection.endpoint(["models"]), connection };
        Ok(self.api.get_or_init(|| api))
    }
}

#[async_trait]
impl Provider for GoogleProvider {
    fn name(&self) -> &str {
        self.settings.id.as_str()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.settings.capabilities(model, profile::capabilities)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let api = self.api()?;
        let model = cx.model();
        self.settings.check(model, &request)?;
        let profile = Profile::said(&self.settings, model);
        let endpoint = match request.delivery {
            // Without this the stream is one JSON array.
            Delivery::Stream => api.method(model, "streamGenerateContent").with_query(&[("alt", "sse")]),
            Delivery::Whole => api.method(model, "generateContent"),
        };
        if let Some(carried) = request.carried().filter(|_| self.relays(model, &request)) {
            return relay::send(&api.connection, &endpoint, cx, &request, carried).await;
        }
        let (request, tools) = PlainTools::of(read(request)?, false);
        let Mapped { body, warnings, check } = request::to_wire(self.name(), model, &request, &profile)?;
        let options = EventOptions { warnings, keep_raw: request.keep_raw, schema: check };
        let reply = api.connection.post(cx, &endpoint, body, request.delivery).await?;
        let events = match request.delivery {
            Delivery::Stream => reply.events(Framing::Sse, Decoder::new(model.clone()), options),
            Delivery::Whole => {
                reply.whole(options, |body, events| response::from_wire(body, model, events)).await?
            }
        };
        Ok(tools.restore(events))
    }
}

#[async_trait]
impl Adapter for GoogleProvider {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        let api = self.api()?;
        // Free, and it needs the key: a bad one is a 400 with the reason `API_KEY_INVALID`. It says nothing
        // of credit, because an account that has used up its own still lists models.
        let reply = api.connection.get(&api.models, &[("pageSize", "1")], PATIENCE).await?;
        let page: ModelPage = reply.json().await?;
        Ok(if page.models.is_empty() { Health::Empty } else { Health::Ready })
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let api = self.api()?;
        let mut models = Vec::new();
        let mut token = String::new();
        loop {
            // The largest page, so that one call does.
            let query = [("pageSize", "1000"), ("pageToken", token.as_str())];
            let query = if token.is_empty() { &query[..1] } else { &query[..] };
            let page: ModelPage = api.connection.get(&api.models, query, PATIENCE).await?.json().await?;
            models.extend(page.models.into_iter().map(|model| ModelInfo {
                display_name: model.display_name,
                context_tokens: model.input_token_limit.known(),
                max_output_tokens: model.output_token_limit.known(),
                ..ModelInfo::new(profile::plain_id(&model.name))
            }));
            match page.next_page_token.filter(|next| !next.is_empty()) {
                // A page that does not get further would be asked for without end.
                Some(next) if next != token => token = next,
                _ => return Ok(models),
            }
        }
    }

    async fn count_tokens(&self, model: &ModelId, request: &ModelRequest) -> Result<u64, ProviderError> {
        let api = self.api()?;
        let body = request::to_count(self.name(), model, request, &Profile::said(&self.settings, model))?;
        let endpoint = api.method(model, "countTokens");
        let total: TokenTotal = api.connection.ask(&endpoint, body, PATIENCE).await?.json().await?;
        total.total_tokens.or(Count::Known(0)).known().ok_or_else(|| {
            let message = "the vendor gave no number of tokens that can be right";
            ProviderError::new(ErrorKind::Decode, self.name(), message)
                .with(|facts| facts.model = Some(model.clone()))
        })
    }

    fn relays(&self, model: &ModelId, request: &ModelRequest) -> bool {
        let longest = || self.capabilities(model).max_output_tokens;
        relay::takes(&Profile::said(&self.settings, model), longest, request)
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        self.api().map(|api| api.connection.rate_limit_status()).unwrap_or_default()
    }
}

/// The request as it was read. A limit of a carried one that its body does not have stays.
fn read(request: Arc<ModelRequest>) -> Result<Arc<ModelRequest>, ProviderError> {
    let (max_tokens, delivery) = (request.max_tokens, request.delivery);
    if request.carried().is_none() {
        return Ok(request);
    }
    let mut read = request.parsed()?.clone().with_delivery(delivery);
    read.max_tokens = max_tokens.or(read.max_tokens);
    Ok(Arc::new(read))
}
