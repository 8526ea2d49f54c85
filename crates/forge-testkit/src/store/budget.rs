//! What every store of budgets does.

use forge_core::{
    Money,
    storage::budget::{Amount, Blocker, BudgetCap, BudgetError, BudgetStore, DeadCharge, Holder, Spent},
};

use super::{Subject, at_once, wait};

fn amount(money: u64, tokens: u64) -> Amount {
    Amount::new(Money::from_nanos(money), tokens)
}

fn day(money: u64) -> BudgetCap {
    BudgetCap::new("day").with_money(Money::from_nanos(money))
}

fn spent(booked: Amount, reserved: Amount) -> Spent {
    Spent { booked, reserved }
}

/// The budget that has no room, and the reservation that stands in the way.
fn refused<T: std::fmt::Debug>(outcome: Result<T, BudgetError>) -> (String, Option<Blocker>) {
    match outcome {
        Err(BudgetError::Exceeded { key, blocked_by }) => (key, blocked_by),
        other => panic!("{other:?} where a budget has no room"),
    }
}

/// One budget without room leaves the others as they were.
pub fn a_reservation_is_made_in_every_budget_or_in_none<S: BudgetStore>(subject: &Subject<S>) {
    let store = subject.open();
    let caps = [day(10), BudgetCap::new("tokens").with_tokens(30)];
    wait(store.reserve(&caps, amount(3, 20), None)).unwrap();
    assert_eq!(refused(wait(store.reserve(&caps, amount(3, 11), None))).0, "tokens");
    assert_eq!(refused(wait(store.reserve(&caps, amount(8, 1), None))).0, "day");
    for key in ["day", "tokens"] {
        assert_eq!(wait(subject.open().spent(key)).unwrap(), spent(amount(0, 0), amount(3, 20)));
    }
    assert_eq!(wait(store.spent("nobody")).unwrap(), Spent::default());
}

/// What was settled is not booked again, whatever is called later.
pub fn what_is_settled_is_booked_once_and_what_is_released_is_free<S: BudgetStore>(subject: &Subject<S>) {
    let store = subject.open();
    let [first, second] =
        [3, 4].map(|money| wait(store.reserve(&[day(10)], amount(money, 1), None)).unwrap());
    store.settle(first, amount(12, 7));
    store.settle(first, amount(100, 100));
    store.release(second);
    store.settle(second, amount(100, 100));
    assert_eq!(wait(store.spent("day")).unwrap(), spent(amount(12, 7), amount(0, 0)));
}

/// However many come at once, through whichever store, the cap holds.
pub fn many_at_once_never_overrun_a_cap<S: BudgetStore>(subject: &Subject<S>) {
    let taken = at_once(subject, 32, |store, _| wait(store.reserve(&[day(100)], amount(7, 1), None)).is_ok());
    // A fifteenth would break the cap.
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 14);
    assert_eq!(wait(subject.open().spent("day")).unwrap(), spent(amount(0, 0), amount(98, 14)));
}

/// A cap for each call refuses a call by itself, and keeps nothing.
pub fn a_cap_for_each_call_sums_nothing_up<S: BudgetStore>(subject: &Subject<S>) {
    let store = subject.open();
    let cap = BudgetCap::new("call").with_money(Money::from_nanos(5)).for_each_call();
    for _ in 0..3 {
        wait(store.reserve(std::slice::from_ref(&cap), amount(5, 1), None)).unwrap();
    }
    assert_eq!(refused(wait(store.reserve(&[cap], amount(6, 1), None))), ("call".to_owned(), None));
    assert_eq!(wait(store.spent("call")).unwrap(), Spent::default());
}

/// Who waits for a reservation learns whose it is; a budget that is used up is said to be.
pub fn a_refusal_names_who_stands_in_the_way<S: BudgetStore>(subject: &Subject<S>) {
    let (store, run) = (subject.open(), Holder::new("s-1").with_instance("run-1"));
    let first = wait(store.reserve(&[day(10)], amount(2, 0), None)).unwrap();
    wait(store.reserve(&[day(10)], amount(8, 0), Some(&run))).unwrap();
    let error = wait(subject.open().reserve(&[day(10)], amount(1, 0), None));
    let text = error.as_ref().unwrap_err().to_string();
    assert!(text.contains("`day`") && text.contains("held by `s-1`"), "{text}");
    let (key, blocker) = refused(error);
    assert_eq!((&*key, blocker.and_then(|blocker| blocker.holder)), ("day", Some(run)));
    store.settle(first, amount(10, 0));
    assert_eq!(refused(wait(store.reserve(&[day(10)], amount(1, 0), None))), ("day".to_owned(), None));
}

/// All that was set aside is booked, or what the caller knows; the reservations of others stay.
pub fn the_reservations_of_a_dead_holder_are_settled_by_whoever_takes_over<S: BudgetStore>(
    subject: &Subject<S>,
) {
    let (dead, heir) = (subject.open(), subject.open());
    let run = |instance: &str| Holder::new("s-1").with_instance(instance);
    // Two runs of one work, another work, and nobody.
    let holders = [Some(run("a")), Some(run("a")), Some(run("b")), Some(Holder::new("s-2")), None];
    let mut taken = Vec::new();
    for holder in &holders {
        taken.push(wait(dead.reserve(&[day(100)], amount(10, 2), holder.as_ref())).unwrap());
    }
    let each = DeadCharge::Each(amount(1, 1));
    assert_eq!(wait(heir.settle_holder(&run("b"), each)).unwrap(), 1);
    assert_eq!(wait(heir.spent("day")).unwrap(), spent(amount(1, 1), amount(40, 8)));
    assert_eq!(wait(heir.settle_holder(&Holder::new("s-1"), DeadCharge::Reserved)).unwrap(), 2);
    assert_eq!(wait(heir.settle_holder(&Holder::new("s-1"), DeadCharge::Reserved)).unwrap(), 0);
    // One that was not dead after all comes too late.
    dead.settle(taken[0], amount(99, 9));
    assert_eq!(wait(dead.spent("day")).unwrap(), spent(amount(21, 5), amount(20, 4)));
}

/// Amounts beyond every number are refused by a cap and leave no trace when they are gone.
pub fn sums_that_do_not_fit_stay_right<S: BudgetStore>(subject: &Subject<S>) {
    let store = subject.open();
    let open = [BudgetCap::new("day")];
    // Two of them are more than a number holds.
    let huge = amount(u64::MAX, u64::MAX);
    let [one, other] = [0, 1].map(|_| wait(store.reserve(&open, huge, None)).unwrap());
    wait(store.reserve(&open, amount(5, 5), None)).unwrap();
    assert_eq!(refused(wait(store.reserve(&[day(1_000)], amount(1, 0), None))).0, "day");
    store.release(one);
    store.release(other);
    assert_eq!(wait(store.spent("day")).unwrap(), spent(amount(0, 0), amount(5, 5)));
}
