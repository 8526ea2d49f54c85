//! What clients may call a model, and who answers under that name.

use forge::{
    ModelId, ModelProvider, ModelTable, Participant, ParticipantRole,
    config::{AliasModel, AliasTarget, ModelAlias, ModelNames},
    router::{ProviderPlan, Router, RouterPlan, Target},
};

/// Who answers a client that asks for `name`, and the name under which: that of the server's default where nobody has the
/// client's.
pub(crate) fn resolve<'a>(
    plan: &RouterPlan,
    table: &ModelTable,
    names: &'a ModelNames,
    name: &'a str,
) -> Option<(&'a str, Participant)> {
    let mut tried = [Some(name), names.default.as_deref()].into_iter().flatten();
    tried.find_map(|name| Some((name, find(plan, table, names, name)?)))
}

/// Who answers under a name.
///
/// A name is, in this order: an alias of the server; a role, a pool or a provider with its kind before it (`role:coder`,
/// `pool:fast`, `provider:claude`); the same without, where only one of them has it; a model that a provider of the
/// configuration is set up for; a model that the vendor of one has.
pub(crate) fn find(
    plan: &RouterPlan,
    table: &ModelTable,
    names: &ModelNames,
    name: &str,
) -> Option<Participant> {
    let plans = Plans { plan, table, names };
    let alias = names.aliases(name).find_map(|alias| plans.alias(alias, name));
    alias.or_else(|| plans.configured(name))
}

/// The model of `vendor` that answers for a participant, the first on its way if there are several. State of the vendor's own
/// that a client sends back is that of this model, whatever the client calls it.
pub(crate) fn model_of(
    plan: &RouterPlan,
    participant: &Participant,
    vendor: &ModelProvider,
) -> Option<ModelId> {
    if participant.provider == *vendor && !participant.model_id.as_str().is_empty() {
        return Some(participant.model_id.clone());
    }
    let pool = plan.pools.iter().position(|pool| pool.id == participant.provider_id).map(Target::Pool);
    let role = plan.roles.get(&participant.role).into_iter();
    let chain = role.flat_map(|role| role.primary.iter().chain(&role.fallback)).copied();
    let mut routes = Vec::new();
    for target in pool.into_iter().chain(chain).chain(plan.default) {
        plan.routes_of(target, &mut routes);
    }
    let mut providers = routes.into_iter().filter_map(|at| plan.providers.get(at));
    providers.find(|provider| provider.vendor() == *vendor).map(|provider| provider.model.clone())
}

/// Where names are looked up.
struct Plans<'a> {
    plan: &'a RouterPlan,
    table: &'a ModelTable,
    names: &'a ModelNames,
}

impl Plans<'_> {
    /// Who answers under an alias, for a client that asks for `name`.
    fn alias(&self, alias: &ModelAlias, name: &str) -> Option<Participant> {
        match &alias.target {
            AliasTarget::Role(role) => self.role(role.as_str()),
            AliasTarget::Pool(id) => self.pool(id.as_str()),
            AliasTarget::Provider { id, model } => {
                let provider = self.plan.providers.iter().find(|provider| provider.id == *id)?;
                let model = match model {
                    AliasModel::Own => provider.model.clone(),
                    AliasModel::Same => {
                        Some(ModelId::from(name)).filter(|model| self.has(provider, model))?
                    }
                    AliasModel::Named(model) => model.clone(),
                };
                Some(asking(provider, model))
            }
            AliasTarget::Session(_) => self.provider(&alias.name),
        }
    }

    /// Who answers under a name of the configuration.
    fn configured(&self, name: &str) -> Option<Participant> {
        let &ModelNames { roles, pools, providers, .. } = self.names;
        match name.split_once(':') {
            Some(("role", name)) if roles => return self.role(name),
            Some(("pool", name)) if pools => return self.pool(name),
            Some(("provider", name)) if providers => return self.provider(name),
            _ => {}
        }
        let found = [
            roles.then(|| self.role(name)).flatten(),
            pools.then(|| self.pool(name)).flatten(),
            providers.then(|| self.provider(name)).flatten(),
        ];
        let mut found = found.into_iter().flatten();
        if let Some(first) = found.next() {
            // Two of them under one name: which is meant, nobody knows.
            return found.next().is_none().then_some(first);
        }
        if providers { self.model(&ModelId::from(name)) } else { None }
    }

    fn role(&self, name: &str) -> Option<Participant> {
        let (role, _) = self.plan.roles.iter().find(|(role, _)| role.as_str() == name)?;
        Some(Router::participant(role.clone()))
    }

    fn pool(&self, name: &str) -> Option<Participant> {
        let pool = self.plan.pools.iter().find(|pool| pool.id == name)?;
        Some(Router::participant(ParticipantRole::default()).with_provider_id(pool.id.clone()))
    }

    fn provider(&self, name: &str) -> Option<Participant> {
        let provider = self.plan.providers.iter().find(|provider| provider.id == name)?;
        Some(asking(provider, provider.model.clone()))
    }

    fn model(&self, model: &ModelId) -> Option<Participant> {
        let set_up = self.plan.providers.iter().find(|provider| provider.model == *model);
        let provider =
            set_up.or_else(|| self.plan.providers.iter().find(|provider| self.has(provider, model)))?;
        Some(asking(provider, model.clone()))
    }

    /// Whether a provider is known to have a model.
    fn has(&self, provider: &ProviderPlan, model: &ModelId) -> bool {
        let own = provider.model == *model || provider.models.find_id(model).is_some();
        own || self.table.find(&provider.vendor(), model).is_some_and(|row| row.id != "*")
    }
}

