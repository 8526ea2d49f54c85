//! Several processes, and processes that are killed.

use std::{
    io::{BufRead as _, BufReader},
    time::{Duration, Instant},
};

use forge_core::{
    Money,
    call::CallId,
    storage::{
        accounts::UsageRecord,
        budget::{Amount, BudgetCap, BudgetError, BudgetStore as _},
        journal::{Batch, Claim, Journal as _, StreamName, Streams as _},
    },
};
use forge_store::{Filter, Store, StoreOptions};

use crate::support::*;

/// Records between two acknowledgements.
const PART: u128 = 100;

#[test]
fn what_was_acknowledged_survives_a_kill_and_nothing_is_doubled() {
    if let Some(path) = task() {
        let store = Store::open(StoreOptions::new(path)).unwrap();
        for part in 0..10_000 {
            put(&store, (part * PART..(part + 1) * PART).map(record));
            println!("acked {}", (part + 1) * PART);
        }
        return;
    }
    let mut dice = fastrand::Rng::with_seed(1);
    let kills = amount("FORGE_TEST_KILLS", 20);
    let (mut acked_in_all, mut found_in_all) = (0, 0);
    for round in 0..kills {
        let dir = Dir::new();
        let name = "processes::what_was_acknowledged_survives_a_kill_and_nothing_is_doubled";
        let mut child = Killed(child(name, dir.db().to_str().unwrap()).spawn().unwrap());
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let acked = |line: String| line.strip_prefix("acked ").and_then(|count| count.parse::<u128>().ok());
        let mut safe = (&mut lines).filter_map(acked).nth(dice.usize(1..40)).unwrap();
        child.0.kill().unwrap();
        safe = lines.filter_map(acked).last().unwrap_or(safe);
        child.0.wait().unwrap();

        let store = dir.open();
        put(&store, []);
        let found = calls(&store);
        assert!(found.len() as u128 >= safe, "round {round}: {} of {safe}", found.len());
        assert!(found.windows(2).all(|pair| pair[0] + 1 == pair[1]), "round {round}: a gap or a double");
        let figures = store.summary(&Filter::default(), &[]).unwrap().remove(0).figures;
        assert_eq!(figures.attempts, found.len() as u64, "round {round}: sums and attempts agree");
        drop(store);
        assert_eq!(integrity(&dir.db()), "ok", "round {round}");
        acked_in_all += safe;
        found_in_all += found.len();
    }
    println!("{kills} kills: {acked_in_all} records acknowledged, {found_in_all} found");
}

#[test]
fn four_processes_write_at_once_and_none_sees_an_error() {
    let seconds = Duration::from_secs(amount("FORGE_TEST_WRITE_SECONDS", 0));
    if let Some(task) = task() {
        let (own, path) = task.split_once(' ').unwrap();
        let (store, own) = (Store::open(StoreOptions::new(path)).unwrap(), own.parse::<u128>().unwrap());
        let stream = StreamName::new(&format!("s-{own}")).unwrap();
        let fence = wait(store.claim(&stream, &Claim::new("child", Duration::from_secs(3_600)))).unwrap();
        let begun = Instant::now();
        let mut parts = 0;
        while parts < 100 || begun.elapsed() < seconds {
            let own = |call: u128| UsageRecord { call_id: CallId::from_u128(own << 64 | call), ..record(0) };
            put(&store, (parts * PART..(parts + 1) * PART).map(own));
            if parts % 10 == 0 {
                let entries = u64::try_from(parts / 10).unwrap();
                wait(store.append(&stream, fence, Batch::new(entries, vec![b"step".to_vec()]))).unwrap();
            }
            parts += 1;
        }
        let status = store.status();
        assert_eq!((status.last_error, status.spooled), (None, 0));
        println!("\nwrote {}", parts * PART);
        return;
    }
    let dir = Dir::new();
    let name = "processes::four_processes_write_at_once_and_none_sees_an_error";
    let start = |own: usize| Killed(child(name, &format!("{own} {}", dir.db().display())).spawn().unwrap());
    let mut children: Vec<_> = (0..4).map(start).collect();
    let (mut wrote, mut entries) = (0, 0);
    for child in &mut children {
        let lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let own = lines.filter_map(|line| line.strip_prefix("wrote ")?.parse::<u64>().ok()).last().unwrap();
        assert!(child.0.wait().unwrap().success());
        wrote += own;
        entries += own.div_ceil(10 * u64::try_from(PART).unwrap());
    }
    println!("{wrote} records and {entries} entries by 4 processes");
    let store = dir.open();
    let figures = store.summary(&Filter::default(), &[]).unwrap().remove(0).figures;
    assert_eq!((figures.attempts, calls(&store).len() as u64), (wrote, wrote));
    assert_eq!(wait(store.list()).unwrap().iter().map(|stream| stream.entries).sum::<u64>(), entries);
    assert_eq!(integrity(&dir.db()), "ok");
}

#[test]
fn two_processes_do_not_overspend() {
    let cap = BudgetCap::new("day").with_money(Money::from_nanos(1_000));
    let amount = Amount { money: Money::from_nanos(30), tokens: 1 };
    if let Some(path) = task() {
        let store = Store::open(StoreOptions::new(path)).unwrap();
        for at in 0..64 {
            match wait(store.reserve(std::slice::from_ref(&cap), amount, None)) {
                Ok(reservation) if at % 2 == 0 => store.settle(reservation, amount),
                Ok(_) => {}
                Err(BudgetError::Exceeded { .. }) => return,
                Err(error) => panic!("{error:?}"),
            }
        }
        return;
    }
    let dir = Dir::new();
    let start = |_| {
        Killed(
            child("processes::two_processes_do_not_overspend", dir.db().to_str().unwrap()).spawn().unwrap(),
        )
    };
    let mut children: Vec<_> = (0..2).map(start).collect();
    for child in &mut children {
        assert!(child.0.wait().unwrap().success());
    }
    let spent = wait(dir.open().spent("day")).unwrap();
    assert_eq!(spent.booked.money.nanos() + spent.reserved.money.nanos(), 990, "{spent:?}");
}
