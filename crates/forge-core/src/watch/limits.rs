//! What stands in the way of calls: circuits and budgets.

#![allow(
    clippy::exhaustive_structs,
    reason = "whoever publishes an event says something about each of its facts"
)]

use serde::Serialize;

use crate::{
    error_kind::ErrorKind,
    id::ProviderId,
    storage::budget::{Amount, BudgetCap},
    usage::Money,
};

/// The circuit of a provider has changed. One with several keys has a circuit for each.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the circuit breaker of each route")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who watches the health of providers")))]
pub struct CircuitChanged {
    /// The provider.
    pub provider: ProviderId,
    /// Where the circuit stands now.
    pub state: CircuitState,
    /// What opened it; null once it is closed.
    pub cause: Option<ErrorKind>,
    /// For how many milliseconds it stays open.
    pub open_ms: Option<u64>,
}

/// Where a circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a circuit has no other states")]
pub enum CircuitState {
    /// Calls pass.
    Closed,
    /// Calls go elsewhere.
    Open,
    /// One call tries whether the provider answers again.
    HalfOpen,
}

/// A part of a budget is used up: 75 or 90 per cent, or what a session says of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("x-written-by" = "the router, before the next call that the budget holds for; a session for its own"))
)]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who has to raise a budget in time")))]
pub struct BudgetWarned {
    /// The part that is used up, in per cent.
    pub percent: u8,
    /// The budget.
    #[serde(flatten)]
    pub budget: BudgetState,
}

/// A budget has refused a call. It is told once, and again when there was room in between.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the router, when a call finds no room")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who has to raise a budget")))]
pub struct BudgetExceeded {
    /// The budget.
    #[serde(flatten)]
    pub budget: BudgetState,
}

/// A budget and what is used of it: booked, and set aside for calls under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BudgetState {
    /// For whom and for how long it holds, such as `day:2026-11-20` or `tag:team:red:month:2026-11`.
    pub scope: String,
    /// Money that is used, in billionths of a dollar.
    pub used_nano_usd: Money,
    /// The most money; null if money has no cap here.
    pub cap_nano_usd: Option<Money>,
    /// Tokens that are used.
    pub used_tokens: u64,
    /// The most tokens; null if tokens have no cap here.
    pub cap_tokens: Option<u64>,
}

impl BudgetState {
    /// What `used` is of this cap.
    pub fn new(cap: &BudgetCap, used: Amount) -> Self {
        Self {
            scope: cap.key.clone(),
            used_nano_usd: used.money,
            cap_nano_usd: cap.money,
            used_tokens: used.tokens,
            cap_tokens: cap.tokens,
        }
    }
}
