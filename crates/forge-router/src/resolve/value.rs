//! Money.

use std::sync::Arc;

use forge_config::{KeyPath, Problem, ResolveContext};
use forge_core::{
    Money,
    model::{Price, Rate, Tier},
    storage::budget::Scope,
    tags::Tags,
};

use super::Resolver;
use crate::{
    code,
    plan::{Budget, Cap},
    spec::{BudgetSpec, PriceSpec, TagBudgetSpec},
};

/// No price and no budget is higher, in dollars.
const HIGHEST: f64 = 1e6;

/// Dollars as whole nano-dollars, rounded as the decimal number that the file has.
pub(super) fn money(context: &mut ResolveContext<'_>, dollars: Option<f64>, path: &KeyPath) -> Option<Money> {
    let dollars = context.number(dollars, 0.0..=HIGHEST, path)?;
    // Nine decimals are nano-dollars; `abs` takes the sign off a negative zero.
    format!("{:.9}", dollars.abs()).parse().ok()
}

impl Resolver<'_, '_> {
    fn money(&mut self, dollars: Option<f64>, path: &KeyPath) -> Option<Money> {
        money(self.context, dollars, path)
    }

    /// A price with one tier. What is left out of its cache classes is priced as plain input.
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

    /// A budget; one that is not there has no caps.
    pub(super) fn budget(&mut self, spec: Option<&BudgetSpec>, path: &KeyPath) -> Budget {
        let Some(spec) = spec else { return Budget::default() };
        let mut cap = |dollars: (&str, Option<f64>), tokens: (&str, Option<i64>)| Cap {
            money: self.money(dollars.1, &path.key(dollars.0)),
            tokens: self.context.integer(tokens.1, 1..=i64::MAX, &path.key(tokens.0)),
        };
        Budget {
            call: cap(("per_call_usd", spec.per_call_usd), ("per_call_tokens", spec.per_call_tokens)),
            session: cap(
                ("per_session_usd", spec.per_session_usd),
                ("per_session_tokens", spec.per_session_tokens),
            ),
            day: cap(("per_day_usd", spec.per_day_usd), ("per_day_tokens", spec.per_day_tokens)),
            month: cap(("per_month_usd", spec.per_month_usd), ("per_month_tokens", spec.per_month_tokens)),
            ever: cap(("total_usd", spec.total_usd), ("total_tokens", spec.total_tokens)),
        }
    }

    /// A budget for the calls with a tag.
    pub(super) fn tag_budget(&mut self, spec: &TagBudgetSpec, path: &KeyPath) -> Option<(Scope, Budget)> {
        let budget = self.budget(spec.budget.as_ref(), &path.key("budget"));
        if budget == Budget::default() {
            let problem = Problem::new(code::MISSING, path.key("budget"), "the budget has no cap");
            self.report(problem.with_hint("write for example `budget: { per_month_usd: 50 }`"));
        }
        let Some(key) = spec.tag.as_deref() else {
            let problem = Problem::new(code::MISSING, path.key("tag"), "the budget has no tag");
            self.report(problem.with_hint("name the tag of its calls, such as `tag: team`"));
            return None;
        };
        // A tag that no call can have would be a budget that holds for nothing.
        if let Err(error) = Tags::default().with(key, spec.value.clone().unwrap_or_default()) {
            self.report(Problem::new(code::OUT_OF_RANGE, path.key("tag"), error.to_string()));
            return None;
        }
        let value = spec.value.as_deref().map(Arc::from);
        Some((Scope::Tag { key: key.into(), value }, budget))
    }
}
