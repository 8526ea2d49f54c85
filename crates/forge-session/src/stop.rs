//! When a session ends, and how.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Mode;

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Planned; nothing was asked yet.
    Initialized,
    /// Under way.
    InProgress,
    /// Held by the user.
    Paused,
    /// Ended: no critical or major finding is open after a check.
    Converged,
    /// Ended for another reason; see the stop reason.
    Complete,
    /// Broken off.
    Aborted,
    /// Out of time.
    TimedOut,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// No critical or major finding is open after a check.
    NothingOpen,
    /// Every stage of its mode is done.
    AllStagesDone,
    /// Two cycles in a row settled no critical or major finding.
    NoProgress,
    /// It had as many cycles as it may have.
    MaxCycles,
    /// The revision could not be checked.
    Unchecked,
    /// No critic answered.
    NoCritic,
    /// No synthesizer answered.
    NoSynthesis,
    /// No drafter answered.
    NoDraft,
    /// Its time is over.
    Deadline,
    /// The rest does not fit into the budget.
    Budget,
    /// The attendant has enough.
    UserSatisfied,
    /// The user broke it off.
    UserAborted,
}

impl Stop {
    /// The status that a session ends with for this reason.
    pub const fn status(self) -> SessionStatus {
        match self {
            Self::NothingOpen => SessionStatus::Converged,
            Self::AllStagesDone
            | Self::NoProgress
            | Self::MaxCycles
            | Self::Unchecked
            | Self::NoCritic
            | Self::NoSynthesis
            | Self::Budget
            | Self::UserSatisfied => SessionStatus::Complete,
            Self::NoDraft | Self::UserAborted => SessionStatus::Aborted,
            Self::Deadline => SessionStatus::TimedOut,
        }
    }

    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingOpen => "nothing_open",
            Self::AllStagesDone => "all_stages_done",
            Self::NoProgress => "no_progress",
            Self::MaxCycles => "max_cycles",
            Self::Unchecked => "unchecked",
            Self::NoCritic => "no_critic",
            Self::NoSynthesis => "no_synthesis",
            Self::NoDraft => "no_draft",
            Self::Deadline => "deadline",
            Self::Budget => "budget",
            Self::UserSatisfied => "user_satisfied",
            Self::UserAborted => "user_aborted",
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NothingOpen => "no critical or major finding is open",
            Self::AllStagesDone => "every stage is done",
            Self::NoProgress => "two cycles settled no critical or major finding",
            Self::MaxCycles => "the last cycle is done",
            Self::Unchecked => "the revision could not be checked",
            Self::NoCritic => "no critic answered",
            Self::NoSynthesis => "no synthesizer answered",
            Self::NoDraft => "no drafter answered",
            Self::Deadline => "the time is over",
            Self::Budget => "the rest does not fit into the budget",
            Self::UserSatisfied => "the user has enough",
            Self::UserAborted => "the user broke it off",
        })
    }
}

/// A cycle that is over, as far as the stop rule looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed {
    /// Critical and major findings that are open.
    pub(crate) open: u32,
    /// Critical and major findings that it settled.
    pub(crate) settled: u32,
    /// Whether its version was checked, or needed no check because nothing was changed.
    pub(crate) checked: bool,
}

/// Whether the session ends after these cycles.
pub(crate) fn after(mode: Mode, max_cycles: u32, closed: &[Closed]) -> Option<Stop> {
    let last = closed.last()?;
    match mode {
        Mode::Direct | Mode::Review => return Some(Stop::AllStagesDone),
        Mode::Council => {}
    }
    if !last.checked {
        return Some(Stop::Unchecked);
    }
    if last.open == 0 {
        return Some(Stop::NothingOpen);
    }
    if let [.., before, last] = closed
        && before.settled == 0
        && last.settled == 0
    {
        return Some(Stop::NoProgress);
    }
    (closed.len() >= max_cycles as usize).then_some(Stop::MaxCycles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_holds_ends_the_session() {
        let cycle = |open, settled| Closed { open, settled, checked: true };
        let unchecked = Closed { checked: false, ..cycle(0, 1) };
        for (mode, closed, expected) in [
            (Mode::Council, vec![cycle(0, 3)], Some(Stop::NothingOpen)),
            (Mode::Council, vec![cycle(1, 3)], None),
            (Mode::Council, vec![cycle(1, 0)], None),
            (Mode::Council, vec![cycle(1, 0), cycle(1, 0)], Some(Stop::NoProgress)),
            (Mode::Council, vec![cycle(1, 0), cycle(1, 1)], None),
            (Mode::Council, vec![cycle(1, 1), cycle(1, 1), cycle(1, 1)], Some(Stop::MaxCycles)),
            (Mode::Council, vec![unchecked], Some(Stop::Unchecked)),
            (Mode::Review, vec![cycle(2, 0)], Some(Stop::AllStagesDone)),
            (Mode::Council, vec![], None),
        ] {
            assert_eq!(after(mode, 3, &closed), expected, "{mode:?} {closed:?}");
        }
    }
}
