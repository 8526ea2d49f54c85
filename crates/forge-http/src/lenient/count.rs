//! Numbers that count something.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::visitor::{Loose, Number, Take};

/// No call counts more of anything; a larger number is a server's overflow or its idea of "no limit".
const LARGEST: u64 = 1_000_000_000_000;

/// A number that counts something, such as tokens.
///
/// Exhaustive on purpose: whoever sums up counts has to say what becomes of an odd one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// There is none.
    #[default]
    Missing,
    /// A whole number from 0 to a million million, also one written as text or with a fraction of 0.
    Known(u64),
    /// Something else stands there: a negative number, a fraction, a text, a number that nobody believes.
    Odd,
}

impl Count {
    /// The number, if it is one; `None` both where there is none and where it cannot be right.
    pub fn known(self) -> Option<u64> {
        match self {
            Self::Known(number) => Some(number),
            Self::Missing | Self::Odd => None,
        }
    }

    /// Whether there is a value that is no count.
    pub fn is_odd(self) -> bool {
        self == Self::Odd
    }

    /// The first of several names under which servers give a number that says something.
    pub fn or(self, other: Self) -> Self {
        if self == Self::Missing { other } else { self }
    }
}

impl From<u64> for Count {
    fn from(number: u64) -> Self {
        if number <= LARGEST { Self::Known(number) } else { Self::Odd }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Loose(Counting))
    }
}

struct Counting;

impl<'de> Take<'de> for Counting {
    type Value = Count;

    fn null(self) -> Count {
        Count::Missing
    }

    fn other(self) -> Count {
        Count::Odd
    }

    fn number(self, number: Number) -> Count {
        match number {
            Number::Whole(number) => number.into(),
            // A sign of an overflow or of "unknown"; read as zero, it would be a price of zero.
            Number::Negative => Count::Odd,
            Number::Float(number) => {
                let is_count = number.fract() == 0.0 && (0.0..=LARGEST as f64).contains(&number);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a whole number in the range"
                )]
                if is_count { Count::Known(number as u64) } else { Count::Odd }
            }
        }
    }

    fn text(self, text: Cow<'de, str>) -> Count {
        // Some servers quote all numbers.
        text.trim().parse::<u64>().map_or(Count::Odd, Count::from)
    }
}
