//! What `forge config show` shows: settings under the names that the file has for them, without secrets.

mod hooks;
mod prompts;
mod serve;

use std::{fmt::Write as _, time::Duration};

use forge::{
    ProviderId,
    config::{
        AgentsSpec, ConfigFile, Key, KeyPath, McpPlan, McpSpec, RouterPlan, ServeSpec, SessionPlan,
        WorkflowSpec, is_reference,
    },
    model::Price,
    router::{Budget, Cap, Needs, Parameters, PoolPlan, ProviderPlan, ProviderSpec, RolePlan, Target},
    storage::budget::Scope,
};
use serde_json::{Map, Value, json};

use super::Loaded;

/// Stands in place of a secret that the file holds itself.
const HIDDEN: &str = "(hidden)";

/// The settings as written.
pub(super) fn written(file: &ConfigFile) -> Value {
    let mut spec = file.spec.clone();
    for provider in spec.providers.values_mut().chain(&mut spec.provider) {
        provider.api_key = provider.api_key.as_deref().map(shown_secret);
        for key in provider.api_keys.iter_mut().flatten() {
            *key = shown_secret(key);
        }
        for value in provider.headers.values_mut() {
            *value = shown_secret(value);
        }
    }
    let mut settings = json!(spec);
    if file.session != SessionPlan::default() {
        settings["session"] = session(&file.session);
    }
    if let Some(serve) = file.get::<ServeSpec>().filter(|serve| **serve != ServeSpec::default()) {
        settings["serve"] = json!(serve);
    }
    if let Some(mcp) = file.get::<McpSpec>().filter(|mcp| **mcp != McpSpec::default()) {
        settings["mcp"] = json!(mcp);
    }
    prompts::written(file, &mut settings);
    if let Some(agents) = file.get::<AgentsSpec>().filter(|agents| **agents != AgentsSpec::default()) {
        settings["agents"] = json!(agents);
    }
    if let Some(workflow) =
        file.get::<WorkflowSpec>().filter(|workflow| **workflow != WorkflowSpec::default())
    {
        settings["workflow"] = json!(workflow);
    }
    hooks::written(file, &mut settings);
    tidy(settings)
}

/// Every setting that holds, with the usual values of those that are not written.
pub(super) fn resolved(file: &ConfigFile) -> Value {
    let plan = &file.plan;
    let providers: Map<String, Value> =
        plan.providers.iter().map(|one| (one.id.to_string(), provider(one, written_as(file, one)))).collect();
    let pools: Map<String, Value> =
        plan.pools.iter().map(|one| (one.id.to_string(), pool(one, plan))).collect();
    let roles: Map<String, Value> =
        plan.roles.iter().map(|(name, one)| (name.to_string(), role(one, plan))).collect();
    tidy(json!({
        "schema_version": "1.0",
        "providers": providers,
        "models": file.spec.models,
        "pools": pools,
        "roles": roles,
        "default_provider": plan.default.map(|target| target_id(target, plan)),
        "retry": {
            // A file counts attempts, the layer what comes after the first.
            "max_attempts": plan.retry.max_retries + 1,
            "initial_backoff": duration(plan.retry.initial_backoff),
            "max_backoff": duration(plan.retry.max_backoff),
            "patience": duration(plan.retry.patience),
            "multiplier": plan.retry.multiplier,
        },
        "breaker": {
            "consecutive_failures": plan.breaker.consecutive_failures,
            "error_rate": plan.breaker.error_rate,
            "window": duration(plan.breaker.window),
            "cooldown": duration(plan.breaker.cooldown),
        },
        "cache": plan.cache.as_ref().map(|cache| json!({
            "time_to_live": duration(cache.time_to_live),
            "max_entries": cache.max_entries,
            "max_bytes": cache.max_bytes,
            "allow_default_temperature": cache.allow_default_temperature,
            "roles": cache.only.roles,
            "models": cache.only.models,
        })),
        "budget": budget(plan.budget),
        "budgets": plan.budgets.iter().filter_map(tagged).collect::<Vec<_>>(),
        "session": session(&file.session),
        "serve": serve::serve(&file.serve),
        "mcp": mcp(&file.mcp),
        "prompts": prompts::prompts(file),
        "experiments": prompts::experiments(file),
        // What an agent leaves out is as its role and its model have it.
        "agents": file.get::<AgentsSpec>(),
        "workflow": file.get::<WorkflowSpec>(),
        "hooks": hooks::hooks(file),
        "permissions": hooks::permissions(file),
    }))
}

