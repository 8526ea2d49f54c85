//! Clocks around a call.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError, ResponseStream,
    StreamEvent, async_trait,
    error::Phase,
    event::PartKind,
    provider::{Layer, Timeouts},
    request::Delivery,
    stream::StreamObserver,
    time::{Timer, Wait},
};

/// Ends calls that stay silent or take too long with [`ErrorKind::Timeout`], and drops what is under way.
///
/// - `first_event` runs from the call to the first content.
/// - `gap` runs between content events. While a part of thoughts is open, `first_event` stands in for
///   it, because vendors that hide thoughts are silent meanwhile.
/// - `total` runs from the call to its end, and [`CallContext::deadline`] holds beside it. A reply in one
///   piece ([`Delivery::Whole`]) has these two only.
/// - `connect` is left to whoever connects.
///
/// Time in which the caller does not ask for the next event is no silence of the vendor's, and an event
/// that is there is handed out however late it is asked for.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use forge_core::{Provider, provider::{Stack, Timeouts}};
/// use forge_layers::Timeout;
///
/// # fn demo(provider: Arc<dyn Provider>) {
/// let timeouts = Timeouts { gap: Duration::from_secs(20), ..Timeouts::default() };
/// let patient = Stack::new(provider).with(&Timeout::new(timeouts)).build();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Timeout {
    timeouts: Timeouts,
}

impl Timeout {
    /// These clocks.
    pub const fn new(timeouts: Timeouts) -> Self {
        Self { timeouts }
    }
}

impl Layer for Timeout {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Timed { inner, timeout: self.clone() })
    }
}

#[derive(Debug)]
struct Timed {
    inner: Arc<dyn Provider>,
    timeout: Timeout,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Timed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.inner.capabilities(model)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let timer = &cx.timer;
        let clocks = Clocks::of_call(cx, &self.timeout.timeouts, request.delivery, timer.instant());
        let origin = Origin { provider: self.inner.name().to_owned(), model: cx.model().clone() };
        if clocks.end.is_some_and(|end| end <= clocks.begun) {
            return Err(origin.error("the deadline had passed before the call".into(), Phase::BeforeSend));
        }
        let mut alarm = Alarm { timer: Arc::clone(timer), set: None };
        let due = clocks.due("the reply did not begin", clocks.begun, clocks.first_event);
        let mut call = self.inner.stream(cx, request);
        // The reply is looked at before the clock: one that is there wins over a deadline that has just passed.
        let events = poll_fn(|task| match call.as_mut().poll(task) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            Poll::Pending => {
                alarm.poll(due.as_ref(), task).map(|text| Err(origin.error(text, Phase::BeforeOutput)))
            }
        })
        .await?;
        Ok(events.observed(Watch {
            silent_since: clocks.begun,
            // The caller has not asked for an event yet, and that time is not the vendor's.
            caller: Caller::HasNothing(alarm.timer.instant()),
            content_seen: false,
            thinking: false,
            clocks,
            alarm,
            origin,
        }))
    }
}

/// The clocks of one call, running. A patience beyond what the timer can count never ends.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    begun: Instant,
    first_event: Duration,
    gap: Duration,
    end: Option<Instant>,
}

impl Clocks {
    fn of_call(cx: &CallContext, timeouts: &Timeouts, delivery: Delivery, begun: Instant) -> Self {
        let total = begun.checked_add(timeouts.total);
        let end = [total, cx.deadline].into_iter().flatten().min();
        let (first_event, gap) = match delivery {
            Delivery::Stream => (timeouts.first_event, timeouts.gap),
            // A reply in one piece is silent until it is complete; silence means nothing there.
            Delivery::Whole => (Duration::MAX, Duration::MAX),
        };
        Self { begun, first_event, gap, end }
    }

    /// The deadline that comes first: that of a silence, or that of the whole call.
    fn due(&self, silence: &'static str, since: Instant, patience: Duration) -> Option<Due> {
        let silence = since.checked_add(patience).map(|at| Due { at, what: silence, patience });
        let end = self.end.map(|at| {
            let patience = at.saturating_duration_since(self.begun);
            Due { at, what: "the reply was not complete", patience }
        });
        [silence, end].into_iter().flatten().min_by_key(|due| due.at)
    }
}

struct Due {
    at: Instant,
    what: &'static str,
    patience: Duration,
}

struct Alarm {
    timer: Arc<dyn Timer>,
    set: Option<(Instant, Wait)>,
}

