//! One provider of a configuration in use: its adapter, its layers and what they remember.
//!
//! From outside: cache, retry, budgets, rotation of keys; then for each key circuit, meter, concurrency, rate
//! limit, accounts, clocks, adapter. The order is behaviour, and its reasons stand where the layers are put
//! on.

mod headroom;
mod health;
mod lane;
mod latency;
mod meter;
mod provided;
mod quota;
mod rotation;

use std::{
    sync::{Arc, PoisonError, RwLock, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use forge_core::{
    Adapter, AdapterRegistry, Capabilities, ErrorKind, ExposeSecret, ModelId, ModelProvider, ModelRequest,
    ModelTable, Participant, Provider, ProviderError, SecretString,
    model::{ModelRow, Price},
    provider::{Health, RegistryError, Stack},
    storage::{
        accounts::{Served, UsageSink},
        budget::{BudgetRule, BudgetStore, Scope},
        cooldown::{Cooldown, CooldownStore},
    },
    time::Timer,
    watch::EventLog,
};
use forge_layers::{BreakerPolicy, BreakerState, Cache, Retry};
use serde_json::{Map, Value};

pub(crate) use headroom::{Bound, Headroom, Warned};
pub(crate) use health::CheckResult;
pub use health::{HealthStatus, ProviderHealth, RouteStatus};
pub(crate) use meter::Meter;

use crate::plan::ProviderPlan;
use health::HealthCache;
use lane::{Lane, LaneContext, PreviousLane, keys};
use quota::Quota;
use rotation::{Rotation, least_pause};

/// What a router is built from, beside its configuration. It stays the same over reloads.
#[derive(Debug, Clone)]
pub struct RouterDeps {
    /// Builds the adapters, by the kinds that the plan names.
    pub registry: Arc<AdapterRegistry>,
    /// Models with their limits, dates and prices. What the plan says of a model goes before it.
    pub models: Arc<ModelTable>,
    /// Takes one record per attempt, failed ones among them.
    pub sink: Arc<dyn UsageSink>,
    /// Keeps the budgets.
    pub budgets: Arc<dyn BudgetStore>,
    /// Keeps until when vendors want no calls, so that the next process does not ask before.
    pub cooldowns: Arc<dyn CooldownStore>,
    /// The time of everything that is not a call: checks, days, a shutdown. Calls bring their own, which is this one
    /// where [`ParticipantManager`](crate::ParticipantManager) makes them.
    pub timer: Arc<dyn Timer>,
    /// Fixes all chance: jitter and weighted picks. Differs between processes.
    pub seed: u64,
    /// Takes the events of calls, circuits and budgets, if somebody may watch them.
    pub events: Option<EventLog>,
}

/// One provider of a configuration in use. What it remembers outlives a change of the configuration as
/// long as what it remembers it about stays the same.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) plan: ProviderPlan,
    pub(crate) vendor: ModelProvider,
    /// One for each key, in the order of the configuration; at least one.
    pub(crate) lanes: Arc<[Lane]>,
    pub(crate) prices: Arc<ModelTable>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) health: Arc<HealthCache>,
    pub(crate) quota: Quota,
    price_today: RwLock<Option<(NaiveDate, Option<Arc<Price>>)>>,
    participants: RwLock<Vec<Arc<Participant>>>,
    policy: BreakerPolicy,
    provider: Arc<dyn Provider>,
    one_of_several: Arc<dyn Provider>,
    last_resort: Arc<dyn Provider>,
}

/// Roles and models under which a route remembers its participant.
const KNOWN_PARTICIPANTS: usize = 16;

/// What the routes of a configuration have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteContext<'a> {
    pub(crate) deps: &'a RouterDeps,
    pub(crate) retry: &'a Retry,
    pub(crate) policy: BreakerPolicy,
    /// The budgets that hold for every call, for roles and for tags.
    pub(crate) rules: &'a [BudgetRule],
    /// What vendors asked earlier processes for.
    pub(crate) cooldowns: &'a [Cooldown],
    pub(crate) cache: Option<&'a Cache>,
}

