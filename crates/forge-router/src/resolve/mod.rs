//! From the configuration as written to one that can be run.
//!
//! Everything is looked at once, in an order in which each step finds what it refers to: names, models,
//! providers, pools, the default, roles, policies, and last whether models can do what is asked of them. A
//! mistake leaves an empty value behind and stops nothing, so that one run tells all of them.

mod capability_check;
#[cfg(test)]
mod fixture;
mod key;
mod model;
mod notation;
mod policy;
mod pool;
mod provider;
mod reach;
mod role;
#[cfg(feature = "schema")]
mod section;
mod session_model;
#[cfg(test)]
mod tests;
#[cfg(feature = "schema")]
mod trust;
mod url;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use forge_config::{KeyPath, Lookup, Problem, ResolveContext, nearest};
use forge_core::{AdapterRegistry, ModelTable};

use self::model::SaidModel;
pub use self::role::fallback_word;
use crate::{
    code,
    plan::{RouterPlan, Target},
    spec::{Enabled, EnabledWhen, PoolSpec, ProviderSpec, RouterSpec},
};

/// The router's keys of a file, and what they are checked against. Whatever it is made of stands in it.
#[derive(Debug, Clone, Copy)]
pub struct RouterSection<'a> {
    /// The kinds of providers that there are, and what their models can do.
    pub registry: &'a AdapterRegistry,
    /// Models with their limits, dates and prices.
    pub models: &'a ModelTable,
    /// The day for which models and prices are checked.
    pub today: NaiveDate,
}

impl RouterPlan {
    /// Resolves `spec`. All problems are collected, mistakes and warnings alike, in the order of the file's
    /// sections; there is a plan if and only if none of them is a mistake.
    pub fn resolve(
        spec: &RouterSpec,
        section: &RouterSection<'_>,
        lookup: &dyn Lookup,
    ) -> (Option<Self>, Vec<Problem>) {
        let mut context = ResolveContext::new(lookup);
        let plan = section.plan(spec, &mut context);
        (context.problems.iter().all(Problem::is_warning).then_some(plan), context.problems)
    }
}

impl RouterSection<'_> {
    fn plan(&self, spec: &RouterSpec, context: &mut ResolveContext<'_>) -> RouterPlan {
        let (names, meant) = (BTreeMap::new(), BTreeMap::new());
        Resolver { section: self, names, meant, said: Vec::new(), context }.plan(spec)
    }
}

/// The id of a provider in the old single form.
const SINGLE: &str = "default";

/// After this many problems the nearest name is not searched any more: that takes time and helps nobody.
const HINTED: usize = 50;

/// A plan is made to its end even when it cannot be used, so that everything is looked at. Whatever is
/// wrong is reported and stands in the plan as an empty value.
struct Resolver<'a, 'c> {
    section: &'a RouterSection<'a>,
    names: BTreeMap<&'a str, Named>,
    /// Providers by their models and types, for those who name these instead, and which of the two it is.
    meant: BTreeMap<&'a str, (&'a str, &'static str)>,
    said: Vec<SaidModel<'a>>,
    context: &'a mut ResolveContext<'c>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
enum Named {
    Target(Target),
    Disabled,
    /// The variable of its key is not set, which is as its author meant it.
    Absent,
}

impl<'a> Resolver<'a, '_> {
    fn plan(&mut self, spec: &'a RouterSpec) -> RouterPlan {
        self.version(spec.schema_version.as_deref());
        let providers = self.providers_of(spec);
        self.register(&providers, spec);
        // Behind the names, which models may refer to, and before the providers, whose models they are.
        self.said = self.models(spec);
        let mut plan = RouterPlan::default();
        for (id, provider, path) in &providers {
            let before = self.context.problems.len();
            // Also of one that is off, so that its mistakes show before somebody turns it on.
            let resolved = self.provider(id, provider, path);
            if self.names.get(id).is_none_or(|named| !matches!(named, Named::Target(_))) {
                // The mistakes of the file count, what the machine lacks does not.
                let own = |problem: &Problem| {
                    let outside = [code::UNSET_VARIABLE, code::UNREADABLE_FILE];
                    !problem.is_warning() && !outside.contains(&problem.code)
                };
                let later = self.context.problems.split_off(before);
                self.context.problems.extend(later.into_iter().filter(own));
            } else {
                plan.providers.push(resolved);
            }
        }
        for (id, pool) in &spec.pools {
            let path = KeyPath::ROOT.key("pools").key(id);
            let resolved = self.pool(id, pool, &path);
            if !matches!(self.names.get(id.as_str()), Some(Named::Absent)) {
                plan.pools.push(resolved);
            }
        }
        // Pools may name pools that come later, so circles are looked for once all are there.
        self.circles(spec, &plan.pools);
        plan.default = self.default(spec, &plan);
        for (name, role) in &spec.roles {
            let path = KeyPath::ROOT.key("roles").key(name);
            let resolved = self.role(name, role, plan.default, &plan.pools, &path);
            plan.roles.insert(name.as_str().into(), resolved);
        }
        plan.retry = self.retry(spec.retry.as_ref(), &KeyPath::ROOT.key("retry"));
        plan.breaker = self.breaker(spec.breaker.as_ref(), &KeyPath::ROOT.key("breaker"));
        plan.cache = self.cache(spec.cache.as_ref(), &KeyPath::ROOT.key("cache"));
        plan.budget = self.budget(spec.budget.as_ref(), &KeyPath::ROOT.key("budget"));
        let path = KeyPath::ROOT.key("budgets");
        let budgets = spec.budgets.iter().enumerate();
        plan.budgets = budgets.filter_map(|(at, spec)| self.tag_budget(spec, &path.index(at))).collect();
        self.check_capabilities(spec, &plan, &providers);
        plan
    }

