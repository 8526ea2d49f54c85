//! Providers that answer as they are told, on a timer that moves by hand.

use std::{
    collections::HashMap,
    fmt,
    pin::pin,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Money, Participant, Provider, ProviderError,
    ResponseStream, StreamEvent, TokenCount, async_trait,
    event::{Delta, Finished, PartKind, Started, StopReason},
    model::Efforts,
    request::{Effort, OutputFormat},
    route::RouteTrace,
    storage::{accounts::Served, journal::Journal as _, memory::MemoryJournal},
    tags::Tags,
    time::{Clock as _, ManualTimer, Timer as _},
};
use forge_session::{Plan, Prompts, Session, SessionDeps, SessionResult, Stage};
use futures_util::{FutureExt as _, StreamExt as _, stream};

pub(crate) use crate::script::*;

/// By how much counts are multiplied: 1 for a quick look, 20 for the figures of the documents.
#[allow(clippy::disallowed_methods, reason = "whoever runs the tests says how much")]
pub(crate) fn scale() -> usize {
    std::env::var("FORGE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

/// What a participant does with a call.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    /// What a sensible model would say at this stage.
    Sensible,
    /// This text.
    Say(String),
    /// This text, after so many seconds.
    Late(u64, String),
    /// A sensible answer after so many seconds.
    SensibleAfter(u64),
    /// This text and this end.
    End(String, StopReason),
    Fail(ErrorKind),
    FailAfter(Duration, ErrorKind),
    /// Nothing but so many tokens of thoughts, up to its limit.
    Thought(u64),
    /// Part of an answer, and then the connection breaks.
    Break,
    /// Part of an answer, and then nothing for ever.
    Stall,
    /// Nothing for ever.
    Hang,
    /// A letter every so many seconds.
    Drip(u64),
    /// This text, from now on until then, without long pauses.
    Over(Duration, String),
}

/// What the vendor says that a call took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meter {
    /// A token for each four bytes of the prompt and of the answer.
    Usual,
    /// As many tokens as there can be: one for each byte, and all that the answer may have where it broke off.
    Greedy,
    /// As many, but it does not say so.
    Silent,
}

type Script = dyn Fn(usize, &ModelRequest) -> Play + Send + Sync;

#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) model: String,
    pub(crate) request: Arc<ModelRequest>,
    /// The models that must not answer.
    pub(crate) excluded: Vec<String>,
}

impl Sent {
    pub(crate) fn text(&self) -> String {
        format!("{}\n---\n{}", self.request.system_text(), user(&self.request))
    }
}

#[derive(Clone)]
pub(crate) struct Theatre {
    pub(crate) timer: ManualTimer,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) sent: Arc<Mutex<Vec<Sent>>>,
    scripts: Arc<Mutex<HashMap<String, Arc<Script>>>>,
    counts: Arc<Mutex<HashMap<String, usize>>>,
    pub(crate) structured: bool,
    pub(crate) sampling: bool,
    pub(crate) thinks: bool,
    /// Models in whose place another one answers.
    served: Arc<Mutex<HashMap<String, String>>>,
    pub(crate) meter: Meter,
    /// Tokens that the vendors bill by a greedy meter, whatever they say: of input and of output.
    pub(crate) billed: Arc<Mutex<(u64, u64)>>,
    /// Hanging calls that were dropped.
    pub(crate) cancelled: Arc<Mutex<usize>>,
}

struct Gone(Arc<Mutex<usize>>);

impl Drop for Gone {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

impl fmt::Debug for Theatre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Theatre")
    }
}

impl Theatre {
    pub(crate) fn new() -> Self {
        let timer = ManualTimer::new();
        Self {
            journal: Arc::new(MemoryJournal::new(Arc::new(timer.clone()))),
            timer,
            sent: Arc::default(),
            scripts: Arc::default(),
            counts: Arc::default(),
            structured: true,
            sampling: true,
            thinks: false,
            served: Arc::default(),
            meter: Meter::Usual,
            billed: Arc::default(),
            cancelled: Arc::default(),
        }
    }

