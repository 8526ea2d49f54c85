//! What a session costs beside its calls: a council of eight calls over a provider that answers at once, a thousand
//! sessions at the same time, sessions over slow vendors, and 60,000 panels with stragglers. An argument names the
//! deps to run: `overhead`, `many`, `stragglers`, and `slow`, which takes minutes and runs only when it is named.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ModelId, ModelRequest, Participant, ParticipantRole, Provider, ProviderError,
    ResponseStream, StreamEvent, TokenCount, async_trait,
    event::{Delta, Finished, PartKind, Started, StopReason},
    storage::{
        journal::{Journal, StreamName},
        memory::MemoryJournal,
    },
    time::{Clock, ManualTimer, SystemTimer, Timer},
};
use forge_session::{Cast, Plan, Prompts, Session, SessionDeps, SessionResult, Settings, Stage, Topic};
use forge_store::{JsonlJournal, Store, StoreOptions};
use futures_util::{FutureExt as _, StreamExt as _, stream};

/// Sessions timed for each journal.
const RUNS: usize = 500;

/// Sessions at the same time.
const MANY: usize = 1_000;

/// Panels with stragglers.
const ROUNDS: usize = 60_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = std::env::temp_dir().join(format!("forge-bench-session-{}", std::process::id()));
    let wanted: Vec<String> = std::env::args().skip(1).filter(|one| !one.starts_with('-')).collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    runtime.block_on(async {
        if runs("many") {
            many().await;
        }
        let store = Store::open(StoreOptions::new(folder.join("forge.db"))).expect("a file");
        let store: Arc<dyn Journal> = Arc::new(store);
        if runs("overhead") {
            overhead("without a file", &(Arc::new(MemoryJournal::default()) as Arc<dyn Journal>)).await;
            let files = JsonlJournal::open(folder.join("files"), SystemTimer::shared()).expect("a folder");
            overhead("plain files, synced", &(Arc::new(files) as Arc<dyn Journal>)).await;
            overhead("the store, synced", &store).await;
        }
        if wanted.iter().any(|one| one == "slow") {
            slow(&store).await;
        }
    });
    if runs("stragglers") {
        stragglers();
    }
    // What stays behind in the system's temporary folder harms nobody.
    let _ = std::fs::remove_dir_all(folder);
}

async fn overhead(name: &str, journal: &Arc<dyn Journal>) {
    let mut samples = Vec::with_capacity(RUNS);
    let mut calls = 0;
    for run in 0..RUNS {
        let begun = Instant::now();
        let name = format!("{}-{run}", name.split([' ', ',']).next().unwrap_or(name));
        calls = session(&name, deps(Vendor::default(), journal)).await.total.calls;
        samples.push(begun.elapsed());
    }
    samples.sort_unstable();
    let at = |share: usize| samples[RUNS * share / 100].as_secs_f64() * 1e3;
    println!("{calls} calls, {name}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

/// A figure of this process in KiB, as Linux tells it.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim_matches([':', '\t', ' ']).split(' ').next()?.parse().ok()).unwrap_or(0)
}

async fn many() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
    let begun = Instant::now();
    let before = memory("VmRSS");
    let names: Vec<String> = (0..MANY).map(|at| format!("many-{at}")).collect();
    // Each call waits, so that all sessions are under way together.
    let vendor = Vendor { latency: |_| Duration::from_millis(300), text: 8 * 1024, ..Vendor::default() };
    let deps = deps(vendor, &journal);
    let all = names.iter().map(|name| session(name, deps.clone()));
    let results = futures_util::future::join_all(all).await;
    let whole = results.iter().filter(|result| result.total.calls == 8 && result.degraded.is_empty()).count();
    let mut texts = 0;
    for name in &names {
        let entries = journal.read(&StreamName::new(name).expect("a name"), 0).await.expect("memory");
        texts += entries.iter().map(|entry| entry.payload.len() as u64).sum::<u64>();
    }
    let (took, grown) = (begun.elapsed().as_secs_f64(), memory("VmHWM").saturating_sub(before) / 1024);
    let texts = texts / 1024 / 1024;
    println!(
        "{MANY} sessions at once: {whole} whole, {took:.2} s, {grown} MiB more at the most, {texts} MiB of it in the journal"
    );
}

