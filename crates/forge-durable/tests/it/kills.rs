//! A run dies at each moment: before and behind each write, before and behind each effect.

use std::sync::Arc;

use forge_core::storage::{
    accounts::{AccountsReader as _, CallStatus, Filter},
    journal::StreamName,
};
use forge_durable::{Machine as _, Run};

use crate::{
    release::{Abort, FILES, Release, Step},
    world::World,
};

fn name() -> StreamName {
    StreamName::new("release-1").unwrap()
}

/// One run with `moments` to live.
fn run(world: &Arc<World>, moments: i64) -> Option<Release> {
    world.light(moments);
    world.live(async {
        Run::open(world.deps(), name(), Release::new(world)).await.unwrap().run().await.unwrap()
    })
}

/// The steps that a reader of the journal knows to be over, and those that may be under way.
fn known(world: &Arc<World>) -> (Vec<Step>, Vec<Step>) {
    world.light(i64::MAX);
    let mut release = Release::new(world);
    let entries =
        world.live(forge_core::storage::journal::Journal::read(&world.journal, &name(), 0)).unwrap().unwrap();
    for entry in &entries {
        let (at, event) = Release::decode(&name(), entry).unwrap();
        release.apply(at, &event);
    }
    let over = release.steps.iter().filter(|(_, (_, ended))| *ended).map(|(step, _)| *step).collect();
    (over, release.pending().into_iter().map(|open| open.key).collect())
}

fn happened(world: &World, step: Step) -> usize {
    match step {
        Step::Check => world.count("request"),
        Step::Copy(_) | Step::Publish => world.count(&step.to_string()),
    }
}

fn all() -> Vec<Step> {
    (0..FILES).map(Step::Copy).chain([Step::Check, Step::Publish]).collect()
}

/// Kills one run after another, each after so many moments, and lets the last one live.
fn killed_and_resumed(name: &str, kills: &[i64]) -> bool {
    let world = World::new(name);
    let (mut most, mut died) = (vec![1; all().len()], 0);
    for moments in kills {
        if run(&world, *moments).is_some() {
            return false;
        }
        died += 1;
        let (over, open) = known(&world);
        for (step, most) in all().into_iter().zip(&mut most) {
            let count = happened(&world, step);
            assert!(count <= *most, "{step} happened {count} times after {died} deaths at {kills:?}");
            assert!(!over.contains(&step) || count >= 1, "{step} is over and never happened");
            if open.contains(&step) && step != Step::Publish {
                // What was under way may happen once more.
                *most = count + 1;
            } else if over.contains(&step) {
                *most = count;
            }
        }
    }
    let release = run(&world, i64::MAX).unwrap();
    for (step, most) in all().into_iter().zip(most) {
        let count = happened(&world, step);
        assert!(count <= most, "{step} happened {count} times at {kills:?}");
        assert!(count >= 1 || (step == Step::Publish && release.in_doubt), "{step} at {kills:?}");
    }
    let rows = world.live(world.accounts.attempts(&Filter::default(), None, 100)).unwrap().unwrap();
    let asked = world.count("request");
    let (lost, kept): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.status == CallStatus::Killed);
    // A call that died before it was sent has a row as well: nobody can know that it was not.
    assert!(rows.len() >= asked && rows.len() <= 1 + died, "{asked} requests, {rows:?} at {kills:?}");
    assert!(!kept.is_empty() && lost.iter().all(|row| row.cost.is_none()), "{rows:?}");
    assert!(rows.iter().all(|row| row.tags.session() == Some("release-1")), "{rows:?}");
    assert_eq!(std::fs::read_dir(&world.folder).unwrap().count(), 0, "the lock is given back");
    true
}

#[test]
fn a_run_killed_at_any_moment_goes_on_and_what_has_a_result_happens_once() {
    let deaths = (0..10_000).take_while(|moments| killed_and_resumed("once", &[*moments])).count();
    assert!(deaths > 20, "{deaths} moments");
}

#[test]
fn a_run_whose_resumer_is_killed_as_well_goes_on_all_the_same() {
    let mut deaths = 0;
    for first in 0.. {
        let seconds = (0..10_000).take_while(|second| killed_and_resumed("twice", &[first, *second])).count();
        deaths += seconds;
        if seconds == 0 {
            break;
        }
    }
    assert!(deaths > 300, "{deaths} moments");
}

#[test]
fn an_abort_ends_the_work_and_cancels_what_is_under_way() {
    let world = World::new("abort");
    world.light(i64::MAX);
    let run = world.live(Run::open(world.deps(), name(), Release::new(&world))).unwrap().unwrap();
    run.controls().send(Abort);
    let release = world.live(run.run()).unwrap().unwrap();
    assert!(release.aborted && world.happened.lock().unwrap().is_empty());
}
