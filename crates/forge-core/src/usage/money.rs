//! Money in whole billionths of a dollar.

use std::{fmt, iter::Sum, ops, str::FromStr};

use serde::{Deserialize, Serialize};

/// US dollars, counted in nano-dollars. Sums are exact; they stay at the maximum instead of wrapping.
///
/// Written in JSON as the integer number of nano-dollars.
///
/// ```
/// use forge_core::Money;
///
/// let price: Money = "2.50".parse()?;
/// assert_eq!(price.nanos(), 2_500_000_000);
/// assert_eq!(price.to_string(), "$2.50");
/// # Ok::<(), forge_core::usage::ParseMoneyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(description = "US dollars, as a whole number of nano-dollars (billionths).")
)]
pub struct Money(u64);

// One token at a dollar per million is 1,000 of these, so that real prices leave no rest.
const NANOS_PER_DOLLAR: u64 = 1_000_000_000;

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// This many billionths of a dollar.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The amount in billionths of a dollar.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The amount in dollars, for display and charts.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / NANOS_PER_DOLLAR as f64
    }

    /// What is left after taking `other`, or `None` if that is more than there is.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}

impl ops::Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        // A sum at its maximum leaves a budget no room. One that wrapped would be nearly empty again.
        Self(self.0.saturating_add(other.0))
    }
}

impl ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, ops::Add::add)
    }
}

/// `$1.25`, with as many decimals as the amount needs and at least two.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0 % NANOS_PER_DOLLAR);
        let significant = fraction.trim_end_matches('0').len().max(2);
        let text = format!("${}.{}", self.0 / NANOS_PER_DOLLAR, &fraction[..significant]);
        f.pad(&text)
    }
}

/// A cost in JSON, in place of a field: `cost_nano_usd`, which is exact, and `cost_usd` for people; both are null if it is
/// unknown. For `#[serde(flatten, with = "forge_core::usage::cost")]`, also on an `Option`.
pub mod cost {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Money;

    /// The two fields.
    #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct Cost {
        /// Billionths of a dollar; null if it is unknown.
        cost_nano_usd: Option<Money>,
        /// Dollars; null if it is unknown.
        cost_usd: Option<f64>,
    }

    impl From<Option<Money>> for Cost {
        fn from(money: Option<Money>) -> Self {
            Self { cost_nano_usd: money, cost_usd: money.map(Money::dollars) }
        }
    }

    /// Writes both fields.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        money: &(impl Into<Option<Money>> + Copy),
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Cost::from((*money).into()).serialize(serializer)
    }

    /// Reads the exact one.
    ///
    /// # Errors
    ///
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>, M: FromCost>(deserializer: D) -> Result<M, D::Error> {
        // The dollars beside it are a float, which need not give the same amount back.
        Cost::deserialize(deserializer).map(|cost| M::from_cost(cost.cost_nano_usd))
    }

    /// What a cost may be read as.
    pub trait FromCost {
        /// Where it is unknown, an amount is zero.
        fn from_cost(cost: Option<Money>) -> Self;
    }

    impl FromCost for Money {
        fn from_cost(cost: Option<Money>) -> Self {
            cost.unwrap_or_default()
        }
    }

    // An amount that may be unknown stays so, as zero would look like a call that was free.
    impl FromCost for Option<Money> {
        fn from_cost(cost: Option<Money>) -> Self {
            cost
        }
    }
}

/// The text is not an amount of dollars such as `2`, `0.50` or `$1.25`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an amount in dollars; write digits with at most nine decimals, such as 2.50")]
pub struct ParseMoneyError {
    text: String,
}

impl FromStr for Money {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        let error = || ParseMoneyError { text: text.to_owned() };
        let digits = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        // `parse` alone would take a sign.
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        // A tenth decimal could not be kept, and a price that is cut in silence misprices every call.
        if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
            return Err(error());
        }
        let whole: u64 = whole.parse().map_err(|_| error())?;
        let nanos: u64 = format!("{fraction:0<9}").parse().map_err(|_| error())?;
        // What somebody wrote is refused where it does not fit; only sums may stay at the maximum.
        whole
            .checked_mul(NANOS_PER_DOLLAR)
            .and_then(|dollars| dollars.checked_add(nanos))
            .map(Self)
            .ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_and_amount_are_inverse(nanos: u64) {
            let money = Money::from_nanos(nanos);
            prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", ".", "-1", "1e3", "1.", ".5", "0.0000000001", "99999999999999", "1,5", "$"] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }
}
