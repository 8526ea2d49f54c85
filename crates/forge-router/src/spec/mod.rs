//! The configuration as written. Nothing is checked here but names and types; see
//! [`RouterPlan::resolve`](crate::RouterPlan::resolve).

mod enabled;
mod model;
mod policy;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{
    enabled::{Enabled, EnabledWhen},
    model::{ModelSpec, PriceSpec},
    policy::{BreakerSpec, CacheSpec, RetrySpec, TimeoutSpec},
};

/// The router's part of a `forge.yaml`.
///
/// Texts marked as *expanded* may hold `${NAME}` (a variable), `${NAME:-default}` and `${file:PATH}` (the
/// trimmed content of a file); `$$` stands for a dollar sign.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RouterSpec {
    /// The version of this format: "1.0".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// Providers by id: lower-case letters, digits and inner hyphens. Where nothing else decides, the first one is
    /// asked first.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub providers: IndexMap<String, ProviderSpec>,
    /// What is known of models that the table does not know, or knows otherwise, by the name as their vendor spells it.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub models: IndexMap<String, ModelSpec>,
    /// Groups of providers that share the load, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pools: BTreeMap<String, PoolSpec>,
    /// Which provider does which job. In a session, nobody but those whom a role names sees its texts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, RoleSpec>,
    /// The provider or pool for roles without one, and the last fallback of all others. A role that is not named
    /// is done by those who prefer it, then by the default, then by every provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_provider: Option<String>,
    /// A single provider, in the old form; it gets the id `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("deprecated" = true)))]
    pub provider: Option<ProviderSpec>,
    /// When failed attempts are made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetrySpec>,
    /// When a failing provider is left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerSpec>,
    /// Which replies are given again without a call; none unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheSpec>,
    /// What all calls together may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetSpec>,
    /// What the calls with a tag may cost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<TagBudgetSpec>,
}

/// One model behind one credential.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSpec {
    /// The kind of adapter that reaches the vendor.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The model's name as the vendor spells it (expanded).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The credential (expanded); best written as `${NAME}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// Several credentials in place of `api_key` (expanded). They take turns, `limits` hold for each of them, and where
    /// the vendor refuses one, the next is asked at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<Vec<String>>,
    /// Where the vendor's API begins (expanded); only for proxies, compatible vendors and local servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The vendor whose habits hold, where another than the kind's own speaks its dialect: `forge providers list --known`
    /// names them. The endpoint tells if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// What only servers of one's own take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalSpec>,
    /// The session that answers, of a provider of `type: session`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionModelSpec>,
    /// The proxy to go through (expanded), or `none`. The usual variables tell if unset: `HTTP_PROXY`, `HTTPS_PROXY`,
    /// `ALL_PROXY`, `NO_PROXY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// A file with the certificates, in PEM, of authorities that are trusted beside those of the system (expanded).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `false` takes the provider out without removing its lines; `auto` does where the variable of its key is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<Enabled>,
    /// Settings of every request to it that neither the request nor the role sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<ParameterSpec>,
    /// What may be sent to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitSpec>,
    /// What it may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetSpec>,
    /// Roles that it is best at; it is chosen first for them where there is a choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferred_roles: Vec<String>,
    /// Prices that take the place of those in the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceSpec>,
    /// Headers sent with every request (values expanded).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The clocks of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<TimeoutSpec>,
}

/// What only servers of one's own take. Any of the last three makes calls through the server's own API.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LocalSpec {
    /// `native` for the server's own API, `compatible` for the one that all such servers have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["native", "compatible", null])))]
    pub api: Option<String>,
    /// The window with which the model is loaded, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub num_ctx: Option<i64>,
    /// How long the model stays loaded after a call, such as `"10m"`, or a number of seconds, such as `"600"`; `"-1"` for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<String>,
    /// Whether the model thinks before it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think: Option<bool>,
}

/// A session that answers like a model: several models are asked, and one document comes of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SessionModelSpec {
    /// How deep it goes: `council` (if unset), `review` or `direct`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["council", "review", "direct", null])))]
    pub mode: Option<String>,
    /// Dollars that one answer may cost; what `budget.per_session_usd` says if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub max_cost_usd: Option<f64>,
    /// What is told while it runs: `thinking` (if unset) for stages and counts as thoughts of the model, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["thinking", "none", null])))]
    pub progress: Option<String>,
    /// What becomes of a request with tools, which a session does not call: `refuse` (if unset); `ignore`, and the session
    /// answers without them; `direct`, and the first synthesizer answers alone, as programs need that run a loop of tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["refuse", "ignore", "direct", null])))]
    pub tools: Option<String>,
    /// How many critics read a draft, 1 to 8; what `session.critics` says if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 8)))]
    pub critics: Option<i64>,
    /// How many times a draft is criticised and rewritten, 1 to 3; what `session.cycles` says if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 3)))]
    pub cycles: Option<i64>,
    /// Whether people are asked after each cycle what to do next, and how long their decision is waited for, such as `10m`;
    /// without one by then it goes on by itself. Nobody is asked if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attended: Option<String>,
}

