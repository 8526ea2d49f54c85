//! Points, the order of beads, and who gets one.

use chrono::TimeDelta;
use forge_core::Money;
use forge_worker::{
    Availability, AvailableWorker, Bead, BeadKind, BeadQueueReader, BeadStatus, RoutingReason,
    ScoreComponents, TaskRouter, TaskScorer, TrackRecord, WorkerTier,
    score::{Complexity, OVERDUE_DAYS, ScoreError, queue_order},
};

use crate::support::*;

fn bead(id: &str, priority: u8) -> Bead {
    let mut bead = Bead::new(id.parse().unwrap(), "A title");
    bead.priority = priority;
    bead
}

fn aged(id: &str, priority: u8, days: i64) -> Bead {
    let mut bead = bead(id, priority);
    bead.created_at = Some(noon() - TimeDelta::days(days));
    bead
}

fn worker(id: &str, tier: WorkerTier) -> AvailableWorker {
    AvailableWorker::new(id.parse().unwrap(), tier, format!("{tier}-model"))
}

fn points(bead: &Bead, workers: &[AvailableWorker]) -> ScoreComponents {
    TaskScorer::new().at(noon()).score_bead(bead, workers).unwrap().components
}

#[test]
fn a_score_reaches_from_0_to_100_and_every_part_is_explained() {
    let mut best = aged("a", 0, 30);
    best.kind = BeadKind::Bug;
    let scored = TaskScorer::new().at(noon()).score_bead(&best, &[worker("w", WorkerTier::Budget)]).unwrap();
    assert_eq!(scored.components.total(), 100);
    assert_eq!(
        scored.to_string(),
        "100 points: 40 (P0) + 30 (a bug) + 15 (small; a budget worker fits) + 10 (a worker is idle) + 5 (30 days old)"
    );
    let mut worst = bead("b", 4);
    worst.kind = BeadKind::Epic;
    let scored = TaskScorer::new().score_bead(&worst, &[]).unwrap();
    assert_eq!(scored.components, ScoreComponents::default());
    assert_eq!(scored.components.total(), 0);
    worst.status = BeadStatus::Closed;
    assert_eq!(TaskScorer::new().score_bead(&worst, &[]), Err(ScoreError::Done(worst.id)));
}

