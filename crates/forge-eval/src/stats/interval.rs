//! Intervals: how far a measured share can be from the true one.

use serde::Serialize;

/// The quantile of the normal distribution for 95 % on two sides.
const Z: f64 = 1.959_963_984_540_054;

/// Two bounds, the lower one first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "an interval has two ends")]
pub struct Interval {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies in it.
    pub fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The 95 % interval of a share of `hits` in `trials` (Wilson 1927, "Probable inference, the law of succession, and statistical
/// inference"); `None` without trials. Hits need not be whole: a fault that was found in one of two runs is half a hit.
pub fn wilson(hits: f64, trials: f64) -> Option<Interval> {
    if trials <= 0.0 {
        return None;
    }
    let middle = hits + Z * Z / 2.0;
    // Rounding can bring what is left of all hits a little below nothing.
    let root = Z * (hits * (trials - hits) / trials + Z * Z / 4.0).max(0.0).sqrt();
    let bound = |value: f64| (value / (trials + Z * Z)).clamp(0.0, 1.0);
    Some(Interval { low: bound(middle - root), high: bound(middle + root) })
}

/// The 95 % percentile interval of a share over groups, each with its hits and trials, from `resamples` draws of as many groups
/// with replacement (Efron 1979, "Bootstrap methods: another look at the jackknife"). Whole groups are drawn since issues of one
/// document are found or missed together. The same seed gives the same interval; `None` without trials.
pub fn bootstrap(groups: &[(f64, f64)], resamples: usize, seed: u64) -> Option<Interval> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut shares = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let (mut hits, mut trials) = (0.0, 0.0);
        for _ in groups {
            let (hit, tried) = groups.get(rng.usize(..groups.len())).copied().unwrap_or_default();
            hits += hit;
            trials += tried;
        }
        if trials > 0.0 {
            shares.push(hits / trials);
        }
    }
    shares.sort_by(f64::total_cmp);
    let at = |per_mille: usize| shares.get((shares.len().max(1) - 1) * per_mille / 1000).copied();
    Some(Interval { low: at(25)?, high: at(975)? })
}
