//! The provider itself.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_trait::async_trait;
use forge_core::{
    CallContext, Capabilities, ModelId, ModelProvider, ModelRequest, Provider, ProviderError, ProviderId,
    ResponseStream, SecretString,
    event::RateLimitStatus,
    provider::{AdapterSettings, Timeouts},
    request::Delivery,
};
use forge_http::{Connection, Dialect, Endpoint, EventOptions, Events, Failure, Framing, fit::PlainTools};
use forge_openai::chat::{self, ThinkTags};

use crate::{
    ServerKind, error,
    estimate::{Compared, Expected},
    native,
    options::{self, Options},
    profile,
    server::Probes,
};

const DIALECT: Dialect = Dialect {
    base_url: ServerKind::Unknown.default_url(),
    credential: ("authorization", "Bearer "),
    headers: &[],
    timeouts: profile::TIMEOUTS,
    // A server of one's own has no limits but its hardware's.
    rate_limits: |_, _| RateLimitStatus::default(),
    classify: error::classify,
};

/// A local model server.
///
/// The connection is set up at the first use. What kind of server it is can be said
/// ([`with_kind`](Self::with_kind)) or is found out by the first
/// [`health_check`](forge_core::Adapter::health_check) or list of
/// [`models`](forge_core::Adapter::models); calls work without knowing.
#[derive(Debug)]
pub struct LocalProvider {
    settings: AdapterSettings,
    kind: ServerKind,
    options: Options,
    api: OnceLock<Api>,
}

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) connection: Connection,
    pub(crate) chat: Endpoint,
    pub(crate) native: Endpoint,
    pub(crate) models: Endpoint,
    pub(crate) running: Endpoint,
    pub(crate) props: Endpoint,
    pub(crate) template: Endpoint,
    pub(crate) tokenize: Endpoint,
    pub(crate) probes: Probes,
    /// What kind of server it turned out to be.
    pub(crate) found: OnceLock<ServerKind>,
    /// The context windows that the server has told, by model.
    pub(crate) windows: Mutex<BTreeMap<ModelId, u64>>,
}

