//! A configuration in use: routes, pools and the chain of every role.
//!
//! It never changes. A reload builds another one beside it, to which the routes hand over what they remember
//! about whatever stays the same.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::NaiveDate;
use forge_core::{ErrorKind, ModelProvider, ParticipantRole, ProviderId, provider::RegistryError};
use forge_layers::{Cache, CacheFigures, CachePolicy, Retry, RetryBudget};

use crate::{
    plan::{
        Member, Parameters, PoolPlan, ProviderPlan, RolePlan, RouterPlan, Strategy, Target, USUAL_FALLBACKS,
    },
    prices::DayPrices,
    route::{Meter, Route, RouteContext, RouterDeps},
};

/// A configuration in use. Calls keep the one that they began with.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) plan: Arc<RouterPlan>,
    pub(crate) routes: Vec<Arc<Route>>,
    /// Those of the routes, next to each other: large pools compare all of theirs for every call.
    pub(crate) meters: Vec<Arc<Meter>>,
    /// Of the last day on which a pool compared costs.
    prices: RwLock<Arc<DayPrices>>,
    pub(crate) pools: Vec<Pool>,
    /// The replies that are given again, with the policy by which they are kept.
    cache: Option<(CachePolicy, Cache)>,
    /// Those that the configuration names, and those that a provider prefers.
    roles: HashMap<ParticipantRole, RoleConfig>,
    /// For all others.
    unnamed: RoleConfig,
    targets: HashMap<ProviderId, Target>,
}

/// How a role's calls are made.
#[derive(Debug, Default)]
pub(crate) struct RoleConfig {
    /// Whether the configuration names the role.
    pub(crate) named: bool,
    /// Whom to ask, in order; nobody twice.
    pub(crate) chain: Vec<ChainEntry>,
    pub(crate) parameters: Parameters,
    /// Whose fields the raw ones of the parameters are: those of the first provider of the role.
    pub(crate) extra_for: Option<ModelProvider>,
    pub(crate) fallback_on: Vec<ErrorKind>,
    pub(crate) hedge: bool,
}

/// One place in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChainEntry {
    pub(crate) target: Target,
    pub(crate) origin: Origin,
}

/// Why a target stands in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The caller named it.
    Named,
    Primary,
    Panel,
    Fallback,
    /// It prefers the role, which the configuration does not name.
    Preferred,
    Default,
    /// It is enabled, and the configuration does not name the role.
    Enabled,
    /// The conversation has been there before.
    Affinity,
}

impl Origin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Primary => "primary",
            Self::Panel => "panel",
            Self::Fallback => "fallback",
            Self::Preferred => "prefers the role",
            Self::Default => "default",
            Self::Enabled => "enabled",
            Self::Affinity => "affinity",
        }
    }
}

/// A pool in use.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) id: ProviderId,
    pub(crate) strategy: Strategy,
    pub(crate) members: Vec<Member>,
    /// Sums of the weights up to each member, itself included.
    sums: Vec<u64>,
    /// Counts the picks.
    turn: AtomicU64,
    seed: u64,
}

