//! Which beads can be begun. A pure function of the beads and the time.

mod cycles;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use chrono::{DateTime, Utc};

use crate::bead::{Bead, BeadId, BeadStatus, DependencyKind};

/// What beads wait for, among all beads of a queue.
#[derive(Debug)]
pub struct BeadGraph<'a> {
    beads: BTreeMap<&'a BeadId, &'a Bead>,
    blocked: HashMap<&'a BeadId, Blocked<'a>>,
    children: HashMap<&'a BeadId, Vec<&'a BeadId>>,
    dependents: HashMap<&'a BeadId, usize>,
}

/// Why a bead is blocked.
#[derive(Debug, Clone)]
enum Blocked<'a> {
    /// It waits for these itself.
    For(Vec<&'a BeadId>),
    /// Its parent is blocked.
    Through(&'a BeadId),
}

/// Why a bead cannot be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// It is not open.
    Status(BeadStatus),
    /// It is put off until this time.
    Deferred(DateTime<Utc>),
    /// It is a note that stays where it is.
    Pinned,
    /// It belongs to the run that made it.
    Ephemeral,
    /// It is a pattern for other beads.
    Template,
    /// This one is not closed.
    WaitsFor(BeadId),
    /// This one is not there, and counts as open: it may come with the next import.
    Missing(BeadId),
    /// This parent cannot be begun either.
    Parent(BeadId),
    /// Somebody has it.
    Held {
        /// Who.
        owner: String,
        /// Until when, unless it is renewed.
        until: DateTime<Utc>,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "its status is {status}"),
            Self::Deferred(until) => write!(f, "it is put off until {}", said(*until)),
            Self::Pinned => f.write_str("it is pinned, which is for notes"),
            Self::Ephemeral => f.write_str("it is ephemeral, and belongs to the run that made it"),
            Self::Template => f.write_str("it is a template for other beads"),
            Self::WaitsFor(on) => write!(f, "{on} is not closed"),
            Self::Missing(on) => write!(f, "{on} is not there, which counts as open"),
            Self::Parent(parent) => write!(f, "its parent {parent} cannot be begun"),
            Self::Held { owner, until } => write!(f, "{owner} has it until {}", said(*until)),
        }
    }
}

impl fmt::Display for GraphFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle(cycle) => {
                let ids: Vec<_> = cycle.iter().chain(cycle.first()).map(BeadId::as_str).collect();
                write!(f, "beads wait for each other and so for ever: {}", ids.join(" -> "))
            }
            Self::Missing { bead, on } => write!(f, "{bead} depends on {on}, which is not there"),
        }
    }
}

/// A time in a sentence.
fn said(at: DateTime<Utc>) -> impl fmt::Display {
    at.format("%F %T UTC")
}

/// What is wrong with the graph. It keeps nothing else from being done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum GraphFault {
    /// Beads that wait for each other, and so for ever: each for the next one, the last for the first.
    Cycle(Vec<BeadId>),
    /// A bead that is not done depends on one that is not there.
    Missing {
        /// The bead.
        bead: BeadId,
        /// The one that is not there.
        on: BeadId,
    },
}

impl<'a> BeadGraph<'a> {
    /// The graph of all beads of a queue, the closed ones among them.
    pub fn new(beads: impl IntoIterator<Item = &'a Bead>) -> Self {
        let beads: BTreeMap<_, _> = beads.into_iter().map(|bead| (&bead.id, bead)).collect();
        let mut graph =
            Self { beads, blocked: HashMap::new(), children: HashMap::new(), dependents: HashMap::new() };
        for bead in graph.beads.values().copied().collect::<Vec<_>>() {
            graph.place(bead);
        }
        graph.block_children();
        graph
    }

    fn place(&mut self, bead: &'a Bead) {
        let waits = waits(bead).filter(|on| !self.is_done(on)).collect::<Vec<_>>();
        for parent in parents(bead) {
            self.children.entry(parent).or_default().push(&bead.id);
        }
        if !bead.status.is_done() {
            // A bead that names another one twice waits for it once.
            for on in waits.iter().collect::<BTreeSet<_>>() {
                *self.dependents.entry(*on).or_default() += 1;
            }
        }
        if !waits.is_empty() {
            self.blocked.insert(&bead.id, Blocked::For(waits));
        }
    }

