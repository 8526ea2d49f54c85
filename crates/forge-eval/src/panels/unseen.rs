//! What a panel can say of the issues that it has not seen: an estimate, or a second panel that finds nothing new.

use forge_session::undetected_lower_bound;
use serde::Serialize;

use super::counted::Counted;
use crate::stats::{MOST_EXACT, Panel};

/// The seats of the panels that are looked at.
const SEATS: usize = 3;
/// From here on, the estimate says that more issues are likely; below, it is quiet.
const LIKELY: f64 = 0.5;

/// What a panel of three can say of what it has not seen, over all panels of three. It is the estimate by which a session decides
/// whether it may call itself converged.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UnseenFigures {
    /// How many issues a panel sees, in the mean, over all changes together.
    pub seen: f64,
    /// The same with the estimate of those unseen, which is a lower bound.
    pub seen_and_estimated: f64,
    /// One change at a time: how often the estimate is below 0.5.
    pub quiet: Option<f64>,
    /// How often something is left then.
    pub left_when_quiet: Option<f64>,
    /// The same for severe issues alone, where there are some.
    pub severe_quiet: Option<f64>,
    /// How often something severe is left then.
    pub severe_left_when_quiet: Option<f64>,
    /// How often something is left where a second panel of three others finds nothing that is new; `None` with fewer than six
    /// participants.
    pub left_after_second: Option<f64>,
    /// The same for something severe, in changes where there is some.
    pub severe_left_after_second: Option<f64>,
}

/// How often something was so, of how many times.
#[derive(Default)]
struct Rate {
    so: usize,
    of: usize,
}

impl Rate {
    fn count(&mut self, so: bool) {
        self.so += usize::from(so);
        self.of += 1;
    }

    fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| self.so as f64 / self.of as f64)
    }
}

/// The issues of one change: who found each, the severe ones apart.
struct Change {
    all: Vec<Panel>,
    severe: Vec<Panel>,
}

pub(super) fn of(counted: &Counted<'_>) -> Option<UnseenFigures> {
    let participants = counted.detections.participants();
    if !(SEATS..=MOST_EXACT).contains(&participants) {
        return None;
    }
    let panels: Vec<Panel> =
        (0..1 << participants).map(Panel).filter(|panel| panel.size() == SEATS).collect();
    let found_by = counted.detections.found_by();
    let changes: Vec<Change> =
        counted.changes.as_ref()?.values().map(|issues| change(counted, issues)).collect();
    let seen: usize = panels.iter().map(|panel| counted.detections.covered(*panel)).sum();
    let unseen: f64 = panels.iter().map(|panel| estimate(found_by, *panel)).sum();
    let count = panels.len() as f64;
    let [quiet, left] = quiet(&panels, changes.iter().map(|change| change.all.as_slice()));
    let severe = changes.iter().map(|change| change.severe.as_slice()).filter(|issues| !issues.is_empty());
    let [severe_quiet, severe_left] = self::quiet(&panels, severe);
    let [second, severe_second] = second_panel(&panels, &changes);
    Some(UnseenFigures {
        seen: seen as f64 / count,
        seen_and_estimated: (seen as f64 + unseen) / count,
        quiet: quiet.share(),
        left_when_quiet: left.share(),
        severe_quiet: severe_quiet.share(),
        severe_left_when_quiet: severe_left.share(),
        left_after_second: second.share(),
        severe_left_after_second: severe_second.share(),
    })
}

fn change(counted: &Counted<'_>, issues: &[usize]) -> Change {
    let found = |issue: &usize| counted.detections.found_by().get(*issue).copied();
    let severe = issues.iter().filter(|issue| counted.is_severe(**issue));
    Change { all: issues.iter().filter_map(found).collect(), severe: severe.filter_map(found).collect() }
}

/// The estimate of what a panel has not seen of some issues.
fn estimate(issues: &[Panel], panel: Panel) -> f64 {
    let raised = |times: usize| issues.iter().filter(|by| Panel(by.0 & panel.0).size() == times).count();
    undetected_lower_bound(panel.size(), raised(1), raised(2)).unwrap_or(0.0)
}

fn is_left(issues: &[Panel], panel: Panel) -> bool {
    issues.iter().any(|by| by.is_disjoint(panel))
}

/// How often the estimate is quiet, and how often something is left then.
fn quiet<'a>(panels: &[Panel], changes: impl Iterator<Item = &'a [Panel]>) -> [Rate; 2] {
    let [mut quiet, mut left] = [Rate::default(), Rate::default()];
    for issues in changes {
        for panel in panels {
            let is_quiet = estimate(issues, *panel) < LIKELY;
            quiet.count(is_quiet);
            if is_quiet {
                left.count(is_left(issues, *panel));
            }
        }
    }
    [quiet, left]
}

/// How often something, and something severe, is left where a second panel found nothing new.
fn second_panel(panels: &[Panel], changes: &[Change]) -> [Rate; 2] {
    let [mut all, mut severe] = [Rate::default(), Rate::default()];
    for first in panels {
        for second in panels.iter().filter(|second| second.is_disjoint(*first)) {
            for change in changes {
                let is_new = |by: &Panel| by.is_disjoint(*first) && !by.is_disjoint(*second);
                if !change.all.iter().any(is_new) {
                    all.count(is_left(&change.all, *first));
                    if !change.severe.is_empty() {
                        severe.count(is_left(&change.severe, *first));
                    }
                }
            }
        }
    }
    [all, severe]
}
