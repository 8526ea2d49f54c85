//! Everybody in an honest council, as one provider that reads its prompts.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use forge_core::{
    CallContext, Capabilities, ModelId, ModelProvider, ModelRequest, Participant, Provider, ProviderError,
    ResponseStream, StreamEvent, TokenCount, async_trait,
    event::{Delta, Finished, PartKind, StopReason},
    request::Part,
    storage::{journal::StreamName, memory::MemoryJournal},
    time::ManualTimer,
};
use forge_session::{Cast, Mode, Plan, Session, SessionDeps, SessionResult, Stage, Topic};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::world::{World, faulty, line_of, mended};

/// What a call is answered with: the stage, who is asked, the prompt, and how many calls there were before.
pub(super) type Answer = dyn Fn(Stage, &str, &str, u64) -> String + Send + Sync;

/// A provider that answers by a function, at once.
pub(super) struct Players {
    answer: Box<Answer>,
    calls: AtomicU64,
}

impl Players {
    pub(super) fn new(
        answer: impl Fn(Stage, &str, &str, u64) -> String + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), calls: AtomicU64::new(0) })
    }
}

impl fmt::Debug for Players {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Players")
    }
}

#[async_trait]
impl Provider for Players {
    fn name(&self) -> &'static str {
        "players"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let heading = request.system_text().lines().next().unwrap_or_default().to_lowercase();
        let stage = Stage::ALL.into_iter().find(|stage| heading.contains(stage.as_str()));
        let prompt = match request.messages.first().and_then(|message| message.parts.first()) {
            Some(Part::Text { text, .. }) => text.as_str(),
            _ => "",
        };
        let nth = self.calls.fetch_add(1, Ordering::Relaxed);
        let text = (self.answer)(stage.unwrap_or(Stage::Draft), cx.model().as_str(), prompt, nth);
        let finished =
            Finished::new(StopReason::EndTurn).with_usage(TokenCount::default().with_input(1).with_output(1));
        Ok(ResponseStream::from_events([
            Ok(StreamEvent::PartStarted { index: 0, kind: PartKind::Text }),
            Ok(StreamEvent::PartDelta { index: 0, delta: Delta::Text(text) }),
            Ok(StreamEvent::PartEnded { index: 0, opaque: None }),
            Ok(StreamEvent::from(finished)),
        ]))
    }
}

/// What stands between the fences of this name in a prompt.
pub(super) fn fenced<'a>(prompt: &'a str, name: &str) -> &'a str {
    let Some((_, last)) = prompt.rsplit_once("\n<<<END ") else { return "" };
    let marker = last.get(..16).unwrap_or_default();
    let Some((_, body)) = prompt.split_once(&format!("<<<{name} {marker}\n")) else { return "" };
    body.split_once(&format!("<<<END {marker}")).map_or("", |(body, _)| body.trim_end_matches('\n'))
}

/// A finding as a prompt shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) label: String,
    pub(super) quote: String,
    pub(super) rejected: bool,
}

/// The findings of a prompt.
pub(super) fn shown(prompt: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for line in fenced(prompt, "FINDINGS").lines() {
        if line.starts_with('F') {
            let label = line.split(' ').next().unwrap_or_default().to_owned();
            all.push(Shown { label, quote: String::new(), rejected: line.contains(", rejected") });
        } else if let Some((_, quote)) = line.split_once("quote: ").or_else(|| line.split_once("version: "))
            && let Some(last) = all.last_mut().filter(|last| last.quote.is_empty())
        {
            quote.clone_into(&mut last.quote);
        }
    }
    all
}

/// A finding as a critic puts it.
pub(super) fn finding(severity: &str, line: usize, quote: &str, critic: &str) -> Value {
    json!({"quote": quote, "location": "", "claim": format!("part {line:02} is wrong, says {critic}"),
        "category": "correctness", "severity": severity, "suggested_change": "do it as it must be"})
}

/// What a critic says of a text.
pub(super) fn critique(world: &World, prompt: &str, critic: &str, conversation: u64) -> Vec<Value> {
    let text = fenced(prompt, "DOCUMENT");
    let found = world.found(text, critic, conversation);
    let imagined = world.imagined(found.len(), critic, conversation);
    let severity = |critical: bool| if critical { "critical" } else { "major" };
    let real =
        found.iter().map(|fault| finding(severity(fault.critical), fault.line, &faulty(fault.line), critic));
    let lines = text.lines().filter_map(|line| Some((line_of(line)?, line)));
    let lines: Vec<(usize, &str)> = lines.collect();
    let quote = |line: usize| lines.iter().find(|(at, _)| *at == line).map_or("", |(_, text)| text);
    let false_ones = imagined.into_iter().map(|line| finding("major", line, quote(line), critic));
    real.chain(false_ones).collect()
}

