//! The worst case of a call, its actual charge, and budget marks.
//!
//! Two kinds of budget meet a session. Its own caps are kept by the planner: what a call may take at most
//! stands in its intent, and counts until the call ends. Budgets outside of it refuse a call like a vendor
//! does; such a refusal pauses the session where others will make room, and leaves the seat out where nobody
//! will.

use std::{error::Error, fmt, sync::Arc};

use chrono::{DateTime, Utc};
use forge_core::{
    ErrorKind, ModelRequest, Money, Participant, ProviderError, TokenCount,
    error::Phase,
    request::RequestSize,
    storage::{
        accounts::Served,
        budget::{Amount, BudgetError, renewed_at},
        journal::StreamName,
    },
};
use serde::{Deserialize, Serialize};

use crate::plan::Caps;

/// What tokens cost with a participant; `None` if its price is unknown. For a participant that stands for a
/// route, the highest price among those that may serve it.
///
/// Without a word on how the call was served it is the most that it can cost.
pub type Prices = Arc<dyn Fn(&Participant, &TokenCount, Option<&Served>) -> Option<Money> + Send + Sync>;

/// No price is known. Caps on money then hold back nothing; those on tokens do.
pub fn no_prices() -> Prices {
    Arc::new(|_, _, _| None)
}

type Price<'a> = dyn Fn(&Participant, &TokenCount, Option<&Served>) -> Option<Money> + Send + Sync + 'a;

/// The most that `request` can cost: every byte of its text a token, and every token of the answer used. And
/// whether its price is known; if not, the amount holds no money.
pub(crate) fn worst_case(
    prices: &Price<'_>,
    participant: &Participant,
    request: &ModelRequest,
) -> (Amount, bool) {
    worst_case_with(prices, participant, request, 0)
}

/// The same for a request that is larger by so many tokens.
pub(crate) fn worst_case_with(
    prices: &Price<'_>,
    participant: &Participant,
    request: &ModelRequest,
    more: u64,
) -> (Amount, bool) {
    let input = RequestSize::of(request).most_input().saturating_add(more);
    let output = u64::from(request.max_tokens.unwrap_or(0));
    let tokens = TokenCount::default().with_input(input).with_output(output);
    let money = prices(participant, &tokens, None);
    (Amount { money: money.unwrap_or_default(), tokens: input.saturating_add(output) }, money.is_some())
}

/// What an answered call takes from the budget: what it cost, or what was set aside where that is unknown.
pub(crate) fn charged(reserved: Amount, cost: Option<Money>, tokens: &TokenCount) -> Amount {
    let total =
        tokens.total_input().zip(tokens.total_output()).map(|(input, output)| input.saturating_add(output));
    Amount { money: cost.unwrap_or(reserved.money), tokens: total.unwrap_or(reserved.tokens) }
}

/// What a failed call takes from the budget: all that was set aside where the vendor may bill it, nothing
/// where it refused the call.
pub(crate) fn charged_for_failure(reserved: Amount, kind: ErrorKind, phase: Phase) -> Amount {
    let billed = match phase {
        Phase::BeforeSend => false,
        Phase::AfterOutput => true,
        Phase::BeforeOutput => match kind {
            // The vendor may have worked on the prompt before these. The others are its own refusals, which
            // it does not bill.
            ErrorKind::Timeout
            | ErrorKind::Transport
            | ErrorKind::Truncated
            | ErrorKind::Cancelled
            | ErrorKind::Decode
            | ErrorKind::Empty
            | ErrorKind::Malformed
            | ErrorKind::ContentFiltered
            | ErrorKind::Refusal => true,
            ErrorKind::RateLimited
            | ErrorKind::Overloaded
            | ErrorKind::Server
            | ErrorKind::Authentication
            | ErrorKind::Permission
            | ErrorKind::QuotaExhausted
            | ErrorKind::ModelNotFound
            | ErrorKind::CircuitOpen
            | ErrorKind::ContextTooLong
            | ErrorKind::InvalidRequest
            | ErrorKind::Unsupported
            | ErrorKind::StateRejected
            | ErrorKind::BudgetExceeded => false,
        },
    };
    if billed { reserved } else { Amount::default() }
}

/// A budget that is not the session's own and has no room for its next call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct BudgetHold {
    /// The budget's name, such as `day:2026-11-28`.
    pub budget: String,
    /// Why it has no room, in words.
    pub message: String,
    /// When it has room again at the latest, as far as known.
    pub free_at: Option<DateTime<Utc>>,
    /// Whether only calls of the session itself are in the way, so that it goes on when they have ended.
    #[serde(default)]
    pub passing: bool,
}

