//! Providers that fail as the dice fall, on a clock that moves by hand.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use fastrand::Rng;
use forge::{
    AdapterKind, AdapterRegistry, CallContext, ErrorKind, ModelRequest, ModelResponse, Participant,
    ParticipantRole, Provider, ProviderError, ProviderExt as _, ProviderId, TokenCount,
    call::Fallback,
    error::Phase,
    event::Started,
    router::Router,
    session::{Cast, Plan, Prompts, Session, SessionDeps, SessionError, Topic},
    storage::{journal::StreamName, memory::MemoryJournal},
    time::ManualTimer,
};
use forge_testkit::{Answer, Script, Step};
use futures_util::FutureExt as _;

pub(crate) const KINDS: [&str; 4] = ["anthropic", "openai", "google", "local"];

/// What all providers of a configuration share.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) timer: ManualTimer,
    dice: Arc<Mutex<Rng>>,
    /// How often each provider fails, in percent.
    failing: Arc<BTreeMap<String, u8>>,
    /// Which provider was reached, in which role.
    reached: Arc<Mutex<Vec<(ProviderId, ParticipantRole)>>>,
}

/// The built-in prompts, compiled once.
fn prompts() -> Arc<Prompts> {
    static PROMPTS: OnceLock<Arc<Prompts>> = OnceLock::new();
    Arc::clone(PROMPTS.get_or_init(|| Arc::new(Prompts::built_in().unwrap())))
}

/// What the dice make of a call.
fn fallen(world: &World, id: &ProviderId, cx: &CallContext, request: &ModelRequest) -> Answer {
    world.reached.lock().unwrap().push((id.clone(), cx.participant.role.clone()));
    let (fails, how, hint) = {
        let mut dice = world.dice.lock().unwrap();
        (dice.u8(0..100) < world.failing[id.as_str()], dice.u8(0..7), dice.u64(0..300))
    };
    let error = |kind| ProviderError::new(kind, id.as_str(), "as the dice fell");
    let hint = Duration::from_secs(hint);
    match how {
        _ if !fails => {
            let tokens = TokenCount::default().with_input(10).with_output(10).with_cache_read(5);
            Answer::text(said(request)).with_usage(tokens)
        }
        0 => error(ErrorKind::RateLimited).with(|facts| facts.retry_after = Some(hint)).into(),
        1 => error(ErrorKind::RateLimited).into(),
        2 => error(ErrorKind::Server).into(),
        3 => error(ErrorKind::Transport).with(|facts| facts.phase = Phase::BeforeSend).into(),
        4 => error(ErrorKind::Authentication).into(),
        5 => Answer::from(error(ErrorKind::Timeout)).after(hint),
        _ => vec![Step::Event(Started::default().into()), Step::Fail(error(ErrorKind::Truncated))].into(),
    }
}

/// An answer in the form of the stage that asks.
fn said(request: &ModelRequest) -> String {
    let stages = [
        (
            "# Critique",
            r#"{"findings": [{"quote": "It is a text.", "claim": "no reason", "severity": "major"}]}"#,
        ),
        (
            "# Synthesis",
            r#"{"decisions": [{"finding": "F1", "reason": "true", "decision": "accept",
                "edits": [{"old": "It is a text.", "new": "It is a text, since it has words."}]}]}"#,
        ),
        ("# Check", r#"{"verdicts": [{"finding": "F1", "reason": "there", "settled": true}]}"#),
    ];
    let stage = stages.iter().find(|(heading, _)| request.system_text().starts_with(heading));
    stage.map_or("# A title\n\nIt is a text.", |(_, answer)| answer).to_owned()
}

impl World {
    pub(crate) fn new(failing: BTreeMap<String, u8>, dice: Rng) -> Self {
        Self {
            timer: ManualTimer::new(),
            dice: Arc::new(Mutex::new(dice)),
            failing: Arc::new(failing),
            reached: Arc::default(),
        }
    }

    pub(crate) fn reached(&self) -> Vec<(ProviderId, ParticipantRole)> {
        self.reached.lock().unwrap().clone()
    }

    pub(crate) fn registry(&self) -> AdapterRegistry {
        let mut registry = AdapterRegistry::new();
        for kind in KINDS {
            let world = self.clone();
            registry.register(AdapterKind::new(kind, move |settings| {
                let (id, world, timer) = (settings.id.clone(), world.clone(), world.timer.clone());
                let script = Script::new(move |cx, request| fallen(&world, &id, cx, request));
                Ok(Arc::new(script.with_id(settings.id).with_timer(timer)))
            }));
        }
        registry
    }

    /// Drives `future` to its end; whenever it waits, time moves on to the next wake.
    fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            if let Some(output) = future.as_mut().now_or_never() {
                return output;
            }
            self.timer.advance(self.timer.next_wake().expect("a call that waits for time"));
        }
    }

    /// A whole session with this cast, whatever comes of it.
    pub(crate) fn session(&self, router: &Router, cast: Cast, seed: u64) {
        let mut plan = Plan::new(Topic::new("A text"), cast);
        (plan.settings.seed, plan.settings.cycles) = (seed, 2);
        (plan.settings.caps.money, plan.settings.caps.tokens) = (None, None);
        let timer = Arc::new(self.timer.clone());
        let journal = Arc::new(MemoryJournal::new(timer.clone()));
        let provider: Arc<dyn Provider> = Arc::new(router.clone());
        let mut parts = SessionDeps::new(provider, journal, timer, "test").unwrap();
        parts.prompts = prompts();
        self.run(async {
            let name = StreamName::new("s").unwrap();
            match Session::start(parts, name, plan).await {
                Ok(session) => drop(session.run().await.unwrap()),
                // Nobody is left for a stage.
                Err(error) => assert!(matches!(error, SessionError::Plan(_)), "{error}"),
            }
        });
    }

    /// Goes along `chain` as a session does.
    pub(crate) fn ask(
        &self,
        router: &Router,
        chain: &[Participant],
        authors: &[Participant],
        left: Option<u64>,
    ) -> Option<ModelResponse> {
        for (at, one) in chain.iter().enumerate() {
            let fallback = if at + 1 == chain.len() { Fallback::Nobody } else { Fallback::Caller };
            let cx = CallContext::with_timer(one.clone(), Arc::new(self.timer.clone()));
            let cx = cx.with_fallback(fallback).with_exclusions(authors);
            let cx = match left {
                Some(seconds) => cx.with_timeout(Duration::from_secs(seconds)),
                None => cx,
            };
            let request = ModelRequest::new("").with_user_message("judge this");
            if let Ok(answer) = self.run(router.complete(&cx, request)) {
                let is_author = |author: &Participant| {
                    (&author.provider, &author.model_id)
                        == (&answer.participant.provider, &answer.participant.model_id)
                };
                assert!(!authors.iter().any(is_author), "the author has judged its own text");
                return Some(answer);
            }
        }
        None
    }
}
