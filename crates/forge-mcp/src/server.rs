//! What the servers have in common: the protocol.

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use forge::store::Store;
use http_body_util::{Full, combinators::BoxBody};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, DiscoverResult,
        GetPromptRequestMethod, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation,
        InitializeRequestParams, InitializeResult, JsonObject, ListPromptsRequestMethod, ListPromptsResult,
        ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListToolsResult,
        PaginatedRequestParams, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
        ReadResourceResult, ResourceContents, Role, ServerCapabilities, ServerConfig, Tool,
    },
    service::{RequestContext, ServerInitializeError},
    transport::{
        async_rw::AsyncRwTransport,
        io::stdio_pipes,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
        },
    },
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};

use crate::{
    call::Call,
    context::ContextMcpServer,
    failure::Failure,
    models::{self, ModelMcpServer},
    record::{self, Recorder},
};

/// Calls of one server under way at once. One more is told to wait.
const MAX_IN_FLIGHT: usize = 64;

/// Bytes of a message on standard input. A longer one is dropped as it comes, and the next one is read.
const MAX_LINE: usize = 8 << 20;

/// Bytes of a request over HTTP.
const MAX_BODY: usize = 4 << 20;

/// An answer under way.
type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A server as a tower service for requests that were read.
#[derive(Clone)]
pub struct HttpService(StreamableHttpService<McpServer, NeverSessionManager>);

impl tower_service::Service<http::Request<Full<Bytes>>> for HttpService {
    type Response = http::Response<BoxBody<Bytes, Infallible>>;
    type Error = Infallible;
    type Future = Answering<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    // Behind a pointer, so that the protocol's generic code is compiled here and not once more in every program.
    fn call(&mut self, request: http::Request<Full<Bytes>>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").finish_non_exhaustive()
    }
}

/// A server of one or both kinds, for any number of clients. Clones are the same server.
#[derive(Debug, Clone)]
pub struct McpServer {
    context: Option<ContextMcpServer>,
    models: Option<Arc<ModelMcpServer>>,
    tools: Arc<[Tool]>,
    in_flight: Arc<Semaphore>,
    recorder: Recorder,
}

impl Default for McpServer {
    /// One without any tool.
    fn default() -> Self {
        Self::new(None, None, Recorder::new(None, None))
    }
}

/// Why a server came to an end before its client did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The client does not begin as the protocol has it.
    #[error("the client did not begin as the protocol has it: {0}")]
    Opening(String),
    /// The server broke down.
    #[error("the server broke down")]
    Broken(#[source] io::Error),
}

impl From<ContextMcpServer> for McpServer {
    fn from(context: ContextMcpServer) -> Self {
        Self::new(Some(context), None, Recorder::new(None, None))
    }
}

impl From<ModelMcpServer> for McpServer {
    fn from(models: ModelMcpServer) -> Self {
        let recorder = Recorder::new(Some(models.timer()), models.store());
        Self::new(None, Some(Arc::new(models)), recorder)
    }
}

impl ContextMcpServer {
    /// Serves the client at standard input and output until it closes them. Nothing else may be written there.
    ///
    /// # Errors
    /// The client does not speak the protocol.
    pub async fn serve_stdio(self) -> Result<(), ServeError> {
        McpServer::from(self).serve_stdio().await
    }
}

impl ModelMcpServer {
    /// Serves the client at standard input and output until it closes them. Nothing else may be written there.
    ///
    /// # Errors
    /// The client does not speak the protocol.
    pub async fn serve_stdio(self) -> Result<(), ServeError> {
        McpServer::from(self).serve_stdio().await
    }
}

impl McpServer {
    /// This server and another as one, with the tools of both; where both have the same, this one answers.
    #[must_use]
    pub fn with(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        let recorder = self.recorder.or(other.recorder);
        Self::new(self.context.or(other.context), self.models.or(other.models), recorder)
    }

    /// The same with a row for each client and each call in these accounts. A server of models has those of its system.
    #[must_use]
    pub fn with_store(self, store: Arc<Store>) -> Self {
        Self { recorder: self.recorder.with_store(store), ..self }
    }

