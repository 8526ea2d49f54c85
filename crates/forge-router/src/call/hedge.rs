//! A second route for calls whose first is unusually slow to begin.

use std::{future::Future, pin::pin, sync::Arc, task::Poll};

use forge_core::{ProviderError, ResponseStream};
use futures_util::future::{Either, select};

use super::attempt::Attempts;
use crate::{
    route::AttemptMode,
    select::{Selected, Selection},
    shared::Shared,
};

/// Asks `selected` and, if it is slower than nineteen of twenty of its replies, the next route as well. Whichever
/// begins to answer first wins; the other is dropped, and what it took is accounted for.
pub(super) async fn ask(
    shared: &Shared,
    attempts: &mut Attempts<'_>,
    selection: &mut Selection<'_>,
    selected: Selected,
    mode: AttemptMode,
) -> (Selected, Result<ResponseStream, ProviderError>) {
    shared.hedges.call();
    // Unknown before there are enough replies: then nobody can say what is slow here.
    let patience = attempts.snapshot().routes[selected.route].meter.latency.p95();
    let first = attempts.ask(selected, mode);
    let timer = Arc::clone(attempts.timer());
    let Some(until) = patience.and_then(|patience| timer.instant().checked_add(patience)) else {
        return (selected, first.await);
    };
    let mut first = pin!(first);
    let mut alarm = timer.sleep_until(until);
    // The reply is polled before the alarm, so that nothing is hedged that is there.
    let early = std::future::poll_fn(|task| match first.as_mut().poll(task) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => alarm.as_mut().poll(task).map(|()| None),
    });
    if let Some(outcome) = early.await {
        return (selected, outcome);
    }
    // The budget comes last, so that nothing is taken from it where there is nobody to ask.
    let hedged = selection.has_another() && shared.hedges.take();
    let Some(other) = hedged.then(|| selection.next()).flatten() else {
        return (selected, first.await);
    };
    tracing::debug!(route = %attempts.snapshot().routes[other.route].plan.id, "hedging");
    let second = pin!(attempts.ask(other, selection.mode()));
    match select(first, second).await {
        Either::Left((Ok(head), _)) => (selected, Ok(head)),
        Either::Right((Ok(head), _)) => (other, Ok(head)),
        // One that fails leaves the call to the other: a hedge turns no slow answer into an error.
        Either::Left((Err(error), second)) => {
            selection.failed(selected, error.kind);
            (other, second.await)
        }
        Either::Right((Err(error), first)) => {
            selection.failed(other, error.kind);
            (selected, first.await)
        }
    }
}
