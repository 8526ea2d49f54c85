use chrono::{DateTime, Duration, Utc};

use super::*;
use crate::{
    bead::{Bead, BeadId},
    id::WorkerId,
    state::WorkerState,
    tier::WorkerTier,
};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::seconds(1_000_000 + seconds)
}

fn id(name: &str) -> BeadId {
    name.parse().unwrap()
}

fn bead(name: &str) -> Bead {
    Bead::new(id(name), format!("title of {name}"))
}

fn worker(name: &str, state: WorkerState, since: i64) -> FleetWorker {
    FleetWorker::new(WorkerId::new(name).unwrap(), WorkerTier::Standard, state, at(since))
}

fn task(name: &str, generation: u64, since: i64) -> HeldTask {
    HeldTask::new(id(name), generation, at(since))
}

fn planner(count: usize) -> FleetPlanner {
    FleetPlanner::new(FleetPlan::new("f").with_workers(WorkerTier::Standard, count).with_restart(true))
}

fn view(now: i64, workers: Vec<FleetWorker>, ready: &[&str]) -> FleetView {
    FleetView::new(at(now), workers, Some(SeenQueue::new(ready.iter().copied().map(bead).collect())))
}

/// The steps as words.
fn words(steps: &[FleetStep]) -> Vec<String> {
    let word = |step: &FleetStep| match step {
        FleetStep::Spawn { worker, .. } => format!("spawn {worker}"),
        FleetStep::Restart { worker } => format!("restart {worker}"),
        FleetStep::GiveUp { worker, .. } => format!("give up {worker}"),
        FleetStep::HandOut(decision) => format!("{} to {}", decision.bead, decision.chosen_worker),
        FleetStep::TakeBack { bead, generation, worker, .. } => format!("{bead}/{generation} from {worker}"),
        FleetStep::LeaveToPeople { bead } => format!("leave {bead}"),
        FleetStep::End => "end".to_owned(),
    };
    steps.iter().map(word).collect()
}

fn crashed() -> WorkerState {
    WorkerState::Exited { code: Some(1), signal: None, asked: false }
}

#[test]
fn workers_are_started_one_after_the_other_and_only_for_work() {
    let mut planner = planner(3);
    assert!(planner.next(&view(0, Vec::new(), &[])).is_empty(), "nothing is ready, so nobody is needed");
    assert_eq!(words(&planner.next(&view(0, Vec::new(), &["a", "b", "c", "d"]))), ["spawn f-standard-1"]);
    let one = vec![worker("f-standard-1", WorkerState::Starting, 0)];
    assert!(planner.next(&view(1, one.clone(), &["a", "b", "c", "d"])).is_empty(), "two seconds lie between");
    assert_eq!(words(&planner.next(&view(3, one.clone(), &["a", "b", "c", "d"]))), ["spawn f-standard-2"]);
    let two = vec![one[0].clone(), worker("f-standard-2", WorkerState::Starting, 3)];
    assert!(planner.next(&view(9, two, &["a", "b"])).is_empty(), "two come already, and two beads are ready");
}

/// Milliseconds between the first two starts of a fleet with this seed.
fn pause(seed: u32) -> i64 {
    let plan = FleetPlan::new("f").with_workers(WorkerTier::Standard, 2).with_seed(seed);
    let mut planner = FleetPlanner::new(plan);
    assert_eq!(planner.next(&view(0, Vec::new(), &["a", "b"])).len(), 1);
    let one = vec![worker("f-standard-1", WorkerState::Starting, 0)];
    let starts = |millis: &i64| {
        let mut view = view(0, one.clone(), &["a", "b"]);
        view.now += Duration::milliseconds(*millis);
        !planner.next(&view).is_empty()
    };
    (0..10_000).find(starts).unwrap()
}