impl Alarm {
    /// Ready with what to say, once the time of `due` has come.
    fn poll(&mut self, due: Option<&Due>, task: &mut Context<'_>) -> Poll<String> {
        let Some(Due { at, what, patience }) = due else { return Poll::Pending };
        while self.timer.instant() < *at {
            // An alarm that rings early is set again then; moving it at every event would cost more.
            self.set.take_if(|(set, _)| *set > *at);
            let (_, wait) = self.set.get_or_insert_with(|| (*at, self.timer.sleep_until(*at)));
            ready!(wait.as_mut().poll(task));
            self.set = None;
        }
        Poll::Ready(format!("{what} within {:.1} s", patience.as_secs_f64()))
    }
}

struct Origin {
    provider: String,
    model: ModelId,
}

impl Origin {
    fn error(&self, text: String, phase: Phase) -> ProviderError {
        ProviderError::new(ErrorKind::Timeout, &self.provider, text).with(|facts| {
            facts.model = Some(self.model.clone());
            facts.phase = phase;
        })
    }
}

/// The clocks of a reply that has begun. Time is read only where there is nothing to hand out.
struct Watch {
    clocks: Clocks,
    alarm: Alarm,
    origin: Origin,
    /// Since when there is no content, moved on by the time in which the caller was away.
    silent_since: Instant,
    caller: Caller,
    content_seen: bool,
    thinking: bool,
}

/// What the caller does.
enum Caller {
    Waits,
    /// It has gone away with content, after which a new silence begins when it is back.
    HasContent,
    /// It has gone away at this time with an event that is no progress of the answer, such as a keep-alive.
    HasNothing(Instant),
}

impl Watch {
    fn due(&self) -> Option<Due> {
        let Clocks { first_event, gap, .. } = self.clocks;
        let (silence, patience) = match (self.content_seen, self.thinking) {
            (false, _) => ("no content came", first_event),
            (true, true) => ("the model showed no progress while thinking", first_event),
            (true, false) => ("nothing more came", gap),
        };
        self.clocks.due(silence, self.silent_since, patience)
    }
}

