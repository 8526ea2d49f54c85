//! A provider that answers as it is told.
//!
//! Its time is that of its timer alone, so that no test waits.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use forge_core::{
    Adapter, CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError,
    ProviderId, ResponseStream, StreamEvent, TokenCount, async_trait,
    event::{Finished, PartKind, RateLimitStatus, Started, StopReason},
    model::ModelInfo,
    provider::Health,
    time::{ManualTimer, Timer, Wait},
};
use futures_core::Stream;

/// What happens next in an answer. The stream begins with [`Open`](Self::Open) or the first event; what stands before
/// that happens before there is a stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// The answer waits, on the script's timer.
    Wait(Duration),
    /// The stream begins, so that what follows happens inside of it.
    Open,
    /// An event.
    Event(StreamEvent),
    /// The call fails: before there is a stream as a whole, else as the last item of the stream.
    Fail(ProviderError),
    /// Nothing more comes, and no end. The future or the stream has to be dropped.
    Hang,
}

/// What happens in one call. An empty one is a stream without events.
#[derive(Debug, Default)]
pub struct Answer(VecDeque<Step>);

impl Answer {
    /// A whole reply of one text, which ends its turn and says nothing of tokens.
    pub fn text(text: impl Into<String>) -> Self {
        Self::said(text, Finished::new(StopReason::EndTurn))
    }

    /// A whole reply of one text with this end.
    pub fn said(text: impl Into<String>, end: Finished) -> Self {
        let events = [
            Started::default().into(),
            StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
            StreamEvent::text(0, text),
            StreamEvent::PartEnded { index: 0, opaque: None },
            end.into(),
        ];
        Self(events.map(Step::Event).into())
    }

    /// A failure of this kind before there is a stream.
    pub fn fail(kind: ErrorKind) -> Self {
        ProviderError::new(kind, "script", "as told").into()
    }

    /// The same answer after so long.
    pub fn after(mut self, wait: Duration) -> Self {
        self.0.push_front(Step::Wait(wait));
        self
    }

    /// The same answer, whose end says that it took these tokens. An answer that does not end is left as it
    /// is.
    pub fn with_usage(mut self, usage: TokenCount) -> Self {
        if let Some(Step::Event(StreamEvent::Finished(finished))) = self.0.back_mut() {
            finished.usage = usage;
        }
        self
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<ProviderError> for Answer {
    fn from(error: ProviderError) -> Self {
        Self(VecDeque::from([Step::Fail(error)]))
    }
}

impl From<Vec<Step>> for Answer {
    fn from(steps: Vec<Step>) -> Self {
        Self(steps.into())
    }
}

/// What a script was asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScriptedCall {
    /// Of whom, and on what terms.
    pub context: CallContext,
    /// What for.
    pub request: Arc<ModelRequest>,
    /// When, on the script's timer.
    pub at: Instant,
}

type Plot = dyn Fn(&CallContext, &ModelRequest) -> Answer + Send + Sync;

/// A provider and adapter that answers as it is told and remembers what it was asked.
///
/// ```
/// use forge_core::{CallContext, ErrorKind, ModelRequest, Participant, ProviderExt as _};
/// use forge_testkit::{Answer, Script};
///
/// # let wait = |future| futures_util::FutureExt::now_or_never(future).unwrap();
/// let script = Script::turns([Answer::fail(ErrorKind::Overloaded), Answer::text("Hello.")]);
/// let cx = CallContext::new(Participant::local("m"));
/// let mut ask = || wait(Box::pin(script.complete(&cx, ModelRequest::new("").with_user_message("Hi"))));
/// assert_eq!(ask().unwrap_err().kind, ErrorKind::Overloaded);
/// assert_eq!(ask().unwrap().text(), "Hello.");
/// assert_eq!(script.calls().len(), 2);
///
/// let by_model = Script::new(|cx, _| format!("I am {}.", cx.model().as_str()));
/// # let answer = wait(Box::pin(by_model.complete(&cx, ModelRequest::new(""))));
/// # assert_eq!(answer.unwrap().text(), "I am m.");
/// ```
pub struct Script {
    id: ProviderId,
    capabilities: Capabilities,
    timer: Arc<dyn Timer>,
    plot: Box<Plot>,
    calls: Mutex<Vec<ScriptedCall>>,
    streams: Arc<AtomicUsize>,
}

impl Script {
    /// A provider named `script` that asks `plot` at every call what happens in it. It can do nothing special, and its
    /// time stands still.
    pub fn new<A: Into<Answer>>(
        plot: impl Fn(&CallContext, &ModelRequest) -> A + Send + Sync + 'static,
    ) -> Self {
        Self {
            id: "script".into(),
            capabilities: Capabilities::default(),
            timer: Arc::new(ManualTimer::new()),
            plot: Box::new(move |cx, request| plot(cx, request).into()),
            calls: Mutex::default(),
            streams: Arc::default(),
        }
    }

