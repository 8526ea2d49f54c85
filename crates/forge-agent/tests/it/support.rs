//! A panel of scripts.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use forge_agent::review::{Limits, Panel, Report, Review, mask, parse, split};
use forge_core::{
    CallContext, ModelRequest, Participant, ParticipantRole, TokenCount,
    request::Part,
    storage::{journal::StreamName, memory::MemoryJournal},
    time::ManualTimer,
};
use forge_session::{Cast, Controls, Mode, Plan, SessionDeps, SessionError, Settings, Topic};
use forge_testkit::{Answer, Script};
use serde_json::{Value, json};

#[expect(clippy::disallowed_methods, reason = "tests may be told how long to run")]
/// How many times the usual counts a long test has.
pub(crate) fn scale() -> usize {
    env::var("FORGE_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Whatever a request says in words.
pub(crate) fn words(request: &ModelRequest) -> String {
    let parts = request.messages.iter().flat_map(|message| message.parts.iter());
    parts
        .filter_map(|part| if let Part::Text { text, .. } = part { Some(text.clone()) } else { None })
        .collect()
}

/// The document in a prompt.
pub(crate) fn document(prompt: &str) -> &str {
    let (_, rest) = prompt.split_once("\n<<<DOCUMENT ").unwrap();
    let (marker, rest) = rest.split_once('\n').unwrap();
    rest.split_once(&format!("\n<<<END {marker}")).unwrap().0
}

/// The labels of the findings in a prompt.
pub(crate) fn labels(prompt: &str) -> Vec<String> {
    let label = |line: &str| {
        let (label, _) = line.split_once(" (")?;
        let number = label.strip_prefix('F')?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| label.to_owned())
    };
    prompt.lines().filter_map(label).collect()
}

/// A finding as a critic writes it.
pub(crate) fn fault(quote: &str, location: &str, severity: &str) -> Value {
    json!({"quote": quote, "location": location, "claim": format!("wrong: {quote}"), "category": "correctness",
        "severity": severity, "suggested_change": ""})
}

/// Three critics, somebody who decides, somebody who checks. What `say` leaves open is accepted and not refuted; critics
/// find nothing and praise the first long line.
pub(crate) struct Scripts {
    pub(crate) script: Arc<Script>,
    /// Critics that are asked.
    pub(crate) critics: u32,
    names: AtomicUsize,
}

impl Scripts {
    pub(crate) fn new(say: impl Fn(ParticipantRole, &str) -> Option<Value> + Send + Sync + 'static) -> Self {
        let script = Script::new(move |cx: &CallContext, request: &ModelRequest| {
            let prompt = words(request);
            let role = cx.participant.role.clone();
            let said = say(role.clone(), &prompt).unwrap_or_else(|| usual(&role, &prompt));
            let text = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
            Answer::text(text).with_usage(TokenCount::default().with_input(100).with_output(50))
        });
        Self { script: Arc::new(script), critics: 3, names: AtomicUsize::new(0) }
    }

    /// Every call's prompt.
    pub(crate) fn prompts(&self) -> Vec<String> {
        self.script
            .calls()
            .iter()
            .map(|call| format!("{}{}", call.request.system_text(), words(&call.request)))
            .collect()
    }
}

/// A critique with a strength that counts.
pub(crate) fn critique(prompt: &str, findings: &[Value]) -> Value {
    let long = document(prompt)
        .lines()
        .filter(|line| line.starts_with([' ', '+']) && !line.starts_with("+++"))
        .map(|line| line[1..].trim())
        .find(|line| line.len() >= 20);
    let strengths: Vec<Value> =
        long.map(|quote| json!({"quote": quote, "claim": "clear"})).into_iter().collect();
    json!({"strengths": strengths, "findings": findings})
}

fn usual(role: &ParticipantRole, prompt: &str) -> Value {
    match role {
        ParticipantRole::Critic => critique(prompt, &[]),
        ParticipantRole::Reviewer => {
            let verdict = |label| json!({"finding": label, "reason": "holds", "settled": true});
            json!({"verdicts": labels(prompt).into_iter().map(verdict).collect::<Vec<_>>()})
        }
        _ => {
            let decision =
                |label| json!({"finding": label, "reason": "it is so", "decision": "accept", "same_as": ""});
            json!({"decisions": labels(prompt).into_iter().map(decision).collect::<Vec<_>>(), "conflicts": []})
        }
    }
}

impl Panel for Scripts {
    fn open(
        &self,
        topic: Topic,
        document: String,
        caps: Limits,
    ) -> Result<(SessionDeps, StreamName, Plan), SessionError> {
        let timer = ManualTimer::new();
        let journal = Arc::new(MemoryJournal::new(Arc::new(timer.clone())));
        let provider: Arc<dyn forge_core::Provider> = Arc::clone(&self.script) as _;
        let deps = SessionDeps::new(provider, journal, Arc::new(timer), "test")?;
        let name = StreamName::new(&format!("s{}", self.names.fetch_add(1, Ordering::Relaxed)))?;
        let role = |one: Participant, role| vec![one.with_role(role)];
        let critics = [Participant::gpt(), Participant::gemini_flash(), Participant::local("m")];
        let cast = Cast {
            critics: critics.map(|one| role(one, ParticipantRole::Critic)).into(),
            synthesizer: role(Participant::claude_sonnet(), ParticipantRole::Synthesizer),
            checker: role(Participant::gpt(), ParticipantRole::Reviewer),
            ..Cast::default()
        };
        let mut settings = Settings {
            mode: Mode::Judge,
            critics: self.critics,
            required: 2.min(self.critics),
            ..Settings::default()
        };
        settings.caps = caps.over(settings.caps);
        Ok((deps, name, Plan { settings, ..Plan::new(topic, cast).with_draft(document) }))
    }

    fn started(&self, _: &StreamName, _: Controls) {}
}

/// The review of a diff, as the command makes it.
pub(crate) fn job(diff: &str, tokens: u64) -> Review<'static> {
    let mut change = parse(diff).unwrap();
    mask(&mut change);
    let (pieces, unread) = split(&change, tokens);
    Review { target: "test".into(), change, pieces, unread, most: 20, ..Review::default() }
}

pub(crate) fn run(job: &Review<'_>, panel: &Scripts) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(job.run(panel)).unwrap()
}
