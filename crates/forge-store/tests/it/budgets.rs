//! Budgets: nobody overspends, and the dead give back what they held.

use std::{sync::Arc, time::Duration};

use forge_core::{
    Money,
    storage::budget::{Amount, BudgetCap, BudgetError, BudgetStore as _, DeadCharge, Holder, Spent},
};
use forge_store::{Store, StoreOptions};

use crate::support::*;

fn cap(money: u64) -> BudgetCap {
    BudgetCap::new("day").with_money(Money::from_nanos(money))
}

fn amount(money: u64, tokens: u64) -> Amount {
    Amount { money: Money::from_nanos(money), tokens }
}

fn with(dir: &Dir, clock: &Arc<Hand>) -> Store {
    Store::open(StoreOptions { clock: Arc::clone(clock) as _, ..dir.options() }).unwrap()
}

#[test]
fn what_is_settled_is_booked_and_what_is_released_is_free() {
    let dir = Dir::new();
    let store = dir.open();
    let tokens = BudgetCap::new("tokens").with_tokens(30);
    let caps = [cap(10), tokens];
    let first = wait(store.reserve(&caps, amount(3, 10), None)).unwrap();
    let second = wait(store.reserve(&caps, amount(3, 10), None)).unwrap();
    assert_eq!(wait(store.spent("day")).unwrap(), Spent { booked: amount(0, 0), reserved: amount(6, 20) });
    let full = wait(store.reserve(&caps, amount(3, 11), None)).unwrap_err();
    assert!(matches!(full, BudgetError::Exceeded { key, .. } if key == "tokens"));
    let full = wait(store.reserve(&caps, amount(5, 0), None)).unwrap_err();
    assert!(matches!(full, BudgetError::Exceeded { key, .. } if key == "day"));

    store.settle(first, amount(12, 1));
    store.release(second);
    store.settle(second, amount(100, 100));
    let spent = Spent { booked: amount(12, 1), reserved: amount(0, 0) };
    assert_eq!(wait(store.spent("day")).unwrap(), spent);
    drop(store);
    assert_eq!(wait(dir.open().spent("day")).unwrap(), spent);
    assert_eq!(wait(dir.open().spent("tokens")).unwrap(), spent);
    assert_eq!(wait(dir.open().spent("nobody")).unwrap(), Spent::default());
}

#[test]
fn sixty_four_at_once_on_two_stores_do_not_overspend() {
    let dir = Dir::new();
    let stores = [Arc::new(dir.open()), Arc::new(dir.open())];
    let threads: Vec<_> = (0..64)
        .map(|at| {
            let store = Arc::clone(&stores[at % 2]);
            std::thread::spawn(move || match wait(store.reserve(&[cap(100)], amount(7, 1), None)) {
                Ok(_) => true,
                Err(BudgetError::Exceeded { .. }) => false,
                Err(error) => panic!("{error:?}"),
            })
        })
        .collect();
    let taken = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|taken| *taken).count();
    assert_eq!(taken, 14);
    assert_eq!(wait(stores[0].spent("day")).unwrap().reserved, amount(98, 14));
}

#[test]
fn the_reservation_of_a_holder_that_is_gone_returns_and_a_late_settlement_is_still_booked() {
    let (dir, theirs, ours) = (Dir::new(), Hand::new(), Hand::new());
    let (dead, alive) = (with(&dir, &theirs), with(&dir, &ours));
    let held = wait(dead.reserve(&[cap(10)], amount(10, 0), None)).unwrap();
    assert!(wait(alive.reserve(&[cap(10)], amount(1, 0), None)).is_err());
    ours.forward(Duration::from_secs(600));
    let taken = wait(alive.reserve(&[cap(10)], amount(1, 0), None)).unwrap();

    dead.settle(held, amount(9, 0));
    assert_eq!(wait(dead.spent("day")).unwrap().booked, amount(9, 0));
    alive.settle(taken, amount(1, 0));
    assert_eq!(wait(alive.spent("day")).unwrap(), Spent { booked: amount(10, 0), reserved: amount(0, 0) });
}

#[test]
fn a_holder_that_lives_keeps_its_reservation() {
    let (dir, clock) = (Dir::new(), Hand::new());
    let (one, other) = (with(&dir, &clock), with(&dir, &clock));
    wait(one.reserve(&[cap(10)], amount(10, 0), None)).unwrap();
    for _ in 0..3 {
        clock.forward(Duration::from_secs(500));
        put(&one, []);
        // What keeps it alive follows the flush.
        put(&one, []);
    }
    assert!(wait(other.reserve(&[cap(10)], amount(1, 0), None)).is_err());
    clock.back(Duration::from_secs(86_400));
    assert!(
        wait(other.reserve(&[cap(10)], amount(1, 0), None)).is_err(),
        "a clock that jumps back frees nothing"
    );
}

#[test]
fn a_settlement_that_meets_a_locked_file_is_booked_later() {
    let dir = Dir::new();
    let store = Store::open(StoreOptions { busy_timeout: Duration::ZERO, ..dir.options() }).unwrap();
    let [one, other] = [0, 1].map(|_| wait(store.reserve(&[cap(10)], amount(5, 0), None)).unwrap());
    let locked = sql(&dir.db());
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.settle(one, amount(2, 0));
    store.settle(other, amount(3, 0));
    let refused = wait(store.reserve(&[cap(10)], amount(0, 0), None));
    assert!(matches!(refused, Err(BudgetError::Storage(_))), "a reservation fails loudly");
    locked.execute_batch("ROLLBACK").unwrap();
    put(&store, []);
    assert_eq!(wait(store.spent("day")).unwrap(), Spent { booked: amount(5, 0), reserved: amount(0, 0) });
}

#[test]
fn a_run_that_died_is_named_with_the_time_when_its_part_is_free_and_settled_by_its_heir() {
    let (dir, theirs, ours) = (Dir::new(), Hand::new(), Hand::new());
    let (dead, heir) = (with(&dir, &theirs), with(&dir, &ours));
    let session = Holder::new("s-1");
    wait(dead.reserve(&[cap(10)], amount(10, 0), Some(&session))).unwrap();
    let said = |store: &Store| wait(store.reserve(&[cap(10)], amount(1, 0), None)).unwrap_err().to_string();
    let text = said(&heir);
    assert!(text.ends_with("a part of it is held by `s-1`"), "{text}");
    ours.forward(Duration::from_secs(400));
    let text = said(&heir);
    assert!(text.ends_with("held by `s-1`, a run that died, free in 4 min"), "{text}");
    assert_eq!(wait(heir.settle_holder(&session, DeadCharge::Reserved)).unwrap(), 1);
    assert_eq!(wait(heir.spent("day")).unwrap(), Spent { booked: amount(10, 0), reserved: amount(0, 0) });
    let text = said(&heir);
    assert!(text.ends_with("raise it or wait for its next period"), "{text}");
}

#[test]
fn a_process_that_was_only_asleep_gets_its_reservations_back() {
    let (dir, theirs, ours) = (Dir::new(), Hand::new(), Hand::new());
    let (asleep, awake) = (with(&dir, &theirs), with(&dir, &ours));
    wait(asleep.reserve(&[cap(10)], amount(6, 0), None)).unwrap();
    ours.forward(Duration::from_secs(601));
    assert_eq!(wait(awake.spent("day")).unwrap().reserved, amount(0, 0));
    theirs.forward(Duration::from_secs(601));
    wait(asleep.reserve(&[cap(10)], amount(1, 0), None)).unwrap();
    assert_eq!(wait(awake.spent("day")).unwrap().reserved, amount(7, 0));
}
