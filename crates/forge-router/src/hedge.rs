//! A second route for calls whose first is unusually slow to begin.

use std::{
    future::Future,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
};

use forge_core::ProviderError;
use forge_layers::Head;
use futures_util::future::{Either, select};

use crate::{
    call::Attempt,
    route::Manner,
    router::Shared,
    walk::{Pick, Walk},
};

/// One extra call for so many.
const SHARE: u64 = 20;

/// Keeps extra calls to a twentieth of all.
#[derive(Debug, Default)]
pub(crate) struct HedgeBudget {
    calls: AtomicU64,
    extra: AtomicU64,
}

impl HedgeBudget {
    fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        let most = self.calls.load(Ordering::Relaxed) / SHARE;
        let next = |extra: u64| (extra < most).then_some(extra + 1);
        self.extra.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// Asks `pick` and, if it is slower than nineteen of twenty of its replies, the next route as well. Whichever
/// begins to answer first wins; the other is dropped, and what it took is accounted for.
pub(crate) async fn ask(
    shared: &Shared,
    attempt: &mut Attempt<'_>,
    walk: &mut Walk<'_>,
    pick: Pick,
    manner: Manner,
) -> (Pick, Result<Head, ProviderError>) {
    shared.hedges.call();
    let patience = attempt.running().routes[pick.route].meter.latency.p95();
    let first = attempt.ask(pick, manner);
    let timer = &shared.parts.timer;
    let Some(until) = patience.and_then(|patience| timer.instant().checked_add(patience)) else {
        return (pick, first.await);
    };
    let mut first = pin!(first);
    let mut alarm = timer.sleep_until(until);
    let early = std::future::poll_fn(|task| match first.as_mut().poll(task) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => alarm.as_mut().poll(task).map(|()| None),
    });
    if let Some(outcome) = early.await {
        return (pick, outcome);
    }
    let hedged = walk.has_another() && shared.hedges.take();
    let Some(other) = hedged.then(|| walk.next()).flatten() else {
        return (pick, first.await);
    };
    tracing::debug!(route = %attempt.running().routes[other.route].plan.id, "hedging");
    let second = pin!(attempt.ask(other, walk.manner()));
    match select(first, second).await {
        Either::Left((Ok(head), _)) => (pick, Ok(head)),
        Either::Right((Ok(head), _)) => (other, Ok(head)),
        Either::Left((Err(error), second)) => {
            walk.failed(pick, error.kind);
            (other, second.await)
        }
        Either::Right((Err(error), first)) => {
            walk.failed(other, error.kind);
            (pick, first.await)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_call_in_twenty_is_extra() {
        let budget = HedgeBudget::default();
        let taken = (0..1_000).filter(|_| {
            budget.call();
            budget.take()
        });
        assert_eq!(taken.count(), 50);
    }
}