    /// A provider that gives each call the next answer. A call after the last one fails as
    /// [`InvalidRequest`](ErrorKind::InvalidRequest).
    pub fn turns<A: Into<Answer>>(answers: impl IntoIterator<Item = A>) -> Self {
        let left: Mutex<VecDeque<Answer>> = Mutex::new(answers.into_iter().map(Into::into).collect());
        Self::new(move |_, _| {
            let over = || ProviderError::new(ErrorKind::InvalidRequest, "script", "the script is at its end");
            lock(&left).pop_front().unwrap_or_else(|| over().into())
        })
    }

    /// The same provider with another name.
    pub fn with_id(self, id: impl Into<ProviderId>) -> Self {
        Self { id: id.into(), ..self }
    }

    /// The same provider, all of whose models can do this, whatever they are called.
    pub fn with_capabilities(self, capabilities: Capabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// The same provider, which waits on this timer.
    pub fn with_timer(self, timer: impl Timer) -> Self {
        Self { timer: Arc::new(timer), ..self }
    }

    /// What it was asked so far, in order, also calls that were dropped.
    pub fn calls(&self) -> Vec<ScriptedCall> {
        lock(&self.calls).clone()
    }

    /// How many of its streams are alive.
    pub fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("id", &self.id).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Script {
    fn name(&self) -> &str {
        self.id.as_str()
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        self.capabilities
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let call =
            ScriptedCall { context: cx.clone(), request: Arc::clone(&request), at: self.timer.instant() };
        // Noted when it is asked, also where it then waits for ever.
        lock(&self.calls).push(call);
        let Answer(mut steps) = (self.plot)(cx, &request);
        while !matches!(steps.front(), None | Some(Step::Event(_))) {
            match steps.pop_front() {
                Some(Step::Wait(length)) => self.timer.sleep_until(self.timer.instant() + length).await,
                Some(Step::Fail(error)) => return Err(error),
                Some(Step::Hang) => std::future::pending().await,
                _ => break,
            }
        }
        self.streams.fetch_add(1, Ordering::Relaxed);
        let (timer, alive) = (Arc::clone(&self.timer), Arc::clone(&self.streams));
        Ok(ResponseStream::new(Rest { steps, timer, wait: None, alive }))
    }
}

#[async_trait]
impl Adapter for Script {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        Ok(Health::Ready)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(Vec::new())
    }

    async fn count_tokens(&self, model: &ModelId, _: &ModelRequest) -> Result<u64, ProviderError> {
        Err(ProviderError::unsupported(self.name(), model, "counting"))
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        RateLimitStatus::default()
    }
}

/// The steps behind the head.
struct Rest {
    steps: VecDeque<Step>,
    timer: Arc<dyn Timer>,
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
                Some(Step::Wait(length)) => {
                    self.wait = Some(self.timer.sleep_until(self.timer.instant() + length));
                }
                Some(Step::Open) => {}
                Some(Step::Event(event)) => return Poll::Ready(Some(Ok(event))),
                Some(Step::Fail(error)) => return Poll::Ready(Some(Err(error))),
                Some(Step::Hang) => {
                    // It hangs at every later poll as well. No waker is kept: nothing will ever wake it.
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