fn mcp(plan: &McpPlan) -> Value {
    json!({
        "context": plan.context,
        "models": plan.models,
        "max_connections": plan.max_connections,
        "per_call_usd": plan.per_call.dollars(),
        "per_day_usd": plan.per_day.dollars(),
        "roots": plan.roots,
    })
}

fn session(plan: &SessionPlan) -> Value {
    let critics = if plan.seats.is_empty() { json!(plan.critics) } else { json!(plan.seats) };
    json!({
        "critics": critics,
        "required": plan.required,
        "cycles": plan.cycles,
        "reference_tokens": plan.reference_tokens,
        "prompts": plan.prompts,
    })
}

/// A provider as written, under its id or in the old form.
fn written_as<'a>(file: &'a ConfigFile, plan: &ProviderPlan) -> Option<&'a ProviderSpec> {
    file.spec.providers.get(plan.id.as_str()).or(file.spec.provider.as_ref())
}

fn provider(plan: &ProviderPlan, written: Option<&ProviderSpec>) -> Value {
    let key = written.and_then(|written| written.api_key.as_deref()).map(shown_secret);
    let keys = written.and_then(|written| written.api_keys.as_ref());
    let keys = keys.map(|keys| keys.iter().map(|key| shown_secret(key)).collect::<Vec<_>>());
    let headers: Option<Map<String, Value>> = written.map(|written| {
        written.headers.iter().map(|(name, value)| (name.clone(), shown_secret(value).into())).collect()
    });
    let roles: Vec<&str> = plan.preferred_roles.iter().map(forge::ParticipantRole::as_str).collect();
    json!({
        "type": plan.kind,
        "model": plan.model,
        "api_key": key,
        "api_keys": keys,
        "endpoint": plan.endpoint,
        "dialect": plan.dialect,
        "local": plan.options,
        "display_name": plan.display_name,
        "enabled": true,
        "parameters": parameters(&plan.parameters),
        "limits": {
            "requests_per_minute": plan.rate.requests_per_minute,
            "burst": plan.rate.burst,
            "input_tokens_per_minute": plan.rate.input_tokens_per_minute,
            "output_tokens_per_minute": plan.rate.output_tokens_per_minute,
            "concurrent": plan.concurrent,
        },
        "budget": budget(plan.budget),
        "preferred_roles": roles,
        "price": plan.price.as_ref().and_then(price),
        "headers": headers,
        "timeouts": plan.timeouts.map(|clocks| json!({
            "connect": duration(clocks.connect),
            "first_event": duration(clocks.first_event),
            "gap": duration(clocks.gap),
            "total": duration(clocks.total),
        })),
        "proxy": plan.proxy.as_deref().map(without_credentials),
        "ca_file": written.and_then(|written| written.ca_file.as_deref()),
    })
}

fn pool(pool: &PoolPlan, plan: &RouterPlan) -> Value {
    let members: Vec<Value> = pool
        .members
        .iter()
        .map(|member| json!({"provider": target_id(member.target, plan), "weight": member.weight}))
        .collect();
    json!({"strategy": pool.strategy.as_str(), "members": members})
}

