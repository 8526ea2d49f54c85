//! The router: a provider that finds the right one.

use std::{
    future::poll_fn,
    sync::{Arc, PoisonError, RwLock},
    task::Poll,
    time::Duration,
};

use forge_core::{
    CallContext, Capabilities, Clock, Layer as _, ModelId, ModelProvider, ModelRequest, ModelResponse,
    ModelTable, Money, Participant, ParticipantRole, Provider, ProviderError, ProviderId, RegistryError,
    ResponseStream, RouteTrace, Served, StorageError, TokenCount, async_trait,
};
use forge_layers::{Observe, RetryBudget};
use futures_util::future::join_all;

use crate::{
    CallSettings, ProviderHealth, RouterPlan,
    affinity::Affinity,
    ask::Ask,
    call::{self, NAME, cut_off},
    drain::Drain,
    explain,
    health::Finding,
    hedge::HedgeBudget,
    manager::Player,
    route::{Parts, Route},
    running::Running,
    walk::Walk,
};

/// How long all checks together may take.
const CHECK: Duration = Duration::from_secs(10);

/// Sends each call to the right provider and goes on when that fails.
///
/// A call is routed by its participant. If the participant's provider id names a provider or pool of the
/// configuration, that one is asked first; then come the fallbacks of the role and the default. Otherwise
/// ([`participant`](Self::participant) makes such a one) the whole chain of the role is asked in order. The chain of
/// a role that the configuration does not name is those who prefer it, the default, then every provider; a named
/// provider is then asked alone.
///
/// A caller that goes along a chain of its own says so with [`Fallback`](forge_core::Fallback); the one that the
/// call names is then asked and nobody else. Whom the call [excludes](CallContext::exclude) is never asked.
///
/// Every reply carries in [`Started::route`](forge_core::Started), and every error in
/// [`ErrorFacts::route`](forge_core::ErrorFacts), what was looked at and what was tried. Nothing is tried
/// elsewhere once the first piece of an answer has reached the caller.
///
/// Clones share everything.
#[derive(Debug, Clone)]
pub struct Router {
    shared: Arc<Shared>,
    /// The entrance, with a span around each call.
    entrance: Arc<dyn Provider>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) parts: Parts,
    pub(crate) affinity: Affinity,
    pub(crate) hedges: HedgeBudget,
    running: RwLock<Arc<Running>>,
    retries: RetryBudget,
    drain: Arc<Drain>,
}

