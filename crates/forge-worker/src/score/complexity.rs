//! How much work a bead looks like. A guess, but always the same one for the same text.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use crate::{
    bead::Bead,
    tier::WorkerTier,
    worker::{Availability, AvailableWorker},
};

/// How much work a bead looks like, by its words, the paths it names, its acceptance and how many wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "one level for each tier of workers")]
pub enum Complexity {
    /// Up to 2 marks; for a worker of the tier `budget`.
    Small,
    /// 3 to 5 marks; for `standard`.
    Medium,
    /// 6 marks and more; for `premium`.
    Large,
}

/// Words of the title and the description, paths named, points of acceptance, beads that wait: at each of these numbers
/// there is one more mark.
const WORDS: [usize; 3] = [40, 150, 400];
const PATHS: [usize; 2] = [2, 5];
const ACCEPTANCE: [usize; 2] = [3, 6];
const DEPENDENTS: [usize; 2] = [1, 4];

impl Complexity {
    /// What this bead looks like, where `dependents` others wait for it.
    #[must_use]
    pub fn of(bead: &Bead, dependents: usize) -> Self {
        let texts = [&bead.title, &bead.description];
        let words = || texts.iter().flat_map(|text| text.split_whitespace());
        let paths: BTreeSet<_> = words().map(trimmed).filter(|word| is_path(word)).collect();
        let points = bead.acceptance.lines().filter(|line| !line.trim().is_empty()).count();
        let marks = |number: usize, steps: &[usize]| steps.iter().filter(|least| number >= **least).count();
        match marks(words().count(), &WORDS)
            + marks(paths.len(), &PATHS)
            + marks(points, &ACCEPTANCE)
            + marks(dependents, &DEPENDENTS)
        {
            0..=2 => Self::Small,
            3..=5 => Self::Medium,
            _ => Self::Large,
        }
    }

    /// The tier of workers that it is for.
    #[must_use]
    pub const fn tier(self) -> WorkerTier {
        match self {
            Self::Small => WorkerTier::Budget,
            Self::Medium => WorkerTier::Standard,
            Self::Large => WorkerTier::Premium,
        }
    }

    /// The points of the best fit among workers that are free or soon will be, and why.
    pub(super) fn fit(self, workers: &[AvailableWorker]) -> (u8, String) {
        let wanted = self.tier();
        let free = workers.iter().filter(|worker| worker.availability != Availability::Busy);
        match free.map(|worker| (wanted.distance(worker.tier), worker.tier)).min() {
            Some((0, tier)) => (15, format!("a {tier} worker fits")),
            Some((1, tier)) => (8, format!("a {tier} worker is one tier off")),
            Some((_, tier)) => (3, format!("a {tier} worker is two tiers off")),
            None => (0, "no worker is free".to_owned()),
        }
    }
}

impl fmt::Display for Complexity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        })
    }
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '/' | '.' | '_' | '-'))
        .trim_end_matches('.')
}

/// `src/lib.rs`, `lib.rs`, `docs/`; not `and/or`, `1.5`, `e.g`, nor an address of the web.
fn is_path(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ending)| ending);
    let is_ending = |ending: &str| {
        (1..=5).contains(&ending.len())
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && ending.starts_with(|letter: char| letter.is_ascii_alphabetic())
    };
    let is_short = |name: &str| name.len() < 4;
    !word.contains("//")
        && (ending.is_some_and(|ending| is_ending(ending) && !is_short(name))
            || word.len() > 2
                && (word.ends_with('/') || word.starts_with("./") || word.matches('/').count() > 1))
}
