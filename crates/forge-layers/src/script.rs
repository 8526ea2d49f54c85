//! A provider that answers as it is told, for the tests of the layers.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, Clock, Delta, ErrorKind, Finished, ModelId, ModelRequest, PartKind,
    Participant, Provider, ProviderError, ResponseStream, Started, StopReason, StreamEvent, TokenCount,
    async_trait,
};
use futures_core::Stream;
use futures_util::FutureExt as _;

use crate::{ManualTimer, Timer, Wait};

/// What happens next in a reply. Steps before [`Open`](Self::Open) happen before there is a stream.
#[derive(Debug)]
pub(crate) enum Step {
    Sleep(Duration),
    Open,
    Event(StreamEvent),
    Fail(ProviderError),
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn sleep(length: u64) -> Step {
    Step::Sleep(seconds(length))
}

pub(crate) fn fail(kind: ErrorKind) -> Step {
    Step::Fail(ProviderError::new(kind, "script", "as told"))
}

pub(crate) fn started() -> Step {
    Step::Event(StreamEvent::from(Started::new(None, Some("served".into()))))
}

pub(crate) fn part(index: u32, kind: PartKind) -> Step {
    Step::Event(StreamEvent::PartStarted { index, kind })
}

pub(crate) fn text(index: u32, text: &str) -> Step {
    Step::Event(StreamEvent::PartDelta { index, delta: Delta::Text(text.into()) })
}

pub(crate) fn ended(index: u32) -> Step {
    Step::Event(StreamEvent::PartEnded { index, opaque: None })
}

pub(crate) fn finished(reason: StopReason) -> Step {
    let usage = TokenCount::default().with_input(100).with_output(10);
    Step::Event(StreamEvent::from(Finished::new(reason).with_usage(usage)))
}

/// A whole reply that says `words`.
pub(crate) fn reply(words: &[&str]) -> Vec<Step> {
    let mut steps = vec![Step::Open, started(), part(0, PartKind::Text)];
    steps.extend(words.iter().map(|word| text(0, word)));
    steps.extend([ended(0), finished(StopReason::EndTurn)]);
    steps
}

type Plot = dyn Fn(&CallContext) -> Vec<Step> + Send + Sync;

/// Asks its plot at every call what happens in it.
pub(crate) struct Script {
    timer: ManualTimer,
    plot: Box<Plot>,
    calls: Mutex<Vec<(u32, Instant)>>,
    streams: Arc<AtomicUsize>,
}

impl Script {
    pub(crate) fn new(
        timer: &ManualTimer,
        plot: impl Fn(&CallContext) -> Vec<Step> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            timer: timer.clone(),
            plot: Box::new(plot),
            calls: Mutex::default(),
            streams: Arc::default(),
        })
    }

    /// Which attempts came, and when.
    pub(crate) fn calls(&self) -> Vec<(u32, Instant)> {
        self.calls.lock().unwrap().clone()
    }

    /// How many of its streams are alive.
    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }

    async fn stream(&self, cx: &CallContext, _: Arc<ModelRequest>) -> Result<ResponseStream, ProviderError> {
        self.calls.lock().unwrap().push((cx.attempt, self.timer.instant()));
        let mut steps = VecDeque::from((self.plot)(cx));
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Sleep(length) => self.timer.sleep_until(self.timer.instant() + length).await,
                Step::Open => break,
                Step::Fail(error) => return Err(error),
                Step::Event(event) => panic!("{event:?} before the stream"),
            }
        }
        self.streams.fetch_add(1, Ordering::Relaxed);
        let (timer, alive) = (self.timer.clone(), Arc::clone(&self.streams));
        Ok(ResponseStream::new(Rest { steps, timer, wait: None, alive }))
    }
}

struct Rest {
    steps: VecDeque<Step>,
    timer: ManualTimer,
    wait: Option<Wait>,
    alive: Arc<AtomicUsize>,
}

impl Stream for Rest {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            match self.steps.pop_front() {
                Some(Step::Sleep(length)) => {
                    self.wait = Some(self.timer.sleep_until(self.timer.instant() + length));
                }
                Some(Step::Open) => {}
                Some(Step::Event(event)) => return Poll::Ready(Some(Ok(event))),
                Some(Step::Fail(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn context(timer: &ManualTimer) -> CallContext {
    CallContext::with_clock(Participant::claude_sonnet(), Arc::new(timer.clone()))
}

/// Drives `future` to its end; whenever it waits, time moves on to the next wake.
pub(crate) fn run<F: Future>(timer: &ManualTimer, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Some(output) = future.as_mut().now_or_never() {
            return output;
        }
        timer.advance(timer.next_wake().expect("a call that waits for time"));
    }
}

/// Drops `call` after its first, second, ... pending poll, until it comes to its end; `check` looks at
/// what is left each time.
pub(crate) fn drop_at_every_poll<F: Future>(
    timer: &ManualTimer,
    mut call: impl FnMut() -> F,
    mut check: impl FnMut(usize),
) {
    for polls in 1.. {
        let mut future = Box::pin(call());
        let done = (0..polls).any(|_| {
            let done = future.as_mut().now_or_never().is_some();
            timer.advance(timer.next_wake().unwrap_or_default());
            done
        });
        drop(future);
        check(polls);
        if done {
            return;
        }
    }
}
