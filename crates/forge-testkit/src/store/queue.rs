//! What every store of queues does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use forge_core::{
    storage::queue::{
        Choose, DecisionLog, KeptDecision, LeaseEnd, LeaseEnding, LeaseRequest, LineChange, QueueEntry,
        QueueError, QueueStore, TaskChoice, TaskLease,
    },
    time::Clock as _,
};

use super::{Subject, at_once, wait};

const MINUTE: Duration = Duration::from_secs(60);

/// Times are kept to the millisecond.
fn now<S>(subject: &Subject<S>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(subject.clock().now().timestamp_millis()).unwrap()
}

fn line(task: &str, before: Option<&str>, after: &str) -> LineChange {
    LineChange::new(task, before.map(Into::into), after)
}

fn write<S: QueueStore>(store: &S, changes: Vec<LineChange>) -> Result<(), QueueError> {
    wait(store.write_lines("q", changes))
}

fn queue<S: QueueStore>(store: &S) -> Vec<QueueEntry> {
    wait(store.queue("q")).unwrap()
}

fn one(task: &str) -> Arc<Choose> {
    let choice = TaskChoice::new(task, None);
    Arc::new(move |_| Some(choice.clone()))
}

fn take<S: QueueStore>(store: &S, owner: &str, now: DateTime<Utc>, choose: Arc<Choose>) -> Option<TaskLease> {
    wait(store.lease("q", LeaseRequest::new(owner, now, MINUTE), choose)).unwrap()
}

fn renew<S: QueueStore>(store: &S, generation: u64, now: DateTime<Utc>) -> Result<TaskLease, QueueError> {
    wait(store.renew_lease("q", "a", generation, now, MINUTE))
}

fn released(generation: u64, now: DateTime<Utc>) -> LeaseEnd {
    LeaseEnd::new("a", generation, LeaseEnding::Released("a reason".into()), now)
}

fn end<S: QueueStore>(store: &S, end: LeaseEnd) -> Result<TaskLease, QueueError> {
    wait(store.end_lease("q", end))
}

/// The generation that is there instead, and who has it.
fn stale(refused: Result<TaskLease, QueueError>) -> Option<(u64, String)> {
    match refused {
        Err(QueueError::Stale { current, .. }) => {
            current.map(|lease| (lease.generation, lease.owner.to_string()))
        }
        other => panic!("{other:?} where the lease has ended"),
    }
}

/// Lines are written all or not at all, where the line that was said is there, and belong to their queue.
pub fn lines_change_together_and_only_as_they_were_read<S: QueueStore>(subject: &Subject<S>) {
    let (store, other) = (subject.open(), subject.open());
    let odd = "{\"id\" :\"b\",\"t\":\"\u{e4} \\u00e4\"}  ";
    write(&*store, vec![line("b", None, odd), line("a", None, "{}")]).unwrap();
    let entries = vec![QueueEntry::new("a", Some("{}".into())), QueueEntry::new("b", Some(odd.into()))];
    assert_eq!(queue(&*other), entries);
    for refused in [line("a", None, "x"), line("a", Some("{} "), "x"), line("c", Some("{}"), "x")] {
        let task = Arc::clone(&refused.task);
        match write(&*other, vec![line("b", Some(odd), "x"), refused]) {
            Err(QueueError::Changed { task: found }) => assert_eq!(found, task),
            other => panic!("{other:?} where another line is there"),
        }
    }
    assert_eq!(queue(&*store), entries, "nothing of what was refused is written");
    write(&*other, vec![line("a", Some("{}"), "1"), line("a", Some("1"), "2")]).unwrap();
    assert_eq!(queue(&*store)[0].line.as_deref(), Some("2"));
    assert!(wait(store.queue("another")).unwrap().is_empty());
    wait(store.write_lines("another", vec![line("a", None, "3")])).unwrap();
    assert_eq!(queue(&*store)[0].line.as_deref(), Some("2"));
}

/// A task has one owner until its lease ends or is over; each lease has the next generation.
pub fn a_task_has_one_owner_at_a_time<S: QueueStore>(subject: &Subject<S>) {
    let (store, other, begin) = (subject.open(), subject.open(), now(subject));
    write(&*store, vec![line("a", None, "{}")]).unwrap();
    let with_line: Arc<Choose> = Arc::new(|entries: &[QueueEntry]| {
        Some(TaskChoice::new(Arc::clone(&entries[0].task), Some("{\"claimed\":1}".into())))
    });
    let first = take(&*store, "ann", begin, with_line).unwrap();
    assert_eq!(first, TaskLease::new("a", 1, "ann", begin, begin + MINUTE));
    let entry = queue(&*other).remove(0);
    assert_eq!((entry.line.as_deref(), entry.held(begin)), (Some("{\"claimed\":1}"), Some(&first)));
    let last = begin + MINUTE - Duration::from_millis(1);
    assert_eq!(take(&*other, "bob", last, one("a")), None, "a store does not trust who chooses");
    assert_eq!(take(&*other, "ann", last, one("a")), None, "not even for its own owner");
    assert_eq!(take(&*other, "bob", begin, Arc::new(|_: &[QueueEntry]| None)), None);
    // Over, and taken by the next one.
    let second = take(&*other, "bob", begin + MINUTE, one("a")).unwrap();
    assert_eq!((second.generation, &*second.owner), (2, "bob"));
    assert_eq!(queue(&*store)[0].line.as_deref(), Some("{\"claimed\":1}"), "the line stays");
    assert_eq!(stale(renew(&*store, 1, begin)), Some((2, "bob".into())));
    assert_eq!(stale(end(&*store, released(1, begin))), Some((2, "bob".into())));
    assert_eq!(stale(end(&*store, released(3, begin))), Some((2, "bob".into())));
    // A lease in a queue whose lines stand elsewhere.
    let elsewhere =
        wait(store.lease("elsewhere", LeaseRequest::new("ann", begin, MINUTE), one("x"))).unwrap();
    assert_eq!(elsewhere.unwrap().generation, 1);
    let found = wait(other.queue("elsewhere")).unwrap();
    assert_eq!((found.len(), found[0].line.as_deref(), found[0].lease.is_some()), (1, None, true));
}

