//! A session as a durable machine.
//!
//! Only calls have intents. A decision of the approver costs nothing, so that it is a question, asked again
//! after a kill.

use std::{fmt, time::Duration};

use forge_core::{
    CallContext, ModelResponse, ProviderError,
    storage::{
        budget::Amount,
        journal::{Entry, StreamName},
    },
    tags::Tags,
};
use forge_durable::{Machine, ModelCall, Next, PendingEffect};
use futures_channel::oneshot;
use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Value, json};

use crate::{
    budget::{self, BudgetMark},
    controls::{Command, Order},
    decision::Decision,
    deps::SessionDeps,
    error::{CommandError, SessionError},
    event::{Attempt, DropReason, Event, Record},
    notice::Notice,
    planner::{Action, Later, PlannedCall, Planner},
    stage::{CallKey, Stage},
    state::State,
    stop::Stop,
    summary::SessionSummary,
};

/// The state of a session, what it runs on, and what its watcher was told.
#[derive(Debug)]
pub(super) struct SessionMachine {
    pub(super) name: StreamName,
    pub(super) deps: SessionDeps,
    pub(super) state: State,
    /// What the planner has set aside since the last entry that changes it.
    later: Later,
    /// The highest mark of the budget that the watcher was told of.
    reached: Option<BudgetMark>,
    /// Whether the watcher knows that a price is unknown.
    warned: bool,
    /// Those whose commands are applied and not yet on disk.
    receipts: Vec<oneshot::Sender<Result<(), CommandError>>>,
}

/// An effect of a session.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum EffectKey {
    Call(CallKey),
    /// The approver's decision about a cycle.
    Decision(u32),
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(key) => key.fmt(f),
            Self::Decision(cycle) => write!(f, "decision.{cycle}"),
        }
    }
}

/// What an effect needs. It is never written: the state of the moment makes it anew.
pub(super) enum Effect {
    /// With how long the session had run when it was planned.
    Call(Box<PlannedCall>, Duration),
    Decide(u32),
}

/// How a call went.
pub(super) struct CompletedCall {
    pub(super) took: Duration,
    pub(super) result: Result<ModelResponse, ProviderError>,
    pub(super) failed: Vec<Attempt>,
    /// Whether somebody else is asked at its seat if it failed.
    pub(super) has_stand_in: bool,
}

/// What an effect brought.
pub(super) enum EffectOutcome {
    Call(Box<CompletedCall>),
    Decision(Decision),
}

impl SessionMachine {
    pub(super) fn new(deps: SessionDeps, name: StreamName) -> Self {
        Self {
            name,
            deps,
            state: State::default(),
            later: Later::new(),
            reached: None,
            warned: false,
            receipts: Vec::new(),
        }
    }

