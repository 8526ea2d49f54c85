//! The adapter.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::{
    Adapter, CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError,
    ProviderId, ResponseStream, SecretString,
    event::RateLimitStatus,
    model::ModelInfo,
    provider::{AdapterSettings, Health, Timeouts},
    request::{Carried, Delivery},
};
use forge_http::{
    Connection, Dialect, Endpoint, EventOptions, Framing,
    fit::{PlainTools, Stops},
    hints::RateField,
};
use http::HeaderMap;

use crate::{
    base, chat,
    compatible::{KeyHeader, Row, refused},
    embeddings, error,
    profile::{self, Profile, models},
    relay::{self, Relay},
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

/// How long calls outside of model requests may take. They run no model, but the lists of some vendors are
/// long.
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
    row: &'static Row,
    /// The address names a deployment, which has no other call than a chat.
    chats_only: bool,
    connection: Connection,
    responses: Endpoint,
    chat: Endpoint,
    embeddings: Endpoint,
    models: Endpoint,
    input_tokens: Endpoint,
}

impl Api {
    fn open(settings: &AdapterSettings) -> Result<Self, ProviderError> {
        let row = Row::of(settings)?;
        let query = query(settings, row)?;
        let usual =
            // A vendor whose row has a path has a host for every user (Azure); OpenAI's address would get
            // another vendor's key.
            row.vendor.base_url.as_deref().or((row.habits.path.is_none()).then_some(DIALECT.base_url));
        let Some(url) = settings.base_url.as_deref().or(usual) else {
            let message = format!("{} needs a base URL: every user has another one", row.vendor.name);
            return Err(refused(settings, message));
        };
        let base_url = base::api(url, row);
        // Azure's older address names a deployment, and the Responses API stands outside of it.
        let chats_only = base_url.contains("/deployments/");
        let dialect = match row.habits.key_header {
            KeyHeader::Bearer => DIALECT,
            // Azure takes keys in `api-key`; in `authorization` it expects a token of its directory.
            KeyHeader::ApiKey => Dialect { credential: ("api-key", ""), ..DIALECT },
        };
        let settings = AdapterSettings { base_url: Some(base_url), ..settings.clone() };
        let connection = Connection::new(&settings, dialect)?;
        let endpoint = |segments: &[&'static str]| {
            let endpoint = connection.endpoint(segments.iter().copied());
            if query.is_empty() { endpoint } else { endpoint.with_query(&query) }
        };
        Ok(Self {
            responses: endpoint(&["responses"]),
            chat: endpoint(&["chat", "completions"]),
            embeddings: endpoint(&["embeddings"]),
            models: endpoint(&["models"]),
            input_tokens: endpoint(&["responses", "input_tokens"]),
            row,
            chats_only,
            connection,
        })
    }

    fn profile(&self, settings: &AdapterSettings, model: &ModelId) -> Profile {
        let profile = Profile::said(settings, model, &self.row.habits);
        if self.chats_only { profile.chatting() } else { profile }
    }
}

/// The settings that only this kind has: the version that Azure wants in the query.
fn query<'a>(
    settings: &'a AdapterSettings,
    row: &Row,
) -> Result<Vec<(&'static str, &'a str)>, ProviderError> {
    let mut query = Vec::new();
    for (name, value) in &settings.options {
        match (name.as_str(), value.as_str(), row.habits.key_header) {
            ("api_version", Some(version), KeyHeader::ApiKey) => query.push(("api-version", version)),
            ("api_version", None, KeyHeader::ApiKey) => {
                return Err(refused(settings, "`api_version` has to be a text".to_owned()));
            }
            _ => {
                let message =
                    format!("`{name}` is no option here; there is `api_version`, for the dialect `azure`");
                return Err(refused(settings, message));
            }
        }
    }
    Ok(query)
}

impl OpenAIProvider {
    /// OpenAI with this key, under the name `openai`. A key or address that cannot be used is reported by the
    /// first call; [`from_settings`](Self::from_settings) reports it at once.
    pub fn new(key: impl Into<SecretString>) -> Self {
        Self::unopened(AdapterSettings { api_key: Some(key.into()), ..AdapterSettings::new("openai") })
    }

    /// An adapter with these settings. They are checked; nothing is sent, so that a key which the vendor does
    /// not know passes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] when the dialect or an option is not known, when the vendor needs a base
    /// URL and has none, or when the base URL, the proxy, the certificates, the key or a header cannot be
    /// used.
    pub fn from_settings(settings: AdapterSettings) -> Result<Self, ProviderError> {
        let api = OnceLock::from(Api::open(&settings)?);
        Ok(Self { settings, api })
    }

    /// The same adapter with another address, of the host or of the API: `/v1` is added where no version stands in it.
    pub fn with_base_url(self, url: impl Into<String>) -> Self {
        Self::unopened(AdapterSettings { base_url: Some(url.into()), ..self.settings })
    }

    /// The same adapter for a vendor whose servers speak the dialect in their own way, by its name in
    /// [`kind`](crate::kind). Unless it is said, the address tells it.
    pub fn with_dialect(self, vendor: impl Into<String>) -> Self {
        Self::unopened(AdapterSettings { dialect: Some(vendor.into()), ..self.settings })
    }

    /// The same adapter under another name, which errors and accounts give. State that the vendor binds to an
    /// account goes back through the provider of this name alone.
    pub fn with_id(self, id: impl Into<ProviderId>) -> Self {
        Self::unopened(AdapterSettings { id: id.into(), ..self.settings })
    }

