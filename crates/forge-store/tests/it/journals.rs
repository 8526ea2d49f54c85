//! Journals: one writer at a time, and what is appended stays.

use std::{sync::Arc, time::Duration};

use forge_core::storage::journal::{
    Batch, Claim, Fence, Journal as _, JournalError, StreamName, Streams as _,
};
use forge_store::{Store, StoreOptions};

use crate::support::*;

const LEASE: Duration = Duration::from_secs(10);

fn name(text: &str) -> StreamName {
    StreamName::new(text).unwrap()
}

fn with(dir: &Dir, clock: &Arc<Hand>) -> Store {
    Store::open(StoreOptions { clock: Arc::clone(clock) as _, ..dir.options() }).unwrap()
}

#[test]
fn a_second_writer_is_refused_and_a_late_one_fenced_off() {
    let (dir, clock, s) = (Dir::new(), Hand::new(), name("s-1"));
    let (one, other) = (with(&dir, &clock), with(&dir, &clock));
    let first = wait(one.claim(&s, &Claim::new("a", LEASE))).unwrap();
    assert_eq!(wait(one.claim(&s, &Claim::new("a", LEASE))).unwrap(), first, "renewing keeps the fence");
    let held = wait(other.claim(&s, &Claim::new("b", LEASE)));
    assert!(matches!(held, Err(JournalError::Held { holder, .. }) if &*holder == "a"));
    assert_eq!(wait(one.append(&s, first, Batch::new(0, vec![b"x".to_vec()]))).unwrap(), 1);

    clock.forward(LEASE);
    let second = wait(other.claim(&s, &Claim::new("b", LEASE))).unwrap();
    assert!(second > first);
    let late = wait(one.append(&s, first, Batch::new(1, vec![b"late".to_vec()])));
    assert!(matches!(late, Err(JournalError::Fenced { .. })));
    let gap = wait(other.append(&s, second, Batch::new(0, vec![b"y".to_vec()])));
    assert!(matches!(gap, Err(JournalError::Conflict { expected: 0, actual: 1, .. })));
    assert_eq!(wait(other.read(&s, 0)).unwrap().len(), 1);

    wait(one.release(&s, first)).unwrap();
    assert!(
        matches!(wait(one.claim(&s, &Claim::new("a", LEASE))), Err(JournalError::Held { .. })),
        "an old fence releases nothing"
    );
    wait(other.release(&s, second)).unwrap();
    assert!(wait(one.claim(&s, &Claim::new("a", LEASE))).unwrap() > second);
}

#[test]
fn entries_survive_and_are_read_from_where_one_asks() {
    let (dir, s) = (Dir::new(), name("s"));
    let store = dir.open();
    let fence = wait(store.claim(&s, &Claim::new("a", LEASE))).unwrap();
    let payloads = |texts: [&str; 2]| texts.map(|text| text.as_bytes().to_vec()).to_vec();
    assert_eq!(wait(store.append(&s, fence, Batch::new(0, payloads(["a", ""])))).unwrap(), 2);
    assert_eq!(wait(store.append(&s, fence, Batch::new(2, Vec::new()))).unwrap(), 2);
    assert_eq!(wait(store.append(&s, fence, Batch::new(2, payloads(["c", "\0"])))).unwrap(), 4);
    drop(store);

    let store = dir.open();
    let entries = wait(store.read(&s, 1)).unwrap();
    let found: Vec<_> = entries.into_iter().map(|entry| (entry.sequence, entry.payload)).collect();
    assert_eq!(found, [(1, b"".to_vec()), (2, b"c".to_vec()), (3, b"\0".to_vec())]);
    assert!(wait(store.read(&s, u64::MAX)).unwrap().is_empty());
    assert!(wait(store.read(&name("nobody"), 0)).unwrap().is_empty());
    let stranger = wait(store.append(&name("nobody"), Fence(1), Batch::new(0, Vec::new())));
    assert!(matches!(stranger, Err(JournalError::Fenced { .. })));
}

#[test]
fn a_lease_from_before_the_clock_jumped_back_does_not_hold_for_ever() {
    let (dir, clock, s) = (Dir::new(), Hand::new(), name("s"));
    let store = with(&dir, &clock);
    let first = wait(store.claim(&s, &Claim::new("dead", LEASE))).unwrap();
    clock.back(Duration::from_secs(30));
    assert!(
        matches!(wait(store.claim(&s, &Claim::new("b", LEASE))), Err(JournalError::Held { .. })),
        "a small step is none"
    );
    clock.back(Duration::from_secs(86_400));
    assert!(wait(store.claim(&s, &Claim::new("b", LEASE))).unwrap() > first);
    assert!(wait(store.claim(&s, &Claim::new("b", Duration::MAX))).is_ok());
}

#[test]
fn streams_are_listed_and_deleted_but_not_under_their_writer() {
    let (dir, clock) = (Dir::new(), Hand::new());
    let store = with(&dir, &clock);
    let (old, new) = (name("old"), name("new"));
    let fence = wait(store.claim(&old, &Claim::new("a", LEASE))).unwrap();
    wait(store.append(&old, fence, Batch::new(0, vec![vec![0; 7], vec![0; 3]]))).unwrap();
    clock.forward(Duration::from_secs(1));
    wait(store.claim(&new, &Claim::new("b", Duration::from_millis(1)))).unwrap();
    let streams = wait(store.list()).unwrap();
    let found: Vec<_> = streams
        .iter()
        .map(|one| (one.name.as_str(), one.entries, one.bytes, one.holder.as_deref()))
        .collect();
    assert_eq!(found, [("new", 0, 0, Some("b")), ("old", 2, 10, Some("a"))]);
    assert_eq!((streams[1].created_at, streams[0].created_at), (noon(), noon() + Duration::from_secs(1)));

    assert!(matches!(wait(store.delete(&old)), Err(JournalError::Held { .. })));
    wait(store.release(&old, fence)).unwrap();
    assert!(wait(store.delete(&old)).unwrap());
    assert!(!wait(store.delete(&old)).unwrap());
    assert!(wait(store.read(&old, 0)).unwrap().is_empty());
    let again = wait(store.claim(&old, &Claim::new("c", LEASE))).unwrap();
    assert!(again > fence);
    let late = wait(store.append(&old, fence, Batch::new(0, vec![b"late".to_vec()])));
    assert!(matches!(late, Err(JournalError::Fenced { .. })));
}
