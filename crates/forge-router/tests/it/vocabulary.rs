//! What travels with a call: raw fields, vendor state, budgets of the caller, bytes of a client.

use std::sync::atomic::{AtomicUsize, Ordering};

use forge_core::{
    ErrorKind, Message, ModelProvider, ModelRequest, Money, ProviderExt as _,
    request::{Carried, Dialect, MessageRole, Opaque, Outline, Part},
    route::Verdict,
    storage::budget::{BudgetCap, BudgetStore as _},
};
use forge_router::Parameters;
use serde_json::{Map, Value, json};

use crate::stage::{Play, Stage, chain, question};

fn fields(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("{value}") };
    fields
}

fn raw(value: Value) -> Parameters {
    Parameters { extra: fields(value), ..Parameters::default() }
}

#[test]
fn raw_fields_stay_with_the_vendor_for_which_they_were_written() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.roles.get_mut(&"coder".into()).unwrap().parameters = raw(json!({"role": 1}));
    plan.providers[0].parameters = raw(json!({"own": 1}));
    plan.providers[1].parameters = raw(json!({"other": 2}));
    let mut request = question();
    request.extra.insert(ModelProvider::Anthropic, "asked", 3);
    let router = stage.router(plan);
    let response = stage.run(router.complete(&stage.context("coder"), request)).unwrap();
    assert_eq!(response.text(), "o-1");
    let sent = |id: &str, vendor| stage.last_request(id).extra.fields(&vendor).cloned();
    let first = fields(json!({"asked": 3, "role": 1, "own": 1}));
    assert_eq!(sent("a-1", ModelProvider::Anthropic), Some(first));
    assert_eq!(sent("o-1", ModelProvider::OpenAI), Some(fields(json!({"other": 2}))));
}

fn with_state() -> ModelRequest {
    let state = Opaque::new(ModelProvider::Anthropic, "model-a-1".into(), "signature");
    let parts = vec![Part::thinking("hm").with_opaque(state.clone()), Part::text("said").with_opaque(state)];
    question().with_message(Message::new(MessageRole::Assistant, parts)).with_user_message("go on")
}

#[test]
fn state_that_its_vendor_refuses_is_left_out_and_the_same_route_is_asked_once_more() {
    let stage = Stage::new();
    stage.plays("a-1", |call| if call == 0 { Play::Fail(ErrorKind::StateRejected) } else { Play::Answer });
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    let response = stage.run(router.complete(&stage.context("coder"), with_state())).unwrap();
    assert_eq!((response.text().as_ref(), stage.calls("a-1"), stage.calls("o-1")), ("a-1", 2, 0));
    let route = response.route.unwrap();
    assert_eq!((&route.candidates[0].verdict, route.failed.len()), (&Verdict::Chosen, 1));
    let sent = stage.last_request("a-1");
    let kept: Vec<_> = sent.messages.iter().flat_map(|message| &message.parts).collect();
    assert_eq!((kept.len(), kept.iter().filter(|part| part.opaque().is_some()).count()), (3, 0));
}

#[test]
fn a_route_that_refuses_its_state_twice_is_left_and_not_held_at_fault() {
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::StateRejected));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    for calls in 1..=6 {
        let response = stage.run(router.complete(&stage.context("coder"), with_state())).unwrap();
        assert_eq!((response.text().as_ref(), stage.calls("a-1")), ("o-1", 2 * calls), "the circuit opened");
    }
}

#[test]
fn budgets_of_the_caller_hold_beside_the_configured_ones() {
    let stage = Stage::new();
    let router = stage.router(chain("coder", &["a-1"]));
    let ask = |dollars: &str| {
        let cap = BudgetCap::new("key:k1").with_money(dollars.parse::<Money>().unwrap());
        let cx = stage.context("coder").with_caps([cap]);
        stage.run(router.complete(&cx, question()))
    };
    assert_eq!(ask("$0.000001").unwrap_err().kind, ErrorKind::BudgetExceeded);
    assert_eq!(stage.calls("a-1"), 0);
    ask("$1.00").unwrap();
    let spent = stage.run(stage.budgets.spent("key:k1")).unwrap();
    assert!(
        spent.booked.money > Money::ZERO && spent.reserved == forge_core::storage::budget::Amount::default(),
        "{spent:?}"
    );
}

#[test]
fn a_request_in_the_bytes_of_its_client_is_read_for_those_who_do_not_speak_its_dialect() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    let stage = Stage::new();
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    let router = stage.router(chain("coder", &["a-1", "o-1"]));
    let body = r#"{"messages": [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}]}"#;
    let carried = Carried::new(Dialect::new("own"), body.into(), 0..0, Outline::default(), |body| {
        READ.fetch_add(1, Ordering::Relaxed);
        Ok(serde_json::from_slice(body).unwrap())
    });
    let request = ModelRequest::carry(carried);
    let response = stage.run(router.complete(&stage.context("coder"), request)).unwrap();
    assert_eq!((response.text().as_ref(), READ.load(Ordering::Relaxed)), ("o-1", 1));
    assert_eq!(stage.last_request("o-1").messages[0], Message::user("hi"));
}
