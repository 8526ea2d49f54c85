//! Which member of a pool is next.
//!
//! A pick follows from the number of its turn, the seed, and what is known of the members. An explanation
//! looks at the turns that would come, and takes none.

use std::sync::Arc;

use super::{CallProfile, Selected, Selection};
use crate::{
    plan::{Strategy, Target},
    prices::DayPrices,
    snapshot::{ChainEntry, Pool, Snapshot},
};

/// Where the turns of pools come from.
#[derive(Debug)]
pub(super) enum Turns {
    /// Each pick is one.
    Taken,
    /// Those that would come: the pools, by their place, with the picks that were foreseen. A draw has no next one, so
    /// the heaviest member stands for it.
    Foreseen(Vec<(usize, u64)>),
}

impl Turns {
    pub(super) const fn foreseen() -> Self {
        Self::Foreseen(Vec::new())
    }

    /// The number of the next pick, by which a pool goes on from where it was.
    fn next(&mut self, at: usize, pool: &Pool) -> u64 {
        let Self::Foreseen(pools) = self else { return pool.next_turn() };
        let known = pools.iter().position(|(known, _)| *known == at).unwrap_or_else(|| {
            pools.push((at, 0));
            pools.len() - 1
        });
        let turn = pool.coming_turn().wrapping_add(pools[known].1);
        pools[known].1 += 1;
        turn
    }

    /// Why a pool puts the route where it is; of pools in pools, the outermost.
    pub(super) fn note(
        &self,
        snapshot: &Snapshot,
        profile: &CallProfile<'_>,
        selected: Selected,
    ) -> Option<String> {
        let (Self::Foreseen(_), Target::Pool(at)) = (self, selected.entry.target) else { return None };
        let pool = &snapshot.pools[at];
        let holds = |target| snapshot.contains(target, selected.route);
        let weight = pool.members.iter().find(|member| holds(member.target))?.weight;
        let amount = Loads::of(pool.strategy, snapshot, profile).of_member(selected.route, weight).amount;
        match pool.strategy {
            Strategy::Priority => None,
            Strategy::RoundRobin => Some("in turn".into()),
            Strategy::Weighted => Some(format!("{weight} of {} calls", pool.total_weight())),
            Strategy::LeastConnections => Some(format!("{amount} calls under way")),
            Strategy::LowestCost => Some("by cost".into()),
            Strategy::LowestLatency if amount == 0 => Some("not asked yet".into()),
            Strategy::LowestLatency => Some(format!("begins after {} ms", amount / 1_000_000)),
        }
    }
}

impl<'a> Selection<'a> {
    /// A member of the pool that can be asked, by its strategy. Members that are pools pick by their own.
    pub(super) fn select_member(&mut self, at: usize, entry: ChainEntry) -> Option<usize> {
        let snapshot: &'a Snapshot = self.snapshot;
        let pool = &snapshot.pools[at];
        match pool.strategy {
            Strategy::Priority => pool.members.iter().find_map(|member| self.select(member.target, entry)),
            Strategy::RoundRobin => {
                let (before, after) = pool.split(self.turns.next(at, pool));
                after.iter().chain(before).find_map(|member| self.select(member.target, entry))
            }
            Strategy::Weighted if matches!(self.turns, Turns::Foreseen(_)) => self.heaviest(pool, entry),
            Strategy::Weighted => {
                // Drawn among all, so that each keeps its share; if that one cannot be asked, among the rest.
                let turn = self.turns.next(at, pool);
                let drawn = pool.members.get(pool.drawn(turn))?;
                self.select(drawn.target, entry).or_else(|| self.draw_again(pool, turn, entry))
            }
            Strategy::LeastConnections | Strategy::LowestCost | Strategy::LowestLatency => {
                self.least_loaded(at, pool, entry)
            }
        }
    }