    fn report(&mut self, problem: Problem) {
        self.context.report(problem);
    }

    /// Checks the version of the format. Any 1.x is read.
    fn version(&mut self, version: Option<&str>) {
        let path = KeyPath::ROOT.key("schema_version");
        let hint = "write `schema_version: \"1.0\"`";
        match version {
            None => {
                let message = "the file does not state its version";
                self.report(Problem::new(code::NO_VERSION, path, message).with_hint(hint));
            }
            Some(version) if is_version_1(version) => {}
            Some(version) => {
                let message = format!("version `{version}` of the format is unknown");
                self.report(Problem::new(code::OTHER_VERSION, path, message).with_hint(hint));
            }
        }
    }

    /// Every provider with its id and place, the one in the old form last.
    fn providers_of(&mut self, spec: &'a RouterSpec) -> Vec<(&'a str, &'a ProviderSpec, KeyPath)> {
        let root = KeyPath::ROOT.key("providers");
        let mut all: Vec<_> =
            spec.providers.iter().map(|(id, provider)| (id.as_str(), provider, root.key(id))).collect();
        if let Some(single) = &spec.provider {
            let path = KeyPath::ROOT.key("provider");
            if spec.providers.contains_key(SINGLE) {
                let message = "has the id `default`, and so has one of `providers`";
                let hint = "move it into `providers` under an id of its own";
                self.report(Problem::new(code::CONFLICT, path, message).about_key().with_hint(hint));
            } else {
                if !spec.providers.is_empty() {
                    let message = "the old form with one provider is used beside `providers`";
                    let hint = "move it into `providers` under an id of its own";
                    let problem = Problem::new(code::OLD_FORM, path.clone(), message).about_key();
                    self.report(problem.with_hint(hint));
                }
                all.push((SINGLE, single, path));
            }
        }
        if all.is_empty() {
            let kind = self.section.registry.kinds().first().map_or("...", |kind| kind.name.as_str());
            let hint =
                format!("write at least one, such as `providers: {{ first: {{ type: {kind}, ... }} }}`");
            let problem = Problem::new(code::NO_PROVIDER, root, "there is no provider").with_hint(hint);
            self.report(problem);
        } else if all.iter().all(|(_, provider, _)| self.is_off(provider)) {
            let waits =
                all.iter().filter(|(_, provider, _)| provider.enabled != Some(Enabled::Always(false)));
            let names: BTreeSet<&str> = waits.flat_map(|(_, provider, _)| variables(provider)).collect();
            let mut problem = Problem::new(code::NO_PROVIDER, root, "every provider is disabled");
            if !names.is_empty() {
                let names: Vec<&str> = names.into_iter().collect();
                "no provider has a key".clone_into(&mut problem.message);
                problem = problem.with_hint(format!("set {}, or try with `--offline`", names.join(" or ")));
            }
            self.report(problem);
        }
        all
    }

    /// Gives every name its meaning.
    fn register(&mut self, providers: &[(&'a str, &'a ProviderSpec, KeyPath)], spec: &'a RouterSpec) {
        let mut place = 0;
        for (id, provider, path) in providers {
            self.check_id(id, path);
            let named = if provider.enabled == Some(Enabled::Always(false)) {
                Named::Disabled
            } else if self.is_off(provider) {
                Named::Absent
            } else {
                place += 1;
                Named::Target(Target::Provider(place - 1))
            };
            // Places count those that take part: the plan holds nobody else.
            self.names.insert(id, named);
            let (kind, model) = (provider.kind.as_deref(), provider.model.as_deref());
            for (said, what) in [(model, "whose model it is"), (kind, "which is of that type")] {
                self.meant.entry(said.unwrap_or_default()).or_insert((id, what));
            }
        }
        place = 0;
        for (id, pool) in &spec.pools {
            let path = KeyPath::ROOT.key("pools").key(id);
            self.check_id(id, &path);
            if self.names.contains_key(id.as_str()) {
                let message = format!("a provider is also called `{id}`");
                let problem = Problem::new(code::NAME_TAKEN, path, message).about_key();
                self.report(problem.with_hint("give the pool another name"));
                // It stands in the plan all the same, so that its place is counted.
                place += 1;
            } else if self.is_absent(pool) {
                self.names.insert(id, Named::Absent);
            } else {
                self.names.insert(id, Named::Target(Target::Pool(place)));
                place += 1;
            }
        }
    }

