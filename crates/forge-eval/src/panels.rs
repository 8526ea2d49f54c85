//! What panels of some participants find: a report over a detection matrix.

mod choice;
mod counted;
mod figures;
mod unseen;

use std::collections::BTreeMap;

use serde::Serialize;

use self::counted::Counted;
pub use self::{
    choice::{Recommendation, Wish},
    unseen::UnseenFigures,
};
use crate::{
    matrix::Matrix,
    stats::{Interval, wilson},
};

/// What panels of the participants of a [`Matrix`] find. All shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PanelReport {
    /// How many issues there are.
    pub issues: usize,
    /// How many changes or documents they are in; `None` if the matrix does not say.
    pub changes: Option<usize>,
    /// Each participant, in the order of the matrix.
    pub participants: Vec<ParticipantFigures>,
    /// Each two of them.
    pub pairs: Vec<PairFigures>,
    /// What panels of one, two and more find.
    pub coverage: Vec<CoverageFigures>,
    /// The panel to take.
    pub recommended: Recommendation,
    /// What a panel of three can say of what it has not seen; `None` with fewer than three participants, with more than twelve,
    /// and where the matrix does not say in which change an issue is.
    pub unseen: Option<UnseenFigures>,
}

/// A share of some issues with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Share {
    /// How many of them: a fault that was found in one of two runs is half a one.
    pub found: f64,
    /// Of how many.
    pub of: usize,
    /// The share; `None` of nothing.
    pub share: Option<f64>,
    /// Its Wilson interval.
    pub interval: Option<Interval>,
}

impl Share {
    /// The share of `found` in `of`.
    pub fn new(found: f64, of: usize) -> Self {
        let trials = of as f64;
        Self { found, of, share: (of > 0).then(|| found / trials), interval: wilson(found, trials) }
    }
}

/// What one participant finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ParticipantFigures {
    /// Its name.
    pub name: String,
    /// What it found of all issues: its recall.
    pub found: Share,
    /// What it found of each severity, by the words of the matrix.
    pub by_severity: BTreeMap<String, Share>,
    /// Its claims that match no issue; `None` if nobody counted.
    pub false_claims: Option<u64>,
    /// The same for each change or document.
    pub false_claims_per_change: Option<f64>,
    /// The share of its claims that are true.
    pub precision: Option<f64>,
    /// The harmonic mean of precision and recall.
    pub f1: Option<f64>,
}

/// How alike two participants are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairFigures {
    /// The two.
    pub names: [String; 2],
    /// The share of what either found that both found.
    pub jaccard: Option<f64>,
    /// The correlation of what they found.
    pub phi: Option<f64>,
    /// How often chance makes such a difference between two that are equally good, by McNemar's exact test.
    pub p: f64,
    /// Whether these issues tell them apart: `p` of at most 0.05.
    pub told_apart: bool,
}

/// A panel by its names, and what it finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NamedPanel {
    /// Who sits in it.
    pub panel: Vec<String>,
    /// How many issues it finds.
    pub found: usize,
    /// Their share.
    pub share: f64,
}

/// A panel with its F1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RatedPanel {
    /// Who sits in it.
    pub panel: Vec<String>,
    /// The harmonic mean of its precision and recall.
    pub f1: f64,
}

/// What panels of one size find.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CoverageFigures {
    /// How many sit in them.
    pub size: usize,
    /// The one that finds least.
    pub worst: NamedPanel,
    /// The share that a panel finds in the mean of all.
    pub mean: f64,
    /// The one that finds most.
    pub best: NamedPanel,
    /// Whether every panel was looked at.
    pub exact: bool,
    /// The share of true claims in the mean of all panels, claims pooled as they are; `None` without false claims, and where not
    /// every panel was looked at.
    pub precision: Option<f64>,
    /// The panel with the best F1; `None` as `precision`.
    pub best_f1: Option<RatedPanel>,
    /// The share of false claims that whoever decides must drop, and no true one, for the mean panel to have the F1 of the best
    /// participant alone.
    pub to_remove: Option<f64>,
}

impl PanelReport {
    /// The report over a matrix. The seed is that of the bootstrap interval.
    pub fn of(matrix: &Matrix, wish: &Wish, seed: u64) -> Self {
        let counted = Counted::of(matrix);
        Self {
            issues: counted.detections.issues(),
            changes: counted.changes.as_ref().map(BTreeMap::len),
            participants: figures::participants(&counted),
            pairs: figures::pairs(&counted),
            coverage: figures::coverage(&counted),
            recommended: choice::recommend(&counted, wish, seed),
            unseen: unseen::of(&counted),
        }
    }
}
