//! Queues over both kinds of lines: a file of the workspace, and the store's own.

use std::{fs, sync::Arc, time::Duration};

use chrono::TimeDelta;
use forge_core::storage::{access::AuditLog as _, memory::MemoryQueue, queue::LeaseEnding};
use forge_store::{Store, StoreOptions};
use forge_worker::{
    BeadId, BeadStatus, Claim, Claimed, DependencyKind, Evidence, NewBead, TaskQueue, TaskQueueError,
    WorkerId, queue::Release, ready::Obstacle, source::BeadFile,
};

use crate::support::*;

fn id(name: &str) -> BeadId {
    name.parse().unwrap()
}

fn worker(name: &str) -> WorkerId {
    name.parse().unwrap()
}

fn claim(queue: &TaskQueue, name: &str) -> Option<Claimed> {
    wait(queue.claim(&Claim::new(worker(name)), noon())).unwrap()
}

fn status(queue: &TaskQueue, name: &str) -> BeadStatus {
    wait(queue.snapshot(noon())).unwrap().bead(&id(name)).unwrap().status.clone()
}

/// The same test over a file and over the store, with these lines.
fn each(lines: &str, test: impl Fn(&TaskQueue, &Dir)) {
    for is_file in [true, false] {
        let dir = if is_file { Dir::with_beads("") } else { Dir::new() };
        let queue = TaskQueue::open(&dir.0, Arc::new(MemoryQueue::default())).unwrap();
        assert_eq!(queue.file().is_some(), is_file);
        wait(queue.import(&BeadFile::parse(lines.as_bytes()).unwrap())).unwrap();
        test(&queue, &dir);
    }
}

const THREE: &str = "{\"id\":\"a\",\"priority\":1}\n{\"id\":\"b\",\"priority\":0}\n{\"id\":\"c\",\"dependencies\":[{\"depends_on_id\":\"a\",\"type\":\"blocks\"}]}\n";

#[test]
fn the_most_urgent_bead_is_claimed_and_closed_with_evidence() {
    each(THREE, |queue, _| {
        let first = claim(queue, "w-1").unwrap();
        assert_eq!((first.bead.id.as_str(), first.lease.generation, &*first.lease.owner), ("b", 1, "w-1"));
        assert_eq!(first.lease.expires_at, noon() + TimeDelta::minutes(15));
        let snapshot = wait(queue.snapshot(noon())).unwrap();
        let line = "{\"id\":\"b\",\"priority\":0,\"status\":\"in_progress\",\"assignee\":\"w-1\",\"updated_at\":\"2026-11-20T12:00:00Z\"}";
        assert_eq!(snapshot.line(&id("b")), Some(line));
        assert_eq!(claim(queue, "w-2").unwrap().bead.id.as_str(), "a");
        assert_eq!(claim(queue, "w-3"), None, "the last one waits for `a`");
        wait(queue.close(&id("a"), 1, &Evidence::Commit("0123456".into()), noon())).unwrap();
        assert_eq!(status(queue, "a"), BeadStatus::Closed);
        let export = wait(queue.export()).unwrap();
        assert!(
            export.contains("\"closed_at\":\"2026-11-20T12:00:00Z\",\"close_reason\":\"commit 0123456\""),
            "{export}"
        );
        assert_eq!(claim(queue, "w-3").unwrap().bead.id.as_str(), "c");
        let nothing = Evidence::NothingToDo("it is done already".into());
        let ended = wait(queue.close(&id("c"), 1, &nothing, noon())).unwrap();
        assert_eq!(ended.ended.unwrap().0, LeaseEnding::Closed("nothing to do: it is done already".into()));
    });
}

#[test]
fn a_lease_that_is_over_is_taken_and_its_generation_refused() {
    each(THREE, |queue, _| {
        claim(queue, "w-1").unwrap();
        let later = noon() + TimeDelta::minutes(15);
        let busy = Claim::new(worker("w-2")).with_only(id("b"));
        match wait(queue.claim(&busy, later - TimeDelta::seconds(1))) {
            Err(TaskQueueError::NotReady { obstacles, .. }) => {
                assert_eq!(obstacles, [Obstacle::Held { owner: "w-1".into(), until: later }]);
            }
            other => panic!("{other:?}"),
        }
        // A worker that is at work keeps what it has, whatever the time says.
        let spared = busy.clone().with_working(vec![worker("w-1")]);
        assert!(matches!(wait(queue.claim(&spared, later)), Err(TaskQueueError::NotReady { .. })));
        let second = wait(queue.claim(&busy, later)).unwrap().unwrap();
        assert_eq!((second.lease.generation, &*second.lease.owner), (2, "w-2"));
        assert_eq!(second.bead.assignee.as_deref(), Some("w-2"));
        let before = wait(queue.export()).unwrap();
        let commit = Evidence::Commit("0123456".into());
        let refused = wait(queue.close(&id("b"), 1, &commit, later)).unwrap_err();
        assert!(matches!(refused, TaskQueueError::Stale(_)));
        assert_eq!(refused.to_string(), "generation 1 of b has ended: w-2 has it, as generation 2");
        assert!(wait(queue.renew(&id("b"), 1, Claim::TTL, later)).is_err());
        assert!(wait(queue.release(&id("b"), Release::Own(1), "late", later)).is_err());
        assert_eq!(wait(queue.export()).unwrap(), before, "nothing of what was refused is written");
        let renewed = wait(queue.renew(&id("b"), 2, Duration::from_secs(3_600), later)).unwrap();
        assert_eq!(renewed.expires_at, later + TimeDelta::hours(1));
    });
}