impl LocalProvider {
    /// The server at `base_url`, such as `http://127.0.0.1:11434`, under the name `local` and with
    /// [`TIMEOUTS`](crate::TIMEOUTS). An address that ends in `/v1` means the same.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self::unopened(AdapterSettings { base_url: Some(base_url.into()), ..AdapterSettings::new("local") })
    }

    /// An adapter with these settings. They are checked; nothing is sent, so that a server which does not run
    /// is found by the first call. Its usual clocks are [`TIMEOUTS`](crate::TIMEOUTS). The options `num_ctx`,
    /// `keep_alive` and `think` make it call Ollama's own API.
    ///
    /// # Errors
    /// An invalid request, before anything is sent, when the dialect or an option is not known, or when the
    /// address, the proxy, the certificates, the key or a header cannot be used.
    pub fn from_settings(settings: AdapterSettings) -> Result<Self, ProviderError> {
        let (options, named) = (Options::of(&settings)?, options::kind(&settings)?);
        // No other server has that API.
        let kind = if options.native && named == ServerKind::Unknown { ServerKind::Ollama } else { named };
        let provider = Self { kind, options, ..Self::unopened(settings) };
        provider.api()?;
        Ok(provider)
    }

    /// Sends this key as `Authorization: Bearer`, for servers that were started with one. Ollama ignores it.
    pub fn with_key(self, key: impl Into<SecretString>) -> Self {
        self.reopened(|settings| settings.api_key = Some(key.into()))
    }

    /// Names the provider in errors and accounts; the default is `local`.
    pub fn with_id(self, id: impl Into<ProviderId>) -> Self {
        self.reopened(|settings| settings.id = id.into())
    }

    /// Sets the clocks of a call.
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        self.reopened(|settings| settings.timeouts = Some(timeouts))
    }

    /// Says what kind of server it is; it is not asked then. Without an address, that kind's
    /// [usual one](ServerKind::default_url) is used.
    pub fn with_kind(self, kind: ServerKind) -> Self {
        Self { kind, api: OnceLock::new(), ..self }
    }

    /// Calls Ollama through its own API, where a request can set the context window
    /// (`extra["options"]["num_ctx"]`).
    pub fn with_native(self) -> Self {
        let mut native = self.with_kind(ServerKind::Ollama);
        native.options.native = true;
        native
    }

    /// How long Ollama keeps the model in memory after a call, such as `10m`, `0` or `-1`. Only its own
    /// API takes it, so that it takes effect together with [`with_native`](Self::with_native).
    pub fn with_keep_alive(mut self, duration: impl Into<String>) -> Self {
        self.options.keep_alive = Some(duration.into().into());
        self
    }

    /// What kind of server it is, as far as is known: what was said, else what was found, else
    /// [`ServerKind::Unknown`].
    pub fn kind(&self) -> ServerKind {
        match (self.kind, self.api.get().and_then(|api| api.found.get())) {
            (ServerKind::Unknown, Some(found)) => *found,
            (said, _) => said,
        }
    }

    fn unopened(settings: AdapterSettings) -> Self {
        let (kind, options) = (ServerKind::Unknown, Options::default());
        Self { settings, kind, options, api: OnceLock::new() }
    }

    fn reopened(mut self, change: impl FnOnce(&mut AdapterSettings)) -> Self {
        change(&mut self.settings);
        Self { api: OnceLock::new(), ..self }
    }

    pub(crate) fn api(&self) -> Result<&Api, ProviderError> {
        if let Some(api) = self.api.get() {
            return Ok(api);
        }
        let api = Api::open(&self.settings, self.kind)?;
        Ok(self.api.get_or_init(|| api))
    }

    pub(crate) fn opened(&self) -> Option<&Api> {
        self.api.get()
    }

    /// What the server takes for `model`.
    pub(crate) fn rules(&self, model: &ModelId) -> chat::Rules {
        profile::rules_for(self.kind(), self.settings.said_of(model))
    }

    async fn call_chat(
        &self,
        cx: &CallContext,
        request: &ModelRequest,
        expected: Option<Expected>,
    ) -> Result<ResponseStream, ProviderError> {
        let api = self.api()?;
        let rules = self.rules(cx.model());
        let sent = chat::to_wire(self.name(), &ModelProvider::Local, cx.model(), request, &rules)?;
        let options =
            EventOptions { warnings: sent.warnings, keep_raw: request.keep_raw, schema: sent.schema };
        let reply = api.connection.post(cx, &api.chat, sent.body, request.delivery).await?;
        let decoder = || {
            chat::Decoder::new()
                .with_review(error::review)
                .with_turn(request.messages.len())
                .with_state(ModelProvider::Local, cx.model().clone(), None)
                .with_think_tags(Some(ThinkTags::local(cx.model())))
        };
        match request.delivery {
            Delivery::Stream => {
                Ok(reply.events(Framing::Sse, Compared { decoder: decoder(), expected }, options))
            }
            Delivery::Whole => {
                reply.whole(options, compared(expected, |body, events| decoder().whole(body, events))).await
            }
        }
    }

    async fn call_native(
        &self,
        cx: &CallContext,
        request: &ModelRequest,
        expected: Option<Expected>,
    ) -> Result<ResponseStream, ProviderError> {
        let api = self.api()?;
        let sent = native::to_wire(self.name(), cx.model(), request, &self.options)?;
        let options =
            EventOptions { warnings: sent.warnings, keep_raw: request.keep_raw, schema: sent.schema };
        let reply = api.connection.post(cx, &api.native, sent.body, request.delivery).await?;
        let decoder = || native::Decoder::new(cx.model().clone(), request.messages.len());
        match request.delivery {
            Delivery::Stream => {
                Ok(reply.events(Framing::Ndjson, Compared { decoder: decoder(), expected }, options))
            }
            Delivery::Whole => {
                reply.whole(options, compared(expected, |body, events| decoder().whole(body, events))).await
            }
        }
    }
}

/// Where `SGLang` listens.
const SGLANG_URL: &str = "http://127.0.0.1:30000";

