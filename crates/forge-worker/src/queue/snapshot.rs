//! A queue at one time.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use forge_core::storage::queue::{QueueEntry, TaskLease};

use crate::{
    bead::{Bead, BeadId, BeadStatus},
    id::WorkerId,
    ready::{BeadGraph, GraphFault, Obstacle},
    score::{ScoredBead, TaskScorer, queue_order},
    source::{BeadFile, Duplicate},
    worker::AvailableWorker,
};

/// How a bead stands: exactly one of these at a time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Standing {
    /// It can be begun.
    Ready(ScoredBead),
    /// Somebody has it.
    Claimed(TaskLease),
    /// Something keeps it from being begun.
    Waiting(Vec<Obstacle>),
    /// It is done, also where a lease of it has not run out yet.
    Closed,
}

/// What stands in a queue, and who has what.
#[derive(Debug)]
pub struct Snapshot {
    file: BeadFile,
    /// The beads as they count: one whose lease is over is open again, whatever its line says.
    beads: Vec<Bead>,
    leases: HashMap<String, TaskLease>,
    claims: u64,
    now: DateTime<Utc>,
}

impl Snapshot {
    pub(super) fn new(file: BeadFile, entries: Vec<QueueEntry>, now: DateTime<Utc>) -> Self {
        let leases: HashMap<_, _> = entries
            .into_iter()
            .filter_map(|entry| entry.lease.map(|lease| (entry.task.as_ref().to_owned(), lease)))
            .collect();
        let beads = file.beads().map(|bead| as_it_counts(bead, leases.get(bead.id.as_str()), now)).collect();
        let claims = leases.values().map(|lease| lease.generation).sum();
        Self { file, beads, leases, claims, now }
    }

    /// All beads, by the order of their lines.
    #[must_use]
    pub fn beads(&self) -> &[Bead] {
        &self.beads
    }

    /// The bead of this id.
    #[must_use]
    pub fn bead(&self, id: &BeadId) -> Option<&Bead> {
        self.beads.iter().find(|bead| bead.id == *id)
    }

    /// Its line.
    #[must_use]
    pub fn line(&self, id: &BeadId) -> Option<&str> {
        self.file.line(id)
    }

    /// The last lease of a bead.
    #[must_use]
    pub fn lease(&self, id: &BeadId) -> Option<&TaskLease> {
        self.leases.get(id.as_str())
    }

    /// The lease of a bead that holds now.
    #[must_use]
    pub fn held(&self, id: &BeadId) -> Option<&TaskLease> {
        self.lease(id).filter(|lease| lease.holds(self.now))
    }

    /// Why this bead cannot be begun; empty if it can.
    #[must_use]
    pub fn obstacles(&self, bead: &Bead) -> Vec<Obstacle> {
        self.obstacles_in(&BeadGraph::new(&self.beads), bead)
    }

    fn obstacles_in(&self, graph: &BeadGraph<'_>, bead: &Bead) -> Vec<Obstacle> {
        let held = self
            .held(&bead.id)
            .map(|lease| Obstacle::Held { owner: lease.owner.as_ref().to_owned(), until: lease.expires_at });
        let others = graph.obstacles(bead, self.now);
        // That it is in progress goes without saying where somebody has it.
        let others = others
            .into_iter()
            .filter(|one| held.is_none() || *one != Obstacle::Status(BeadStatus::InProgress));
        held.clone().into_iter().chain(others).collect()
    }

    /// What is wrong with the graph of the beads.
    #[must_use]
    pub fn faults(&self) -> Vec<GraphFault> {
        BeadGraph::new(&self.beads).faults()
    }

    /// Ids that stand in several lines.
    #[must_use]
    pub fn duplicates(&self) -> Vec<Duplicate> {
        self.file.duplicates()
    }

    /// The beads that can be begun, the next one first, scored for these workers.
    #[must_use]
    pub fn ready(&self, workers: &[AvailableWorker]) -> Vec<(&Bead, ScoredBead)> {
        self.ready_in(&BeadGraph::new(&self.beads), workers)
    }

    fn ready_in<'a>(
        &'a self,
        graph: &BeadGraph<'a>,
        workers: &[AvailableWorker],
    ) -> Vec<(&'a Bead, ScoredBead)> {
        let ready = graph.ready(self.now).filter(|bead| self.held(&bead.id).is_none());
        let scored = ready.filter_map(|bead| {
            let scorer = TaskScorer::new().at(self.now).with_dependents(graph.dependents(&bead.id));
            scorer.score_bead(bead, workers).ok().map(|score| (bead, score))
        });
        queue_order(scored.collect(), self.now, self.claims)
    }

    /// How each bead stands: those that can be begun first, the next one before the others, then the rest by the order of their
    /// lines.
    #[must_use]
    pub fn standings(&self) -> Vec<(&Bead, Standing)> {
        let graph = BeadGraph::new(&self.beads);
        let ready = self.ready_in(&graph, &[]);
        let names: HashSet<_> = ready.iter().map(|(bead, _)| &bead.id).collect();
        let rest = self.beads.iter().filter(|bead| !names.contains(&bead.id)).map(|bead| {
            let standing = match self.held(&bead.id) {
                _ if bead.status.is_done() => Standing::Closed,
                Some(lease) => Standing::Claimed(lease.clone()),
                None => Standing::Waiting(self.obstacles_in(&graph, bead)),
            };
            (bead, standing)
        });
        let rest: Vec<_> = rest.collect();
        ready.into_iter().map(|(bead, score)| (bead, Standing::Ready(score))).chain(rest).collect()
    }

    /// The next bead that can be begun. What workers have that are at work stays theirs although its time is over: age alone
    /// takes nothing away.
    pub(super) fn next(&self, only: Option<&BeadId>, working: &[WorkerId]) -> Option<BeadId> {
        let is_worked_on = |bead: &Bead| {
            self.lease(&bead.id).is_some_and(|lease| {
                lease.is_over(self.now) && working.iter().any(|worker| worker.as_str() == &*lease.owner)
            })
        };
        let mut ready = self.ready(&[]).into_iter().map(|(bead, _)| bead);
        ready
            .find(|bead| only.is_none_or(|only| bead.id == *only) && !is_worked_on(bead))
            .map(|bead| bead.id.clone())
    }
}

/// A bead in progress is open again when the lease of whoever is named in it is over. One that a person took by hand has no
/// lease, and stays theirs.
fn as_it_counts(bead: &Bead, lease: Option<&TaskLease>, now: DateTime<Utc>) -> Bead {
    let mut bead = bead.clone();
    let is_over = lease.is_some_and(|lease| {
        lease.is_over(now) && bead.assignee.as_deref().is_none_or(|name| name == &*lease.owner)
    });
    if is_over && bead.status == BeadStatus::InProgress {
        (bead.status, bead.assignee) = (BeadStatus::Open, None);
    }
    bead
}