#[test]
fn fleets_that_begin_together_do_not_start_their_workers_together() {
    let pauses: Vec<_> = (100..120).map(pause).collect();
    assert!(pauses.iter().all(|pause| (2_000..3_024).contains(pause)), "{pauses:?}");
    for (number, one) in pauses.iter().enumerate() {
        assert!(pauses[..number].iter().all(|other| (one - other).abs() > 10), "{pauses:?}");
    }
    assert_eq!(pause(7), pause(7), "the same seed starts as before");
}

#[test]
fn a_fleet_knows_its_workers_by_their_whole_names() {
    let plan = FleetPlan::new("app").with_workers(WorkerTier::Premium, 2);
    let place = |name: &str| plan.place(&WorkerId::new(name).unwrap());
    assert_eq!(place("app-premium-2"), Some((WorkerTier::Premium, 2)));
    assert_eq!(place("app-budget-12"), Some((WorkerTier::Budget, 12)));
    for other in [
        "app",
        "app-1",
        "app-premium",
        "app-premium-",
        "app-premium-01",
        "app-premium-2x",
        "app-premium--1",
        "app-gui-premium-1",
        "app-other-1",
        "ap-premium-1",
        "xapp-premium-1",
        "app-premium-1-1",
    ] {
        if let Ok(id) = WorkerId::new(other) {
            assert_eq!(plan.place(&id), None, "{other}");
        }
    }
    let wants = |name: &str| plan.wants(&WorkerId::new(name).unwrap());
    assert!(wants("app-premium-1") && wants("app-premium-2"));
    assert!(!wants("app-premium-3") && !wants("app-premium-0") && !wants("app-budget-1"));
}

#[test]
fn a_fleet_is_never_larger_than_wished() {
    let mut planner = planner(2);
    let busy = |number: usize| {
        worker(&format!("f-standard-{number}"), WorkerState::Working, 0).with_task(task("x", 1, 0))
    };
    let steps = planner.next(&view(100, vec![busy(1), busy(2)], &["a", "b"]));
    assert!(steps.is_empty(), "{steps:?}");
}

#[test]
fn each_idle_worker_gets_one_bead_and_busy_ones_none() {
    let mut planner = planner(3);
    let workers = vec![
        worker("f-standard-1", WorkerState::Ready, 0),
        worker("f-standard-2", WorkerState::Working, 0),
        worker("f-standard-3", WorkerState::Ready, 0),
    ];
    assert_eq!(
        words(&planner.next(&view(1, workers, &["a", "b", "c"]))),
        ["a to f-standard-1", "b to f-standard-3"]
    );
    let not_begun = worker("f-standard-1", WorkerState::Ready, 0).with_task(task("x", 1, 5));
    let steps = words(&planner.next(&view(6, vec![not_begun], &["a"])));
    assert!(!steps.contains(&"a to f-standard-1".to_owned()), "it has one that it has not begun yet");
    for state in [WorkerState::Paused, WorkerState::Frozen, WorkerState::Unknown, WorkerState::Stopping] {
        let steps = planner.next(&view(2, vec![worker("f-standard-1", state.clone(), 0)], &["a"]));
        assert!(!words(&steps).iter().any(|step| step.contains(" to ")), "{state:?}: {steps:?}");
    }
}

#[test]
fn a_bead_waits_for_the_workers_of_its_tier_that_are_still_to_come() {
    let plan = FleetPlan::new("f").with_workers(WorkerTier::Standard, 1).with_workers(WorkerTier::Premium, 1);
    let mut planner = FleetPlanner::new(plan);
    let urgent = Bead { priority: 0, ..bead("urgent") };
    let standard = worker("f-standard-1", WorkerState::Ready, 0);
    let queue = SeenQueue::new(vec![urgent, bead("a")]);
    let seen = |workers| FleetView::new(at(1), workers, Some(queue.clone()));
    let steps = words(&planner.next(&seen(vec![standard.clone()])));
    assert_eq!(steps, ["a to f-standard-1", "spawn f-premium-1"]);
    // Once it is there and has something to do, another tier helps out.
    let mut premium = worker("f-premium-1", WorkerState::Working, 0).with_task(task("x", 1, 0));
    premium.tier = WorkerTier::Premium;
    assert_eq!(words(&planner.next(&seen(vec![standard, premium]))), ["urgent to f-standard-1"]);
}

