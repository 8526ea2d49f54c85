//! Orders of random plans, against an order that is found by trying.

use std::collections::BTreeSet;

use forge_agent::plan::{Plan, PlanProblem};
use serde_json::{Value, json};

use crate::support::scale;

/// A plan whose task `n` depends on the tasks of `edges[n]`.
fn plan(edges: &[BTreeSet<usize>]) -> Plan {
    let tasks: Vec<Value> = edges
        .iter()
        .enumerate()
        .map(|(at, first)| {
            let first: Vec<String> = first.iter().map(|at| format!("t{at}")).collect();
            json!({"id": format!("t{at}"), "title": "t", "files": {"write": [format!("f{at}")]}, "depends_on": first})
        })
        .collect();
    serde_json::from_value(json!({"summary": "s", "tasks": tasks})).unwrap()
}

/// The length of the longest way from a task to one that waits for nothing; `None` if the way goes round.
fn depth(edges: &[BTreeSet<usize>], at: usize, path: &mut Vec<usize>) -> Option<usize> {
    if path.contains(&at) {
        return None;
    }
    path.push(at);
    let mut longest = Some(0);
    for first in &edges[at] {
        let below = depth(edges, *first, path);
        longest = longest.zip(below).map(|(longest, below)| longest.max(below + 1));
    }
    path.pop();
    longest
}

#[test]
fn random_plans_have_the_groups_and_cycles_that_trying_finds() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut cyclic, mut ordered) = (0, 0);
    for _ in 0..scale().min(20) * 500 {
        let count = rng.usize(1..9);
        let mut edges = vec![BTreeSet::new(); count];
        for _ in 0..rng.usize(0..count * 2) {
            let (one, other) = (rng.usize(..count), rng.usize(..count));
            // Mostly forwards, so that both kinds are drawn.
            let (one, other) = if rng.u8(..8) > 0 { (one.max(other), one.min(other)) } else { (one, other) };
            if one != other || rng.u8(..8) == 0 {
                edges[one].insert(other);
            }
        }
        let depths: Option<Vec<usize>> = (0..count).map(|at| depth(&edges, at, &mut Vec::new())).collect();
        match (plan(&edges).groups(), depths) {
            (Ok(groups), Some(depths)) => {
                ordered += 1;
                let expected: Vec<Vec<usize>> = (0..groups.len())
                    .map(|group| (0..count).filter(|at| depths[*at] == group).collect())
                    .collect();
                assert_eq!(groups, expected, "{edges:?}");
            }
            (Err(invalid), None) => {
                cyclic += 1;
                let [PlanProblem::Cycle(path)] = invalid.problems.as_slice() else { panic!("{invalid}") };
                let path: Vec<usize> = path.iter().map(|id| id[1..].parse().unwrap()).collect();
                assert_eq!(path.first(), path.last(), "{edges:?}");
                assert!(
                    path.windows(2).all(|step| edges[step[0]].contains(&step[1])),
                    "{path:?} in {edges:?}"
                );
            }
            (groups, depths) => panic!("{groups:?} {depths:?} {edges:?}"),
        }
    }
    assert!(cyclic > 10 && ordered > 10, "{cyclic} {ordered}");
}

#[test]
fn everything_that_is_wrong_with_a_plan_is_told_at_once() {
    let answer = json!({"tasks": [
        {"id": "a b", "title": "t", "files": {"write": ["/etc/passwd"]}},
        {"id": "c", "title": " ", "files": {"write": [".git/config"]}, "depends_on": ["d"]},
        {"id": "c", "title": "t"},
    ]});
    let told = Plan::read(&answer.to_string()).unwrap_err().to_string();
    for part in [
        "task 1: `a b` is no id",
        "two tasks are called `c`",
        "task `c` has no title",
        "`c` depends on `d`, which is no task",
        "/etc/passwd: paths are relative",
        ".git/config: `.git` belongs to git",
        "task `c` names no file to write",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let same = json!({"tasks": [
        {"id": "a", "title": "t", "files": {"write": ["X.txt"]}},
        {"id": "b", "title": "t", "files": {"write": ["./x.txt"]}},
    ]});
    let told = Plan::read(&same.to_string()).unwrap_err().to_string();
    assert!(told.contains("tasks `a` and `b` both write x.txt"), "{told}");
    assert!(Plan::read("no plan").unwrap_err().to_string().contains("no JSON object with `tasks`"));
    assert!(Plan::read(r#"{"tasks": "many"}"#).unwrap_err().to_string().contains("wrong form"));
}