#[test]
fn a_bead_goes_back_and_what_a_person_said_of_it_stays() {
    each(THREE, |queue, dir| {
        claim(queue, "w-1").unwrap();
        wait(queue.release(&id("b"), Release::Own(1), "no network", noon())).unwrap();
        let snapshot = wait(queue.snapshot(noon())).unwrap();
        assert_eq!(snapshot.bead(&id("b")).unwrap().assignee, None);
        let ending = &snapshot.lease(&id("b")).unwrap().ended.as_ref().unwrap().0;
        assert_eq!(*ending, LeaseEnding::Released("no network".into()));
        assert_eq!(claim(queue, "w-2").unwrap().lease.generation, 2);
        if queue.file().is_some() {
            let text = fs::read_to_string(dir.file()).unwrap();
            fs::write(dir.file(), text.replace("in_progress", "deferred")).unwrap();
            wait(queue.release(&id("b"), Release::Own(2), "", noon())).unwrap();
            assert_eq!(status(queue, "b"), BeadStatus::Deferred);
        }
    });
    // What a person took by hand has no lease, and is nobody else's.
    each("{\"id\":\"a\",\"status\":\"in_progress\",\"assignee\":\"ann\"}\n", |queue, _| {
        assert_eq!(claim(queue, "w-1"), None);
        let forced = Release::Forced { by: "bob".into() };
        let refused = wait(queue.release(&id("a"), forced, "", noon()));
        assert!(matches!(refused, Err(TaskQueueError::NotHeld(_))));
    });
}

#[test]
fn the_file_may_say_something_else_than_the_leases() {
    let dir = Dir::with_beads(THREE);
    let queue = TaskQueue::open(&dir.0, Arc::new(MemoryQueue::default())).unwrap();
    claim(&queue, "w-1").unwrap();
    // As after a kill between the lease and the line, or a checkout of an older file.
    fs::write(dir.file(), THREE).unwrap();
    assert_eq!(claim(&queue, "w-2").unwrap().bead.id.as_str(), "a", "what is held is passed over");
    assert_eq!(claim(&queue, "w-3"), None);
    wait(queue.close(&id("b"), 1, &Evidence::Commit("0123456".into()), noon())).unwrap();
    assert_eq!(status(&queue, "b"), BeadStatus::Closed);

    // A person went on by hand with what a worker had.
    let text = fs::read_to_string(dir.file()).unwrap();
    fs::write(dir.file(), text.replace("\"w-2\"", "\"ann\"")).unwrap();
    let later = noon() + TimeDelta::hours(1);
    assert_eq!(wait(queue.claim(&Claim::new(worker("w-3")), later)).unwrap(), None);
    fs::write(dir.file(), text).unwrap();
    assert_eq!(wait(queue.claim(&Claim::new(worker("w-3")), later)).unwrap().unwrap().lease.generation, 2);
    // Whoever took the line out of the file keeps nobody from ending the lease.
    fs::write(dir.file(), "").unwrap();
    wait(queue.release(&id("a"), Release::Own(2), "gone", later)).unwrap();
    assert_eq!(fs::read_to_string(dir.file()).unwrap(), "");
}

