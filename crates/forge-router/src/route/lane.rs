//! One key of a provider in use: its adapter, its layers and what they remember.
//!
//! Over a reload each part goes on by itself, as long as what it depends on stays the same: a new rate limit
//! forgets no failures, and another model keeps the connections.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use forge_core::{
    Adapter, ExposeSecret, ModelRequest, ModelTable, Provider, SecretString,
    provider::{AdapterSettings, RegistryError, Stack},
    storage::cooldown::Cooldown,
};
use forge_layers::{
    Breaker, BreakerPolicy, BreakerState, Concurrency, ConcurrencyPolicy, Observe, RateLimit, Timeout,
};

use super::{
    RouterDeps,
    meter::{Meter, Metered},
    provided::ProvidedAdapter,
};
use crate::plan::ProviderPlan;

/// One key of a provider in use. Vendors limit and refuse keys one by one, so each has a circuit and limits of
/// its own.
#[derive(Debug)]
pub(crate) struct Lane {
    key: Option<SecretString>,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) breaker: Breaker,
    pub(crate) rate: Option<RateLimit>,
    concurrency: Option<Concurrency>,
    /// The adapter with the layers inside of the circuit breaker.
    pub(crate) stack: Stack,
}

/// What the lanes of a route have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneContext<'a> {
    pub(crate) plan: &'a ProviderPlan,
    pub(crate) deps: &'a RouterDeps,
    pub(crate) policy: BreakerPolicy,
    pub(crate) meter: &'a Arc<Meter>,
    pub(crate) prices: &'a Arc<ModelTable>,
    /// What vendors asked earlier processes for.
    pub(crate) cooldowns: &'a [Cooldown],
}

/// The lane of the same key before, with the plan and the policy by which it was built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PreviousLane<'a> {
    pub(crate) lane: &'a Lane,
    pub(crate) plan: &'a ProviderPlan,
    pub(crate) policy: BreakerPolicy,
}

impl Lane {
    /// The lane of `key`, the one at `place` of the provider.
    pub(crate) fn build(
        context: LaneContext<'_>,
        place: usize,
        key: Option<&SecretString>,
        before: Option<PreviousLane<'_>>,
    ) -> Result<Self, RegistryError> {
        let LaneContext { plan, deps, policy, meter, prices, cooldowns } = context;
        let adapter = match before
            .filter(|old| (old.plan.timeouts, &old.plan.models) == (plan.timeouts, &plan.models))
        {
            // Kept with its warm connections. Address and key are those of before already.
            Some(old) => Arc::clone(&old.lane.adapter),
            None => match &plan.provider {
                Some(provider) => {
                    Arc::new(ProvidedAdapter { provider: Arc::clone(provider), model: plan.model.clone() })
                }
                None => deps.registry.build(&plan.kind, settings(plan, key))?,
            },
        };
        let breaker = match before.filter(|old| old.policy == policy && old.plan.model == plan.model) {
            // Failures of another model say nothing about this one.
            Some(old) => old.lane.breaker.clone(),
            None => {
                let breaker = Breaker::new(policy, deps.seed ^ seed_of(plan, place)).kept_in(
                    Arc::clone(&deps.cooldowns),
                    cooldown_name(plan, key),
                    cooldowns,
                    &*deps.timer,
                );
                match deps.events.clone() {
                    Some(log) => breaker.watched(log, plan.id.clone(), Arc::clone(&deps.timer)),
                    None => breaker,
                }
            }
        };
        let limited = is_limited(plan);
        let rate = match before.filter(|old| old.plan.rate == plan.rate && is_limited(old.plan) == limited) {
            Some(old) => old.lane.rate.clone(),
            None => limited.then(|| RateLimit::new(plan.rate)),
        };
        let concurrency = match before.filter(|old| old.plan.concurrent == plan.concurrent) {
            Some(old) => old.lane.concurrency.clone(),
            None => plan.concurrent.map(|most| Concurrency::new(ConcurrencyPolicy::new(most))),
        };
        let mut stack = Stack::new(Arc::clone(&adapter) as Arc<dyn Provider>);
        // The calls within have clocks of their own, and records, which would count twice.
        if !plan.is_composite {
            // The clocks are innermost: time in a queue of ours is not the vendor's.
            if let Some(timeouts) = plan.timeouts {
                stack = stack.with(&Timeout::new(timeouts));
            }
            // Inside of the limits, so that latencies hold no waiting and a call that is not sent leaves no record.
            stack = stack.with(&Observe::new(Arc::clone(&deps.sink), Arc::clone(prices)));
        }
        if let Some(rate) = &rate {
            stack = stack.with(rate);
        }
        if let Some(concurrency) = &concurrency {
            // Outside of the rate limit: calls that were paced first would pile up here and leave in a burst.
            stack = stack.with(concurrency);
        }
        // Outside of the queues: what waits there counts as under way where pools compare loads.
        let stack = Stack::new(Arc::new(Metered { inner: stack.build(), meter: Arc::clone(meter) }));
        Ok(Self { key: key.cloned(), adapter, breaker, rate, concurrency, stack })
    }

