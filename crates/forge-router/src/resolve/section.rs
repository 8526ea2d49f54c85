//! The router's keys as a section of a file.

use std::collections::BTreeSet;

use forge_config::{Key, KeyPath, Problem, ResolveContext, Section};
use serde_json::Value;

use super::{RouterSection, trust};
use crate::{RouterPlan, RouterSpec, code};

/// What only a provider may set.
const PROVIDER_KEYS: [&str; 5] = ["type", "model", "api_key", "api_keys", "endpoint"];

/// What other programs call a key, and what does it here.
const KEYS: [(&[&str], &str); 12] = [
    (&["base_url", "baseurl", "api_base", "apibase", "url", "host", "base"], "`endpoint` of the provider"),
    (&["key", "token", "auth_token"], "`api_key: \"${NAME}\"` of the provider"),
    (
        &["maxretries", "max_retries", "num_retries", "retries"],
        "`retry: { max_attempts: N + 1 }`: the first attempt counts as well",
    ),
    (
        &["timeout", "request_timeout", "stream_timeout"],
        "`timeouts: { first_event: 60s, total: 10m }` of the provider",
    ),
    (&["rpm"], "`limits: { requests_per_minute: N }` of the provider"),
    (&["tpm"], "`limits: { input_tokens_per_minute: N }` of the provider"),
    (
        &["maxconnections", "max_connections", "max_parallel_requests"],
        "`limits: { concurrent: N }` of the provider",
    ),
    (&["max_tokens", "maxtokens", "temperature", "top_p"], "`parameters: { ... }` of the provider or role"),
    (
        &["routing", "strategy", "routing_strategy", "router_settings"],
        "`pools: { NAME: { strategy: ..., members: [...] } }`",
    ),
    (
        &["fallbackenabled", "fallbacks", "fallback_models"],
        "`roles: { NAME: { provider: ..., fallback: [...] } }`",
    ),
    (
        &["model_list", "litellm_settings", "general_settings"],
        "`providers: { NAME: { type: ..., model: ... } }`",
    ),
    (&["max_budget", "budget_duration", "max_cost"], "`budget: { per_day_usd: N }`"),
];

impl Section for RouterSection<'_> {
    const KEY: Option<&'static str> = None;
    type Spec = RouterSpec;
    type Plan = RouterPlan;

    fn resolve(&self, spec: &RouterSpec, context: &mut ResolveContext<'_>) -> RouterPlan {
        self.plan(spec, context)
    }

    fn refused(&self, spec: &RouterSpec) -> Vec<Problem> {
        trust::check(spec, self.registry)
    }

    fn complete_schema(&self, schema: &mut Value) {
        let names = self.registry.kinds().iter().map(|kind| Value::from(kind.name.as_str()));
        let names: Vec<_> = names.chain([Value::Null]).collect();
        schema["$defs"]["ProviderSpec"]["properties"]["type"]["enum"] = names.into();
    }

    fn misplaced(&self, path: &KeyPath) -> Option<Problem> {
        let [Key::Name(section), _, Key::Name(inner), Key::Name(key)] = path.steps() else {
            return foreign_key(path);
        };
        if section != "roles" || inner != "parameters" || !PROVIDER_KEYS.contains(&key.as_str()) {
            return foreign_key(path);
        }
        let message = format!("a role cannot override `{key}`, which belongs to the provider");
        let problem = Problem::new(code::ROLE_OVERRIDE, path.clone(), message);
        Some(problem.with_hint("add a provider with it and name that one in the role"))
    }

    fn follows_from(&self, problem: &Problem, cut: &BTreeSet<KeyPath>) -> bool {
        let top = |name: &str| cut.contains(&KeyPath::ROOT.key(name));
        match problem.code {
            code::UNKNOWN_NAME => top("providers") || top("pools"),
            code::NO_ROUTE => {
                let inside = |key: &str| cut.contains(&problem.path.key(key));
                top("providers") || top("default_provider") || inside("provider") || inside("panel")
            }
            code::NO_PROVIDER => top("provider"),
            // What would have been said about the model may be what is cut.
            code::UNKNOWN_ABILITY => {
                cut.iter().any(|path| path.steps().first() == Some(&Key::Name("models".into())))
            }
            _ => false,
        }
    }
}

/// What to write for an unknown key that another program knows.
fn foreign_key(path: &KeyPath) -> Option<Problem> {
    let Some(Key::Name(name)) = path.steps().last() else { return None };
    let plain = name.to_ascii_lowercase();
    let (_, instead) = KEYS.iter().find(|(names, _)| names.contains(&plain.as_str()))?;
    let problem = Problem::new(code::UNKNOWN_KEY, path.clone(), format!("there is no key `{name}` here"));
    Some(problem.with_hint(format!("here it is {instead}")))
}
