//! Budgets around the attempts of a route.

use std::sync::Arc;

use chrono::NaiveDate;
use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, ModelTable, Money, Provider, ProviderError,
    ProviderId, StreamEvent, TokenCount,
    error::Phase,
    event::Warning,
    provider::{Layer, StreamFuture},
    request::{RequestSize, tokens_of},
    storage::{
        accounts::Served,
        budget::{self, Amount, BudgetCap, BudgetError, BudgetRule, BudgetStore, Holder, ReservationId},
    },
    stream::StreamObserver,
};
use forge_layers::tap;

use super::headroom::{Bound, Headroom, Warned};

/// Reserves what an attempt may take at most before it begins, and settles what it took.
///
/// An attempt that the vendor refused, or that nothing came back from, takes nothing. One that broke off
/// takes what the vendor had reported; where it had reported nothing, the expected input and what was written.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    /// The route's own provider.
    pub(crate) id: ProviderId,
    pub(crate) store: Arc<dyn BudgetStore>,
    /// Those of the route's own provider before the others.
    pub(crate) rules: Arc<[BudgetRule]>,
    pub(crate) prices: Arc<ModelTable>,
}

impl Quota {
    /// Whether money is limited for this call.
    pub(crate) fn limits_money(&self, cx: &CallContext) -> bool {
        let holds = |rule: &BudgetRule| rule.scope.includes(&self.id, &cx.participant.role, &cx.tags);
        self.rules.iter().any(|rule| rule.money.is_some() && holds(rule))
            || cx.caps.iter().any(|cap| cap.money.is_some())
    }

    /// The caps that hold for a call.
    fn caps(&self, cx: &CallContext) -> Vec<BudgetCap> {
        if self.rules.is_empty() {
            return cx.caps.to_vec();
        }
        let mut caps = budget::caps(&self.rules, &self.id, &cx.participant.role, &cx.tags, cx.timer.now());
        caps.extend(cx.caps.iter().cloned());
        caps
    }

    /// The first budget without room for the call as it would be sent now; `None` if all have room, or none
    /// holds. It reserves nothing, so that the answer holds for this moment alone.
    pub(crate) async fn without_room(
        &self,
        cx: &CallContext,
        headroom: Headroom<'_>,
        max_tokens: Option<u32>,
    ) -> Result<Option<String>, BudgetError> {
        let caps = self.caps(cx);
        // A call without a limit would be given the longest answer for which there is room.
        if max_tokens.is_none() && headroom.longest(&*self.store, &caps).await?.is_some() {
            return Ok(None);
        }
        let amount = headroom.worst(max_tokens);
        for cap in caps {
            if !cap.has_room(self.store.spent(&cap.key).await?, amount) {
                return Ok(Some(cap.key));
            }
        }
        Ok(None)
    }

    /// Sets aside what the attempt may take at most. A request that leaves the length of its answer open is given
    /// the longest for which there is room, and a warning.
    async fn reserve(
        &self,
        inner: &dyn Provider,
        cx: &CallContext,
        request: Arc<ModelRequest>,
        caps: Vec<BudgetCap>,
    ) -> Result<Reserved, ProviderError> {
        let day = cx.timer.now().date_naive();
        let size = RequestSize::of(&request);
        let row = self.prices.serving(&cx.participant.provider, cx.model(), day);
        let asked = request.extra.fields(&cx.participant.provider).map(Served::asked).unwrap_or_default();
        let price = row.and_then(|row| row.price_asked(day, &asked));
        let price = price.as_ref();
        let able = inner.capabilities(cx.model());
        let refused = |error: BudgetError| refusal(inner.name(), cx, error);
        let worst = |max_tokens| {
            let bound = Bound::of(max_tokens, size, able, price);
            // Where no budget limits money, an unknown price refuses nothing.
            let money = bound.money.or_else(|| (!self.limits_money(cx)).then(Money::default));
            let unpriced = || refused(BudgetError::exceeded("money (the price is unknown)"));
            Ok::<_, ProviderError>(Amount { money: money.ok_or_else(unpriced)?, tokens: bound.tokens })
        };
        // Named, so that others learn who stands in the way, and a later run can settle what a dead one left.
        let holder = Holder::of(&cx.tags);
        let reserve = async |amount| self.store.reserve(&caps, amount, holder.as_ref()).await;
        let mut reserved = worst(request.max_tokens)?;
        let (mut request, mut warning) = (request, None);
        let reservation = match reserve(reserved).await {
            Err(error @ BudgetError::Exceeded { .. }) if request.max_tokens.is_none() => {
                let headroom = Headroom { size, able, price };
                let longest = headroom.longest(&*self.store, &caps).await.map_err(refused)?;
                let Some(most) = longest else { return Err(refused(error)) };
                reserved = worst(Some(most))?;
                request = Arc::new(ModelRequest::clone(&request).with_max_tokens(most));
                let message =
                    format!("the answer is limited to {most} tokens, the most that the budgets allow");
                warning = Some(Warning::new("max_tokens", message));
                // Others may have taken the room meanwhile; then the second refusal stands.
                reserve(reserved).await
            }
            outcome => outcome,
        };
        let guard = ReservationGuard {
            quota: self.clone(),
            cx: cx.clone(),
            day,
            reservation: Some(reservation.map_err(refused)?),
            reserved,
            expected_input: size.expected_input(),
            served: None,
            service: None,
            tokens: TokenCount::default(),
            written: 0,
            accepted: false,
        };
        Ok(Reserved { guard, request, warning })
    }
}

