//! Who gets which arm of an experiment.

use sha2::{Digest as _, Sha256};

/// Bytes of a draw, of which a digest holds four.
const DRAW: usize = 8;

/// The arm that the unit `unit` gets in `experiment`, as a place in `weights`; `None` if no arm has a weight.
///
/// The same unit always gets the same arm, without anything that is kept, and two experiments decide independently of each
/// other. An arm that is added at the end takes its share from all others alike: no unit moves between those that were
/// there.
///
/// Each arm after the first takes a unit over from those before it with the chance of its weight among them, which is
/// drawn from the SHA-256 over the experiment's and the unit's names.
pub fn assign(experiment: &str, unit: &str, weights: &[u32]) -> Option<usize> {
    let mut draws = Draws { experiment, unit, digest: [0; 32], drawn: 0 };
    let (mut total, mut chosen) = (0_u64, None);
    for (at, weight) in weights.iter().enumerate() {
        total += u64::from(*weight);
        // One for each arm, so that those of later arms do not depend on the weights of earlier ones.
        let draw = draws.next();
        // The share of the draw in the total, rounded down: it lies below the weight with just the chance of the weight.
        if (u128::from(draw) * u128::from(total)) >> 64 < u128::from(*weight) {
            chosen = Some(at);
        }
    }
    chosen
}

/// Numbers that follow from two names.
struct Draws<'a> {
    experiment: &'a str,
    unit: &'a str,
    digest: [u8; 32],
    drawn: usize,
}

impl Draws<'_> {
    fn next(&mut self) -> u64 {
        let (block, at) = (self.drawn * DRAW / self.digest.len(), self.drawn * DRAW % self.digest.len());
        if at == 0 {
            let mut digest = Sha256::new();
            // Lengths in front, so that no two pairs of names have the same bytes.
            for name in [self.experiment, self.unit] {
                digest.update((name.len() as u64).to_le_bytes());
                digest.update(name);
            }
            digest.update((block as u64).to_le_bytes());
            self.digest = digest.finalize().into();
        }
        self.drawn += 1;
        let mut draw = [0; DRAW];
        draw.copy_from_slice(&self.digest[at..at + DRAW]);
        u64::from_le_bytes(draw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many units the tests draw.
    fn units() -> u32 {
        #[expect(clippy::disallowed_methods, reason = "a test's own scale")]
        let scale = std::env::var("FORGE_TEST_SCALE").ok().and_then(|scale| scale.parse::<u32>().ok());
        // At scale 1 in a build that is not optimised, a million takes seconds.
        1_000_000 * scale.unwrap_or(1).clamp(1, 20)
    }

    fn counts(weights: &[u32], mut each: impl FnMut(u32, usize)) -> Vec<u32> {
        let mut counts = vec![0; weights.len()];
        for number in 0..units() {
            let arm = assign("tone", &number.to_string(), weights).unwrap();
            counts[arm] += 1;
            each(number, arm);
        }
        counts
    }

    /// The statistic of Pearson's test for these counts.
    fn chi_square(counts: &[u32], expected: impl Fn(usize) -> f64) -> f64 {
        counts
            .iter()
            .enumerate()
            .map(|(at, count)| (f64::from(*count) - expected(at)).powi(2) / expected(at))
            .sum()
    }

    #[test]
    fn shares_are_as_the_weights_say_and_experiments_are_independent() {
        let weights = [50, 30, 20];
        let mut both = [0_u32; 6];
        let counts = counts(&weights, |number, arm| {
            let other = assign("length", &number.to_string(), &[1, 1]).unwrap();
            both[arm * 2 + other] += 1;
        });
        let all = f64::from(units());
        for (count, weight) in counts.iter().zip(weights) {
            let share = f64::from(*count) / all * 100.0;
            assert!((share - f64::from(weight)).abs() < 0.2, "{share} of {weight}");
        }
        // The values that are exceeded by chance once in a hundred times, with 2 and with 5 degrees of freedom.
        let statistic = chi_square(&counts, |at| all * f64::from(weights[at]) / 100.0);
        assert!(statistic < 9.210, "{statistic}");
        let statistic = chi_square(&both, |at| all * f64::from(weights[at / 2]) / 200.0);
        assert!(statistic < 15.086, "{statistic}");
    }

    #[test]
    fn an_arm_that_is_added_at_the_end_moves_units_to_itself_alone() {
        let mut moved = 0;
        for number in 0..20_000_u32 {
            let unit = number.to_string();
            let before = assign("tone", &unit, &[2, 1, 3, 4, 1]).unwrap();
            let after = assign("tone", &unit, &[2, 1, 3, 4, 1, 11]).unwrap();
            assert!(after == before || after == 5, "{unit}: {before} -> {after}");
            moved += u32::from(after == 5);
        }
        assert!((9_600..10_400).contains(&moved), "{moved}");
    }

    #[test]
    fn an_arm_without_weight_gets_nobody_and_names_are_not_run_together() {
        for number in 0..1_000_u32 {
            assert_eq!(assign("x", &number.to_string(), &[0, 7, 0]), Some(1));
        }
        assert_eq!(assign("x", "1", &[]), None);
        assert_eq!(assign("x", "1", &[0, 0]), None);
        let arms = |experiment: &str, unit: &str| {
            (0..64).map(|n: u32| assign(experiment, &format!("{unit}{n}"), &[1, 1])).collect::<Vec<_>>()
        };
        assert_ne!(arms("ab", "c"), arms("a", "bc"));
        assert_eq!(arms("ab", "c"), arms("ab", "c"));
    }
}
