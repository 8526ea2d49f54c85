//! The planner: the next action as a pure function of state and time.
//!
//! It keeps nothing from one question to the next, and reads no clock. What it asks first has precedence: an
//! end, a pause by a budget of others, the step that the state lacks, the end of the time. An answer that has
//! come is used even then, because it is paid for.

mod asking;
mod recording;

use std::{sync::OnceLock, time::Duration};

use forge_core::{
    ModelRequest, Participant,
    call::{CallId, Fallback},
    storage::budget::Amount,
};

use crate::{
    answer::Reading,
    decision::Decision,
    deps::SessionDeps,
    error::SessionError,
    event::{DropReason, Event, Intent},
    finding::Finding,
    plan::MAX_CYCLES,
    prompt, quorum,
    stage::{CallKey, Mode, Purpose, Stage},
    state::{Outcome, Seat, State, is_cut_off},
    stop::{self, ClosedCycle, SessionStatus, Stop},
};

/// The next action of a session. There is one at a time, planned on what the one before it has set aside.
#[derive(Debug)]
pub(crate) enum Action {
    /// Record this event, which follows from the state alone.
    Record(Event),
    /// Start this call.
    Call(Box<PlannedCall>),
    /// Ask the approver about this cycle.
    Ask(u32),
    /// Wait until a call ends, or until this time of the session.
    Wait(Option<Duration>),
    /// The session is over.
    Done,
}

/// A call that can be made.
#[derive(Debug)]
pub(crate) struct PlannedCall {
    pub(crate) key: CallKey,
    pub(crate) participant: Participant,
    pub(crate) purpose: Purpose,
    pub(crate) request: ModelRequest,
    pub(crate) prompt: String,
    pub(crate) reserved: Amount,
    pub(crate) priced: bool,
    /// Participants that must not answer it.
    pub(crate) exclude: Vec<Participant>,
    /// Who may answer instead of the participant.
    pub(crate) fallback: Fallback,
}

impl PlannedCall {
    /// The entry before the call, with the id under which the accounts will know it.
    pub(crate) fn intent(&self, id: CallId) -> Event {
        Event::CallIntended(Box::new(Intent {
            call: self.key,
            id,
            participant: self.participant.clone(),
            purpose: self.purpose,
            prompt: self.prompt.clone(),
            reserved: self.reserved,
            priced: self.priced,
        }))
    }
}

/// What synthesis and check of a cycle need, once it is known: every critic of a panel is asked for it.
pub(crate) type Later = OnceLock<(u32, Amount)>;

/// The state, the time, and the dependencies that requests and prices need.
pub(crate) struct Planner<'a> {
    pub(crate) state: &'a State,
    pub(crate) deps: &'a SessionDeps,
    pub(crate) later: &'a Later,
    pub(crate) now: Duration,
}