impl fmt::Display for BudgetHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.free_at {
            Some(at) => write!(f, "; free at {} UTC at the latest", at.format("%Y-%m-%d %H:%M")),
            None => Ok(()),
        }
    }
}

/// What a budget that stands outside of the session says no to.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The cap is the session's own, or no time makes room under it.
    Own,
    /// The cap is shared with others, and has room again some day.
    Shared {
        hold: BudgetHold,
        /// Whether it holds for one provider alone, so that another may have room.
        of_provider: bool,
    },
}

/// The refusal of a budget behind the failure of a call, if there is one.
pub(crate) fn refusal(error: &ProviderError, session: &StreamName, now: DateTime<Utc>) -> Option<Refusal> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    let found = loop {
        // Layers and routers wrap it, at whatever depth.
        match cause?.downcast_ref::<BudgetError>() {
            Some(found) => break found,
            None => cause = cause?.source(),
        }
    };
    let BudgetError::Exceeded { key, blocked_by, .. } = found else { return None };
    let renewed = renewed_at(key);
    // Neither time nor the end of somebody else's call makes room here, so that waiting is in vain.
    if renewed.is_none() && (key.ends_with(&format!("session:{session}")) || blocked_by.is_none()) {
        return Some(Refusal::Own);
    }
    // What a run that died holds lapses by itself; what others hold may be free at any time before.
    let lapses = blocked_by.as_ref().filter(|blocker| blocker.silent).and_then(|blocker| blocker.free_in);
    let lapses = lapses.and_then(|time| now.checked_add_signed(chrono::Duration::from_std(time).ok()?));
    let free_at = [renewed, lapses].into_iter().flatten().min();
    let owner = blocked_by.as_ref().and_then(|blocker| blocker.holder.as_ref()).map(|holder| &*holder.owner);
    let passing = owner == Some(session.as_str());
    let hold = BudgetHold { budget: key.clone(), message: found.to_string(), free_at, passing };
    Some(Refusal::Shared { hold, of_provider: key.starts_with("provider:") })
}

/// The highest of 50, 75 and 90 % that `used` has reached of any cap.
pub(crate) fn reached(caps: &Caps, used: Amount) -> Option<BudgetMark> {
    let share = |used: u64, cap: Option<u64>| cap.map_or(0.0, |cap| used as f64 / cap.max(1) as f64);
    let money = share(used.money.nanos(), caps.money.map(Money::nanos));
    let share = money.max(share(used.tokens, caps.tokens));
    // Downwards: who jumps over a mark is told of the highest one alone.
    [BudgetMark::Ninety, BudgetMark::ThreeQuarters, BudgetMark::Half]
        .into_iter()
        .find(|mark| share * 100.0 >= f64::from(mark.percent()))
}

/// How far a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BudgetMark {
    Half,
    ThreeQuarters,
    Ninety,
}

impl BudgetMark {
    pub(crate) const fn percent(self) -> u8 {
        match self {
            Self::Half => 50,
            Self::ThreeQuarters => 75,
            Self::Ninety => 90,
        }
    }
}

impl fmt::Display for BudgetMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_due_at_half_three_quarters_and_nine_tenths_of_either_cap() {
        let caps = Caps { money: Some(Money::from_nanos(1_000)), tokens: Some(100), ..Caps::default() };
        let reached = |money, tokens| reached(&caps, Amount { money: Money::from_nanos(money), tokens });
        assert_eq!(reached(499, 49), None);
        assert_eq!(reached(500, 0), Some(BudgetMark::Half));
        assert_eq!(reached(0, 75), Some(BudgetMark::ThreeQuarters));
        assert_eq!(reached(900, 10), Some(BudgetMark::Ninety));
    }

    #[test]
    fn an_unknown_cost_takes_all_that_was_set_aside() {
        let reserved = Amount { money: Money::from_nanos(9), tokens: 90 };
        assert_eq!(charged(reserved, None, &TokenCount::default()), reserved);
        let tokens = TokenCount::default().with_input(1).with_output(2);
        let known = Amount { money: Money::from_nanos(3), tokens: 3 };
        assert_eq!(charged(reserved, Some(Money::from_nanos(3)), &tokens), known);
        assert_eq!(charged_for_failure(reserved, ErrorKind::Timeout, Phase::BeforeOutput), reserved);
        assert_eq!(
            charged_for_failure(reserved, ErrorKind::RateLimited, Phase::BeforeOutput),
            Amount::default()
        );
        assert_eq!(charged_for_failure(reserved, ErrorKind::Timeout, Phase::BeforeSend), Amount::default());
    }
}
