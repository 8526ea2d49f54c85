//! Money.

use forge_config::{KeyPath, Problem};
use forge_core::{Money, Price, Rate, Tier};

use super::Resolver;
use crate::{Budget, BudgetSpec, Cap, PriceSpec, code};

/// No price and no budget is higher, in dollars.
const HIGHEST: f64 = 1e6;

impl Resolver<'_, '_> {
    pub(super) fn money(&mut self, dollars: Option<f64>, path: &KeyPath) -> Option<Money> {
        let dollars = self.context.number(dollars, 0.0..=HIGHEST, path)?;
        // Nine decimals are nano-dollars; `abs` takes the sign off a negative zero.
        format!("{:.9}", dollars.abs()).parse().ok()
    }

    pub(super) fn price(&mut self, spec: &PriceSpec, path: &KeyPath) -> Option<Price> {
        for (key, value) in [("input", spec.input), ("output", spec.output)] {
            if value.is_none() {
                let message = format!("the price has no `{key}`");
                let hint = "write the dollars per million tokens";
                self.report(Problem::new(code::MISSING, path.key(key), message).with_hint(hint));
            }
        }
        let mut rate = |key: &str, value| self.money(value, &path.key(key)).map(Rate::per_million);
        let (input, output) = (rate("input", spec.input), rate("output", spec.output));
        let tier = Tier {
            above_input_tokens: 0,
            cache_read: rate("cache_read", spec.cache_read),
            cache_write_5m: rate("cache_write", spec.cache_write),
            cache_write_1h: None,
            input: input?,
            output: output?,
        };
        Some(Price { effective_from: None, effective_to: None, tiers: vec![tier] })
    }

    pub(super) fn budget(&mut self, spec: Option<&BudgetSpec>, path: &KeyPath) -> Budget {
        let Some(spec) = spec else { return Budget::default() };
        let mut cap = |dollars: (&str, Option<f64>), tokens: (&str, Option<i64>)| Cap {
            money: self.money(dollars.1, &path.key(dollars.0)),
            tokens: self.context.integer(tokens.1, 1..=i64::MAX, &path.key(tokens.0)),
        };
        Budget {
            session: cap(
                ("per_session_usd", spec.per_session_usd),
                ("per_session_tokens", spec.per_session_tokens),
            ),
            day: cap(("per_day_usd", spec.per_day_usd), ("per_day_tokens", spec.per_day_tokens)),
        }
    }
}
