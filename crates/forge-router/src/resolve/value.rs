//! Money.

use forge_config::KeyPath;
use forge_core::Money;

use super::Resolver;
use crate::{Budget, BudgetSpec, Cap};

/// No price and no budget is higher, in dollars.
const HIGHEST: f64 = 1e6;

impl Resolver<'_, '_> {
    pub(super) fn money(&mut self, dollars: Option<f64>, path: &KeyPath) -> Option<Money> {
        let dollars = self.context.number(dollars, 0.0..=HIGHEST, path)?;
        // Nine decimals are nano-dollars; `abs` takes the sign off a negative zero.
        format!("{:.9}", dollars.abs()).parse().ok()
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
