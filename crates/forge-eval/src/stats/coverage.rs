//! How much a panel of several participants finds together.

use super::{Detections, Panel};

/// Up to so many participants every panel is looked at.
pub const MOST_EXACT: usize = 12;

/// What panels of one size find.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "the three ways to choose a panel: at worst, at random, at best"
)]
pub struct CoveragePoint {
    /// How many sit in the panel.
    pub size: usize,
    /// The panel that finds least, and how many issues that is.
    pub worst: (Panel, usize),
    /// How many issues a panel finds in the mean over all panels of this size.
    pub mean: f64,
    /// The panel that finds most, and how many issues that is.
    pub best: (Panel, usize),
    /// Whether every panel was looked at. If not, the best and the worst one were built member by member, and may not be the
    /// very best and worst; the mean is exact in any case.
    pub exact: bool,
}

/// How many issues each panel of up to [`MOST_EXACT`] participants finds, the panel with bits `p` at place `p`; `None` with more.
pub fn every_panel(detections: &Detections) -> Option<Vec<usize>> {
    let participants = detections.participants();
    if participants > MOST_EXACT {
        return None;
    }
    // First, how many issues were found by exactly a set, then by nobody outside of it, one participant at a time.
    let mut within = vec![0; 1 << participants];
    for found in detections.found_by() {
        if let Some(count) = usize::try_from(found.0).ok().and_then(|set| within.get_mut(set)) {
            *count += 1;
        }
    }
    for bit in (0..participants).map(|at| 1 << at) {
        for set in (0..within.len()).filter(|set| set & bit != 0) {
            within[set] += within[set ^ bit];
        }
    }
    let last = within.len() - 1;
    // A panel misses what only the others found.
    Some((0..=last).map(|set| detections.issues() - within[last ^ set]).collect())
}

/// What panels of one, two and more participants find, up to all of them.
pub fn coverage_curve(detections: &Detections) -> Vec<CoveragePoint> {
    let sizes = 1..=detections.participants();
    match every_panel(detections) {
        Some(covered) => sizes.map(|size| exact(&covered, size)).collect(),
        None => grown(detections),
    }
}

fn exact(covered: &[usize], size: usize) -> CoveragePoint {
    let panels = (0..).map(Panel).zip(covered.iter().copied()).filter(|(panel, _)| panel.size() == size);
    let (mut worst, mut best, mut sum, mut count) = (None, None, 0, 0_usize);
    for (panel, found) in panels {
        (sum, count) = (sum + found, count + 1);
        // Of equal ones the first: participants that come first are preferred.
        if worst.is_none_or(|(_, least)| found < least) {
            worst = Some((panel, found));
        }
        if best.is_none_or(|(_, most)| found > most) {
            best = Some((panel, found));
        }
    }
    let [worst, best] = [worst, best].map(Option::unwrap_or_default);
    CoveragePoint { size, worst, mean: sum as f64 / count.max(1) as f64, best, exact: true }
}

/// The mean over all panels of a size without looking at any: an issue that `d` of `m` found is missed by `C(m-d, k)` of the
/// `C(m, k)` panels of `k` (the rarefaction curve: Hurlbert 1971, "The nonconcept of species diversity").
fn mean(detections: &Detections, size: usize) -> f64 {
    let m = detections.participants();
    let missed = |found: Panel| {
        let others = m - found.size();
        (0..size).map(|at| others.saturating_sub(at) as f64 / (m - at) as f64).product::<f64>()
    };
    detections.found_by().iter().map(|found| 1.0 - missed(*found)).sum()
}

/// Panels that grow by one member at a time. Coverage has falling returns, so that the best one found this way covers at least
/// 63 % of what the very best of its size does (Nemhauser, Wolsey and Fisher 1978).
fn grown(detections: &Detections) -> Vec<CoveragePoint> {
    let (mut worst, mut best) = (Panel::default(), Panel::default());
    let mut points = Vec::new();
    for size in 1..=detections.participants() {
        let next = |panel: Panel| {
            let others = (0..detections.participants()).map(|at| Panel(1 << at));
            let joined =
                others.filter(move |one| one.is_disjoint(panel)).map(move |one| Panel(panel.0 | one.0));
            joined.map(|panel| (detections.covered(panel), panel))
        };
        let most = next(best).max_by_key(|(covered, panel)| (*covered, std::cmp::Reverse(*panel)));
        let least = next(worst).min_by_key(|(covered, panel)| (*covered, *panel));
        let (Some((most, bigger)), Some((least, smaller))) = (most, least) else { break };
        (best, worst) = (bigger, smaller);
        let mean = mean(detections, size);
        points.push(CoveragePoint { size, worst: (worst, least), mean, best: (best, most), exact: false });
    }
    points
}
