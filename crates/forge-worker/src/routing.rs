//! Which worker gets a bead, and why.

use std::fmt;

use forge_core::Money;
use serde::Serialize;

use crate::{
    bead::{Bead, BeadId},
    id::WorkerId,
    tier::WorkerTier,
    worker::{Availability, AvailableWorker},
};

/// Beads of one kind that a worker must have closed to count as specialised.
pub const SPECIALIZED: u32 = 3;

/// Gives beads to workers: first by tier, then by what a worker has done.
#[derive(Clone, Debug)]
pub struct TaskRouter {
    /// The tier for each priority, 0 to 4.
    tiers: [WorkerTier; 5],
}

/// Why a worker was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "the five reasons of the routing; a report names each of them")]
pub enum RoutingReason {
    /// An urgent bead, and a worker of the dearest tier.
    PriorityMatch,
    /// A bead that may be done cheaply, and a worker of the cheapest tier.
    CostOptimization,
    /// A worker of the right tier has time.
    Availability,
    /// It has done the like here often and well.
    Specialized,
    /// No worker of the right tier has time; this one is the nearest.
    Fallback,
}

/// From so many ends on, a rate says something.
const ENOUGH: u32 = 5;

/// How beads of one priority ended at workers of one tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a bead is closed, or it comes back")]
pub struct TierRecord {
    /// Those that were closed.
    pub closed: u32,
    /// How often one came back.
    pub returned: u32,
}

impl TierRecord {
    /// The tier to try instead: a dearer one where more than a third comes back, a cheaper one where of ten and more nothing ever
    /// did. `None` where the tier is right, or too little is known.
    #[must_use]
    pub fn proposal(&self, tier: WorkerTier) -> Option<WorkerTier> {
        let ends = self.closed.saturating_add(self.returned);
        let (dearer, cheaper) = match tier {
            WorkerTier::Premium => (None, Some(WorkerTier::Standard)),
            WorkerTier::Standard => (Some(WorkerTier::Premium), Some(WorkerTier::Budget)),
            WorkerTier::Budget => (Some(WorkerTier::Standard), None),
        };
        if ends >= ENOUGH && self.returned.saturating_mul(3) > ends {
            dearer
        } else if self.returned == 0 && ends >= 2 * ENOUGH {
            cheaper
        } else {
            None
        }
    }
}

/// A worker that could have got the bead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Alternative {
    /// The worker.
    pub worker: WorkerId,
    /// Its model.
    pub model: String,
    /// Its tier.
    pub tier: WorkerTier,
    /// Why another one was chosen.
    pub why_not: String,
}

/// Who gets a bead, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RoutingDecision {
    /// The bead.
    pub bead: BeadId,
    /// Who gets it.
    pub chosen_worker: WorkerId,
    /// The model that it works with.
    pub model: String,
    /// Its tier.
    pub tier: WorkerTier,
    /// Why.
    pub reason: RoutingReason,
    /// What it will cost, by what beads have cost this worker; `None` while that is unknown.
    #[serde(rename = "estimated_cost_nano_usd", serialize_with = "nanos")]
    pub estimated_cost: Option<Money>,
    /// The other workers, the next best first.
    pub alternatives: Vec<Alternative>,
}

#[expect(clippy::ref_option, reason = "the form of serde")]
fn nanos<S: serde::Serializer>(money: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    money.map(Money::nanos).serialize(serializer)
}

impl Default for TaskRouter {
    fn default() -> Self {
        Self { tiers: [0, 1, 2, 3, 4].map(WorkerTier::for_priority) }
    }
}

impl TaskRouter {
    /// The usual tiers: premium for the priorities 0 and 1, standard for 2, budget for 3 and 4.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with these tiers for the priorities 0 to 4.
    #[must_use]
    pub const fn with_tiers(tiers: [WorkerTier; 5]) -> Self {
        Self { tiers }
    }

    /// The tier for this priority.
    #[must_use]
    pub fn tier(&self, priority: u8) -> WorkerTier {
        self.tiers[usize::from(priority).min(self.tiers.len() - 1)]
    }

    /// Who gets this bead; `None` where every worker is busy.
    #[must_use]
    pub fn route(&self, bead: &Bead, workers: &[AvailableWorker]) -> Option<RoutingDecision> {
        let wanted = self.tier(bead.priority);
        let is_specialized = |worker: &AvailableWorker| is_specialized(worker, bead, workers);
        let mut ranked: Vec<_> = workers.iter().collect();
        // Of equal workers the one with the smaller name, so that the same question has the same answer.
        ranked.sort_by_key(|worker| {
            let (free, distance) = (worker.availability, wanted.distance(worker.tier));
            // Whoever is one tier too dear does the work; one that is too cheap may not.
            let too_cheap = worker.tier > wanted;
            (free == Availability::Busy, distance, too_cheap, !is_specialized(worker), free, &worker.id)
        });
        let chosen = *ranked.first().filter(|worker| worker.availability != Availability::Busy)?;
        let reason = reason(wanted, bead.priority, chosen, is_specialized(chosen));
        let alternatives = ranked[1..].iter().map(|other| alternative(other, chosen, wanted)).collect();
        Some(RoutingDecision {
            bead: bead.id.clone(),
            chosen_worker: chosen.id.clone(),
            model: chosen.model.clone(),
            tier: chosen.tier,
            reason,
            estimated_cost: chosen.cost_per_bead,
            alternatives,
        })
    }
}

fn reason(wanted: WorkerTier, priority: u8, chosen: &AvailableWorker, specialized: bool) -> RoutingReason {
    match (chosen.tier == wanted, wanted) {
        (false, _) => RoutingReason::Fallback,
        (true, _) if specialized => RoutingReason::Specialized,
        (true, WorkerTier::Premium) if priority < 2 => RoutingReason::PriorityMatch,
        (true, WorkerTier::Budget) => RoutingReason::CostOptimization,
        (true, _) => RoutingReason::Availability,
    }
}

fn alternative(other: &AvailableWorker, chosen: &AvailableWorker, wanted: WorkerTier) -> Alternative {
    let why_not = match other.availability {
        Availability::Busy => "it is busy".to_owned(),
        _ if wanted.distance(other.tier) != wanted.distance(chosen.tier) => {
            format!("it is {}, and the bead is for {wanted}", other.tier)
        }
        _ => format!("{} comes first", chosen.id),
    };
    Alternative { worker: other.id.clone(), model: other.model.clone(), tier: other.tier, why_not }
}

/// Whether it has closed enough of the like, and not less often than its tier.
fn is_specialized(worker: &AvailableWorker, bead: &Bead, workers: &[AvailableWorker]) -> bool {
    worker.records_like(bead).any(|(of, own)| {
        let tier = workers.iter().filter(|other| other.tier == worker.tier);
        let (closed, all) =
            tier.filter_map(|other| other.record.get(of)).fold((0, 0), |(closed, all), one| {
                (closed + u64::from(one.closed), all + u64::from(one.closed) + u64::from(one.returned))
            });
        let own_all = u64::from(own.closed) + u64::from(own.returned);
        // Two fractions compared without dividing.
        own.closed >= SPECIALIZED && u64::from(own.closed) * all >= closed * own_all
    })
}

impl RoutingReason {
    /// The word of files and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PriorityMatch => "priority_match",
            Self::CostOptimization => "cost_optimization",
            Self::Availability => "availability",
            Self::Specialized => "specialized",
            Self::Fallback => "fallback",
        }
    }
}

impl fmt::Display for RoutingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
