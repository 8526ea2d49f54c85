//! Replies of the free endpoints, by server.

use forge_http::lenient::{self, Count};
use serde::{Deserialize, de::IgnoredAny};

/// `GET /v1/models` of all four.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModelList {
    #[serde(deserialize_with = "lenient::objects")]
    pub(crate) data: Vec<Model>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Model {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) id: Option<String>,
    /// vLLM.
    pub(crate) max_model_len: Count,
    /// llama.cpp.
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) meta: Meta,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Meta {
    /// The window that the model was trained with; what the server runs with is in `/props`.
    pub(crate) n_ctx_train: Count,
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
    /// The window that the server runs with, in tokens.
    pub(crate) n_ctx: Count,
}

/// Ollama's `GET /api/ps`, or LM Studio's `GET /api/v1/models`.
#[derive(Debug, Deserialize)]
pub(crate) struct LoadedModels {
    /// What it must have, so that another server's list is not taken for it.
    pub(crate) models: Vec<LoadedModel>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoadedModel {
    #[serde(alias = "key", deserialize_with = "lenient::string")]
    pub(crate) name: Option<String>,
    /// Ollama: the window that it runs with.
    pub(crate) context_length: Count,
    /// LM Studio: the window that it could run with.
    pub(crate) max_context_length: Count,
    #[serde(deserialize_with = "lenient::objects")]
    pub(crate) loaded_instances: Vec<Instance>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Instance {
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) config: InstanceConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InstanceConfig {
    pub(crate) context_length: Count,
}

impl LoadedModel {
    /// The window that the model runs with, else the one that it could run with.
    pub(crate) fn window(&self) -> Option<u64> {
        let running = self.loaded_instances.iter().find_map(|one| one.config.context_length.known());
        self.context_length.known().or(running).or(self.max_context_length.known())
    }
}

/// `POST /tokenize`: vLLM counts, llama.cpp lists.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens {
    pub(crate) count: Count,
    #[serde(deserialize_with = "lenient::value")]
    pub(crate) tokens: Option<Vec<IgnoredAny>>,
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