    pub(super) fn planner(&self, now: Duration) -> Planner<'_> {
        Planner { state: &self.state, deps: &self.deps, later: &self.later, now }
    }

    pub(super) fn notify(&self, notice: &Notice) {
        if let Some(observer) = &self.deps.observer {
            observer(notice);
        }
    }

    /// The tags by which accounts and budgets know the call.
    fn tags(&self, key: CallKey) -> Tags {
        let prompt = self.deps.prompts.tag(key.stage, self.state.plan.topic.output);
        self.deps.tags.clone().with_session(self.name.as_str()).with_round(key.cycle).with_prompt(prompt)
    }

    /// The step that makes a call.
    fn call(&self, planned: PlannedCall, now: Duration) -> Next<Self> {
        Next::Call {
            key: EffectKey::Call(planned.key),
            participant: planned.participant.clone(),
            tags: self.tags(planned.key),
            effect: Effect::Call(Box::new(planned), now),
        }
    }

    /// Drops the seats of the stage that is under way.
    fn skip(&self, by: Option<&String>, now: Duration) -> Vec<Event> {
        let cycle = self.state.cycle();
        let running = || self.state.running().map(|call| call.intent.call).filter(|key| key.cycle == cycle);
        // Late critiques of the same cycle may be under way beside its synthesis, and they hold up nothing.
        let Some(stage) = running().map(|key| key.stage).max() else { return Vec::new() };
        let seats = if stage == Stage::Critique { self.state.plan.seats() } else { 0..1 };
        let reason = DropReason::Skipped;
        let dropped = |seat| Event::SeatDropped { cycle, stage, seat, reason, by: by.cloned() };
        // Critics go on, and may join the next cycle.
        let cancelled = running().filter(|key| key.stage == stage && stage != Stage::Critique);
        seats.map(dropped).chain(cancelled.filter_map(|key| self.abandoned(key, now))).collect()
    }

    /// What follows from what somebody wants; nothing, where it is so already.
    fn carry_out(&self, order: Order, by: Option<String>, now: Duration) -> Result<Vec<Event>, CommandError> {
        let state = &self.state;
        if state.stopped.is_some() {
            return Err(CommandError::Over);
        }
        Ok(match order {
            Order::Pause if !state.paused => vec![Event::Paused { budget: None, by }],
            Order::Resume if state.paused && (by.is_some() || state.paused_by.is_none()) => {
                vec![Event::Unpaused { by }]
            }
            Order::Abort => {
                let reason = Stop::UserAborted;
                vec![Event::Stopped { reason, status: reason.status(), by }]
            }
            Order::Skip => self.skip(by.as_ref(), now),
            Order::Feedback(text) => vec![Event::FeedbackGiven { text, by }],
            Order::Edit { base, text } => {
                state.check_edit(base)?;
                let is_new = state.versions.last().is_none_or(|newest| newest.text != text);
                is_new.then_some(Event::DraftEdited { base, text, by }).into_iter().collect()
            }
            Order::Decide { cycle, decision } => {
                state.check_decision(cycle)?;
                vec![Event::DecisionMade { cycle, decision, by }]
            }
            Order::Pause | Order::Resume => Vec::new(),
        })
    }

    /// Tells the watcher how far the budget is used up, once for each mark.
    fn notify_of_budget(&mut self) {
        let used: Amount = self.state.used();
        let reached = budget::reached(&self.state.plan.settings.caps, used);
        if let Some(mark) = reached.filter(|_| reached > self.reached) {
            self.reached = reached;
            self.notify(&Notice::Budget { percent: mark.percent(), cost: used.money, tokens: used.tokens });
        }
    }

    /// Asks the approver, who sees the session as it is now; without one, the rules decide.
    fn decide(&self, cycle: u32) -> BoxFuture<'static, EffectOutcome> {
        let Some(approver) = self.deps.approver.clone() else {
            return std::future::ready(EffectOutcome::Decision(Decision::Continue)).boxed();
        };
        // A copy, because the session goes on while somebody thinks about it.
        let state = self.state.clone();
        async move { EffectOutcome::Decision(approver.decide(cycle, &state).await) }.boxed()
    }
}

impl Machine for SessionMachine {
    type Event = Event;
    type Key = EffectKey;
    type Effect = Effect;
    type Outcome = EffectOutcome;
    type Command = Command;
    type Error = SessionError;

    fn apply(&mut self, at: Duration, event: &Event) {
        // A call that begins changes no prompt of a later stage; anything else may.
        if !matches!(event, Event::CallIntended(_)) {
            self.later.take();
        }
        self.state.apply_at(millis(at), event);
    }

    fn next(&self, now: Duration) -> Result<Next<Self>, SessionError> {
        Ok(match self.planner(now).next()? {
            Action::Record(event) => Next::Record(vec![event]),
            Action::Call(planned) => self.call(*planned, now),
            Action::Ask(cycle) => {
                Next::Ask { key: EffectKey::Decision(cycle), effect: Effect::Decide(cycle) }
            }
            Action::Wait(until) => Next::Wait { until },
            Action::Done => Next::Done,
        })
    }

    fn intended(&self, _: &EffectKey, effect: &Effect, call: Option<&ModelCall>) -> Vec<Event> {
        match (effect, call) {
            (Effect::Call(planned, _), Some(call)) => vec![planned.intent(call.id)],
            // Only calls have intents.
            (Effect::Call(..) | Effect::Decide(_), _) => Vec::new(),
        }
    }