/// A lease is renewed while it is the last one, also when it is over, and never shortened.
pub fn a_lease_is_renewed_while_nobody_took_the_task<S: QueueStore>(subject: &Subject<S>) {
    let (store, begin) = (subject.open(), now(subject));
    assert_eq!(stale(renew(&*store, 1, begin)), None, "nobody had it yet");
    take(&*store, "ann", begin, one("a")).unwrap();
    assert_eq!(renew(&*store, 1, begin + MINUTE / 2).unwrap().expires_at, begin + MINUTE * 3 / 2);
    // A clock that goes back takes nothing away.
    assert_eq!(renew(&*store, 1, begin - 60 * MINUTE).unwrap().expires_at, begin + MINUTE * 3 / 2);
    let late = begin + 10 * MINUTE;
    assert!(queue(&*store)[0].lease.as_ref().unwrap().is_over(late));
    assert!(renew(&*store, 1, late).unwrap().holds(late));
    let forever = wait(store.renew_lease("q", "a", 1, late, Duration::MAX)).unwrap();
    assert!(forever.holds(late + 1_000_000 * MINUTE));
    assert_eq!(queue(&*store)[0].lease.as_ref(), Some(&forever));
    end(&*store, released(1, late)).unwrap();
    assert_eq!(stale(renew(&*store, 1, late)), Some((1, "ann".into())));
}

/// An end is kept with its reason, comes once, and changes the line in the same stroke.
pub fn a_lease_ends_once_and_together_with_its_line<S: QueueStore>(subject: &Subject<S>) {
    let (store, other, begin) = (subject.open(), subject.open(), now(subject));
    write(&*store, vec![line("a", None, "1")]).unwrap();
    take(&*store, "ann", begin, one("a")).unwrap();
    let refused = end(&*other, released(1, begin).with_line(line("a", Some("0"), "2")));
    assert!(matches!(refused, Err(QueueError::Changed { .. })), "{refused:?}");
    assert!(queue(&*store)[0].held(begin).is_some(), "nothing has ended");
    assert_eq!(queue(&*store)[0].line.as_deref(), Some("1"));

    let endings = [
        LeaseEnding::Released("a reason".into()),
        LeaseEnding::Forced { by: "cleo".into(), reason: "it hangs".into() },
        LeaseEnding::Closed("commit 0123456".into()),
    ];
    for (ending, generation) in endings.into_iter().zip(1..) {
        let line = line("a", Some(&generation.to_string()), &(generation + 1).to_string());
        let wanted = LeaseEnd::new("a", generation, ending.clone(), begin + MINUTE).with_line(line);
        let ended = end(&*other, wanted.clone()).unwrap();
        assert_eq!(ended.ended, Some((ending, begin + MINUTE)));
        let entry = queue(&*store).remove(0);
        assert_eq!((entry.lease.as_ref(), entry.held(begin)), (Some(&ended), None));
        assert_eq!(entry.line, Some((generation + 1).to_string().into()));
        assert_eq!(stale(end(&*store, wanted)), Some((generation, "ann".into())));
        assert_eq!(take(&*store, "ann", begin, one("a")).unwrap().generation, generation + 1);
    }
}

/// Of many who want any task at once, each gets one of its own, and nobody gets what another has.
pub fn of_many_who_want_a_task_each_gets_another<S: QueueStore>(subject: &Subject<S>) {
    let (store, begin) = (subject.open(), now(subject));
    let tasks: BTreeSet<String> = (0..20).map(|at| format!("t-{at:02}")).collect();
    write(&*store, tasks.iter().map(|task| line(task, None, "{}")).collect()).unwrap();
    let free: Arc<Choose> = Arc::new(move |entries: &[QueueEntry]| {
        let free = entries.iter().find(|entry| entry.held(begin).is_none());
        free.map(|entry| TaskChoice::new(Arc::clone(&entry.task), None))
    });
    let taken = at_once(subject, 8, move |store, at| {
        let owner = format!("w-{at}");
        (0..3).filter_map(|_| take(&*store, &owner, begin, Arc::clone(&free))).collect::<Vec<_>>()
    });
    let taken: Vec<_> = taken.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = taken.iter().map(|lease| lease.task.to_string()).collect();
    assert_eq!((taken.len(), distinct), (20, tasks), "24 wanted one of 20");
    let owners: BTreeMap<_, _> = taken.iter().map(|lease| (&lease.task, &lease.owner)).collect();
    for entry in queue(&*store) {
        assert_eq!(entry.lease.map(|lease| lease.owner).as_ref(), owners.get(&entry.task).copied());
    }
}

/// Decisions come back in their order.
pub fn decisions_are_kept<S: DecisionLog>(subject: &Subject<S>) {
    let (store, begin) = (subject.open(), now(subject));
    let kept = ["a", "b", "a"].map(|task| KeptDecision::new(task, begin, format!("{{\"of\":\"{task}\"}}")));
    for one in kept.clone() {
        wait(store.keep_decision("q", one)).unwrap();
    }
    let other = subject.open();
    assert_eq!(wait(other.decisions("q", None)).unwrap(), kept);
    assert_eq!(wait(other.decisions("q", Some("a"))).unwrap().len(), 2);
    assert!(wait(other.decisions("p", None)).unwrap().is_empty());
}
