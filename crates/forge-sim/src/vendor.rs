use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// A simulated server kind. Each has a path prefix of its own on the one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Chat Completions and Responses.
    OpenAi,
    /// Google Gemini `generateContent`.
    Google,
    /// Ollama: native NDJSON and its OpenAI-compatible face.
    Ollama,
    /// The llama.cpp server.
    LlamaCpp,
    /// vLLM's OpenAI-compatible server.
    Vllm,
    /// LM Studio.
    LmStudio,
}

impl Vendor {
    /// Every vendor, in the order of their ids in the documentation.
    pub const ALL: [Self; 7] = [
        Self::Anthropic,
        Self::OpenAi,
        Self::Google,
        Self::Ollama,
        Self::LlamaCpp,
        Self::Vllm,
        Self::LmStudio,
    ];

    /// The id used in paths, scenarios and journals.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Google => "google",
            Self::Ollama => "ollama",
            Self::LlamaCpp => "llamacpp",
            Self::Vllm => "vllm",
            Self::LmStudio => "lmstudio",
        }
    }

    /// The name as people write it.
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Anthropic => "Anthropic",
            Self::OpenAi => "OpenAI",
            Self::Google => "Google",
            Self::Ollama => "Ollama",
            Self::LlamaCpp => "llama.cpp",
            Self::Vllm => "vLLM",
            Self::LmStudio => "LM Studio",
        }
    }

    /// The path that a client's base URL carries for this vendor, without the host.
    pub const fn base_path(self) -> &'static str {
        match self {
            Self::Anthropic => "/anthropic",
            Self::OpenAi => "/openai/v1",
            Self::Google => "/google/v1beta",
            Self::Ollama => "/ollama",
            Self::LlamaCpp => "/llamacpp",
            Self::Vllm => "/vllm",
            Self::LmStudio => "/lmstudio",
        }
    }

    /// Splits a request path into the vendor and the rest, which starts with `/`.
    pub(crate) fn split_path(path: &str) -> Option<(Self, &str)> {
        let (first, rest) =
            path.strip_prefix('/')?.split_at_checked(path[1..].find('/').unwrap_or(path.len() - 1))?;
        let vendor = Self::ALL.into_iter().find(|vendor| vendor.id() == first)?;
        Some((vendor, if rest.is_empty() { "/" } else { rest }))
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Vendor {
    type Err = SimError;

    fn from_str(text: &str) -> Result<Self, SimError> {
        Self::ALL
            .into_iter()
            .find(|vendor| vendor.id() == text)
            .ok_or_else(|| SimError::UnknownVendor(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_back() {
        for vendor in Vendor::ALL {
            assert_eq!(vendor.id().parse::<Vendor>().unwrap(), vendor);
        }
        assert!("claude".parse::<Vendor>().is_err());
    }

    #[test]
    fn paths_split_after_the_vendor() {
        assert_eq!(Vendor::split_path("/openai/v1/models"), Some((Vendor::OpenAi, "/v1/models")));
        assert_eq!(Vendor::split_path("/ollama"), Some((Vendor::Ollama, "/")));
        assert_eq!(Vendor::split_path("/ollama/"), Some((Vendor::Ollama, "/")));
        assert_eq!(Vendor::split_path("/ollamax/"), None);
        assert_eq!(Vendor::split_path(""), None);
    }
}
