//! The stop rule: when a session ends, and with which status.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{capture_recapture, stage::Mode};

/// The status of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Planned; no call was made yet.
    Initialized,
    /// In progress.
    InProgress,
    /// Paused by the user or a budget.
    Paused,
    /// Ended: a whole blind panel read the very text that is delivered, and nothing that must change was left.
    Converged,
    /// Ended: nothing that must change is open, but the last change was not read blind again, or more such faults
    /// are likely. The normal good end.
    Settled,
    /// Ended for another reason; see the stop reason.
    Complete,
    /// Aborted.
    Aborted,
    /// Out of time.
    TimedOut,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// A blind panel, not the first, raised nothing against the text that must change it.
    Dry,
    /// The first panel found nothing that must change. That alone proves nothing.
    NothingFound,
    /// No critical or major finding is open.
    NothingOpen,
    /// Every stage of its mode is done.
    AllStagesDone,
    /// Two cycles in a row settled no critical or major finding.
    NoProgress,
    /// It had as many cycles as it may have.
    MaxCycles,
    /// The revision could not be checked.
    Unchecked,
    /// Too few critics said anything.
    BelowQuorum,
    /// What most of the panel raised was rejected by the family that wrote the text.
    Contested,
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
    /// The approver skipped the remaining cycles.
    UserSatisfied,
    /// The user aborted it.
    UserAborted,
}