impl Planner<'_> {
    /// The next action.
    ///
    /// # Errors
    /// A prompt template that does not fit its stage.
    pub(crate) fn next(&self) -> Result<Action, SessionError> {
        if self.state.stopped.is_some() {
            return Ok(Action::Done);
        }
        if let Some(hold) = &self.state.held {
            // Calls in flight are paid for, so that their answers are awaited and kept.
            let waits = self.state.running().next().is_some() && !self.is_over();
            return Ok(match (waits, hold.passing) {
                (true, _) => Action::Wait(None),
                // Only calls of this session stood in the way, and they have ended.
                (false, true) => Action::Record(Event::Unpaused { by: None }),
                // The run ends and gives the journal back: a budget of others may be full for a day.
                (false, false) => Action::Done,
            });
        }
        match self.next_step()? {
            // An answer that has arrived in time counts, also after the deadline.
            Action::Record(event) if event.consumes_answer() => Ok(Action::Record(event)),
            _ if self.is_over() => Ok(self.end_in_time()),
            action => Ok(action),
        }
    }

    /// Whether the time of the session is used up, so that no call starts any more.
    pub(crate) fn is_over(&self) -> bool {
        self.deadline().is_some_and(|deadline| self.now >= deadline)
    }

    /// At the deadline no call starts any more. The critiques so far are recorded, and the panel stays open, so that the
    /// other critics can be asked when the session is reopened.
    fn end_in_time(&self) -> Action {
        let state = self.state;
        let cycle = state.cycle();
        let answered = state.plan.seats().filter_map(|seat| {
            match state.seat(cycle, Stage::Critique, seat, &self.critics(cycle, seat)) {
                Seat::Answered(key, _) if !state.recorded.contains(&key) => Some(key),
                _ => None,
            }
        });
        let unrecorded: Vec<CallKey> = state.unrecorded().into_iter().chain(answered).collect();
        // Recorded first, stopped at the next step: what was paid for stands in the result as open.
        if unrecorded.is_empty() {
            self.stop(Stop::Deadline)
        } else {
            self.record_findings(cycle, unrecorded)
        }
    }

    /// The stages of a cycle in order. Each is planned from what the state lacks, never from what was planned before,
    /// so that a resumed session takes the same path: draft; stop rule and approver; panel; findings; synthesis; check;
    /// late critiques; end of the cycle.
    fn next_step(&self) -> Result<Action, SessionError> {
        let state = self.state;
        if state.versions.is_empty() {
            return self.draft();
        }
        let mode = state.plan.settings.mode;
        if mode == Mode::Direct {
            return Ok(self.stop(Stop::AllStagesDone));
        }
        if let Some(action) = self.between_cycles()? {
            return Ok(action);
        }
        let cycle = state.cycle();
        let Some(panel) = state.panels.get(&cycle) else { return self.critique(cycle) };
        let decided = state.revised.contains(&cycle);
        // Only until the synthesizer is asked: its prompt lists the findings, and one that came later would
        // be missing from its decisions.
        if !decided && !state.has_begun(cycle, Stage::Synthesis) {
            // Late critiques of the previous cycle come first. Findings are numbered by cycle and seat: the speed
            // of a critic must not decide where its findings stand.
            let counted = panel.counted.iter().filter(|key| !state.recorded.contains(key)).copied();
            let unrecorded: Vec<CallKey> = state.unrecorded().into_iter().chain(counted).collect();
            if !unrecorded.is_empty() || state.new_feedback().next().is_some() {
                return Ok(self.record_findings(cycle, unrecorded));
            }
        }
        if !decided && self.is_revision_due(cycle) {
            return self.synthesis(cycle);
        }
        if state.needs_check(cycle) && !state.checked.contains(&cycle) {
            let chain = self.checkers(cycle);
            match state.seat(cycle, Stage::Check, 0, &chain) {
                Seat::Answered(call, Reading::Check(check)) => {
                    return Ok(self.record_check(cycle, call, &check));
                }
                // Without a check the cycle closes as unchecked, which the stop rule reads.
                Seat::Answered(..) | Seat::Revised(..) | Seat::Exhausted => {}
                seat => return self.ask(cycle, Stage::Check, 0, &seat),
            }
        }
        // What is too late for this cycle is recorded as open, so that neither the next cycle nor the result misses it.
        let late = state.unrecorded();
        if !late.is_empty() || state.new_feedback().next().is_some() {
            return Ok(self.record_findings(cycle, late));
        }
        // The sum may fall: a finding that is raised again is settled no more.
        let before: usize = state.closed.iter().map(|closed| closed.settled as usize).sum();
        Ok(Action::Record(Event::CycleClosed {
            cycle,
            open: count(state.ledger.open_blocking()),
            settled: count(state.settled_blocking().saturating_sub(before)),
            panel: Some(state.panel_quality(cycle)),
        }))
    }

    /// The first cycle revises for any finding. A later one revises only for blocking findings, so that a text without any
    /// stays the very text that the panel has read, which is what *converged* means.
    fn is_revision_due(&self, cycle: u32) -> bool {
        let mut open = self.state.ledger.open();
        if cycle > 1 { open.any(Finding::blocks) } else { open.next().is_some() }
    }

    /// When the time of the session is over.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.state.plan.settings.caps.time
    }

    /// The first version: the first whole draft of the chain, or one that was cut off once nobody is left.
    fn draft(&self) -> Result<Action, SessionError> {
        let chain: Vec<&Participant> = self.state.plan.cast.drafter.iter().collect();
        match self.state.seat(0, Stage::Draft, 0, &chain) {
            Seat::Answered(call, _) => Ok(Action::Record(Event::DraftAccepted { call })),
            Seat::Exhausted => {
                // A draft that was cut off at its token limit or by a timeout is better than none.
                let cut = self.state.at_seat(0, Stage::Draft, 0).find(|call| match &call.outcome {
                    Outcome::Answered(answer) => {
                        is_cut_off(answer.stop_reason)
                            && self.state.reading(call.intent.call) != Reading::Unreadable
                    }
                    Outcome::Failed(failure) => failure.partial.is_some(),
                    Outcome::Running => false,
                });
                let dropped = self.state.dropped.get(&(0, Stage::Draft, 0));
                Ok(match cut {
                    Some(call) => Action::Record(Event::DraftAccepted { call: call.intent.call }),
                    // The budget failed here and not the models, and more of it helps.
                    None if dropped == Some(&DropReason::Budget) => self.stop(Stop::Budget),
                    None => self.stop(Stop::NoDraft),
                })
            }
            seat => self.ask(0, Stage::Draft, 0, &seat),
        }
    }

    /// After a closed cycle: the decision of the approver, then the stop rule, then whether the budget has room for a panel.
    fn between_cycles(&self) -> Result<Option<Action>, SessionError> {
        let state = self.state;
        let closed = count(state.closed.len());
        // A cycle that has begun is not judged again: its calls are paid for.
        if closed == 0 || state.has_cycle_begun() {
            return Ok(None);
        }
        let settings = &state.plan.settings;
        let contested = state.contested().next().is_some();
        let rule = stop::after(settings.mode, state.plan.cycles(), contested, &state.closed);
        // Reopening a session with cycles left asks for another panel, whatever ended it before.
        let wanted = state.reopened && settings.mode == Mode::Council && closed < state.plan.cycles();
        // A text that somebody wrote since then was read by nobody, whatever was found in the one before it.
        let rule = rule.filter(|_| !wanted && !state.is_unread());
        // Asked before the stop rule has its say, so that a person can want more of a session that would end.
        if state.waits_for().is_some() {
            return Ok(Some(Action::Ask(closed)));
        }
        let ended = match state.decisions.get(&closed) {
            Some(Decision::Skip) => Some(Stop::UserSatisfied),
            Some(Decision::Abort) => Some(Stop::UserAborted),
            // A wish goes beyond the cycles of the plan, not beyond the limit of all plans.
            Some(decision) if decision.instruction().is_some() && closed < MAX_CYCLES => None,
            Some(Decision::Feedback(_) | Decision::Resolve(_) | Decision::Continue) | None => rule,
        };
        let ended = match ended {
            // A cycle begins only if it can end: findings that nobody can afford to decide are worth nothing.
            None if !self.has_room_for_panel(state.cycle())? => Some(Stop::Budget),
            ended => ended,
        };
        Ok(ended.map(|reason| self.stop(reason)))
    }

    /// The panel: seats are asked side by side, as far as calls may run at once. It closes when every seat
    /// has ended, or when the grace period behind the required answers is over.
    fn critique(&self, cycle: u32) -> Result<Action, SessionError> {
        let state = self.state;
        let (mut answers, mut running, mut counted) = (Vec::new(), Vec::new(), Vec::new());
        for seat in state.plan.seats() {
            let chain = self.critics(cycle, seat);
            if chain.is_empty() && !state.dropped.contains_key(&(cycle, Stage::Critique, seat)) {
                // An entry and no silent gap: the result tells why the panel is smaller.
                return Ok(drop_seat(cycle, Stage::Critique, seat, DropReason::OwnText));
            }
            match state.seat(cycle, Stage::Critique, seat, &chain) {
                Seat::Answered(key, _) => {
                    counted.push(key);
                    // A critique without substance must not start the grace period of the others.
                    if let Some(call) = state.calls.get(&key).filter(|_| state.has_substance(key)) {
                        let millis = Duration::from_millis;
                        let ended = call.ended.unwrap_or(call.begun);
                        answers.push((millis(ended), millis(ended.saturating_sub(call.begun))));
                    }
                }
                // A critic that was skipped works on for the next cycle; this one does not wait for it.
                Seat::Running if state.dropped.contains_key(&(cycle, Stage::Critique, seat)) => {}
                Seat::Running => running.push(seat),
                Seat::Revised(..) | Seat::Exhausted => {}
                ready @ Seat::Ready { .. } => {
                    let action = self.ask(cycle, Stage::Critique, seat, &ready)?;
                    if !matches!(action, Action::Wait(_)) {
                        return Ok(action);
                    }
                    // It waits for a free place. The panel must not close as if all had answered.
                    running.push(seat);
                }
            }
        }
        // Without a critic, something may be left to decide: earlier findings, feedback, a late critique.
        let nothing_to_do = state.to_decide().is_empty()
            && state.new_feedback().next().is_none()
            && state.unrecorded().is_empty();
        if running.is_empty() && counted.is_empty() && nothing_to_do {
            // The panel stays open, so that it can be asked again when the session is reopened.
            let mut dropped =
                state.plan.seats().filter_map(|seat| state.dropped.get(&(cycle, Stage::Critique, seat)));
            let budget = dropped.any(|reason| *reason == DropReason::Budget);
            return Ok(self.stop(if budget { Stop::Budget } else { Stop::NoCritic }));
        }
        let closes = quorum::closes(state.plan.required(), &answers);
        if running.is_empty() || closes.is_some_and(|at| self.now >= at) {
            // What is under way may still bring something, so that its seat is late and not lost.
            let skipped = state.plan.seats().filter(|seat| {
                let last = state.at_seat(cycle, Stage::Critique, *seat).next_back();
                last.is_some_and(|call| matches!(call.outcome, Outcome::Running))
            });
            let late = skipped.collect();
            return Ok(Action::Record(Event::PanelClosed { cycle, counted, late }));
        }
        Ok(Action::Wait(closes))
    }

    /// The decisions on what the panel raised, by whoever of the chain gives an answer that can be used.
    fn synthesis(&self, cycle: u32) -> Result<Action, SessionError> {
        let state = self.state;
        // An entry, so that a repair, and a later run with another seed, call the critics the same.
        if !state.labels.contains_key(&cycle) {
            let seats: Vec<u32> = state.plan.seats().collect();
            let uses = format!("labels {cycle}");
            let labels = prompt::assign_labels(state.plan.settings.seed, &uses, &seats);
            return Ok(Action::Record(Event::LabelsAssigned { cycle, labels }));
        }
        let chain: Vec<&Participant> = state.plan.cast.synthesizer.iter().collect();
        match state.seat(cycle, Stage::Synthesis, 0, &chain) {
            Seat::Revised(call, revision, revised) => {
                Ok(self.record_decisions(cycle, call, revision, revised))
            }
            // Nothing in the text changes without decisions, so that the session ends with the text as it is.
            Seat::Answered(..) | Seat::Exhausted => {
                Ok(self.stop(match state.dropped.get(&(cycle, Stage::Synthesis, 0)) {
                    Some(DropReason::Budget) => Stop::Budget,
                    Some(DropReason::Skipped | DropReason::OwnText) | None => Stop::NoSynthesis,
                }))
            }
            seat => self.ask(cycle, Stage::Synthesis, 0, &seat),
        }
    }

    /// A session that ends early after a cycle that left nothing open is settled all the same.
    fn stop(&self, reason: Stop) -> Action {
        let state = self.state;
        // These ends say nothing about the text. Others, such as a missing critic, leave a doubt.
        let early = matches!(reason, Stop::Budget | Stop::Deadline | Stop::UserSatisfied);
        let is_settled = early
            && state.closed.last().is_some_and(ClosedCycle::is_settled)
            && !state.is_unread()
            && state.ledger.open_blocking() == 0
            && state.contested().next().is_none();
        let status = if is_settled { SessionStatus::Settled } else { reason.status() };
        Action::Record(Event::Stopped { reason, status, by: None })
    }
}

/// Leaves a seat out of its stage. It is an entry, so that the result can say why somebody is missing.
fn drop_seat(cycle: u32, stage: Stage, seat: u32, reason: DropReason) -> Action {
    Action::Record(Event::SeatDropped { cycle, stage, seat, reason, by: None })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