/// An attempt for which there is room.
struct Reserved {
    guard: ReservationGuard,
    /// The request, with a limit to its answer where it had none and needs one.
    request: Arc<ModelRequest>,
    warning: Option<Warning>,
}

/// What the keys of a provider's own budgets begin with.
const PROVIDER: &str = "provider:";

/// The worst case of another route may fit. A provider's own quota says nothing about the budgets of others.
fn refusal(name: &str, cx: &CallContext, error: BudgetError) -> ProviderError {
    let kind = match &error {
        BudgetError::Exceeded { key, .. } if key.starts_with(PROVIDER) => ErrorKind::QuotaExhausted,
        _ => ErrorKind::BudgetExceeded,
    };
    ProviderError::new(kind, name, error.to_string()).with(|facts| {
        facts.model = Some(cx.model().clone());
        facts.phase = Phase::BeforeSend;
        facts.source = Some(Box::new(error));
    })
}

impl Layer for Quota {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Budgeted { inner, quota: self.clone() })
    }
}

/// A route's provider behind its budgets.
#[derive(Debug)]
struct Budgeted {
    inner: Arc<dyn Provider>,
    quota: Quota,
}

#[deny(clippy::missing_trait_methods)]
impl Provider for Budgeted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.inner.capabilities(model)
    }

    fn stream<'s, 'c, 'f>(&'s self, cx: &'c CallContext, request: Arc<ModelRequest>) -> StreamFuture<'f>
    where
        's: 'f,
        'c: 'f,
    {
        let caps = self.quota.caps(cx);
        if caps.is_empty() {
            return self.inner.stream(cx, request);
        }
        Box::pin(async move {
            let Reserved { guard, request, warning } =
                self.quota.reserve(&*self.inner, cx, request, caps).await?;
            let events = tap(&*self.inner, cx, request, guard).await?;
            Ok(Warned::stream(events, warning))
        })
    }
}

/// A reservation until it is settled.
struct ReservationGuard {
    quota: Quota,
    cx: CallContext,
    day: NaiveDate,
    reservation: Option<ReservationId>,
    reserved: Amount,
    expected_input: u64,
    served: Option<ModelId>,
    service: Option<Served>,
    tokens: TokenCount,
    /// Bytes of the answer so far.
    written: u64,
    /// Whether the vendor has accepted the request.
    accepted: bool,
}

impl ReservationGuard {
    /// What the tokens cost; what was reserved if that is unknown.
    fn amount(&self, tokens: &TokenCount) -> Amount {
        let (Some(input), Some(output)) = (tokens.total_input(), tokens.total_output()) else {
            // Too much rather than too little: a budget must hold whatever the vendor leaves out.
            return self.reserved;
        };
        let participant = &self.cx.participant;
        let model = self.served.as_ref().unwrap_or(&participant.model_id);
        let served = self.service.as_ref();
        let prices = &self.quota.prices;
        let money = prices.cost_as_served(&participant.provider, model, self.day, tokens, served);
        Amount { money: money.unwrap_or(self.reserved.money), tokens: input.saturating_add(output) }
    }

    /// What an unfinished reply took, as far as anybody knows.
    fn unfinished(&self) -> TokenCount {
        let mut tokens = self.tokens;
        tokens.input = tokens.input.or(Some(self.expected_input));
        let written = tokens_of(self.written);
        // What was reported in the middle of a reply may be behind what has arrived.
        if tokens.total_output().is_none_or(|reported| reported < written) {
            tokens.output = Some(written);
        }
        tokens
    }

    /// Books what these tokens cost, once: a stream that has ended may still be dropped.
    fn settle(&mut self, tokens: &TokenCount) {
        let actual = self.amount(tokens);
        if let Some(reservation) = self.reservation.take() {
            self.quota.store.settle(reservation, actual);
        }
    }
}

impl StreamObserver for ReservationGuard {
    fn event(&mut self, event: &StreamEvent) {
        match event {
            // Who begins to reply has read the prompt, and may bill it.
            StreamEvent::Started(started) => {
                self.accepted = true;
                self.served.clone_from(&started.model);
            }
            StreamEvent::PartDelta { delta, .. } => {
                self.written = self.written.saturating_add(delta.len() as u64);
            }
            StreamEvent::UsageUpdated(tokens) => self.tokens.overwrite(tokens),
            // Settled with the last event: a caller may keep the stream, and others wait for the room.
            StreamEvent::Finished(finished) => {
                self.tokens = finished.usage;
                self.service.clone_from(&finished.served);
                let tokens = self.tokens;
                self.settle(&tokens);
            }
            StreamEvent::Relayed(relayed) => {
                self.written = self.written.saturating_add(u64::from(relayed.text));
            }
            _ => {}
        }
    }

    fn failure(&mut self, error: Option<&mut ProviderError>) {
        // A vendor that took the time of the whole call has most likely worked on it.
        self.accepted |= error.is_some_and(|error| {
            error.kind == ErrorKind::Timeout && error.phase != Phase::BeforeSend && error.status.is_none()
        });
    }
}

impl Drop for ReservationGuard {
    // Whatever ends the attempt, also a caller that drops it, ends its reservation.
    fn drop(&mut self) {
        if self.accepted {
            let tokens = self.unfinished();
            self.settle(&tokens);
        } else if let Some(reservation) = self.reservation.take() {
            self.quota.store.release(reservation);
        }
    }
}