#[test]
fn what_is_not_done_goes_back_under_its_own_generation_and_only_once_it_is_certain() {
    let held = |state: WorkerState, since: i64, now: i64| {
        let worker = worker("f-standard-1", state, since).with_task(task("a", 7, 10));
        words(&planner(1).next(&view(now, vec![worker], &[])))
    };
    let back = ["a/7 from f-standard-1"];
    assert!(held(WorkerState::Working, 11, 9_999).is_empty(), "age alone takes nothing away");
    assert!(
        held(WorkerState::Ready, 5, 9_999).is_empty(),
        "it was ready before it got the bead: the turn has not begun"
    );
    assert!(held(WorkerState::Ready, 20, 24).is_empty(), "it may close the bead in a moment");
    assert_eq!(held(WorkerState::Ready, 20, 25), back);
    assert_eq!(held(WorkerState::TurnFailed("x".to_owned()), 20, 20), back);
    assert_eq!(held(WorkerState::Undelivered, 20, 20), back);
    for state in [crashed(), WorkerState::Lost, WorkerState::Orphaned] {
        assert!(held(state, 20, 20).contains(&back[0].to_owned()));
    }
    for state in [WorkerState::Frozen, WorkerState::Unknown, WorkerState::Starting] {
        assert!(held(state, 20, 9_999).is_empty());
    }
}

#[test]
fn a_bead_that_comes_back_three_times_is_left_to_people() {
    let mut planner = planner(1);
    let failed = |generation| {
        worker("f-standard-1", WorkerState::Undelivered, 20).with_task(task("a", generation, 10))
    };
    for generation in 1..=2 {
        assert_eq!(planner.next(&view(20, vec![failed(generation)], &[])).len(), 1);
    }
    assert_eq!(words(&planner.next(&view(20, vec![failed(3)], &[]))), ["a/3 from f-standard-1", "leave a"]);
    let idle = vec![worker("f-standard-1", WorkerState::Ready, 30)];
    assert_eq!(words(&planner.next(&view(40, idle, &["a", "b"]))), ["b to f-standard-1"]);
}

#[test]
fn a_crash_is_recovered_with_pauses_until_there_are_too_many() {
    let mut planner = planner(1);
    let seen = |planner: &mut FleetPlanner, state: WorkerState, now| {
        words(&planner.next(&view(now, vec![worker("f-standard-1", state, now)], &[])))
    };
    seen(&mut planner, WorkerState::Working, 0);
    assert!(seen(&mut planner, crashed(), 10).is_empty(), "five seconds of pause");
    assert!(seen(&mut planner, crashed(), 14).is_empty());
    assert_eq!(seen(&mut planner, crashed(), 15), ["restart f-standard-1"]);
    seen(&mut planner, WorkerState::Working, 16);
    seen(&mut planner, WorkerState::Lost, 20);
    assert_eq!(seen(&mut planner, WorkerState::Lost, 30), ["restart f-standard-1"]);
    seen(&mut planner, WorkerState::Working, 31);
    assert_eq!(seen(&mut planner, crashed(), 40), ["give up f-standard-1"]);
    assert!(seen(&mut planner, crashed(), 400).is_empty(), "it is said once");
}

#[test]
fn one_that_was_stopped_by_hand_stays_so_and_one_of_an_earlier_run_is_started_again() {
    let asked = WorkerState::Exited { code: Some(143), signal: None, asked: true };
    let mut planner = planner(1);
    let stopped = |now| view(now, vec![worker("f-standard-1", asked.clone(), 0)], &["a"]);
    assert_eq!(
        words(&planner.next(&stopped(1))),
        ["restart f-standard-1"],
        "it ended before this fleet began"
    );
    planner.next(&view(2, vec![worker("f-standard-1", WorkerState::Working, 2)], &["a"]));
    for later in [60, 120] {
        assert!(planner.next(&stopped(later)).is_empty(), "somebody has stopped it since");
    }
}

