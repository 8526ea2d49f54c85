//! One role.

use forge_config::{KeyPath, Problem, nearest};
use forge_core::{ErrorKind, ParticipantRole};

use super::{Resolver, reach::Reach};
use crate::{
    code,
    plan::{Needs, PoolPlan, RolePlan, Target, USUAL_FALLBACKS},
    spec::RoleSpec,
};

/// What a role may need.
const FEATURES: [(&str, Feature); 4] = [
    ("tools", Feature::Tools),
    ("images", Feature::Images),
    ("documents", Feature::Documents),
    ("structured_output", Feature::StructuredOutput),
];

#[derive(Debug, Clone, Copy)]
enum Feature {
    Tools,
    Images,
    Documents,
    StructuredOutput,
}

/// Which replies without an answer may lead to the next fallback.
const FALLBACKS: [(&str, ErrorKind); 4] = [
    ("empty", ErrorKind::Empty),
    ("error", ErrorKind::Malformed),
    ("content_filtered", ErrorKind::ContentFiltered),
    ("refusal", ErrorKind::Refusal),
];

/// The word with which a role allows that the next is asked after a reply of this kind.
pub fn fallback_word(kind: ErrorKind) -> Option<&'static str> {
    FALLBACKS.iter().find(|(_, known)| *known == kind).map(|(word, _)| *word)
}

impl Resolver<'_, '_> {
    /// A role. What it names and cannot have is reported. Whoever is merely disabled is left out for the
    /// next.
    pub(super) fn role(
        &mut self,
        name: &str,
        spec: &RoleSpec,
        default: Option<Target>,
        pools: &[PoolPlan],
        path: &KeyPath,
    ) -> RolePlan {
        if is_role_name(name) {
            self.check_near(name, path);
        } else {
            self.bad_role_name(name, path);
        }
        let mut primary = self.primary(spec, path);
        let mut fallback = self.fallback(spec, &primary, pools, path);
        if primary.is_empty() && (spec.provider.is_some() || spec.panel.is_some()) && !fallback.is_empty() {
            // Those that come first are disabled.
            primary.push(fallback.remove(0));
        }
        if primary.is_empty() && default.is_none() {
            self.no_route(spec, path);
        }
        let names = spec.provider.is_some() || spec.panel.is_some() || spec.fallback.is_some();
        let fallback_on = spec.fallback_on.as_ref().map(|words| {
            let path = path.key("fallback_on");
            let kinds = words
                .iter()
                .enumerate()
                .filter_map(|(at, word)| self.context.one_of(word, &FALLBACKS, "reply", &path.index(at)));
            kinds.collect()
        });
        RolePlan {
            all_disabled: names && primary.is_empty() && fallback.is_empty(),
            primary,
            fallback,
            parameters: self.parameters(spec.parameters.as_ref(), &path.key("parameters")),
            hedge: spec.hedge.unwrap_or(false),
            budget: self.budget(spec.budget.as_ref(), &path.key("budget")),
            needs: self.needs(spec, path),
            fallback_on: fallback_on.unwrap_or_else(|| USUAL_FALLBACKS.to_vec()),
        }
    }

    /// Who is asked first: one, or those of a panel.
    fn primary(&mut self, spec: &RoleSpec, path: &KeyPath) -> Vec<Target> {
        if spec.provider.is_some() && spec.panel.is_some() {
            let message = "the role has both `provider` and `panel`";
            let hint = "keep `provider` for one, `panel` for several side by side";
            self.report(Problem::new(code::CONFLICT, path.key("panel"), message).about_key().with_hint(hint));
        }
        let one = spec.provider.as_ref().and_then(|id| self.reference(id, &path.key("provider")));
        let several = spec.panel.as_ref().map(|panel| {
            let path = path.key("panel");
            self.refuse_empty(panel, &path);
            self.references(panel, &path)
        });
        one.into_iter().chain(several.into_iter().flatten()).collect()
    }