/// Settings of requests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ParameterSpec {
    /// The most tokens an answer may have, thinking included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub max_tokens: Option<i64>,
    /// Randomness, 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 2)))]
    pub temperature: Option<f64>,
    /// Keep the most likely tokens up to this probability, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub top_p: Option<f64>,
    /// Keep this many most likely tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub top_k: Option<i64>,
    /// Ask for repeatable answers; no vendor promises them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = -2, max = 2)))]
    pub presence_penalty: Option<f64>,
    /// -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = -2, max = 2)))]
    pub frequency_penalty: Option<f64>,
    /// How hard the model should think: none, minimal, low, medium, high, xhigh or max.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["none", "minimal", "low", "medium", "high", "xhigh", "max", null])))]
    pub effort: Option<String>,
    /// Texts that end the answer when the model writes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// Has a vendor that caches prompts only where it is told to keep tools, system text and the conversation so far, for 5m or 1h.
    /// What is kept costs more once, and little when it comes again. Requests with marks of their own stay as they are; other
    /// vendors cache by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["5m", "1h", null])))]
    pub prompt_cache: Option<String>,
    /// Raw vendor fields, set on the top level of the request.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// What may be sent to a provider.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LimitSpec {
    /// Requests per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub requests_per_minute: Option<i64>,
    /// Uncached input tokens per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub input_tokens_per_minute: Option<i64>,
    /// Output tokens per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub output_tokens_per_minute: Option<i64>,
    /// Requests that may go out together when none has gone out for a while; a twelfth of those per minute and at
    /// most 5 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub burst: Option<i64>,
    /// Calls at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub concurrent: Option<i64>,
}

/// What calls may cost. A day and a month end at midnight UTC.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BudgetSpec {
    /// Dollars per call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub per_call_usd: Option<f64>,
    /// Tokens of both directions per call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub per_call_tokens: Option<i64>,
    /// Dollars per session. A call outside of a session counts as one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub per_session_usd: Option<f64>,
    /// Tokens of both directions per session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub per_session_tokens: Option<i64>,
    /// Dollars per day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub per_day_usd: Option<f64>,
    /// Tokens of both directions per day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub per_day_tokens: Option<i64>,
    /// Dollars per month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub per_month_usd: Option<f64>,
    /// Tokens of both directions per month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub per_month_tokens: Option<i64>,
    /// Dollars in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub total_usd: Option<f64>,
    /// Tokens of both directions in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub total_tokens: Option<i64>,
}

/// What the calls with a tag may cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TagBudgetSpec {
    /// The tag's key, such as team, workflow or client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The tag's value; without one, every value has a budget of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What they may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetSpec>,
}

/// A group of providers that share the load.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PoolSpec {
    /// How a member is picked: priority, `round_robin`, weighted, `least_connections`, `lowest_cost` or
    /// `lowest_latency`. `priority` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["priority", "round_robin", "weighted", "least_connections", "lowest_cost", "lowest_latency", null])))]
    pub strategy: Option<String>,
    /// Who belongs to it.
    pub members: Vec<MemberSpec>,
}

/// A member of a pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct MemberSpec {
    /// A provider or another pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Its share of the load, 1 to 1000; 1 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub weight: Option<i64>,
}

/// Who does a job.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RoleSpec {
    /// The provider or pool that is asked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Several that do the job side by side, in place of `provider`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<Vec<String>>,
    /// Who is asked when the ones before cannot answer, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Vec<String>>,
    /// Replies without an answer that lead to the next fallback: `empty` (nothing was said), `error` (the model wrote what
    /// its vendor could not use), `content_filtered` (a filter of the vendor) and `refusal` (the model declined). `empty`
    /// and `error` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("items" = {"type": "string", "enum": ["empty", "error", "content_filtered", "refusal"]})))]
    pub fallback_on: Option<Vec<String>>,
    /// Settings of every request in this role that the request does not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<ParameterSpec>,
    /// What every model of the role must be able to do: tools, images, documents, `structured_output`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("items" = {"type": "string", "enum": ["tools", "images", "documents", "structured_output"]})))]
    pub needs: Vec<String>,
    /// The context window, in tokens, that every model of the role must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub min_context: Option<i64>,
    /// Ask the next route as well when the first is unusually slow to begin; at most one call in twenty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedge: Option<bool>,
    /// What the role may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetSpec>,
}
