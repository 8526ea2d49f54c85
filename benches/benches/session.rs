//! What a session costs beside its calls: a council of eight calls over a provider that answers at once, a thousand
//! sessions at the same time with the store as their journal, sessions over slow vendors, and 60,000 panels with stragglers. An argument names the
//! deps to run: `overhead`, `many`, `stragglers`, and `slow`, which takes minutes and runs only when it is named.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use forge_benches::script::{Vendor, cast, deps, session, written};
use forge_core::{
    CallContext, Capabilities, ModelId, ModelRequest, ParticipantRole, Provider, ProviderError,
    ResponseStream, StreamEvent, async_trait,
    event::Delta,
    storage::{
        journal::{Journal, StreamName},
        memory::MemoryJournal,
    },
    time::{Clock, ManualTimer, SystemTimer, Timer},
};
use forge_session::{Plan, Prompts, Session, SessionDeps, Stage, Topic};
use forge_store::{JsonlJournal, Store, StoreOptions};
use futures_util::{FutureExt as _, StreamExt as _, stream};

/// Sessions timed for each journal.
const RUNS: usize = 500;

/// Bytes of a document.
const TEXT: usize = 8 * 1024;

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
            many(&folder).await;
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
        calls = session(&name, deps(Vendor::new(TEXT), journal)).await.total.calls;
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

async fn many(folder: &Path) {
    let store = Store::open(StoreOptions::new(folder.join("many.db"))).expect("a file");
    let journal: Arc<dyn Journal> = Arc::new(store);
    let begun = Instant::now();
    let before = memory("VmRSS");
    let names: Vec<String> = (0..MANY).map(|at| format!("many-{at}")).collect();
    // Each call waits, so that all sessions are under way together.
    let vendor = Vendor::new(TEXT).with_latency(|_| Duration::from_millis(300), 0);
    let deps = deps(vendor, &journal);
    // What becomes of the results is up to whoever wants them.
    let all = names.iter().map(|name| session(name, deps.clone()).map(drop));
    futures_util::future::join_all(all).await;
    let (took, grown) = (begun.elapsed().as_secs_f64(), memory("VmHWM").saturating_sub(before) / 1024);
    let mut texts = 0;
    for name in &names {
        let entries = journal.read(&StreamName::new(name).expect("a name"), 0).await.expect("a file");
        texts += entries.iter().map(|entry| entry.payload.len() as u64).sum::<u64>();
    }
    let texts = texts / 1024 / 1024;
    println!(
        "{MANY} sessions at once: all whole, {took:.2} s, {grown} MiB more at the most; the journal has {texts} MiB"
    );
}

/// Sessions over slow vendors by the real clock, with a synced journal, against the calls that have to follow each
/// other.
async fn slow(journal: &Arc<dyn Journal>) {
    let latency = |dice: &mut fastrand::Rng| Duration::from_millis(dice.u64(1_000..60_000));
    let names: Vec<String> = (0..30).map(|at| format!("slow-{at}")).collect();
    let all = names.iter().zip(1..).map(|(name, seed)| async move {
        let vendor = Vendor::new(TEXT).with_latency(latency, seed);
        let begun = Instant::now();
        session(name, deps(vendor.clone(), journal)).await;
        let wall = begun.elapsed();
        let taken = vendor.taken();
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
            return Ok(ResponseStream::from_events(written("text")));
        }
        let Some(latency) = self.latency() else { return std::future::pending().await };
        let pauses = u32::try_from(latency.as_secs().div_ceil(30)).unwrap_or(1).max(1);
        let (timer, begins) = (self.timer.clone(), self.timer.instant());
        let mut written = written(r#"{"findings": []}"#);
        let answer = written.split_off(2);
        let blank = |()| Ok(StreamEvent::PartDelta { index: 0, delta: Delta::Text(" ".to_owned()) });
        let waits = stream::iter(1..=pauses)
            .then(move |pause| timer.sleep_until(begins + latency * pause / pauses).map(blank));
        let events = stream::iter(written).chain(waits).chain(stream::iter(answer));
        Ok(ResponseStream::new(events))
    }
}
