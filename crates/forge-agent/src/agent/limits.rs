//! How far an agent may go.

use forge_core::Money;
use serde::{Deserialize, Serialize};

/// How far an agent may go. What is unset limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AgentLimits {
    /// Calls of the model. The last one is made without tools, so that it has to answer.
    pub steps: u32,
    /// How often an answer that the host refuses may be mended.
    pub repairs: u32,
    /// Tokens of one answer.
    pub output_tokens: u32,
    /// Tokens of all calls, input and output.
    pub tokens: Option<u64>,
    /// Money for all calls. A call begins only while less is spent; what it may take itself is for a budget to hold.
    #[serde(rename = "money_nano_usd")]
    pub money: Option<Money>,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self { steps: 16, repairs: 2, output_tokens: 16_000, tokens: None, money: None }
    }
}

impl AgentLimits {
    /// The same with so many calls, at least one.
    pub fn with_steps(mut self, steps: u32) -> Self {
        self.steps = steps.max(1);
        self
    }

    /// The same with so many repairs.
    pub fn with_repairs(mut self, repairs: u32) -> Self {
        self.repairs = repairs;
        self
    }

    /// The same with a cap on the tokens of all calls.
    pub fn with_tokens(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.tokens = tokens.into();
        self
    }

    /// The same with a cap on the money of all calls.
    pub fn with_money(mut self, money: impl Into<Option<Money>>) -> Self {
        self.money = money.into();
        self
    }
}
