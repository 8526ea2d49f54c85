//! One provider of a configuration, running: its adapter, its layers and what they remember.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::NaiveDate;
use forge_core::{
    AdapterRegistry, AdapterSettings, BudgetStore, Capabilities, ErrorKind, ExposeSecret, Health, ModelId,
    ModelProvider, ModelRequest, ModelRow, ModelTable, Participant, Price, Provider, ProviderError,
    RegistryError, Stack, UsageSink,
    storage::budget::{BudgetRule, Scope},
};
use forge_layers::{
    Breaker, BreakerPolicy, Concurrency, ConcurrencyPolicy, Observe, RateLimit, Retry, Timeout, Timer,
};

use crate::{
    ProviderPlan,
    given::Given,
    health::LastFinding,
    meter::{Meter, Metered},
    quota::Quota,
};

/// What a router is built from, beside its configuration.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Builds the adapters.
    pub registry: Arc<AdapterRegistry>,
    /// Models with their limits, dates and prices.
    pub models: Arc<ModelTable>,
    /// Takes one record per attempt.
    pub sink: Arc<dyn UsageSink>,
    /// Keeps the budgets.
    pub budgets: Arc<dyn BudgetStore>,
    /// Where time comes from.
    pub timer: Arc<dyn Timer>,
    /// Fixes all chance: jitter and weighted picks. Differs between processes.
    pub seed: u64,
}

/// One provider of a configuration, running. What it remembers outlives a change of the configuration as
/// long as what it remembers it about stays the same.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) plan: ProviderPlan,
    pub(crate) vendor: ModelProvider,
    pub(crate) adapter: Arc<dyn forge_core::Adapter>,
    pub(crate) prices: Arc<ModelTable>,
    pub(crate) breaker: Breaker,
    pub(crate) meter: Arc<Meter>,
    pub(crate) health: Arc<LastFinding>,
    pub(crate) quota: Quota,
    price_today: RwLock<Option<(NaiveDate, Option<Arc<Price>>)>>,
    rate: Option<RateLimit>,
    concurrency: Option<Concurrency>,
    policy: BreakerPolicy,
    provider: Arc<dyn Provider>,
    one_of_several: Arc<dyn Provider>,
    last_resort: Arc<dyn Provider>,
}

/// How a route is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nobody else is left: a connection that cannot be made is tried again.
    Only,
    /// Others can be asked: a long wait and a connection that cannot be made lead to them at once.
    OneOfSeveral,
    /// Nobody else is left, and its circuit is open.
    LastResort,
}

impl Route {
    /// Builds the route of `plan`; `old` is the route of the same provider in the configuration before.
    pub(crate) fn build(
        plan: &ProviderPlan,
        parts: &Parts,
        retry: &Retry,
        policy: BreakerPolicy,
        rules: &[BudgetRule],
        old: Option<&Self>,
    ) -> Result<Self, RegistryError> {
        let timer = &parts.timer;
        let same = old.filter(|old| is_reached_alike(&old.plan, plan));
        let adapter =
            match same.filter(|old| (old.plan.timeouts, &old.plan.models) == (plan.timeouts, &plan.models)) {
                Some(old) => Arc::clone(&old.adapter),
                None => match &plan.provider {
                    Some(provider) => {
                        Arc::new(Given { provider: Arc::clone(provider), model: plan.model.clone() })
                    }
                    None => parts.registry.build(&plan.kind, settings(plan))?,
                },
            };
        let breaker = match same.filter(|old| old.policy == policy && old.plan.model == plan.model) {
            Some(old) => old.breaker.clone(),
            None => Breaker::new(policy, Arc::clone(timer), parts.seed ^ seed_of(plan)),
        };
        let rate = match same.filter(|old| old.plan.rate == plan.rate) {
            Some(old) => old.rate.clone(),
            None => is_limited(plan).then(|| RateLimit::new(plan.rate, Arc::clone(timer))),
        };
        let concurrency = match same.filter(|old| old.plan.concurrent == plan.concurrent) {
            Some(old) => old.concurrency.clone(),
            None => {
                plan.concurrent.map(|most| Concurrency::new(ConcurrencyPolicy::new(most), Arc::clone(timer)))
            }
        };
        let meter = same.filter(|old| old.plan.model == plan.model).map(|old| Arc::clone(&old.meter));
        let meter = meter.unwrap_or_default();
        let prices = prices(plan, &parts.models);
        let quota = Quota {
            id: plan.id.clone(),
            store: Arc::clone(&parts.budgets),
            rules: plan
                .budget
                .rules(&Scope::Provider(plan.id.clone()))
                .chain(rules.iter().cloned())
                .collect(),
            prices: Arc::clone(&prices),
        };

        let mut stack = Stack::new(Arc::clone(&adapter) as Arc<dyn Provider>);
        if let Some(timeouts) = plan.timeouts {
            stack = stack.with(&Timeout::new(timeouts, Arc::clone(timer)));
        }
        stack = stack.with(&Observe::new(Arc::clone(&parts.sink), Arc::clone(&prices)));
        if let Some(rate) = &rate {
            stack = stack.with(rate);
        }
        if let Some(concurrency) = &concurrency {
            stack = stack.with(concurrency);
        }
        let stack = Stack::new(Arc::new(Metered { inner: stack.build(), meter: Arc::clone(&meter) }));
        let last_resort = Stack::new(breaker.last_resort(stack.clone().build()));
        let last_resort = last_resort.with(&quota).with(retry).build();
        let stack = stack.with(&breaker).with(&quota);
        let passing = retry.clone().with_policy(retry.policy().of_several());
        let one_of_several = stack.clone().with(&passing).build();
        let provider = stack.with(retry).build();
        Ok(Self {
            plan: plan.clone(),
            vendor: plan.vendor(),
            adapter,
            prices,
            breaker,
            meter,
            health: same.map(|old| Arc::clone(&old.health)).unwrap_or_default(),
            quota,
            price_today: RwLock::default(),
            rate,
            concurrency,
            policy,
            provider,
            one_of_several,
            last_resort,
        })
    }

