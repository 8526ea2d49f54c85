//! The router: a provider that finds the right one.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use forge_core::{
    CallContext, Capabilities, ModelId, ModelProvider, ModelRequest, ModelResponse, ModelTable, Money,
    Participant, ParticipantRole, Provider, ProviderError, ProviderId, ResponseStream, TokenCount,
    async_trait,
    provider::{Layer as _, RegistryError, StreamFuture},
    route::RouteTrace,
    storage::{StorageError, accounts::Served},
    time::Timer,
    watch::EventLog,
};
use forge_layers::{CacheFigures, Observe};
use futures_util::future::join_all;

use crate::{
    NAME,
    call::{call, cancelled},
    explain::explain,
    in_flight::InFlight,
    plan::{CallSettings, RouterPlan},
    route::{CheckResult, ProviderHealth, Route, RouteStatus, RouterDeps},
    select::{CallProfile, Selection},
    shared::Shared,
    watched,
};

/// How long all checks together may take.
const CHECK: Duration = Duration::from_secs(10);

/// Routes each call to a provider, and to the next when that fails.
///
/// A call is routed by its participant. If the participant's provider id names a provider or pool of the
/// configuration, that one is asked first; then come the fallbacks of the role and the default. Otherwise
/// ([`participant`](Self::participant) makes such a one) the whole chain of the role is asked in order. The chain of
/// a role that the configuration does not name is those who prefer it, the default, then every provider; a named
/// provider is then asked alone.
///
/// A caller with a chain of its own says so with [`Fallback`](forge_core::call::Fallback); then only the provider that the
/// call names is asked. Whom the call [excludes](CallContext::exclude) is never asked.
///
/// Every reply carries in [`Started::route`](forge_core::event::Started), and every error in
/// [`ErrorFacts::route`](forge_core::error::ErrorFacts), what was looked at and what was tried. Nothing is tried
/// elsewhere once the first piece of an answer has reached the caller.
///
/// Clones share everything.
#[derive(Debug, Clone)]
pub struct Router {
    shared: Arc<Shared>,
    /// The entrance, with a span around each call.
    entrance: Arc<dyn Provider>,
}

/// A router that does not keep it alive. A provider that asks the others of its own router holds it so.
#[derive(Debug, Clone)]
pub struct WeakRouter {
    shared: Weak<Shared>,
    entrance: Weak<dyn Provider>,
}

impl WeakRouter {
    /// The router; `None` once nobody else has it.
    pub fn upgrade(&self) -> Option<Router> {
        Some(Router { shared: self.shared.upgrade()?, entrance: self.entrance.upgrade()? })
    }
}

impl Router {
    /// The same router, which does not keep it alive.
    pub fn downgrade(&self) -> WeakRouter {
        WeakRouter { shared: Arc::downgrade(&self.shared), entrance: Arc::downgrade(&self.entrance) }
    }

    /// Builds an adapter for every provider of `plan`. Sends nothing.
    ///
    /// # Errors
    /// A kind that the registry does not have, or settings that its adapter refuses.
    pub fn build(plan: RouterPlan, deps: RouterDeps) -> Result<Self, RegistryError> {
        let shared = Arc::new(Shared::build(plan, deps)?);
        let entrance = watched::calls(Arc::new(Entrance { shared: Arc::clone(&shared) }), &shared.deps);
        let entrance = Observe::calls().layer(entrance);
        Ok(Self { shared, entrance })
    }

    /// Replaces the configuration at once and as a whole; if an adapter cannot be built, nothing changes. Calls
    /// under way keep the old one. What is known about a provider (its circuit, its limits, its latency) is kept
    /// where the provider stays the same.
    pub fn reload(&self, plan: RouterPlan) -> Result<(), RegistryError> {
        self.shared.reload(plan)
    }

    /// The configuration in use. A reload may have replaced it by the time it is read.
    pub fn plan(&self) -> Arc<RouterPlan> {
        Arc::clone(&self.shared.snapshot().plan)
    }

    /// A participant that is routed by `role` alone: it names nobody of the configuration, and no model.
    pub fn participant(role: ParticipantRole) -> Participant {
        Participant::new(ModelProvider::from(NAME), "").with_display_name("chosen by role").with_role(role)
    }

    /// Who would be asked first if the call came now; `None` if nobody can be asked. Sends nothing; counts as
    /// a turn in pools that take turns.
    pub fn first_choice(&self, cx: &CallContext, request: &Arc<ModelRequest>) -> Option<Participant> {
        let snapshot = self.shared.snapshot();
        let profile = CallProfile::new(&snapshot, cx, request);
        let first = Selection::new(&snapshot, &profile, &self.shared.affinity).next()?;
        Some(Participant::clone(&snapshot.routes[first.route].participant(&cx.participant)))
    }

    /// Every route for a call in the order in which it would be asked, with the reason why it is in or out,
    /// and what the call is expected to take there. Sends nothing and changes nothing.
    pub async fn explain(&self, cx: &CallContext, request: &Arc<ModelRequest>) -> RouteTrace {
        let snapshot = self.shared.snapshot();
        explain(&snapshot, &CallProfile::new(&snapshot, cx, request), &self.shared.affinity).await
    }