    /// What was asked of these servers since they began, in the text format of Prometheus: calls by tool and outcome, and how
    /// long they took.
    pub fn figures<'a>(servers: impl IntoIterator<Item = &'a Self>) -> String {
        record::figures(servers.into_iter().map(|server| &server.recorder))
    }

    fn new(
        context: Option<ContextMcpServer>,
        models: Option<Arc<ModelMcpServer>>,
        recorder: Recorder,
    ) -> Self {
        let of_context = context.iter().flat_map(|_| ContextMcpServer::tools());
        let tools = of_context.chain(models.iter().flat_map(|_| ModelMcpServer::tools())).collect();
        let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        Self { context, models, tools, in_flight, recorder }
    }

    /// Ends the councils at work. Each can be gone on with, also by the next process.
    pub fn stop(&self) {
        if let Some(models) = &self.models {
            models.stop();
        }
    }

    /// Serves the client at standard input and output until it closes them. Nothing else may be written there.
    ///
    /// # Errors
    /// The client does not speak the protocol.
    pub async fn serve_stdio(self) -> Result<(), ServeError> {
        self.stdio().await
    }

    /// Behind a pointer, so that it is compiled here and not once more in every program.
    fn stdio(self) -> Answering<'static, Result<(), ServeError>> {
        let (input, output) = stdio_pipes();
        Box::pin(self.serve(input, output))
    }

    /// Serves the client that writes `input` and reads `output`, a message a line, until it closes `input`.
    ///
    /// # Errors
    /// The client does not speak the protocol.
    pub async fn serve(
        self,
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), ServeError> {
        let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_LINE);
        let (recorder, _connected) = self.recorder.clone().connected();
        let running = match Box::pin(ServiceExt::serve(Self { recorder, ..self }, transport)).await {
            Ok(running) => running,
            // Gone before it said anything.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(ServeError::Opening(error.to_string())),
        };
        running.waiting().await.map(drop).map_err(|error| ServeError::Broken(io::Error::other(error)))
    }

    /// The server as a service for HTTP, to be put at one path; both the stateless protocol of 2026-07-28 and the older ones are
    /// answered there. It keeps no sessions: a request that is closed is cancelled.
    ///
    /// It knows this machine's own host names alone and refuses every page of a browser. Whoever lets others in looks at both
    /// first, and may say who calls by a [`CallContext`](forge::CallContext) in the extensions of a request.
    pub fn into_service(self) -> HttpService {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_max_request_body_bytes(MAX_BODY)
            .enforce_origin_validation();
        let sessions = Arc::new(NeverSessionManager::default());
        HttpService(StreamableHttpService::new(move || Ok(self.clone()), sessions, config))
    }

    /// Behind a pointer, like [`stdio`](Self::stdio): the protocol's code is generic, and would hold all of this in each of its forms.
    fn answer(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Answering<'_, Result<CallToolResult, ErrorData>> {
        Box::pin(self.called(request, context))
    }

    async fn called(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let recording = self.recorder.begin(self.name_of(&request.name), &context);
        let answered = self.answered(&request.name, request.arguments, context).await;
        recording.end(match &answered {
            Some(Ok(_)) => "ok",
            Some(Err(failure)) => failure.code,
            None => "no_such_tool",
        });
        let unknown = || ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None);
        Ok(match answered.ok_or_else(unknown)? {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(failure) => failure.into_result(),
        })
    }

    /// The answer of the tool; `None` if there is none of this name.
    async fn answered(
        &self,
        name: &str,
        given: Option<JsonObject>,
        context: RequestContext<RoleServer>,
    ) -> Option<Result<String, Failure>> {
        let Ok(_place) = self.in_flight.try_acquire() else {
            let message = format!("{MAX_IN_FLIGHT} calls are under way");
            return Some(Err(Failure::new("busy", message, "ask again when one of them has ended")));
        };
        let is_of_models = ModelMcpServer::has(name);
        match (&self.context, &self.models) {
            (_, Some(models)) if is_of_models => {
                let call = call(models, context);
                models.call(name, given, &call).await.map(|answer| answer.map(|answer| answer.to_string()))
            }
            (Some(context), _) => context.call(name, given).await,
            _ => None,
        }
    }

    /// The tool's own name, whatever a client has written.
    fn name_of(&self, name: &str) -> &'static str {
        match self.tools.iter().find(|tool| tool.name == name).map(|tool| &tool.name) {
            Some(Cow::Borrowed(name)) => name,
            _ => record::NO_TOOL,
        }
    }
}

/// A call on behalf of whoever makes it, as whoever has let the request in says: with its tags and its budgets.
fn call(models: &ModelMcpServer, request: RequestContext<RoleServer>) -> Call {
    let caller = record::caller(&request).cloned();
    Call { caller: caller.unwrap_or_else(|| models.caller()), timer: models.timer(), request }
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools();
        let capabilities = match self.models {
            Some(_) => capabilities.enable_prompts().enable_resources().build(),
            None => capabilities.build(),
        };
        let own = Implementation::new("forge", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(own)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        self.recorder.greeted(&request.client_info, request.protocol_version.as_str(), &context);
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    async fn discover(&self, context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        if let Some((client, protocol)) = context.meta.client_info().zip(context.meta.protocol_version()) {
            self.recorder.greeted(&client, protocol.as_str(), &context);
        }
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.answer(request, context).await.map(CallToolResponse::Complete)
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        // What the capabilities do not have is an unknown method, not an empty list.
        if self.models.is_none() {
            return Err(ErrorData::method_not_found::<ListPromptsRequestMethod>());
        }
        Ok(ListPromptsResult::with_all_items(models::prompts()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if self.models.is_none() {
            return Err(ErrorData::method_not_found::<GetPromptRequestMethod>());
        }
        let text = models::prompt(&request.name, request.arguments.as_ref());
        let message = format!("there is no prompt `{}`, or what it is about is missing", request.name);
        let text = text.ok_or_else(|| ErrorData::invalid_params(message, None))?;
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        if self.models.is_none() {
            return Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>());
        }
        Ok(ListResourceTemplatesResult::with_all_items(vec![models::template()]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let unknown =
            |message: String| ErrorData::resource_not_found(message, Some(json!({"uri": request.uri})));
        let nothing = || unknown(format!("there is nothing at {}", request.uri));
        let models = self.models.as_ref().ok_or_else(nothing)?;
        let call = call(models, context);
        let text: Answering<'_, _> = Box::pin(models.resource(&request.uri, &call));
        let text = text.await;
        let text = text.map_err(|failure| unknown(failure.into_message()))?;
        let contents = ResourceContents::text(text, request.uri).with_mime_type("text/markdown");
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }
}
