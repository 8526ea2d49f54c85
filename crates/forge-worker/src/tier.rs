use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a worker costs and can do, from the dearest to the cheapest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::exhaustive_enums,
    reason = "the three tiers are the judgement of Forge; a routing table names each of them"
)]
pub enum WorkerTier {
    /// For tasks of priority 0 and 1.
    Premium,
    /// For tasks of priority 2.
    Standard,
    /// For tasks of priority 3 and 4.
    Budget,
}

impl WorkerTier {
    /// All tiers, the dearest first.
    pub const ALL: [Self; 3] = [Self::Premium, Self::Standard, Self::Budget];

    /// The tier of tasks of `priority` where no configuration says otherwise: 0 is the most urgent, 4 the least.
    #[must_use]
    pub const fn for_priority(priority: u8) -> Self {
        match priority {
            0 | 1 => Self::Premium,
            2 => Self::Standard,
            _ => Self::Budget,
        }
    }

    /// How many tiers lie from this one to the other, 0 to 2.
    pub(crate) const fn distance(self, other: Self) -> u8 {
        (self as u8).abs_diff(other as u8)
    }

    /// The word of files and tables: `premium`, `standard`, `budget`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Premium => "premium",
            Self::Standard => "standard",
            Self::Budget => "budget",
        }
    }
}

impl fmt::Display for WorkerTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no tier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no tier of workers: premium, standard or budget")]
pub struct UnknownTier(String);

impl FromStr for WorkerTier {
    type Err = UnknownTier;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == word).ok_or_else(|| UnknownTier(word.to_owned()))
    }
}
