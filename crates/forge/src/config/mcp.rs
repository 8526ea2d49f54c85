//! The section `mcp`.

use std::{net::SocketAddr, path::PathBuf};

use forge_config::{KeyPath, Problem, ResolveContext, Section, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dollars;
use crate::Money;

/// The most dollars that a call or a day may be given.
const MAX_USD: f64 = 1_000_000.0;
/// What they may cost unless the file says otherwise.
const PER_CALL_USD: f64 = 1.0;
const PER_DAY_USD: f64 = 10.0;

/// What Forge is for programs that speak MCP (`forge mcp serve`, and `/mcp/` of `forge serve`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct McpSpec {
    /// Where `forge mcp serve --http` answers questions about code; `127.0.0.1:9001` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Where `forge mcp serve --http` asks models; `127.0.0.1:9002` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<String>,
    /// Connections that `forge mcp serve --http` holds at once; 100 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: Option<i64>,
    /// Dollars that a call may cost, whatever the model that makes it asks for; 1 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub per_call_usd: Option<f64>,
    /// Dollars that all calls of a day (UTC) may cost; 10 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub per_day_usd: Option<f64>,
    /// Folders that may be read, seen from the file's folder; the working directory if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<Vec<PathBuf>>,
}

/// What Forge is for programs that speak MCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct McpPlan {
    /// Where questions about code are answered over HTTP.
    pub context: SocketAddr,
    /// Where models are asked over HTTP.
    pub models: SocketAddr,
    /// Connections at once.
    pub max_connections: usize,
    /// The most that a call may cost.
    pub per_call: Money,
    /// The most that all calls of a day (UTC) may cost.
    pub per_day: Money,
    /// Folders that may be read; the working directory if there are none.
    pub roots: Vec<PathBuf>,
}

impl Default for McpPlan {
    fn default() -> Self {
        Self {
            context: SocketAddr::from(([127, 0, 0, 1], 9001)),
            models: SocketAddr::from(([127, 0, 0, 1], 9002)),
            max_connections: 100,
            per_call: dollars(PER_CALL_USD),
            per_day: dollars(PER_DAY_USD),
            roots: Vec::new(),
        }
    }
}

/// The section `mcp`.
#[derive(Debug)]
pub(super) struct McpSection;

impl Section for McpSection {
    const KEY: Option<&'static str> = Some("mcp");
    type Spec = McpSpec;
    type Plan = McpPlan;

    fn refused(&self, spec: &McpSpec) -> Vec<Problem> {
        let root = KeyPath::ROOT.key("mcp");
        let sets = [
            ("context", spec.context.is_some(), "opens an address of this machine"),
            ("models", spec.models.is_some(), "opens an address of this machine"),
            ("roots", spec.roots.is_some(), "lets models read folders of this machine"),
            ("per_call_usd", spec.per_call_usd > Some(PER_CALL_USD), "lets models spend more than is usual"),
            ("per_day_usd", spec.per_day_usd > Some(PER_DAY_USD), "lets models spend more than is usual"),
        ];
        let set = sets.into_iter().filter(|(_, is_set, _)| *is_set);
        set.map(|(key, _, does)| Problem::untrusted(root.key(key), does)).collect()
    }

    fn resolve(&self, spec: &McpSpec, context: &mut ResolveContext<'_>) -> McpPlan {
        let root = context.root.clone();
        let usual = McpPlan::default();
        let mut address = |key: &str, text: Option<&String>, usual| match text.map(|text| text.parse()) {
            None => usual,
            Some(Ok(address)) => address,
            Some(Err(_)) => {
                let wrong = format!("`{}` is no address with a port", text.map_or("", String::as_str));
                let hint = format!("write for example `{usual}`");
                context.report(Problem::new(code::UNKNOWN_WORD, root.key(key), wrong).with_hint(hint));
                usual
            }
        };
        let places = (
            address("context", spec.context.as_ref(), usual.context),
            address("models", spec.models.as_ref(), usual.models),
        );
        let connections = context.integer(spec.max_connections, 1..=1_000_000, &root.key("max_connections"));
        let mut money = |key: &str, value| context.number(value, 0.0..=MAX_USD, &root.key(key)).map(dollars);
        McpPlan {
            context: places.0,
            models: places.1,
            max_connections: connections.unwrap_or(usual.max_connections),
            per_call: money("per_call_usd", spec.per_call_usd).unwrap_or(usual.per_call),
            per_day: money("per_day_usd", spec.per_day_usd).unwrap_or(usual.per_day),
            roots: spec.roots.clone().unwrap_or_default(),
        }
    }
}
