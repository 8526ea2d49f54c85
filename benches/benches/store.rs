//! What accounts cost: taking a record, writing many, and questions about a million and ten million.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use forge_core::{
    ErrorKind, Money, TokenCount,
    call::CallId,
    storage::accounts::{CallStatus, UsageRecord, UsageSink as _},
    tags::Tags,
};
use forge_store::{Attempt, Filter, GroupBy, Store, StoreError, StoreOptions, export};

const MILLION: u64 = 1_000_000;

fn main() {
    // Names of parts on the command line leave the others out.
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if wanted("record") {
        record();
    }
    if wanted("million") {
        questions("1,000,000", MILLION, 30, true);
    }
    if wanted("ten-million") {
        questions("10,000,000", 10 * MILLION, 90, false);
    }
}

/// A call of `record`, while the writer is at work.
fn record() {
    let file = File::new("record");
    let store = Store::open(StoreOptions::new(&file.0)).expect("a store");
    let mut samples = Vec::with_capacity(200_000);
    for round in 0..50 {
        for at in 0..4_000 {
            let record = attempt(round * 4_000 + at, 1_000);
            let begun = Instant::now();
            store.record(record);
            samples.push(begun.elapsed());
        }
        flush(&store);
    }
    samples.sort_unstable();
    let at = |share: usize| samples[samples.len() * share / 1_000].as_nanos() as f64 / 1e3;
    println!("record: p50 {:.2} µs, p99 {:.2} µs, p99.9 {:.2} µs", at(500), at(990), at(999));
    assert_eq!(store.status().spooled, 0);
}

fn questions(name: &str, count: u64, days: u64, exports: bool) {
    let file = File::new("questions");
    let store = Store::open(StoreOptions::new(&file.0)).expect("a store");
    let step = days * 24 * 3_600_000 / count;
    let begun = Instant::now();
    let mut making = Duration::ZERO;
    for at in 0..count {
        // Making the record is not the store's work.
        let made = Instant::now();
        let record = attempt(at, step);
        making += made.elapsed();
        store.record(record);
        if at % 4_096 == 0 {
            flush(&store);
        }
    }
    flush(&store);
    let took = begun.elapsed().saturating_sub(making);
    let status = store.status();
    assert_eq!((status.written, status.spooled), (count, 0));
    drop(store);
    let bytes = fs::metadata(&file.0).expect("a file").len();
    println!(
        "{name} attempts over {days} days: {:.0} rows/s, {:.0} bytes a row",
        count as f64 / took.as_secs_f64(),
        bytes as f64 / count as f64
    );

    let store = Store::open(StoreOptions::new(&file.0)).expect("a store");
    let ragged = Filter {
        since: Some(time(step * 1_234)),
        until: Some(time(step * (count - 1_234))),
        ..Filter::default()
    };
    let session = Filter { sessions: vec!["session-77".into()], ..Filter::default() };
    let all = Filter::default();
    let model = [GroupBy::Provider, GroupBy::Model];
    for (what, filter, by) in [
        ("of everything", &all, &[][..]),
        ("by provider and model", &all, &model[..]),
        ("by day and role", &all, &[GroupBy::Day, GroupBy::Role][..]),
        ("by hour", &all, &[GroupBy::Hour][..]),
        ("by provider and model, ragged", &ragged, &model[..]),
        ("of a session by role", &session, &[GroupBy::Role][..]),
    ] {
        let time = median(|| drop(store.summary(filter, by).expect("figures")));
        println!("summary of {name}, {what}: {:.2} ms", time.as_secs_f64() * 1e3);
    }
    if exports {
        timed(name, "CSV", |rss| {
            export_with(&store, export::csv(io::sink()).expect("nothing fails there"), rss)
        });
        timed(name, "JSON lines", |rss| export_with(&store, export::jsonl(io::sink()), rss));
    }
}

fn export_with(
    store: &Store,
    mut write: impl FnMut(&Attempt) -> io::Result<()>,
    most: &mut u64,
) -> Result<u64, StoreError> {
    let mut rows = 0_u64;
    store.export(&Filter::default(), |attempt| {
        rows += 1;
        if rows.is_multiple_of(100_000) {
            *most = resident().max(*most);
        }
        write(attempt)
    })
}

fn timed(name: &str, form: &str, export: impl FnOnce(&mut u64) -> Result<u64, StoreError>) {
    let (begun, before) = (Instant::now(), resident());
    let mut most = before;
    export(&mut most).expect("an export");
    let took = begun.elapsed().as_secs_f64();
    println!("export of {name} as {form}: {took:.2} s, {} KiB more memory", (most - before) / 1_024);
}

/// Bytes of memory in use.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).map_or(0, |pages: u64| pages * 4_096)
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut samples: Vec<_> = (0..11)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    samples.sort_unstable();
    samples[5]
}

fn flush(store: &Store) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(store.flush()).expect("a flush");
}

fn time(millis: u64) -> DateTime<Utc> {
    let begin = 1_790_000_000_000_i64;
    DateTime::from_timestamp_millis(begin + i64::try_from(millis).expect("a time")).expect("a time")
}

/// Like a real one: 4 providers with 2 models each, 5 roles, a session of 50 attempts, every tenth failed.
fn attempt(at: u64, step: u64) -> UsageRecord {
    let noise = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let pick = |from: u64, upto: u64| {
        from + noise.rotate_left(u32::try_from(upto % 61).unwrap_or(7)) % (upto - from)
    };
    let started_at = time(at * step);
    let (provider, model, role) = (pick(0, 4), pick(0, 2), pick(0, 5));
    let failed = pick(0, 10) == 0;
    UsageRecord {
        call_id: CallId::new(started_at),
        attempt: 1,
        started_at,
        provider: format!("provider-{provider}").into(),
        vendor: forge_core::ModelProvider::Anthropic,
        model_asked: format!("model-{provider}-{model}").into(),
        model_served: Some(format!("model-{provider}-{model}-20261101").into()),
        role: ["drafter", "critic", "synthesizer", "coder", "reviewer"][usize::try_from(role).unwrap_or(0)]
            .into(),
        tags: Tags::default().with_session(format!("session-{}", at / 50)).with_round(1),
        status: if failed { CallStatus::Failure } else { CallStatus::Success },
        error: failed.then_some(ErrorKind::Overloaded),
        latency: Duration::from_micros(pick(800_000, 30_000_000)),
        first_token: (!failed).then(|| Duration::from_micros(pick(200_000, 900_000))),
        tokens: TokenCount::default()
            .with_input(pick(100, 20_000))
            .with_cache_read(pick(0, 9_000))
            .with_output(pick(50, 4_000))
            .with_reasoning(pick(0, 3_000)),
        cost: Some(Money::from_nanos(pick(100_000, 90_000_000))),
        estimated: false,
        request_id: Some(format!("req_{noise:024x}")),
        served: None,
    }
}

/// A file with everything beside it, which goes with the part.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("forge-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        Self(directory.join("forge.db"))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = self.0.parent().map(fs::remove_dir_all::<&Path>);
    }
}
