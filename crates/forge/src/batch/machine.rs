//! A batch as durable work: its segments one after the other, and the name of the output at the end.

use std::{
    fmt,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use forge_core::{CallContext, storage::journal::StreamName};
use forge_durable::{Machine, ModelCall, Next, PendingEffect, Run, RunError};
use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Value, json};

use super::{
    blocking,
    error::BatchError,
    files::Input,
    segment::{self, Segment},
    shared::{Shared, Stop},
    state::{Act, BatchReport, BatchStop, Event, State, Written},
};

pub(super) struct BatchMachine {
    pub(super) shared: Arc<Shared>,
    pub(super) state: State,
}

pub(super) enum Outcome {
    Written(Written),
    Stopped(BatchStop, Written),
    Finished,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(segment) => write!(f, "segment {segment}"),
            Self::Finish => f.write_str("the name of the output"),
        }
    }
}

impl BatchMachine {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, state: State::default() }
    }
}

impl Shared {
    /// A journal whose answers stand in the output has done its work.
    async fn forget(&self, round: u32, segment: usize) {
        let Ok(stream) = self.stream(round, segment) else { return };
        // One that is left over takes space and does no other harm.
        let _ = self.deps.streams.delete(&stream).await;
    }

    /// Asks what is to be asked of a segment, and puts its lines into the output.
    async fn segment(self: Arc<Self>, at: Position) -> Result<Outcome, BatchError> {
        let Position { round, first_round, segment, bytes, report } = at;
        if segment > 0 {
            self.forget(round, segment - 1).await;
        }
        let shared = Arc::clone(&self);
        let (first, lines) = blocking(move || shared.lines(segment)).await?;
        let machine = Segment::new(Arc::clone(&self), first_round, first, lines, report);
        let mut run = Run::open(self.deps.run.clone(), self.stream(round, segment)?, machine).await?;
        if !run.is_new() {
            run.record(segment::Event::Resumed).await?;
        }
        *self.controls.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.controls());
        if self.stops.load(Ordering::SeqCst) {
            run.controls().send(Stop);
        }
        let ended = run.run().await?;
        if let Some(stop) = ended.stop {
            return Ok(Outcome::Stopped(stop, ended.sum));
        }
        let written = ended.sum;
        let bytes = blocking(move || self.output.append(bytes, ended.output())).await?;
        Ok(Outcome::Written(Written { bytes, ..written }))
    }

    async fn finish(self: Arc<Self>, round: u32, segments: usize, bytes: u64) -> Result<Outcome, BatchError> {
        self.forget(round, segments.saturating_sub(1)).await;
        blocking(move || self.output.finish(bytes)).await?;
        Ok(Outcome::Finished)
    }
}

/// Where a segment begins.
struct Position {
    round: u32,
    first_round: u32,
    segment: usize,
    /// Bytes of the output before it.
    bytes: u64,
    report: BatchReport,
}

impl Machine for BatchMachine {
    type Event = Event;
    type Key = Act;
    type Effect = ();
    type Outcome = Outcome;
    type Command = Stop;
    type Error = RunError;

    fn apply(&mut self, _: Duration, event: &Event) {
        self.state.apply(event);
    }

    fn next(&self, _: Duration) -> Result<Next<Self>, RunError> {
        let state = &self.state;
        if state.is_complete() || state.report.stop.is_some() {
            return Ok(Next::Done);
        }
        if state.open.is_some() {
            return Ok(Next::Wait { until: None });
        }
        let segments = self.shared.input.get().map_or(0, Input::segments);
        let key = if state.segments < segments { Act::Segment(state.segments) } else { Act::Finish };
        Ok(Next::Act { key, effect: () })
    }

    fn intended(&self, key: &Act, (): &(), _: Option<&ModelCall>) -> Vec<Event> {
        vec![Event::Opened(*key)]
    }

    fn perform(&self, key: &Act, (): (), _: Option<CallContext>) -> BoxFuture<'static, Outcome> {
        let (shared, state) = (Arc::clone(&self.shared), &self.state);
        let (round, first_round) = (state.round, state.first_round);
        let (bytes, segments) = (state.bytes, state.segments);
        let (key, report) = (*key, state.base.clone());
        async move {
            let failure = Arc::clone(&shared);
            let ended = match key {
                Act::Segment(segment) => {
                    shared.segment(Position { round, first_round, segment, bytes, report }).await
                }
                Act::Finish => shared.finish(round, segments, bytes).await,
            };
            ended.unwrap_or_else(|error| {
                *failure.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Outcome::Stopped(BatchStop::Failed, Written::default())
            })
        }
        .boxed()
    }

    fn ended(&self, _: &Act, outcome: Outcome) -> Vec<Event> {
        vec![match outcome {
            Outcome::Written(written) => Event::Written(written),
            Outcome::Stopped(why, partial) => Event::Stopped(why, partial),
            Outcome::Finished => Event::Finished,
        }]
    }

    fn pending(&self) -> Vec<PendingEffect<Act>> {
        self.state.open.into_iter().map(PendingEffect::act).collect()
    }

    fn relaunch(&self, key: &Act, _: Duration) -> Result<Next<Self>, RunError> {
        // A segment has a journal of its own, and a name is given once.
        Ok(Next::Act { key: *key, effect: () })
    }

    fn command(&mut self, stop: Stop, _: Duration) -> Vec<Event> {
        // The flag before the controls, and a segment puts its controls down before it looks at the flag: one of the two is seen.
        self.shared.stops.store(true, Ordering::SeqCst);
        if let Some(controls) = &*self.shared.controls.lock().unwrap_or_else(PoisonError::into_inner) {
            controls.send(stop);
        }
        Vec::new()
    }

    fn summary(&self, _: &StreamName) -> Option<Value> {
        let report = &self.state.report;
        Some(json!({
            "kind": "batch",
            "title": self.state.begun.as_ref().map(|begun| &begun.input),
            "lines": report.lines,
            "done": report.done,
            "failed": report.failed,
            "complete": self.state.is_complete(),
            "cost_nano_usd": report.cost.nanos(),
        }))
    }
}
