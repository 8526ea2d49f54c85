//! The door to budgets: reserve before a call, settle after it.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Money, StorageError};

/// What is limited: money and tokens side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Amount {
    /// Money.
    pub money: Money,
    /// Tokens of every class.
    pub tokens: u64,
}

impl Amount {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { money: self.money + other.money, tokens: self.tokens.saturating_add(other.tokens) }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            money: self.money.checked_sub(other.money).unwrap_or_default(),
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }
}

/// One budget and its cap, such as `session:42` or `day:2026-11-20`. An unset side has no cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetCap {
    /// The budget's name.
    pub key: String,
    /// The most money.
    pub money: Option<Money>,
    /// The most tokens.
    pub tokens: Option<u64>,
}

impl BudgetCap {
    /// Whether a total of `amount` keeps to the cap.
    pub fn allows(&self, amount: Amount) -> bool {
        self.money.is_none_or(|cap| amount.money <= cap) && self.tokens.is_none_or(|cap| amount.tokens <= cap)
    }
}

/// An amount set aside for one call. Settle or release it; a holder that dies loses it after a time
/// that the store sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReservationId(pub u64);

/// Keeps budgets. Two callers can never both take the last cent.
#[async_trait]
pub trait BudgetStore: fmt::Debug + Send + Sync + 'static {
    /// Sets `amount` aside in every budget of `caps`, or in none.
    ///
    /// # Errors
    /// [`BudgetError::Exceeded`] names the first budget without room.
    async fn reserve(&self, caps: &[BudgetCap], amount: Amount) -> Result<ReservationId, BudgetError>;

    /// Books what the call really took and frees the rest. Returns at once, so that it can be called
    /// on drop. A reservation that is not there any more is booked all the same.
    fn settle(&self, reservation: ReservationId, actual: Amount);

    /// Frees the whole reservation. Returns at once.
    fn release(&self, reservation: ReservationId);

    /// What is booked and what is set aside in the budget `key`.
    async fn spent(&self, key: &str) -> Result<Spent, BudgetError>;
}

/// The state of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Booked.
    pub booked: Amount,
    /// Set aside for calls that are under way.
    pub reserved: Amount,
}

/// Why a budget refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// There is no room.
    #[error("budget `{key}` has no room for this call; raise it or wait for its next period")]
    Exceeded {
        /// The budget.
        key: String,
    },
    /// The storage behind it failed.
    #[error("the budget could not be read or written")]
    Storage(#[from] StorageError),
}
