//! Leases: calls that are reserved in memory, and count in the file all the same.

use std::{
    future::Future as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use forge_core::{
    Money,
    storage::budget::{
        Amount, BudgetCap, BudgetError, BudgetStore as _, DeadCharge, Holder, ReservationId, Spent,
    },
};
use forge_store::{Store, StoreOptions};

use crate::support::*;

fn cap(tokens: u64) -> BudgetCap {
    BudgetCap::new("day").with_tokens(tokens)
}

fn tokens(tokens: u64) -> Amount {
    Amount::new(Money::default(), tokens)
}

fn spent(booked: u64, reserved: u64) -> Spent {
    Spent { booked: tokens(booked), reserved: tokens(reserved) }
}

fn of(store: &Store) -> Spent {
    wait(store.spent("day")).unwrap()
}

fn reserve(store: &Store, caps: &[BudgetCap], amount: u64) -> Result<ReservationId, String> {
    match wait(store.reserve(caps, tokens(amount), None)) {
        Ok(id) => Ok(id),
        Err(BudgetError::Exceeded { key, .. }) => Err(key),
        Err(error) => panic!("{error:?}"),
    }
}

fn with(dir: &Dir, clock: &Arc<Hand>) -> Store {
    Store::open(StoreOptions { clock: Arc::clone(clock) as _, ..dir.options() }).unwrap()
}

#[test]
fn a_call_within_a_lease_writes_nothing_and_is_booked_with_what_is_written_next() {
    let dir = Dir::new();
    let (store, other) = (dir.open(), dir.open());
    let mut open = vec![reserve(&store, &[cap(100_000)], 10).unwrap()];
    let look = sql(&dir.db());
    let version = || look.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = version();
    open.extend((0..7).map(|_| reserve(&store, &[cap(100_000)], 10).unwrap()));
    assert_eq!(version(), before);
    assert_eq!((of(&store), of(&other)), (spent(0, 80), spent(0, 80)));

    // Four take less than they might have, which is free for others in the lease.
    for id in open.drain(..4) {
        store.settle(id, tokens(3));
        store.settle(id, tokens(1_000));
    }
    assert_eq!(of(&store), spent(12, 40));
    put(&store, []);
    assert_eq!(of(&other), spent(12, 68));
    for id in open {
        store.release(id);
    }
    assert_eq!(of(&store), spent(12, 0));
    drop(store);
    assert_eq!(of(&other), spent(12, 0));
}

#[test]
fn calls_that_come_together_share_one_lease() {
    let dir = Dir::new();
    let (store, other) = (dir.open(), dir.open());
    let caps = [cap(100_000)];
    let first = wait(store.reserve(&caps, tokens(10), None));
    let calls = (0..19).map(|_| store.reserve(&caps, tokens(10), None));
    let open = wait(futures_util::future::join_all(calls));
    assert!(open.iter().chain([&first]).all(Result::is_ok), "{open:?}");
    let rows =
        || sql(&dir.db()).query_row("SELECT count(*) FROM reservations", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows().unwrap(), 1, "a lease and nothing beside it");
    assert_eq!((of(&store), of(&other)), (spent(0, 200), spent(0, 240)), "three blocks of eight");
    // Where there is none to share, nobody waits for one.
    let few = [BudgetCap::new("few").with_tokens(100)];
    let calls = (0..20).map(|_| store.reserve(&few, tokens(10), None));
    let open = wait(futures_util::future::join_all(calls));
    assert_eq!(open.iter().filter(|call| call.is_ok()).count(), 10);
    assert_eq!(rows().unwrap(), 11);
}

#[test]
fn a_call_that_is_given_up_while_others_wait_for_its_lease_holds_nobody_up() {
    let dir = Dir::new();
    let store = dir.open();
    let caps = [cap(100_000)];
    let reserve = || store.reserve(&caps, tokens(10), None);
    for _ in 0..8 {
        wait(reserve()).unwrap();
    }
    let (mut first, mut second) = (Box::pin(reserve()), Box::pin(reserve()));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    for call in [&mut first, &mut second] {
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert!(!woken.0.load(Relaxed));
    drop(first);
    assert!(woken.0.load(Relaxed), "the second may ask by itself now");
    wait(second).unwrap();
}

/// Whether somebody was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn a_lease_is_a_small_part_of_what_is_left_and_none_where_few_calls_have_room() {
    for room in [1, 63, 64, 127, 128, 200, 511, 512, 1_000, 1_000_000] {
        let dir = Dir::new();
        let (store, other) = (dir.open(), dir.open());
        reserve(&store, &[cap(room * 10 + 9)], 10).unwrap();
        let leased = of(&other).reserved.tokens / 10;
        let expected = if room < 128 { 1 } else { (room / 64).min(8) };
        assert_eq!((leased, of(&store)), (expected, spent(0, 10)), "room for {room} calls");
    }
}

#[test]
fn a_call_is_leased_only_if_every_sum_has_room_for_it() {
    let dir = Dir::new();
    let (store, other) = (dir.open(), dir.open());
    let small = BudgetCap::new("small").with_tokens(50);
    reserve(&store, &[cap(100_000), small], 1).unwrap();
    assert_eq!(of(&other), spent(0, 1));
    // A call may name a budget twice; then it counts twice.
    reserve(&store, &[cap(100_000), cap(100_000)], 1).unwrap();
    assert_eq!(of(&other), spent(0, 3));

    let single = BudgetCap::new("call").with_tokens(5).for_each_call();
    let caps = [cap(100_000), single];
    reserve(&store, &caps, 1).unwrap();
    assert_eq!(of(&other), spent(0, 11));
    assert_eq!(reserve(&store, &caps, 6), Err("call".into()));
    assert_eq!(reserve(&store, &caps[1..], 6), Err("call".into()));
    reserve(&store, &caps[1..], 5).unwrap();
    assert_eq!((of(&store), wait(store.spent("call")).unwrap()), (spent(0, 4), Spent::default()));
}

#[test]
fn what_a_holder_reserves_is_settled_call_by_call_by_whoever_takes_over() {
    let dir = Dir::new();
    let (dead, heir) = (dir.open(), dir.open());
    let holder = Holder::new("s-1");
    reserve(&dead, &[cap(100_000)], 10).unwrap();
    for _ in 0..3 {
        wait(dead.reserve(&[cap(100_000)], tokens(10), Some(&holder))).unwrap();
    }
    assert_eq!(of(&heir), spent(0, 80 + 30));
    assert_eq!(wait(heir.settle_holder(&holder, DeadCharge::Reserved)).unwrap(), 3);
    assert_eq!((of(&heir), of(&dead)), (spent(30, 80), spent(30, 10)));
}

#[test]
fn a_process_is_never_refused_because_of_its_own_lease() {
    let dir = Dir::new();
    let (store, other) = (dir.open(), dir.open());
    reserve(&store, &[cap(1_000)], 1).unwrap();
    assert_eq!(of(&other), spent(0, 8));
    assert_eq!(reserve(&other, &[cap(1_000)], 993), Err("day".into()));
    reserve(&store, &[cap(1_000)], 999).unwrap();
    assert_eq!((of(&store), of(&other)), (spent(0, 1_000), spent(0, 1_000)));
    assert_eq!(reserve(&store, &[cap(1_000)], 1), Err("day".into()));
}

#[test]
fn a_lower_cap_counts_what_was_leased_under_the_higher_one() {
    let dir = Dir::new();
    let store = dir.open();
    let open: Vec<_> = (0..8).map(|_| reserve(&store, &[cap(100_000)], 10).unwrap()).collect();
    assert_eq!(reserve(&store, &[cap(89)], 10), Err("day".into()));
    reserve(&store, &[cap(90)], 10).unwrap();
    assert_eq!(reserve(&store, &[cap(90)], 1), Err("day".into()));
    for id in open {
        store.settle(id, tokens(10));
    }
    assert_eq!(of(&store), spent(80, 10));
}

#[test]
fn a_call_that_took_more_than_it_had_reserved_is_booked_at_once_and_in_full() {
    let dir = Dir::new();
    let (store, other) = (dir.open(), dir.open());
    let [one, two] = [0, 1].map(|_| reserve(&store, &[cap(1_000)], 1).unwrap());
    store.settle(one, tokens(700));
    // Whatever is asked comes after it.
    assert_eq!(of(&store), spent(700, 1));
    assert_eq!(of(&other), spent(700, 7));
    store.settle(two, tokens(0));
    assert_eq!(of(&store), spent(700, 0));
}

#[test]
fn what_was_drawn_from_a_lease_outlives_the_store_and_the_rest_is_given_back() {
    let dir = Dir::new();
    let store = dir.open();
    let [one, _open] = [0, 1].map(|_| reserve(&store, &[cap(100_000)], 10).unwrap());
    store.settle(one, tokens(4));
    drop(store);
    let store = dir.open();
    assert_eq!(of(&store), spent(4, 10));
    let rows = |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        sql(&dir.db()).query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((rows("reservations"), rows("reserved")), (1, 1));
}

#[test]
fn a_process_that_was_asleep_hands_out_nothing_of_what_others_may_have_taken() {
    let (dir, theirs, ours) = (Dir::new(), Hand::new(), Hand::new());
    let (asleep, awake) = (with(&dir, &theirs), with(&dir, &ours));
    let held = reserve(&asleep, &[cap(1_000)], 1).unwrap();
    ours.forward(Duration::from_secs(601));
    assert_eq!(of(&awake), spent(0, 0));
    let taken = reserve(&awake, &[cap(1_000)], 999).unwrap();
    theirs.forward(Duration::from_secs(601));
    assert_eq!(reserve(&asleep, &[cap(1_000)], 1), Err("day".into()));
    // Its own call is held again, as one without a lease would be, and nothing beside it.
    assert_eq!((of(&asleep), of(&awake)), (spent(0, 1_000), spent(0, 1_000)));
    asleep.settle(held, tokens(1));
    awake.settle(taken, tokens(5));
    put(&asleep, []);
    put(&awake, []);
    assert_eq!((of(&asleep), of(&awake)), (spent(6, 0), spent(6, 0)));
}

#[test]
fn a_process_whose_clock_is_behind_hands_out_nothing_once_it_has_seen_that_it_lapsed() {
    let (dir, theirs, ours) = (Dir::new(), Hand::new(), Hand::new());
    let (behind, ahead) = (with(&dir, &theirs), with(&dir, &ours));
    reserve(&behind, &[cap(1_000)], 1).unwrap();
    ours.forward(Duration::from_secs(601));
    assert_eq!(of(&ahead), spent(0, 0));
    reserve(&ahead, &[cap(1_000)], 999).unwrap();
    // Its name is renewed for another budget, with which its call counts again and what is free does not.
    reserve(&behind, &[BudgetCap::new("other").with_tokens(9)], 1).unwrap();
    assert_eq!(of(&behind), spent(0, 1_000));
    assert_eq!(reserve(&behind, &[cap(1_000)], 1), Err("day".into()));
}

#[test]
fn a_call_whose_process_has_lapsed_is_booked_all_the_same() {
    let (dir, theirs, ours) = (Dir::new(), Hand::new(), Hand::new());
    let (slow, awake) = (with(&dir, &theirs), with(&dir, &ours));
    let held = reserve(&slow, &[cap(1_000)], 5).unwrap();
    ours.forward(Duration::from_secs(601));
    assert_eq!(of(&awake), spent(0, 0));
    slow.settle(held, tokens(4));
    put(&slow, []);
    assert_eq!(of(&awake), spent(4, 0));
    // A day later its lease is forgotten.
    let other = reserve(&slow, &[cap(1_000)], 5).unwrap();
    ours.forward(Duration::from_secs(3 * 86_400));
    let heir = with(&dir, &ours);
    let first = reserve(&heir, &[cap(1_000)], 1).unwrap();
    slow.settle(other, tokens(3));
    heir.settle(first, tokens(1));
    put(&slow, []);
    put(&heir, []);
    assert_eq!(of(&heir), spent(8, 0));
    // Nothing is drawn from what is not in the file any more.
    let next = reserve(&slow, &[cap(1_000)], 985).unwrap();
    assert_eq!(of(&slow), spent(8, 985 + 7), "the heir has a lease too");
    slow.release(next);
}

#[test]
fn bookings_that_meet_a_locked_file_are_written_later() {
    let dir = Dir::new();
    let store = Store::open(StoreOptions { busy_timeout: Duration::ZERO, ..dir.options() }).unwrap();
    let open: Vec<_> = (0..8).map(|_| reserve(&store, &[cap(1_000)], 1).unwrap()).collect();
    let locked = sql(&dir.db());
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    for id in open {
        store.settle(id, tokens(1));
    }
    let refused = wait(store.reserve(&[cap(1_000)], tokens(1), None));
    assert!(matches!(refused, Err(BudgetError::Storage(_))), "a reservation fails loudly");
    assert_eq!(of(&store), spent(8, 0));
    locked.execute_batch("ROLLBACK").unwrap();
    put(&store, []);
    assert_eq!(of(&dir.open()), spent(8, 0));
}

#[test]
fn bookings_reach_the_file_by_themselves() {
    let dir = Dir::new();
    let store = dir.open();
    let open = reserve(&store, &[cap(1_000)], 1).unwrap();
    store.settle(open, tokens(1));
    let look = sql(&dir.db());
    let booked = || look.query_row("SELECT tokens FROM budgets", [], |row| row.get::<_, i64>(0)).unwrap();
    let begun = std::time::Instant::now();
    while booked() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
}
