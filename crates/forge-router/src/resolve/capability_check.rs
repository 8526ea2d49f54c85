//! Whether the models that a role may reach can do what it asks of them.

use std::collections::BTreeMap;

use forge_config::{KeyPath, Problem};
use forge_core::{
    Capabilities, ModelId, ParticipantRole,
    model::Efforts,
    request::{Effort, Sampling},
};

use super::{Resolver, reach::Reach, role::answers_in_json};
use crate::{
    code,
    plan::{Budget, Needs, Parameters, ProviderPlan, RolePlan, RouterPlan, Target},
    spec::{ProviderSpec, RoleSpec, RouterSpec},
};

/// This many providers are named one by one in a message.
const NAMED: usize = 3;

/// Something that a model does not do as it is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Misfit {
    Lacks(&'static str),
    /// A feature of which nobody has said whether the model has it.
    Unknown(&'static str, ModelId),
    SmallWindow(u64),
    NoSchema,
    Unpriced,
    LeftOut(String),
    OtherEffort(Effort, Effort),
    ShortOutput(u32, u64),
}

impl Misfit {
    fn code(&self) -> &'static str {
        match self {
            Self::Lacks(_) | Self::SmallWindow(_) => code::CANNOT_DO,
            Self::Unknown(..) => code::UNKNOWN_ABILITY,
            Self::NoSchema => code::NO_SCHEMA,
            Self::Unpriced => code::UNKNOWN_PRICE,
            Self::LeftOut(_) | Self::OtherEffort(..) | Self::ShortOutput(..) => code::NOT_TAKEN,
        }
    }

    /// `who` stands for one or more models.
    fn message(&self, who: &str) -> String {
        match self {
            Self::Lacks(feature) => format!("the role needs {feature}, which is not supported by {who}"),
            Self::SmallWindow(tokens) => {
                format!("the role needs a context window of {tokens} tokens; that of {who} is smaller")
            }
            Self::Unknown(feature, _) => {
                format!("the role needs {feature}; support by {who} is unknown")
            }
            Self::NoSchema => {
                format!("a session asks the role for JSON, which {who} cannot be made to return")
            }
            Self::Unpriced => {
                format!("the price of {who} is unknown; calls are refused while a dollar budget applies")
            }
            Self::LeftOut(setting) => format!("{setting} is left out: it is not supported by {who}"),
            Self::OtherEffort(asked, used) => {
                format!("for {who}, effort `{}` is sent as `{}`", asked.as_str(), used.as_str())
            }
            Self::ShortOutput(asked, most) => {
                format!("max_tokens is {asked}, but {who} can write at most {most}")
            }
        }
    }

    /// What to write, where the file can do something about it.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unpriced => Some("set its `price`".into()),
            Self::Unknown(feature, model) => {
                Some(format!("write `models: {{ \"{model}\": {{ {feature}: true }} }}` if it is supported"))
            }
            Self::Lacks(_)
            | Self::SmallWindow(_)
            | Self::NoSchema
            | Self::LeftOut(_)
            | Self::OtherEffort(..)
            | Self::ShortOutput(..) => None,
        }
    }
}

impl Resolver<'_, '_> {
    /// Compares what the file asks of models with what they can do; last, when every name points to
    /// something.
    pub(super) fn check_capabilities(
        &mut self,
        spec: &RouterSpec,
        plan: &RouterPlan,
        places: &[(&str, &ProviderSpec, KeyPath)],
    ) {
        for provider in &plan.providers {
            if let Some((_, _, path)) = places.iter().find(|(id, ..)| provider.id == *id) {
                self.check_provider(provider, counts_money(plan, provider), path);
            }
        }
        for (name, role) in &spec.roles {
            let role_name = ParticipantRole::from(name.as_str());
            if let Some(resolved) = plan.roles.get(&role_name) {
                self.check_role(&role_name, role, resolved, plan, &KeyPath::ROOT.key("roles").key(name));
            }
        }
    }