    /// Who is asked next. One that leads back to the first is a mistake; a pool that holds it wastes one
    /// place and is a warning.
    fn fallback(
        &mut self,
        spec: &RoleSpec,
        primary: &[Target],
        pools: &[PoolPlan],
        path: &KeyPath,
    ) -> Vec<Target> {
        let Some(written) = &spec.fallback else { return Vec::new() };
        let path = path.key("fallback");
        self.refuse_empty(written, &path);
        let targets = self.references(written, &path);
        // Of a panel nobody comes first, so that there is no circle to close.
        let Some(provider) = &spec.provider else { return targets };
        for (at, id) in written.iter().enumerate() {
            let path = path.index(at);
            if id == provider {
                let message = format!("circular: the role would fall back from `{id}` to `{id}`");
                let hint = "name another provider, or remove it";
                self.report(Problem::new(code::CIRCULAR, path, message).with_hint(hint));
            } else if let Some(super::Named::Target(Target::Pool(pool))) = self.names.get(id.as_str())
                && let [first] = primary
                && Reach::of(Target::Pool(*pool), pools).contains(*first)
            {
                let message = format!("pool `{id}` contains `{provider}`, which the role asks first");
                self.report(Problem::new(code::FALLS_BACK_TO_ITSELF, path, message));
            }
        }
        targets
    }

    /// Reports a list without entries, which may mean nobody as well as somebody that was forgotten.
    fn refuse_empty(&mut self, chain: &[String], path: &KeyPath) {
        if chain.is_empty() {
            let hint = "name a provider or pool, or remove the key";
            self.report(Problem::new(code::EMPTY_CHAIN, path.clone(), "the chain is empty").with_hint(hint));
        }
    }

    /// Reports a role that nobody does.
    fn no_route(&mut self, spec: &RoleSpec, path: &KeyPath) {
        let named = spec.provider.iter().chain(spec.panel.iter().flatten());
        let mut names = named.chain(spec.fallback.iter().flatten()).peekable();
        let message = if spec.provider.is_none() && spec.panel.is_none() {
            "the role names no `provider` and no `panel`, and there is no `default_provider`"
        } else if names.peek().is_some()
            && names.all(|id| matches!(self.names.get(id.as_str()), Some(super::Named::Disabled)))
        {
            "every provider that the role names is disabled, and there is no `default_provider`"
        } else {
            // The names themselves are reported.
            return;
        };
        let hint = "name one of the providers";
        self.report(Problem::new(code::NO_ROUTE, path.clone(), message).about_key().with_hint(hint));
    }

    /// What every model of the role has to be able to do.
    fn needs(&mut self, spec: &RoleSpec, path: &KeyPath) -> Needs {
        let mut needs = Needs {
            context_tokens: self.context.integer(spec.min_context, 1..=i64::MAX, &path.key("min_context")),
            ..Needs::default()
        };
        for (at, word) in spec.needs.iter().enumerate() {
            match self.context.one_of(word, &FEATURES, "feature", &path.key("needs").index(at)) {
                Some(Feature::Tools) => needs.tools = true,
                Some(Feature::Images) => needs.images = true,
                Some(Feature::Documents) => needs.documents = true,
                Some(Feature::StructuredOutput) => needs.structured_output = true,
                None => {}
            }
        }
        needs
    }

    /// A custom role may have any name, but nothing asks for a mistyped built-in one.
    fn check_near(&mut self, name: &str, path: &KeyPath) {
        let is_own = name.ends_with(|sign: char| sign.is_ascii_digit());
        if is_own || ParticipantRole::built_in().any(|known| known == name) {
            return;
        }
        let near = ParticipantRole::built_in().filter(|known| known.len().abs_diff(name.len()) <= 1);
        if let Some(known) = nearest(name, near) {
            let message = format!("`{name}` is a role of your own; only calls that name it use it");
            let problem = Problem::new(code::NEAR_ROLE, path.clone(), message).about_key();
            self.report(problem.with_hint(format!("did you mean `{known}`?")));
        }
    }

    /// Reports a role that cannot be one.
    pub(super) fn bad_role_name(&mut self, name: &str, path: &KeyPath) {
        let message = format!("`{name}` is not a valid role");
        let problem = Problem::new(code::BAD_NAME, path.clone(), message).about_key();
        self.report(problem.with_hint("use letters, digits, `_` and `-`"));
    }
}

/// Whether `name` can be a role: letters, digits, `_` and `-`. All [built-in ones](ParticipantRole) can.
pub(super) fn is_role_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The roles that a session holds to a schema.
pub(super) fn answers_in_json(role: &ParticipantRole) -> bool {
    matches!(role, ParticipantRole::Critic | ParticipantRole::Synthesizer)
}
