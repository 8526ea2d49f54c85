use forge::{
    ParticipantRole,
    config::{ConfigFile, Lookup, Report, Trust, schema},
};

use crate::{Machine, load, load_with, workspace};

/// The sample that the documentation shows.
const SAMPLE: &str = r#"schema_version: "1.0"
providers:
  claude: { type: anthropic, model: claude-sonnet-5-5, api_key: "${ANTHROPIC_API_KEY}",
            parameters: { max_tokens: 8192 },
            limits: { requests_per_minute: 50, input_tokens_per_minute: 40000, concurrent: 8 } }
  gpt:    { type: openai, model: gpt-6.2-sol, api_key: "${OPENAI_API_KEY}" }
  gemini: { type: google, model: gemini-3.8-flash, api_key: "${GOOGLE_API_KEY}" }
  laptop: { type: local, endpoint: "http://127.0.0.1:11434", model: qwen3 }
pools:
  fast: { strategy: least_connections, members: [ { provider: gemini, weight: 2 }, { provider: laptop } ] }
roles:
  drafter:     { provider: claude, fallback: [gpt, gemini], parameters: { temperature: 0.7 } }
  critic:      { panel: [gpt, gemini, laptop], fallback: [claude], parameters: { temperature: 0.3 } }
  synthesizer: { provider: claude, fallback: [gpt] }
  coder:       { provider: gpt, fallback: [claude], parameters: { max_tokens: 16000 } }
  clarifier:   { provider: fast }
default_provider: claude
retry:   { max_attempts: 3, initial_backoff: 1s, max_backoff: 30s, multiplier: 2.0 }
breaker: { consecutive_failures: 5, error_rate: 0.5, window: 30s, cooldown: 15s }
budget:  { per_session_usd: 2.00, per_day_usd: 20.00 }
session: { critics: 3, required: 2, cycles: 2 }
"#;

/// Every key there is, but for the single provider of the old form.
const FULL: &str = r#"
schema_version: "1.0"
providers:
  claude:
    type: anthropic
    model: claude-opus-4-6
    api_key: "${ANTHROPIC_API_KEY}"
    endpoint: "https://proxy.example.com"
    display_name: "Claude, by proxy"
    enabled: true
    parameters:
      max_tokens: 1000
      temperature: 1
      top_p: 0.9
      top_k: 40
      seed: -7
      presence_penalty: 0.5
      frequency_penalty: -0.5
      effort: high
      stop_sequences: ["END", "5"]
      prompt_cache: 1h
      extra: { service_tier: flex, nested: { list: [1, 2.5, null, true] } }
    limits: { requests_per_minute: 1, burst: 5, input_tokens_per_minute: 2, output_tokens_per_minute: 3, concurrent: 4 }
    budget:
      { per_call_usd: 0.25, per_call_tokens: 5, per_session_usd: 1.5, per_session_tokens: 10, per_day_usd: 2,
        per_day_tokens: 20, per_month_usd: 3, per_month_tokens: 30, total_usd: 4, total_tokens: 40 }
    preferred_roles: [critic, naming_expert]
    price: { input: 0.1, output: 0.2, cache_read: 0.01, cache_write: 0.125 }
    headers: { X-Team: "${TEAM:-research}" }
    timeouts: { connect: 1s, first_event: 2s, gap: 3s, total: 4m }
  deep:
    type: openai
    dialect: deepseek
    model: deepseek-v4-pro
    api_keys: ["${OPENAI_API_KEY}", "${GOOGLE_API_KEY}"]
    price: { input: 1, output: 2 }
  laptop:
    type: local
    model: qwen3
    local: { api: native, num_ctx: 32768, keep_alive: 30m, think: false }
    proxy: none
    ca_file: /etc/ca.pem
models:
  deepseek-v4-pro: { provider: deep, tools: true }
  qwen3:
    provider: laptop
    like: "*"
    context_tokens: 128000
    max_input_tokens: 120000
    max_output_tokens: 8000
    images: true
    documents: false
    audio: false
    tools: true
    forced_tool_choice: false
    structured_output: true
    sampling: true
    stop_sequences: true
    prefill: false
    efforts: [low, high]
    price: { input: 0.5, output: 1 }
pools:
  both: { strategy: weighted, members: [ { provider: claude, weight: 3 }, { provider: laptop } ] }
roles:
  critic:
    panel: [claude, laptop]
    fallback: [both]
    fallback_on: [empty, error, content_filtered, refusal]
    needs: [tools, images, structured_output]
    min_context: 100000
    hedge: true
    budget: { per_session_usd: 0.5 }
    parameters: { max_tokens: 500 }
  drafter: { provider: both }
