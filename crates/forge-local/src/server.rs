//! Which server it is, found out without loading a model.

use std::time::Duration;

use forge_core::{ErrorKind, ProviderError};
use forge_http::{Connection, Endpoint};

use crate::{
    error::is_loading,
    wire::listing::{LoadedModels, Status, Version},
};

/// A local model server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ServerKind {
    /// Ollama.
    Ollama,
    /// The server of llama.cpp.
    LlamaCpp,
    /// vLLM.
    Vllm,
    /// LM Studio.
    LmStudio,
    /// Any other server that speaks the Chat Completions dialect, or one that has not been asked yet.
    #[default]
    Unknown,
}

impl ServerKind {
    /// The names of the servers in files. A server that is not told apart from others is of no kind.
    pub(crate) const NAMED: [(&'static str, Self); 5] = [
        ("ollama", Self::Ollama),
        ("llamacpp", Self::LlamaCpp),
        ("vllm", Self::Vllm),
        ("lmstudio", Self::LmStudio),
        ("sglang", Self::Unknown),
    ];

    /// Where the server listens unless told otherwise; Ollama's address for an unknown server.
    pub const fn default_url(self) -> &'static str {
        match self {
            Self::Ollama | Self::Unknown => "http://127.0.0.1:11434",
            Self::LlamaCpp => "http://127.0.0.1:8080",
            Self::Vllm => "http://127.0.0.1:8000",
            Self::LmStudio => "http://127.0.0.1:1234",
        }
    }
}

/// Addresses that tell the servers apart.
#[derive(Debug)]
pub(crate) struct Probes {
    pub(crate) version: Endpoint,
    pub(crate) health: Endpoint,
    pub(crate) instances: Endpoint,
}

impl Probes {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            version: connection.endpoint(["api", "version"]),
            health: connection.endpoint(["health"]),
            instances: connection.endpoint(["api", "v1", "models"]),
        }
    }

    /// Asks each server for what only it has. An address that a server does not know is an answer,
    /// too; a server that cannot be reached is an error.
    pub(crate) async fn kind(
        &self,
        connection: &Connection,
        patience: Duration,
    ) -> Result<ServerKind, ProviderError> {
        let ask = async |endpoint: &Endpoint| match connection.get(endpoint, &[], patience).await {
            Ok(mut reply) => Ok(Ok(reply.bytes().await?)),
            Err(error) if matches!(error.kind, ErrorKind::Transport | ErrorKind::Timeout) => Err(error),
            Err(error) => Ok(Err(error)),
        };
        if let Ok(body) = ask(&self.version).await?
            && serde_json::from_slice::<Version>(&body).is_ok()
        {
            return Ok(ServerKind::Ollama);
        }
        match ask(&self.health).await? {
            Ok(body) if body.is_empty() => return Ok(ServerKind::Vllm),
            Ok(body) if serde_json::from_slice::<Status>(&body).is_ok() => return Ok(ServerKind::LlamaCpp),
            Err(error) if is_loading(&error) => return Ok(ServerKind::LlamaCpp),
            _ => {}
        }
        match ask(&self.instances).await? {
            Ok(body) if serde_json::from_slice::<LoadedModels>(&body).is_ok() => Ok(ServerKind::LmStudio),
            _ => Ok(ServerKind::Unknown),
        }
    }
}