    /// Asks the free endpoint of every provider, side by side, 10 s in all. The findings are kept for a while
    /// (5 min for good news and refused credentials, 30 s for bad news, 5 s while a model is being loaded);
    /// until then, calls pass over providers that are not ready. One that did not answer is asked all the same by a
    /// call that has nowhere else to go.
    pub async fn check(&self) -> Vec<ProviderHealth> {
        let snapshot = self.shared.snapshot();
        join_all(snapshot.routes.iter().map(|route| self.check_one(route))).await
    }

    /// The last findings; providers without one that is still believed are asked, as by
    /// [`check`](Self::check).
    pub async fn health(&self) -> Vec<ProviderHealth> {
        let snapshot = self.shared.snapshot();
        let now = self.shared.deps.timer.instant();
        join_all(snapshot.routes.iter().map(async |route| match route.health.get(now) {
            Some(finding) => report(route, finding),
            None => self.check_one(route).await,
        }))
        .await
    }

    /// Checks all providers every so often, for ever, the first time after `every`. Meant to be spawned.
    pub async fn keep_checking(&self, every: Duration) {
        loop {
            let Some(next) = self.shared.deps.timer.instant().checked_add(every) else { return };
            self.shared.deps.timer.sleep_until(next).await;
            self.check().await;
        }
    }

    /// Asks one provider, and keeps what it said for a while.
    async fn check_one(&self, route: &Route) -> ProviderHealth {
        let timer = &self.shared.deps.timer;
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
        route.on_health(answer.as_ref().map(|health| *health));
        let now = timer.instant();
        let finding = CheckResult::of(answer, now.saturating_duration_since(begun));
        route.health.set(finding.clone(), now);
        report(route, finding)
    }

    /// What a reply cost: as whoever answered says, else by the model that served it and the provider's own prices where
    /// the configuration has some; `None` is unknown, not free.
    pub fn cost(&self, response: &ModelResponse) -> Option<Money> {
        if response.cost.is_some() {
            return response.cost;
        }
        let (participant, day) = (&response.participant, response.timestamp.date_naive());
        let (prices, served) = (self.prices(participant), response.served.as_ref());
        prices.cost_as_served(&participant.provider, &response.model, day, &response.tokens, served)
    }

    /// The most that `tokens` cost with `participant` today, served as the configuration asks; `None` is unknown,
    /// not free.
    pub fn price(&self, participant: &Participant, tokens: &TokenCount) -> Option<Money> {
        let today = self.shared.deps.timer.now().date_naive();
        match self.shared.snapshot().route(&participant.provider_id) {
            Some(route) => route.price_asked(&participant.model_id, today, None)?.cost(tokens),
            None => self.shared.deps.models.cost(&participant.provider, &participant.model_id, today, tokens),
        }
    }

    /// What `tokens` cost with `participant` today in a call served as `served`; `None` is unknown, not free.
    pub fn price_as_served(
        &self,
        participant: &Participant,
        tokens: &TokenCount,
        served: &Served,
    ) -> Option<Money> {
        let today = self.shared.deps.timer.now().date_naive();
        let Participant { provider, model_id: model, .. } = participant;
        self.prices(participant).cost_as_served(provider, model, today, tokens, Some(served))
    }

    /// The prices that hold for a participant: those of its provider, else those of the table.
    fn prices(&self, participant: &Participant) -> Arc<ModelTable> {
        let snapshot = self.shared.snapshot();
        let route = snapshot.route(&participant.provider_id);
        Arc::clone(route.map_or(&self.shared.deps.models, |route| &route.prices))
    }

    /// What the configuration says about the calls of `participant`. A provider that is not configured has
    /// the settings of its role alone.
    pub fn call_settings(&self, participant: &Participant) -> CallSettings {
        let snapshot = self.shared.snapshot();
        let mut request = ModelRequest::default();
        // In the order of a call: whoever comes first fills a gap.
        snapshot.role(&participant.role).parameters.fill(&mut request, None);
        let provider = snapshot.route(&participant.provider_id).map(|route| &route.plan);
        if let Some(provider) = provider {
            provider.parameters.fill(&mut request, None);
        }
        CallSettings {
            max_tokens: request.max_tokens,
            temperature: request.sampling.temperature,
            timeouts: provider.and_then(|provider| provider.timeouts),
        }
    }

    /// Models with their limits, dates and prices, without what the configuration says of them.
    pub fn models(&self) -> &Arc<ModelTable> {
        &self.shared.deps.models
    }

    /// The time of its calls.
    pub fn timer(&self) -> Arc<dyn Timer> {
        Arc::clone(&self.shared.deps.timer)
    }

    /// Where its events go, if somebody may watch it.
    pub fn events(&self) -> Option<&EventLog> {
        self.shared.deps.events.as_ref()
    }

