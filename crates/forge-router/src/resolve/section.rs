//! The router's keys as a section of a file.

use std::collections::BTreeSet;

use forge_config::{Key, KeyPath, Problem, ResolveContext, Section};
use serde_json::Value;

use super::{RouterSection, trust};
use crate::{code, plan::RouterPlan, spec::RouterSpec};

/// What only a provider may set.
const PROVIDER_KEYS: [&str; 5] = ["type", "model", "api_key", "api_keys", "endpoint"];

/// What other programs call a key, and what does it here.
const KEYS: [(&[&str], &str); 26] = [
    (
        &["base_url", "baseurl", "api_base", "apibase", "url", "host", "base", "api_url"],
        "here it is `endpoint` of the provider",
    ),
    (&["key", "token", "auth_token", "secret"], "here it is `api_key: \"${NAME}\"` of the provider"),
    (
        &["maxretries", "max_retries", "num_retries", "retries"],
        "here it is `retry: { max_attempts: N + 1 }`: the first attempt counts as well",
    ),
    (
        &["timeout", "request_timeout", "stream_timeout", "timeout_ms", "timeout_seconds"],
        "here it is `timeouts: { first_event: 60s, total: 10m }` of the provider",
    ),
    (&["rpm", "max_rpm"], "here it is `limits: { requests_per_minute: N }` of the provider"),
    (&["tpm", "max_tpm"], "here it is `limits: { input_tokens_per_minute: N }` of the provider"),
    (
        &["maxconnections", "max_connections", "max_parallel_requests", "max_concurrency", "parallel"],
        "here it is `limits: { concurrent: N }` of the provider",
    ),
    (
        &["max_completion_tokens", "max_output_tokens", "maxoutputtokens", "max_new_tokens", "num_predict"],
        "here it is `max_tokens` in `parameters: { ... }` of a provider or role",
    ),
    (
        &["reasoning_effort", "reasoning", "thinking", "thinking_budget"],
        "here it is `effort` in `parameters: { ... }` of a provider or role",
    ),
    (&["stop", "stop_words"], "here it is `stop_sequences` in `parameters: { ... }` of a provider or role"),
    (
        &["max_tokens", "maxtokens", "temperature", "top_p", "params", "model_parameters", "options"],
        "here it is `parameters: { ... }` of a provider or role",
    ),
    (
        &["routing", "strategy", "routing_strategy", "load_balancing"],
        "here it is `pools: { NAME: { strategy: ..., members: [...] } }`",
    ),
    (
        &["fallbackenabled", "fallbacks", "fallback_models"],
        "here it is `roles: { NAME: { provider: ..., fallback: [...] } }`",
    ),
    (
        &["model_list", "router_settings", "litellm_settings", "general_settings", "litellm_params"],
        "`forge config import litellm FILE` writes a configuration from such a file",
    ),
    (
        &["max_budget", "budget_duration", "max_cost", "daily", "per_day", "daily_budget", "per_day_eur"],
        "here it is `per_day_usd` in `budget: { ... }`",
    ),
    (
        &["organization", "organization_id", "org_id", "project_id"],
        "here it is in `headers: { ... }` of the provider",
    ),
    (&["api_version", "api_type"], "leave it out: the adapter knows it"),
    (
        &["modelport", "contextport", "port", "server_port"],
        "Forge opens no port; the port of a server is part of `endpoint: \"http://127.0.0.1:PORT\"` of its provider",
    ),
    (&["model_name", "model_id", "deployment", "deployment_name"], "here it is `model` of the provider"),
    (&["council_models", "councilmodels"], "here it is `roles: { critic: { panel: [...] } }`"),
    (&["chairman_model", "chairmanmodel"], "here it is `roles: { synthesizer: { provider: ... } }`"),
    (
        &["weak_model", "editor_model", "default_model", "small_model"],
        "here it is `roles: { NAME: { provider: ... } }`",
    ),
    (&["allowed_fails", "failure_threshold"], "here it is `breaker: { consecutive_failures: N }`"),
    (&["cooldown_time", "reset_timeout"], "here it is `breaker: { cooldown: 30s }`"),
    (&["rounds", "iterations", "max_rounds", "max_iterations"], "here it is `cycles` in `session: { ... }`"),
    (&["circuit_breaker", "circuitbreaker"], "here it is `breaker: { ... }`"),
];

/// What other programs write into an entry of a list, and what does it in a provider.
const PROVIDER: [(&[&str], &str); 3] = [
    (&["name", "id", "title"], "the name comes before it: `providers: { NAME: { ... } }`"),
    (&["provider", "vendor", "kind", "adapter", "custom_llm_provider"], "here it is `type` of the provider"),
    (
        &["weight", "priority", "order"],
        "here it is `pools: { NAME: { members: [{ provider: ..., weight: N }] } }`",
    ),
];

/// What people write into a role, and what does it there.
const ROLE: [(&[&str], &str); 1] =
    [(&["providers", "models", "members"], "here it is `panel: [...]` for several side by side")];

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
        let (key, code) = match path.steps() {
            [Key::Name(section), _, Key::Name(key)] if section == "roles" => (key, code::UNKNOWN_KEY),
            [Key::Name(section), _, Key::Name(inner), Key::Name(key)]
                if section == "roles" && inner == "parameters" =>
            {
                (key, code::ROLE_OVERRIDE)
            }
            _ => return foreign_key(path),
        };
        if !PROVIDER_KEYS.contains(&key.as_str()) {
            return foreign_key(path);
        }
        let message = format!("a role cannot override `{key}`, which belongs to the provider");
        let problem = Problem::new(code, path.clone(), message);
        Some(problem.with_hint("add a provider with it and name that one in the role"))
    }

    fn follows_from(&self, problem: &Problem, cut: &BTreeSet<KeyPath>) -> bool {
        let top = |name: &str| cut.contains(&KeyPath::ROOT.key(name));
        match problem.code {
            // What a name points to may stand in the part that is cut out.
            code::UNKNOWN_NAME => top("providers") || top("pools"),
            code::NO_ROUTE => {
                // Under an unknown key, too, somebody may be named.
                let inside = || cut.iter().any(|path| path.parent().as_ref() == Some(&problem.path));
                top("providers") || top("default_provider") || inside()
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
    // A word such as `name` or `weight` means something in these places alone.
    let own: &[_] = match path.steps() {
        [Key::Name(section), _, _] if section == "providers" => &PROVIDER,
        [Key::Name(section), _] if section == "provider" => &PROVIDER,
        [Key::Name(section), _, _] if section == "roles" => &ROLE,
        _ => &[],
    };
    // `x_api_key` and `x-endpoint`, whoever `x` is.
    let plain = plain.replace('-', "_");
    let plain = ["_api_key", "_endpoint"]
        .iter()
        .find(|end| plain.ends_with(*end))
        .map_or(plain.as_str(), |end| if *end == "_api_key" { "key" } else { "url" });
    let (_, instead) = own.iter().chain(&KEYS).find(|(names, _)| names.contains(&plain))?;
    let problem = Problem::new(code::UNKNOWN_KEY, path.clone(), format!("there is no key `{name}` here"));
    Some(problem.with_hint(*instead))
}
