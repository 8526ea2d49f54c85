//! Clocks, retries, circuit breakers and the cache as written.

use serde::{Deserialize, Serialize};

/// The clocks of a call, such as `500ms`, `30s` or `10m`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutSpec {
    /// Until the connection stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["5s"])))]
    pub connect: Option<String>,
    /// From sending the request to the first content of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["120s"])))]
    pub first_event: Option<String>,
    /// Between pieces of content of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["45s"])))]
    pub gap: Option<String>,
    /// From sending the request to the end of the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["10m"])))]
    pub total: Option<String>,
}

/// When failed attempts are made again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RetrySpec {
    /// Attempts at one route, the first included, 1 to 10; 3 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10)))]
    pub max_attempts: Option<i64>,
    /// The bound of the first wait, such as `500ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["500ms"])))]
    pub initial_backoff: Option<String>,
    /// The bound that no wait exceeds, unless the vendor asks for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["30s"])))]
    pub max_backoff: Option<String>,
    /// The longest wait that a vendor may ask for while another route can be asked, such as `10s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["10s"])))]
    pub patience: Option<String>,
    /// By how much the bound grows from wait to wait, 1 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10)))]
    pub multiplier: Option<f64>,
}

/// When a failing provider is left alone, and for how long.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSpec {
    /// This many failures in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub consecutive_failures: Option<i64>,
    /// This share of failures within the window, above 0 and up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub error_rate: Option<f64>,
    /// The window of the error rate, such as `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["30s"])))]
    pub window: Option<String>,
    /// How long it is left alone the first time; doubles with every probe that fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["15s"])))]
    pub cooldown: Option<String>,
}

/// Which replies are given again to exactly the same request, for no money. They are kept in memory, with their
/// requests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CacheSpec {
    /// How long a reply stays good; an hour if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["10m"])))]
    pub time_to_live: Option<String>,
    /// The most replies; 1,000 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub max_entries: Option<i64>,
    /// The most bytes of replies and requests; 64 MiB if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub max_bytes: Option<i64>,
    /// Whether requests that set no temperature are cached as well. Otherwise only those with a temperature of 0 are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_default_temperature: Option<bool>,
    /// The roles whose calls it is for; with neither `roles` nor `models`, it is for every call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The names of `serve.models` whose calls it is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
}
