//! One call: along the chain until a route answers.
//!
//! Whether a failure moves the call on is said by the error's kind and phase; what the router adds is in one
//! function here, `goes_on`. After the first content nothing moves it any more.

mod attempt;
mod failure;
mod hedge;
mod opaque;
mod reply;

use std::sync::Arc;

use forge_core::{
    CallContext, ErrorKind, ModelRequest, ProviderError, ResponseStream,
    error::{Advice, Phase},
};

pub(crate) use failure::cancelled;

use crate::{
    in_flight::InFlightGuard,
    route::AttemptMode,
    select::{CallProfile, Selected, Selection},
    shared::Shared,
    snapshot::RoleConfig,
    watched,
};
use attempt::Attempts;
use reply::{AffinityUpdate, Answered};

/// Asks one route after the other until one begins to answer. Once the first content is there, the call stays where it
/// is: a second answer would begin anew in the middle of the first.
pub(crate) async fn call(
    shared: &Arc<Shared>,
    in_flight: InFlightGuard,
    cx: &CallContext,
    request: Arc<ModelRequest>,
) -> Result<ResponseStream, ProviderError> {
    // One configuration to the end of the call, whatever is loaded meanwhile.
    let snapshot = shared.snapshot();
    let profile = CallProfile::new(&snapshot, cx, &request);
    let mut selection = Selection::new(&snapshot, &profile, &shared.affinity);
    let mut attempts = Attempts::new(&snapshot, profile.role, cx, &request);
    let mut last_error = None;
    let mut fallen = None;
    loop {
        let (selected, mode) = match selection.next() {
            Some(selected) => (selected, selection.mode()),
            None => match selection.last_resort() {
                Some(selected) => (selected, AttemptMode::LastResort),
                None => break,
            },
        };
        if let Some((from, error)) = fallen.take() {
            watched::failed_over(&shared.deps, cx, from, error, &snapshot.routes[selected.route].plan.id);
        }
        // A last resort has nobody beside it to hedge with.
        let (selected, mut outcome) = if profile.role.hedge && mode != AttemptMode::LastResort {
            hedge::ask(shared, &mut attempts, &mut selection, selected, mode).await
        } else {
            (selected, attempts.ask(selected, mode).await)
        };
        if outcome.as_ref().is_err_and(|error| error.policy().advice == Advice::RetryStripped) {
            // The vendor said no to the state alone: the same route may well answer without it.
            outcome = attempts.ask_stripped(selected, mode).await;
        }
        let provider = &snapshot.routes[selected.route].plan.id;
        let error = match outcome {
            Ok(reply) => {
                tracing::debug!(call = %cx.call_id, route = %provider, "answers");
                let trace = selection.trace(Some(selected));
                let update = AffinityUpdate::new(shared, cx, profile.prefix, provider);
                return Ok(Answered::stream(reply, trace, update, in_flight));
            }
            Err(error) => error,
        };
        selection.failed(selected, error.kind);
        // Behind the deadline every further route would fail for that alone and hide why this one did.
        let is_late = cx.deadline.is_some_and(|deadline| deadline <= cx.timer.instant());
        let is_firm = error.budget().is_some_and(|said| cx.caps.iter().any(|cap| cap.ends(said)));
        if is_firm || is_late || !goes_on(&error, profile.role, &mut selection, selected) {
            return Err(failure::traced(error, selection.trace(None).into()));
        }
        let is_last = mode == AttemptMode::LastResort;
        if !is_last {
            tracing::info!(call = %cx.call_id, %provider, error = ?error.kind, "falling back");
            fallen = Some((provider, error.kind));
        }
        last_error = Some(error);
        if is_last {
            break;
        }
    }
    Err(failure::exhausted(cx, last_error, selection.refusal(), selection.trace(None)))
}

/// Whether another route may do better; narrows the selection to those of which that is true.
fn goes_on(
    error: &ProviderError,
    role: &RoleConfig,
    selection: &mut Selection<'_>,
    selected: Selected,
) -> bool {
    let is_allowed = || role.fallback_on.contains(&error.kind);
    match error.policy().advice {
        // A slip of the model, and retries are over: the role says whether another one is asked.
        Advice::RetryThenNext if error.kind == ErrorKind::Malformed => is_allowed(),
        Advice::RetryThenNext | Advice::RetryStripped | Advice::Next => true,
        Advice::NextIfLarger => {
            selection.only_larger_than(selected);
            true
        }
        Advice::NextIfAllowed => is_allowed(),
        // What one vendor does not understand, another may: it has another dialect. Once, since a request that two
        // vendors refuse is most likely wrong.
        Advice::Stop => is_vendors_refusal(error) && selection.only_other_vendors(selected),
    }
}

/// Whether the vendor itself said no, for a reason that nobody knows better. What Forge refuses is refused before
/// anything is sent.
fn is_vendors_refusal(error: &ProviderError) -> bool {
    error.kind == ErrorKind::InvalidRequest && error.phase == Phase::BeforeOutput && error.status.is_some()
}
