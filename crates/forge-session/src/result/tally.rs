//! The outcome of a session in one line.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    capture_recapture,
    finding::FindingState,
    state::State,
    stop::{PanelQuality, Stop},
};

/// The outcome of a session in numbers. Duplicates count once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Tally {
    /// Critics of the largest panel that said anything.
    pub critics: u32,
    /// Faults raised, of every severity.
    pub faults: u32,
    /// Faults fixed in the text.
    pub fixed: u32,
    /// Faults rejected.
    pub rejected: u32,
    /// Critics who had raised those, one vote for each critic and fault.
    pub votes_against: u32,
    /// Faults left.
    pub left: u32,
    /// A lower bound for the critical and major faults that the last panel missed, by the estimate of Chao for
    /// capture and recapture over what only one of its critics saw. For one small text it says next to nothing. `None`
    /// where a panel had fewer than two seats.
    pub unseen: Option<f64>,
    /// Critics that read the delivered text blind and found nothing that must change; 0 if none did.
    pub confirmed_by: u32,
}

impl Tally {
    pub(super) fn of(state: &State, panels: &[PanelQuality]) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        // A duplicate is no fault of its own, whoever raised it.
        let distinct = || state.ledger.findings().filter(|one| one.state != FindingState::Duplicate);
        let of =
            |states: &[FindingState]| count(distinct().filter(|one| states.contains(&one.state)).count());
        let votes = distinct().filter(|one| one.state == FindingState::Rejected).map(|one| {
            (one.cycle..=state.cycle()).map(|cycle| state.ledger.seats(one, cycle).len()).sum::<usize>()
        });
        let last = panels.last();
        let confirmed = matches!(state.stopped, Some((Stop::Dry, _)));
        Self {
            critics: panels.iter().map(|panel| panel.spoke).max().unwrap_or(0),
            faults: count(distinct().count()),
            fixed: of(&[FindingState::Accepted, FindingState::Settled]),
            rejected: of(&[FindingState::Rejected]),
            votes_against: count(votes.sum()),
            left: of(&[FindingState::Open, FindingState::Deferred]),
            unseen: last.and_then(|panel| panel.unseen),
            confirmed_by: last.filter(|_| confirmed).map_or(0, |panel| panel.spoke),
        }
    }
}

/// `3 critics, 5 faults, 3 fixed, 1 rejected against 1 vote, 1 left, at least about 2 more`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural =
            |number: u32, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        write!(f, "{}, {}", plural(self.critics, "critic"), plural(self.faults, "fault"))?;
        if self.faults > 0 {
            write!(f, ", {} fixed", self.fixed)?;
        }
        if self.rejected > 0 {
            write!(f, ", {} rejected against {}", self.rejected, plural(self.votes_against, "vote"))?;
        }
        if self.faults > 0 {
            write!(f, ", {} left", self.left)?;
        }
        match self.unseen.filter(|unseen| *unseen >= capture_recapture::LIKELY) {
            Some(unseen) => write!(f, ", at least about {} more", unseen.round().max(1.0)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_there_is_and_no_more() {
        let mut tally = Tally {
            critics: 3,
            faults: 5,
            fixed: 3,
            rejected: 1,
            votes_against: 1,
            left: 1,
            ..Tally::default()
        };
        tally.unseen = Some(1.6);
        let line = "3 critics, 5 faults, 3 fixed, 1 rejected against 1 vote, 1 left, at least about 2 more";
        assert_eq!(tally.to_string(), line);
        let one = Tally { critics: 1, unseen: Some(0.4), ..Tally::default() };
        assert_eq!(one.to_string(), "1 critic, 0 faults");
    }
}