/// The participant that asks a provider for a model.
fn asking(provider: &ProviderPlan, model: ModelId) -> Participant {
    Participant::new(provider.vendor(), model).with_provider_id(provider.id.clone())
}

#[cfg(test)]
mod tests {
    use forge::router::{Member, PoolPlan, RolePlan, Strategy, Target};

    use super::*;

    fn plan() -> RouterPlan {
        let provider = |id: &str, kind: &str, model: &str| {
            let mut plan = forge::provider_plan(kind, model);
            plan.id = id.into();
            plan
        };
        let mut plan = RouterPlan {
            providers: vec![
                provider("claude", "anthropic", "claude-opus-5"),
                provider("gpt", "openai", "gpt-5.6-sol"),
            ],
            ..RouterPlan::default()
        };
        let members = vec![Member { target: Target::Provider(0), weight: 1 }];
        plan.pools.push(PoolPlan { id: "fast".into(), strategy: Strategy::Priority, members });
        let primary = vec![Target::Provider(1)];
        plan.roles.insert("coder".into(), RolePlan { primary: primary.clone(), ..RolePlan::default() });
        plan.roles.insert("fast".into(), RolePlan { primary, ..RolePlan::default() });
        plan
    }

    #[test]
    fn a_name_is_a_role_a_pool_a_provider_or_a_model_and_never_two_of_them() {
        let (plan, table) = (plan(), forge::models());
        let found = |name: &str| {
            let one = find(&plan, &table, &ModelNames::default(), name)?;
            Some(format!("{}/{}/{}", one.role, one.provider_id, one.model_id))
        };
        for (name, expected) in [
            ("role:coder", Some("coder/router/")),
            ("coder", Some("coder/router/")),
            ("pool:fast", Some("generalist/fast/")),
            ("fast", None),
            ("provider:claude", Some("generalist/claude/claude-opus-5")),
            ("gpt", Some("generalist/gpt/gpt-5.6-sol")),
            ("gpt-5.6-sol", Some("generalist/gpt/gpt-5.6-sol")),
            ("claude-sonnet-5-5", Some("generalist/claude/claude-sonnet-5-5")),
            ("claude-sonnet-5-5-20260928", Some("generalist/claude/claude-sonnet-5-5-20260928")),
            ("gemini-3-pro", None),
            ("role:nobody", None),
            ("", None),
        ] {
            assert_eq!(found(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn aliases_go_first_and_what_is_not_exposed_is_not_there() {
        let (plan, table) = (plan(), forge::models());
        let provider = |id: &str, model| AliasTarget::Provider { id: id.into(), model };
        let mut names = ModelNames::default();
        names.aliases = vec![
            ModelAlias::new("claude-*", provider("claude", AliasModel::Same)),
            ModelAlias::new("claude-fast", AliasTarget::Pool("fast".into())),
            ModelAlias::new("gpt", AliasTarget::Role("coder".into())),
            ModelAlias::new("old", provider("claude", AliasModel::Named("claude-opus-5".into()))),
            ModelAlias::new("gone", provider("nobody", AliasModel::Own)),
        ];
        let found = |names: &ModelNames, name: &str| {
            let one = find(&plan, &table, names, name)?;
            Some(format!("{}/{}/{}", one.role, one.provider_id, one.model_id))
        };
        let check = |names: &ModelNames, expected: &[(&str, Option<&str>)]| {
            for (name, expected) in expected {
                assert_eq!(found(names, name).as_deref(), *expected, "{name}");
            }
        };
        check(
            &names,
            &[
                ("claude-sonnet-5-5", Some("generalist/claude/claude-sonnet-5-5")),
                ("claude-fast", Some("generalist/fast/")),
                ("claude-unheard-of", None),
                ("gpt", Some("coder/router/")),
                ("provider:gpt", Some("generalist/gpt/gpt-5.6-sol")),
                ("old", Some("generalist/claude/claude-opus-5")),
                ("gone", None),
            ],
        );
        names.providers = false;
        check(
            &names,
            &[("provider:gpt", None), ("gpt-5.6-sol", None), ("role:coder", Some("coder/router/"))],
        );
        let resolved =
            |names: &ModelNames, name: &str| Some(resolve(&plan, &table, names, name)?.0.to_owned());
        assert_eq!(resolved(&names, "gpt-5.6-sol"), None);
        names.default = Some("old".into());
        assert_eq!(resolved(&names, "gpt-5.6-sol").as_deref(), Some("old"));
        assert_eq!(resolved(&names, "role:coder").as_deref(), Some("role:coder"));
    }
}