/// How a route is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptMode {
    /// No other route is left: a connection that cannot be made is tried again.
    Only,
    /// There are other routes: a long wait and a connection that cannot be made lead to them at once.
    OneOfSeveral,
    /// No other route is left, and the circuit of this one is open.
    LastResort,
}

impl Route {
    /// Builds the route of `plan`; `old` is the route of the same provider in the configuration before.
    pub(crate) fn build(
        plan: &ProviderPlan,
        context: RouteContext<'_>,
        old: Option<&Self>,
    ) -> Result<Self, RegistryError> {
        let RouteContext { deps, retry, policy, rules, cooldowns, cache } = context;
        let same = old.filter(|old| is_reached_alike(&old.plan, plan));
        let keeps = |lane: &Lane| keys(plan).any(|key| lane.has(key));
        // How fast replies begin follows the model; without a key in common it is somebody else's account.
        let kept = same.filter(|old| old.plan.model == plan.model && old.lanes.iter().any(keeps));
        let meter = kept.map(|old| Arc::clone(&old.meter)).unwrap_or_default();
        // What a check has found is about the first key.
        let checked = same.filter(|old| old.lanes[0].has(plan.api_key.as_ref()));
        let health = checked.map(|old| Arc::clone(&old.health)).unwrap_or_default();
        let prices = prices(plan, &deps.models);
        let quota = Quota {
            id: plan.id.clone(),
            store: Arc::clone(&deps.budgets),
            rules: plan
                .budget
                .rules(&Scope::Provider(plan.id.clone()))
                .chain(rules.iter().cloned())
                .collect(),
            prices: Arc::clone(&prices),
        };

        let context = LaneContext { plan, deps, policy, meter: &meter, prices: &prices, cooldowns };
        let lane = |(place, key): (usize, Option<&SecretString>)| {
            let before = same.and_then(|old| {
                let lane = old.lanes.iter().find(|lane| lane.has(key))?;
                Some(PreviousLane { lane, plan: &old.plan, policy: old.policy })
            });
            Lane::build(context, place, key, before)
        };
        let lanes: Arc<[Lane]> = keys(plan).enumerate().map(lane).collect::<Result<_, _>>()?;
        let passing = retry.clone().with_policy(retry.policy().of_several());
        // One before the first, so that the first call asks the first key.
        let last = Arc::new(AtomicUsize::new(usize::MAX));
        let complete = |last_resort, retry: &Retry| {
            if plan.is_composite {
                return lanes[0].stack.clone().build();
            }
            let circuits = lanes.iter().map(|lane| {
                let stack = lane.stack.clone();
                if last_resort {
                    lane.breaker.last_resort(stack.build())
                } else {
                    stack.with(&lane.breaker).build()
                }
            });
            let mut providers: Vec<_> = circuits.collect();
            let inner = if providers.len() == 1 {
                providers.swap_remove(0)
            } else {
                Arc::new(Rotation {
                    lanes: Arc::clone(&lanes),
                    providers,
                    last: Arc::clone(&last),
                    minds_circuits: !last_resort,
                    longest_pause: retry.policy().longest_hint,
                })
            };
            // The budget stands inside of the retry, so that each attempt is reserved and booked by itself.
            let stack = Stack::new(inner).with(&quota).with(retry);
            // A reply that is given again is no call: it stands outside of budgets, circuits, limits and accounts.
            cache.map_or(stack.clone(), |cache| stack.with(cache)).build()
        };
        let (provider, one_of_several) = (complete(false, retry), complete(false, &passing));
        let last_resort = complete(true, retry);
        Ok(Self {
            plan: plan.clone(),
            vendor: plan.vendor(),
            lanes,
            prices,
            meter,
            health,
            quota,
            price_today: RwLock::default(),
            participants: RwLock::default(),
            policy,
            provider,
            one_of_several,
            last_resort,
        })
    }

