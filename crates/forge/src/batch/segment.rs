//! The calls of one segment of a batch.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use forge_core::{CallContext, Money, ProviderExt as _, storage::budget::BudgetCap};
use forge_durable::{Machine, ModelCall, Next, PendingEffect, RunError};
use futures_util::future::{BoxFuture, FutureExt as _};
use serde::{Deserialize, Serialize};

use super::{
    form::{BatchCall, BatchLine},
    shared::{Line, Shared, Stop},
    state::{BatchReport, BatchStop, Written, added},
};

/// What became of a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    text: String,
    failed: bool,
    /// `None` is unknown, and nothing where nobody answered.
    cost: Option<Money>,
}

/// What happens in a segment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    Asked {
        line: usize,
        call: ModelCall,
    },
    Answered {
        line: usize,
        answered: Answered,
    },
    /// A budget had no room for it.
    Held {
        line: usize,
        why: String,
    },
    Halted,
    /// A later run goes on.
    Resumed,
}

/// Identifies a line within its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(usize);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.0)
    }
}

pub(super) enum Outcome {
    Answered(Answered),
    Held(String),
}

/// A segment.
pub(super) struct Segment {
    shared: Arc<Shared>,
    /// The name of the budget of the batch.
    budget: String,
    /// The number of its first line.
    first: u64,
    lines: Vec<Line>,
    answers: BTreeMap<usize, Answered>,
    in_flight: BTreeMap<usize, ModelCall>,
    /// Lines for which a budget had no room.
    held: VecDeque<usize>,
    /// The first line that nobody has asked.
    next: usize,
    /// Whether nothing begins until a call has ended and given back what it reserved.
    waits_for_room: bool,
    pub(super) stop: Option<BatchStop>,
    /// What it adds to the batch so far.
    pub(super) sum: Written,
    /// The batch without it.
    before: BatchReport,
}

impl Segment {
    pub(super) fn new(
        shared: Arc<Shared>,
        first_round: u32,
        first: u64,
        lines: Vec<Line>,
        before: BatchReport,
    ) -> Self {
        let budget = format!("batch:{}-{first_round}", shared.name);
        let kept = lines.iter().filter(|line| matches!(line, Line::Keep(_))).count();
        let sum = Written { lines: kept as u64, ..Written::default() };
        Self {
            shared,
            budget,
            first,
            lines,
            answers: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            held: VecDeque::new(),
            next: 0,
            waits_for_room: false,
            stop: None,
            sum,
            before,
        }
    }

    /// The lines of the output.
    pub(super) fn output(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().enumerate().filter_map(|(at, line)| match line {
            Line::Keep(text) => Some(text.as_str()),
            Line::Ask(_) => self.answers.get(&at).map(|answered| answered.text.as_str()),
        })
    }

    fn is_done(&self) -> bool {
        self.next >= self.lines.len() && self.in_flight.is_empty() && self.held.is_empty()
    }

    /// The next line to ask.
    fn open(&self) -> Option<usize> {
        let ask = |at: &usize| matches!(self.lines.get(*at), Some(Line::Ask(_)));
        self.held.front().copied().or_else(|| (self.next..self.lines.len()).find(ask))
    }

    fn ask(&self, at: usize) -> Next<Self> {
        let Some(Line::Ask(text)) = self.lines.get(at) else { return Next::Record(Vec::new()) };
        match self.shared.form.read(self.first + at as u64, text) {
            BatchLine::Call(call) => Next::Call {
                key: Key(at),
                participant: call.participant.clone(),
                tags: self.shared.options.tags.clone().with_task(self.shared.name.as_str()),
                effect: call,
            },
            BatchLine::Refused(text) => {
                let answered = Answered { text, failed: true, cost: Some(Money::default()) };
                Next::Record(vec![Event::Answered { line: at, answered }])
            }
        }
    }
}

impl Machine for Segment {
    type Event = Event;
    type Key = Key;
    type Effect = BatchCall;
    type Outcome = Outcome;
    type Command = Stop;
    type Error = RunError;

