//! A council of eight calls over a vendor that answers from a script: a document in Markdown, five critics that quote
//! it, a synthesis with the changed document, a check.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use forge_core::{
    CallContext, Capabilities, ModelId, ModelRequest, Participant, ParticipantRole, Provider, ProviderError,
    ResponseStream, StreamEvent, TokenCount, async_trait,
    event::{Delta, Finished, PartKind, Started, StopReason},
    storage::journal::{Journal, StreamName},
    time::SystemTimer,
};
use forge_session::{Cast, Plan, Session, SessionDeps, SessionResult, Settings, Topic};
use serde_json::{Value, json};

/// Critics of the council.
const CRITICS: usize = 5;

/// Findings of each critic.
const FINDINGS: usize = 2;

/// Bytes of an answer's pieces: as much as vendors send at once, or a little more.
const PIECE: usize = 64;

/// What everybody answers.
#[derive(Debug)]
struct Script {
    draft: String,
    critiques: Vec<String>,
    synthesis: String,
    check: String,
}

impl Script {
    /// The answers about a document of about this many bytes. Each finding is about a sentence of its own, which the
    /// synthesis changes.
    fn new(bytes: usize) -> Self {
        let (draft, sentences) = document(bytes);
        let step = sentences / (CRITICS * FINDINGS);
        let faulty = |at: usize| sentence(at * step);
        let mended =
            |at: usize| sentence(at * step).replace("is decided", "is stated with its unit and its reason");
        let finding = |at: usize| {
            json!({"quote": faulty(at), "location": "in the text", "claim": format!("rule {at} names no unit and no reason"),
                "category": "clarity", "severity": "major", "suggested_change": "say both"})
        };
        let critique = |critic: usize| {
            let findings: Vec<Value> = (0..FINDINGS).map(|nth| finding(nth * CRITICS + critic)).collect();
            let strengths = [json!({"quote": sentence(critic), "claim": "it can be tested"})];
            json!({"strengths": strengths, "findings": findings}).to_string()
        };
        let all = || 0..CRITICS * FINDINGS;
        let revised = all().fold(draft.clone(), |text, at| text.replace(&faulty(at), &mended(at)));
        // Findings are numbered by seat.
        let seated = |label: usize| label % FINDINGS * CRITICS + label / FINDINGS;
        let decision = |label: usize| {
            json!({"finding": format!("F{}", label + 1), "reason": "both are missing", "decision": "accept",
                "changed_span": mended(seated(label))})
        };
        let verdict = |label: usize| json!({"finding": format!("F{}", label + 1), "reason": "both are given", "settled": true});
        let (decisions, verdicts) =
            (all().map(decision).collect::<Vec<_>>(), all().map(verdict).collect::<Vec<_>>());
        Self {
            draft,
            critiques: (0..CRITICS).map(critique).collect(),
            synthesis: json!({"document": revised, "decisions": decisions, "conflicts": []}).to_string(),
            check: json!({"verdicts": verdicts, "new_findings": []}).to_string(),
        }
    }
}

/// A document of about this many bytes, with headings, paragraphs and lists; and how many sentences it has.
fn document(bytes: usize) -> (String, usize) {
    let (mut text, mut at) = ("# A rate limiter for a public API\n".to_owned(), 0);
    while text.len() < bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "\n## Part {}: what holds for `client_{at}`\n", at / 9 + 1);
        for lead in ["\n", " ", " ", "\n\n", " ", " ", "\n\n- ", "\n- ", "\n- "] {
            text.push_str(lead);
            text.push_str(&sentence(at));
            at += 1;
        }
        text.push('\n');
    }
    (text, at)
}

/// What sentences are about.
const WORDS: [&str; 40] = [
    "the limiter",
    "a client",
    "one token",
    "each request",
    "the bucket",
    "a burst",
    "the window",
    "an hour",
    "the cache",
    "a queue",
    "every region",
    "the gateway",
    "a header",
    "the quota",
    "some tenants",
    "the clock",
    "refuses",
    "counts",
    "delays",
    "stores",
    "forwards",
    "measures",
    "drops",
    "repeats",
    "before",
    "after",
    "without",
    "beside",
    "because of",
    "as soon as",
    "instead of",
    "within",
    "`429`",
    "a retry",
    "the log",
    "its owner",
    "a default",
    "two replicas",
    "an alarm",
    "the budget",
];

fn sentence(at: usize) -> String {
    let mut dice = fastrand::Rng::with_seed(at as u64);
    let words: Vec<&str> = (0..9).map(|_| WORDS[dice.usize(..WORDS.len())]).collect();
    format!("Rule {at} is decided: {}.", words.join(" "))
}

/// Answers every stage from the script, at once or after a latency.
#[derive(Clone, Debug)]
pub struct Vendor {
    script: Arc<Script>,
    latency: fn(&mut fastrand::Rng) -> Duration,
    dice: Arc<Mutex<fastrand::Rng>>,
    taken: Arc<Mutex<Vec<(ParticipantRole, Duration)>>>,
}

