//! What all clones of a router share, and what its calls read.

use std::sync::{Arc, PoisonError, RwLock};

use forge_core::provider::RegistryError;
use forge_layers::RetryBudget;

use crate::{
    affinity::Affinity, hedge_budget::HedgeBudget, in_flight::InFlight, plan::RouterPlan, route::RouterDeps,
    snapshot::Snapshot, watched,
};

/// One router behind all of its clones. All of it but the snapshot outlives a reload.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) deps: RouterDeps,
    pub(crate) affinity: Affinity,
    pub(crate) hedges: HedgeBudget,
    pub(crate) in_flight: Arc<InFlight>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// One for every configuration: a reload must not grant retries anew in the middle of an outage.
    retries: RetryBudget,
}

impl Shared {
    pub(crate) fn build(plan: RouterPlan, mut deps: RouterDeps) -> Result<Self, RegistryError> {
        deps.budgets = watched::budgets(&deps);
        let retries = RetryBudget::default();
        let snapshot = RwLock::new(Arc::new(Snapshot::build(plan, &deps, &retries, None)?));
        Ok(Self {
            deps,
            affinity: Affinity::default(),
            hedges: HedgeBudget::default(),
            in_flight: Arc::default(),
            snapshot,
            retries,
        })
    }

    /// The configuration of this moment. A call keeps it to its end.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        // Nothing panics while the lock is held, so a poisoned one is still whole.
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another configuration in place of the one in use, or changes nothing.
    pub(crate) fn reload(&self, plan: RouterPlan) -> Result<(), RegistryError> {
        // Built before the lock is taken: calls go on reading while adapters are made.
        let new = Snapshot::build(plan, &self.deps, &self.retries, Some(&self.snapshot()))?;
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }
}
