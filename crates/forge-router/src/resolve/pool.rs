//! Pools.

use std::collections::BTreeSet;

use super::Resolver;
use crate::{
    code,
    plan::{Member, PoolPlan, Strategy, Target},
    spec::{PoolSpec, RouterSpec},
};
use forge_config::{KeyPath, Problem};

/// What other programs call a strategy, and what does it here.
const OTHERS: [(&str, Strategy); 12] = [
    ("simple-shuffle", Strategy::Weighted),
    ("random", Strategy::Weighted),
    ("shuffle", Strategy::Weighted),
    ("least-busy", Strategy::LeastConnections),
    ("least_busy", Strategy::LeastConnections),
    ("usage-based-routing", Strategy::LeastConnections),
    ("usage-based-routing-v2", Strategy::LeastConnections),
    ("latency-based-routing", Strategy::LowestLatency),
    ("fastest", Strategy::LowestLatency),
    ("cost-based-routing", Strategy::LowestCost),
    ("failover", Strategy::Priority),
    ("fallback", Strategy::Priority),
];

/// How deep pools may stand in pools: a selection calls itself for each level.
const DEEPEST: usize = 16;

impl Resolver<'_, '_> {
    /// A pool. Members that are disabled or without a key are left out; a pool without members is a mistake,
    /// unless all of its keys are missing, as its author meant it.
    pub(super) fn pool(&mut self, id: &str, spec: &PoolSpec, path: &KeyPath) -> PoolPlan {
        let strategy = spec.strategy.as_deref().and_then(|word| self.strategy(word, &path.key("strategy")));
        let path = path.key("members");
        let mut members = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, member) in spec.members.iter().enumerate() {
            let path = path.index(at);
            let weight = self.context.integer(member.weight, 1..=1000, &path.key("weight")).unwrap_or(1);
            let path = path.key("provider");
            match &member.provider {
                None => self.report(Problem::new(code::MISSING, path, "the member names no `provider`")),
                Some(id) if !seen.insert(id) => {
                    self.report(Problem::new(code::DUPLICATE, path, format!("`{id}` is listed twice")));
                }
                Some(id) => {
                    members.extend(self.reference(id, &path).map(|target| Member { target, weight }));
                }
            }
        }
        if spec.members.is_empty() {
            self.report(Problem::new(code::EMPTY_CHAIN, path, "the pool has no members"));
        } else if members.is_empty()
            && !seen.is_empty()
            && seen.iter().all(|id| self.names.contains_key(id.as_str()))
            && !self.is_absent(spec)
        {
            self.report(Problem::new(code::EMPTY_CHAIN, path, "every member of the pool is disabled"));
        }
        PoolPlan { id: id.into(), strategy: strategy.unwrap_or_default(), members }
    }

    /// The strategy that a word names. A word of another program is a mistake with the right word beside it:
    /// it may mean something else there.
    fn strategy(&mut self, word: &str, path: &KeyPath) -> Option<Strategy> {
        if let Some((_, strategy)) = OTHERS.iter().find(|(other, _)| *other == word) {
            let message = format!("there is no strategy `{word}`");
            let problem = Problem::new(code::UNKNOWN_WORD, path.clone(), message);
            self.report(problem.with_hint(format!("write `{}`", strategy.as_str())));
            return None;
        }
        let words = Strategy::ALL.map(|strategy| (strategy.as_str(), strategy));
        self.context.one_of(word, &words, "strategy", path)
    }

    /// Reports every circle of pools once, and pools that stand too deep in each other.
    pub(super) fn circles(&mut self, spec: &RouterSpec, pools: &[PoolPlan]) {
        let inner: Vec<Vec<usize>> = pools.iter().map(inner_pools).collect();
        // How deep the pools below each stand, once that is known.
        let mut heights: Vec<Option<usize>> = vec![None; pools.len()];
        let mut on_trail = vec![false; pools.len()];
        for start in (0..pools.len()).filter(|pool| !inner[*pool].is_empty()) {
            // The pools from `start` downwards, each with its next member.
            let mut trail = vec![(start, 0)];
            while let Some((pool, next)) = trail.last_mut() {
                let pool = *pool;
                on_trail[pool] = true;
                let below = inner[pool].get(*next).copied().filter(|_| heights[pool].is_none());
                *next += 1;
                match below {
                    Some(below) if on_trail[below] => {
                        let circle: Vec<usize> =
                            trail.iter().map(|(pool, _)| *pool).skip_while(|pool| *pool != below).collect();
                        self.report_circle(spec, pools, &circle);
                    }
                    Some(below) => trail.push((below, 0)),
                    None => {
                        if heights[pool].is_none() {
                            let below = inner[pool].iter().filter_map(|pool| heights[*pool]).max();
                            heights[pool] = Some(below.unwrap_or(0) + 1);
                            // Equal, not more: the pools above this one are not reported as well.
                            if below == Some(DEEPEST) {
                                let path = KeyPath::ROOT.key("pools").key(pools[pool].id.as_str());
                                let message = format!("pools are nested more than {DEEPEST} deep");
                                self.report(Problem::new(code::OUT_OF_RANGE, path, message));
                            }
                        }
                        on_trail[pool] = false;
                        trail.pop();
                    }
                }
            }
        }
    }

    /// Reports a circle at the member that closes it, with all of its pools.
    fn report_circle(&mut self, spec: &RouterSpec, pools: &[PoolPlan], circle: &[usize]) {
        let names: Vec<&str> = circle.iter().map(|pool| pools[*pool].id.as_str()).collect();
        let (Some(first), Some(last)) = (names.first(), names.last()) else { return };
        let members = spec.pools.get(*last).map(|pool| pool.members.as_slice()).unwrap_or_default();
        let at = members.iter().position(|member| member.provider.as_deref() == Some(*first)).unwrap_or(0);
        let path = KeyPath::ROOT.key("pools").key(*last).key("members").index(at).key("provider");
        let message = format!("the pool contains itself: {} -> {first}", names.join(" -> "));
        self.report(Problem::new(code::CIRCULAR, path, message));
    }
}

/// The members that are pools.
fn inner_pools(pool: &PoolPlan) -> Vec<usize> {
    let pools = pool.members.iter().filter_map(|member| match member.target {
        Target::Pool(pool) => Some(pool),
        Target::Provider(_) => None,
    });
    pools.collect()
}