fn role(role: &RolePlan, plan: &RouterPlan) -> Value {
    let ids = |targets: &[Target]| -> Vec<String> {
        targets.iter().map(|target| target_id(*target, plan).to_string()).collect()
    };
    let primary = if role.primary.is_empty() { plan.default.as_slice() } else { &role.primary };
    let (provider, panel) = match primary {
        [one] => (Some(target_id(*one, plan).to_string()), None),
        several => (None, Some(ids(several))),
    };
    json!({
        "provider": provider,
        "panel": panel,
        "fallback": ids(&role.fallback),
        "fallback_on": role.fallback_on.iter().filter_map(|kind| forge::router::fallback_word(*kind)).collect::<Vec<_>>(),
        "parameters": parameters(&role.parameters),
        "needs": needs(role.needs),
        "min_context": role.needs.context_tokens,
        "hedge": role.hedge,
        "budget": budget(role.budget),
    })
}

fn target_id(target: Target, plan: &RouterPlan) -> &ProviderId {
    match target {
        Target::Provider(place) => &plan.providers[place].id,
        Target::Pool(place) => &plan.pools[place].id,
    }
}

fn needs(needs: Needs) -> Vec<&'static str> {
    chosen(&[
        ("tools", needs.tools),
        ("images", needs.images),
        ("documents", needs.documents),
        ("structured_output", needs.structured_output),
    ])
}

