//! What the servers have in common: the protocol.

use std::{io, sync::Arc};

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::{RequestContext, ServerInitializeError},
    transport::{async_rw::AsyncRwTransport, io::stdio_pipes},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};

use crate::{context::ContextMcpServer, failure::Failure};

/// Calls of one server under way at once. One more is told to wait.
const MAX_IN_FLIGHT: usize = 64;

/// Bytes of a message on standard input. A longer one is dropped as it comes, and the next one is read.
const MAX_LINE: usize = 8 << 20;

/// A server of one or both kinds, for any number of clients. Clones are the same server.
#[derive(Debug, Clone)]
pub struct McpServer {
    context: Option<ContextMcpServer>,
    tools: Arc<[Tool]>,
    in_flight: Arc<Semaphore>,
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
        Self::new(Some(context))
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

impl McpServer {
    fn new(context: Option<ContextMcpServer>) -> Self {
        let of_context = context.iter().flat_map(|_| ContextMcpServer::tools());
        let tools = of_context.collect();
        Self { context, tools, in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)) }
    }

    /// Serves the client at standard input and output until it closes them. Nothing else may be written there.
    ///
    /// # Errors
    /// The client does not speak the protocol.
    pub async fn serve_stdio(self) -> Result<(), ServeError> {
        let (input, output) = stdio_pipes();
        self.serve(input, output).await
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
        let running = match Box::pin(ServiceExt::serve(self, transport)).await {
            Ok(running) => running,
            // Gone before it said anything.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(ServeError::Opening(error.to_string())),
        };
        running.waiting().await.map(drop).map_err(|error| ServeError::Broken(io::Error::other(error)))
    }

    async fn answer(&self, request: CallToolRequestParams) -> Result<CallToolResult, ErrorData> {
        let unknown = || ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None);
        let Ok(_place) = self.in_flight.try_acquire() else {
            let message = format!("{MAX_IN_FLIGHT} calls are under way");
            return Ok(Failure::new("busy", message, "ask again when one of them has ended").into_result());
        };
        let context = self.context.as_ref().ok_or_else(unknown)?;
        let answered = context.call(&request.name, request.arguments).await.ok_or_else(unknown)?;
        Ok(match answered {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(failure) => failure.into_result(),
        })
    }
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let own = Implementation::new("forge", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(own)
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
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.answer(request).await.map(CallToolResponse::Complete)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }
}