    /// What the model does with its first, second, ... call.
    pub(crate) fn plays(
        &self,
        model: &str,
        script: impl Fn(usize, &ModelRequest) -> Play + Send + Sync + 'static,
    ) {
        self.scripts.lock().unwrap().insert(model.to_owned(), Arc::new(script));
    }

    pub(crate) fn always(&self, model: &str, play: Play) {
        self.plays(model, move |_, _| play.clone());
    }

    /// Another model answers in the place of this one, as a router might see to.
    pub(crate) fn serves(&self, model: &str, in_its_place: &str) {
        self.served.lock().unwrap().insert(model.to_owned(), in_its_place.to_owned());
    }

    pub(crate) fn calls(&self, model: &str) -> usize {
        self.sent.lock().unwrap().iter().filter(|sent| sent.model == model).count()
    }

    pub(crate) fn deps(&self) -> SessionDeps {
        let provider: Arc<dyn Provider> = Arc::new(self.clone());
        let timer = Arc::new(self.timer.clone());
        SessionDeps {
            providers: provider.into(),
            journal: Arc::clone(&self.journal) as _,
            timer,
            configured: forge_session::nothing_configured(),
            prices: Arc::new(price),
            prompts: prompts(),
            observer: None,
            approver: None,
            holder: "test".into(),
            locks: None,
            sink: Arc::new(()),
            accounts: None,
            budgets: None,
            tags: Tags::default(),
            budget_caps: Arc::default(),
        }
    }

    /// Drives `future` to its end; whenever it waits, time moves on to the next wake.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        for _ in 0..100_000 {
            if let Some(output) = future.as_mut().now_or_never() {
                return output;
            }
            self.timer.advance(self.timer.next_wake().expect("somebody waits for time"));
        }
        panic!("it never ends");
    }

    /// A whole session.
    pub(crate) fn session(&self, plan: Plan) -> SessionResult {
        self.session_of(self.deps(), plan)
    }

    pub(crate) fn session_of(&self, deps: SessionDeps, plan: Plan) -> SessionResult {
        self.run(async {
            let session = Session::start(deps, name(), plan).await.unwrap();
            session.run().await.unwrap()
        })
    }

    /// The payloads of the journal.
    pub(crate) fn entries(&self) -> Vec<Vec<u8>> {
        let entries = self.run(self.journal.read(&name(), 0)).unwrap();
        entries.into_iter().map(|entry| entry.payload).collect()
    }
}

/// The built-in prompts, compiled once for all tests.
fn prompts() -> Arc<Prompts> {
    static PROMPTS: OnceLock<Arc<Prompts>> = OnceLock::new();
    Arc::clone(PROMPTS.get_or_init(|| Arc::new(Prompts::built_in().unwrap())))
}

/// A dollar per million tokens of input, two of output.
pub(crate) fn price(_: &Participant, tokens: &TokenCount, _: Option<&Served>) -> Option<Money> {
    Some(Money::from_nanos(tokens.total_input()? * 1_000 + tokens.total_output()? * 2_000))
}

