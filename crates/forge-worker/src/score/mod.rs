//! How urgent a bead is: 0 to 100 points, each part explained.

mod complexity;
mod order;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

pub use self::{
    complexity::Complexity,
    order::{OVERDUE_DAYS, OVERDUE_TURN, queue_order},
};
use crate::{
    bead::{Bead, BeadId, BeadKind},
    worker::{Availability, AvailableWorker},
};

/// Scores beads. Without a time, no bead has an age; without dependents, none has any.
#[derive(Clone, Debug, Default)]
pub struct TaskScorer {
    now: Option<DateTime<Utc>>,
    dependents: usize,
}

/// The parts of a score, each in points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "five parts make 100 points; a sixth would change what the others mean"
)]
pub struct ScoreComponents {
    /// 40, 30, 20, 10 and 0 for the priorities 0 to 4.
    pub priority: u8,
    /// 30 for a bug, 20 for a feature, 15 for a task, 10 for a chore or a kind that is not known, 0 for an epic.
    pub kind: u8,
    /// 15, 8 or 3: how well the tier of the best free worker fits; 0 without a free worker.
    pub complexity: u8,
    /// 10 where a worker is idle, 5 where one ends soon, 0 where the bead has to wait.
    pub availability: u8,
    /// 0 to 5 by the days since it was made.
    pub age: u8,
}

impl ScoreComponents {
    /// The sum, 0 to 100.
    #[must_use]
    pub const fn total(&self) -> u8 {
        self.priority + self.kind + self.complexity + self.availability + self.age
    }
}

/// A score and the reason of each of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScoredBead {
    /// The bead.
    pub bead: BeadId,
    /// The points.
    pub components: ScoreComponents,
    /// How much work it looks like.
    pub complexity: Complexity,
    /// A sentence for each part, in the order of [`ScoreComponents`].
    pub explained: [String; 5],
}

/// Why a bead has no score.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// It is done.
    #[error("{0} is closed, and what is done is not handed out")]
    Done(BeadId),
}

impl TaskScorer {
    /// A scorer that knows neither the time nor the other beads.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same at this time, so that beads have an age.
    #[must_use]
    pub const fn at(mut self, now: DateTime<Utc>) -> Self {
        self.now = Some(now);
        self
    }

    /// The same for a bead for which so many others wait.
    #[must_use]
    pub const fn with_dependents(mut self, dependents: usize) -> Self {
        self.dependents = dependents;
        self
    }

    /// The score of a bead among these workers.
    ///
    /// # Errors
    ///
    /// [`ScoreError::Done`] for a bead that is closed.
    pub fn score_bead(&self, bead: &Bead, workers: &[AvailableWorker]) -> Result<ScoredBead, ScoreError> {
        if bead.status.is_done() {
            return Err(ScoreError::Done(bead.id.clone()));
        }
        let complexity = Complexity::of(bead, self.dependents);
        let (fit, fit_why) = complexity.fit(workers);
        let (availability, availability_why) = availability(workers);
        let (age, age_why) = self.age(bead);
        let (priority, kind) = (priority(bead.priority), kind(&bead.kind));
        let components = ScoreComponents { priority, kind, complexity: fit, availability, age };
        let explained = [
            format!("P{}", bead.priority),
            format!("a {}", bead.kind),
            format!("{complexity}; {fit_why}"),
            availability_why.to_owned(),
            age_why,
        ];
        Ok(ScoredBead { bead: bead.id.clone(), components, complexity, explained })
    }

    fn age(&self, bead: &Bead) -> (u8, String) {
        let age = self.now.zip(bead.created_at).map(|(now, made)| (now - made).max(TimeDelta::zero()));
        let Some(days) = age.map(|age| age.num_days()) else {
            return (0, "of unknown age".to_owned());
        };
        let points = [1, 3, 7, 14, 30].into_iter().filter(|least| days >= *least).count();
        (u8::try_from(points).unwrap_or_default(), format!("{days} days old"))
    }
}

const fn priority(priority: u8) -> u8 {
    match priority {
        0 => 40,
        1 => 30,
        2 => 20,
        3 => 10,
        _ => 0,
    }
}

const fn kind(kind: &BeadKind) -> u8 {
    match kind {
        BeadKind::Bug => 30,
        BeadKind::Feature => 20,
        BeadKind::Task => 15,
        BeadKind::Chore | BeadKind::Other(_) => 10,
        // Its work is in its children.
        BeadKind::Epic => 0,
    }
}

fn availability(workers: &[AvailableWorker]) -> (u8, &'static str) {
    match workers.iter().map(|worker| worker.availability).min() {
        Some(Availability::Idle) => (10, "a worker is idle"),
        Some(Availability::EndsSoon) => (5, "a worker ends soon"),
        Some(Availability::Busy) => (0, "every worker is busy"),
        None => (0, "there is no worker"),
    }
}

impl fmt::Display for ScoredBead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScoreComponents { priority, kind, complexity, availability, age } = self.components;
        let [of_priority, of_kind, of_complexity, of_availability, of_age] = &self.explained;
        write!(
            f,
            "{} points: {priority} ({of_priority}) + {kind} ({of_kind}) + {complexity} ({of_complexity}) + {availability} \
             ({of_availability}) + {age} ({of_age})",
            self.components.total()
        )
    }
}
