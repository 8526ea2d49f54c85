//! Providers that answer as they are told, on a timer that moves by hand.

use std::{
    collections::HashMap,
    fmt,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use forge_core::{
    CallContext, Capabilities, Clock as _, Delta, ErrorKind, Finished, Journal as _, ManualTimer,
    MemoryJournal, ModelId, ModelProvider, ModelRequest, Money, OutputFormat, Part, PartKind, Participant,
    Provider, ProviderError, ResponseStream, Started, StopReason, StreamEvent, StreamName, Timer as _,
    TokenCount, async_trait,
};
use forge_session::{Cast, Parts, Plan, Session, SessionResult, Stage, Topic};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};

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
    /// Part of an answer, and then the connection breaks.
    Break,
    /// Part of an answer, and then nothing for ever.
    Stall,
    /// Nothing for ever.
    Hang,
    /// A letter every so many seconds.
    Drip(u64),
}

type Script = dyn Fn(usize, &ModelRequest) -> Play + Send + Sync;

#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) model: String,
    pub(crate) request: Arc<ModelRequest>,
}

impl Sent {
    pub(crate) fn text(&self) -> String {
        format!("{}\n---\n{}", self.request.system, user(&self.request))
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

    pub(crate) fn calls(&self, model: &str) -> usize {
        self.sent.lock().unwrap().iter().filter(|sent| sent.model == model).count()
    }

    pub(crate) fn parts(&self) -> Parts {
        let provider: Arc<dyn Provider> = Arc::new(self.clone());
        let timer = Arc::new(self.timer.clone());
        Parts::new(provider, Arc::clone(&self.journal) as _, timer, "test")
            .unwrap()
            .with_prices(Arc::new(price))
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
        self.session_of(self.parts(), plan)
    }

    pub(crate) fn session_of(&self, parts: Parts, plan: Plan) -> SessionResult {
        self.run(async {
            let session = Session::start(parts, name(), plan).await.unwrap();
            session.run().await.unwrap()
        })
    }

    /// The payloads of the journal.
    pub(crate) fn entries(&self) -> Vec<Vec<u8>> {
        let entries = self.run(self.journal.read(&name(), 0)).unwrap();
        entries.into_iter().map(|entry| entry.payload).collect()
    }
}

/// A dollar per million tokens of input, two of output.
pub(crate) fn price(_: &Participant, tokens: &TokenCount) -> Option<Money> {
    Some(Money::from_nanos(tokens.total_input()? * 1_000 + tokens.total_output()? * 2_000))
}

pub(crate) fn name() -> StreamName {
    StreamName::new("s-1").unwrap()
}

pub(crate) fn model(name: &str) -> Participant {
    let provider = match name.split('-').next().unwrap() {
        "drafter" | "synth" => ModelProvider::Anthropic,
        "alpha" | "checker" => ModelProvider::OpenAI,
        "beta" => ModelProvider::Google,
        _ => ModelProvider::Local,
    };
    Participant::new(provider, name)
}

/// A drafter, three critics, a synthesizer and a checker, each with a second choice where it is `fallback`.
pub(crate) fn plan() -> Plan {
    let one = |name: &str| vec![model(name)];
    let cast = Cast {
        drafter: one("drafter-1"),
        critics: vec![one("alpha-1"), one("beta-1"), one("gamma-1")],
        synthesizer: one("synth-1"),
        checker: one("checker-1"),
    };
    Plan::new(Topic::new("A rate limiter"), cast)
}

pub(crate) const DRAFT: &str = "# A rate limiter\n\nThe limit is one hundred requests a minute.\n\nTokens never expire.\n\nErrors are ignored by the caller.\n";

pub(crate) fn stage_of(request: &ModelRequest) -> Stage {
    let heading = request.system.lines().next().unwrap_or_default();
    Stage::ALL.into_iter().find(|stage| heading.to_lowercase().contains(stage.as_str())).expect("a stage")
}

pub(crate) fn user(request: &ModelRequest) -> &str {
    match &request.messages[0].parts[0] {
        Part::Text { text, .. } => text,
        other => panic!("{other:?}"),
    }
}

/// What stands between the fences of this name.
pub(crate) fn fenced<'a>(text: &'a str, name: &str) -> &'a str {
    let Some(start) = text.find(&format!("<<<{name} ")) else { return "" };
    let body = &text[start..];
    let body = &body[body.find('\n').unwrap() + 1..];
    body[..body.find("<<<END ").unwrap()].trim_end_matches('\n')
}

pub(crate) fn finding(severity: &str, quote: &str, claim: &str) -> Value {
    json!({"severity": severity, "category": "correctness", "location": "", "quote": quote,
        "claim": claim, "suggested_change": "say more"})
}