#[test]
fn each_part_has_the_points_of_its_table() {
    let priorities = [0, 1, 2, 3, 4, 9].map(|priority| points(&bead("a", priority), &[]).priority);
    assert_eq!(priorities, [40, 30, 20, 10, 0, 0]);
    let kinds = ["bug", "feature", "task", "chore", "spike", "epic"].map(|word| {
        let mut bead = bead("a", 2);
        bead.kind = BeadKind::from(word);
        points(&bead, &[]).kind
    });
    assert_eq!(kinds, [30, 20, 15, 10, 10, 0]);
    let ages = [-1, 0, 1, 2, 3, 6, 7, 13, 14, 29, 30, 3_000].map(|days| points(&aged("a", 2, days), &[]).age);
    assert_eq!(ages, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    let states = [Availability::Idle, Availability::EndsSoon, Availability::Busy].map(|state| {
        let busy = worker("v", WorkerTier::Budget).with_availability(Availability::Busy);
        points(&bead("a", 2), &[busy, worker("w", WorkerTier::Standard).with_availability(state)])
            .availability
    });
    assert_eq!(states, [10, 5, 0]);
    let fits = WorkerTier::ALL.map(|tier| points(&bead("a", 2), &[worker("w", tier)]).complexity);
    assert_eq!(fits, [3, 8, 15]);
    let busy = worker("w", WorkerTier::Budget).with_availability(Availability::Busy);
    assert_eq!(points(&bead("a", 2), &[busy]).complexity, 0);
}

#[test]
fn complexity_comes_from_words_paths_acceptance_and_dependents() {
    let marks = |description: &str, acceptance: &str, dependents| {
        let mut bead = bead("a", 2);
        (bead.description, bead.acceptance) = (description.to_owned(), acceptance.to_owned());
        Complexity::of(&bead, dependents)
    };
    let (words, points) = ("word ".repeat(400), "- one\n- two\n\n- three\n");
    let paths =
        "See `src/lib.rs`, (docs/queue.md) and crates/forge-core/src; also README.md, and Cargo.toml.";
    assert_eq!(marks("short", "", 0), Complexity::Small);
    assert_eq!(marks(&words, "", 0), Complexity::Medium);
    assert_eq!(marks(paths, "", 0), Complexity::Small, "five paths are two marks");
    assert_eq!(marks(paths, "", 1), Complexity::Medium);
    assert_eq!(marks("and/or 1.5 e.g. https://example.com/a/b.html and/or", points, 1), Complexity::Small);
    assert_eq!(marks(paths, points, 0), Complexity::Medium);
    assert_eq!(marks(&format!("{words} {paths}"), points, 0), Complexity::Large);
}

#[test]
fn the_order_is_by_points_and_total() {
    let mut beads = [bead("b", 2), bead("a", 2), aged("c", 2, 0), bead("d", 0), bead("e", 4)];
    beads[4].kind = BeadKind::Bug;
    let mut chance = chance();
    for _ in 0..50 {
        chance.shuffle(&mut beads);
        let scored = |bead| (bead, TaskScorer::new().at(noon()).score_bead(bead, &[]).unwrap());
        let ordered = queue_order(beads.iter().map(scored).collect(), noon(), 0);
        let ids: Vec<_> = ordered.iter().map(|(bead, _)| bead.id.as_str()).collect();
        assert_eq!(ids, ["d", "c", "a", "b", "e"]);
    }
}

#[test]
fn every_bead_gets_its_turn_while_urgent_ones_keep_coming_and_an_old_backlog_holds_up_nothing() {
    let mut waiting: Vec<_> =
        (0..20).map(|at| aged(&format!("old-{at:02}"), 4, OVERDUE_DAYS + 20 - at)).collect();
    let mut taken = Vec::new();
    for claims in 0..100 {
        waiting.push(aged(&format!("new-{claims:03}"), 0, 0));
        let scored = |bead| (bead, TaskScorer::new().at(noon()).score_bead(bead, &[]).unwrap());
        let next = queue_order(waiting.iter().map(scored).collect(), noon(), claims)[0].0.id.clone();
        waiting.retain(|bead| bead.id != next);
        taken.push(next.to_string());
    }
    let old: Vec<_> = (0..20).map(|at| format!("old-{at:02}")).collect();
    let found: Vec<_> = taken.iter().filter(|id| id.starts_with("old")).cloned().collect();
    assert_eq!(found, old, "the oldest first");
    assert!(taken.chunks(5).all(|five| five.iter().filter(|id| id.starts_with("new")).count() == 4));
    // Before that, only points count.
    let young = [aged("young", 4, OVERDUE_DAYS - 1), aged("urgent", 0, 0)];
    let scored = |bead| (bead, TaskScorer::new().at(noon()).score_bead(bead, &[]).unwrap());
    assert_eq!(queue_order(young.iter().map(scored).collect(), noon(), 4)[0].0.id.as_str(), "urgent");
}

#[test]
fn each_of_the_five_reasons_is_reached() {
    use WorkerTier::{Budget, Premium, Standard};
    let all = || vec![worker("p", Premium), worker("s", Standard), worker("b", Budget)];
    let route = |priority, workers: &[AvailableWorker]| {
        let found = TaskRouter::new().route(&bead("a", priority), workers).unwrap();
        (found.chosen_worker.to_string(), found.reason)
    };
    for (priority, chosen, reason) in [
        (0, "p", RoutingReason::PriorityMatch),
        (1, "p", RoutingReason::PriorityMatch),
        (2, "s", RoutingReason::Availability),
        (3, "b", RoutingReason::CostOptimization),
        (4, "b", RoutingReason::CostOptimization),
    ] {
        assert_eq!(route(priority, &all()), (chosen.to_owned(), reason), "P{priority}");
    }
    let busy = |at: usize| {
        let mut workers = all();
        workers[at].availability = Availability::Busy;
        workers
    };
    assert_eq!(route(0, &busy(0)), ("s".to_owned(), RoutingReason::Fallback));
    assert_eq!(
        route(2, &busy(1)),
        ("p".to_owned(), RoutingReason::Fallback),
        "rather too dear than too cheap"
    );
    assert_eq!(route(4, &busy(2)), ("s".to_owned(), RoutingReason::Fallback));

    let record = |closed, returned| TrackRecord { closed, returned };
    let of = |id: &str, record| worker(id, Standard).with_record("task", record);
    for (own, other, specialized) in [
        (record(3, 0), record(0, 0), true),
        (record(2, 0), record(0, 0), false),
        (record(3, 3), record(9, 1), false),
        (record(3, 1), record(1, 9), true),
    ] {
        let workers = [of("x", other), of("y", own)];
        let expected =
            if specialized { ("y", RoutingReason::Specialized) } else { ("x", RoutingReason::Availability) };
        // Nine of ten make the other one the specialist.
        let expected = if other.closed == 9 { ("x", RoutingReason::Specialized) } else { expected };
        assert_eq!(route(2, &workers), (expected.0.to_owned(), expected.1));
    }
    let mut labelled = bead("a", 2);
    labelled.labels = vec!["ui".to_owned()];
    let workers = [worker("x", Standard), worker("y", Standard).with_record("label:ui", record(3, 0))];
    let found = TaskRouter::new().route(&labelled, &workers).unwrap();
    assert_eq!((found.chosen_worker.as_str(), found.reason), ("y", RoutingReason::Specialized));
}

#[test]
fn a_decision_names_the_others_and_knows_no_cost_that_nobody_knows() {
    let priced = worker("s", WorkerTier::Standard).with_cost_per_bead(Money::from_nanos(7));
    let busy = worker("t", WorkerTier::Standard).with_availability(Availability::Busy);
    let workers = [busy, worker("p", WorkerTier::Premium), priced, worker("u", WorkerTier::Standard)];
    let found = TaskRouter::new().route(&bead("a", 2), &workers).unwrap();
    assert_eq!((found.estimated_cost, found.tier), (Some(Money::from_nanos(7)), WorkerTier::Standard));
    let others: Vec<_> = found.alternatives.iter().map(|one| (one.worker.as_str(), &*one.why_not)).collect();
    let expected =
        [("u", "s comes first"), ("p", "it is premium, and the bead is for standard"), ("t", "it is busy")];
    assert_eq!(others, expected);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!((&json["reason"], &json["estimated_cost_nano_usd"]), (&"availability".into(), &7.into()));
    let found = TaskRouter::new().route(&bead("a", 0), &workers).unwrap();
    assert_eq!(serde_json::to_value(&found).unwrap()["estimated_cost_nano_usd"], serde_json::Value::Null);
    assert_eq!(TaskRouter::new().route(&bead("a", 0), &workers[..1]), None);
    assert_eq!(TaskRouter::new().route(&bead("a", 0), &[]), None);
    let tiers = TaskRouter::with_tiers([WorkerTier::Budget; 5]);
    assert_eq!(tiers.tier(0), WorkerTier::Budget);
}

#[test]
fn the_reader_gives_the_ready_beads_the_most_urgent_first() {
    let text = "{\"id\":\"a\",\"priority\":3}\n{\"id\":\"b\",\"priority\":0,\"dependencies\":[{\"depends_on_id\":\"c\",\"type\":\"blocks\"}]}\n{\"id\":\"c\",\"priority\":2}\n";
    let dir = Dir::with_beads(text);
    let ready = BeadQueueReader::new(&dir.0).unwrap().read_ready_beads().unwrap();
    assert_eq!(ready.iter().map(|bead| bead.id.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    let empty = Dir::new();
    let error = BeadQueueReader::new(&empty.0).unwrap_err().to_string();
    assert!(error.starts_with("there is no ") && error.ends_with(".beads/issues.jsonl"), "{error}");
}