impl Snapshot {
    pub(crate) fn build(
        plan: RouterPlan,
        deps: &RouterDeps,
        budget: &RetryBudget,
        old: Option<&Self>,
    ) -> Result<Self, RegistryError> {
        let rules = plan.shared_rules();
        let cooldowns = deps.cooldowns.cooldowns();
        let retry = Retry::new(plan.retry, deps.seed).with_budget(budget.clone());
        // Kept under the same policy alone: by another one its replies might be too old or too many.
        let known = old.and_then(|old| old.cache.as_ref());
        let known = known.filter(|(policy, _)| Some(policy) == plan.cache.as_ref());
        let new = || plan.cache.clone().map(|policy| (policy.clone(), Cache::new(policy)));
        let cache = known.cloned().or_else(new);
        // By id and not by place: a provider that moves in the file is still the same one.
        let before: HashMap<&ProviderId, &Route> =
            old.into_iter().flat_map(|old| &old.routes).map(|route| (&route.plan.id, &**route)).collect();
        let context = RouteContext {
            deps,
            retry: &retry,
            policy: plan.breaker,
            rules: &rules,
            cooldowns: &cooldowns,
            cache: cache.as_ref().map(|(_, cache)| cache),
        };
        let build = |provider: &ProviderPlan| {
            Route::build(provider, context, before.get(&provider.id).copied()).map(Arc::new)
        };
        let routes = plan.providers.iter().map(build).collect::<Result<Vec<_>, _>>()?;
        let providers = plan.providers.iter().enumerate();
        let providers = providers.map(|(at, provider)| (provider.id.clone(), Target::Provider(at)));
        let pools = plan.pools.iter().enumerate().map(|(at, pool)| (pool.id.clone(), Target::Pool(at)));
        let targets = providers.chain(pools).collect();
        let preferred: HashSet<_> =
            plan.providers.iter().flat_map(|provider| &provider.preferred_roles).collect();
        let preferred =
            preferred.into_iter().map(|role| (role.clone(), RoleConfig::unnamed(Some(role), &plan)));
        let named = plan.roles.iter().map(|(role, spec)| (role.clone(), RoleConfig::new(spec, &plan)));
        // Named ones last: what the configuration says of a role replaces the chain of those who prefer it.
        let roles = preferred.chain(named).collect();
        let today = deps.timer.now().date_naive();
        Ok(Self {
            prices: RwLock::new(Arc::new(DayPrices::of(&routes, today))),
            meters: routes.iter().map(|route| Arc::clone(&route.meter)).collect(),
            routes,
            pools: plan.pools.iter().map(|pool| Pool::new(pool, deps.seed)).collect(),
            roles,
            unnamed: RoleConfig::unnamed(None, &plan),
            targets,
            cache,
            plan: Arc::new(plan),
        })
    }

    /// What came of the calls that its cache is for.
    pub(crate) fn cache_figures(&self) -> CacheFigures {
        self.cache.as_ref().map(|(_, cache)| cache.figures()).unwrap_or_default()
    }

    /// How calls in a role are made, whether or not the configuration names it.
    pub(crate) fn role(&self, role: &ParticipantRole) -> &RoleConfig {
        self.roles.get(role).unwrap_or(&self.unnamed)
    }

    /// Why a route is looked at that stands behind `entry`.
    pub(crate) fn origin(&self, entry: ChainEntry) -> Cow<'static, str> {
        match entry.target {
            Target::Provider(_) => entry.origin.as_str().into(),
            Target::Pool(at) => format!("{}, pool {}", entry.origin.as_str(), self.pools[at].id).into(),
        }
    }

    /// What the routes' own models cost on `day`.
    pub(crate) fn prices_on(&self, day: NaiveDate) -> Arc<DayPrices> {
        let known = Arc::clone(&self.prices.read().unwrap_or_else(PoisonError::into_inner));
        if known.day == day {
            return known;
        }
        let prices = Arc::new(DayPrices::of(&self.routes, day));
        *self.prices.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&prices);
        prices
    }

    /// What an id names: a provider or a pool.
    pub(crate) fn target(&self, id: &ProviderId) -> Option<Target> {
        self.targets.get(id).copied()
    }

    /// The route of a provider; `None` for a pool.
    pub(crate) fn route(&self, id: &ProviderId) -> Option<&Arc<Route>> {
        match self.target(id)? {
            Target::Provider(at) => self.routes.get(at),
            Target::Pool(_) => None,
        }
    }

    /// Whether `route` is what `target` points to, or a member of it.
    pub(crate) fn contains(&self, target: Target, route: usize) -> bool {
        self.any(target, &|at| at == route)
    }

    /// Whether `wanted` holds for a route behind `target`.
    pub(crate) fn any(&self, target: Target, wanted: &impl Fn(usize) -> bool) -> bool {
        match target {
            Target::Provider(at) => wanted(at),
            Target::Pool(at) => self.pools[at].members.iter().any(|member| self.any(member.target, wanted)),
        }
    }
}