default_provider: laptop
retry: { max_attempts: 4, initial_backoff: 250ms, max_backoff: 1m, patience: 7s, multiplier: 3 }
breaker: { consecutive_failures: 3, error_rate: 0.25, window: 1m, cooldown: 20s }
cache: { time_to_live: 10m, max_entries: 50, max_bytes: 1000000, allow_default_temperature: true, roles: [drafter], models: [coder] }
budget: { per_session_usd: 1, per_session_tokens: 1000, per_day_usd: 10, per_day_tokens: 10000 }
budgets: [ { tag: team, value: red, budget: { per_month_usd: 50 } } ]
prompts: { dir: my-prompts }
experiments:
  tone: { prompt: draft.user, unit: workflow, arms: [ { name: old, use: production, weight: 3 }, { name: new, use: "7" } ] }
session: { critics: [ { provider: claude, lens: security }, { lens: clarity } ], required: 1, cycles: 3, prompts: prompts, reference_tokens: 20000 }
serve:
  listen: ["127.0.0.1:4700", "unix:/run/forge.sock", "systemd:"]
  probes: 127.0.0.1:4701
  admin: 127.0.0.1:4702
  tls: { cert: cert.pem, key: key.pem }
  hosts: [gw.example.org]
  origins: ["https://chat.example.org"]
  trusted_proxies: [10.0.0.0/8]
  formats: [chat, messages]
  unknown_fields: reject
  betas: { deny: ["files-*"] }
  responses: { store: 30d }
  on_disconnect: finish
  log: { requests: true }
  models: { coder: { role: critic }, fast: { pool: both }, "claude-*": { provider: claude, model: same }, old: { provider: claude, model: claude-opus-5 },
    council: { session: { mode: review, max_cost_usd: 0.5, progress: none, tools: direct, critics: 2, cycles: 3, attended: 10m } } }
  expose: [roles, pools]
  default_model: fast
  limits: { body_bytes: 2048, all_body_bytes: 4096, connections: 10, in_flight: 5, per_key: { rpm: 1, tpm: 2, concurrent: 3 } }
  timeout: 10m
  grace: 5s
  relay: false
mcp: { context: "127.0.0.1:9101", models: "[::1]:9102", max_connections: 5, per_call_usd: 0.5, per_day_usd: 3, roots: [code, docs] }
agents:
  clarifier: { enabled: false }
  editor: { max_steps: 9 }
  reviewer: { enabled: true }
  planner: { role: drafter, provider: claude, model: claude-opus-5, temperature: 0.5, max_steps: 8, max_cost_usd: 0.5 }
workflow: { checks: [ { run: [make, check], timeout: 2m } ], formats: [udiff], max_cost_usd: 3 }
hooks:
  guard: { event: PreEdit, matcher: "*.sql|infra/**", run: [./guard.sh, --strict], timeout: 5s, required: true }
  line: { event: Stop, run: ["make check"], shell: true }
  files: { event: PostEdit, preset: validate_files, options: { max_kb: 50, forbid: [".env"] } }
  tests: { event: PostCheck, preset: run_tests, options: { run: [make, test] } }
  message: { event: PreCommit, preset: check_commit_message, options: { max_subject: 60, prefixes: [feat, fix] } }
  deploy: { event: PreDeploy, preset: deploy_check, options: { branches: [main] } }
permissions:
  allow: [ { tool: "run", command: [cargo, test] } ]
  ask: [ { tool: "mcp__*" } ]
  deny: [ { path: "*.pem" }, { tool: write_file, path: "infra/**" } ]
"#;

fn good(text: &str) -> ConfigFile {
    load(text, Trust::Trusted).unwrap_or_else(|error| panic!("{error}"))
}

fn texts(warnings: &[Report]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_documented_sample_loads() {
    let file = good(SAMPLE);
    assert_eq!((file.plan.providers.len(), file.plan.pools.len(), file.plan.roles.len()), (4, 1, 5));
    assert_eq!(
        (file.session.critics, file.session.required, file.session.cycles),
        (Some(3), Some(2), Some(2))
    );
    insta::assert_snapshot!(texts(&file.warnings).join("\n"));
    assert!(!format!("{file:?}").contains("secret"));
}

#[test]
fn anchors_and_aliases_are_followed() {
    let file = good(
        "schema_version: '1.0'\nproviders:\n  one: &base { type: local, model: qwen3 }\n  two: *base\n\
         default_provider: one\n",
    );
    assert_eq!(file.plan.providers.len(), 2);
}

#[test]
fn providers_stand_in_the_order_of_the_file() {
    let file = good(
        "schema_version: '1.0'\nproviders:\n  zz: { type: local, model: one }\n  mm: { type: local, model: two }\n  \
         aa: { type: local, model: three }\n",
    );
    let ids: Vec<_> = file.plan.providers.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["zz", "mm", "aa"]);
    assert_eq!(file.plan.default, None);
}

#[test]
fn an_empty_value_counts_as_not_written() {
    let file = good(
        "schema_version: '1.0'\nproviders:\n  one:\n    type: local\n    model: qwen3\n    limits:\n    api_key: ~\n",
    );
    assert!(texts(&file.warnings).is_empty(), "{:?}", file.warnings);
}

