//! What the routes' own models cost on one day.

use std::sync::Arc;

use chrono::NaiveDate;
use forge_core::model::{Price, Tier};

use crate::route::Route;

/// The length of an answer that nobody has set, where costs are compared.
const USUAL_OUTPUT: u32 = 1_024;

/// Prices of one day, by the places of the routes and next to each other: a large pool compares all of its members for
/// every call.
#[derive(Debug)]
pub(crate) struct DayPrices {
    pub(crate) day: NaiveDate,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// For a prompt of the first tier, or of the only one. What nobody knows is dearer than everything.
    rates: Rates,
    /// Where larger prompts have other rates.
    tiers: Option<Arc<Price>>,
    /// How long an answer may be, as far as the configuration of the provider says.
    max_tokens: Option<u32>,
}

/// Input and output, in billionths of a dollar for a million tokens.
#[derive(Debug, Clone, Copy)]
struct Rates(u64, u64);

impl Rates {
    const UNKNOWN: Self = Self(u64::MAX, u64::MAX);

    fn of(tier: Option<&Tier>) -> Self {
        let Some(tier) = tier else { return Self::UNKNOWN };
        let [input, output] = [tier.input, tier.output].map(|rate| rate.money_per_million().nanos());
        Self(input, output)
    }
}

impl DayPrices {
    pub(crate) fn of(routes: &[Arc<Route>], day: NaiveDate) -> Self {
        let row = |route: &Arc<Route>| {
            let price = route.price_asked(&route.plan.model, day, None);
            Row {
                rates: Rates::of(price.as_deref().and_then(|price| price.tier(0))),
                tiers: price.filter(|price| price.tiers.len() > 1),
                max_tokens: route.plan.parameters.max_tokens,
            }
        };
        Self { day, rows: routes.iter().map(row).collect() }
    }

    /// What a call costs on `route` if its answer is as long as it may be, in millionths of a billionth of a dollar: to
    /// compare costs, nobody has to divide. Everything that is unknown, or more than 18,446 dollars, is alike.
    pub(crate) fn expected(&self, route: usize, input: u64, max_tokens: Option<u32>) -> u64 {
        let row = &self.rows[route];
        let Rates(input_rate, output_rate) = match &row.tiers {
            Some(price) => Rates::of(price.tier(input)),
            None => row.rates,
        };
        let output = max_tokens.or(row.max_tokens).unwrap_or(USUAL_OUTPUT);
        input_rate.saturating_mul(input).saturating_add(output_rate.saturating_mul(output.into()))
    }
}
