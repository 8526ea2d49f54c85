//! The router's keys as a section of a file.

use std::collections::BTreeSet;

use forge_config::{Key, KeyPath, Problem, ResolveContext, Section};
use serde_json::Value;

use super::{RouterSection, trust};
use crate::{RouterPlan, RouterSpec, code};

/// What only a provider may set.
const PROVIDER_KEYS: [&str; 5] = ["type", "model", "api_key", "api_keys", "endpoint"];

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
        let [Key::Name(section), _, Key::Name(inner), Key::Name(key)] = path.steps() else { return None };
        if section != "roles" || inner != "parameters" || !PROVIDER_KEYS.contains(&key.as_str()) {
            return None;
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
