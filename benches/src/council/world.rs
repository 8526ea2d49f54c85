//! The truth: a document, the faults in it, and who finds which.

use super::dice;

/// Lines of the document, faults included.
const LINES: usize = 60;

/// What a world is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Planted faults; every fifth is critical, the others major.
    pub faults: usize,
    /// The mean chance of one critic to find one fault.
    pub p: f64,
    /// How much the chances of a fault with different critics have in common: 0 if each fault is as easy as any
    /// other, towards 1 if some are found by everybody and some by nobody. A critic that reads again draws anew.
    pub correlation: f64,
    /// Whether a fifth of the claims is false and a fifth of the duplicates is not recognised.
    pub noise: bool,
    /// Cycles at most.
    pub cycles: u32,
}

/// A planted fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// Its line in the draft.
    pub line: usize,
    /// Critical, or major.
    pub critical: bool,
    /// The chance of one critic to find it.
    pub chance: f64,
}

/// A draft with planted faults.
#[derive(Debug, Clone)]
pub struct World {
    /// What it is like.
    pub setting: Setting,
    /// What fixes every draw.
    pub seed: u64,
    /// The faults.
    pub faults: Vec<Fault>,
}

impl World {
    /// The world of a seed.
    pub fn new(setting: Setting, seed: u64) -> Self {
        let mut dice = dice(seed, "faults");
        let mut lines: Vec<usize> = (0..LINES).collect();
        dice.shuffle(&mut lines);
        let fault = |(at, line): (usize, usize)| Fault {
            line,
            critical: at % 5 == 0,
            chance: chance(&mut dice, setting.p, setting.correlation),
        };
        let faults = lines.into_iter().take(setting.faults).enumerate().map(fault).collect();
        Self { setting, seed, faults }
    }

    /// The draft.
    pub fn draft(&self) -> String {
        let lines = (0..LINES).map(|line| match self.fault_at(line) {
            Some(_) => format!("{} as nobody should.", sentence(line)),
            None => format!("{} as everybody expects.", sentence(line)),
        });
        format!("# The subject\n\n{}\n", lines.collect::<Vec<_>>().join("\n\n"))
    }

    /// The fault that is planted in a line.
    pub fn fault_at(&self, line: usize) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.line == line)
    }

    /// The faults that are still in a text.
    pub fn left<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Fault> {
        self.faults.iter().filter(move |fault| text.contains(&faulty(fault.line)))
    }

    /// The faults of `text` that a critic finds when it reads it in this conversation.
    pub fn found(&self, text: &str, critic: &str, conversation: u64) -> Vec<Fault> {
        let mut dice = dice(self.seed ^ conversation.wrapping_mul(0x51_7c_c1_b7), critic);
        // Drawn for every fault, so that what is gone does not move the draws of the others.
        let drawn: Vec<bool> = self.faults.iter().map(|fault| dice.f64() < fault.chance).collect();
        let left: Vec<usize> = self.left(text).map(|fault| fault.line).collect();
        let found =
            self.faults.iter().zip(drawn).filter(|(fault, drawn)| *drawn && left.contains(&fault.line));
        found.map(|(fault, _)| *fault).collect()
    }

    /// Lines without a fault about which a critic complains all the same, where there is noise: a fifth of what it
    /// says.
    pub fn imagined(&self, said: usize, critic: &str, conversation: u64) -> Vec<usize> {
        if !self.setting.noise {
            return Vec::new();
        }
        let mut dice =
            dice(self.seed ^ conversation.wrapping_mul(0x2545_f491), &format!("{critic} imagines"));
        let sound = |line: &usize| self.fault_at(*line).is_none();
        let drawn: Vec<(f64, usize)> = (0..said.max(1)).map(|_| (dice.f64(), dice.usize(0..LINES))).collect();
        drawn.into_iter().filter(|(chance, _)| *chance < 0.25).map(|(_, line)| line).filter(sound).collect()
    }
}

/// The line as it stands while the fault is in it.
pub(super) fn faulty(line: usize) -> String {
    format!("{} as nobody should.", sentence(line))
}

/// The line without its fault.
pub(super) fn mended(line: usize) -> String {
    format!("{} as it must be.", sentence(line))
}

/// A line that never had one.
pub(super) fn sound(line: usize) -> String {
    format!("{} as everybody expects.", sentence(line))
}

fn sentence(line: usize) -> String {
    format!("Part number {line:02} of the whole is done")
}

/// The number of the line that a passage belongs to.
pub(super) fn line_of(passage: &str) -> Option<usize> {
    passage.split_once("Part number ")?.1.get(..2)?.parse().ok()
}

/// A chance with this mean: the same for all without correlation, else drawn from the beta distribution whose
/// variance makes two critics agree that much.
fn chance(dice: &mut fastrand::Rng, p: f64, correlation: f64) -> f64 {
    if correlation <= 0.0 {
        return p;
    }
    let size = (1.0 - correlation) / correlation;
    let (one, other) = (gamma(dice, p * size), gamma(dice, (1.0 - p) * size));
    one / (one + other).max(f64::MIN_POSITIVE)
}

/// A draw from the gamma distribution of this shape (Marsaglia and Tsang 2000).
fn gamma(dice: &mut fastrand::Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma(dice, shape + 1.0) * dice.f64().max(1e-12).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = (-2.0 * dice.f64().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * dice.f64()).cos();
        let v = (1.0 + c * normal).powi(3);
        if v > 0.0 && dice.f64().max(1e-12).ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_have_the_mean_and_the_correlation_that_was_asked_for() {
        let mut dice = fastrand::Rng::with_seed(1);
        for (p, correlation) in [(0.6, 0.3), (0.34, 0.3), (0.5, 0.6)] {
            let all: Vec<f64> = (0..40_000).map(|_| chance(&mut dice, p, correlation)).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let variance = all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / all.len() as f64;
            let found = variance / (p * (1.0 - p));
            assert!((mean - p).abs() < 0.02 && (found - correlation).abs() < 0.02, "{mean} {found}");
        }
    }
}
