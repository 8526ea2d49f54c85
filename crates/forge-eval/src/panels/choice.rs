//! The panel to take.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{NamedPanel, counted::Counted};
use crate::stats::{Interval, Panel, bootstrap, cheapest, coverage_curve, indistinguishable, wilson};

/// How many seats a panel has unless something else is wished: with more, each finds little that is new.
const SEATS: usize = 3;
/// Draws of a bootstrap.
const RESAMPLES: usize = 2_000;
/// With fewer changes than this, issues are drawn one by one: a few groups drawn again and again look more alike than they are.
const FEWEST_CHANGES: usize = 5;

/// What a panel is wanted for.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Wish {
    /// The cheapest panel that finds this share of the issues, 0 to 1; `None` for the best of `size`.
    pub coverage: Option<f64>,
    /// How many seats the best panel has; three unless set.
    pub size: Option<usize>,
    /// What each participant costs, by name, in any one unit; the same for all who have none. A panel of equal members is cheap
    /// when it is small.
    pub costs: BTreeMap<String, u64>,
}

impl Wish {
    /// The cheapest panel that finds this share of the issues.
    pub fn with_coverage(mut self, coverage: Option<f64>) -> Self {
        self.coverage = coverage;
        self
    }

    /// The best panel of so many seats.
    pub fn with_size(mut self, size: Option<usize>) -> Self {
        self.size = size;
        self
    }

    /// What each participant costs.
    pub fn with_costs(mut self, costs: BTreeMap<String, u64>) -> Self {
        self.costs = costs;
        self
    }
}

/// The panel to take.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Recommendation {
    /// The panel. It was chosen because it was good on these issues, so that it is likely to find a little less of others.
    #[serde(flatten)]
    pub panel: NamedPanel,
    /// The 95 % interval of its share: that of Wilson where it finds all or nothing, which every draw would repeat; else by a bootstrap over changes, or over issues where their changes are not known or
    /// fewer than five.
    pub interval: Option<Interval>,
    /// What was wished for and no panel reaches: the panel then is the cheapest that finds all that anybody found.
    pub out_of_reach: Option<f64>,
    /// Other panels of the same size that cannot be told apart from it by these issues, the best first.
    pub alike: Vec<NamedPanel>,
}

pub(super) fn recommend(counted: &Counted<'_>, wish: &Wish, seed: u64) -> Recommendation {
    let (panel, out_of_reach) = choose(counted, wish);
    let alike = indistinguishable(&counted.detections, panel);
    Recommendation {
        panel: counted.named(panel),
        interval: interval(counted, panel, seed),
        out_of_reach,
        alike: alike.into_iter().map(|panel| counted.named(panel)).collect(),
    }
}

fn choose(counted: &Counted<'_>, wish: &Wish) -> (Panel, Option<f64>) {
    let detections = &counted.detections;
    let everybody = Panel::of_first(detections.participants());
    let Some(coverage) = wish.coverage else {
        let size = wish.size.unwrap_or(SEATS).clamp(1, detections.participants().max(1));
        let best = coverage_curve(detections).into_iter().find(|point| point.size == size);
        return (best.map_or(everybody, |point| point.best.0), None);
    };
    // Whoever has no cost costs as much as the dearest, so that nobody is taken for being unknown.
    let most = wish.costs.values().copied().max().unwrap_or(1).max(1);
    let cost = |name: &String| wish.costs.get(name).copied().unwrap_or(most);
    let costs: Vec<u64> = counted.matrix.participants.iter().map(cost).collect();
    let all = detections.covered(everybody);
    // The smallest count whose share is not below the wish.
    let wanted = (0..=all).find(|found| counted.share(*found as f64) >= coverage);
    let choice = cheapest(detections, &costs, wanted.unwrap_or(all));
    (choice.map_or(everybody, |choice| choice.panel), wanted.is_none().then_some(coverage))
}

fn interval(counted: &Counted<'_>, panel: Panel, seed: u64) -> Option<Interval> {
    let hit = |issue: &usize| {
        let found = counted.detections.found_by().get(*issue);
        found.is_some_and(|by| !by.is_disjoint(panel))
    };
    let groups: Vec<(f64, f64)> = match &counted.changes {
        Some(changes) if changes.len() >= FEWEST_CHANGES => {
            let share = |issues: &Vec<usize>| {
                (issues.iter().filter(|issue| hit(issue)).count() as f64, issues.len() as f64)
            };
            changes.values().map(share).collect()
        }
        _ => (0..counted.detections.issues()).map(|issue| (f64::from(u8::from(hit(&issue))), 1.0)).collect(),
    };
    let drawn = bootstrap(&groups, RESAMPLES, seed)?;
    let (found, issues) = (counted.detections.covered(panel) as f64, counted.detections.issues() as f64);
    if drawn.low < drawn.high { Some(drawn) } else { wilson(found, issues) }
}