    /// The provider with all layers.
    pub(crate) fn provider(&self, manner: Manner) -> &Arc<dyn Provider> {
        match manner {
            Manner::Only => &self.provider,
            Manner::OneOfSeveral => &self.one_of_several,
            Manner::LastResort => &self.last_resort,
        }
    }

    /// The model that a call asks of this route: that of the configuration, unless the caller named the
    /// provider and another model of it.
    pub(crate) fn model_for<'a>(&'a self, asked: &'a Participant) -> &'a ModelId {
        let named = asked.provider_id == self.plan.id && !asked.model.as_str().is_empty();
        if named { &asked.model } else { &self.plan.model }
    }

    pub(crate) fn capabilities(&self, model: &ModelId) -> Capabilities {
        // Some servers say only when asked how large the window is that they have opened.
        if *model == self.plan.model && self.plan.capabilities.context_tokens.is_some() {
            self.plan.capabilities
        } else {
            self.adapter.capabilities(model)
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
        drop(known);
        let price = look_up();
        *self.price_today.write().unwrap_or_else(PoisonError::into_inner) = Some((day, price.clone()));
        price
    }

    pub(crate) fn expected_wait(&self, request: &ModelRequest) -> Duration {
        self.rate.as_ref().map_or(Duration::ZERO, |rate| rate.expected_wait(request))
    }

    /// Whether the vendor has asked for a wait that is not over.
    pub(crate) fn is_paused(&self) -> bool {
        self.rate.as_ref().is_some_and(|rate| !rate.pause().is_zero())
    }

    /// The participant that answers through this route, in the role of `asked`.
    pub(crate) fn participant(&self, asked: &Participant) -> Participant {
        let model = self.model_for(asked).clone();
        let display_name =
            if model == self.plan.model { self.plan.display_name.clone() } else { model.to_string() };
        Participant::new(self.vendor.clone(), model)
            .with_display_name(display_name)
            .with_provider_id(self.plan.id.clone())
            .with_role(asked.role.clone())
    }

    /// A good answer of the free endpoint means that the credential works: a circuit that is open because of
    /// it closes. It says nothing about whether the vendor has capacity for calls.
    pub(crate) fn heard(&self, answer: Result<Health, &ProviderError>) {
        let credential = [ErrorKind::Authentication, ErrorKind::Permission];
        if answer.is_ok() && self.breaker.cause().is_some_and(|cause| credential.contains(&cause)) {
            self.breaker.reset();
        }
    }
}

fn settings(plan: &ProviderPlan) -> AdapterSettings {
    AdapterSettings {
        id: plan.id.clone(),
        api_key: plan.api_key.clone(),
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

/// Whether both go to the same place with the same credential.
fn is_reached_alike(old: &ProviderPlan, new: &ProviderPlan) -> bool {
    fn key(plan: &ProviderPlan) -> Option<&str> {
        plan.api_key.as_ref().map(ExposeSecret::expose_secret)
    }
    fn headers(plan: &ProviderPlan) -> impl Iterator<Item = (&str, &str)> {
        plan.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret()))
    }
    fn provider(plan: &ProviderPlan) -> Option<*const ()> {
        plan.provider.as_ref().map(|provider| Arc::as_ptr(provider).cast())
    }
    old.kind == new.kind
        && provider(old) == provider(new)
        && old.endpoint == new.endpoint
        && (&old.proxy, &old.ca_certificates) == (&new.proxy, &new.ca_certificates)
        && (&old.dialect, &old.options) == (&new.dialect, &new.options)
        && key(old) == key(new)
        && headers(old).eq(headers(new))
}

fn is_limited(plan: &ProviderPlan) -> bool {
    plan.rate != forge_layers::RateLimits::default()
}

/// Providers that fail together must not come back together.
fn seed_of(plan: &ProviderPlan) -> u64 {
    plan.id
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
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
