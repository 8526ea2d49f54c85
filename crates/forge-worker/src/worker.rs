//! What is known of workers when a bead is handed out.

use std::collections::BTreeMap;

use forge_core::Money;

use crate::{bead::Bead, id::WorkerId, tier::WorkerTier};

/// Whether a worker can take a bead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "points are given for each of the three")]
pub enum Availability {
    /// It has nothing to do.
    Idle,
    /// It is about to end what it does.
    EndsSoon,
    /// It works.
    Busy,
}

/// A worker that a bead may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AvailableWorker {
    /// Its name.
    pub id: WorkerId,
    /// Its tier.
    pub tier: WorkerTier,
    /// The model that it works with.
    pub model: String,
    /// Whether it can take a bead.
    pub availability: Availability,
    /// What a bead has cost it, as far as that is known.
    pub cost_per_bead: Option<Money>,
    /// What it did here, by kind of bead (`bug`) and by label (`label:ui`).
    pub record: BTreeMap<String, TrackRecord>,
}

/// How beads of one kind ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a bead is closed, or it goes back")]
pub struct TrackRecord {
    /// Those that it closed.
    pub closed: u32,
    /// Those that went back.
    pub returned: u32,
}

impl AvailableWorker {
    /// An idle worker that has done nothing yet.
    pub fn new(id: WorkerId, tier: WorkerTier, model: impl Into<String>) -> Self {
        let (availability, record) = (Availability::Idle, BTreeMap::new());
        Self { id, tier, model: model.into(), availability, cost_per_bead: None, record }
    }

    /// The same in this state.
    #[must_use]
    pub const fn with_availability(mut self, availability: Availability) -> Self {
        self.availability = availability;
        self
    }

    /// The same, for which a bead has cost so much.
    #[must_use]
    pub const fn with_cost_per_bead(mut self, cost: Money) -> Self {
        self.cost_per_bead = Some(cost);
        self
    }

    /// The same with what it did of one kind or one label.
    #[must_use]
    pub fn with_record(mut self, of: impl Into<String>, record: TrackRecord) -> Self {
        self.record.insert(of.into(), record);
        self
    }

    /// What it did that is like this bead: of its kind, or under one of its labels.
    pub(crate) fn records_like<'a>(&'a self, bead: &'a Bead) -> impl Iterator<Item = (&'a str, TrackRecord)> {
        self.record.iter().filter_map(|(of, record)| {
            let is_like = match of.strip_prefix("label:") {
                Some(label) => bead.labels.iter().any(|one| one == label),
                None => bead.kind.as_str() == of,
            };
            is_like.then_some((&**of, *record))
        })
    }
}