    /// Whether nobody stands in the pool because no member has a key.
    fn is_absent(&self, pool: &PoolSpec) -> bool {
        let mut members = pool.members.iter().filter_map(|member| member.provider.as_deref()).peekable();
        members.peek().is_some() && members.all(|id| matches!(self.names.get(id), Some(Named::Absent)))
    }

    /// Whether the provider takes no part.
    fn is_off(&self, provider: &ProviderSpec) -> bool {
        let is_set = |name: &str| self.context.lookup.variable(name).is_some();
        match provider.enabled {
            None | Some(Enabled::Always(true)) => false,
            Some(Enabled::Always(false)) => true,
            Some(Enabled::When(EnabledWhen::Auto)) => variables(provider).any(|name| !is_set(name)),
        }
    }

    /// Reports an id that is none. Providers and pools have ids of one form, as a role may name either.
    fn check_id(&mut self, id: &str, path: &KeyPath) {
        let is_end = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = id.as_bytes();
        let good = bytes.len() >= 2
            && bytes.iter().all(|b| is_end(*b) || *b == b'-')
            && bytes.first().is_some_and(|b| is_end(*b))
            && bytes.last().is_some_and(|b| is_end(*b));
        if !good {
            let message = format!("`{id}` is not a valid id");
            let meant = id.to_ascii_lowercase().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
            let meant = meant.trim_matches('-');
            let hint = if meant.len() >= 2 && id.is_ascii() {
                format!("write `{meant}`")
            } else {
                "use at least two characters: lower-case letters, digits, and hyphens between them".to_owned()
            };
            let problem = Problem::new(code::BAD_NAME, path.clone(), message).about_key();
            self.report(problem.with_hint(hint));
        }
    }

    /// What the reference at `path` points to. Unknown names are mistakes, disabled providers are warnings.
    fn reference(&mut self, id: &str, path: &KeyPath) -> Option<Target> {
        match self.names.get(id) {
            Some(Named::Target(target)) => return Some(*target),
            Some(Named::Disabled) => {
                let message = format!("provider `{id}` is disabled, so it is left out here");
                self.report(Problem::new(code::DISABLED, path.clone(), message));
            }
            Some(Named::Absent) => {}
            None => {
                let message = format!("there is no provider or pool `{id}`");
                let mut problem = Problem::new(code::UNKNOWN_NAME, path.clone(), message);
                if let Some((name, what)) = self.meant.get(id) {
                    problem = problem.with_hint(format!("did you mean `{name}`, {what}?"));
                } else if self.context.problems.len() < HINTED
                    && let Some(name) = nearest(id, self.names.keys().copied())
                {
                    problem = problem.with_hint(format!("did you mean `{name}`?"));
                }
                self.report(problem);
            }
        }
        None
    }

    /// The references in a list that must not name anything twice.
    fn references(&mut self, ids: &[String], path: &KeyPath) -> Vec<Target> {
        let mut seen = BTreeSet::new();
        let mut targets = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            let path = path.index(at);
            if seen.insert(id) {
                targets.extend(self.reference(id, &path));
            } else {
                self.report(Problem::new(code::DUPLICATE, path, format!("`{id}` is listed twice")));
            }
        }
        targets
    }

    /// The default as written, else the provider in the old form, else the only one.
    fn default(&mut self, spec: &RouterSpec, plan: &RouterPlan) -> Option<Target> {
        if let Some(id) = &spec.default_provider {
            return self.reference(id, &KeyPath::ROOT.key("default_provider"));
        }
        let place = match (&spec.provider, plan.providers.len()) {
            (Some(_), _) => plan.providers.iter().position(|provider| provider.id == SINGLE)?,
            (None, 1) => 0,
            (None, _) => return None,
        };
        Some(Target::Provider(place))
    }
}

/// The variables without which the provider has no key.
fn variables(provider: &ProviderSpec) -> impl Iterator<Item = &str> {
    let keys = provider.api_key.iter().chain(provider.api_keys.iter().flatten());
    let inner = keys.filter_map(|key| key.trim().strip_prefix("${")?.strip_suffix('}'));
    inner.filter(|inner| !inner.contains(':'))
}

/// Whether it is a minor version of the first format.
fn is_version_1(version: &str) -> bool {
    version
        .strip_prefix("1.")
        .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
}
