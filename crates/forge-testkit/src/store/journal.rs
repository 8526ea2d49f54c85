//! What every journal does.

use std::{thread, time::Duration};

use forge_core::{
    storage::journal::{Batch, Claim, Fence, Journal, JournalError, StreamName, Streams},
    time::Clock as _,
};
use serde_json::json;

use super::{Subject, at_once, wait};

const LEASE: Duration = Duration::from_secs(60);

fn name(text: &str) -> StreamName {
    StreamName::new(text).unwrap()
}

fn claim(holder: &str) -> Claim {
    Claim::new(holder, LEASE)
}

fn batch(expected: u64, texts: &[&str]) -> Batch {
    Batch::new(expected, texts.iter().map(|text| text.as_bytes().to_vec()).collect())
}

fn texts<S: Journal>(store: &S, stream: &StreamName) -> Vec<String> {
    let entries = wait(store.read(stream, 0)).unwrap();
    entries.into_iter().map(|entry| String::from_utf8(entry.payload).unwrap()).collect()
}

/// The holder that a refusal names, with its fence.
fn held(refused: Result<Fence, JournalError>) -> (String, Fence) {
    match refused {
        Err(JournalError::Held { holder, fence, .. }) => (holder.to_string(), fence),
        other => panic!("{other:?} where another holds the stream"),
    }
}

/// Renewing keeps the fence; another is told who holds the stream, by which fence, and until when.
pub fn a_claim_is_renewed_under_its_own_name_and_refused_under_another<S: Journal>(subject: &Subject<S>) {
    let (one, other, s) = (subject.open(), subject.open(), name("s"));
    let fence = wait(one.claim(&s, &claim("a"))).unwrap();
    subject.clock().advance(LEASE / 2);
    assert_eq!(wait(one.claim(&s, &claim("a"))).unwrap(), fence);
    subject.clock().advance(LEASE / 2);
    // A whole lease since the claim, and half of one since its renewal.
    match wait(other.claim(&s, &claim("b"))) {
        Err(JournalError::Held { stream, holder, fence: present, until }) => {
            assert_eq!((&stream, &*holder, present), (&s, "a", fence));
            assert_eq!(until, subject.clock().now() + LEASE / 2);
        }
        other => panic!("{other:?} where another holds the stream"),
    }
}

/// A claim that lapsed or was given back is free, under a larger fence.
pub fn a_claim_that_lapsed_or_was_released_is_free<S: Journal>(subject: &Subject<S>) {
    let (one, other, s) = (subject.open(), subject.open(), name("s"));
    let first = wait(one.claim(&s, &claim("a"))).unwrap();
    subject.clock().advance(LEASE);
    let second = wait(other.claim(&s, &claim("b"))).unwrap();
    assert!(second > first);
    // A run that was presumed dead may come back and tidy up after itself.
    wait(one.release(&s, first)).unwrap();
    assert_eq!(held(wait(one.claim(&s, &claim("a")))).0, "b", "an old fence releases nothing");
    wait(other.release(&s, second)).unwrap();
    assert!(wait(one.claim(&s, &claim("a"))).unwrap() > second);
    wait(one.claim(&name("for-ever"), &Claim::new("a", Duration::MAX))).unwrap();
    assert_eq!(held(wait(other.claim(&name("for-ever"), &claim("b")))).0, "a");
}

/// A live claim is replaced by whoever names its fence; its writer can neither write nor renew any more.
pub fn a_takeover_raises_the_fence_and_shuts_the_old_writer_out<S: Journal>(subject: &Subject<S>) {
    let (one, other, s) = (subject.open(), subject.open(), name("s"));
    let first = wait(one.claim(&s, &claim("a"))).unwrap();
    wait(one.append(&s, first, batch(0, &["x"]))).unwrap();
    // Who names another fence than the present one knows of another writer, and replaces nobody.
    let wrong = claim("b").replacing(Fence(first.0 + 1));
    assert_eq!(held(wait(other.claim(&s, &wrong))), ("a".to_owned(), first));
    let second = wait(other.claim(&s, &claim("b").replacing(first))).unwrap();
    assert!(second > first);
    let late = wait(one.append(&s, first, batch(1, &["late"])));
    assert!(matches!(late, Err(JournalError::Fenced { .. })), "{late:?}");
    assert_eq!(held(wait(one.claim(&s, &claim("a")))), ("b".to_owned(), second));
    let again = claim("c").replacing(first);
    assert_eq!(held(wait(one.claim(&s, &again))), ("b".to_owned(), second), "somebody was faster");
    wait(other.append(&s, second, batch(1, &["y"]))).unwrap();
    assert_eq!(texts(&*one, &s), ["x", "y"]);
}

