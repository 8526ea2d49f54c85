//! The door to budgets: reserve before a call, settle after it.

mod rule;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::rule::{BudgetRule, Period, Scope, caps, renewed_at};
use super::StorageError;
use crate::{tags::Tags, usage::Money};

/// What is limited: money and tokens side by side.
///
/// Exhaustive on purpose: sums and differences hold side by side, and a new side is a new kind of budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "money and tokens are all that is limited")]
pub struct Amount {
    /// Money.
    pub money: Money,
    /// Tokens of every class.
    pub tokens: u64,
}

impl Amount {
    /// This much money and this many tokens.
    pub const fn new(money: Money, tokens: u64) -> Self {
        Self { money, tokens }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { money: self.money + other.money, tokens: self.tokens.saturating_add(other.tokens) }
    }

    /// What is left after taking `other`, on each side at least nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            // Less than nothing would be room that no cap has.
            money: self.money.checked_sub(other.money).unwrap_or_default(),
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }
}

/// One budget and its cap, such as `session:42` or `day:2026-11-20`. An unset side has no cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BudgetCap {
    /// The budget's name.
    pub key: String,
    /// The most money.
    pub money: Option<Money>,
    /// The most tokens.
    pub tokens: Option<u64>,
    /// Whether it holds for each call by itself, so that nothing is summed up under its name.
    #[serde(default)]
    pub per_call: bool,
    /// Whether its refusal ends the call. Otherwise a cheaper route may answer.
    #[serde(default)]
    pub firm: bool,
}

impl BudgetCap {
    /// A budget without a cap.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), money: None, tokens: None, per_call: false, firm: false }
    }

    /// The same budget with a cap on money.
    pub fn with_money(mut self, money: impl Into<Option<Money>>) -> Self {
        self.money = money.into();
        self
    }

    /// The same budget with a cap on tokens.
    pub fn with_tokens(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.tokens = tokens.into();
        self
    }

    /// The same cap for each call by itself.
    pub fn for_each_call(mut self) -> Self {
        self.per_call = true;
        self
    }

    /// The same cap, whose refusal ends the call: nobody cheaper answers in its place.
    pub fn firm(mut self) -> Self {
        self.firm = true;
        self
    }

    /// Whether it is firm and has refused a call with this error.
    pub fn ends(&self, error: &BudgetError) -> bool {
        self.firm && matches!(error, BudgetError::Exceeded { key, .. } if *key == self.key)
    }

    /// Whether a total of `amount` keeps to the cap.
    pub fn allows(&self, amount: Amount) -> bool {
        self.money.is_none_or(|cap| amount.money <= cap) && self.tokens.is_none_or(|cap| amount.tokens <= cap)
    }

    /// Whether there is room for `amount` beside what is spent.
    pub fn has_room(&self, spent: Spent, amount: Amount) -> bool {
        // Calls under way count with all that they may take, so that many at once never overspend.
        let before = if self.per_call { Amount::default() } else { spent.booked.plus(spent.reserved) };
        self.allows(before.plus(amount))
    }

    /// Whether there would be room for `amount` if nothing were set aside for other calls.
    pub fn has_room_without_reservations(&self, spent: Spent, amount: Amount) -> bool {
        self.has_room(Spent { reserved: Amount::default(), ..spent }, amount)
    }
}

/// An amount set aside for one call. Settle or release it; a holder that dies loses it after a time
/// that the store sets.
///
/// Exhaustive on purpose: it is one number, which callers keep where they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a number and nothing else")]
pub struct ReservationId(pub u64);

/// Who holds a reservation: a piece of work, such as a session, and which run of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// The work, such as the name of a session's stream.
    pub owner: Arc<str>,
    /// Which run of it, if there may be several.
    pub instance: Option<Arc<str>>,
}

impl Holder {
    /// The work of this name.
    pub fn new(owner: impl Into<Arc<str>>) -> Self {
        Self { owner: owner.into(), instance: None }
    }

