//! Which beads can be begun: by rules, and against a model of its own in another language.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use forge_worker::{
    BeadId,
    ready::{BeadGraph, GraphFault, Obstacle},
    source::BeadFile,
};
use serde_json::{Value, json};

use crate::support::*;

fn file(beads: &[Value]) -> BeadFile {
    let lines: Vec<_> = beads.iter().map(|bead| format!("{bead}\n")).collect();
    BeadFile::parse(lines.concat().as_bytes()).unwrap()
}

fn ready(file: &BeadFile) -> Vec<String> {
    let graph = BeadGraph::new(file.beads());
    graph.ready(noon()).map(|bead| bead.id.to_string()).collect()
}

fn on(kind: &str, id: &str) -> Value {
    json!([{ "depends_on_id": id, "type": kind }])
}

#[test]
fn each_kind_of_dependency_blocks_as_it_should() {
    for (kind, blocks) in [
        ("blocks", true),
        ("conditional-blocks", true),
        ("waits-for", true),
        ("parent-child", false),
        ("related", false),
        ("discovered-from", false),
        ("later", false),
    ] {
        for (status, done) in [("open", false), ("in_progress", false), ("closed", true), ("tombstone", true)]
        {
            let beads = file(&[
                json!({"id": "a", "dependencies": on(kind, "b")}),
                json!({"id": "b", "status": status, "pinned": true}),
            ]);
            let expected: &[&str] = if blocks && !done { &[] } else { &["a"] };
            assert_eq!(ready(&beads), expected, "{kind} {status}");
        }
    }
}

#[test]
fn what_a_parent_waits_for_its_children_wait_for() {
    let beads = file(&[
        json!({"id": "epic", "issue_type": "epic", "dependencies": on("blocks", "first")}),
        json!({"id": "child", "dependencies": on("parent-child", "epic")}),
        json!({"id": "grandchild", "dependencies": on("parent-child", "child")}),
        json!({"id": "first"}),
    ]);
    assert_eq!(ready(&beads), ["first"]);
    let graph = BeadGraph::new(beads.beads());
    let why = |id: &str| graph.obstacles(beads.bead(&id.parse().unwrap()).unwrap(), noon());
    let id = |id: &str| -> BeadId { id.parse().unwrap() };
    assert_eq!(why("epic"), [Obstacle::WaitsFor(id("first"))]);
    assert_eq!(why("grandchild"), [Obstacle::Parent(id("child"))]);
    assert_eq!(why("first"), []);
    assert_eq!((graph.dependents(&id("first")), graph.dependents(&id("epic"))), (1, 0));
}

#[test]
fn what_is_no_work_now_is_not_ready_and_says_why() {
    for (field, value, why) in [
        ("status", json!("in_progress"), Some("Status(InProgress)")),
        ("status", json!("deferred"), Some("Status(Deferred)")),
        ("status", json!("hooked"), Some("Status(Other(\"hooked\"))")),
        ("defer_until", json!("2026-11-20T12:00:01Z"), Some("Deferred(2026-11-20T12:00:01Z)")),
        ("defer_until", json!("2026-11-20T12:00:00Z"), None),
        ("pinned", json!(true), Some("Pinned")),
        ("ephemeral", json!(true), Some("Ephemeral")),
        ("is_template", json!(true), Some("Template")),
        ("pinned", json!(false), None),
    ] {
        let beads = file(&[json!({"id": "a", field: value})]);
        let graph = BeadGraph::new(beads.beads());
        let found = graph.obstacles(beads.beads().next().unwrap(), noon());
        let found: Vec<_> = found.iter().map(|one| format!("{one:?}")).collect();
        assert_eq!(found, why.into_iter().collect::<Vec<_>>(), "{field} {value}");
    }
}