    /// The member with the least load. Those that are alike take turns, so that the first calls of a pool are spread.
    fn least_loaded(&mut self, at: usize, pool: &Pool, entry: ChainEntry) -> Option<usize> {
        let (before, after) = pool.split(self.turns.next(at, pool));
        let loads = Loads::of(pool.strategy, self.snapshot, self.profile);
        let mut best: Option<(Load, usize)> = None;
        for member in after.iter().chain(before) {
            let route = match member.target {
                Target::Provider(route) => route,
                inner @ Target::Pool(_) => match self.select(inner, entry) {
                    Some(route) => route,
                    None => continue,
                },
            };
            let load = loads.of_member(route, member.weight);
            // A large pool asks only about members that would win: most of them are never looked at closely.
            if best.is_none_or(|(least, _)| load.is_less(least)) && self.is_eligible(route, entry) {
                best = Some((load, route));
            }
        }
        best.map(|(_, route)| route)
    }

    /// Draws among the members that can be asked, so that one that cannot leaves its share to all others.
    fn draw_again(&mut self, pool: &Pool, turn: u64, entry: ChainEntry) -> Option<usize> {
        let mut eligible = Vec::new();
        for member in &pool.members {
            eligible.extend(self.select(member.target, entry).map(|route| (route, u64::from(member.weight))));
        }
        // Another number of the same turn: the first one has fallen on a member that cannot be asked.
        let mut ticket = pool.ticket(!turn, eligible.iter().map(|(_, weight)| weight).sum());
        for (route, weight) in eligible {
            if ticket < weight {
                return Some(route);
            }
            ticket -= weight;
        }
        None
    }

    /// The member on which the most draws fall, of those that can be asked.
    fn heaviest(&mut self, pool: &Pool, entry: ChainEntry) -> Option<usize> {
        let mut best = None;
        for member in &pool.members {
            if best.is_none_or(|(weight, _)| member.weight > weight)
                && let Some(route) = self.select(member.target, entry)
            {
                best = Some((member.weight, route));
            }
        }
        best.map(|(_, route)| route)
    }
}

/// How much speaks against a member of a pool, for its weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) amount: u64,
    weight: u32,
}

impl Load {
    /// Whether less speaks against this one, in proportion to the weights.
    pub(super) fn is_less(self, other: Self) -> bool {
        // Amount per weight, multiplied crosswise: nothing is divided, and 64 bits would not hold it.
        let [ours, theirs] = [(self.amount, other.weight), (other.amount, self.weight)]
            .map(|(amount, weight)| u128::from(amount) * u128::from(weight));
        ours < theirs
    }
}

/// By what the members of a pool are compared; the one with the least is picked.
enum Loads<'a> {
    /// An unknown price may be any price, so that it comes last.
    Cost {
        prices: Arc<DayPrices>,
        input: u64,
        max_tokens: Option<u32>,
    },
    /// One that has not been asked yet is worth a try.
    Latency(&'a Snapshot),
    Connections(&'a Snapshot),
    /// Of strategies that compare nothing.
    Nothing,
}

impl<'a> Loads<'a> {
    fn of(strategy: Strategy, snapshot: &'a Snapshot, profile: &CallProfile<'_>) -> Self {
        match strategy {
            Strategy::LowestCost => Self::Cost {
                prices: snapshot.prices_on(profile.day),
                input: profile.outline.size.expected_input(),
                max_tokens: profile.max_tokens_by_role(),
            },
            Strategy::LowestLatency => Self::Latency(snapshot),
            Strategy::LeastConnections => Self::Connections(snapshot),
            Strategy::Priority | Strategy::RoundRobin | Strategy::Weighted => Self::Nothing,
        }
    }

    fn of_member(&self, route: usize, weight: u32) -> Load {
        let amount = match self {
            Self::Cost { prices, input, max_tokens } => prices.expected(route, *input, *max_tokens),
            Self::Latency(snapshot) => snapshot.meters[route].latency.average_nanos(),
            Self::Connections(snapshot) => {
                return Load { amount: snapshot.meters[route].in_flight().into(), weight };
            }
            Self::Nothing => 0,
        };
        Load { amount, weight: 1 }
    }
}
