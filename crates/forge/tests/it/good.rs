use forge::config::{ConfigFile, Lookup, Report, Trust};

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
    for variable in ["HTTPS_PROXY", "https_proxy"] {
        let file = load_with(&Proxied(variable), SAMPLE, Trust::Trusted).unwrap();
        for provider in &file.plan.providers {
            assert_eq!(provider.proxy.is_some(), provider.kind != "local", "{}", provider.id);
        }
    }
    assert!(good(SAMPLE).plan.providers.iter().all(|provider| provider.proxy.is_none()));
}

#[test]
fn the_files_to_copy_load_without_a_word() {
    for name in ["forge.yaml", "three-vendors.yaml", "local-only.yaml", "cost-saving.yaml"] {
        let text = std::fs::read_to_string(workspace("config").join(name)).unwrap();
        let file = load(&text, Trust::Trusted).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(texts(&file.warnings), [""; 0], "{name}");
    }
}
