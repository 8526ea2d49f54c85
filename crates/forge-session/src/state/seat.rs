//! Seats: what the calls at one seat say together, and whom to ask next.
//!
//! The calls at a seat follow each other: an answer, at most one repair of it, else the next participant of
//! the chain.

use forge_core::{Participant, event::StopReason};

use super::gaps::{can_be_repaired, is_repaired, rated};
use super::{Call, Outcome, State};
use crate::{
    answer::{Check, Critique, Reading, Revision},
    revise::Revised,
    stage::{CallKey, Purpose, Stage},
};

/// The status of a seat.
pub(crate) enum Seat<'a> {
    /// Its answer, from the last of its calls.
    Answered(CallKey, Reading),
    /// The answer of a synthesizer, and what it makes of the text.
    Revised(CallKey, Revision, Revised),
    /// A call is under way, or died and was not made again yet.
    Running,
    /// The next call to make.
    Ready {
        step: u32,
        participant: &'a Participant,
        purpose: Purpose,
        /// Whether nobody is left to ask behind it.
        last: bool,
    },
    /// Nobody is left to ask.
    Exhausted,
}

impl State {
    /// The calls at a seat, in their order.
    pub(crate) fn at_seat(
        &self,
        cycle: u32,
        stage: Stage,
        seat: u32,
    ) -> impl DoubleEndedIterator<Item = &Call> {
        let key = |step| CallKey { cycle, stage, seat, step };
        self.calls.range(key(0)..=key(u32::MAX)).map(|(_, call)| call)
    }

    /// Whether a call was made in this stage of the cycle.
    pub(crate) fn has_begun(&self, cycle: u32, stage: Stage) -> bool {
        self.at_seat(cycle, stage, 0).next().is_some()
    }

