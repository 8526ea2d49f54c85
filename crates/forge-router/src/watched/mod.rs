//! The events of calls and budgets, for whoever watches the server.

mod budgets;
mod calls;

use std::sync::Arc;

use forge_core::{
    CallContext, ErrorKind, Provider, ProviderId, storage::budget::BudgetStore, watch::CallFailedOver,
};

use self::{budgets::WatchedBudgets, calls::WatchedCalls};
use crate::route::RouterDeps;

/// The provider, with an event at the beginning and the end of each call.
pub(crate) fn calls(inner: Arc<dyn Provider>, deps: &RouterDeps) -> Arc<dyn Provider> {
    match deps.events.clone() {
        Some(log) => Arc::new(WatchedCalls { inner, log }),
        None => inner,
    }
}

/// The budgets, with an event when one is nearly or wholly used up.
pub(crate) fn budgets(deps: &RouterDeps) -> Arc<dyn BudgetStore> {
    let inner = Arc::clone(&deps.budgets);
    match deps.events.clone() {
        Some(log) => Arc::new(WatchedBudgets::new(inner, log, Arc::clone(&deps.timer))),
        None => inner,
    }
}

/// Tells that a call goes on to another route.
pub(crate) fn failed_over(
    deps: &RouterDeps,
    cx: &CallContext,
    from: &ProviderId,
    error: ErrorKind,
    to: &ProviderId,
) {
    if let Some(log) = &deps.events {
        let (from, to) = (from.clone(), to.clone());
        log.publish(cx.timer.now(), CallFailedOver { call: cx.call_id, from, error, to });
    }
}