    /// A provider's own settings.
    fn check_provider(&mut self, provider: &ProviderPlan, budgeted: bool, path: &KeyPath) {
        if !is_known(provider) {
            return;
        }
        let who = format!("`{}`", provider.model);
        for misfit in settings(&provider.parameters, &self.told(provider)) {
            self.misfit(&misfit, &who, path.key("parameters"));
        }
        if budgeted && !self.has_price(provider) {
            self.misfit(&Misfit::Unpriced, &who, path.key("model"));
        }
    }

    /// What the providers that a role may reach cannot do of what it asks. Misfits of one place are gathered,
    /// so that a pool of many gives one message and not many.
    fn check_role(
        &mut self,
        name: &ParticipantRole,
        spec: &RoleSpec,
        role: &RolePlan,
        plan: &RouterPlan,
        path: &KeyPath,
    ) {
        let mut seen = vec![false; plan.providers.len()];
        let mut references: Vec<(Target, KeyPath)> = Vec::new();
        let mut add = |id: &String, path: KeyPath| {
            if let Some(super::Named::Target(target)) = self.names.get(id.as_str()) {
                references.push((*target, path));
            }
        };
        spec.provider.iter().for_each(|id| add(id, path.key("provider")));
        for (key, list) in [("panel", &spec.panel), ("fallback", &spec.fallback)] {
            let list = list.iter().flatten().enumerate();
            list.for_each(|(at, id)| add(id, path.key(key).index(at)));
        }
        // The default is the last fallback of every role, and so reached by this one.
        references.extend(plan.default.map(|target| (target, path.clone())));
        for (target, at) in references {
            let mut misfits: BTreeMap<Misfit, Vec<&str>> = BTreeMap::new();
            for place in Reach::of(target, &plan.pools).providers() {
                let provider = &plan.providers[place];
                // Reported once, at the first place that leads to the provider.
                if std::mem::replace(&mut seen[place], true) || !is_known(provider) {
                    continue;
                }
                let able = &provider.capabilities;
                let mut found = self.needs_of(role.needs, provider);
                if answers_in_json(name) && !able.structured_output && !role.needs.structured_output {
                    found.push(Misfit::NoSchema);
                }
                found.extend(settings(&role.parameters, &self.told(provider)));
                if role.budget.limits_money() && !counts_money(plan, provider) && !self.has_price(provider) {
                    found.push(Misfit::Unpriced);
                }
                for misfit in found {
                    misfits.entry(misfit).or_default().push(provider.id.as_str());
                }
            }
            for (misfit, ids) in misfits {
                let who = listed(&ids);
                let who = if at == *path { format!("{who} (the default)") } else { who };
                self.misfit(&misfit, &who, at.clone());
            }
        }
    }