impl RoleConfig {
    /// For a role that the configuration names: who is asked first, the fallbacks, the default.
    fn new(role: &RolePlan, plan: &RouterPlan) -> Self {
        let default = plan.default;
        let mut providers = Vec::new();
        // Raw fields of a role are for one vendor: that of the provider that its author had in mind.
        if let Some(first) = role.primary.first().copied().or(default) {
            plan.routes_of(first, &mut providers);
        }
        let first = if role.primary.len() > 1 { Origin::Panel } else { Origin::Primary };
        let entries = role.primary.iter().map(|target| ChainEntry { target: *target, origin: first });
        let fallbacks =
            role.fallback.iter().map(|target| ChainEntry { target: *target, origin: Origin::Fallback });
        let default = default.map(|target| ChainEntry { target, origin: Origin::Default });
        // A role without a provider of its own begins with the default, not with its fallbacks.
        let only = default.filter(|_| role.primary.is_empty());
        let chain = only.into_iter().chain(entries).chain(fallbacks).chain(default);
        // Whoever stands in the chain twice is asked at the earlier place.
        let mut seen = HashSet::new();
        Self {
            named: true,
            chain: chain.filter(|entry| seen.insert(entry.target)).collect(),
            parameters: role.parameters.clone(),
            extra_for: providers.first().map(|at| plan.providers[*at].vendor()),
            fallback_on: role.fallback_on.clone(),
            hedge: role.hedge,
        }
    }

    /// For a role that the configuration does not name: whoever prefers it, the default, everybody.
    fn unnamed(role: Option<&ParticipantRole>, plan: &RouterPlan) -> Self {
        let mut behind_default = Vec::new();
        if let Some(default) = plan.default {
            plan.routes_of(default, &mut behind_default);
        }
        let behind_default: HashSet<usize> = behind_default.into_iter().collect();
        let providers = plan.providers.iter().enumerate();
        let preferred = providers
            .clone()
            .filter(|(_, provider)| role.is_some_and(|role| provider.preferred_roles.contains(role)))
            .map(|(at, _)| ChainEntry { target: Target::Provider(at), origin: Origin::Preferred });
        let default = plan.default.map(|target| ChainEntry { target, origin: Origin::Default });
        let others = providers
            // Already there through the default, whose pool says in which order.
            .filter(|(at, provider)| !behind_default.contains(at) && !provider.is_composite)
            .map(|(at, _)| ChainEntry { target: Target::Provider(at), origin: Origin::Enabled });
        let mut seen = HashSet::new();
        let chain = preferred.chain(default).chain(others);
        Self {
            chain: chain.filter(|entry| seen.insert(entry.target)).collect(),
            fallback_on: USUAL_FALLBACKS.to_vec(),
            ..Self::default()
        }
    }
}

impl Pool {
    fn new(plan: &PoolPlan, seed: u64) -> Self {
        let sums = plan.members.iter().scan(0, |sum, member| {
            *sum += u64::from(member.weight);
            Some(*sum)
        });
        Self {
            id: plan.id.clone(),
            strategy: plan.strategy,
            members: plan.members.clone(),
            sums: sums.collect(),
            turn: AtomicU64::new(0),
            seed,
        }
    }

    /// The number of this pick.
    pub(crate) fn next_turn(&self) -> u64 {
        // Relaxed: turns have to differ, and order no other memory.
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of the next pick.
    pub(crate) fn coming_turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    /// The members before and from the one that is looked at first in `turn`.
    pub(crate) fn split(&self, turn: u64) -> (&[Member], &[Member]) {
        let first = usize::try_from(turn % self.members.len().max(1) as u64).unwrap_or(0);
        self.members.split_at(first)
    }

    /// The sum of all weights; 0 for a pool without members.
    pub(crate) fn total_weight(&self) -> u64 {
        self.sums.last().copied().unwrap_or(0)
    }

    /// The member on which `turn` falls, in proportion to the weights.
    pub(crate) fn drawn(&self, turn: u64) -> usize {
        let ticket = self.ticket(turn, self.total_weight());
        self.sums.partition_point(|sum| *sum <= ticket)
    }

    /// An even number below `below`, a different one for each turn.
    pub(crate) fn ticket(&self, turn: u64, below: u64) -> u64 {
        // A generator for each turn: the pick follows from seed and turn alone, so that it can be foretold.
        fastrand::Rng::with_seed(self.seed ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)).u64(0..below.max(1))
    }
}