/// Of many who name the same fence at once, one gets the stream and the others learn of it.
pub fn of_many_who_take_over_exactly_one_does<S: Journal>(subject: &Subject<S>) {
    let s = name("s");
    let dead = wait(subject.open().claim(&s, &claim("dead"))).unwrap();
    let tried = at_once(subject, 8, move |store, at| {
        wait(store.claim(&name("s"), &claim(&format!("taker-{at}")).replacing(dead)))
    });
    let (won, lost): (Vec<_>, Vec<_>) = tried.into_iter().partition(Result::is_ok);
    let won: Vec<_> = won.into_iter().flatten().collect();
    assert_eq!(won.len(), 1, "{won:?}");
    assert!(won[0] > dead);
    assert!(lost.into_iter().all(|lost| held(lost).1 == won[0]));
}

/// Nothing is written with a wrong number of entries, a wrong fence, or a summary that is none.
pub fn a_batch_is_appended_whole_or_not_at_all<S: Journal + Streams>(subject: &Subject<S>) {
    let (store, s) = (subject.open(), name("s"));
    let fence = wait(store.claim(&s, &claim("a"))).unwrap();
    assert_eq!(wait(store.append(&s, fence, batch(0, &["a", ""]))).unwrap(), 2);
    assert_eq!(wait(store.append(&s, fence, batch(2, &["c"]))).unwrap(), 3);
    for expected in [0, 2, 4] {
        let gap = wait(store.append(&s, fence, batch(expected, &["x"]).with_summary(json!("never"))));
        assert!(matches!(gap, Err(JournalError::Conflict { actual: 3, .. })), "{gap:?}");
    }
    let stranger = wait(store.append(&name("nobody"), Fence(1), batch(0, &["x"])));
    assert!(matches!(stranger, Err(JournalError::Fenced { .. })), "{stranger:?}");
    // A list of sessions reads every summary, so that each has to be small.
    let large = batch(3, &["x"]).with_summary(json!("s".repeat(5_000)));
    let large = wait(store.append(&s, fence, large));
    assert!(matches!(large, Err(JournalError::LargeSummary { .. })), "{large:?}");
    assert_eq!(texts(&*store, &s), ["a", "", "c"]);
    assert_eq!(wait(store.list()).unwrap()[0].summary, None);
    let rest = wait(subject.open().read(&s, 1)).unwrap();
    assert_eq!(rest.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2]);
    assert!(wait(store.read(&s, 3)).unwrap().is_empty());
    assert!(wait(store.read(&name("nobody"), 0)).unwrap().is_empty());
}

/// Appends that come at once follow each other, and who comes too late is told.
pub fn of_many_who_append_at_once_each_is_written_or_told<S: Journal>(subject: &Subject<S>) {
    // One fence for all of them: only the number of entries keeps them apart.
    let fence = wait(subject.open().claim(&name("s"), &claim("a"))).unwrap();
    let written = at_once(subject, 4, move |store, at| {
        let (mut expected, mut written) = (0, 0);
        while written < 10 {
            match wait(store.append(&name("s"), fence, batch(expected, &[&format!("{at}-{written}")]))) {
                Ok(count) => (expected, written) = (count, written + 1),
                Err(JournalError::Conflict { actual, .. }) => expected = actual,
                Err(error) => panic!("{error}"),
            }
        }
        written
    });
    let mut found = texts(&*subject.open(), &name("s"));
    assert_eq!(found.len() as u64, written.into_iter().sum::<u64>());
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 40);
}