pub(crate) fn critique(findings: &[Value]) -> String {
    json!({"strengths": ["short"], "findings": findings}).to_string()
}

/// The labels of the findings in a prompt.
pub(crate) fn labels(prompt: &str) -> Vec<String> {
    let lines = fenced(prompt, "FINDINGS").lines();
    let words = lines.filter(|line| line.starts_with('F')).filter_map(|line| line.split_whitespace().next());
    words.map(str::to_owned).collect()
}

pub(crate) fn sensible(model: &str, request: &ModelRequest) -> String {
    let prompt = user(request);
    match stage_of(request) {
        Stage::Draft => DRAFT.to_owned(),
        Stage::Critique => {
            let document = fenced(prompt, "DOCUMENT");
            let mut quotes: Vec<&str> = document.lines().filter(|line| line.ends_with('.')).collect();
            quotes.extend(quotes.is_empty().then_some(""));
            let own = model.len() + usize::from(model.as_bytes()[0]);
            let quote = quotes[own % quotes.len()];
            critique(&[
                finding("major", quotes[0], "the limit has no scope"),
                finding("minor", quote, &format!("unclear to {own}")),
            ])
        }
        Stage::Synthesis => {
            let mut document = fenced(prompt, "DOCUMENT").to_owned();
            let dispositions: Vec<Value> = labels(prompt)
                .iter()
                .map(|label| {
                    let again =
                        if document.contains(&format!("Settled for {label}.")) { "again " } else { "" };
                    let span = format!("Settled {again}for {label}.");
                    document = format!("{document}\n\n{span}");
                    json!({"finding": label, "decision": "accept", "reason": "right", "changed_span": span})
                })
                .collect();
            json!({"document": document, "dispositions": dispositions, "conflicts": []}).to_string()
        }
        Stage::Check => {
            let verdict = |label| json!({"finding": label, "settled": true, "reason": "it is there"});
            let verdicts: Vec<Value> = labels(prompt).into_iter().map(verdict).collect();
            json!({"verdicts": verdicts, "new_findings": []}).to_string()
        }
    }
}

#[async_trait]
impl Provider for Theatre {
    fn name(&self) -> &'static str {
        "theatre"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities {
            structured_output: self.structured,
            sampling: self.sampling,
            ..Capabilities::default()
        }
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let model = cx.model().as_str().to_owned();
        let asked = matches!(request.output, OutputFormat::JsonSchema { .. });
        assert_eq!(asked, self.structured && stage_of(&request) != Stage::Draft);
        self.sent.lock().unwrap().push(Sent { model: model.clone(), request: Arc::clone(&request) });
        let nth = {
            let mut counts = self.counts.lock().unwrap();
            let count = counts.entry(model.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let script = self.scripts.lock().unwrap().get(&model).cloned();
        let play = script.map_or(Play::Sensible, |script| script(nth, &request));
        let size = user(&request).len() as u64;
        let wait = |seconds| self.timer.sleep_until(self.timer.instant() + Duration::from_secs(seconds));
        let error = |kind| ProviderError::new(kind, "theatre", "as told");
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
            Play::Fail(kind) => return Err(error(kind)),
            Play::Break => {
                let events = begun("Hel").into_iter().map(Ok).chain([Err(error(ErrorKind::Transport))]);
                return Ok(ResponseStream::from_events(events.collect::<Vec<_>>()));
            }
            Play::Stall => {
                return Ok(ResponseStream::new(stream::iter(begun("Hel").map(Ok)).chain(stream::pending())));
            }
            Play::Hang => {
                let _gone = Gone(Arc::clone(&self.cancelled));
                futures_util::future::pending().await
            }
            Play::Drip(seconds) => {
                let timer = self.timer.clone();
                let drips = stream::unfold((), move |()| {
                    let wait = timer.sleep_until(timer.instant() + Duration::from_secs(seconds));
                    wait.map(|()| Some((Ok(delta("x")), ())))
                });
                return Ok(ResponseStream::new(stream::iter(begun("x").map(Ok)).chain(drips)));
            }
        };
        let usage = TokenCount {
            input: Some(size / 4),
            output: Some(text.len() as u64 / 4),
            ..TokenCount::default()
        };
        let finished = StreamEvent::Finished(Finished { reason, raw_reason: None, usage, raw: None });
        let ended = StreamEvent::PartEnded { index: 0, opaque: None };
        Ok(ResponseStream::from_events(
            begun(&text).into_iter().chain([ended, finished]).map(Ok).collect::<Vec<_>>(),
        ))
    }
}

fn delta(text: &str) -> StreamEvent {
    StreamEvent::PartDelta { index: 0, delta: Delta::Text(text.into()) }
}

fn begun(text: &str) -> [StreamEvent; 3] {
    [
        StreamEvent::Started(Started::default()),
        StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
        delta(text),
    ]
}
