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
use forge_http::{Connection, Dialect, Endpoint, EventOptions, Framing, fit::PlainTools};

use crate::{
    address, error, profile, relay,
    request::{self, Mapped},
    response,
    stream::Decoder,
    wire::reply::{ModelPage, TokenTotal},
};

pub(crate) const DIALECT: Dialect = Dialect {
    base_url: "https://api.anthropic.com",
    // Never together with `Authorization`: the vendor refuses a request that carries both.
    credential: ("x-api-key", ""),
    // Required on every request. A header of the configuration replaces it, see `profile::is_newer`.
    headers: &[("anthropic-version", "2023-06-01")],
    timeouts: Timeouts::USUAL,
    rate_limits: error::rate_limits,
    classify: error::classify,
};

/// For calls beside the messages themselves: they run no model, so that ten seconds of silence is a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// Claude models through Anthropic's Messages API.
///
/// One call is one request; nothing is retried. Connections are set up by the first call and shared by all
/// later ones. Limits, prices and abilities come from [`models`](crate::models) unless the settings bring
/// rows of their own. Errors name the provider by its configured id.
#[derive(Debug)]
pub struct AnthropicProvider {
    settings: AdapterSettings,
    // Every builder method starts over with an empty cell: an address or header that was checked under
    // earlier settings says nothing about the new ones.
    api: OnceLock<Api>,
}

#[derive(Debug)]
struct Api {
    connection: Connection,
    messages: Endpoint,
    count: Endpoint,
    models: Endpoint,
}

impl AnthropicProvider {
    /// A provider named `anthropic` with this API key. A key or base URL that cannot be used is
    /// reported by the first call; [`from_settings`](Self::from_settings) reports it at once.
    pub fn new(key: impl Into<SecretString>) -> Self {
        let settings = AdapterSettings { api_key: Some(key.into()), ..AdapterSettings::new("anthropic") };
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

    /// Reaches the API at `url` instead of `https://api.anthropic.com`. The version (`v1`) is added where it
    /// is missing, and the path of a call, such as `/v1/messages`, is taken off.
    pub fn with_base_url(self, url: impl Into<String>) -> Self {
        let settings = AdapterSettings { base_url: Some(url.into()), ..self.settings };
        Self { settings, api: OnceLock::new() }
    }

    /// Names the provider in errors and accounts; the default is `anthropic`. Two providers with keys of
    /// their own need two names.
    pub fn with_id(self, id: impl Into<ProviderId>) -> Self {
        Self { settings: AdapterSettings { id: id.into(), ..self.settings }, api: OnceLock::new() }
    }

    /// Sets the clocks of a call: connecting, first content, gap between contents, total. Calls beside the
    /// messages (health, models, token counts) keep ten seconds of their own.
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
        let api = Api {
            messages: connection.endpoint(["messages"]),
            count: connection.endpoint(["messages", "count_tokens"]),
            models: connection.endpoint(["models"]),
            connection,
        };
        Ok(self.api.get_or_init(|| api))
    }
}

#[async_trait]
impl Provider for AnthropicProvider {
    fn name(&self) -> &str {
        self.settings.id.as_str()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        let mut able = self.settings.capabilities(model, profile::capabilities);
        // The version of the API goes before all else: it refuses what the model itself would take.
        able.sampling &= !profile::is_newer(&self.settings);
        able
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let api = self.api()?;
        let model = cx.model();
        self.settings.check(model, &request)?;
        if let Some(carried) = request.carried().filter(|_| self.relays(model, &request)) {
            return relay::send(&api.connection, &api.messages, cx, &request, carried).await;
        }
        let (request, tools) = PlainTools::of(request.into_parsed()?, false);
        let Mapped { body, warnings, check } =
            request::to_wire(self.name(), model, &request, &self.settings)?;
        let options = EventOptions { warnings, keep_raw: request.keep_raw, schema: check };
        let reply = api.connection.post(cx, &api.messages, body, request.delivery).await?;
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
impl Adapter for AnthropicProvider {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        let api = self.api()?;
        // The listing is free and needs the key, so that it tells a bad credential (401) without a model's
        // work.
        let reply = api.connection.get(&api.models, &[("limit", "1")], PATIENCE).await?;
        let page: ModelPage = reply.json().await?;
        Ok(if page.data.is_empty() { Health::Empty } else { Health::Ready })
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let api = self.api()?;
        let mut models = Vec::new();
        let mut after = String::new();
        loop {
            // The largest page that the vendor gives; its default of 20 would take several calls.
            let query = [("limit", "1000"), ("after_id", after.as_str())];
            let query = if after.is_empty() { &query[..1] } else { &query[..] };
            let page: ModelPage = api.connection.get(&api.models, query, PATIENCE).await?.json().await?;
            models.extend(page.data.into_iter().map(|model| ModelInfo {
                display_name: model.display_name,
                context_tokens: model.max_input_tokens.known(),
                max_output_tokens: model.max_tokens.known(),
                ..ModelInfo::new(model.id)
            }));
            match page.last_id {
                // A page that does not get further would be asked for without end.
                Some(last) if page.has_more && last != after => after = last,
                _ => return Ok(models),
            }
        }
    }

    async fn count_tokens(&self, model: &ModelId, request: &ModelRequest) -> Result<u64, ProviderError> {
        let api = self.api()?;
        let body = request::to_count(self.name(), model, request.parsed()?, &self.settings)?;
        let total: TokenTotal = api.connection.ask(&api.count, body, PATIENCE).await?.json().await?;
        // Estimates have a type of their own; none is passed off as the vendor's count.
        total.input_tokens.known().ok_or_else(|| {
            let message = "the vendor gave no number of tokens that can be right";
            ProviderError::new(ErrorKind::Decode, self.name(), message)
                .with(|facts| facts.model = Some(model.clone()))
        })
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        self.api().map(|api| api.connection.rate_limit_status()).unwrap_or_default()
    }

    fn relays(&self, model: &ModelId, request: &ModelRequest) -> bool {
        relay::takes(&self.settings, model, request)
    }
}