#[test]
fn cycles_and_missing_beads_count_as_open_and_are_said() {
    let beads = file(&[
        json!({"id": "c", "dependencies": on("blocks", "a")}),
        json!({"id": "a", "dependencies": on("waits-for", "b")}),
        json!({"id": "b", "dependencies": on("parent-child", "c")}),
        json!({"id": "self", "dependencies": on("blocks", "self")}),
        json!({"id": "lost", "dependencies": on("blocks", "nowhere")}),
        json!({"id": "old", "status": "closed", "dependencies": on("blocks", "nowhere")}),
        json!({"id": "free"}),
    ]);
    assert_eq!(ready(&beads), ["free"]);
    let id = |id: &str| -> BeadId { id.parse().unwrap() };
    assert_eq!(
        BeadGraph::new(beads.beads()).faults(),
        [
            GraphFault::Cycle(vec![id("a"), id("b"), id("c")]),
            GraphFault::Cycle(vec![id("self")]),
            GraphFault::Missing { bead: id("lost"), on: id("nowhere") },
        ]
    );
}

#[test]
fn a_chain_of_100_000_beads_is_no_problem() {
    let beads: Vec<_> = (0..100_000)
        .map(|at| {
            let kind = if at % 2 == 0 { "blocks" } else { "parent-child" };
            json!({"id": format!("b{at}"), "dependencies": on(kind, &format!("b{}", at + 1))})
        })
        .collect();
    let beads = file(&beads);
    let graph = BeadGraph::new(beads.beads());
    assert_eq!(graph.faults().len(), 1, "the last one depends on one that is not there");
    assert_eq!(graph.ready(noon()).count(), 1, "a parent that is not there blocks nothing");
}

/// A graph of up to 14 beads, in which everything that decides is likely.
fn graph(chance: &mut fastrand::Rng) -> Vec<Value> {
    const STATUSES: [&str; 9] =
        ["open", "open", "open", "open", "closed", "closed", "tombstone", "in_progress", "deferred"];
    const KINDS: [&str; 8] = [
        "blocks",
        "parent-child",
        "parent-child",
        "conditional-blocks",
        "waits-for",
        "related",
        "discovered-from",
        "blocks",
    ];
    let count = chance.usize(1..=14);
    (0..count)
        .map(|at| {
            let rows: Vec<_> = (0..[0, 0, 1, 1, 2, 3][chance.usize(..6)])
                // One more than there are: a bead that is missing.
                .map(|_| json!({"depends_on_id": format!("b{}", chance.usize(..=count)), "type": KINDS[chance.usize(..8)]}))
                .collect();
            let mut bead = json!({"id": format!("b{at}"), "status": STATUSES[chance.usize(..9)], "dependencies": rows});
            for mark in ["pinned", "ephemeral", "is_template"] {
                if chance.u8(..12) == 0 {
                    bead[mark] = true.into();
                }
            }
            if chance.u8(..6) == 0 {
                let second = chance.u8(..3);
                bead["defer_until"] = format!("2026-11-20T12:00:0{second}Z").into();
            }
            bead
        })
        .collect()
}

struct Model(Child);

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_rules_agree_with_an_independent_model_on_random_graphs() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ready_model.py");
    let started = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(started) = started else {
        println!("SKIPPED: the model is a program for `python3`, which is not on PATH; install Python 3");
        return;
    };
    let mut model = Model(started);
    let (mut chance, mut lines) = (chance(), BufReader::new(model.0.stdout.take().unwrap()).lines());
    let mut input = model.0.stdin.take().unwrap();
    let (mut found, mut blocked) = (0, 0);
    for turn in 0..500 * scale() {
        let beads = graph(&mut chance);
        writeln!(input, "{}", json!({"now": "2026-11-20T12:00:00Z", "beads": beads})).unwrap();
        let expected: Vec<String> = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let mine = ready(&file(&beads));
        let mut sorted = mine.clone();
        sorted.sort();
        assert_eq!(sorted, expected, "graph {turn}: {}", Value::from(beads));
        found += mine.len();
        blocked += beads.len() - mine.len();
    }
    println!("{found} ready, {blocked} not");
    assert!(found > 500 && blocked > 500, "graphs of one kind alone show nothing");
}
