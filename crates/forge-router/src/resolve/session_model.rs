//! A session as a provider.

use forge_config::{KeyPath, Problem, ResolveContext, code};
use forge_core::AdapterKind;
use serde_json::{Map, Value};

use super::{Resolver, value::money};
use crate::{
    plan::ProviderPlan,
    spec::{ProviderSpec, SessionModelSpec},
};

impl SessionModelSpec {
    /// What is said of the session, as [options](ProviderPlan::options) of its provider: `mode`, `max_cost_usd`, `progress`,
    /// `tools`, `critics`, `cycles` and `attended` (in milliseconds), each where it is set.
    pub fn options(&self, context: &mut ResolveContext<'_>, path: &KeyPath) -> Map<String, Value> {
        let mut word = |key: &str, value: Option<&String>, known: &[&'static str]| {
            let known: Vec<_> = known.iter().map(|word| (*word, *word)).collect();
            context.one_of(value?, &known, key, &path.key(key)).map(Value::from)
        };
        let mode = word("mode", self.mode.as_ref(), &["council", "review", "direct"]);
        let progress = word("progress", self.progress.as_ref(), &["thinking", "none"]);
        let tools = word("tools", self.tools.as_ref(), &["refuse", "ignore", "direct"]);
        let most = money(context, self.max_cost_usd, &path.key("max_cost_usd"));
        let mut count = |key: &str, value, most| {
            let count: Option<u32> = context.integer(value, 1..=most, &path.key(key));
            count.map(Value::from)
        };
        let (cycles, critics) = (count("cycles", self.cycles, 3), count("critics", self.critics, 8));
        let attended = context.duration(self.attended.as_deref(), &path.key("attended"));
        let attended = attended.and_then(|time| u64::try_from(time.as_millis()).ok()).map(Value::from);
        let values = [
            ("mode", mode),
            ("max_cost_usd", most.map(|most| Value::from(most.to_string().trim_start_matches('$')))),
            ("progress", progress),
            ("tools", tools),
            ("critics", critics),
            ("cycles", cycles),
            ("attended", attended),
        ];
        values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

impl Resolver<'_, '_> {
    /// A provider whose calls are made of those of others. What it has nobody to send to is a mistake.
    pub(super) fn composite(
        &mut self,
        id: &str,
        spec: &ProviderSpec,
        kind: &AdapterKind,
        path: &KeyPath,
    ) -> ProviderPlan {
        let idle = [
            ("model", spec.model.is_some()),
            ("api_key", spec.api_key.is_some()),
            ("api_keys", spec.api_keys.is_some()),
            ("endpoint", spec.endpoint.is_some()),
            ("dialect", spec.dialect.is_some()),
            ("local", spec.local.is_some()),
            ("proxy", spec.proxy.is_some()),
            ("ca_file", spec.ca_file.is_some()),
            ("parameters", spec.parameters.is_some()),
            ("budget", spec.budget.is_some()),
            ("price", spec.price.is_some()),
            ("headers", !spec.headers.is_empty()),
            ("timeouts", spec.timeouts.is_some()),
        ];
        for (key, _) in idle.into_iter().filter(|(_, is_set)| *is_set) {
            let message = format!("a provider of `type: {}` has no `{key}`: others are asked", kind.name);
            let problem = Problem::new(code::UNKNOWN_KEY, path.key(key), message).about_key();
            self.report(problem.with_hint("leave it out; what a session may do stands under `session`"));
        }
        let (rate, concurrent) = self.limits(spec.limits.as_ref(), &path.key("limits"));
        let session = spec.session.clone().unwrap_or_default();
        ProviderPlan {
            id: id.into(),
            display_name: spec.display_name.clone().unwrap_or_else(|| id.to_owned()),
            options: session.options(self.context, &path.key("session")),
            rate,
            concurrent,
            preferred_roles: spec.preferred_roles.iter().map(|role| role.as_str().into()).collect(),
            ..ProviderPlan::of_kind(kind, id)
        }
    }

    /// Says of settings of a session at a provider that is none.
    pub(super) fn check_session(&mut self, spec: &ProviderSpec, path: &KeyPath) {
        if spec.session.is_some() {
            let message = "only a provider of `type: session` is a session";
            let problem = Problem::new(code::UNKNOWN_KEY, path.key("session"), message).about_key();
            self.report(problem.with_hint("write `type: session`, or leave it out"));
        }
    }
}
