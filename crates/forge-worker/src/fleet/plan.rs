//! What a fleet is to be.

use std::collections::BTreeMap;

use crate::{id::WorkerId, routing::TaskRouter, tier::WorkerTier};

/// What a fleet is to be.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FleetPlan {
    /// What the names of its workers begin with.
    pub name: String,
    /// How many workers of each tier there are to be.
    pub workers: BTreeMap<WorkerTier, usize>,
    /// Whether a worker that crashed is started again.
    pub restart: bool,
    /// Whether the fleet ends when nothing is left to do.
    pub until_empty: bool,
    /// Which tier is for which priority.
    pub router: TaskRouter,
    /// Spreads the starts of fleets that begin together: of two with different seeds, no two starts stay in step.
    pub seed: u32,
}

impl FleetPlan {
    /// A fleet of nobody under this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The same with so many workers of a tier.
    #[must_use]
    pub fn with_workers(mut self, tier: WorkerTier, count: usize) -> Self {
        self.workers.insert(tier, count);
        self
    }

    /// The same, started again after crashes.
    #[must_use]
    pub const fn with_restart(mut self, restart: bool) -> Self {
        self.restart = restart;
        self
    }

    /// The same, which ends with its work.
    #[must_use]
    pub const fn until_empty(mut self, until_empty: bool) -> Self {
        self.until_empty = until_empty;
        self
    }

    /// The same with another seed, such as the number of the process.
    #[must_use]
    pub const fn with_seed(mut self, seed: u32) -> Self {
        self.seed = seed;
        self
    }

    /// The name of the worker of this number, from 1: `NAME-premium-1`.
    #[must_use]
    pub fn worker(&self, tier: WorkerTier, number: usize) -> String {
        format!("{}-{tier}-{number}", self.name)
    }
    /// The tier and the number of a worker that has its name from this fleet. A fleet `app` has nothing to do with the workers of
    /// a fleet `app-gui`.
    #[must_use]
    pub fn place(&self, worker: &WorkerId) -> Option<(WorkerTier, usize)> {
        let rest = worker.as_str().strip_prefix(&*self.name)?.strip_prefix('-')?;
        let (tier, number) = rest.split_once('-')?;
        let (tier, number) = (tier.parse().ok()?, number.parse().ok()?);
        (self.worker(tier, number) == worker.as_str()).then_some((tier, number))
    }

    /// Whether the fleet is to have a worker of this name.
    #[must_use]
    pub fn wants(&self, worker: &WorkerId) -> bool {
        let count = |tier| self.workers.get(&tier).copied().unwrap_or_default();
        self.place(worker).is_some_and(|(tier, number)| (1..=count(tier)).contains(&number))
    }
}
