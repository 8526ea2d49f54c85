//! Which providers a target leads to.

use crate::plan::{PoolPlan, Target};

/// The providers behind a target, in the order of the file. One that is reached in two ways comes twice.
pub(super) struct Reach(Vec<usize>);

impl Reach {
    pub(super) fn of(target: Target, pools: &[PoolPlan]) -> Self {
        let mut providers = Vec::new();
        let mut seen = vec![false; pools.len()];
        let mut open = vec![target];
        while let Some(target) = open.pop() {
            match target {
                Target::Provider(provider) => providers.push(provider),
                // Pools may stand in a circle, which is reported elsewhere; each is entered once.
                Target::Pool(pool) if !std::mem::replace(&mut seen[pool], true) => {
                    // Reversed, so that the stack gives the members in the order of the file.
                    open.extend(pools[pool].members.iter().rev().map(|member| member.target));
                }
                Target::Pool(_) => {}
            }
        }
        Self(providers)
    }

    /// Whether a target is one of the providers. A pool never is.
    pub(super) fn contains(&self, target: Target) -> bool {
        matches!(target, Target::Provider(provider) if self.0.contains(&provider))
    }

    pub(super) fn providers(self) -> Vec<usize> {
        self.0
    }
}
