use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
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

/// One of the servers that speak Chat Completions with habits of their own. Two with the same id are equal.
#[derive(Clone, Copy)]
pub struct Compatible(&'static Server);

impl Compatible {
    pub(crate) const fn server(self) -> &'static Server {
        self.0
    }
}

impl PartialEq for Compatible {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Compatible {}

impl PartialOrd for Compatible {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Compatible {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id.cmp(other.0.id)
    }
}

impl Hash for Compatible {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
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
    /// Every vendor that the simulator brings along, in the order of their ids in the documentation.
    pub const ALL: [Self; OWN.len() + SERVERS.len()] = {
        const ROWS: &[Server] = &SERVERS;
        let mut all = [Self::Anthropic; OWN.len() + SERVERS.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = if index < OWN.len() { OWN[index] } else { Self::of(&ROWS[index - OWN.len()]) };
            index += 1;
        }
        all
    };

    /// The vendor that this row describes: one that the program adds with [`SimConfig::servers`].
    ///
    /// [`SimConfig::servers`]: crate::SimConfig::servers
    pub const fn of(server: &'static Server) -> Self {
        Self::Compatible(Compatible(server))
    }

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

    /// The path that a client's base URL carries for this vendor, without the host. As with the real vendors,
    /// some hold the version and some do not.
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

    /// Every vendor of a simulator to which these servers were added.
    pub(crate) fn known(added: &[&'static Server]) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(added.iter().copied().map(Self::of))
    }

    pub(crate) fn find(id: &str, added: &[&'static Server]) -> Result<Self, UnknownVendor> {
        let known = || Self::known(added);
        known().find(|vendor| vendor.id() == id).ok_or_else(|| UnknownVendor {
            id: id.to_owned(),
            known: known().map(Self::id).collect::<Vec<_>>().join(", "),
        })
    }

    /// Splits a request path into the vendor and the rest, which starts with `/`.
    pub(crate) fn split_path<'p>(path: &'p str, added: &[&'static Server]) -> Option<(Self, &'p str)> {
        let (first, rest) =
            path.strip_prefix('/')?.split_at_checked(path[1..].find('/').unwrap_or(path.len() - 1))?;
        let vendor = Self::known(added).find(|vendor| vendor.id() == first)?;
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
#[error("unknown vendor `{id}` (known: {known})")]
pub struct UnknownVendor {
    id: String,
    known: String,
}

impl FromStr for Vendor {
    type Err = UnknownVendor;

    fn from_str(text: &str) -> Result<Self, UnknownVendor> {
        Self::find(text, &[])
    }
}

/// A vendor is written as its id.
impl Serialize for Vendor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// Of the vendors that the simulator brings along.
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
            assert_eq!(Vendor::split_path(vendor.base_path(), &[]).map(|(found, _)| found), Some(vendor));
        }
    }

    #[test]
    fn an_unknown_vendor_is_told_the_known_ones() {
        let error = "claude".parse::<Vendor>().unwrap_err().to_string();
        assert!(error.contains("anthropic, openai") && error.contains("deepseek"), "{error}");
    }

    #[test]
    fn paths_split_after_the_vendor() {
        assert_eq!(Vendor::split_path("/openai/v1/models", &[]), Some((Vendor::OpenAi, "/v1/models")));
        assert_eq!(Vendor::split_path("/ollama", &[]), Some((Vendor::Ollama, "/")));
        assert_eq!(Vendor::split_path("/ollama/", &[]), Some((Vendor::Ollama, "/")));
        assert_eq!(Vendor::split_path("/ollamax/", &[]), None);
        assert_eq!(Vendor::split_path("", &[]), None);
    }
}