    fn apply(&mut self, _: Duration, event: &Event) {
        match event {
            Event::Asked { line, call } => {
                self.held.retain(|held| held != line);
                self.next = self.next.max(line + 1);
                self.in_flight.insert(*line, call.clone());
            }
            Event::Answered { line, answered } => {
                self.held.retain(|held| held != line);
                self.next = self.next.max(line + 1);
                self.in_flight.remove(line);
                self.sum.lines += 1;
                self.sum.failed += u64::from(answered.failed);
                self.sum.cost += answered.cost.unwrap_or_default();
                self.sum.unpriced += u64::from(answered.cost.is_none());
                self.answers.insert(*line, answered.clone());
                self.waits_for_room = false;
            }
            Event::Held { line, why } => {
                self.in_flight.remove(line);
                self.held.push_back(*line);
                self.waits_for_room = true;
                // With nobody to give something back, there will be no room.
                if self.in_flight.is_empty() && self.stop.is_none() {
                    self.stop = Some(BatchStop::Budget(why.clone()));
                }
            }
            Event::Halted => self.stop = Some(BatchStop::Asked),
            Event::Resumed => (self.stop, self.waits_for_room) = (None, false),
        }
    }

    fn next(&self, _: Duration) -> Result<Next<Self>, RunError> {
        let wait = Ok(Next::Wait { until: None });
        if self.stop.is_some() {
            return if self.in_flight.is_empty() { Ok(Next::Done) } else { wait };
        }
        if self.waits_for_room || self.in_flight.len() >= self.shared.options.concurrency.max(1) {
            return wait;
        }
        match self.open() {
            Some(at) => Ok(self.ask(at)),
            None if self.in_flight.is_empty() => Ok(Next::Done),
            None => wait,
        }
    }

    fn intended(&self, key: &Key, _: &BatchCall, call: Option<&ModelCall>) -> Vec<Event> {
        call.map(|call| Event::Asked { line: key.0, call: call.clone() }).into_iter().collect()
    }

    fn perform(&self, _: &Key, call: BatchCall, cx: Option<CallContext>) -> BoxFuture<'static, Outcome> {
        // Every call has a context.
        let Some(cx) = cx else { return std::future::pending().boxed() };
        let Shared { deps, options, .. } = &*self.shared;
        let cap = options.money.map(|most| BudgetCap::new(&self.budget).with_money(most).firm());
        let cx = cx.with_caps(cap.into_iter().collect::<Vec<_>>());
        let (provider, price) = (Arc::clone(&deps.provider), Arc::clone(&deps.price));
        async move {
            let outcome = provider.complete(&cx, call.request).await;
            if let Err(error) = &outcome
                && error.is_of_budget()
            {
                return Outcome::Held(error.message.clone());
            }
            let (failed, cost) = match &outcome {
                Ok(response) => (false, price(response)),
                // What was sent may have been billed, all but before the call began.
                Err(_) if cx.attempts.begun() == 0 => (true, Some(Money::default())),
                Err(_) => (true, None),
            };
            Outcome::Answered(Answered { text: (call.write)(&cx, outcome.as_ref()), failed, cost })
        }
        .boxed()
    }

    fn ended(&self, key: &Key, outcome: Outcome) -> Vec<Event> {
        vec![match outcome {
            Outcome::Answered(answered) => Event::Answered { line: key.0, answered },
            Outcome::Held(why) => Event::Held { line: key.0, why },
        }]
    }

    fn pending(&self) -> Vec<PendingEffect<Key>> {
        self.in_flight.iter().map(|(at, call)| PendingEffect::call(Key(*at), call.clone())).collect()
    }

    fn relaunch(&self, key: &Key, _: Duration) -> Result<Next<Self>, RunError> {
        Ok(self.ask(key.0))
    }

    fn command(&mut self, _: Stop, _: Duration) -> Vec<Event> {
        if self.stop.is_some() || self.is_done() { Vec::new() } else { vec![Event::Halted] }
    }

    fn written(&mut self, _: &[(Duration, Event)]) {
        if let Some(observer) = &self.shared.options.observer {
            observer(&added(&self.before, &self.sum));
        }
    }
}
