//! What came of the calls of prompts, and of those who scored them.

use std::time::Duration;

use forge_core::{
    ErrorKind,
    storage::{
        access::AuditLog as _,
        accounts::{CallStatus, UsageRecord},
        prompts::{PromptStore as _, PromptText},
    },
    tags::Tags,
};
use forge_store::{PromptFigures, PromptGroup, SqlPart, Store};
use serde_json::{Value, json};

use crate::support::*;

/// A call of a session that was made of two templates, in an arm of two experiments.
fn of(call: u128, session: &str, hash: &str, arm: &str) -> UsageRecord {
    let tags = Tags::default().with_session(session).with_prompt(format!("a.system@0 a.user@{hash}"));
    let tags = tags.with_experiment("length tone").with_arm(format!("short {arm}"));
    UsageRecord { tags, ..record(call) }
}

fn filled(dir: &Dir) -> Store {
    let store = dir.open();
    let malformed = UsageRecord {
        status: CallStatus::Failure,
        error: Some(ErrorKind::Malformed),
        latency: Duration::from_micros(9_000_000),
        ..of(3, "s-2", "one", "warm")
    };
    put(&store, [of(1, "s-1", "one", "warm"), of(2, "s-1", "one", "warm"), malformed]);
    // One of another version, and one without tags of prompts.
    put(&store, [of(4, "s-3", "two", "cool"), record(5)]);
    store
}

fn short(rows: &[PromptFigures]) -> Vec<(&str, u64, u64, u64, u64)> {
    rows.iter().map(|one| (one.group.as_str(), one.units, one.calls, one.successes, one.malformed)).collect()
}

#[test]
fn calls_are_counted_by_version_and_by_arm() {
    let dir = Dir::new();
    let store = filled(&dir);
    let rows = store.prompt_figures(PromptGroup::Prompt("a.user")).unwrap();
    assert_eq!(short(&rows), [("one", 2, 3, 2, 1), ("two", 1, 1, 1, 0)]);
    assert_eq!((rows[0].latency(50), rows[0].latency(95)), (Some(1_234_567), Some(9_000_000)));
    let each = record(1);
    assert_eq!(rows[1].cost, each.cost.unwrap());
    assert_eq!((rows[1].input_tokens, rows[1].output_tokens), (1_200, 340));
    let rows = store.prompt_figures(PromptGroup::Experiment("tone")).unwrap();
    assert_eq!(short(&rows), [("cool", 1, 1, 1, 0), ("warm", 2, 3, 2, 1)]);
    let rows = store.prompt_figures(PromptGroup::Experiment("length")).unwrap();
    assert_eq!(short(&rows), [("short", 3, 4, 3, 1)]);
    for nothing in [PromptGroup::Prompt("a"), PromptGroup::Prompt("user"), PromptGroup::Experiment("short")] {
        assert_eq!(store.prompt_figures(nothing).unwrap(), [], "{nothing:?}");
    }
}

#[test]
fn scores_are_of_sessions_and_calls_that_are_there() {
    let dir = Dir::new();
    let store = filled(&dir);
    let score = |subject: &str, value, by: &str| wait(store.score(subject, value, noon(), by)).unwrap();
    assert!(score("s-1", 0.0, "ann") && score("s-1", 1.0, "ann") && score("s-1", 0.5, "bob"));
    assert!(score("s-2", 0.25, "ann"));
    assert!(!score("s-9", 1.0, "ann") && !score("", 1.0, "ann"));
    assert!(score("00000000-0000-0000-0000-000000000005", 1.0, "ann"), "a call by its id");
    let rows = store.prompt_figures(PromptGroup::Prompt("a.user")).unwrap();
    // The last word of each who spoke, in the middle.
    assert_eq!((rows[0].scores.as_slice(), rows[1].scores.as_slice()), (&[0.25, 0.75][..], &[][..]));
}

#[test]
fn the_view_shows_versions_with_their_calls_and_moves_are_in_the_log() {
    let dir = Dir::new();
    let store = filled(&dir);
    for hash in ["one", "two", "three"] {
        let text = PromptText::new("a.user", hash, "a.user.jinja", format!("{hash}\n"));
        wait(store.keep_prompt(text, noon())).unwrap();
    }
    for (label, version) in [("production", 1), ("trial", 2), ("production", 2)] {
        assert_eq!(
            wait(store.move_label("a.user", label, Some(version), noon(), "ann")).unwrap(),
            Some(version)
        );
    }
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    let take = |part: SqlPart<'_>| {
        match part {
            SqlPart::Columns(names) => columns = names.to_vec(),
            SqlPart::Row(values) => rows.push(Value::from(values)),
        }
        Ok(())
    };
    store.sql("SELECT * FROM prompts ORDER BY version", Duration::from_secs(60), take).unwrap();
    assert_eq!(
        columns,
        [
            "prompt",
            "version",
            "hash",
            "file",
            "text",
            "first_used",
            "labels",
            "calls",
            "successes",
            "cost_nano_usd"
        ]
    );
    let (cost, at) = (record(1).cost.unwrap().nanos(), "2026-11-20T12:00:00.000Z");
    assert_eq!(
        rows,
        [
            json!(["a.user", 1, "one", "a.user.jinja", "one\n", at, null, 3, 2, cost * 3]),
            json!(["a.user", 2, "two", "a.user.jinja", "two\n", at, "production trial", 1, 1, cost]),
            json!(["a.user", 3, "three", "a.user.jinja", "three\n", at, null, 0, 0, null]),
        ]
    );
    let log = wait(store.audit(None)).unwrap();
    let moved: Vec<_> = log.iter().map(|entry| (&*entry.event.action, &*entry.event.by)).collect();
    assert_eq!(moved, [("prompt_labelled", "ann"); 3]);
}