/// The server's address without what people copy together with it: the path of an API or of a call.
fn root(url: &str) -> &str {
    const CALLS: [&str; 7] = [
        "/chat/completions",
        "/responses",
        "/completions",
        "/models",
        "/api/chat",
        "/api/generate",
        "/api/tags",
    ];
    let url = url.trim_end_matches('/');
    let url = CALLS.iter().find_map(|call| url.strip_suffix(call)).unwrap_or(url).trim_end_matches('/');
    ["/v1", "/api"].iter().find_map(|base| url.strip_suffix(base)).unwrap_or(url).trim_end_matches('/')
}

/// Decodes a whole reply and compares it with what was expected.
fn compared(
    expected: Option<Expected>,
    decode: impl Fn(&str, &mut Events) -> Result<(), Failure>,
) -> impl Fn(&str, &mut Events) -> Result<(), Failure> {
    move |body, events| {
        decode(body, events)?;
        if let Some(expected) = expected {
            expected.compare(events);
        }
        Ok(())
    }
}

impl Api {
    fn open(settings: &AdapterSettings, kind: ServerKind) -> Result<Self, ProviderError> {
        let sglang = settings.dialect.as_deref() == Some("sglang");
        let usual = if sglang { SGLANG_URL } else { kind.default_url() };
        let root = Some(root(settings.base_url.as_deref().unwrap_or(usual)).to_owned());
        let connection = Connection::new(&AdapterSettings { base_url: root, ..settings.clone() }, DIALECT)?;
        Ok(Self {
            chat: connection.endpoint(["v1", "chat", "completions"]),
            native: connection.endpoint(["api", "chat"]),
            models: connection.endpoint(["v1", "models"]),
            running: connection.endpoint(["api", "ps"]),
            props: connection.endpoint(["props"]),
            template: connection.endpoint(["apply-template"]),
            tokenize: connection.endpoint(["tokenize"]),
            probes: Probes::new(&connection),
            connection,
            found: OnceLock::new(),
            windows: Mutex::default(),
        })
    }

    /// The window of `model`; Ollama lists models with a tag that a request may leave out.
    fn window(&self, model: &ModelId) -> Option<u64> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = || windows.get(&ModelId::from(format!("{model}:latest")));
        windows.get(model).or_else(latest).copied()
    }
}

#[async_trait]
impl Provider for LocalProvider {
    fn name(&self) -> &str {
        self.settings.id.as_str()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        let window = self.opened().and_then(|api| api.window(model));
        self.settings.capabilities(model, |_| profile::capabilities_on(self.kind(), window))
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        self.settings.check(cx.model(), &request)?;
        // Only Ollama cuts prompts without a word; the others answer with an error.
        let may_cut = matches!(self.kind(), ServerKind::Ollama | ServerKind::Unknown);
        let expected = may_cut.then(|| Expected::of(&request));
        let (request, tools) = PlainTools::of(request, false);
        let events = if self.options.native {
            self.call_native(cx, &request, expected).await
        } else {
            self.call_chat(cx, &request, expected).await
        };
        Ok(tools.restore(events?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_decides_where_a_server_without_an_address_is() {
        let base = |kind, url: Option<&str>| {
            let settings = AdapterSettings { base_url: url.map(Into::into), ..AdapterSettings::new("local") };
            let provider = LocalProvider::from_settings(settings).unwrap().with_kind(kind);
            let shown = format!("{:?}", provider.api().unwrap().connection);
            shown.split("http://").nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        assert_eq!(base(ServerKind::Unknown, None), "127.0.0.1:11434/");
        assert_eq!(base(ServerKind::LlamaCpp, None), "127.0.0.1:8080/");
        assert_eq!(base(ServerKind::Vllm, None), "127.0.0.1:8000/");
        assert_eq!(base(ServerKind::LmStudio, None), "127.0.0.1:1234/");
        for url in [
            "http://host:1/x",
            "http://host:1/x/",
            "http://host:1/x/v1",
            "http://host:1/x/v1/",
            "http://host:1/x//",
            "http://host:1/x/v1/chat/completions",
            "http://host:1/x/v1/responses/",
            "http://host:1/x/api/chat",
            "http://host:1/x/api",
        ] {
            assert_eq!(base(ServerKind::LmStudio, Some(url)), "host:1/x");
        }
    }
}