    /// The provider with all layers.
    pub(crate) fn provider(&self, mode: AttemptMode) -> &Arc<dyn Provider> {
        match mode {
            AttemptMode::Only => &self.provider,
            AttemptMode::OneOfSeveral => &self.one_of_several,
            AttemptMode::LastResort => &self.last_resort,
        }
    }

    /// The model that a call asks of this route: that of the configuration, unless the caller named the
    /// provider and another model of it.
    pub(crate) fn model_for<'a>(&'a self, asked: &'a Participant) -> &'a ModelId {
        // A call that falls back to this route asks for its own model: another provider's is unknown here.
        let named = asked.provider_id == self.plan.id && !asked.model_id.as_str().is_empty();
        if named { &asked.model_id } else { &self.plan.model }
    }

    /// What a model can do, reached through this route.
    pub(crate) fn capabilities(&self, model: &ModelId) -> Capabilities {
        // Some servers say only when asked how large the window is that they have opened.
        if *model == self.plan.model && self.plan.capabilities.context_tokens.is_some() {
            self.plan.capabilities
        } else {
            self.adapter().capabilities(model)
        }
    }

    /// What `model` costs on `day`. The price of the route's own model is looked up once a day.
    pub(crate) fn price(&self, model: &ModelId, day: NaiveDate) -> Option<Arc<Price>> {
        let look_up = || self.prices.serving(&self.vendor, model, day)?.price_on(day).cloned().map(Arc::new);
        if *model != self.plan.model {
            return look_up();
        }
        let known = self.price_today.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, price)) = known.as_ref().filter(|(known, _)| *known == day) {
            return price.clone();
        }
        // The lock for writing below would wait for this one for ever.
        drop(known);
        let price = look_up();
        *self.price_today.write().unwrap_or_else(PoisonError::into_inner) = Some((day, price.clone()));
        price
    }

    /// What `model` costs at most on `day` if it is served as the configuration and the raw fields of a request ask.
    pub(crate) fn price_asked(
        &self,
        model: &ModelId,
        day: NaiveDate,
        fields: Option<&Map<String, Value>>,
    ) -> Option<Arc<Price>> {
        let (said, asked) = (&self.plan.parameters.extra, fields.map(Served::asked).unwrap_or_default());
        let asked = if said.is_empty() { asked } else { asked.or(&Served::asked(said)) };
        // The usual price is looked up once a day. A tier or a region that a request asks for is rare.
        if asked.unusual().is_none() {
            return self.price(model, day);
        }
        self.prices.serving(&self.vendor, model, day)?.price_asked(day, &asked).map(Arc::new)
    }

    /// The adapter for what is not a call: that of the first key.
    pub(crate) fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.lanes[0].adapter
    }

    /// When the first of its circuits lets a probe pass, and what opened that one; `None` unless all are open.
    pub(crate) fn open(&self, now: Instant) -> Option<(Instant, Option<ErrorKind>)> {
        let mut soonest: Option<(Instant, &Lane)> = None;
        for lane in &*self.lanes {
            // One key that lets calls pass is enough.
            let BreakerState::Open { until } = lane.breaker.state(now) else { return None };
            if soonest.is_none_or(|(earliest, _)| until < earliest) {
                soonest = Some((until, lane));
            }
        }
        soonest.map(|(until, lane)| (until, lane.breaker.cause()))
    }

    /// How long the key that comes first keeps a call waiting, of those whose circuit lets calls pass.
    pub(crate) fn expected_wait(&self, request: &ModelRequest, now: Instant) -> Duration {
        if let [lane] = &*self.lanes {
            return lane.expected_wait(request, now);
        }
        // A key behind an open circuit is not asked, and so keeps nobody waiting.
        let closed = self.lanes.iter().filter(|lane| !lane.is_open(now));
        closed.map(|lane| lane.expected_wait(request, now)).min().unwrap_or_default()
    }

    /// What is known of it without asking it.
    pub(crate) fn status(&self, now: Instant) -> RouteStatus {
        RouteStatus {
            provider: self.plan.id.clone(),
            kind: self.plan.kind.clone(),
            model: self.plan.model.clone(),
            health: self.health.get(now).map(|finding| finding.status),
            open_for: self.open(now).map(|(until, _)| until.saturating_duration_since(now)),
            in_flight: self.meter.in_flight(),
            rate: self.plan.rate,
            concurrent: self.plan.concurrent,
        }
    }

    /// Whether the vendor has asked for a wait that is not over, for every key.
    pub(crate) fn is_paused(&self, now: Instant) -> bool {
        match &*self.lanes {
            [lane] => !lane.pause(now).is_zero(),
            lanes => !least_pause(lanes, now).is_zero(),
        }
    }

    /// What the last check says against asking now. A check asks the first key, whose refusal says nothing about
    /// the others.
    pub(crate) fn ineligible_because(&self, now: Instant) -> Option<HealthStatus> {
        let status = self.health.ineligible_because(now)?;
        (status != HealthStatus::Refused || self.lanes.len() == 1).then_some(status)
    }

    /// The participant that answers through this route, in the role of `asked`.
    pub(crate) fn participant(&self, asked: &Participant) -> Arc<Participant> {
        let model = self.model_for(asked);
        let is_wanted = |one: &&Arc<Participant>| one.role == asked.role && one.model_id == *model;
        let known = self.participants.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.iter().find(is_wanted) {
            return Arc::clone(found);
        }
        // The lock for writing below would wait for this one for ever.
        drop(known);
        let display_name =
            if *model == self.plan.model { self.plan.display_name.clone() } else { model.to_string() };
        let participant = Participant::new(self.vendor.clone(), model.clone())
            .with_display_name(display_name)
            .with_provider_id(self.plan.id.clone())
            .with_role(asked.role.clone());
        let participant = Arc::new(participant);
        let mut known = self.participants.write().unwrap_or_else(PoisonError::into_inner);
        // Callers may make up roles and models, which must not fill the memory.
        if known.len() < KNOWN_PARTICIPANTS {
            known.push(Arc::clone(&participant));
        }
        participant
    }

    /// A good answer of the free endpoint means that the first credential works: its circuit, if open because of
    /// it, closes. It says nothing about whether the vendor has capacity for calls.
    pub(crate) fn on_health(&self, answer: Result<Health, &ProviderError>) {
        let credential = [ErrorKind::Authentication, ErrorKind::Permission];
        let breaker = &self.lanes[0].breaker;
        if answer.is_ok() && breaker.cause().is_some_and(|cause| credential.contains(&cause)) {
            breaker.reset();
        }
    }
}