impl Stop {
    /// The status that this reason ends a session with, unless the last closed cycle left it settled.
    pub const fn status(self) -> SessionStatus {
        match self {
            Self::Dry => SessionStatus::Converged,
            Self::NothingFound | Self::NothingOpen => SessionStatus::Settled,
            Self::AllStagesDone
            | Self::NoProgress
            | Self::MaxCycles
            | Self::Unchecked
            | Self::BelowQuorum
            | Self::Contested
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
            Self::Dry => "dry",
            Self::NothingFound => "nothing_found",
            Self::NothingOpen => "nothing_open",
            Self::AllStagesDone => "all_stages_done",
            Self::NoProgress => "no_progress",
            Self::MaxCycles => "max_cycles",
            Self::Unchecked => "unchecked",
            Self::BelowQuorum => "below_quorum",
            Self::Contested => "contested",
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
            Self::Dry => "a blind panel found nothing that must change in this text",
            Self::NothingFound => "the critics found nothing that must change",
            Self::NothingOpen => "no critical or major finding is open",
            Self::AllStagesDone => "every stage is done",
            Self::NoProgress => "two cycles settled no critical or major finding",
            Self::MaxCycles => "the last cycle is done",
            Self::Unchecked => "the revision could not be checked",
            Self::BelowQuorum => "too few critics said anything",
            Self::Contested => "a finding of most critics was rejected by the family that wrote the text",
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

/// The quality of the panel of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PanelWorth"))]
pub struct PanelQuality {
    /// The cycle.
    pub cycle: u32,
    /// Critics that the settings ask for.
    pub wanted: u32,
    /// Critics that answered in time.
    pub answered: u32,
    /// Critics among them with a finding, or a strength with a quote from the text.
    pub spoke: u32,
    /// Whether that is enough.
    pub quorum: bool,
    /// Whether nothing blocking that it raised stood, and the text that it read stayed as it was.
    pub dry: bool,
    /// The least number of blocking faults that it missed, by what only one critic saw; see
    /// [`Tally::unseen`](crate::Tally).
    pub unseen: Option<f64>,
}

/// A closed cycle, as far as the stop rule reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ClosedCycle {
    /// Critical and major findings that are open.
    pub(crate) open: u32,
    /// Critical and major findings that it settled.
    pub(crate) settled: u32,
    /// Whether its decisions were checked, or needed no check.
    pub(crate) checked: bool,
    /// Whether its panel raised anything that blocks.
    pub(crate) raised: bool,
    /// What its panel was worth; `None` in journals of the first version, which did not say.
    pub(crate) panel: Option<PanelQuality>,
}

impl ClosedCycle {
    /// Whether enough critics spoke. Journals of the first version do not say, and pass.
    pub(crate) fn has_quorum(&self) -> bool {
        self.panel.is_none_or(|panel| panel.quorum)
    }

    /// Whether this cycle left nothing that must change.
    pub(crate) fn is_settled(&self) -> bool {
        self.open == 0 && self.checked && self.has_quorum()
    }

    /// Whether its panel was dry; unknown, in journals of the first version, is no.
    fn is_dry(&self) -> bool {
        self.panel.is_some_and(|panel| panel.dry)
    }

    /// Whether nothing speaks for more faults of that kind. An unknown estimate withholds nothing.
    fn is_likely_whole(&self) -> bool {
        self.panel.and_then(|panel| panel.unseen).is_none_or(|unseen| unseen < capture_recapture::LIKELY)
    }
}

/// Why the session ends after these cycles; `None` if it continues. `contested`: whether the family that wrote the text
/// rejected a finding of most of a panel.
///
/// The first reason that holds counts. A changed text is read again by a blind panel while a cycle is left, and the
/// session converges when that panel is dry. A first panel that finds nothing proves nothing: critics that overlooked
/// everything look the same. The estimate of unseen faults only withholds the status *converged*: it is too rough to ask for another cycle.
pub(crate) fn after(mode: Mode, max_cycles: u32, contested: bool, closed: &[ClosedCycle]) -> Option<Stop> {
    let last = closed.last()?;
    if mode == Mode::Direct {
        return Some(Stop::AllStagesDone);
    }
    // A panel that said nothing has not reviewed the text, whatever its findings add up to.
    if !last.has_quorum() {
        return Some(Stop::BelowQuorum);
    }
    // One cycle without a check is all of this mode, whatever it found.
    if mode == Mode::Review {
        return Some(if last.raised { Stop::AllStagesDone } else { Stop::NothingFound });
    }
    // Without a check, "accepted" is the claim of the synthesizer alone; another cycle would build on it.
    if !last.checked {
        return Some(Stop::Unchecked);
    }
    // The document stays as it is, so that what is confirmed of it does not go away.
    if mode == Mode::Judge {
        return Some(if last.raised { Stop::AllStagesDone } else { Stop::NothingFound });
    }
    let is_last = closed.len() >= max_cycles as usize;
    if last.open == 0 && (last.is_dry() || is_last) {
        let converged = last.is_dry() && closed.len() > 1 && last.is_likely_whole();
        // A contested rejection goes before every good end: one check does not outweigh a majority.
        return Some(match (contested, converged, last.raised) {
            (true, ..) => Stop::Contested,
            (false, true, _) => Stop::Dry,
            (false, false, false) if closed.len() == 1 => Stop::NothingFound,
            (false, false, _) => Stop::NothingOpen,
        });
    }
    // One cycle without progress may be bad luck; two show that these models cannot settle what is open.
    if let [.., before, last] = closed
        && before.settled == 0
        && last.settled == 0
        && last.open > 0
    {
        return Some(Stop::NoProgress);
    }
    is_last.then_some(Stop::MaxCycles)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(open: u32, settled: u32) -> ClosedCycle {
        let panel = PanelQuality {
            cycle: 1,
            wanted: 3,
            answered: 3,
            spoke: 3,
            quorum: true,
            dry: false,
            unseen: None,
        };
        ClosedCycle { open, settled, checked: true, raised: true, panel: Some(panel) }
    }

    fn with(closed: ClosedCycle, change: impl Fn(&mut PanelQuality)) -> ClosedCycle {
        ClosedCycle {
            panel: closed.panel.map(|mut panel| {
                change(&mut panel);
                panel
            }),
            ..closed
        }
    }

    #[test]
    fn the_first_rule_that_holds_ends_the_session() {
        let dry = with(cycle(0, 0), |panel| panel.dry = true);
        let silent = ClosedCycle { raised: false, ..dry };
        let hollow = with(silent, |panel| panel.quorum = false);
        let more = with(dry, |panel| panel.unseen = Some(0.5));
        let unchecked = ClosedCycle { checked: false, ..cycle(0, 1) };
        for (closed, expected) in [
            (vec![], None),
            (vec![cycle(0, 3)], None),
            (vec![cycle(1, 3)], None),
            (vec![cycle(0, 3), dry], Some(Stop::Dry)),
            (vec![cycle(0, 3), silent], Some(Stop::Dry)),
            (vec![cycle(0, 3), more], Some(Stop::NothingOpen)),
            (vec![silent], Some(Stop::NothingFound)),
            (vec![dry], Some(Stop::NothingOpen)),
            (vec![hollow], Some(Stop::BelowQuorum)),
            (vec![cycle(0, 3), hollow], Some(Stop::BelowQuorum)),
            (vec![cycle(1, 0), cycle(1, 0)], Some(Stop::NoProgress)),
            (vec![cycle(1, 0), cycle(1, 1)], None),
            (vec![cycle(1, 1), cycle(1, 1), cycle(1, 1)], Some(Stop::MaxCycles)),
            (vec![cycle(1, 1), cycle(1, 1), cycle(0, 1)], Some(Stop::NothingOpen)),
            (vec![cycle(1, 1), cycle(0, 1), dry], Some(Stop::Dry)),
            (vec![unchecked], Some(Stop::Unchecked)),
        ] {
            assert_eq!(after(Mode::Council, 3, false, &closed), expected, "{closed:?}");
        }
        assert_eq!(after(Mode::Review, 3, false, &[cycle(2, 0)]), Some(Stop::AllStagesDone));
        assert_eq!(after(Mode::Review, 3, false, &[silent]), Some(Stop::NothingFound));
        assert_eq!(after(Mode::Review, 3, false, &[hollow]), Some(Stop::BelowQuorum));
        let unchecked = ClosedCycle { checked: false, ..cycle(1, 0) };
        assert_eq!(after(Mode::Judge, 1, false, &[cycle(2, 0)]), Some(Stop::AllStagesDone));
        assert_eq!(after(Mode::Judge, 1, false, &[silent]), Some(Stop::NothingFound));
        assert_eq!(after(Mode::Judge, 1, false, &[hollow]), Some(Stop::BelowQuorum));
        assert_eq!(after(Mode::Judge, 1, false, &[unchecked]), Some(Stop::Unchecked));
        assert_eq!(after(Mode::Council, 3, true, &[cycle(0, 3), dry]), Some(Stop::Contested));
    }
}
