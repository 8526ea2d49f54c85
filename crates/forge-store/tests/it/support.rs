//! What the tests share.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use forge_core::{
    ErrorKind, Money, ParticipantRole, TokenCount,
    call::CallId,
    storage::accounts::{CallStatus, UsageRecord, UsageSink as _},
    tags::Tags,
    time::Clock,
};
use forge_store::{Attempt, Filter, Store, StoreOptions};

/// A directory of its own, which goes with the test.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static LISTEN: std::sync::Once = std::sync::Once::new();
        LISTEN.call_once(|| tracing::subscriber::set_global_default(Warnings).unwrap());
        let name = format!("forge-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.0.join("forge.db")
    }

    pub(crate) fn options(&self) -> StoreOptions {
        // Whatever failed is tried again at once.
        StoreOptions { retry: Duration::ZERO, ..StoreOptions::new(self.db()) }
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(self.options()).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A clock that is set by hand; its monotonic side stands still.
#[derive(Debug)]
pub(crate) struct Hand(Mutex<DateTime<Utc>>, Instant);

impl Hand {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(noon()), Instant::now()))
    }

    pub(crate) fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    pub(crate) fn back(&self, by: Duration) {
        *self.0.lock().unwrap() -= by;
    }
}

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn instant(&self) -> Instant {
        self.1
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// A first attempt that succeeded, at noon.
pub(crate) fn record(call: u128) -> UsageRecord {
    UsageRecord {
        call_id: CallId::from_u128(call),
        attempt: 1,
        started_at: noon(),
        provider: "claude".into(),
        vendor: forge_core::ModelProvider::Anthropic,
        model_asked: "large".into(),
        model_served: Some("large-20261101".into()),
        role: ParticipantRole::Critic,
        tags: Tags::default().with_session("s-1").with_round(2).with_task("t-1"),
        status: CallStatus::Success,
        error: None,
        latency: Duration::from_micros(1_234_567),
        first_token: Some(Duration::from_micros(345_678)),
        tokens: TokenCount::default()
            .with_input(1_000)
            .with_cache_read(200)
            .with_output(300)
            .with_reasoning(40),
        cost: Some(Money::from_nanos(12_345_678)),
        estimated: false,
        request_id: Some("req_011CSHoEeqs5C35K2UUqR7Fy".into()),
        served: None,
    }
}

pub(crate) fn failed(call: u128, attempt: u32) -> UsageRecord {
    UsageRecord {
        attempt,
        status: CallStatus::Failure,
        error: Some(ErrorKind::Overloaded),
        first_token: None,
        tokens: TokenCount::default(),
        cost: None,
        ..record(call)
    }
}

pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn put(store: &Store, records: impl IntoIterator<Item = UsageRecord>) {
    records.into_iter().for_each(|record| store.record(record));
    wait(store.flush()).unwrap();
}

pub(crate) fn all(store: &Store) -> Vec<Attempt> {
    let mut found = Vec::new();
    let take = |attempt: &Attempt| {
        found.push(attempt.clone());
        Ok(())
    };
    store.export(&Filter::default(), take).unwrap();
    found
}

pub(crate) fn calls(store: &Store) -> Vec<u128> {
    let mut calls: Vec<_> = all(store).iter().map(|attempt| attempt.record.call_id.as_u128()).collect();
    calls.sort_unstable();
    calls
}

/// A plain connection to the file, past the store.
pub(crate) fn sql(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}

pub(crate) fn integrity(path: &Path) -> String {
    sql(path).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

/// This test binary again, running only the test `name`, which finds its task in `task`. A test that is such
/// a child returns early when it has no task.
pub(crate) fn child(name: &str, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env("FORGE_STORE_TASK", task);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

#[allow(clippy::disallowed_methods, reason = "a test tells its child what to do")]
pub(crate) fn task() -> Option<String> {
    std::env::var("FORGE_STORE_TASK").ok()
}

/// How much of it a test does: what the variable says, else `usual`.
#[allow(clippy::disallowed_methods, reason = "whoever runs a test may ask for more of it")]
pub(crate) fn amount(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

/// Ends with the test that started it.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The warnings that speak of this directory.
pub(crate) fn warnings(dir: &Dir) -> Vec<String> {
    let place = dir.0.display().to_string();
    let all = WARNINGS.lock().unwrap();
    all.iter().filter(|text| text.contains(&place)).cloned().collect()
}

static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Warnings;

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            write!(text, "{field}={value:?} ").unwrap();
        });
        WARNINGS.lock().unwrap().push(text);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