fn chosen(words: &[(&'static str, bool)]) -> Vec<&'static str> {
    words.iter().filter(|(_, chosen)| *chosen).map(|(word, _)| *word).collect()
}

fn parameters(set: &Parameters) -> Value {
    json!({
        "max_tokens": set.max_tokens,
        "temperature": set.sampling.temperature,
        "top_p": set.sampling.top_p,
        "top_k": set.sampling.top_k,
        "seed": set.sampling.seed,
        "presence_penalty": set.sampling.presence_penalty,
        "frequency_penalty": set.sampling.frequency_penalty,
        "effort": set.effort,
        "stop_sequences": set.stop_sequences,
        "prompt_cache": set.prompt_cache,
        "extra": set.extra,
    })
}

fn budget(budget: Budget) -> Value {
    let dollars = |cap: Cap| cap.money.map(forge::Money::dollars);
    json!({
        "per_call_usd": dollars(budget.call),
        "per_call_tokens": budget.call.tokens,
        "per_session_usd": dollars(budget.session),
        "per_session_tokens": budget.session.tokens,
        "per_day_usd": dollars(budget.day),
        "per_day_tokens": budget.day.tokens,
        "per_month_usd": dollars(budget.month),
        "per_month_tokens": budget.month.tokens,
        "total_usd": dollars(budget.ever),
        "total_tokens": budget.ever.tokens,
    })
}

/// The budget of the calls with a tag.
fn tagged((scope, caps): &(Scope, Budget)) -> Option<Value> {
    let Scope::Tag { key, value } = scope else { return None };
    Some(json!({"tag": key, "value": value, "budget": budget(*caps)}))
}

fn price(price: &Price) -> Option<Value> {
    let tier = price.tiers.first()?;
    let dollars = |rate: forge::model::Rate| rate.money_per_million().dollars();
    Some(json!({
        "input": dollars(tier.input),
        "output": dollars(tier.output),
        "cache_read": tier.cache_read.map(dollars),
        "cache_write": tier.cache_write_5m.map(dollars),
    }))
}

fn duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Where a secret comes from, never what it is.
fn shown_secret(written: &str) -> String {
    if is_reference(written) { written.to_owned() } else { HIDDEN.to_owned() }
}

/// The URL without the user name and password that it may hold.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

/// Without what is not set.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.into_iter().map(|(key, value)| (key, tidy(value)));
            let is_set = |value: &Value| match value {
                Value::Null => false,
                Value::Array(items) => !items.is_empty(),
                Value::Object(inner) => !inner.is_empty(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
            };
            Value::Object(kept.filter(|(_, value)| is_set(value)).collect())
        }
        other => other,
    }
}

/// The settings with `{"value": ..., "origin": ...}` in place of every value.
pub(super) fn with_origins(settings: Value, loaded: &Loaded) -> Value {
    annotate(settings, &KeyPath::ROOT, loaded)
}

fn annotate(value: Value, path: &KeyPath, loaded: &Loaded) -> Value {
    match value {
        Value::Object(object) => {
            let inner = object.into_iter().map(|(key, value)| {
                let path = path.key(&key);
                (key, annotate(value, &path, loaded))
            });
            Value::Object(inner.collect())
        }
        value => json!({"value": value, "origin": origin(path, loaded)}),
    }
}

/// `forge.yaml:3:15`, or what else gives the setting its value.
fn origin(path: &KeyPath, loaded: &Loaded) -> String {
    let old_form = || match path.steps() {
        [Key::Name(section), Key::Name(id), rest @ ..] if section == "providers" && id == "default" => {
            let below = std::iter::once(Key::Name("provider".into())).chain(rest.iter().cloned()).collect();
            loaded.file.place(&below)
        }
        _ => None,
    };
    match (loaded.file.place(path).or_else(old_form), path.steps().last()) {
        (Some(place), _) => format!("{}:{}:{}", loaded.path.display(), place.line, place.column),
        // A proxy that no file names comes from the environment; the name stands for all its variables.
        (None, Some(Key::Name(name))) if name == "proxy" => "HTTPS_PROXY".into(),
        (None, _) => "default".into(),
    }
}

/// The settings as YAML; with the origins of `loaded`, if given, as comments.
pub(super) fn to_yaml(settings: &Value, loaded: Option<&Loaded>) -> String {
    let mut out = String::new();
    if let Value::Object(object) = settings {
        write_mapping(object, &KeyPath::ROOT, loaded, &mut out);
    }
    out
}

fn write_mapping(object: &Map<String, Value>, path: &KeyPath, loaded: Option<&Loaded>, out: &mut String) {
    let indent = "  ".repeat(path.steps().len());
    for (key, value) in object {
        let path = path.key(key);
        let is_plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            && key.starts_with(|c: char| c.is_ascii_alphabetic());
        let key = if is_plain { key.clone() } else { Value::from(key.as_str()).to_string() };
        // Writing to a string does not fail.
        let _ = match value {
            Value::Object(inner) => {
                let _ = writeln!(out, "{indent}{key}:");
                write_mapping(inner, &path, loaded, out);
                Ok(())
            }
            // JSON is YAML.
            value => match loaded {
                Some(loaded) => writeln!(out, "{indent}{key}: {value} # {}", origin(&path, loaded)),
                None => writeln!(out, "{indent}{key}: {value}"),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io};

    use forge::config::{Loader, Lookup, schema};

    use super::*;

    /// Every section, with every key of a provider and a role that holds no secret.
    const FULL: &str = r#"
schema_version: "1.0"
providers:
  cloud:
    type: openai
    dialect: deepseek
    model: deepseek-v4-pro
    api_key: "${KEY}"
    endpoint: "https://proxy.example.com"
    display_name: cloud
    enabled: true
    parameters: { max_tokens: 10 }
    limits: { requests_per_minute: 1, concurrent: 4 }
    budget: { per_day_usd: 2 }
    preferred_roles: [critic]
    price: { input: 0.1, output: 0.2 }
    headers: { X-Team: red }
    timeouts: { total: 4m }
    proxy: "http://proxy.example.com:3128"
    ca_file: ca.pem
  other: { type: openai, dialect: deepseek, model: deepseek-v4-pro, api_keys: ["${KEY}", "${KEY2}"] }
  laptop: { type: local, model: qwen3, local: { num_ctx: 32768 } }
models:
  qwen3: { provider: laptop, tools: true }
  deepseek-v4-pro: { tools: true }
pools:
  both: { strategy: weighted, members: [ { provider: cloud, weight: 3 }, { provider: laptop, weight: 1 } ] }
roles:
  critic:
    panel: [cloud, laptop]
    fallback: [other]
    fallback_on: [refusal]
    parameters: { max_tokens: 10 }
    needs: [tools]
    min_context: 1000
    hedge: true
    budget: { per_session_usd: 0.5 }
  drafter: { provider: both }
default_provider: laptop
retry: { max_attempts: 4 }
breaker: { consecutive_failures: 3 }
cache: { time_to_live: 10m }
budget: { per_day_usd: 10 }
budgets: [ { tag: team, value: red, budget: { per_month_usd: 50 } } ]
session: { critics: [ { provider: cloud, lens: security }, { lens: clarity } ], required: 1, prompts: prompts }
serve:
  listen: ["127.0.0.1:4700", "unix:/run/forge.sock"]
  probes: 127.0.0.1:4701
  admin: 127.0.0.1:4702
  tls: { cert: cert.pem, key: key.pem }
  hosts: [gw.example.org]
  origins: ["https://chat.example.org"]
  models: { fast: { pool: both }, "qwen*": { provider: laptop, model: same } }
  expose: [roles]
  default_model: fast
  limits: { body_bytes: 2048, all_body_bytes: 4096, connections: 10, in_flight: 5, per_key: { rpm: 1, tpm: 2, concurrent: 3 } }
  timeout: 10m
  grace: 5s
mcp: { context: "127.0.0.1:9101", max_connections: 5, per_call_usd: 0.5, roots: [code] }
prompts: { dir: own }
experiments: { tone: { prompt: form, unit: key, arms: [ { name: a, use: "1" }, { name: b, use: latest, weight: 2 } ] } }
agents: { planner: { role: drafter, max_steps: 8 } }
workflow: { checks: [ { run: [make, check], timeout: 2m } ], max_cost_usd: 3 }
hooks:
  guard: { event: PreEdit, matcher: "*.sql", run: [./guard.sh, --strict], timeout: 5s, required: true }
  line: { event: Stop, run: ["make check"], shell: true }
  message: { event: PreCommit, preset: check_commit_message, options: { max_subject: 60 } }
permissions: { allow: [ { tool: run, command: [make] } ], deny: [ { path: "*.pem" } ] }
"#;

    #[derive(Debug)]
    struct Machine;

    impl Lookup for Machine {
        fn variable(&self, name: &str) -> Option<String> {
            name.starts_with("KEY").then(|| format!("0f9e8d7c6b5a{name}"))
        }

        fn file(&self, _: &str) -> io::Result<String> {
            Ok("-----BEGIN CERTIFICATE-----".into())
        }
    }

    fn load(text: &str) -> ConfigFile {
        let (registry, models) = (forge::registry(), forge::models());
        let today = "2026-11-20".parse().unwrap();
        let file = Loader::new(&registry, &models, today, &Machine).load("forge.yaml", text);
        file.unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The path of every value that is no mapping.
    fn paths(value: &Value, above: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(key, inner)| paths(inner, &format!("{above}/{key}"), found));
            }
            _ => drop(found.insert(above.to_owned())),
        }
    }

    #[test]
    fn every_section_of_the_schema_and_every_key_that_is_written_is_shown() {
        let file = load(FULL);
        let (written, resolved) = (written(&file), resolved(&file));
        for (section, schema) in schema()["properties"].as_object().unwrap() {
            let old = schema["deprecated"] == true;
            assert!(old || !written[section].is_null(), "{section} is not shown as written");
            assert!(old || !resolved[section].is_null(), "{section} is not shown as resolved");
        }
        let (mut ours, mut theirs) = Default::default();
        paths(&written, "", &mut ours);
        paths(&resolved, "", &mut theirs);
        let missing: Vec<_> = ours.difference(&theirs).collect();
        assert!(missing.is_empty(), "not shown as resolved: {missing:?}");
    }

    #[test]
    fn what_is_shown_of_every_section_means_the_same() {
        let file = load(FULL);
        let first = resolved(&file);
        for shown in [written(&file), first.clone()] {
            assert_eq!(resolved(&load(&to_yaml(&shown, None))), first);
        }
    }
}