impl Vendor {
    /// A vendor whose documents have about this many bytes, and that answers at once.
    pub fn new(bytes: usize) -> Self {
        let dice = Arc::new(Mutex::new(fastrand::Rng::with_seed(0)));
        Self {
            script: Arc::new(Script::new(bytes)),
            latency: |_| Duration::ZERO,
            dice,
            taken: Arc::default(),
        }
    }

    /// The same vendor with this latency, drawn by this seed.
    pub fn with_latency(mut self, latency: fn(&mut fastrand::Rng) -> Duration, seed: u64) -> Self {
        self.latency = latency;
        self.dice = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        self.taken = Arc::default();
        self
    }

    /// What each call so far took.
    pub fn taken(&self) -> Vec<(ParticipantRole, Duration)> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Provider for Vendor {
    fn name(&self) -> &'static str {
        "script"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        let mut able = Capabilities::default();
        able.structured_output = true;
        able
    }

    async fn stream(&self, cx: &CallContext, _: Arc<ModelRequest>) -> Result<ResponseStream, ProviderError> {
        let latency = (self.latency)(&mut self.dice.lock().unwrap_or_else(PoisonError::into_inner));
        if latency > Duration::ZERO {
            cx.timer.sleep_until(cx.timer.instant() + latency).await;
            let role = cx.participant.role.clone();
            self.taken.lock().unwrap_or_else(PoisonError::into_inner).push((role, latency));
        }
        let critic = |name: &str| name.rsplit_once('-')?.1.parse::<usize>().ok();
        let text = match cx.participant.role {
            ParticipantRole::Critic => {
                critic(cx.model().as_str()).and_then(|at| self.script.critiques.get(at))
            }
            ParticipantRole::Synthesizer => Some(&self.script.synthesis),
            ParticipantRole::Reviewer => Some(&self.script.check),
            _ => Some(&self.script.draft),
        };
        Ok(ResponseStream::from_events(written(text.map_or("", String::as_str))))
    }
}

/// The events of an answer, in pieces.
pub fn written(text: &str) -> Vec<Result<StreamEvent, ProviderError>> {
    let usage = TokenCount::default().with_input(10).with_output(20);
    // The script is ASCII.
    let pieces = (0..text.len()).step_by(PIECE).filter_map(|at| text.get(at..text.len().min(at + PIECE)));
    let pieces = pieces.map(|piece| Delta::Text(piece.to_owned()));
    let begin =
        [StreamEvent::from(Started::default()), StreamEvent::PartStarted { index: 0, kind: PartKind::Text }];
    let end = [
        StreamEvent::PartEnded { index: 0, opaque: None },
        StreamEvent::from(Finished::new(StopReason::EndTurn).with_usage(usage)),
    ];
    let deltas = pieces.map(|delta| StreamEvent::PartDelta { index: 0, delta });
    begin.into_iter().chain(deltas).chain(end).map(Ok).collect()
}

/// A cast with this many critics, each a model of its own.
pub fn cast(critics: usize) -> Cast {
    let seat = |model: &str, role: ParticipantRole| vec![Participant::local(model).with_role(role)];
    Cast {
        drafter: seat("drafter", ParticipantRole::Drafter),
        critics: (0..critics).map(|at| seat(&format!("critic-{at}"), ParticipantRole::Critic)).collect(),
        synthesizer: seat("synthesizer", ParticipantRole::Synthesizer),
        checker: seat("checker", ParticipantRole::Reviewer),
    }
}

/// What the sessions of a benchmark run on.
///
/// # Panics
/// If a built-in prompt is wrong.
pub fn deps(vendor: Vendor, journal: &Arc<dyn Journal>) -> SessionDeps {
    let provider: Arc<dyn Provider> = Arc::new(vendor);
    #[allow(clippy::expect_used, reason = "a benchmark stops when it cannot run")]
    SessionDeps::new(provider, Arc::clone(journal), SystemTimer::shared(), "bench").expect("prompts")
}

/// One session of eight calls.
///
/// # Panics
/// If it is not whole: every call answered, every finding settled.
pub async fn session(name: &str, deps: SessionDeps) -> SessionResult {
    let mut settings = Settings { critics: 5, required: 5, cycles: 1, ..Settings::default() };
    // Every byte of a prompt is set aside as a token.
    settings.caps.tokens = Some(u64::MAX / 4);
    let plan = Plan { settings, ..Plan::new(Topic::new("A rate limiter"), cast(CRITICS)) };
    #[allow(clippy::expect_used, reason = "a benchmark stops when it cannot run")]
    let result = async {
        let name = StreamName::new(name).expect("a name");
        Session::start(deps, name, plan).await.expect("a start").run().await.expect("an end")
    }
    .await;
    assert_eq!(
        (result.total.calls, result.tally.faults, result.tally.left),
        (8, 10, 0),
        "{:?}",
        result.degraded
    );
    assert!(result.degraded.is_empty(), "{:?}", result.degraded);
    result
}
