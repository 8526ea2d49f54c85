use std::time::Duration;

use forge_core::{
    ErrorKind, Money, Provider, ProviderExt as _,
    tags::Tags,
    watch::{EventLog, Followed, Reader},
};
use forge_router::{Budget, Cap, Router, RouterDeps, RouterPlan};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::stage::{Play, Stage, chain, question};

/// A router that is watched.
fn watched(stage: &Stage, plan: RouterPlan) -> (Router, EventLog) {
    let log = EventLog::default();
    let router = Router::build(plan, RouterDeps { events: Some(log.clone()), ..stage.deps() }).unwrap();
    (router, log)
}

/// The events so far.
fn events(log: &EventLog) -> Vec<Value> {
    let mut reader = Reader::new(log.clone(), 0).unwrap();
    let mut all = Vec::new();
    while let Some(followed) = reader.take() {
        let Followed::Events(events) = followed else { panic!("{followed:?}") };
        all.extend(events.iter().map(|event| serde_json::from_slice::<Value>(&event.json).unwrap()));
    }
    all
}

/// The fields of one type, in the order of the events.
fn fields(log: &EventLog, name: &str, fields: &[&str]) -> Vec<Value> {
    let events = events(log).into_iter().filter(|event| event["type"] == name);
    events.map(|event| fields.iter().map(|field| event[field].clone()).collect()).collect()
}

fn names(log: &EventLog) -> Vec<String> {
    events(log).iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_call_that_fails_over_is_told_from_its_beginning_to_its_end() {
    let stage = Stage::new();
    let (router, log) = watched(&stage, chain("coder", &["a-1", "o-1"]));
    stage.always("a-1", Play::Fail(ErrorKind::Overloaded));
    let tags = Tags::default().with_key("ci").with_session("s").with("secret", "hidden").unwrap();
    let cx = stage.context("coder").with_tags(tags);
    stage.run(router.complete(&cx, question())).unwrap();
    assert_eq!(names(&log), ["call.started", "call.failed_over", "call.ended"]);
    let all = events(&log);
    assert!(all.iter().all(|event| event["call"] == cx.call_id.to_string() && event["v"] == 1));
    assert_eq!(
        all[0]["tags"],
        json!({"key": "ci", "session": "s"}),
        "a tag of the caller's own is not shown"
    );
    assert_eq!(
        (&all[1]["from"], &all[1]["error"], &all[1]["to"]),
        (&"a-1".into(), &"overloaded".into(), &"o-1".into())
    );
    let ended = &all[2];
    assert_eq!(
        (&ended["outcome"], &ended["provider"], &ended["attempts"]),
        (&"success".into(), &"o-1".into(), &2.into())
    );
    // 100 tokens of input and 10 of output; what the first vendor refused costs nothing, by its own record.
    let recorded: Option<Vec<_>> =
        stage.ledger.records.lock().unwrap().iter().map(|record| record.cost).collect();
    let cost = recorded.map(|costs| costs.into_iter().sum::<Money>().nanos());
    assert_eq!(ended["cost_nano_usd"], json!(cost));
    assert_eq!((&ended["tokens"]["input"], &ended["tokens"]["output"]), (&100.into(), &10.into()));
}

#[test]
fn calls_that_nobody_answers_or_waits_for_end_as_well() {
    let stage = Stage::new();
    let (router, log) = watched(&stage, chain("coder", &["a-1", "o-1"]));
    stage.always("a-1", Play::Fail(ErrorKind::Overloaded));
    stage.always("o-1", Play::Fail(ErrorKind::Server));
    stage.ask(&router, "coder").unwrap_err();
    stage.always("a-1", Play::Stall);
    let cx = stage.context("coder");
    let mut stream = stage.run(Provider::stream(&router, &cx, question().into())).unwrap();
    while stream.next().now_or_never().is_some() {}
    drop(stream);
    stage.always("a-1", Play::Hang);
    assert!(router.complete(&stage.context("coder"), question()).now_or_never().is_none());
    let empty =
        Router::build(RouterPlan::default(), RouterDeps { events: Some(log.clone()), ..stage.deps() });
    stage.ask(&empty.unwrap(), "coder").unwrap_err();
    assert_eq!(
        fields(&log, "call.ended", &["outcome", "provider", "attempts", "error", "cost_nano_usd"]),
        [
            json!(["failure", "o-1", 2, "server", null]),
            json!(["cancelled", "a-1", 1, "cancelled", null]),
            json!(["cancelled", null, 1, "cancelled", null]),
            json!(["failure", null, 0, "invalid_request", 0]),
        ]
    );
    assert_eq!(names(&log).iter().filter(|name| *name == "call.started").count(), 4);
}

#[test]
fn a_circuit_is_told_of_when_it_opens_is_tried_and_closes() {
    let stage = Stage::new();
    let (router, log) = watched(&stage, chain("coder", &["a-1", "o-1"]));
    stage.plays("a-1", |call| if call < 5 { Play::Fail(ErrorKind::Server) } else { Play::Answer });
    (0..6).for_each(|_| drop(stage.ask(&router, "coder")));
    stage.timer.advance(Duration::from_secs(16));
    stage.ask(&router, "coder").unwrap();
    assert_eq!(
        fields(&log, "circuit.changed", &["provider", "state", "cause", "open_ms"]),
        [
            json!(["a-1", "open", "server", 15_000]),
            json!(["a-1", "half_open", "server", null]),
            json!(["a-1", "closed", null, null]),
        ]
    );
}

#[test]
fn a_budget_is_told_of_once_it_is_nearly_and_once_it_is_wholly_used_up() {
    let stage = Stage::new();
    let cap = Cap { money: Some(Money::from_nanos(2_000_000)), tokens: None };
    let plan = RouterPlan { budget: Budget { day: cap, ..Budget::default() }, ..chain("coder", &["a-1"]) };
    let (router, log) = watched(&stage, plan);
    let mut refused = 0;
    for _ in 0..20 {
        refused += usize::from(stage.ask(&router, "coder").is_err());
        stage.timer.advance(Duration::from_secs(2));
    }
    let day = "day:1970-01-01";
    assert_eq!(
        fields(&log, "budget.warned", &["scope", "percent", "used_nano_usd", "cap_nano_usd", "cap_tokens"]),
        [json!([day, 78, 1_560_000, 2_000_000, null])]
    );
    assert_eq!(
        fields(&log, "budget.exceeded", &["scope", "used_nano_usd"]),
        [json!([day, 1_800_000])],
        "{refused} calls were refused"
    );
    assert_eq!(refused, 5);
}

#[test]
fn a_router_that_nobody_watches_keeps_nothing() {
    let stage = Stage::new();
    let router = stage.router(chain("coder", &["a-1"]));
    stage.ask(&router, "coder").unwrap();
    assert!(router.events().is_none());
}
