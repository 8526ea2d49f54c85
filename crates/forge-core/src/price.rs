//! Prices, and what tokens cost by them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::usage::{Money, ServerTools, TokenCount};

/// What a model costs during a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "a row of data, written by hand and by files")]
pub struct Price {
    /// The first day; `None` means always before `effective_to`.
    #[serde(default)]
    pub effective_from: Option<NaiveDate>,
    /// The last day; `None` means until further notice.
    #[serde(default)]
    pub effective_to: Option<NaiveDate>,
    /// Rates by the size of the prompt, smallest first. The last tier whose threshold the prompt
    /// exceeds prices the **whole** request.
    pub tiers: Vec<Tier>,
}

/// Rates for prompts above a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "a row of data, written by hand and by files")]
pub struct Tier {
    /// The tier holds for prompts of more than this many tokens, cached ones included.
    #[serde(default)]
    pub above_input_tokens: u64,
    /// Uncached input, in dollars per million tokens.
    pub input: Rate,
    /// Output, thinking included.
    pub output: Rate,
    /// Input from the cache; without it, cached input costs as much as any.
    #[serde(default)]
    pub cache_read: Option<Rate>,
    /// Input written to the standard cache; without it, it costs as much as any.
    #[serde(default)]
    pub cache_write_5m: Option<Rate>,
    /// Input written to the long-lived cache; without it, such calls have no known price.
    #[serde(default)]
    pub cache_write_1h: Option<Rate>,
}

/// A price per million tokens, written as a decimal number of dollars in a string (`"0.075"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(Money);

impl Rate {
    /// This much for a million tokens.
    pub const fn per_million(price: Money) -> Self {
        Self(price)
    }

    /// The price of a million tokens.
    pub const fn money_per_million(self) -> Money {
        self.0
    }

    fn times(self, tokens: u64) -> u128 {
        // In 128 bits, because no rate times a count overflows them.
        u128::from(self.0.nanos()) * u128::from(tokens)
    }
}

impl TryFrom<String> for Rate {
    type Error = crate::usage::ParseMoneyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.0.to_string().trim_start_matches('$').to_owned()
    }
}

/// What a model costs where it is served in another way than the usual one, as a multiple of the usual price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "a row of data, written by hand and by files")]
pub struct ServedPrice {
    /// The vendor's words for the tier of service, if it is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tier: Vec<String>,
    /// The vendor's words for the region, if it is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub region: Vec<String>,
    /// The vendor's words for the speed, if it is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speed: Vec<String>,
    /// The multiple of the usual price, in every class of tokens.
    pub times: Factor,
    /// The largest prompt, in tokens, for which the vendor has this price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to_input_tokens: Option<u64>,
    /// Where it comes from.
    pub source: String,
    /// When it was checked: a day or a month.
    pub checked: String,
}

impl ServedPrice {
    /// Whether it is about what the vendor calls `word`.
    pub(crate) fn is_of(&self, what: ServedAs, word: &str) -> bool {
        let words = match what {
            ServedAs::Tier => &self.tier,
            ServedAs::Region => &self.region,
            ServedAs::Speed => &self.speed,
        };
        // Nobody promises the case of these words, and a word that is missed makes the price unknown.
        words.iter().any(|own| own.eq_ignore_ascii_case(word))
    }
}

/// What can be unusual about how a call is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServedAs {
    Tier,
    Region,
    Speed,
}

/// A multiple of a price, written as a decimal number in a string (`"1.1"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Whole billionths, as money is: 1.1 is exactly 1.1, and a price is the same on every machine.
pub struct Factor(Money);

impl Factor {
    /// The usual price.
    pub const ONE: Self = Self(Money::from_nanos(1_000_000_000));

    /// This multiple of that multiple.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self(self.of(other.0))
    }

    fn of(self, money: Money) -> Money {
        // Rounded half up, in 128 bits, where no product overflows.
        let nanos = (u128::from(money.nanos()) * u128::from(self.0.nanos()) + 500_000_000) / 1_000_000_000;
        // What does not fit stays at the maximum; wrapped, a dear price would be a cheap one.
        Money::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl TryFrom<String> for Factor {
    type Error = crate::usage::ParseMoneyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<Factor> for String {
    fn from(factor: Factor) -> Self {
        factor.0.to_string().trim_start_matches('$').to_owned()
    }
}

impl Price {
    /// This price, multiplied by `factor`.
    #[must_use]
    pub fn times(&self, factor: Factor) -> Self {
        let rate = |rate: Rate| Rate(factor.of(rate.0));
        let tier = |tier: &Tier| Tier {
            above_input_tokens: tier.above_input_tokens,
            input: rate(tier.input),
            output: rate(tier.output),
            // An unset rate stays unset. It follows the input's, which is multiplied already, or is unknown.
            cache_read: tier.cache_read.map(rate),
            cache_write_5m: tier.cache_write_5m.map(rate),
            cache_write_1h: tier.cache_write_1h.map(rate),
        };
        Self { tiers: self.tiers.iter().map(tier).collect(), ..self.clone() }
    }

    /// Whether nothing costs anything.
    pub fn is_free(&self) -> bool {
        let is_zero = |rate: &Rate| rate.0 == Money::ZERO;
        let is_free = |tier: &Tier| {
            let caches = [tier.cache_read, tier.cache_write_5m, tier.cache_write_1h];
            [tier.input, tier.output].iter().chain(caches.iter().flatten()).all(is_zero)
        };
        self.tiers.iter().all(is_free)
    }

    /// The rates for a prompt of this many tokens.
    pub fn tier(&self, input_tokens: u64) -> Option<&Tier> {
        // The first tier holds for an empty prompt as well.
        self.tiers.iter().rfind(|tier| tier.above_input_tokens == 0 || input_tokens > tier.above_input_tokens)
    }

    /// What `tokens` cost; see [`ModelTable::cost`](crate::ModelTable::cost). `None` as well if the vendor's own tools were
    /// used, whose price tables do not have.
    pub fn cost(&self, tokens: &TokenCount) -> Option<Money> {
        if tokens.server_tools.is_some_and(ServerTools::are_billed) {
            return None;
        }
        // The tier goes by the whole prompt, so that a prompt of unknown size has no price at all.
        let tier = self.tier(tokens.total_input()?)?;
        let output = tokens.total_output()?;
        // A long-lived write costs more than a standard one, so that no other rate may stand in for its own.
        let long_write = match tokens.cache_write_1h.unwrap_or(0) {
            0 => 0,
            written => tier.cache_write_1h?.times(written),
        };
        let classes = [
            (tier.input, tokens.input),
            (tier.input, tokens.other_input),
            (tier.cache_read.unwrap_or(tier.input), tokens.cache_read),
            (tier.cache_write_5m.unwrap_or(tier.input), tokens.cache_write_5m),
            (tier.output, Some(output)),
        ];
        let total: u128 = classes
            .iter()
            // Input and output are known here. A further class that the vendor does not name is within them.
            .map(|(rate, count)| rate.times(count.unwrap_or(0)))
            .fold(long_write, u128::saturating_add);
        // Rounded once at the end, so that the errors of the classes do not add up.
        let nanos = total.saturating_add(500_000) / 1_000_000;
        // A cost that does not fit stays at the maximum, where a budget sees it, instead of wrapping to a
        // small one.
        Some(Money::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}
