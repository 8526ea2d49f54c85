//! What the doors to storage cost, in instructions (where valgrind is installed): a reservation beside few and beside
//! many that are open, calls within leases, and a journal of one length and of four times that length.
//!
//! The benchmark starts itself again for each part: `reserve OPEN TIMES`, `lease TIMES` and `sqlite|files ENTRIES`. What a part costs
//! is the difference between two runs under callgrind.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::{env, error::Error};

use forge_benches::{
    doors,
    measure::{Place, instructions},
};
use forge_core::{
    Money,
    storage::budget::{Amount, BudgetCap, BudgetStore as _},
    time::SystemTimer,
};
use forge_store::{JsonlJournal, Store, StoreOptions};

/// Reservations of the shorter and the longer run.
const RUNS: [u64; 2] = [50, 250];

/// Calls within leases of the shorter and the longer run: many, because most of them write nothing.
const CALLS: [u64; 2] = [1_000, 9_000];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["reserve", open, times] => {
            let place = Place::new()?;
            let store = Store::open(StoreOptions::new(place.path().join("forge.db")))?;
            block_on(doors::reserve(&store, open.parse()?, times.parse()?))
        }
        ["lease", times] => lease(times.parse()?),
        ["sqlite", entries] => {
            let place = Place::new()?;
            let store = Store::open(StoreOptions::new(place.path().join("forge.db")))?;
            block_on(doors::journal(&store, entries.parse()?))
        }
        ["files", entries] => {
            let place = Place::new()?;
            let files = JsonlJournal::open(place.path().join("journal"), SystemTimer::shared())?;
            block_on(doors::journal(&files, entries.parse()?))
        }
        // What cargo and criterion's users pass along.
        _ => {
            report();
            Ok(())
        }
    }
}

fn report() {
    let each = |open: &str| {
        let [short, long] = RUNS.map(|times| instructions(&["reserve", open, &times.to_string()]));
        Some((long?.saturating_sub(short?)) / (RUNS[1] - RUNS[0]))
    };
    match (each("10"), each("1000")) {
        (Some(few), Some(many)) => {
            let more = many as f64 / few as f64 * 100.0 - 100.0;
            println!("reserve and settle: {few} instructions beside 10, {many} beside 1,000 ({more:+.1} %)");
        }
        _ => println!("instructions not counted, because valgrind is not installed"),
    }
    let [short, long] = CALLS.map(|times| instructions(&["lease", &times.to_string()]));
    if let (Some(short), Some(long)) = (short, long) {
        let each = long.saturating_sub(short) / (CALLS[1] - CALLS[0]);
        println!("reserve and settle within leases: {each} instructions, with the leases and the bookings");
    }
    for kind in ["sqlite", "files"] {
        let [none, short, long] = ["0", "100", "400"].map(|entries| instructions(&[kind, entries]));
        if let (Some(none), Some(short), Some(long)) = (none, short, long) {
            let [short, long] = [short, long].map(|count| count.saturating_sub(none));
            let times = long as f64 / short as f64;
            println!(
                "journal in {kind}: {short} instructions for 100 entries, {long} for 400 ({times:.2} times)"
            );
        }
    }
}

fn block_on(work: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(work)
}

/// Calls of nobody in particular, one after the other, each of which takes a quarter of what is reserved for it.
fn lease(times: u64) -> Result<(), Box<dyn Error>> {
    let place = Place::new()?;
    let store = Store::open(StoreOptions::new(place.path().join("forge.db")))?;
    let caps = ["day:2026-11-21", "session:s-1"].map(|key| BudgetCap::new(key).with_tokens(u64::MAX / 4));
    let (most, actual) = (Amount::new(Money::from_nanos(28), 44), Amount::new(Money::from_nanos(7), 11));
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        for _ in 0..times {
            let reservation = store.reserve(&caps, most, None).await?;
            store.settle(reservation, actual);
        }
        let booked = store.spent(&caps[0].key).await?.booked;
        assert_eq!(booked.tokens, times * actual.tokens);
        Ok(())
    })
}
