//! Which panel to take, and which others are as good for all that is known.

use super::{Detections, MOST_EXACT, Panel, coverage_curve, every_panel};

/// A panel that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "what was asked for and what it costs")]
pub struct Choice {
    /// Who sits in it.
    pub panel: Panel,
    /// How many issues it finds.
    pub covered: usize,
    /// What its members cost together, in the unit of the costs.
    pub cost: u64,
}

/// The cheapest panel that finds at least `wanted` issues; of equally cheap ones the one that finds more, then the smaller one.
/// `None` where no panel finds so many. Exact up to [`MOST_EXACT`] participants; with more, the best panels of the coverage
/// curve are compared.
pub fn cheapest(detections: &Detections, costs: &[u64], wanted: usize) -> Option<Choice> {
    let cost = |panel: Panel| {
        let of = |at: usize| costs.get(at).copied().unwrap_or(0);
        panel.places().map(of).fold(0, u64::saturating_add)
    };
    let panels: Vec<(Panel, usize)> = match every_panel(detections) {
        Some(covered) => (0..).map(Panel).zip(covered).skip(1).collect(),
        None => coverage_curve(detections).into_iter().map(|point| point.best).collect(),
    };
    let enough = panels.into_iter().filter(|(_, covered)| *covered >= wanted);
    let choices = enough.map(|(panel, covered)| Choice { panel, covered, cost: cost(panel) });
    choices.min_by_key(|one| (one.cost, std::cmp::Reverse(one.covered), one.panel.size(), one.panel))
}

/// The panels of the same size that cannot be told apart from `panel` by these issues, the best first: the difference of the
/// two is one that chance makes in more than one of twenty cases, by [`mcnemar`]. Empty with more than [`MOST_EXACT`]
/// participants, where not every panel is looked at.
pub fn indistinguishable(detections: &Detections, panel: Panel) -> Vec<Panel> {
    if detections.participants() > MOST_EXACT {
        return Vec::new();
    }
    let others = (0..1_u64 << detections.participants()).map(Panel);
    let others = others.filter(|other| other.size() == panel.size() && *other != panel);
    let alike = others.filter(|other| {
        let alone = |one: Panel, other: Panel| {
            let found = detections.found_by().iter();
            found.filter(|by| !by.is_disjoint(one) && by.is_disjoint(other)).count()
        };
        mcnemar(alone(panel, *other), alone(*other, panel)) > 0.05
    });
    let mut alike: Vec<Panel> = alike.collect();
    alike.sort_by_key(|other| (std::cmp::Reverse(detections.covered(*other)), *other));
    alike
}

/// How often chance alone makes a difference at least this large between two that are equally good, from the issues that only
/// the one and only the other found: the exact test of McNemar (1947, "Note on the sampling error of the difference between
/// correlated proportions or percentages"), on two sides. What both or neither found says nothing of their difference.
pub fn mcnemar(first: usize, second: usize) -> f64 {
    let (trials, fewer) = (first + second, first.min(second));
    // Binomial terms over the number of issues, each from the one before, as logarithms: powers of a half underflow.
    let mut log = -(trials as f64) * std::f64::consts::LN_2;
    let mut tail = log.exp();
    for at in 1..=fewer {
        log += ((trials - at + 1) as f64 / at as f64).ln();
        tail += log.exp();
    }
    (2.0 * tail).min(1.0)
}