    /// Reports a misfit of the models that `who` stands for.
    fn misfit(&mut self, misfit: &Misfit, who: &str, path: KeyPath) {
        let problem = Problem::new(misfit.code(), path, misfit.message(who));
        self.report(match misfit.hint() {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
    }

    /// What a role needs of the provider's model and does not get, or not for certain.
    fn needs_of(&self, needs: Needs, provider: &ProviderPlan) -> Vec<Misfit> {
        let (able, model) = (&provider.capabilities, &provider.model);
        let row = provider.models.find_id(model);
        let said = row.map(|row| row.abilities.clone()).unwrap_or_default();
        // An adapter assumes of a model that nobody knows what is usual with its vendor.
        let is_like = row.is_some_and(|row| row.like.is_some());
        let in_table = || self.section.models.find(&provider.vendor(), model);
        let is_known = is_like || in_table().is_some_and(|row| row.id != "*");
        let features = [
            ("tools", needs.tools, able.tools, said.tools),
            ("images", needs.images, able.images, said.images),
            ("documents", needs.documents, able.documents, said.documents),
            ("structured_output", needs.structured_output, able.structured_output, said.structured_output),
        ];
        let features = features.into_iter().filter(|(_, needed, ..)| *needed);
        let misfits = features.filter_map(|(feature, _, able, said)| match (able, said) {
            (false, _) => Some(Misfit::Lacks(feature)),
            // Assumed and not known: the call might fail where the role cannot do without.
            (true, None) if !is_known => Some(Misfit::Unknown(feature, model.clone())),
            (true, _) => None,
        });
        // Some servers tell their window only when they are asked.
        let window =
            needs.context_tokens.filter(|needed| able.context_tokens.is_some_and(|has| has < *needed));
        misfits.chain(window.map(Misfit::SmallWindow)).collect()
    }

    /// What somebody has said that the provider's model takes. Of a model that its vendor's table does not have nobody
    /// has said anything but the file.
    fn told(&self, provider: &ProviderPlan) -> Capabilities {
        let (vendor, row) = (provider.vendor(), provider.models.find_id(&provider.model));
        let is_like = row.is_some_and(|row| row.like.is_some());
        let kind = self.section.registry.kind(&provider.kind);
        let table = self.section.models;
        let has_table = kind.is_some_and(|kind| table.rows().iter().any(|row| row.provider == kind.vendor));
        if is_like || !has_table || table.find(&vendor, &provider.model).is_some() {
            return provider.capabilities;
        }
        // Everything is taken to be allowed, so that no warning is made up about a model that nobody knows.
        let mut anything = provider.capabilities;
        (anything.sampling, anything.stop_sequences) = (true, true);
        (anything.efforts, anything.max_output_tokens) = (Efforts::of(&Effort::ALL), None);
        row.map_or(anything, |row| row.capabilities_over(anything))
    }

    /// Whether a price is known on the day of the check: in the file, or in the table.
    fn has_price(&self, provider: &ProviderPlan) -> bool {
        if provider.models.find_id(&provider.model).is_some_and(|row| !row.prices.is_empty()) {
            return true;
        }
        let row = || self.section.models.find(&provider.vendor(), &provider.model);
        provider.price.is_some() || row().is_some_and(|row| row.price_on(self.section.today).is_some())
    }
}

/// Whether a budget of money may hold for the provider's calls, whatever their role.
fn counts_money(plan: &RouterPlan, provider: &ProviderPlan) -> bool {
    let of_tags = plan.budgets.iter().map(|(_, budget)| *budget);
    of_tags.chain([plan.budget, provider.budget]).any(Budget::limits_money)
}

/// Whether its abilities mean something: a kind or model that is missing is reported already.
fn is_known(provider: &ProviderPlan) -> bool {
    !provider.kind.is_empty() && !provider.model.as_str().is_empty()
}

/// Settings that a model does not take as they are written. The adapter leaves them out or changes them, so
/// that they are warnings.
fn settings(set: &Parameters, able: &Capabilities) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    if !able.sampling && set.sampling != Sampling::default() {
        let sampling = &set.sampling;
        let names = [
            ("temperature", sampling.temperature.is_some()),
            ("top_p", sampling.top_p.is_some()),
            ("top_k", sampling.top_k.is_some()),
            ("seed", sampling.seed.is_some()),
            ("presence_penalty", sampling.presence_penalty.is_some()),
            ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ];
        misfits
            .extend(names.into_iter().filter(|(_, set)| *set).map(|(name, _)| Misfit::LeftOut(name.into())));
    }
    if let Some(asked) = set.effort {
        match able.efforts.settle(asked, &mut Vec::new()) {
            Some(used) if used != asked => misfits.push(Misfit::OtherEffort(asked, used)),
            None if asked != Effort::None => {
                misfits.push(Misfit::LeftOut(format!("effort `{}`", asked.as_str())));
            }
            Some(_) | None => {}
        }
    }
    if !set.stop_sequences.is_empty() && !able.stop_sequences {
        misfits.push(Misfit::LeftOut("stop_sequences".into()));
    }
    if let (Some(asked), Some(most)) = (set.max_tokens, able.max_output_tokens)
        && u64::from(asked) > most
    {
        misfits.push(Misfit::ShortOutput(asked, most));
    }
    misfits
}

/// `` `a`, `b` and 5 more ``
fn listed(ids: &[&str]) -> String {
    let quoted: Vec<String> = ids.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
    let rest = ids.len().saturating_sub(NAMED);
    let names = quoted.join(", ");
    if rest == 0 { names } else { format!("{names} and {rest} more") }
}
