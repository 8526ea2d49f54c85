//! A file as version 0.1.0 wrote it, with work under way in it.

use std::time::Duration;

use forge_core::{
    Money,
    storage::{
        accounts::CallStatus,
        budget::{Amount, BudgetCap, BudgetStore as _, ReservationId, Spent},
        journal::{Journal as _, StreamName, Streams as _},
    },
    tags::Tags,
};
use forge_store::{Filter, Store, StoreOptions};

use crate::support::*;

/// What released SQL and the released program leave: an attempt, a session, two budgets and three open
/// reservations, one of them by a process that has ended.
fn old(dir: &Dir) {
    let conn = sql(&dir.db());
    conn.execute_batch(include_str!("../../src/v1.sql")).unwrap();
    conn.execute_batch(&format!(
        "PRAGMA application_id = 1181708903; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;
         INSERT INTO names VALUES (1, 'claude'), (2, 'anthropic'), (3, 'large'), (4, 'critic'), (5, 's-1'), (6, 't-1');
         INSERT INTO attempts VALUES ({noon}, x'00000000000000000000000000000001', 1, 1, 2, 3, NULL, 4, 5, 2, 6, 0, 0,
             1000, NULL, 10, NULL, NULL, NULL, 5, NULL, 77, NULL, 0, 1, 0, 'req');
         INSERT INTO rollups VALUES (1, {noon} / 3600000, 1, 3, 4, 0, 0, 1, 1, 0, 10, 0, 0, 0, 5, 0, 0, 77, 0, 1000, x'',
             0, x'');
         INSERT INTO rollups VALUES (24, {noon} / 86400000 * 24, 1, 3, 4, 0, 0, 1, 1, 0, 10, 0, 0, 0, 5, 0, 0, 77, 0,
             1000, x'', 0, x'');
         INSERT INTO journal_streams VALUES (1, 's-1', 7, NULL, 0, 0, 2, 8, {noon}, {noon});
         INSERT INTO journal_entries VALUES (1, 0, x'6f6e65'), (1, 1, x'656e747279');
         INSERT INTO budgets VALUES (1, 'day', 100, 10), (2, 'session:s-1', 50, 5);
         INSERT INTO holders VALUES (11, {noon} + 600000), (12, {noon} - 1);
         INSERT INTO reservations VALUES (1, 11, 20, 2), (2, 11, 3, 1), (3, 12, 1000, 1000);
         INSERT INTO reserved VALUES (1, 1, 0), (2, 1, 1), (1, 2, 0), (1, 3, 0);",
        noon = noon().timestamp_millis()
    ))
    .unwrap();
}

fn open(dir: &Dir) -> Store {
    Store::open(StoreOptions { clock: Hand::new(), ..dir.options() }).unwrap()
}

fn amount(money: u64, tokens: u64) -> Amount {
    Amount { money: Money::from_nanos(money), tokens }
}

#[test]
fn open_reservations_of_the_first_form_are_summed_up_and_settled() {
    let dir = Dir::new();
    old(&dir);
    let store = open(&dir);
    assert_eq!(wait(store.spent("day")).unwrap(), Spent { booked: amount(100, 10), reserved: amount(23, 3) });
    assert_eq!(
        wait(store.spent("session:s-1")).unwrap(),
        Spent { booked: amount(50, 5), reserved: amount(20, 2) }
    );
    let cap = BudgetCap::new("day").with_money(Money::from_nanos(130));
    assert!(wait(store.reserve(std::slice::from_ref(&cap), amount(8, 0), None)).is_err());
    let taken = wait(store.reserve(&[cap], amount(7, 0), None)).unwrap();
    store.settle(ReservationId(1), amount(19, 1));
    store.settle(taken, Amount::default());
    assert_eq!(wait(store.spent("day")).unwrap(), Spent { booked: amount(119, 11), reserved: amount(3, 1) });
}

#[test]
fn rows_and_sessions_of_the_first_form_are_read_and_go_on() {
    let dir = Dir::new();
    old(&dir);
    let store = open(&dir);
    let found = all(&store);
    assert_eq!(found[0].record.tags, Tags::default().with_session("s-1").with_round(2).with_task("t-1"));
    assert_eq!((found[0].record.tokens.input, found[0].record.tokens.other_input), (Some(10), None));
    let figures = store.summary(&Filter::default(), &[]).unwrap().remove(0).figures;
    assert_eq!((figures.calls, figures.tokens.other_input, figures.cost.nanos()), (1, 0, 77));

    let listed = wait(store.list()).unwrap();
    assert_eq!((listed[0].entries, listed[0].bytes, &listed[0].summary), (2, 8, &None));
    let stream = StreamName::new("s-1").unwrap();
    assert_eq!(wait(store.read(&stream, 1)).unwrap()[0].payload, b"entry");
    let claim = forge_core::storage::journal::Claim::new("new", Duration::from_secs(60));
    assert_eq!(wait(store.claim(&stream, &claim)).unwrap().0, 8);
}

#[test]
fn what_the_new_form_can_keep_comes_back_whole() {
    let dir = Dir::new();
    old(&dir);
    let store = open(&dir);
    let mut full = record(7);
    full.tags = full
        .tags
        .with_team("red")
        .with_key("k-1")
        .with_prompt("draft@3")
        .with("cost centre", "47\"11")
        .unwrap();
    full.tokens = full.tokens.with_other_input(9);
    full.tokens = full.tokens.with_server_tools(forge_core::usage::ServerTools::default().with_web_search(2));
    full.served =
        Some(forge_core::storage::accounts::Served::default().with_tier("priority").with_speed("fast"));
    let mut killed = record(8);
    (killed.status, killed.tokens, killed.cost) =
        (CallStatus::Killed, forge_core::TokenCount::default(), None);
    put(&store, [full.clone(), killed.clone()]);
    let found: Vec<_> = all(&store).into_iter().map(|one| one.record).collect();
    assert_eq!(found[1..], [full.clone(), killed]);

    for tags in [
        Tags::default().with_team("red"),
        Tags::default().with_prompt("draft@3").with_round(2),
        Tags::default().with("cost centre", "47\"11").unwrap(),
    ] {
        let rows = store.summary(&Filter { tags: tags.clone(), ..Filter::default() }, &[]).unwrap();
        assert_eq!(rows[0].figures.calls, 1, "{tags:?}");
        assert_eq!(rows[0].figures.tokens.other_input, 9);
    }
    for tags in [Tags::default().with_team("blue"), Tags::default().with("cost centre", "'").unwrap()] {
        let rows = store.summary(&Filter { tags, ..Filter::default() }, &[]).unwrap();
        assert_eq!(rows[0].figures.calls, 0);
    }
    let figures = store.summary(&Filter::default(), &[]).unwrap().remove(0).figures;
    assert_eq!((figures.calls, figures.killed, figures.unknown_tokens, figures.unknown_cost), (3, 1, 1, 1));
    assert_eq!(integrity(&dir.db()), "ok");
}

#[test]
fn a_file_that_many_make_at_once_is_never_marked_as_less_than_it_is() {
    for _ in 0..40 {
        let dir = Dir::new();
        let barrier = std::sync::Barrier::new(6);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    barrier.wait();
                    drop(open(&dir));
                });
            }
        });
        drop(open(&dir));
    }
}