#[async_trait]
impl Provider for Theatre {
    fn name(&self) -> &'static str {
        "theatre"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        let mut able = Capabilities::default();
        able.structured_output = self.structured;
        able.sampling = self.sampling;
        able.efforts = if self.thinks { Efforts::of(&[Effort::High]) } else { Efforts::NONE };
        able
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let model = cx.model().as_str().to_owned();
        let asked = matches!(request.output, OutputFormat::JsonSchema { .. });
        assert_eq!(asked, self.structured && stage_of(&request) != Stage::Draft);
        let excluded = cx.exclude.iter().map(|one| one.model_id.to_string()).collect();
        let request_sent = Arc::clone(&request);
        self.sent.lock().unwrap().push(Sent { model: model.clone(), request: request_sent, excluded });
        let nth = {
            let mut counts = self.counts.lock().unwrap();
            let count = counts.entry(model.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let script = self.scripts.lock().unwrap().get(&model).cloned();
        let play = script.map_or(Play::Sensible, |script| script(nth, &request));
        let most = u64::from(request.max_tokens.unwrap());
        let bytes = (request.system.len() + user(&request).len()) as u64;
        let bill = |output| {
            let mut billed = self.billed.lock().unwrap();
            *billed = (billed.0 + bytes, billed.1 + output);
        };
        let wait = |seconds| self.timer.sleep_until(self.timer.instant() + Duration::from_secs(seconds));
        let error = |kind| ProviderError::new(kind, "theatre", "as told");
        let mut over = Duration::ZERO;
        let (text, reason) = match play {
            Play::Sensible => (sensible(&model, &request), StopReason::EndTurn),
            Play::Say(text) => (text, StopReason::EndTurn),
            Play::Late(seconds, text) => {
                wait(seconds).await;
                (text, StopReason::EndTurn)
            }
            Play::SensibleAfter(seconds) => {
                wait(seconds).await;
                (sensible(&model, &request), StopReason::EndTurn)
            }
            Play::End(text, reason) => (text, reason),
            Play::Thought(tokens) => {
                let usage = TokenCount::default().with_reasoning(tokens);
                let reason = StopReason::MaxTokens;
                let finished = Finished::new(reason).with_usage(usage);
                let events = [StreamEvent::from(Started::default()), StreamEvent::from(finished)];
                return Ok(ResponseStream::from_events(events.map(Ok)));
            }
            Play::Over(duration, text) => {
                over = duration;
                (text, StopReason::EndTurn)
            }
            Play::Fail(kind) => return Err(error(kind)),
            Play::FailAfter(duration, kind) => {
                self.timer.sleep_until(self.timer.instant() + duration).await;
                return Err(error(kind));
            }
            Play::Break => {
                bill(most);
                let events = begun("Hel").into_iter().map(Ok).chain([Err(error(ErrorKind::Transport))]);
                return Ok(ResponseStream::from_events(events.collect::<Vec<_>>()));
            }
            Play::Stall => {
                bill(most);
                return Ok(ResponseStream::new(stream::iter(begun("Hel").map(Ok)).chain(stream::pending())));
            }
            Play::Hang => {
                bill(most);
                let _gone = Gone(Arc::clone(&self.cancelled));
                futures_util::future::pending().await
            }
            Play::Drip(seconds) => {
                bill(most);
                let timer = self.timer.clone();
                let drips = stream::unfold((), move |()| {
                    let wait = timer.sleep_until(timer.instant() + Duration::from_secs(seconds));
                    wait.map(|()| Some((Ok(delta("x")), ())))
                });
                return Ok(ResponseStream::new(stream::iter(begun("x").map(Ok)).chain(drips)));
            }
        };
        let output = most.min(text.len() as u64);
        bill(output);
        let (input, output) = match self.meter {
            Meter::Usual => (Some(user(&request).len() as u64 / 4), Some(text.len() as u64 / 4)),
            Meter::Greedy => (Some(bytes), Some(output)),
            Meter::Silent => (None, None),
        };
        let usage = TokenCount::default().with_input(input).with_output(output);
        let finished = StreamEvent::from(Finished::new(reason).with_usage(usage));
        let ended = StreamEvent::PartEnded { index: 0, opaque: None };
        let pauses = u32::try_from(over.as_secs().div_ceil(30)).unwrap();
        let (timer, begins) = (self.timer.clone(), self.timer.instant());
        let waits = stream::iter(1..=pauses)
            .then(move |pause| timer.sleep_until(begins + over * pause / pauses).map(|()| Ok(delta(" "))));
        let end = stream::iter([delta(&text), ended, finished].map(Ok));
        let mut first = begun("");
        if let Some(other) = self.served.lock().unwrap().get(&model) {
            let mut started = Started::default();
            started.route = Some(served_by(other));
            first[0] = started.into();
        }
        Ok(ResponseStream::new(stream::iter(first.map(Ok)).chain(waits).chain(end)))
    }
}

/// The trace of a router that asked somebody else.
fn served_by(name: &str) -> Arc<RouteTrace> {
    let participant = Some(Arc::new(model(name)));
    Arc::new(RouteTrace::new(participant, Vec::new(), Vec::new()))
}

fn delta(text: &str) -> StreamEvent {
    StreamEvent::PartDelta { index: 0, delta: Delta::Text(text.into()) }
}

fn begun(text: &str) -> [StreamEvent; 3] {
    [
        StreamEvent::from(Started::default()),
        StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
        delta(text),
    ]
}