    fn perform(
        &self,
        _: &EffectKey,
        effect: Effect,
        cx: Option<CallContext>,
    ) -> BoxFuture<'static, EffectOutcome> {
        match effect {
            Effect::Decide(cycle) => self.decide(cycle),
            Effect::Call(planned, now) => {
                let cx = cx.unwrap_or_else(|| CallContext::new(planned.participant.clone()));
                self.perform_call(*planned, cx, now)
            }
        }
    }

    fn ended(&self, key: &EffectKey, brought: EffectOutcome) -> Vec<Event> {
        match (key, brought) {
            (EffectKey::Call(key), EffectOutcome::Call(completed)) => self.ended_call(*key, *completed),
            (EffectKey::Decision(cycle), EffectOutcome::Decision(decision)) => {
                vec![Event::DecisionMade { cycle: *cycle, decision, by: None }]
            }
            _ => Vec::new(),
        }
    }

    fn pending(&self) -> Vec<PendingEffect<EffectKey>> {
        let running = self.state.running().map(|call| &call.intent);
        running
            .map(|intent| {
                let call = ModelCall::new(intent.id, intent.participant.clone());
                PendingEffect::call(EffectKey::Call(intent.call), call.with_tags(self.tags(intent.call)))
            })
            .collect()
    }

    fn relaunch(&self, key: &EffectKey, now: Duration) -> Result<Next<Self>, SessionError> {
        // A decision has no intent, so that none is ever in doubt.
        let EffectKey::Call(key) = *key else { return Ok(Next::Wait { until: None }) };
        let Some(call) = self.state.calls.get(&key) else { return Ok(Next::Wait { until: None }) };
        let planner = self.planner(now);
        // Left open: no call starts any more, and a session that is reopened makes it again.
        if self.state.stopped.is_some() || planner.is_over() {
            return Ok(Next::Wait { until: None });
        }
        let CallKey { cycle, stage, seat, .. } = key;
        if self.state.dropped.contains_key(&(cycle, stage, seat)) {
            // Nobody wants its answer any more. What it took is charged, and it is in doubt no longer.
            return Ok(Next::Record(self.abandoned(key, now).into_iter().collect()));
        }
        let planned = planner.plan_call(key, &call.intent.participant, call.intent.purpose)?;
        // The dead call may be billed, so that its reservation stays beside the new one.
        if planner.has_room(&planned)? {
            return Ok(self.call(planned, now));
        }
        let dropped = Event::SeatDropped { cycle, stage, seat, reason: DropReason::Budget, by: None };
        Ok(Next::Record(std::iter::once(dropped).chain(self.abandoned(key, now)).collect()))
    }

    fn command(&mut self, Command { by, order, receipt }: Command, now: Duration) -> Vec<Event> {
        let answer = match self.carry_out(order, by, now) {
            Ok(events) if !events.is_empty() => {
                // Told once they are on disk.
                self.receipts.push(receipt);
                return events;
            }
            answer => answer.map(|_| ()),
        };
        // Whoever does not wait for it has dropped the other end.
        let _ = receipt.send(answer);
        Vec::new()
    }

    fn deadline(&self) -> Option<Duration> {
        self.state.plan.settings.caps.time
    }

    fn summary(&self, stream: &StreamName) -> Option<Value> {
        Some(json!(SessionSummary::of(stream.as_str(), &self.state)))
    }

    fn written(&mut self, entries: &[(Duration, Event)]) {
        for receipt in self.receipts.drain(..) {
            let _ = receipt.send(Ok(()));
        }
        for (_, event) in entries {
            for notice in Notice::of(event, &self.state) {
                self.notify(&notice);
            }
            // Once for the session: with one unknown price, its money is a lower bound.
            if let Event::CallIntended(intent) = event
                && !intent.priced
                && !std::mem::replace(&mut self.warned, true)
            {
                let who = &intent.participant.display_name;
                let message =
                    format!("the price of {who} is unknown; only its tokens count against the budget");
                self.notify(&Notice::Warning { message });
            }
        }
        self.notify_of_budget();
    }

    fn encode(at: Duration, event: &Event) -> Result<Vec<u8>, serde_json::Error> {
        Record::encode(millis(at), event)
    }

    fn decode(stream: &StreamName, entry: &Entry) -> Result<(Duration, Event), SessionError> {
        let Record { at, event } = Record::read(stream, entry)?;
        Ok((Duration::from_millis(at), event))
    }
}

/// Whole milliseconds, as the journal has them.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