    /// The same adapter with other clocks of a call. Calls beside those of models keep 30 seconds of their
    /// own.
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

    async fn relay(
        &self,
        api: &Api,
        kind: profile::Api,
        cx: &CallContext,
        request: &ModelRequest,
        carried: &Carried,
    ) -> Result<ResponseStream, ProviderError> {
        let (connection, habits) = (&api.connection, &api.row.habits);
        if carried.dialect == relay::EMBEDDINGS {
            return embeddings::send(connection, &api.embeddings, cx, carried).await;
        }
        match kind {
            profile::Api::Responses => {
                let relay =
                    Relay { connection, endpoint: &api.responses, habits, limit: "max_output_tokens" };
                let (vendor, origin) = (api.row.provider(), &self.settings.id);
                let decoder = || responses::Decoder::new(vendor.clone(), cx.model().clone(), origin.clone());
                relay.send(cx, request, carried, decoder, responses::Decoder::whole).await
            }
            profile::Api::Chat { .. } => {
                let relay = Relay { connection, endpoint: &api.chat, habits, limit: "max_completion_tokens" };
                let withheld = carried.added.contains(&relay::USAGE);
                let decoder =
                    || chat::Decoder::new().with_counting(habits.counting).with_usage_withheld(withheld);
                relay.send(cx, request, carried, decoder, chat::Decoder::whole).await
            }
        }
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
        let profile = api.profile(&self.settings, model);
        let vendor = api.row.provider();
        if let Some(carried) = request.carried().filter(|_| self.relays(model, &request)) {
            return self.relay(api, profile.api, cx, &request, carried).await;
        }
        let request = request.into_parsed()?;
        // What one of the vendor's calls has, the other lacks.
        let (request, tools, stops) = match profile.api {
            profile::Api::Responses => {
                let stops = Stops::of(&request.stop_sequences);
                (request, PlainTools::default(), stops)
            }
            profile::Api::Chat { limit } => {
                let takes_text = profile.chat_rules(limit, &api.row.habits).freeform_tools;
                let (request, tools) = PlainTools::of(request, takes_text);
                (request, tools, Stops::default())
            }
        };
        let (endpoint, sent) = match profile.api {
            profile::Api::Responses => {
                (&api.responses, responses::to_wire(self.name(), &vendor, model, &request, &profile)?)
            }
            profile::Api::Chat { limit } => {
                let rules = profile.chat_rules(limit, &api.row.habits);
                (&api.chat, chat::to_wire(self.name(), &vendor, model, &request, &rules)?)
            }
        };
        let reply = api.connection.post(cx, endpoint, sent.body, delivery).await?;
        let options =
            EventOptions { warnings: sent.warnings, keep_raw: request.keep_raw, schema: sent.schema };
        let events = match profile.api {
            profile::Api::Responses => {
                let decoder = || {
                    responses::Decoder::new(vendor.clone(), model.clone(), self.settings.id.clone())
                        .with_turn(request.messages.len())
                };
                match delivery {
                    Delivery::Stream => reply.events(Framing::Sse, decoder(), options),
                    Delivery::Whole => {
                        reply.whole(options, |body, events| decoder().whole(body, events)).await?
                    }
                }
            }
            profile::Api::Chat { .. } => {
                let habits = &api.row.habits;
                // Another adapter speaks to the same models in a dialect in which this state means nothing.
                let origin = api.row.shares_models().then(|| self.settings.id.clone());
                let decoder = || {
                    chat::Decoder::new()
                        .with_turn(request.messages.len())
                        .with_counting(habits.counting)
                        .with_state(vendor.clone(), model.clone(), origin.clone())
                        .with_think_tags(habits.tags(model))
                };
                match delivery {
                    Delivery::Stream => reply.events(Framing::Sse, decoder(), options),
                    Delivery::Whole => {
                        reply.whole(options, |body, events| decoder().whole(body, events)).await?
                    }
                }
            }
        };
        Ok(tools.restore(stops.cut(events)))
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
        let vendor = self.api()?.row.provider();
        let listed = list.data.into_iter().filter_map(|model| {
            // The vendor's own day goes before the table's, which is as old as this crate.
            let retires = model.shutdown_date.and_then(|day| day.parse().ok());
            let info = ModelInfo::new(model.id?);
            let row = models().find(&vendor, &info.id);
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
        if !api.row.habits.own_models {
            // The endpoint belongs to the Responses API, which the vendors of the dialect do not have.
            return Err(ProviderError::unsupported(self.name(), model, "counting tokens"));
        }
        // The counting endpoint takes the form of the Responses API, whichever API the model is called
        // through.
        let profile = Profile::said(&self.settings, model, &api.row.habits);
        let body = responses::to_count(self.name(), &api.row.provider(), model, request, &profile)?;
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

    fn relays(&self, model: &ModelId, request: &ModelRequest) -> bool {
        request.carried().is_some()
            && self.api().is_ok_and(|api| {
                let longest = || self.capabilities(model).max_output_tokens;
                relay::takes(&api.profile(&self.settings, model), &api.row.habits, longest, request)
            })
    }
}

/// The rate limits that stand in the replies' headers:
/// `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`.
fn rate_limits(headers: &HeaderMap, now: DateTime<Utc>) -> RateLimitStatus {
    let mut status = RateLimitStatus::default();
    for (name, value) in headers {
        let Some(rest) = name.as_str().strip_prefix("x-ratelimit-") else { continue };
        // From the left, so that `tokens_usage_based` and `project-tokens`, which count something else, stay
        // apart.
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
