//! The same seed and the same answers give the same session, in whatever order the answers come.

use std::collections::BTreeSet;

use forge_session::SessionResult;
use serde_json::Value;

use crate::stage::{Play, Theatre, plan, scale, sensible};

/// Every prompt, every decision of the host, and the result; without times, and sorted where the order is that of
/// arrival.
fn transcript(theatre: &Theatre, result: &SessionResult) -> String {
    let mut sent: Vec<String> =
        theatre.sent.lock().unwrap().iter().map(|one| format!("{}\n{}", one.model, one.text())).collect();
    sent.sort();
    let decided = theatre.entries().into_iter().filter_map(|entry| {
        let mut record: Value = serde_json::from_slice(&entry).unwrap();
        record["at"] = Value::Null;
        let kind = record["type"].as_str().unwrap();
        let by_arrival = ["session_started", "call_intended", "call_finished"].contains(&kind);
        (!by_arrival).then(|| record.to_string())
    });
    let decided: Vec<String> = decided.collect();
    let findings = serde_json::to_string(&(&result.findings, &result.conflicts, &result.dissents)).unwrap();
    format!("{}\n{}\n{}\n{findings}", sent.join("\n\n"), decided.join("\n"), result.document)
}

#[test]
fn every_order_of_arrival_gives_the_same_prompts_and_the_same_result() {
    for seed in 0..50 * scale() as u64 {
        let mut transcripts = BTreeSet::new();
        for order in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
            let mut theatre = Theatre::new();
            theatre.structured = false;
            for (critic, seconds) in ["alpha-1", "beta-1", "gamma-1"].into_iter().zip(order) {
                theatre.plays(critic, move |_, request| {
                    let said = sensible(critic, request);
                    Play::Late(
                        seconds,
                        said.replace("unclear", &format!("{} unclear", critic.len() as u64 * seed)),
                    )
                });
            }
            let mut plan = plan();
            (plan.settings.seed, plan.settings.cycles) = (seed, 1);
            let result = theatre.session(plan);
            assert!(!result.is_degraded());
            transcripts.insert(transcript(&theatre, &result));
        }
        assert_eq!(transcripts.len(), 1, "seed {seed}");
    }
}

#[test]
fn the_seed_decides_the_order_of_peers_and_the_markers() {
    let of = |seed| {
        let theatre = Theatre::new();
        let mut plan = plan();
        plan.settings.seed = seed;
        let result = theatre.session(plan);
        transcript(&theatre, &result)
    };
    assert_eq!(of(1), of(1));
    let different: std::collections::BTreeSet<String> = (0..10).map(of).collect();
    assert_eq!(different.len(), 10);
}