/// Sessions over slow vendors by the real clock, with a synced journal, against the calls that have to follow each
/// other.
async fn slow(journal: &Arc<dyn Journal>) {
    let latency = |dice: &mut fastrand::Rng| Duration::from_millis(dice.u64(1_000..60_000));
    let names: Vec<String> = (0..30).map(|at| format!("slow-{at}")).collect();
    let all = names.iter().zip(1..).map(|(name, seed)| async move {
        let vendor = Vendor {
            latency,
            dice: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))),
            ..Vendor::default()
        };
        let taken = Arc::clone(&vendor.taken);
        let begun = Instant::now();
        session(name, deps(vendor, journal)).await;
        let wall = begun.elapsed();
        let taken = taken.lock().expect("no panic").clone();
        let ideal: Duration = ROLES
            .iter()
            .filter_map(|role| taken.iter().filter(|(one, _)| one == role).map(|(_, took)| *took).max())
            .sum();
        wall.as_secs_f64() / ideal.as_secs_f64()
    });
    let mut times = futures_util::future::join_all(all).await;
    times.sort_by(f64::total_cmp);
    println!(
        "{} sessions over vendors of 1 to 60 s: p50 {:.4}, at most {:.4} of the ideal",
        times.len(),
        times[times.len() / 2],
        times[times.len() - 1]
    );
}

const ROLES: [ParticipantRole; 4] = [
    ParticipantRole::Drafter,
    ParticipantRole::Critic,
    ParticipantRole::Synthesizer,
    ParticipantRole::Reviewer,
];

/// Panels of three critics by a clock that moves by hand: lognormal around 20 s, 3 % four times slower, 1 % hang.
fn stragglers() {
    let prompts = Stage::ALL.iter().flat_map(|stage| {
        [
            (format!("{stage}.system.jinja"), stage.to_string()),
            (format!("{stage}.user.jinja"), "x".to_owned()),
        ]
    });
    let prompts = Arc::new(Prompts::with(&prompts.collect()).expect("templates"));
    let dice = Arc::new(Mutex::new(fastrand::Rng::with_seed(3)));
    let (mut times, mut kept, mut failed) = (Vec::with_capacity(ROUNDS), 0, 0);
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let timer = ManualTimer::new();
        let provider: Arc<dyn Provider> =
            Arc::new(Straggler { timer: timer.clone(), dice: Arc::clone(&dice) });
        let journal = Arc::new(MemoryJournal::new(Arc::new(timer.clone())));
        let mut deps =
            SessionDeps::new(provider, journal, Arc::new(timer.clone()), "bench").expect("prompts");
        deps.prompts = Arc::clone(&prompts);
        let plan = Plan::new(Topic::new("A rate limiter"), cast(3));
        let run = async {
            let name = StreamName::new("round").expect("a name");
            Session::start(deps, name, plan).await.expect("a start").run().await.expect("an end")
        };
        let mut run = std::pin::pin!(run);
        let result = loop {
            match run.as_mut().now_or_never() {
                Some(result) => break result,
                None => timer.advance(timer.next_wake().expect("somebody waits")),
            }
        };
        let answers = result
            .calls
            .iter()
            .filter(|one| one.call.stage == Stage::Critique && one.error.is_none())
            .count();
        times.push(result.duration_ms);
        kept += answers;
        failed += usize::from(answers < 2);
    }
    times.sort_unstable();
    let at = |share: usize| times[ROUNDS * share / 100] as f64 / 1e3;
    println!(
        "{ROUNDS} panels: p50 {:.1} s, p95 {:.1} s, p99 {:.1} s, {:.3} answers kept, {:.3} % failed; {:.0} s of real time",
        at(50),
        at(95),
        at(99),
        kept as f64 / ROUNDS as f64,
        failed as f64 * 100.0 / ROUNDS as f64,
        begun.elapsed().as_secs_f64()
    );
}

fn cast(critics: usize) -> Cast {
    let seat = |model: &str, role: ParticipantRole| vec![Participant::local(model).with_role(role)];
    Cast {
        drafter: seat("drafter", ParticipantRole::Drafter),
        critics: (0..critics).map(|at| seat(&format!("critic-{at}"), ParticipantRole::Critic)).collect(),
        synthesizer: seat("synthesizer", ParticipantRole::Synthesizer),
        checker: seat("checker", ParticipantRole::Reviewer),
    }
}

fn deps(vendor: Vendor, journal: &Arc<dyn Journal>) -> SessionDeps {
    let provider: Arc<dyn Provider> = Arc::new(vendor);
    SessionDeps::new(provider, Arc::clone(journal), SystemTimer::shared(), "bench").expect("prompts")
}

async fn session(name: &str, deps: SessionDeps) -> SessionResult {
    let settings = Settings { critics: 5, required: 5, cycles: 1, ..Settings::default() };
    let plan = Plan { settings, ..Plan::new(Topic::new("A rate limiter"), cast(5)) };
    let name = StreamName::new(name).expect("a name");
    Session::start(deps, name, plan).await.expect("a start").run().await.expect("an end")
}

