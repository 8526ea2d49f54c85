//! The adapter.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::{
    Adapter, AdapterSettings, CallContext, Capabilities, Delivery, ErrorKind, Health, ModelId, ModelInfo,
    ModelProvider, ModelRequest, Provider, ProviderError, ProviderId, RateLimitStatus, ResponseStream,
    SecretString, Timeouts,
};
use forge_http::{Connection, Dialect, Endpoint, EventOptions, Framing, hints::RateField};
use http::HeaderMap;

use crate::{
    chat, error,
    profile::{self, Profile, models},
    responses,
    wire::listing::{ModelList, TokenTotal},
};

pub(crate) const DIALECT: Dialect = Dialect {
    base_url: "https://api.openai.com/v1",
    credential: ("authorization", "Bearer "),
    headers: &[],
    timeouts: Timeouts::USUAL,
    rate_limits,
    classify: error::classify,
};

/// How long calls outside of model requests may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// OpenAI, or a server that speaks its Chat Completions dialect.
///
/// The connection is set up at the first use. The model decides which API is called: Responses for
/// GPT-5 and later, Chat Completions for everything else.
#[derive(Debug)]
pub struct OpenAIProvider {
    settings: AdapterSettings,
    api: OnceLock<Api>,
}

#[derive(Debug)]
struct Api {
    connection: Connection,
    responses: Endpoint,
    chat: Endpoint,
    models: Endpoint,
    input_tokens: Endpoint,
}

impl Api {
    fn open(settings: &AdapterSettings) -> Result<Self, ProviderError> {
        let connection = Connection::new(settings, DIALECT)?;
        Ok(Self {
            responses: connection.endpoint(["responses"]),
            chat: connection.endpoint(["chat", "completions"]),
            models: connection.endpoint(["models"]),
            input_tokens: connection.endpoint(["responses", "input_tokens"]),
            connection,
        })
    }
}

impl OpenAIProvider {
    /// OpenAI with this key, under the name `openai`.
    pub fn new(key: impl Into<SecretString>) -> Self {
        Self::unopened(AdapterSettings { api_key: Some(key.into()), ..AdapterSettings::new("openai") })
    }

    /// An adapter with these settings. They are checked; nothing is sent.
    pub fn from_settings(settings: AdapterSettings) -> Result<Self, ProviderError> {
        let api = OnceLock::from(Api::open(&settings)?);
        Ok(Self { settings, api })
    }

    /// The same adapter with another address of the API, up to and including `/v1`.
    pub fn with_base_url(self, url: impl Into<String>) -> Self {
        Self::unopened(AdapterSettings { base_url: Some(url.into()), ..self.settings })
    }

    /// The same adapter under another name.
    pub fn with_id(self, id: impl Into<ProviderId>) -> Self {
        Self::unopened(AdapterSettings { id: id.into(), ..self.settings })
    }

    /// The same adapter with other timeouts.
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        Self::unopened(AdapterSettings { timeouts: Some(timeouts), ..self.settings })
    }

    fn unopened(settings: AdapterSettings) -> Self {
        Self { settings, api: OnceLock::new() }
    }

    fn api(&self) -> Result<&Api, ProviderError> {
        if let Some(api) = self.api.get() {
            return Ok(api);
        }
        let api = Api::open(&self.settings)?;
        Ok(self.api.get_or_init(|| api))
    }

    async fn list(&self) -> Result<ModelList, ProviderError> {
        let api = self.api()?;
        api.connection.get(&api.models, &[], PATIENCE).await?.json().await
    }
}

#[async_trait]
impl Provider for OpenAIProvider {
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
        let (model, delivery) = (cx.model(), request.delivery);
        self.settings.check(model, &request)?;
        let profile = Profile::said(&self.settings, model);
        let (endpoint, (body, warnings)) = match profile.api {
            profile::Api::Responses => {
                (&api.responses, responses::to_wire(self.name(), model, &request, &profile)?)
            }
            profile::Api::Chat { limit } => (
                &api.chat,
                chat::to_wire(
                    self.name(),
                    &ModelProvider::OpenAI,
                    model,
                    &request,
                    &profile.chat_rules(limit),
                )?,
            ),
        };
        let reply = api.connection.post(cx, endpoint, body, delivery).await?;
        let options = EventOptions { warnings, keep_raw: request.keep_raw, schema: None };
        match (profile.api, delivery) {
            (profile::Api::Responses, Delivery::Stream) => Ok(reply.events(
                Framing::Sse,
                responses::Decoder::new(model.clone(), self.settings.id.clone()),
                options,
            )),
            (profile::Api::Responses, Delivery::Whole) => {
                let origin = &self.settings.id;
                reply.whole(options, |body, events| responses::from_wire(body, model, origin, events)).await
            }
            (profile::Api::Chat { .. }, Delivery::Stream) => {
                Ok(reply.events(Framing::Sse, chat::Decoder::new(), options))
            }
            (profile::Api::Chat { .. }, Delivery::Whole) => reply.whole(options, chat::from_wire).await,
        }
    }
}

#[async_trait]
impl Adapter for OpenAIProvider {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        let list = self.list().await?;
        Ok(if list.data.is_empty() { Health::Empty } else { Health::Ready })
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let list = self.list().await?;
        let listed = list.data.into_iter().filter_map(|model| {
            let retires = model.shutdown_date.and_then(|day| day.parse().ok());
            let info = ModelInfo::new(model.id?);
            let row = models().find(&ModelProvider::OpenAI, &info.id);
            Some(ModelInfo {
                context_tokens: row.and_then(|row| row.context_tokens),
                max_output_tokens: row.and_then(|row| row.max_output_tokens),
                retires: retires.or_else(|| row.and_then(|row| row.retires)),
                ..info
            })
        });
        Ok(listed.collect())
    }

    async fn count_tokens(&self, model: &ModelId, request: &ModelRequest) -> Result<u64, ProviderError> {
        let api = self.api()?;
        let body = responses::to_count(self.name(), model, request, &Profile::said(&self.settings, model))?;
        let total: TokenTotal = api.connection.ask(&api.input_tokens, body, PATIENCE).await?.json().await?;
        total.input_tokens.known().ok_or_else(|| {
            let message = "the reply does not say how many tokens the request has";
            ProviderError::new(ErrorKind::Decode, self.name(), message)
                .with(|facts| facts.model = Some(model.clone()))
        })
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        self.api.get().map(|api| api.connection.rate_limit_status()).unwrap_or_default()
    }
}

/// The rate limits that stand in the replies' headers:
/// `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`.
fn rate_limits(headers: &HeaderMap, now: DateTime<Utc>) -> RateLimitStatus {
    let mut status = RateLimitStatus::default();
    for (name, value) in headers {
        let Some(rest) = name.as_str().strip_prefix("x-ratelimit-") else { continue };
        let Some((word, what)) = rest.split_once('-') else { continue };
        let window = match what {
            "requests" => &mut status.requests,
            "tokens" => &mut status.tokens,
            _ => continue,
        };
        if let Some(field) = RateField::from_word(word) {
            field.read(value, now, window);
        }
    }
    status
}
