//! Which server it is, found out without loading a model.

use std::time::Duration;

use forge_core::{ErrorKind, ProviderError};
use forge_http::{Connection, Endpoint};

use crate::{
    error::is_loading,
    wire::listing::{LoadedModels, Status, Version},
};

/// A local model server. What differs between them is which fields they heed and what they offer beside
/// calls; the Chat dialect is common to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ServerKind {
    /// Ollama. It cuts long prompts without a word and heeds no tool choice; only its own API sets the
    /// context window.
    Ollama,
    /// The server of llama.cpp. With one model loaded it answers for any model name.
    LlamaCpp,
    /// vLLM. Its port is closed until the model is loaded.
    Vllm,
    /// LM Studio. It loads models on demand, so that a first call may wait for one.
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
            // A server that is down has not said of which kind it is.
            Err(error) if matches!(error.kind, ErrorKind::Transport | ErrorKind::Timeout) => Err(error),
            Err(error) => Ok(Err(error)),
        };
        // In this order: each question is one that the servers asked about later do not answer in the same
        // form.
        if let Ok(body) = ask(&self.version).await?
            && serde_json::from_slice::<Version>(&body).is_ok()
        {
            return Ok(ServerKind::Ollama);
        }
        match ask(&self.health).await? {
            // vLLM's is an empty 200, llama.cpp's an object with a status.
            Ok(body) if body.is_empty() => return Ok(ServerKind::Vllm),
            Ok(body) if serde_json::from_slice::<Status>(&body).is_ok() => return Ok(ServerKind::LlamaCpp),
            // Of the four, only llama.cpp answers so before its model is there; vLLM's port is closed until
            // then.
            Err(error) if is_loading(&error) => return Ok(ServerKind::LlamaCpp),
            _ => {}
        }
        match ask(&self.instances).await? {
            Ok(body) if serde_json::from_slice::<LoadedModels>(&body).is_ok() => Ok(ServerKind::LmStudio),
            _ => Ok(ServerKind::Unknown),
        }
    }
}
