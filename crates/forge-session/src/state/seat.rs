//! What the calls at one seat say together, and whom to ask next.

use forge_core::{Participant, StopReason};

use super::{Call, Outcome, State};
use crate::{
    CallKey, FindingId, Purpose, Stage,
    answer::{Check, Critique, Reading, Revision},
};

/// How a seat stands.
pub(crate) enum Seat<'a> {
    /// Its answer, from the last of its calls.
    Answered(CallKey, Reading),
    Running,
    /// The next call to make.
    Ready {
        step: u32,
        participant: &'a Participant,
        purpose: Purpose,
    },
    /// Nobody is left to ask.
    Exhausted,
}

impl State {
    pub(crate) fn at_seat(
        &self,
        cycle: u32,
        stage: Stage,
        seat: u32,
    ) -> impl DoubleEndedIterator<Item = &Call> {
        let key = |step| CallKey { cycle, stage, seat, step };
        self.calls.range(key(0)..=key(u32::MAX)).map(|(_, call)| call)
    }

    /// Whether anybody was asked in this stage of the cycle.
    pub(crate) fn has_begun(&self, cycle: u32, stage: Stage) -> bool {
        self.at_seat(cycle, stage, 0).next().is_some()
    }

    /// How a seat stands, and whom to ask next of `chain`.
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
            return if self.dropped.contains_key(&(cycle, stage, seat)) && stage != Stage::Critique {
                Seat::Exhausted
            } else {
                Seat::Running
            };
        }
        let dropped = self.dropped.contains_key(&(cycle, stage, seat));
        let complete = answer.as_ref().is_some_and(|(_, reading)| self.is_complete(reading));
        let step = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let repaired = calls.iter().any(|call| call.intent.purpose == Purpose::Repair);
        let repairable =
            calls.last().filter(|call| !complete && !dropped && !repaired && can_be_repaired(stage, call));
        if let Some(last) = repairable {
            return Seat::Ready { step, participant: &last.intent.participant, purpose: Purpose::Repair };
        }
        if let Some((key, reading)) = answer {
            return Seat::Answered(key, reading);
        }
        let tried = |call: &&&Call| {
            call.intent.purpose == Purpose::Answer && !self.forgiven.contains(&call.intent.call)
        };
        let asked = calls.iter().filter(tried).count();
        match chain.get(asked) {
            Some(participant) if !dropped => Seat::Ready { step, participant, purpose: Purpose::Answer },
            _ => Seat::Exhausted,
        }
    }

    /// What the calls at one seat say together: a repair completes the answer before it.
    fn combined(&self, calls: &[&Call]) -> Option<(CallKey, Reading)> {
        let mut whole: Option<(CallKey, Reading)> = None;
        for call in calls {
            let Outcome::Answered(answer) = &call.outcome else { continue };
            if !is_usable(answer.stop_reason, call.intent.call.stage) {
                continue;
            }
            let reading = self.reading(call.intent.call);
            // Only a repair completes what came before; a fallback answers anew.
            let before =
                whole.filter(|_| call.intent.purpose == Purpose::Repair || reading == Reading::Unreadable);
            whole = match (before, reading) {
                (Some((key, Reading::Revision(first))), Reading::Revision(second)) => {
                    Some((key, Reading::Revision(joined(first, second))))
                }
                (Some((key, Reading::Check(first))), Reading::Check(second)) => {
                    let known: Vec<_> = first.verdicts.iter().map(|verdict| verdict.finding).collect();
                    let more =
                        second.verdicts.into_iter().filter(|verdict| !known.contains(&verdict.finding));
                    let verdicts = first.verdicts.iter().cloned().chain(more).collect();
                    Some((key, Reading::Check(Check { verdicts, ..first })))
                }
                (whole, Reading::Unreadable) => whole,
                (_, reading) => Some((call.intent.call, reading)),
            };
        }
        // A synthesis without a document is none.
        whole.filter(|(_, reading)| !matches!(reading, Reading::Revision(Revision { document: None, .. })))
    }

    fn is_complete(&self, reading: &Reading) -> bool {
        match reading {
            Reading::Revision(revision) => {
                let is_given = |id| revision.dispositions.iter().any(|given| given.finding == id);
                self.to_decide().into_iter().all(is_given)
            }
            Reading::Check(check) => {
                let is_given = |id| check.verdicts.iter().any(|verdict| verdict.finding == id);
                self.to_check().into_iter().all(is_given)
            }
            Reading::Document(_) | Reading::Critique(_) => true,
            Reading::Unreadable | Reading::Contradictory => false,
        }
    }

    /// What an answered call says, with the names back in place.
    pub(crate) fn reading(&self, key: CallKey) -> Reading {
        self.readings.get(&key).cloned().unwrap_or(Reading::Unreadable)
    }

    /// What a critic said.
    pub(crate) fn critique(&self, key: CallKey) -> Critique {
        match self.reading(key) {
            Reading::Critique(critique) => critique,
            _ => Critique::default(),
        }
    }

    pub(crate) fn revision(&self, cycle: u32) -> Option<Revision> {
        let calls: Vec<&Call> = self.at_seat(cycle, Stage::Synthesis, 0).collect();
        match self.combined(&calls) {
            Some((_, Reading::Revision(revision))) => Some(revision),
            _ => None,
        }
    }

    /// Critiques that came too late for their cycle and are not in the ledger yet.
    pub(crate) fn unheard(&self) -> Vec<CallKey> {
        let late =
            self.panels.iter().flat_map(|(cycle, panel)| panel.late.iter().map(|seat| (*cycle, *seat)));
        let answered = late.filter_map(|(cycle, seat)| {
            let calls: Vec<&Call> = self.at_seat(cycle, Stage::Critique, seat).collect();
            self.combined(&calls).map(|(key, _)| key)
        });
        answered.filter(|key| !self.heard.contains(key)).collect()
    }
}

fn joined(first: Revision, second: Revision) -> Revision {
    let known: Vec<FindingId> = first.dispositions.iter().map(|given| given.finding).collect();
    let more = second.dispositions.into_iter().filter(|given| !known.contains(&given.finding));
    let dispositions = first.dispositions.iter().cloned().chain(more).collect();
    let conflicts = if first.conflicts.is_empty() { second.conflicts } else { first.conflicts };
    Revision { document: first.document.or(second.document), dispositions, conflicts }
}

/// Whether an answer that ended so can be used. Structured answers are judged by what can be read of them.
pub(crate) fn is_usable(reason: StopReason, stage: Stage) -> bool {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence | StopReason::ToolUse | StopReason::Other => true,
        StopReason::MaxTokens | StopReason::ContextWindow => stage != Stage::Draft,
        StopReason::Refusal | StopReason::ContentFiltered | StopReason::Paused | StopReason::Error => false,
    }
}

/// Whether an answer that ended so lacks its end.
pub(crate) const fn is_cut_off(reason: StopReason) -> bool {
    matches!(reason, StopReason::MaxTokens | StopReason::ContextWindow)
}

fn can_be_repaired(stage: Stage, call: &Call) -> bool {
    let Outcome::Answered(answer) = &call.outcome else { return false };
    stage != Stage::Draft && is_usable(answer.stop_reason, stage) && !answer.raw_content.trim().is_empty()
}