#[derive(Debug)]
struct Proxied(&'static str);

impl Lookup for Proxied {
    fn variable(&self, name: &str) -> Option<String> {
        if name == self.0 { Some("http://proxy:3128".into()) } else { Machine.variable(name) }
    }

    fn file(&self, path: &str) -> std::io::Result<String> {
        Machine.file(path)
    }
}

#[test]
fn a_proxy_is_used_for_other_machines_only() {
    let here = SAMPLE.replace("endpoint: \"http://127.0.0.1:11434\", ", "");
    for (variable, text) in [("HTTPS_PROXY", SAMPLE), ("https_proxy", SAMPLE), ("HTTPS_PROXY", &here)] {
        let file = load_with(&Proxied(variable), text, Trust::Trusted).unwrap();
        for provider in &file.plan.providers {
            assert_eq!(provider.proxy.is_some(), provider.kind != "local", "{}", provider.id);
        }
    }
    let elsewhere = SAMPLE.replace("127.0.0.1", "192.0.2.1");
    let proxied = |variable| {
        let file = load_with(&Proxied(variable), &elsewhere, Trust::Trusted).unwrap();
        let proxied = file.plan.providers.iter().filter(|provider| provider.proxy.is_some());
        proxied.map(|provider| provider.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    // The scheme of the address decides: a prompt for a plain address does not go through the proxy for the others.
    assert_eq!(proxied("HTTPS_PROXY"), "claude gpt gemini");
    assert_eq!(proxied("HTTP_PROXY"), "laptop");
    assert_eq!(proxied("ALL_PROXY"), "claude gpt gemini laptop");
    let own = elsewhere.replace("type: local,", "type: local, proxy: \"http://own:1\",");
    let file = load_with(&Proxied("NO_PROXY"), &own, Trust::Trusted).unwrap();
    assert_eq!(file.plan.providers.last().unwrap().proxy.as_deref(), Some("http://own:1"));
    assert!(good(SAMPLE).plan.providers.iter().all(|provider| provider.proxy.is_none()));
}

#[test]
fn the_files_to_copy_load_without_a_word() {
    for name in ["forge.example.yaml", "three-vendors.yaml", "local-only.yaml", "cost-saving.yaml"] {
        let text = std::fs::read_to_string(workspace("config").join(name)).unwrap();
        let file = load(&text, Trust::Trusted).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(texts(&file.warnings), [""; 0], "{name}");
    }
}

#[test]
fn every_key_of_the_schema_arrives_in_the_plan() {
    let mut keys = vec![&schema()["properties"]];
    keys.extend(schema()["$defs"].as_object().unwrap().values().map(|section| &section["properties"]));
    for key in keys.into_iter().flat_map(|properties| properties.as_object().unwrap().keys()) {
        assert!(
            key == "provider" || FULL.contains(&format!("{key}: ")) || FULL.contains(&format!("{key}:\n")),
            "{key}"
        );
    }
    let file = good(FULL);
    assert_eq!(texts(&file.warnings), [""; 0]);
    // Everything at once: a value that is lost or misread on the way changes this.
    let claude = &file.plan.providers[0];
    let critic = &file.plan.roles[&ParticipantRole::Critic];
    let lines = [
        format!("{:?} {:?} {:?}", claude.display_name, claude.endpoint, claude.headers),
        format!("{:?}", claude.parameters),
        format!("{:?} {:?}", claude.rate, claude.concurrent),
        format!("{:?}", claude.budget),
        format!("{:?} {:?}", claude.preferred_roles, claude.timeouts),
        format!("{:?}", claude.price),
        format!(
            "{:?} {:?} {:?}",
            file.plan.providers[1].dialect, file.plan.providers[1].vendor, file.plan.providers[1].endpoint
        ),
        format!("{:?} {:?}", file.plan.providers[2].options, file.plan.providers[2].ca_certificates),
        format!("{:?}", file.plan.providers[2].models.rows()),
        format!("{:?}", file.plan.pools),
        format!("{:?} {:?} {:?}", critic.primary, critic.fallback, critic.needs),
        format!("{:?} {}", critic.fallback_on, critic.hedge),
        format!("{:?} {:?}", critic.budget, critic.parameters.max_tokens),
        format!("{:?}", file.plan.default),
        format!("{:?}", file.plan.retry),
        format!("{:?}", file.plan.breaker),
        format!("{:?}", file.plan.cache),
        format!("{:?}", file.plan.budget),
        format!("{:?}", file.plan.budgets),
        format!("{:?}", file.session),
        format!("{:?}", file.serve),
        format!("{:?}", file.mcp),
        format!("{:?} {:?}", file.prompts, file.experiments),
        format!("{:?} {:?}", file.agents, file.workflow),
        format!("{:?}", file.hooks),
        format!("{:?}", file.permissions),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}
