//! Who runs the work, when several want to.

use std::{sync::Arc, time::Duration};

use forge_core::storage::{
    StorageError,
    journal::{Claim, Journal as _, JournalError, StreamName},
};
use forge_durable::{LocalLocks, LockAttempt, Locks, Run, RunError};
use futures_util::FutureExt as _;

use crate::{release::Release, world::World};

fn name() -> StreamName {
    StreamName::new("release-1").unwrap()
}

type Opened = Result<Run<Release>, RunError>;

fn open(world: &Arc<World>) -> Opened {
    world.live(Run::open(world.deps(), name(), Release::new(world))).unwrap()
}

#[test]
fn a_run_that_lives_keeps_its_work_even_if_its_claim_has_lapsed() {
    let world = World::new("lives");
    let first = open(&world).unwrap();
    world.timer.advance(Duration::from_secs(3_600));
    let Err(RunError::Running { holder, .. }) = open(&world) else { panic!("two runs") };
    assert_eq!(holder, "run 0");
    world.live(first.close()).unwrap().unwrap();
    open(&world).unwrap();
}

#[test]
fn the_place_of_a_run_that_died_is_taken_at_once_by_exactly_one() {
    let world = World::new("died");
    drop(open(&world).unwrap());
    let second = open(&world).unwrap();
    let Err(RunError::Running { holder, .. }) = open(&world) else { panic!("two runs") };
    assert_eq!(holder, "run 1");
    drop(second);
    // The one that took over died as well, and the one after it never came to its claim.
    let lock = LocalLocks::new(&world.folder).lock(&name(), "run between").unwrap();
    drop(lock);
    world.live(open(&world).unwrap().run()).unwrap().unwrap();
}

#[test]
fn a_lock_whose_holder_has_no_name_yet_is_taken_all_the_same() {
    let world = World::new("nameless");
    std::fs::create_dir_all(&world.folder).unwrap();
    // As between the moment in which a run locks and the one in which it writes who it is.
    let held = std::fs::File::create(world.folder.join("release-1.lock")).unwrap();
    held.lock().unwrap();
    let Err(RunError::Running { holder, .. }) = open(&world) else { panic!("two runs") };
    assert_eq!(holder, "another process");
    drop(held);
    open(&world).unwrap();
}

#[test]
fn who_took_over_cannot_be_written_over_by_the_one_that_was_thought_dead() {
    let world = World::new("fence");
    let mut first = open(&world).unwrap();
    // Its lock is gone, as after a failed file system, and it does not know.
    std::fs::remove_file(world.folder.join("release-1.lock")).unwrap();
    std::fs::write(world.folder.join("release-1.lock"), "run 0\n").unwrap();
    let second = open(&world).unwrap();
    let refused = world.live(first.record(crate::release::Event::Aborted)).unwrap();
    assert!(matches!(refused, Err(RunError::Journal(JournalError::Fenced { .. }))), "{refused:?}");
    assert!(world.live(second.run()).unwrap().is_ok());
}

#[derive(Debug)]
struct NoLocks;

impl Locks for NoLocks {
    fn lock(&self, _: &StreamName, _: &str) -> Result<LockAttempt, StorageError> {
        Ok(LockAttempt::Unsupported)
    }
}

#[test]
fn without_locks_or_proof_the_lease_is_waited_for_and_one_that_is_renewed_is_left_alone() {
    for supported in [false, true] {
        let world = World::new(if supported { "unproven" } else { "unsupported" });
        let claim = Claim::new("another program", Duration::from_secs(60));
        world.live(world.journal.claim(&name(), &claim)).unwrap().unwrap();
        let opened = |world: &Arc<World>| {
            let deps = world.deps();
            let deps = if supported { deps } else { deps.with_locks(Some(Arc::new(NoLocks))) };
            Box::pin(Run::open(deps, name(), Release::new(world)))
        };
        let mut waiting = opened(&world);
        assert!(waiting.as_mut().now_or_never().is_none());
        world.timer.advance(Duration::from_secs(20));
        world.live(world.journal.claim(&name(), &claim)).unwrap().unwrap();
        world.timer.advance(world.timer.next_wake().unwrap());
        let refused = waiting.now_or_never().unwrap();
        assert!(matches!(refused, Err(RunError::Journal(JournalError::Held { .. }))), "{supported}");

        let mut waiting = opened(&world);
        assert!(waiting.as_mut().now_or_never().is_none());
        world.timer.advance(world.timer.next_wake().unwrap());
        assert!(waiting.now_or_never().unwrap().is_ok());
    }
}