    /// Every provider as a participant in `role`.
    pub(crate) fn every_participant(&self, role: &ParticipantRole) -> Vec<RankedProvider> {
        let snapshot = self.shared.snapshot();
        let config = snapshot.role(role);
        let mut chain = Vec::new();
        for entry in &config.chain {
            snapshot.plan.routes_of(entry.target, &mut chain);
        }
        let cx = CallContext::with_timer(Self::participant(role.clone()), self.timer());
        // An empty request: only what holds for every call speaks against somebody.
        let request = Arc::default();
        let profile = CallProfile::new(&snapshot, &cx, &request);
        let ranked = |(at, route): (usize, &Arc<Route>)| RankedProvider {
            participant: Participant::clone(&route.participant(&cx.participant)),
            available: profile.ineligible_because(route).is_none(),
            prefers: route.plan.preferred_roles.contains(role),
            rank: chain.iter().position(|member| *member == at),
        };
        snapshot.routes.iter().enumerate().map(ranked).collect()
    }

    /// What is known of each provider, in the order of the configuration. Asks nobody.
    pub fn routes(&self) -> Vec<RouteStatus> {
        let now = self.shared.deps.timer.instant();
        self.shared.snapshot().routes.iter().map(|route| route.status(now)).collect()
    }

    /// What came of the calls that the cache of the configuration is for, since it is in use.
    pub fn cache_figures(&self) -> CacheFigures {
        self.shared.snapshot().cache_figures()
    }

    /// How many calls are under way, from their beginning to the end of their replies.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.in_flight()
    }

    /// Takes no more calls, waits for those under way, at most for `grace`, ends the rest with
    /// [`Cancelled`](forge_core::ErrorKind::Cancelled), which takes 200 ms at most, and flushes the accounts. May
    /// be called again. Returns how many calls were ended.
    pub async fn shutdown(&self, grace: Duration) -> Result<usize, StorageError> {
        let RouterDeps { timer, sink, .. } = &self.shared.deps;
        let until = timer.instant().checked_add(grace);
        let ended = self.shared.in_flight.close(&**timer, until).await;
        // After the calls, whose last records are only there when they have ended.
        sink.flush().await?;
        Ok(ended)
    }

    /// The adapter of a provider, for what is not a call; of several keys, that of the first. `None` for a
    /// pool or an unknown id. No layer stands around it, so that nothing is limited or accounted for.
    pub fn adapter(&self, provider: &ProviderId) -> Option<Arc<dyn forge_core::Adapter>> {
        self.shared.snapshot().route(provider).map(|route| Arc::clone(route.adapter()))
    }
}

/// A finding with the provider that it is about, and what its replies said of rate limits meanwhile.
fn report(route: &Route, finding: CheckResult) -> ProviderHealth {
    ProviderHealth {
        provider: route.plan.id.clone(),
        kind: route.plan.kind.clone(),
        model: route.plan.model.clone(),
        status: finding.status,
        detail: finding.detail,
        rate_limit: route.adapter().rate_limit_status(),
        took: finding.took,
    }
}

impl Provider for Router {
    fn name(&self) -> &str {
        NAME
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.entrance.capabilities(model)
    }

    fn stream<'s, 'c, 'f>(&'s self, cx: &'c CallContext, request: Arc<ModelRequest>) -> StreamFuture<'f>
    where
        's: 'f,
        'c: 'f,
    {
        self.entrance.stream(cx, request)
    }
}

/// What is behind the span of a call. A call that a shutdown refuses has a span as well.
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
        let snapshot = self.shared.snapshot();
        let own = snapshot.routes.iter().find(|route| route.plan.model == *model);
        let vendor = || {
            let has = |route: &&Arc<Route>| {
                let row = self.shared.deps.models.find(&route.vendor, model);
                row.is_some_and(|row| row.id != "*")
            };
            snapshot.routes.iter().find(has).map(|route| route.capabilities(model))
        };
        let default = || {
            let mut members = Vec::new();
            snapshot.plan.routes_of(snapshot.plan.default?, &mut members);
            let route = &snapshot.routes[*members.first()?];
            Some(route.capabilities(&route.plan.model))
        };
        own.map(|route| route.capabilities(model)).or_else(vendor).or_else(default).unwrap_or_default()
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let Some(guard) = InFlight::enter(&self.shared.in_flight) else { return Err(cancelled()) };
        let cancel = guard.watch();
        let mut call = pin!(call(&self.shared, guard, cx, request));
        poll_fn(|task| {
            // At every poll, which also registers the task to be woken by a shutdown.
            if cancel.poll_cancelled(task) {
                return Poll::Ready(Err(cancelled()));
            }
            call.as_mut().poll(task)
        })
        .await
    }
}

/// A provider as a participant.
#[derive(Debug)]
pub(crate) struct RankedProvider {
    pub(crate) participant: Participant,
    /// Whether it can be asked now.
    pub(crate) available: bool,
    pub(crate) prefers: bool,
    /// Its place in the chain of the role; `None` if it does not stand there.
    pub(crate) rank: Option<usize>,
}
