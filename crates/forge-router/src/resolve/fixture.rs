//! A world to resolve in: kinds, models and variables.

use std::{collections::BTreeMap, io};

use forge_config::{Lookup, Problem};
use forge_core::{
    AdapterKind, AdapterRegistry, Capabilities, ErrorKind, ModelId, ModelTable, ProviderError,
    model::Efforts, request::Effort,
};
use serde_json::Value;

use super::RouterSection;
use crate::{plan::RouterPlan, spec::RouterSpec};

/// Variables, and no file.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<String, String>);

impl Table {
    pub(super) fn new(variables: &[(&str, &str)]) -> Self {
        let owned = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self(owned.collect())
    }
}

impl Lookup for Table {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// `basic` models take text only; all others can do everything.
fn capabilities(model: &ModelId) -> Capabilities {
    if model.as_str().starts_with("basic") {
        let mut able = Capabilities::default();
        (able.context_tokens, able.max_output_tokens) = (Some(8_000), Some(1_000));
        return able;
    }
    let mut able = Capabilities::default();
    (able.images, able.documents, able.tools, able.structured_output) = (true, true, true, true);
    (able.sampling, able.stop_sequences) = (true, true);
    able.efforts = Efforts::of(&[Effort::Low, Effort::High]);
    able
}

fn models() -> ModelTable {
    let row = |vendor: &str, id: &str, more: &str| {
        format!(
            r#"{{"provider": "{vendor}", "id": "{id}", "source": "-", "checked": "-" {more},
                "prices": [{{"tiers": [{{"input": "1", "output": "2"}}]}}]}}"#
        )
    };
    let rows = [
        row("anthropic", "able", ""),
        row("anthropic", "basic", ""),
        row("anthropic", "old", r#", "retires": "2026-11-20", "successor": "able""#),
        row("anthropic", "able-5", ""),
        row("openai", "other-1", ""),
        row("anthropic", "moved", r#", "routed": {"since": "2026-11-20", "to": "able"}"#),
        row("local", "*", ""),
    ];
    ModelTable::from_json(&format!("[{}]", rows.join(","))).unwrap()
}

/// Kinds of adapters that are never built.
pub(super) fn registry() -> AdapterRegistry {
    let mut registry = AdapterRegistry::new();
    for kind in ["anthropic", "openai", "google", "local"] {
        let built = AdapterKind::new(kind, |settings| {
            Err(ProviderError::new(ErrorKind::InvalidRequest, settings.id.as_str(), "not built here"))
        });
        let built = built.with_capabilities(capabilities);
        registry.register(match kind {
            "local" => built,
            "anthropic" => built.with_key(&["ANTHROPIC_API_KEY"]).with_owned_headers(&["x-api-key"]),
            "openai" => built.with_key(&["OPENAI_API_KEY"]),
            _ => built.with_key(&["GOOGLE_API_KEY"]).with_owned_headers(&["x-goog-api-key"]),
        });
    }
    registry
}

/// Resolves the file on 2026-11-20, with `KEY` set.
pub(super) fn resolve_with(file: Value, table: &Table) -> (Option<RouterPlan>, Vec<Problem>) {
    let registry = registry();
    let spec: RouterSpec = serde_json::from_value(file).unwrap();
    let today = "2026-11-20".parse().unwrap();
    RouterPlan::resolve(&spec, &RouterSection { registry: &registry, models: &models(), today }, table)
}

pub(super) fn resolve(file: Value) -> (Option<RouterPlan>, Vec<Problem>) {
    resolve_with(file, &Table::new(&[("KEY", "sk-test-secret"), ("BROKEN", "sk-test-secret\r\n")]))
}

/// Every problem of the file as `code path`.
pub(super) fn codes(file: Value) -> Vec<String> {
    let (plan, problems) = resolve(file);
    assert_eq!(plan.is_some(), problems.iter().all(Problem::is_warning), "{problems:?}");
    assert!(!format!("{problems:?}").contains("secret"), "{problems:?}");
    problems.iter().map(|problem| format!("{} {}", problem.code, problem.path)).collect()
}