    /// The status of a seat, and whom of `chain` to ask next.
    pub(crate) fn seat<'a>(
        &'a self,
        cycle: u32,
        stage: Stage,
        seat: u32,
        chain: &[&'a Participant],
    ) -> Seat<'a> {
        let calls: Vec<&Call> = self.at_seat(cycle, stage, seat).collect();
        let answer = self.combined(&calls);
        if let Some(last) = calls.last()
            && let Outcome::Running = last.outcome
        {
            // Nobody waits for a call that was skipped. A critique may still count in the next cycle.
            return if self.dropped.contains_key(&(cycle, stage, seat)) && stage != Stage::Critique {
                Seat::Exhausted
            } else {
                Seat::Running
            };
        }
        // Made once for all that follows: it compares whole texts.
        let reading = answer.as_ref().map(|(_, reading)| reading);
        let revised = self.revised(cycle, reading);
        let dropped = self.dropped.contains_key(&(cycle, stage, seat));
        let step = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        // Whoever left a gap fills it, once, before the answer is used or the next participant is asked.
        let repairable = calls.last().filter(|call| {
            !dropped
                && !is_repaired(&calls)
                && can_be_repaired(stage, call)
                && self.gap(cycle, reading, revised.as_ref(), call).is_some()
        });
        if let Some(last) = repairable {
            let (participant, purpose) = (&last.intent.participant, Purpose::Repair);
            return Seat::Ready { step, participant, purpose, last: true };
        }
        match (answer, revised) {
            (Some((key, Reading::Revision(revision))), Some(revised)) if revised.is_usable(&revision) => {
                return Seat::Revised(key, revision, revised);
            }
            (Some((key, reading @ (Reading::Document(_) | Reading::Critique(_) | Reading::Check(_)))), _) => {
                return Seat::Answered(key, reading);
            }
            _ => {}
        }
        // Neither a repair nor a failure in an earlier run moves the chain on to the next participant.
        let tried = |call: &&&Call| {
            call.intent.purpose == Purpose::Answer && !self.retryable.contains(&call.intent.call)
        };
        let asked = calls.iter().filter(tried).count();
        match chain.get(asked) {
            Some(participant) if !dropped => {
                let last = chain.len() == asked + 1;
                Seat::Ready { step, participant, purpose: Purpose::Answer, last }
            }
            _ => Seat::Exhausted,
        }
    }

    /// What the calls at one seat say together: a repair completes the answer before it.
    fn combined(&self, calls: &[&Call]) -> Option<(CallKey, Reading)> {
        let mut whole: Option<(CallKey, Reading)> = None;
        for call in calls {
            let Outcome::Answered(answer) = &call.outcome else { continue };
            let key = call.intent.call;
            // What somebody says who must not judge the text counts as nothing: a router may have gone there.
            if !is_usable(answer.stop_reason, key.stage) || self.is_own_text(call) {
                continue;
            }
            let reading = self.reading(key);
            // A repair completes the answer before it. A fallback is another model, whose answer replaces it.
            let before = whole.filter(|_| {
                call.intent.purpose == Purpose::Repair
                    || matches!(reading, Reading::Unreadable | Reading::Contradictory)
            });
            whole = match (before, reading) {
                (Some((first, Reading::Revision(one))), Reading::Revision(other)) => {
                    Some((first, Reading::Revision(self.joined(key.cycle, &one, other))))
                }
                (Some((first, Reading::Critique(one))), Reading::Critique(other)) => {
                    Some((first, Reading::Critique(rated(one, &other))))
                }
                (Some((first, Reading::Check(one))), Reading::Check(other)) => {
                    let is_new = |given: &crate::answer::Verdict| {
                        one.verdicts.iter().all(|verdict| verdict.finding != given.finding)
                    };
                    let more = other.verdicts.into_iter().filter(is_new);
                    let verdicts = one.verdicts.iter().cloned().chain(more).collect();
                    Some((first, Reading::Check(Check { verdicts, ..one })))
                }
                (Some(before), Reading::Unreadable | Reading::Contradictory) => Some(before),
                (None, Reading::Unreadable) => None,
                (_, reading) => Some((key, reading)),
            };
        }
        whole
    }

    /// Whether a critique came from somebody who wrote the text, whoever had been asked for it.
    pub(crate) fn is_own_text(&self, call: &Call) -> bool {
        let Outcome::Answered(answer) = &call.outcome else { return false };
        let is_author = |one: &Participant| {
            (&one.provider, &one.model_id) == (&answer.served.provider, &answer.served.model_id)
        };
        let key = call.intent.call;
        match key.stage {
            Stage::Critique => self.authors(key.cycle).iter().any(is_author),
            Stage::Check => self.deciders(key.cycle).iter().any(is_author),
            Stage::Draft | Stage::Synthesis => false,
        }
    }

    /// What the answers at a seat leave out, and the last of them.
    pub(crate) fn gap_at(&self, cycle: u32, stage: Stage, seat: u32) -> Option<super::gaps::Gap> {
        let calls: Vec<&Call> = self.at_seat(cycle, stage, seat).collect();
        let ended: Vec<&Call> =
            calls.into_iter().filter(|call| !matches!(call.outcome, Outcome::Running)).collect();
        let reading = self.combined(&ended).map(|(_, reading)| reading);
        let revised = self.revised(cycle, reading.as_ref());
        self.gap(cycle, reading.as_ref(), revised.as_ref(), ended.last()?)
    }

    /// What an answered call says, with the names back in place.
    pub(crate) fn reading(&self, key: CallKey) -> Reading {
        self.readings.get(&key).cloned().unwrap_or(Reading::Unreadable)
    }

    /// What a critic said, in the answer of this call and in the repair of it.
    pub(crate) fn critique(&self, key: CallKey) -> Critique {
        let calls: Vec<&Call> = self.at_seat(key.cycle, key.stage, key.seat).collect();
        match self.combined(&calls) {
            // Behind a repair it is still the key of the answer, so that the ledger reads nothing twice.
            Some((answered, Reading::Critique(critique))) if answered == key => critique,
            _ => Critique::default(),
        }
    }

    /// What the synthesis of `cycle` says, as far as it goes.
    pub(crate) fn revision(&self, cycle: u32) -> Option<crate::answer::Revision> {
        let calls: Vec<&Call> = self.at_seat(cycle, Stage::Synthesis, 0).collect();
        match self.combined(&calls) {
            Some((_, Reading::Revision(revision))) => Some(revision),
            _ => None,
        }
    }

    /// Critiques that came too late for their cycle and are not in the ledger yet.
    pub(crate) fn unrecorded(&self) -> Vec<CallKey> {
        let late =
            self.panels.iter().flat_map(|(cycle, panel)| panel.late.iter().map(|seat| (*cycle, *seat)));
        let answered = late.filter_map(|(cycle, seat)| {
            let calls: Vec<&Call> = self.at_seat(cycle, Stage::Critique, seat).collect();
            self.combined(&calls).map(|(key, _)| key)
        });
        answered.filter(|key| !self.recorded.contains(key)).collect()
    }
}

/// Whether an answer that ended so can be used. Structured answers are judged by what can be read of them.
pub(crate) fn is_usable(reason: StopReason, stage: Stage) -> bool {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence | StopReason::ToolUse | StopReason::Other => true,
        StopReason::MaxTokens | StopReason::ContextWindow => stage != Stage::Draft,
        // Declined or filtered: whatever text there is, it is not the answer.
        _ => false,
    }
}

/// Whether an answer that ended so lacks its end.
pub(crate) const fn is_cut_off(reason: StopReason) -> bool {
    matches!(reason, StopReason::MaxTokens | StopReason::ContextWindow)
}
