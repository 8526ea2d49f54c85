//! Replies of the free endpoints, by server.

use serde::{Deserialize, de::IgnoredAny};

/// `GET /v1/models` of all four.
#[derive(Debug, Deserialize)]
pub(crate) struct ModelList {
    #[serde(default)]
    pub(crate) data: Option<Vec<Model>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Model {
    pub(crate) id: String,
    /// vLLM.
    pub(crate) max_model_len: Option<u64>,
    /// llama.cpp.
    pub(crate) meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Meta {
    pub(crate) n_ctx_train: Option<u64>,
}

/// Ollama's `GET /api/version`.
#[derive(Debug, Deserialize)]
pub(crate) struct Version {
    #[serde(rename = "version")]
    _version: String,
}

/// llama.cpp's `GET /health`.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    #[serde(rename = "status")]
    _status: String,
}

/// llama.cpp's `GET /props`.
#[derive(Debug, Deserialize)]
pub(crate) struct Props {
    pub(crate) default_generation_settings: Settings,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Settings {
    pub(crate) n_ctx: u64,
}

/// Ollama's `GET /api/ps`, or LM Studio's `GET /api/v1/models`.
#[derive(Debug, Deserialize)]
pub(crate) struct LoadedModels {
    pub(crate) models: Vec<LoadedModel>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LoadedModel {
    #[serde(alias = "key")]
    pub(crate) name: String,
    /// Ollama: the window that it runs with.
    pub(crate) context_length: Option<u64>,
    /// LM Studio: the window that it could run with.
    pub(crate) max_context_length: Option<u64>,
    #[serde(default)]
    pub(crate) loaded_instances: Vec<Instance>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Instance {
    pub(crate) config: Option<InstanceConfig>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InstanceConfig {
    pub(crate) context_length: Option<u64>,
}

impl LoadedModel {
    /// The window that the model runs with, else the one that it could run with.
    pub(crate) fn window(&self) -> Option<u64> {
        let running = self.loaded_instances.iter().find_map(|one| one.config.as_ref()?.context_length);
        self.context_length.or(running).or(self.max_context_length)
    }
}

/// `POST /tokenize`: vLLM counts, llama.cpp lists.
#[derive(Debug, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) count: Option<u64>,
    #[serde(default)]
    pub(crate) tokens: Vec<IgnoredAny>,
}

/// llama.cpp's `POST /apply-template`.
#[derive(Debug, Deserialize)]
pub(crate) struct Prompt {
    pub(crate) prompt: String,
}

/// What llama.cpp takes at `POST /tokenize`.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Tokenize<'a> {
    pub(crate) content: &'a str,
    pub(crate) add_special: bool,
    pub(crate) parse_special: bool,
}
