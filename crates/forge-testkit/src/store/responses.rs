//! What every store of responses does.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use forge_core::{
    storage::responses::{ResponseStore, StoredResponse},
    time::Clock as _,
};

use super::{Subject, at_once, wait};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Times are kept to the millisecond.
fn now<S>(subject: &Subject<S>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(subject.clock().now().timestamp_millis()).unwrap()
}

/// A response `resp_N` of `ci`, which expires after as many days.
fn response(number: u32, now: DateTime<Utc>) -> StoredResponse {
    let (id, times) = (format!("resp_{number}"), [now, now + number * DAY]);
    StoredResponse::new(id, "ci", times, format!("[\"in {number}\"]"), format!("{{\"out\":{number}}}"))
}

/// The same after `change`.
fn with(mut response: StoredResponse, change: impl FnOnce(&mut StoredResponse)) -> StoredResponse {
    change(&mut response);
    response
}

fn put<S: ResponseStore>(store: &S, response: &StoredResponse) {
    wait(store.put_response(response.clone())).unwrap();
}

fn find<S: ResponseStore>(store: &S, owner: &str, id: &str) -> Option<StoredResponse> {
    wait(store.responses(owner, id, 1, 1)).unwrap().pop()
}

/// What one store keeps is there in the other, whole, and for nobody but its owner.
pub fn a_response_comes_back_whole_to_its_owner_alone<S: ResponseStore>(subject: &Subject<S>) {
    let (one, other, now) = (subject.open(), subject.open(), now(subject));
    let mut full = response(1, now);
    (full.previous, full.under_way_until) = (Some("gr\u{f6}\u{df}e\"'".into()), Some(now + DAY));
    full.input = format!("[\"{}\"]", "x".repeat(1 << 20)).into();
    put(&*one, &full);
    assert_eq!(find(&*other, "ci", "resp_1"), Some(full.clone()));
    for (owner, id) in [("", "resp_1"), ("other", "resp_1"), ("ci", "resp_2"), ("ci", ""), ("ci", "resp_%")] {
        assert_eq!(find(&*other, owner, id), None, "{owner} {id}");
    }
    // Two owners may have one id, and the later of two is the one that is there.
    put(&*other, &with(response(1, now), |one| one.owner = "".into()));
    put(&*other, &response(1, now));
    assert_eq!(find(&*one, "ci", "resp_1"), Some(response(1, now)));
    assert_eq!(wait(other.delete_response("ci", "resp_1")).ok(), Some(true));
    assert_eq!(wait(one.delete_response("ci", "resp_1")).ok(), Some(false));
    assert!(find(&*one, "ci", "resp_1").is_none() && find(&*one, "", "resp_1").is_some());
}

/// A conversation is read from its newest response back, no further than was said.
pub fn a_conversation_is_walked_back_as_far_as_it_may<S: ResponseStore>(subject: &Subject<S>) {
    let (store, now) = (subject.open(), now(subject));
    for number in 1..=4 {
        let mut one = response(number, now);
        one.previous = (number > 1).then(|| format!("resp_{}", number - 1).into());
        put(&*store, &one);
    }
    let walk = |links: usize, bytes: usize| -> Vec<Arc<str>> {
        let found = wait(store.responses("ci", "resp_4", links, bytes)).unwrap();
        found.into_iter().map(|one| one.id).collect()
    };
    let each = response(1, now).bytes();
    let all = ["resp_4", "resp_3", "resp_2", "resp_1"].map(Arc::from);
    assert_eq!(walk(9, usize::MAX), all);
    assert_eq!(walk(2, usize::MAX), all[..2]);
    assert_eq!((walk(9, each), walk(9, each + 1)), (all[..1].to_vec(), all[..2].to_vec()));
    assert_eq!((walk(0, 9), walk(9, 0)), (Vec::new(), Vec::new()));
    wait(store.delete_response("ci", "resp_2")).unwrap();
    assert_eq!(walk(9, usize::MAX), all[..2], "it ends before one that is not there");
    // One that goes on from another owner's, or from itself, ends.
    put(&*store, &with(response(2, now), |one| one.owner = "other".into()));
    assert_eq!(walk(9, usize::MAX), all[..2]);
    put(&*store, &with(response(3, now), |one| one.previous = Some("resp_3".into())));
    assert_eq!(walk(5, usize::MAX).len(), 5);
}

/// Of many who end a response under way one does, and what has ended or is gone is not brought back.
pub fn a_response_under_way_ends_once<S: ResponseStore + 'static>(subject: &Subject<S>) {
    let (store, now) = (subject.open(), now(subject));
    let running = |number| with(response(number, now), |one| one.under_way_until = Some(now));
    (1..=3).for_each(|number| put(&*store, &running(number)));
    put(&*store, &response(4, now));
    let ids = ["resp_1", "resp_3", "resp_4", "resp_5"].map(Arc::from);
    assert_eq!(wait(store.renew_responses(&ids, now + DAY)).unwrap(), ids[..2]);
    let until = |id: &str| find(&*store, "ci", id).and_then(|one| one.under_way_until);
    assert_eq!((until("resp_1"), until("resp_2"), until("resp_4")), (Some(now + DAY), Some(now), None));

    let end = |store: Arc<S>, at: usize| {
        wait(store.end_response("ci", "resp_1", format!("{{\"by\":{at}}}").into())).unwrap()
    };
    let ended = at_once(subject, 6, end);
    assert_eq!(ended.iter().filter(|ended| **ended).count(), 1);
    let winner = ended.iter().position(|ended| *ended).unwrap();
    let found = find(&*store, "ci", "resp_1").unwrap();
    assert_eq!((found.under_way_until, &*found.response), (None, &*format!("{{\"by\":{winner}}}")));
    wait(store.delete_response("ci", "resp_2")).unwrap();
    for (owner, id) in [("ci", "resp_2"), ("ci", "resp_4"), ("other", "resp_3"), ("ci", "resp_9")] {
        assert_eq!(wait(store.end_response(owner, id, "{}".into())).ok(), Some(false), "{owner} {id}");
    }
    assert!(find(&*store, "ci", "resp_2").is_none());
    assert_eq!(find(&*store, "ci", "resp_4"), Some(response(4, now)));
}

/// A sweep takes what has expired, and only that.
pub fn what_has_expired_is_swept<S: ResponseStore>(subject: &Subject<S>) {
    let (store, now) = (subject.open(), now(subject));
    (1..=3).for_each(|number| put(&*store, &response(number, now)));
    assert_eq!(wait(store.sweep_responses(now)).unwrap(), 0);
    assert_eq!(wait(store.sweep_responses(now + 2 * DAY)).unwrap(), 2);
    let left: Vec<_> =
        (1..=3).filter(|number| find(&*store, "ci", &format!("resp_{number}")).is_some()).collect();
    assert_eq!(left, [3]);
}