    /// What a bead waits for, its children wait for as well, however deep. A parent that is open and waits for nothing blocks
    /// none of them: it is closed after them.
    fn block_children(&mut self) {
        let mut next: Vec<&'a BeadId> = self.blocked.keys().copied().filter(|id| !self.is_done(id)).collect();
        // In order, so that of two blocked parents always the same one is named.
        next.sort_unstable_by(|one, other| other.cmp(one));
        while let Some(parent) = next.pop() {
            for child in self.children.get(parent).into_iter().flatten() {
                // What is closed waits for nothing, and hands nothing on.
                if !self.blocked.contains_key(child) && !self.is_done(child) {
                    self.blocked.insert(child, Blocked::Through(parent));
                    next.push(child);
                }
            }
        }
    }

    fn is_done(&self, id: &BeadId) -> bool {
        self.beads.get(id).is_some_and(|bead| bead.status.is_done())
    }

    /// How many beads that are not done wait for this one.
    #[must_use]
    pub fn dependents(&self, id: &BeadId) -> usize {
        self.dependents.get(id).copied().unwrap_or_default()
    }

    /// Why this bead cannot be begun at `now`; empty if it can.
    #[must_use]
    pub fn obstacles(&self, bead: &Bead, now: DateTime<Utc>) -> Vec<Obstacle> {
        let status = (bead.status != BeadStatus::Open).then(|| Obstacle::Status(bead.status.clone()));
        let deferred = bead.defer_until.filter(|until| *until > now).map(Obstacle::Deferred);
        let marks = [
            (bead.pinned, Obstacle::Pinned),
            (bead.ephemeral, Obstacle::Ephemeral),
            (bead.template, Obstacle::Template),
        ];
        let marks = marks.into_iter().filter(|(is, _)| *is).map(|(_, obstacle)| obstacle);
        let blocked = match self.blocked.get(&bead.id) {
            None => Vec::new(),
            Some(Blocked::Through(parent)) => vec![Obstacle::Parent((*parent).clone())],
            Some(Blocked::For(waits)) => waits.iter().map(|on| self.waits_for(on)).collect(),
        };
        status.into_iter().chain(deferred).chain(marks).chain(blocked).collect()
    }

    fn waits_for(&self, on: &BeadId) -> Obstacle {
        let is_there = self.beads.contains_key(on);
        if is_there { Obstacle::WaitsFor(on.clone()) } else { Obstacle::Missing(on.clone()) }
    }

    /// The beads that can be begun at `now`, by their ids.
    pub fn ready(&self, now: DateTime<Utc>) -> impl Iterator<Item = &'a Bead> {
        self.beads.values().copied().filter(move |bead| self.obstacles(bead, now).is_empty())
    }

    /// What is wrong with the graph, cycles first.
    #[must_use]
    pub fn faults(&self) -> Vec<GraphFault> {
        let open = || self.beads.values().filter(|bead| !bead.status.is_done());
        let edges = open().map(|bead| {
            let all = waits(bead).chain(parents(bead));
            (&bead.id, all.filter(|on| self.beads.contains_key(on) && !self.is_done(on)).collect())
        });
        let cycles = cycles::cycles(&edges.collect());
        let missing = open().flat_map(|bead| {
            let all: BTreeSet<_> = waits(bead).chain(parents(bead)).collect();
            let missing = all.into_iter().filter(|on| !self.beads.contains_key(on));
            missing.map(|on| GraphFault::Missing { bead: bead.id.clone(), on: on.clone() })
        });
        let mut faults: Vec<_> = cycles.into_iter().map(GraphFault::Cycle).chain(missing).collect();
        faults.sort_unstable();
        faults
    }
}

fn waits(bead: &Bead) -> impl Iterator<Item = &BeadId> {
    bead.dependencies.iter().filter(|one| one.kind.blocks()).map(|one| &one.on)
}

fn parents(bead: &Bead) -> impl Iterator<Item = &BeadId> {
    bead.dependencies.iter().filter(|one| one.kind == DependencyKind::ParentChild).map(|one| &one.on)
}
