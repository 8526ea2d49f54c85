//! The section `serve` as it is written.

use std::path::PathBuf;

use forge_router::SessionModelSpec;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The server that `forge serve` is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServeSpec {
    /// Where it listens: `127.0.0.1:4600`, `unix:/path/of/a.sock`, `systemd:`. Places that other machines reach need keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<Vec<String>>,
    /// An address for `/livez`, `/readyz` and `/metrics`, in plain HTTP and without keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<String>,
    /// Where a person watches the server: `unix` for a socket in the folder of the state, an address of this machine such as
    /// `127.0.0.1:4602`, which asks for the token that `forge serve url` shows, or `off`; `unix` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<String>,
    /// The certificate for addresses of the network; they speak plain HTTP without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// Host names beyond those of the machine under which it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Pages of browsers that may ask, by their exact origin, such as `https://chat.example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<Vec<String>>,
    /// Proxies in front of the server, as addresses or networks such as `10.0.0.0/8`: their `X-Forwarded-For` is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_proxies: Option<Vec<String>>,
    /// The dialects that are served: `chat`, `responses`, `messages`, `gemini`, `embeddings`; all of them if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formats: Option<Vec<String>>,
    /// What clients may put into `model`, and who answers then. A `*` in a name stands for any letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<IndexMap<String, AliasSpec>>,
    /// What has a name of its own beside `models`: `roles`, `pools`, `providers`; all of them if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose: Option<Vec<String>>,
    /// The name that stands in for one that nobody has; without it such a request is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_model: Option<String>,
    /// Whether a body goes on as it came where the vendor speaks its dialect, and the reply comes back so; true if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<bool>,
    /// What it takes upon itself at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ServeLimitSpec>,
    /// What happens to fields that mean nothing to the server: `ignore` (if unset) or `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_fields: Option<String>,
    /// What of Anthropic's `anthropic-beta` goes on to the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub betas: Option<BetasSpec>,
    /// What is kept of responses for clients of OpenAI's Responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responses: Option<KeptResponsesSpec>,
    /// What happens to a call whose client goes away: `cancel` (if unset) or `finish`, which pays for all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disconnect: Option<String>,
    /// What is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<ServeLogSpec>,
    /// How long a call may take in all; 15m if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["15m"]))]
    pub timeout: Option<String>,
    /// How long calls under way have to end when the server does; 30s if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["30s"]))]
    pub grace: Option<String>,
}

/// Features that clients of Anthropic's API ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BetasSpec {
    /// Names that are taken out, or patterns in which `*` stands for any letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<Vec<String>>,
}

/// What a server keeps of responses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KeptResponsesSpec {
    /// How long a response and what it answers are kept, unless its client says `"store": false`, such as `30d`, 3650d at most; or
    /// `off` (if unset).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["30d", "off"]))]
    pub store: Option<String>,
}

/// What a server logs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServeLogSpec {
    /// Whether each request has a line of JSON on standard error, with nothing of its body; `false` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<bool>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSpec {
    /// The file of the certificate and of those that vouch for it, in PEM.
    pub cert: PathBuf,
    /// The file of its private key, in PEM.
    pub key: PathBuf,
}

/// Who answers under a name: one of a role, a pool, a provider and a session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AliasSpec {
    /// A role, with its whole chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// A pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// A provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// A session of several models, as a provider of `type: session` and of this name would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionModelSpec>,
    /// The model that the provider is asked for: an id, or `same` for the name that the client writes; the one that it is
    /// set up for if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What a server takes upon itself at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServeLimitSpec {
    /// The most bytes of a request; 33,554,432 (32 MiB) if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub body_bytes: Option<i64>,
    /// The most bytes of all requests that are being read; 268,435,456 (256 MiB) if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 1_099_511_627_776_i64))]
    pub all_body_bytes: Option<i64>,
    /// The most connections; 1,024 if unset. Who comes beyond waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: Option<i64>,
    /// The most calls under way; 256 if unset. Who comes beyond is told to come again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub in_flight: Option<i64>,
    /// The limits of keys that have none of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_key: Option<KeyLimitSpec>,
}

/// The limits of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KeyLimitSpec {
    /// Requests in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub rpm: Option<i64>,
    /// Tokens in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    pub tpm: Option<i64>,
    /// Requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub concurrent: Option<i64>,
}