#[test]
fn who_is_blocked_holds_nothing_until_the_other_bead_closes() {
    each(THREE, |queue, _| {
        claim(queue, "w-1").unwrap();
        let on = |on: &str, name: &str| {
            let (on, name) = (id(on), worker(name));
            wait(queue.depend(&id("b"), (&on, &DependencyKind::Blocks), (Some(&name), "needs it"), noon()))
        };
        assert!(matches!(on("x", "w-1"), Err(TaskQueueError::Unknown(_))));
        assert!(matches!(on("b", "w-1"), Err(TaskQueueError::Cycle { .. })));
        assert_eq!(on("c", "w-2").unwrap(), None, "another one's lease stays");
        let ended = on("c", "w-1").unwrap().unwrap();
        assert_eq!(ended.ended.unwrap().0, LeaseEnding::Released("waits for c: needs it".into()));
        let snapshot = wait(queue.snapshot(noon())).unwrap();
        let bead = snapshot.bead(&id("b")).unwrap();
        assert_eq!((bead.status.clone(), bead.dependencies.len()), (BeadStatus::Open, 1));
        assert_eq!(snapshot.obstacles(bead), [Obstacle::WaitsFor(id("c"))]);
        // `c` waits for `a`, so that `a` may not wait for `b`.
        let circle = wait(queue.depend(&id("a"), (&id("b"), &DependencyKind::Blocks), (None, ""), noon()));
        let text = circle.unwrap_err().to_string();
        assert_eq!(text, "a cannot wait for b: then a, b, c would wait for each other");
        assert_eq!(wait(queue.snapshot(noon())).unwrap().faults(), []);
    });
}

#[test]
fn beads_are_added_with_ids_of_their_own() {
    each("", |queue, _| {
        let mut new = NewBead::new("Write \"it\" down\n");
        let first = wait(queue.add(&new, noon())).unwrap();
        let second = wait(queue.add(&new, noon())).unwrap();
        assert!(first.id != second.id && first.id.as_str().rsplit_once('-').unwrap().1.len() == 6);
        (new.id, new.blocked_by, new.parent) = (Some(id("x-1")), vec![first.id.clone()], Some(second.id));
        (new.priority, new.labels) = (0, vec!["ui".into()]);
        let third = wait(queue.add(&new, noon())).unwrap();
        assert_eq!((third.dependencies.len(), third.priority, &*third.title), (2, 0, "Write \"it\" down\n"));
        assert_eq!(third.created_at, Some(noon()));
        assert!(matches!(wait(queue.add(&new, noon())), Err(TaskQueueError::Exists(_))));
        (new.id, new.parent) = (None, Some(id("nowhere")));
        assert!(matches!(wait(queue.add(&new, noon())), Err(TaskQueueError::Unknown(_))));
        let snapshot = wait(queue.snapshot(noon())).unwrap();
        assert_eq!((snapshot.beads().len(), snapshot.ready(&[]).len()), (3, 2));
    });
}

#[test]
fn an_export_of_one_queue_is_the_import_of_another() {
    let lines = "{\"id\":\"b\", \"x\":1.0}\n{\"_type\":\"memory\",\"key\":1}\n{\"id\":\"a\"}\n";
    each(lines, |queue, _| {
        let exported = wait(queue.export()).unwrap();
        assert_eq!(exported, "{\"id\":\"a\"}\n{\"id\":\"b\", \"x\":1.0}\n{\"_type\":\"memory\",\"key\":1}\n");
        each(&exported, |other, _| assert_eq!(wait(other.export()).unwrap(), exported));
        let again = wait(queue.import(&BeadFile::parse(exported.as_bytes()).unwrap())).unwrap();
        assert_eq!((again.same, again.added.len()), (3, 0));
    });
}

#[test]
fn a_queue_that_cannot_be_read_is_not_an_empty_one() {
    let dir = Dir::with_beads("{\"id\":\"a\"}\n<<<<<<< HEAD\n");
    let queue = TaskQueue::open(&dir.0, Arc::new(MemoryQueue::default())).unwrap();
    let error = wait(queue.claim(&Claim::new(worker("w")), noon())).unwrap_err().to_string();
    assert!(error.contains("issues.jsonl: line 2 is the mark of a conflict"), "{error}");
    assert!(TaskQueue::open(&dir.0.join("nowhere"), Arc::new(MemoryQueue::default())).is_err());
}

#[test]
fn what_is_forced_goes_into_the_log_with_who_and_why() {
    let dir = Dir::with_beads(THREE);
    let store = Arc::new(Store::open(StoreOptions::new(dir.0.join("forge.db"))).unwrap());
    let queue = TaskQueue::open(&dir.0, store.clone()).unwrap();
    claim(&queue, "w-1").unwrap();
    wait(queue.release(&id("b"), Release::Forced { by: "ann".into() }, "it hangs", noon())).unwrap();
    assert_eq!(status(&queue, "b"), BeadStatus::Open);
    let log = wait(store.audit(None)).unwrap();
    let event = &log[0].event;
    assert_eq!((&*event.by, &*event.action, &*event.subject), ("ann", "lease_forced", "b"));
    assert!(event.detail.contains("it hangs") && event.detail.contains("w-1"), "{}", event.detail);
    assert_eq!(log.len(), 1);
}
