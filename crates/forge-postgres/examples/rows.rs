//! How many usage records a second go through the sink into a database: `cargo run --release --example rows -- URL [RECORDS]`.
//!
//! Makes a schema `forge_rows` and leaves it there.

#![allow(clippy::print_stdout, reason = "an example says what it has found")]

use std::time::{Duration, Instant};

use forge_core::{
    Money, Participant, TokenCount,
    call::CallId,
    storage::accounts::{CallStatus, UsageRecord, UsageSink as _},
    tags::Tags,
};
use forge_postgres::{PostgresOptions, PostgresStore};
use forge_testkit::store::wait;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("give the URL of a database")?;
    let count: u32 = arguments.next().map_or(Ok(200_000), |count| count.parse())?;
    let mut options = PostgresOptions::new(url).with_schema("forge_rows");
    options.queue = 1 << 20;
    let store = wait(PostgresStore::connect(options.clone()))?;
    let (mut taken, begun) = (Vec::new(), Instant::now());
    for call in 0..count {
        let record = record(CallId::new(options.clock.now()), call, options.clock.now());
        let before = Instant::now();
        store.record(record);
        taken.push(before.elapsed());
    }
    wait(store.flush())?;
    let seconds = begun.elapsed().as_secs_f64();
    taken.sort_unstable();
    let p99 = taken.get(taken.len() * 99 / 100).copied().unwrap_or(Duration::ZERO);
    println!(
        "{count} records in {seconds:.2} s: {:.0} a second, record() p99 {p99:?}",
        f64::from(count) / seconds
    );
    println!("lost: {}", store.lost_records());
    Ok(())
}

fn record(id: CallId, call: u32, at: chrono::DateTime<chrono::Utc>) -> UsageRecord {
    let participant = Participant::claude_sonnet().with_provider_id("claude");
    let status = if call.is_multiple_of(50) { CallStatus::Failure } else { CallStatus::Success };
    let mut record = UsageRecord::new(id, at, &participant, status);
    record.tags = Tags::default().with_session(format!("s-{}", call / 100)).with_team("red").with_round(1);
    record.tokens = TokenCount::default().with_input(1_200).with_output(300);
    record.cost = Some(Money::from_nanos(8_100_000));
    record.latency = Duration::from_millis(900);
    record.first_token = Some(Duration::from_millis(200));
    record
}
