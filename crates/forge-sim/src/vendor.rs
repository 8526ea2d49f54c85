use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::compatible::{SERVERS, Server};

/// A simulated server kind. Each has a path prefix of its own on the one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// A server that speaks Chat Completions with habits of its own, known by its id:
    /// `"deepseek".parse::<Vendor>()`.
    Compatible(Compatible),
}

/// One of the servers that speak Chat Completions with habits of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Compatible(u8);

impl Compatible {
    pub(crate) const fn server(self) -> &'static Server {
        const ROWS: &[Server] = &SERVERS;
        &ROWS[self.0 as usize]
    }
}

impl fmt::Debug for Compatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.server().id)
    }
}

const OWN: [Vendor; 7] = [
    Vendor::Anthropic,
    Vendor::OpenAi,
    Vendor::Google,
    Vendor::Ollama,
    Vendor::LlamaCpp,
    Vendor::Vllm,
    Vendor::LmStudio,
];

impl Vendor {
    /// Every vendor, in the order of their ids in the documentation.
    pub const ALL: [Self; OWN.len() + SERVERS.len()] = {
        let mut all = [Self::Anthropic; OWN.len() + SERVERS.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = if index < OWN.len() {
                OWN[index]
            } else {
                #[allow(clippy::cast_possible_truncation, reason = "the table has fewer than 256 rows")]
                Self::Compatible(Compatible((index - OWN.len()) as u8))
            };
            index += 1;
        }
        all
    };

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
            Self::Compatible(row) => row.server().id,
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
            Self::Compatible(row) => row.server().name,
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
            Self::Compatible(row) => row.server().base_path,
        }
    }

    fn named(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.id() == id)
    }

    /// Splits a request path into the vendor and the rest, which starts with `/`.
    pub(crate) fn split_path(path: &str) -> Option<(Self, &str)> {
        let (first, rest) =
            path.strip_prefix('/')?.split_at_checked(path[1..].find('/').unwrap_or(path.len() - 1))?;
        let vendor = Self::named(first)?;
        Some((vendor, if rest.is_empty() { "/" } else { rest }))
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// No simulated vendor has this id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown vendor `{0}` (known: {known})", known = Vendor::ALL.map(Vendor::id).join(", "))]
pub struct UnknownVendor(String);

impl FromStr for Vendor {
    type Err = UnknownVendor;

    fn from_str(text: &str) -> Result<Self, UnknownVendor> {
        Self::named(text).ok_or_else(|| UnknownVendor(text.to_owned()))
    }
}

/// A vendor is written as its id.
impl Serialize for Vendor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Vendor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
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
    fn no_two_vendors_share_an_id_and_every_base_path_leads_to_its_own() {
        for vendor in Vendor::ALL {
            assert_eq!(Vendor::split_path(vendor.base_path()).map(|(found, _)| found), Some(vendor));
        }
    }

    #[test]
    fn an_unknown_vendor_is_told_the_known_ones() {
        let error = "claude".parse::<Vendor>().unwrap_err().to_string();
        assert!(error.contains("anthropic, openai") && error.contains("deepseek"), "{error}");
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