/// A list has what was appended last first, with sizes, times, writers and the last summary.
pub fn streams_are_listed_with_their_summaries_the_latest_first<S: Journal + Streams>(subject: &Subject<S>) {
    let store = subject.open();
    let begun = subject.clock().now();
    let mut fences = Vec::new();
    for text in ["old", "new"] {
        let fence = wait(store.claim(&name(text), &claim(text))).unwrap();
        let first = batch(0, &["four"]).with_summary(json!({"title": text, "step": 1}));
        wait(store.append(&name(text), fence, first)).unwrap();
        fences.push(fence);
        subject.clock().advance(Duration::from_secs(1));
    }
    wait(store.append(&name("old"), fences[0], batch(1, &["two"]))).unwrap();
    wait(store.release(&name("new"), fences[1])).unwrap();

    let listed = wait(subject.open().list()).unwrap();
    let found: Vec<_> = listed
        .iter()
        .map(|one| (one.name.as_str(), one.entries, one.bytes, one.holder.as_deref(), one.created_at))
        .collect();
    let later = begun + Duration::from_secs(1);
    assert_eq!(found, [("old", 2, 7, Some("old"), begun), ("new", 1, 4, None, later)]);
    assert_eq!(listed[0].updated_at, begun + Duration::from_secs(2));
    assert_eq!(
        listed[0].summary,
        Some(json!({"title": "old", "step": 1})),
        "it stays until there is another"
    );
    let second = batch(2, &[]).with_summary(json!({"step": 2}));
    wait(store.append(&name("old"), fences[0], second)).unwrap();
    assert_eq!(wait(store.list()).unwrap()[0].summary, Some(json!({"step": 2})));
}

/// A stream is deleted with its entries, not under its writer, and its writer does not write one of the same name.
pub fn a_stream_is_not_deleted_under_its_writer_and_stays_fenced_off_afterwards<S: Journal + Streams>(
    subject: &Subject<S>,
) {
    let (store, s) = (subject.open(), name("s"));
    let fence = wait(store.claim(&s, &claim("a"))).unwrap();
    wait(store.append(&s, fence, batch(0, &["x"]))).unwrap();
    let refused = wait(subject.open().delete(&s));
    assert!(matches!(refused, Err(JournalError::Held { .. })), "{refused:?}");
    wait(store.release(&s, fence)).unwrap();
    assert!(wait(store.delete(&s)).unwrap());
    assert!(!wait(store.delete(&s)).unwrap());
    assert!(wait(store.list()).unwrap().is_empty() && texts(&*store, &s).is_empty());
    let again = wait(store.claim(&s, &claim("b"))).unwrap();
    // Fences go on after a deletion, or the writer of the old stream could write the next one.
    assert!(again > fence);
    let late = wait(store.append(&s, fence, batch(0, &["late"])));
    assert!(matches!(late, Err(JournalError::Fenced { .. })), "{late:?}");
}

/// A watch returns what is there at once, and else waits for it, whichever store it is appended through.
pub fn a_watch_sees_what_is_there_and_what_comes<S: Journal + Streams>(subject: &Subject<S>) {
    let (near, far, s) = (subject.open(), subject.open(), name("s"));
    let (watcher, stream) = (subject.open(), name("s"));
    let watching = thread::spawn(move || {
        let mut seen = Vec::new();
        while seen.len() < 6 {
            let entries = wait(watcher.watch(&stream, seen.len() as u64)).unwrap();
            assert!(!entries.is_empty());
            seen.extend(entries);
        }
        seen
    });
    let fence = wait(near.claim(&s, &claim("a"))).unwrap();
    // Through both stores in turn: a watch has to see what another process appends.
    for (at, store) in (0..6).zip([&near, &far].into_iter().cycle()) {
        wait(store.append(&s, fence, batch(at, &[&format!("{at}")]))).unwrap();
        if at == 2 {
            assert_eq!(wait(store.watch(&s, 1)).unwrap().len(), 2);
        }
    }
    let seen = watching.join().unwrap();
    assert!(seen.iter().zip(0..).all(|(entry, at)| entry.sequence == at));
}
