//! The attempts of one call: what each route is sent, and how its reply begins.

use std::{future::Future, sync::Arc};

use forge_core::{
    CallContext, ErrorKind, ModelId, ModelProvider, ModelRequest, Provider as _, ProviderError,
    ResponseStream, StreamEvent,
    event::{StopReason, Warning},
    request::Opaque,
    time::Timer,
};
use forge_layers::peek;

use super::opaque;
use crate::{
    plan::Parameters,
    route::{AttemptMode, Route, Warned},
    select::Selected,
    snapshot::{RoleConfig, Snapshot},
};

/// What the attempts of one call share.
pub(super) struct Attempts<'a> {
    snapshot: &'a Snapshot,
    role: &'a RoleConfig,
    cx: CallContext,
    request: &'a Arc<ModelRequest>,
    /// Whether the first number has been used.
    made: bool,
    /// Whether all state of vendors is left out.
    stripped: bool,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        role: &'a RoleConfig,
        cx: &CallContext,
        request: &'a Arc<ModelRequest>,
    ) -> Self {
        Self { snapshot, role, cx: cx.clone(), request, made: false, stripped: false }
    }

    pub(super) fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    pub(super) fn timer(&self) -> &Arc<dyn Timer> {
        &self.cx.timer
    }

    /// Asks the route of `selected` and reads its reply up to the first content.
    pub(super) fn ask(
        &mut self,
        selected: Selected,
        mode: AttemptMode,
    ) -> impl Future<Output = Result<ResponseStream, ProviderError>> + Send + use<'a> {
        // Numbered before the future is made: a hedge has two attempts under way, with a number each.
        if std::mem::replace(&mut self.made, true) {
            self.cx.next_attempt();
        }
        let (snapshot, mut cx) = (self.snapshot, self.cx.clone());
        let route = &snapshot.routes[selected.route];
        cx.participant = route.participant(&cx.participant);
        let (request, fallback_on) = (self.fitted(selected), &self.role.fallback_on);
        async move {
            let begun = cx.timer.instant();
            let (request, shortened) = request?;
            let stream = route.provider(mode).stream(&cx, Arc::clone(&request)).await?;
            let stream = Warned::stream(stream, shortened);
            let reply = peek(route.plan.id.as_str(), stream, &request).await?;
            match declined(&reply).filter(|kind| fallback_on.contains(kind)) {
                None => Ok(reply),
                // Its layers have seen a reply that ended well. That the call goes on after it is noted here.
                Some(kind) => {
                    let error = ProviderError::new(kind, route.plan.id.as_str(), "the answer is empty")
                        .with(|facts| facts.model = Some(cx.model().clone()));
                    cx.note_failure(&error, begun);
                    Err(error)
                }
            }
        }
    }

    /// Asks again without any state of vendors.
    pub(super) async fn ask_stripped(
        &mut self,
        selected: Selected,
        mode: AttemptMode,
    ) -> Result<ResponseStream, ProviderError> {
        // For this attempt alone: the next route may be the one that minted the state.
        self.stripped = true;
        let outcome = self.ask(selected, mode).await;
        self.stripped = false;
        outcome
    }

    /// The request with the settings of the role and the provider, without other models' state, and for no longer an answer
    /// than the model can write: clients ask for the most that another model can.
    fn fitted(&self, selected: Selected) -> Result<(Arc<ModelRequest>, Option<Warning>), ProviderError> {
        let route = &self.snapshot.routes[selected.route];
        let (model, vendor) = (route.model_for(&self.cx.participant), &route.vendor);
        // The role before the provider: whoever comes first fills a gap, and nobody overrides the request.
        let settings = [
            (&self.role.parameters, self.role.extra_for.as_ref().filter(|first| *first == vendor)),
            (&route.plan.parameters, Some(vendor)),
        ];
        if let Some(relayed) = self.relayed(route, &settings) {
            return Ok((relayed, None));
        }
        let is_foreign =
            |state: &Opaque| self.stripped || !state.belongs_to(vendor, model, route.plan.id.as_str());
        let asked = self.request.parsed()?;
        let foreign = opaque::is_needed(asked, is_foreign);
        let settled = !settings.iter().any(|(settings, vendor)| settings.concern(asked, *vendor));
        let shortened = too_long(route, model, asked.max_tokens);
        let fits = !foreign && settled && shortened.is_none();
        if fits && self.request.carried().is_none() {
            return Ok((Arc::clone(self.request), None));
        }
        let mut request = asked.clone().with_delivery(self.request.delivery);
        for (settings, vendor) in settings {
            settings.fill(&mut request, vendor);
        }
        if foreign {
            opaque::strip_foreign(&mut request, is_foreign);
        }
        request.max_tokens = shortened.or(request.max_tokens);
        let warning = shortened.map(|most| {
            let message =
                format!("the answer is limited to {most} tokens, the most that the model can write");
            Warning::new("max_tokens", message)
        });
        Ok((Arc::new(request), warning))
    }

    /// The request in the bytes of its client, if it came so and the route takes it as it is.
    fn relayed(
        &self,
        route: &Route,
        settings: &[(&Parameters, Option<&ModelProvider>)],
    ) -> Option<Arc<ModelRequest>> {
        let carried = self.request.carried()?;
        let model = route.model_for(&self.cx.participant);
        // Whose state has to go, whose reply is to be kept, or whose answer would be too long, is read. So is what settings
        // say more than raw fields of, which each model has its own form for.
        let may_be_read = !carried.stays_as_it_is;
        let is_read = self.stripped
            || self.snapshot.plan.cache.as_ref().is_some_and(|cache| cache.only.covers(&self.cx))
            || too_long(route, model, self.request.outline().max_tokens).is_some()
            || settings.iter().any(|(settings, _)| settings.concern(self.request, None));
        if (is_read && may_be_read) || !route.adapter().relays(model, self.request) {
            return None;
        }
        let mut request = ModelRequest::clone(self.request).with_delivery(carried.delivery);
        for (settings, vendor) in settings {
            settings.fill(&mut request, *vendor);
        }
        Some(Arc::new(request))
    }
}

/// The most tokens that the model can write, if more of them are asked for.
fn too_long(route: &Route, model: &ModelId, asked: Option<u32>) -> Option<u32> {
    let most = u32::try_from(route.capabilities(model).max_output_tokens?).ok()?;
    (asked? > most).then_some(most)
}

/// Why the reply ended before anything was said, if the model declined or a filter did.
fn declined(reply: &ResponseStream) -> Option<ErrorKind> {
    match reply.head().last() {
        Some(StreamEvent::Finished(finished)) => match finished.reason {
            StopReason::Refusal => Some(ErrorKind::Refusal),
            StopReason::ContentFiltered => Some(ErrorKind::ContentFiltered),
            _ => None,
        },
        _ => None,
    }
}