/// A critique as it was asked for, with a strength that shows that the text was read.
pub(super) fn form(prompt: &str, findings: &[Value]) -> String {
    let text = fenced(prompt, "DOCUMENT");
    let line = text.lines().find(|line| line.ends_with("as everybody expects.")).unwrap_or_default();
    json!({"strengths": [{"quote": line, "claim": "as it should be"}], "findings": findings}).to_string()
}

/// Decisions of a synthesizer that knows the truth: real faults are mended, false claims rejected, and of several
/// claims about one fault all but the first named duplicates, as far as they are recognised.
pub(super) fn decisions(world: &World, prompt: &str, nth: u64) -> String {
    let text = fenced(prompt, "DOCUMENT");
    let mut dice = super::dice(world.seed ^ nth, "decides");
    let mut first: Vec<(usize, String)> = Vec::new();
    let decide = |one: Shown| {
        let line = line_of(&one.quote).unwrap_or(usize::MAX);
        let real = world.fault_at(line).is_some() && text.contains(&faulty(line));
        if !real {
            return json!({"finding": one.label, "reason": "it is as it should be", "decision": "reject",
                "same_as": "", "edits": []});
        }
        let known = first.iter().find(|(known, _)| *known == line).map(|(_, label)| label.clone());
        let recognised = !world.setting.noise || dice.f64() >= 0.2;
        if let Some(known) = known.filter(|_| recognised) {
            return json!({"finding": one.label, "reason": "the same", "decision": "duplicate",
                "same_as": known, "edits": []});
        }
        first.push((line, one.label.clone()));
        json!({"finding": one.label, "reason": "true", "decision": "accept", "same_as": "",
            "edits": [{"old": faulty(line), "new": mended(line)}]})
    };
    let decisions: Vec<Value> = shown(prompt).into_iter().map(decide).collect();
    json!({"decisions": decisions, "conflicts": []}).to_string()
}

/// Verdicts of a checker that knows the truth.
pub(super) fn verdicts(world: &World, prompt: &str) -> String {
    let text = fenced(prompt, "DOCUMENT");
    let verdict = |one: &Shown| {
        let line = line_of(&one.quote).unwrap_or(usize::MAX);
        let gone = world.fault_at(line).is_none() || !text.contains(&faulty(line));
        json!({"finding": one.label, "reason": "looked", "settled": gone})
    };
    let verdicts: Vec<Value> = shown(prompt).iter().map(verdict).collect();
    json!({"verdicts": verdicts, "new_findings": []}).to_string()
}

/// A cast of four families.
pub(super) fn cast() -> Cast {
    let one = |provider: &str, model: &str| vec![Participant::new(ModelProvider::from(provider), model)];
    Cast {
        drafter: one("one", "drafter"),
        critics: vec![one("two", "alpha"), one("three", "beta"), one("four", "gamma")],
        synthesizer: one("one", "synthesizer"),
        checker: one("two", "checker"),
    }
}

/// Runs a session over `players` to its end; nothing in it waits for time.
///
/// # Panics
/// If the session waits, which it has no reason to.
pub(super) fn run(players: Arc<Players>, plan: Plan) -> SessionResult {
    let timer = Arc::new(ManualTimer::new());
    let provider: Arc<dyn Provider> = players;
    let journal = Arc::new(MemoryJournal::default());
    #[allow(clippy::expect_used, reason = "a world that cannot be played ends the benchmark")]
    let result = async {
        let deps = SessionDeps::new(provider, journal, timer, "world").expect("prompts");
        let name = StreamName::new("world").expect("a name");
        Session::start(deps, name, plan).await.expect("a start").run().await.expect("an end")
    }
    .now_or_never()
    .expect("an end without waiting");
    result
}

/// An honest session in `world`.
pub fn session(world: &World, mode: Mode) -> SessionResult {
    let mut plan = Plan::new(Topic::new("The subject"), cast());
    (plan.settings.mode, plan.settings.cycles, plan.settings.seed) = (mode, world.setting.cycles, world.seed);
    (plan.settings.caps.money, plan.settings.caps.tokens) = (None, None);
    let world = world.clone();
    let players = Players::new(move |stage, model, prompt, nth| match stage {
        Stage::Draft => world.draft(),
        Stage::Critique => form(prompt, &critique(&world, prompt, model, nth)),
        Stage::Synthesis => decisions(&world, prompt, nth),
        Stage::Check => verdicts(&world, prompt),
    });
    run(players, plan)
}