/// Whether both go to the same place, whatever the key.
fn is_reached_alike(old: &ProviderPlan, new: &ProviderPlan) -> bool {
    fn headers(plan: &ProviderPlan) -> impl Iterator<Item = (&str, &str)> {
        plan.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret()))
    }
    fn provider(plan: &ProviderPlan) -> Option<*const ()> {
        plan.provider.as_ref().map(|provider| Arc::as_ptr(provider).cast())
    }
    // Whatever decides where a call goes, or how it is understood there.
    old.kind == new.kind
        && provider(old) == provider(new)
        && old.endpoint == new.endpoint
        && (&old.proxy, &old.ca_certificates) == (&new.proxy, &new.ca_certificates)
        && (&old.dialect, &old.options) == (&new.dialect, &new.options)
        && headers(old).eq(headers(new))
}

/// The table with what the configuration says about models over it, or the configuration's own price for every model
/// of the provider.
fn prices(plan: &ProviderPlan, table: &Arc<ModelTable>) -> Arc<ModelTable> {
    let Some(price) = &plan.price else {
        let said = !plan.models.rows().is_empty();
        return if said { Arc::new(table.overlaid(&plan.models)) } else { Arc::clone(table) };
    };
    Arc::new(ModelTable::new(vec![ModelRow {
        prices: vec![price.clone()],
        source: "configuration".into(),
        ..ModelRow::new(plan.vendor(), "*")
    }]))
}