impl Shared {
    /// The configuration of this moment. A call keeps it to its end.
    pub(crate) fn running(&self) -> Arc<Running> {
        // Nothing panics while the lock is held, so a poisoned one is still whole.
        Arc::clone(&self.running.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Router {
    /// Builds an adapter for every provider of `plan`. Sends nothing.
    pub fn build(plan: RouterPlan, parts: Parts) -> Result<Self, RegistryError> {
        let retries = RetryBudget::default();
        let running = RwLock::new(Arc::new(Running::build(plan, &parts, &retries, None)?));
        let shared = Arc::new(Shared {
            parts,
            affinity: Affinity::default(),
            hedges: HedgeBudget::default(),
            running,
            retries,
            drain: Arc::default(),
        });
        let entrance = Observe::calls().layer(Arc::new(Entrance { shared: Arc::clone(&shared) }));
        Ok(Self { shared, entrance })
    }

    /// Takes over another configuration at once and as a whole; if an adapter cannot be built, nothing changes.
    /// Calls under way go on with the old one. What is known about a provider (its circuit, its limits, how
    /// fast it is) is kept where the provider stays the same.
    pub fn reload(&self, plan: RouterPlan) -> Result<(), RegistryError> {
        let Shared { parts, running, retries, .. } = &*self.shared;
        let new = Running::build(plan, parts, retries, Some(&self.shared.running()))?;
        *running.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }

    /// The configuration in use.
    pub fn plan(&self) -> RouterPlan {
        self.shared.running().plan.clone()
    }

    /// A participant that is routed by `role` alone.
    pub fn participant(role: ParticipantRole) -> Participant {
        Participant::new(ModelProvider::from(NAME), "").with_display_name("chosen by role").with_role(role)
    }

    /// Who would be asked first if the call came now. Sends nothing; counts as a turn in pools that take turns.
    pub fn first_choice(&self, cx: &CallContext, request: &Arc<ModelRequest>) -> Option<Participant> {
        let running = self.shared.running();
        let ask = Ask::new(&running, cx, request);
        let pick = Walk::new(&running, &ask, &self.shared.affinity).next()?;
        Some(running.routes[pick.route].participant(&cx.participant))
    }

    /// Every route for a call in the order in which it would be asked, with the reason why it is in or out,
    /// and what the call is expected to take there. Sends nothing and changes nothing.
    pub async fn explain(&self, cx: &CallContext, request: &Arc<ModelRequest>) -> RouteTrace {
        let running = self.shared.running();
        explain::explain(&running, &Ask::new(&running, cx, request), &self.shared.affinity).await
    }

    /// Asks the free endpoint of every provider, side by side, 10 s in all. The findings are kept for a while
    /// (5 min for good news and refused credentials, 30 s for bad news, 5 s while a model is being loaded);
    /// until then, calls pass over providers that are not ready. One that did not answer is asked all the same by a
    /// call that has nowhere else to go.
    pub async fn check(&self) -> Vec<ProviderHealth> {
        let running = self.shared.running();
        join_all(running.routes.iter().map(|route| self.check_one(route))).await
    }

    /// The last findings; providers without one that is still believed are asked.
    pub async fn health(&self) -> Vec<ProviderHealth> {
        let running = self.shared.running();
        let now = self.shared.parts.timer.instant();
        join_all(running.routes.iter().map(async |route| match route.health.get(now) {
            Some(finding) => report(route, finding),
            None => self.check_one(route).await,
        }))
        .await
    }

    /// Checks all providers every so often, for ever. Meant to be spawned.
    pub async fn keep_checking(&self, every: Duration) {
        loop {
            let Some(next) = self.shared.parts.timer.instant().checked_add(every) else { return };
            self.shared.parts.timer.sleep_until(next).await;
            self.check().await;
        }
    }

    async fn check_one(&self, route: &Route) -> ProviderHealth {
        let timer = &self.shared.parts.timer;
        let begun = timer.instant();
        let mut check = route.adapter().health_check();
        let mut alarm = begun.checked_add(CHECK).map(|until| timer.sleep_until(until));
        let answer = poll_fn(|task| match check.as_mut().poll(task) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => alarm.as_mut().map_or(Poll::Pending, |alarm| {
                let message = format!("no answer within {} s", CHECK.as_secs());
                let id = route.plan.id.as_str();
                alarm
                    .as_mut()
                    .poll(task)
                    .map(|()| Err(ProviderError::new(forge_core::ErrorKind::Timeout, id, message)))
            }),
        })
        .await;
        route.heard(answer.as_ref().map(|health| *health));
        let now = timer.instant();
        let finding = Finding::of(answer, now.saturating_duration_since(begun));
        route.health.set(finding.clone(), now);
        report(route, finding)
    }

    /// What a reply cost, by the model that served it and the provider's own prices where the configuration
    /// has some; `None` is unknown, not free.
    pub fn cost(&self, response: &ModelResponse) -> Option<Money> {
        let (participant, day) = (&response.participant, response.timestamp.date_naive());
        let (prices, served) = (self.prices(participant), response.served.as_ref());
        prices.cost_as_served(&participant.provider, &response.model, day, &response.tokens, served)
    }

    /// What so many tokens cost with `participant` today at most, served as the configuration asks; `None` is unknown,
    /// not free.
    pub fn price(&self, participant: &Participant, tokens: &TokenCount) -> Option<Money> {
        let today = self.shared.parts.timer.now().date_naive();
        match self.shared.running().route(&participant.provider_id) {
            Some(route) => route.price_asked(&participant.model, today, None)?.cost(tokens),
            None => self.shared.parts.models.cost(&participant.provider, &participant.model, today, tokens),
        }
    }

    /// What so many tokens cost with `participant` today in a call that was served so; `None` is unknown, not free.
    pub fn price_as_served(
        &self,
        participant: &Participant,
        tokens: &TokenCount,
        served: &Served,
    ) -> Option<Money> {
        let today = self.shared.parts.timer.now().date_naive();
        let Participant { provider, model, .. } = participant;
        self.prices(participant).cost_as_served(provider, model, today, tokens, Some(served))
    }

    fn prices(&self, participant: &Participant) -> Arc<ModelTable> {
        let running = self.shared.running();
        let route = running.route(&participant.provider_id);
        Arc::clone(route.map_or(&self.shared.parts.models, |route| &route.prices))
    }

    /// What the configuration says about the calls of `participant`.
    pub fn call_settings(&self, participant: &Participant) -> CallSettings {
        let running = self.shared.running();
        let mut request = ModelRequest::default();
        running.job(&participant.role).parameters.fill(&mut request, None);
        let provider = running.route(&participant.provider_id).map(|route| &route.plan);
        if let Some(provider) = provider {
            provider.parameters.fill(&mut request, None);
        }
        CallSettings {
            max_tokens: request.max_tokens,
            temperature: request.sampling.temperature,
            timeouts: provider.and_then(|provider| provider.timeouts),
        }
    }

    /// Models with their limits, dates and prices.
    pub fn models(&self) -> &Arc<ModelTable> {
        &self.shared.parts.models
    }

    /// The clock of its calls.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.parts.timer) as Arc<dyn Clock>
    }

    /// Every provider as a participant in `role`.
    pub(crate) fn every_participant(&self, role: &ParticipantRole) -> Vec<Player> {
        let running = self.shared.running();
        let job = running.job(role);
        let mut chain = Vec::new();
        for link in &job.chain {
            running.plan.leaves(link.target, &mut chain);
        }
        let cx = CallContext::with_clock(Self::participant(role.clone()), self.clock());
        let request = Arc::default();
        let ask = Ask::new(&running, &cx, &request);
        let player = |(at, route): (usize, &Arc<Route>)| Player {
            participant: route.participant(&cx.participant),
            able: ask.objection(route).is_none(),
            prefers: route.plan.preferred_roles.contains(role),
            rank: chain.iter().position(|leaf| *leaf == at),
        };
        running.routes.iter().enumerate().map(player).collect()
    }

    /// How many calls are under way.
    pub fn in_flight(&self) -> usize {
        self.shared.drain.in_flight()
    }

    /// Takes no more calls, waits for those under way, at most for `grace`, ends the rest with
    /// [`Cancelled`](forge_core::ErrorKind::Cancelled), which takes 200 ms at most, and flushes the accounts. May
    /// be called again. Returns how many calls were ended.
    pub async fn shutdown(&self, grace: Duration) -> Result<usize, StorageError> {
        let Parts { timer, sink, .. } = &self.shared.parts;
        let until = timer.instant().checked_add(grace);
        let ended = self.shared.drain.close(&**timer, until).await;
        sink.flush().await?;
        Ok(ended)
    }

    /// The adapter of a provider, for what is not a call; of several keys, that of the first.
    pub fn adapter(&self, provider: &ProviderId) -> Option<Arc<dyn forge_core::Adapter>> {
        self.shared.running().route(provider).map(|route| Arc::clone(route.adapter()))
    }
}

fn report(route: &Route, finding: Finding) -> ProviderHealth {
    ProviderHealth {
        provider: route.plan.id.clone(),
        kind: route.plan.kind.clone(),
        model: route.plan.model.clone(),
        status: finding.status,
        detail: finding.detail,
        took: finding.took,
    }
}

#[async_trait]
impl Provider for Router {
    fn name(&self) -> &str {
        NAME
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.entrance.capabilities(model)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        self.entrance.stream(cx, request).await
    }
}

#[derive(Debug)]
struct Entrance {
    shared: Arc<Shared>,
}

#[async_trait]
impl Provider for Entrance {
    fn name(&self) -> &str {
        NAME
    }

    /// Those of the first provider with this model, else of the first whose vendor is known to have it; for any
    /// other, those of the default.
    fn capabilities(&self, model: &ModelId) -> Capabilities {
        let running = self.shared.running();
        let own = running.routes.iter().find(|route| route.plan.model == *model);
        let vendor = || {
            let has = |route: &&Arc<Route>| {
                let row = self.shared.parts.models.find(&route.vendor, model);
                row.is_some_and(|row| row.id != "*")
            };
            running.routes.iter().find(has).map(|route| route.capabilities(model))
        };
        let default = || {
            let mut leaves = Vec::new();
            running.plan.leaves(running.plan.default?, &mut leaves);
            let route = &running.routes[*leaves.first()?];
            Some(route.capabilities(&route.plan.model))
        };
        own.map(|route| route.capabilities(model)).or_else(vendor).or_else(default).unwrap_or_default()
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let Some(inside) = Drain::enter(&self.shared.drain) else { return Err(cut_off()) };
        let place = inside.watch();
        let mut call = Box::pin(call::call(&self.shared, inside, cx, request));
        poll_fn(|task| {
            if place.is_cut(task) {
                return Poll::Ready(Err(cut_off()));
            }
            call.as_mut().poll(task)
        })
        .await
    }
}