    /// The same work, in this run.
    pub fn with_instance(mut self, instance: impl Into<Arc<str>>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// On whose behalf a call is made: its session or else its task, and its worker.
    pub fn of(tags: &Tags) -> Option<Self> {
        // The session first, because whoever takes it over settles under its name.
        let owner = tags.session().or(tags.task())?;
        Some(Self { owner: owner.into(), instance: tags.worker().map(Arc::from) })
    }

    /// Whether `other` is this work, in this run or, where that is not said, in any.
    pub fn includes(&self, other: &Self) -> bool {
        self.owner == other.owner && (self.instance.is_none() || self.instance == other.instance)
    }
}

/// What is booked for the calls of a holder that died. Nobody knows what those took.
///
/// Exhaustive on purpose: stores do either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "every store has to follow each of them")]
pub enum DeadCharge {
    /// All that was set aside: a budget is rather used up too early than too late.
    #[default]
    Reserved,
    /// This much for each call.
    Each(Amount),
}

impl DeadCharge {
    /// What is booked for a call with this reservation.
    pub fn of(self, reserved: Amount) -> Amount {
        match self {
            Self::Reserved => reserved,
            Self::Each(amount) => amount,
        }
    }
}

/// Keeps budgets. Two callers can never both take the last cent.
#[async_trait]
pub trait BudgetStore: fmt::Debug + Send + Sync + 'static {
    /// Sets `amount` aside in every budget of `caps`, or in none. `holder` is who can be asked about it, and whose
    /// open reservations can be [settled](Self::settle_holder) when it has died.
    ///
    /// # Errors
    /// [`BudgetError::Exceeded`] names the first budget without room, and who stands in the way.
    async fn reserve(
        &self,
        caps: &[BudgetCap],
        amount: Amount,
        holder: Option<&Holder>,
    ) -> Result<ReservationId, BudgetError>;

    /// Books what the call really took and frees the rest. Returns at once, so that it can be called
    /// on drop. A reservation that lapsed is booked all the same; one that was settled is not booked again.
    fn settle(&self, reservation: ReservationId, actual: Amount);

    /// Frees the whole reservation. Returns at once.
    fn release(&self, reservation: ReservationId);

    /// What is booked and what is set aside in the budget `key`.
    async fn spent(&self, key: &str) -> Result<Spent, BudgetError>;

    /// Settles every open reservation of a holder that died, and returns how many those were. Whoever takes over a
    /// session calls it with the session's name; without an instance, the reservations of all runs are meant.
    async fn settle_holder(&self, holder: &Holder, charge: DeadCharge) -> Result<u64, BudgetError>;
}

/// The state of a budget.
///
/// Exhaustive on purpose: what is booked and what is set aside are all that a budget has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "an amount is booked or set aside")]
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
    #[error("budget `{key}` has no room for this call; {}", advice(blocked_by.as_ref()))]
    Exceeded {
        /// The budget.
        key: String,
        /// The reservation that stands in the way, where there would be room without reservations.
        blocked_by: Option<Blocker>,
    },
    /// The storage behind it failed.
    #[error("the budget could not be read or written")]
    Storage(#[from] StorageError),
}

impl BudgetError {
    /// The budget `key` has no room, whatever is set aside in it.
    pub fn exceeded(key: impl Into<String>) -> Self {
        Self::Exceeded { key: key.into(), blocked_by: None }
    }

    /// The budget `key` has no room because of what is set aside in it.
    pub fn blocked(key: impl Into<String>, blocker: Blocker) -> Self {
        Self::Exceeded { key: key.into(), blocked_by: Some(blocker) }
    }
}

/// A reservation that stands in the way of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// Who holds it, if it said so.
    pub holder: Option<Holder>,
    /// Whether its process has not renewed it when it should have: most likely it died.
    pub silent: bool,
    /// When it lapses by itself unless it is renewed.
    pub free_in: Option<Duration>,
}

impl Blocker {
    /// A reservation of `holder`, which is at work.
    pub fn new(holder: Option<Holder>) -> Self {
        Self { holder, silent: false, free_in: None }
    }

    /// The same, which lapses after this time; `silent` if its process has most likely died.
    pub fn lapsing(mut self, free_in: Duration, silent: bool) -> Self {
        (self.free_in, self.silent) = (Some(free_in), silent);
        self
    }
}

/// Such as "held by `s-1`, a run that died, free in 4 min".
impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("held by ")?;
        match (&self.holder, self.silent) {
            (Some(holder), true) => write!(f, "`{}`, a run that died", holder.owner)?,
            (Some(holder), false) => write!(f, "`{}`", holder.owner)?,
            (None, true) => f.write_str("a run that died")?,
            (None, false) => f.write_str("other calls")?,
        }
        match self.free_in {
            // A holder at work renews, so that the time of its lease says nothing about its end.
            Some(time) if self.silent => write!(f, ", free in {} min", time.as_secs().div_ceil(60)),
            _ => Ok(()),
        }
    }
}

fn advice(blocker: Option<&Blocker>) -> String {
    match blocker {
        Some(blocker) => format!("a part of it is {blocker}"),
        None => "raise it or wait for its next period".to_owned(),
    }
}