    /// Whether its key is `key`.
    pub(crate) fn has(&self, key: Option<&SecretString>) -> bool {
        self.key.as_ref().map(ExposeSecret::expose_secret) == key.map(ExposeSecret::expose_secret)
    }

    pub(crate) fn is_open(&self, now: Instant) -> bool {
        matches!(self.breaker.state(now), BreakerState::Open { .. })
    }

    /// How long our own limits and the vendor's would keep the request waiting with this key.
    pub(crate) fn expected_wait(&self, request: &ModelRequest, now: Instant) -> Duration {
        self.rate.as_ref().map_or(Duration::ZERO, |rate| rate.expected_wait(request, now))
    }

    /// For how long the vendor still wants no calls with this key.
    pub(crate) fn pause(&self, now: Instant) -> Duration {
        self.rate.as_ref().map_or(Duration::ZERO, |rate| rate.pause(now))
    }
}

/// The keys of `plan`; the one that is not there for a provider without. A provider of the caller's own takes none.
pub(crate) fn keys(plan: &ProviderPlan) -> impl Iterator<Item = Option<&SecretString>> {
    let more = if plan.provider.is_some() { &[] } else { plan.more_keys.as_slice() };
    std::iter::once(plan.api_key.as_ref()).chain(more.iter().map(Some))
}

/// Whether the lanes need to remember until when the vendor wants no calls: where there is a limit, and where
/// another key can take the calls of that time.
fn is_limited(plan: &ProviderPlan) -> bool {
    plan.rate != forge_layers::RateLimits::default() || keys(plan).nth(1).is_some()
}

fn settings(plan: &ProviderPlan, key: Option<&SecretString>) -> AdapterSettings {
    AdapterSettings {
        id: plan.id.clone(),
        api_key: key.cloned(),
        base_url: plan.endpoint.clone(),
        headers: plan.headers.clone(),
        proxy: plan.proxy.clone(),
        ca_certificates: plan.ca_certificates.clone(),
        timeouts: plan.timeouts,
        models: Arc::clone(&plan.models),
        dialect: plan.dialect.clone(),
        options: plan.options.clone(),
    }
}

/// The name of the lane in what outlives the process: another key or address is another lane. 32 bits do not tell a key.
fn cooldown_name(plan: &ProviderPlan, key: Option<&SecretString>) -> String {
    let key = key.map_or("", ExposeSecret::expose_secret);
    let reached = fnv(&format!("{} {} {key}", plan.kind, plan.endpoint.as_deref().unwrap_or_default()));
    format!("{}/{}/{:08x}", plan.id, plan.model, (reached ^ (reached >> 32)) & 0xffff_ffff)
}

/// Fowler, Noll and Vo's hash, which stays the same over versions and machines.
fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Providers, and keys of one, that fail together must not come back together.
fn seed_of(plan: &ProviderPlan, place: usize) -> u64 {
    let id = fnv(plan.id.as_str());
    id ^ (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