impl StreamObserver for Watch {
    fn event(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::PartStarted { kind, .. } => self.thinking = *kind == PartKind::Thinking,
            StreamEvent::PartEnded { .. } => self.thinking = false,
            _ => {}
        }
        if event.is_content() {
            self.content_seen = true;
            self.caller = Caller::HasContent;
        } else if matches!(self.caller, Caller::Waits) {
            self.caller = Caller::HasNothing(self.alarm.timer.instant());
        }
    }

    fn failure(&mut self, _: Option<&mut ProviderError>) {}

    // Only a reply that is not there is late, however long ago the alarm was due.
    fn pending(&mut self, task: &mut Context<'_>) -> Option<ProviderError> {
        // What came since the caller went away was there when it came back, so that all of this time is its own.
        match std::mem::replace(&mut self.caller, Caller::Waits) {
            Caller::Waits => {}
            Caller::HasContent => self.silent_since = self.alarm.timer.instant(),
            Caller::HasNothing(left) => {
                self.silent_since += self.alarm.timer.instant().saturating_duration_since(left);
            }
        }
        let Poll::Ready(text) = self.alarm.poll(self.due().as_ref(), task) else { return None };
        let phase = if self.content_seen { Phase::AfterOutput } else { Phase::BeforeOutput };
        Some(self.origin.error(text, phase))
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        ProviderExt as _,
        event::StopReason,
        time::{Clock as _, ManualTimer},
    };

    use super::*;
    use crate::script::{
        Script, Step, context, ended, finished, part, reply, run, scripted, seconds, sleep, started, text,
    };

    fn timed(script: &Arc<Script>) -> Arc<dyn Provider> {
        let timeouts = Timeouts {
            connect: Duration::ZERO,
            first_event: seconds(100),
            gap: seconds(10),
            total: seconds(500),
        };
        Timeout::new(timeouts).layer(Arc::clone(script) as _)
    }

    fn request() -> ModelRequest {
        ModelRequest::new("").with_user_message("hi")
    }

    /// What comes of a call with these steps, and after how many seconds.
    fn outcome(
        steps: impl Fn() -> Vec<Step> + Send + Sync + 'static,
        request: ModelRequest,
    ) -> (Result<String, String>, u64) {
        let timer = ManualTimer::new();
        let script = scripted(&timer, move |_| steps());
        let timed = timed(&script);
        let begun = timer.instant();
        let outcome = run(&timer, timed.complete(&context(&timer), request));
        let outcome = outcome.map(|response| response.text().into_owned()).map_err(|error| {
            assert_eq!(error.kind, ErrorKind::Timeout);
            assert_eq!(error.phase == Phase::AfterOutput, error.partial.is_some());
            error.message.clone()
        });
        (outcome, (timer.instant() - begun).as_secs())
    }

    fn late(what: &str) -> Result<String, String> {
        Err(what.to_owned())
    }

    #[test]
    fn each_silence_has_its_own_patience() {
        let head = || vec![sleep(1_000), Step::Open];
        let first = || vec![sleep(60), Step::Open, started(), sleep(60), started()];
        let gap = || vec![Step::Open, started(), part(0, PartKind::Text), text(0, "a"), sleep(11), ended(0)];
        let usage = || StreamEvent::from(forge_core::TokenCount::default());
        let pings = move || {
            let mut steps = vec![Step::Open, started(), part(0, PartKind::Text)];
            steps.extend((0..20).flat_map(|_| [sleep(3), Step::Event(usage())]));
            steps
        };
        assert_eq!(outcome(head, request()), (late("the reply did not begin within 100.0 s"), 100));
        assert_eq!(outcome(first, request()), (late("no content came within 100.0 s"), 100));
        assert_eq!(outcome(gap, request()), (late("nothing more came within 10.0 s"), 10));
        assert_eq!(outcome(pings, request()), (late("nothing more came within 10.0 s"), 10));
    }

    #[test]
    fn thoughts_may_take_as_long_as_a_first_event() {
        let thinking = |pause: u64, then: u64| {
            move || {
                let mut steps = vec![Step::Open, started(), part(0, PartKind::Thinking), sleep(pause)];
                steps.extend([ended(0), sleep(then), part(1, PartKind::Text), text(1, "a"), sleep(9)]);
                steps.extend([ended(1), finished(StopReason::EndTurn)]);
                steps
            }
        };
        assert_eq!(outcome(thinking(99, 9), request()), (Ok("a".into()), 99 + 9 + 9));
        assert_eq!(outcome(thinking(99, 11), request()), (late("nothing more came within 10.0 s"), 99 + 10));
        assert_eq!(
            outcome(thinking(101, 9), request()),
            (late("the model showed no progress while thinking within 100.0 s"), 100)
        );
    }

    #[test]
    fn a_reply_that_never_rests_ends_with_the_total() {
        let steps = || {
            let mut steps = vec![Step::Open, started(), part(0, PartKind::Text)];
            steps.extend((0..1_000).flat_map(|_| [sleep(9), text(0, "a")]));
            steps
        };
        assert_eq!(outcome(steps, request()), (late("the reply was not complete within 500.0 s"), 500));
    }

    #[test]
    fn a_reply_in_one_piece_has_the_whole_time() {
        let whole = |pause| {
            move || {
                let mut steps = vec![sleep(pause)];
                steps.extend(reply(&["a"]));
                steps
            }
        };
        let request = || request().with_delivery(Delivery::Whole);
        assert_eq!(outcome(whole(499), request()), (Ok("a".into()), 499));
        assert_eq!(outcome(whole(501), request()), (late("the reply was not complete within 500.0 s"), 500));
    }

    #[test]
    fn the_deadline_of_the_call_holds_beside_the_total() {
        let timer = ManualTimer::new();
        let script = scripted(&timer, |_| vec![sleep(1_000)]);
        let timed = timed(&script);
        let cx = context(&timer).with_timeout(seconds(7));
        let error = run(&timer, timed.complete(&cx, request())).unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.phase),
            ("the reply was not complete within 7.0 s", Phase::BeforeOutput)
        );
        let error = run(&timer, timed.complete(&cx, request())).unwrap_err();
        assert_eq!((error.phase, script.calls().len()), (Phase::BeforeSend, 1));
    }

    #[test]
    fn a_caller_who_reads_slowly_is_not_a_stall() {
        let timer = ManualTimer::new();
        let script = scripted(&timer, |_| {
            let mut steps = vec![Step::Open, sleep(1), started()];
            for step in [part(0, PartKind::Text), text(0, "a"), ended(0), finished(StopReason::EndTurn)] {
                steps.extend([sleep(9), step]);
            }
            steps
        });
        let timeouts = Timeouts { gap: seconds(10), first_event: seconds(20), ..Timeouts::default() };
        let timed = Timeout::new(timeouts).layer(script);
        let mut events = run(&timer, timed.stream(&context(&timer), request().into())).unwrap();
        let mut read = 0;
        timer.advance(seconds(30));
        while let Some(event) = run(&timer, events.next()) {
            event.unwrap();
            read += 1;
            timer.advance(seconds(30));
        }
        assert_eq!(read, 5);
    }

    #[test]
    fn what_timed_out_is_dropped_at_once_and_the_stream_is_over() {
        let timer = ManualTimer::new();
        let script = scripted(&timer, |_| vec![Step::Open, started(), sleep(1_000)]);
        let timed = timed(&script);
        let mut events = run(&timer, timed.stream(&context(&timer), request().into())).unwrap();
        assert!(run(&timer, events.next()).unwrap().is_ok());
        assert_eq!(script.streams(), 1);
        assert!(run(&timer, events.next()).unwrap().is_err());
        assert_eq!(script.streams(), 0);
        assert!(run(&timer, events.next()).is_none());
    }
}