#[test]
fn without_recovery_a_crash_is_told_and_nothing_more() {
    let mut planner = FleetPlanner::new(FleetPlan::new("f").with_workers(WorkerTier::Standard, 1));
    planner.next(&view(0, vec![worker("f-standard-1", WorkerState::Working, 0)], &[]));
    let gone = |now| view(now, vec![worker("f-standard-1", WorkerState::Lost, 5)], &[]);
    assert_eq!(words(&planner.next(&gone(5))), ["give up f-standard-1"]);
    assert!(planner.next(&gone(500)).is_empty());
}

#[test]
fn idle_all_claimed_and_blind_are_three_states_and_only_idle_is_the_end() {
    let plan = FleetPlan::new("f").with_workers(WorkerTier::Standard, 1).until_empty(true);
    let mut planner = FleetPlanner::new(plan);
    let idle = vec![worker("f-standard-1", WorkerState::Ready, 0)];
    let blind = FleetView::new(at(1), idle.clone(), None);
    assert_eq!(planner.state(&blind), FleetState::Blind);
    assert!(planner.next(&blind).is_empty());
    let claimed = FleetView::new(at(1), idle.clone(), Some(SeenQueue::default().with_held_by_others(2)));
    assert_eq!(planner.state(&claimed), FleetState::AllClaimed);
    assert!(planner.next(&claimed).is_empty());
    let busy = view(1, vec![worker("f-standard-1", WorkerState::Working, 0).with_task(task("a", 1, 0))], &[]);
    assert_eq!(planner.state(&busy), FleetState::Working);
    assert!(planner.next(&busy).is_empty());
    assert_eq!(planner.state(&view(1, idle.clone(), &[])), FleetState::Idle);
    assert_eq!(words(&planner.next(&view(1, idle, &[]))), ["end"]);
}

#[test]
fn a_fleet_that_drains_looks_after_its_beads_and_begins_nothing() {
    let mut planner = planner(2);
    planner.drain();
    let workers = vec![
        worker("f-standard-1", WorkerState::Ready, 0),
        worker("f-standard-2", WorkerState::Lost, 20).with_task(task("x", 3, 10)),
    ];
    assert_eq!(words(&planner.next(&view(30, workers, &["a"]))), ["x/3 from f-standard-2"]);
}

#[test]
fn a_prompt_says_how_the_bead_ends_and_quotes_what_a_shell_would_split() {
    let bead =
        Bead { description: "Say which.".to_owned(), acceptance: "tests pass".to_owned(), ..bead("a") };
    let worker = WorkerId::new("f-standard-1").unwrap();
    let text = prompt(&bead, &worker, 4, "/opt/my forge".as_ref(), "/home/it's".as_ref());
    for expected in [
        "You are worker f-standard-1. Your task is a: title of a",
        "Say which.",
        "It is done when: tests pass",
        r"'/opt/my forge' bead close a --generation 4 --commit HASH --workspace '/home/it'\''s'",
        "bead dep a --on OTHER",
        "bead release a --generation 4",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn another_tier_is_proposed_only_where_enough_is_known() {
    use WorkerTier::{Budget, Premium, Standard};

    let proposal = |closed, returned, tier| crate::routing::TierRecord { closed, returned }.proposal(tier);
    assert_eq!(proposal(4, 2, Standard), None, "a third is not more than a third");
    assert_eq!(proposal(3, 2, Standard), Some(Premium));
    assert_eq!(proposal(3, 2, Budget), Some(Standard));
    assert_eq!(proposal(3, 2, Premium), None, "there is no dearer one");
    assert_eq!(proposal(1, 3, Standard), None, "four ends say nothing");
    assert_eq!(proposal(9, 0, Standard), None);
    assert_eq!(proposal(10, 0, Standard), Some(Budget));
    assert_eq!(proposal(10, 1, Standard), None);
    assert_eq!(proposal(10, 0, Budget), None, "there is no cheaper one");
}