/// Answers every stage from a script, at once or after a latency.
#[derive(Clone)]
struct Vendor {
    latency: fn(&mut fastrand::Rng) -> Duration,
    dice: Arc<Mutex<fastrand::Rng>>,
    /// Bytes of filling in each document.
    text: usize,
    /// What each call took.
    taken: Arc<Mutex<Vec<(ParticipantRole, Duration)>>>,
}

impl Default for Vendor {
    fn default() -> Self {
        let dice = Arc::new(Mutex::new(fastrand::Rng::with_seed(0)));
        Self { latency: |_| Duration::ZERO, dice, text: 0, taken: Arc::default() }
    }
}

impl std::fmt::Debug for Vendor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vendor")
    }
}

#[async_trait]
impl Provider for Vendor {
    fn name(&self) -> &'static str {
        "instant"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        let mut able = Capabilities::default();
        able.structured_output = true;
        able
    }

    async fn stream(&self, cx: &CallContext, _: Arc<ModelRequest>) -> Result<ResponseStream, ProviderError> {
        let latency = (self.latency)(&mut self.dice.lock().expect("no panic"));
        if latency > Duration::ZERO {
            tokio::time::sleep(latency).await;
        }
        self.taken.lock().expect("no panic").push((cx.participant.role.clone(), latency));
        let filling = "word ".repeat(self.text / 5);
        let text = match cx.participant.role {
            ParticipantRole::Critic => {
                r#"{"findings": [{"severity": "major", "category": "clarity", "location": "start",
                    "quote": "Take a token", "claim": "no rate is given", "suggested_change": "give one"}],
                    "strengths": []}"#
                    .to_owned()
            }
            ParticipantRole::Synthesizer => format!(
                r#"{{"document": "Take one of ten tokens a second. {filling}", "dispositions": [{{"finding": "F1",
                    "decision": "accept", "reason": "true", "changed_span": "one of ten tokens a second"}}],
                    "conflicts": []}}"#
            ),
            ParticipantRole::Reviewer => {
                r#"{"verdicts": [{"finding": "F1", "settled": true, "reason": "given"}], "new_findings": []}"#
                    .to_owned()
            }
            _ => format!("Take a token for each request; refuse with 429 when there is none. {filling}"),
        };
        Ok(ResponseStream::from_events(written(text)))
    }
}

fn written(text: String) -> [Result<StreamEvent, ProviderError>; 5] {
    let usage = TokenCount::default().with_input(10).with_output(20);
    let finished = Finished::new(StopReason::EndTurn).with_usage(usage);
    [
        StreamEvent::from(Started::default()),
        StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
        StreamEvent::PartDelta { index: 0, delta: Delta::Text(text) },
        StreamEvent::PartEnded { index: 0, opaque: None },
        StreamEvent::from(finished),
    ]
    .map(Ok)
}

/// A draft at once; critics that find nothing, after a while in which they write.
#[derive(Debug)]
struct Straggler {
    timer: ManualTimer,
    dice: Arc<Mutex<fastrand::Rng>>,
}

impl Straggler {
    fn latency(&self) -> Option<Duration> {
        let mut dice = self.dice.lock().expect("no panic");
        let normal = (-2.0 * dice.f64().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * dice.f64()).cos();
        let slow = if dice.f64() < 0.03 { 4.0 } else { 1.0 };
        (dice.f64() >= 0.01).then(|| Duration::from_secs_f64(20.0 * (0.5 * normal).exp() * slow))
    }
}

#[async_trait]
impl Provider for Straggler {
    fn name(&self) -> &'static str {
        "straggler"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }

    async fn stream(&self, cx: &CallContext, _: Arc<ModelRequest>) -> Result<ResponseStream, ProviderError> {
        if cx.participant.role != ParticipantRole::Critic {
            return Ok(ResponseStream::from_events(written("text".to_owned())));
        }
        let Some(latency) = self.latency() else { return std::future::pending().await };
        let pauses = u32::try_from(latency.as_secs().div_ceil(30)).unwrap_or(1).max(1);
        let (timer, begins) = (self.timer.clone(), self.timer.instant());
        let [started, part, text, ended, finished] = written(r#"{"findings": []}"#.to_owned());
        let blank = |()| Ok(StreamEvent::PartDelta { index: 0, delta: Delta::Text(" ".to_owned()) });
        let waits = stream::iter(1..=pauses)
            .then(move |pause| timer.sleep_until(begins + latency * pause / pauses).map(blank));
        let events = stream::iter([started, part]).chain(waits).chain(stream::iter([text, ended, finished]));
        Ok(ResponseStream::new(events))
    }
}
