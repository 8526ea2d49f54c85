//! Sessions that answer like models.

use std::sync::Arc;

use chrono::Utc;
use forge::{
    Money, SessionRequest, System,
    offline::council,
    router::{ProviderPlan, RolePlan, Target},
    session::{Mode, Topic},
    storage::{
        access::{AccessChange, AccessStore as _, ClientKey, KeyBudget},
        budget::Period,
    },
    store::Filter,
    watch::{EventLog, Followed, Reader},
};
use forge_core::ExposeSecret as _;
use forge_gateway::{GatewayOptions, MintedKey};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::{
    client::{Reply, read, send},
    folder::Folder,
    server::Server,
};

/// Long enough that a client that goes away does so in the middle.
const SLOW: &str = "latency: [{ first_byte_ms: { fixed: 20 } }]";

const CHAT: &str = "POST /v1/chat/completions";

fn question(text: &str, stream: bool) -> Value {
    json!({"model": "council", "stream": stream, "messages": [{"role": "user", "content": text}]})
}

async fn start(scenario: &str, change: impl FnOnce(&mut ProviderPlan)) -> Server {
    let mut session = council();
    change(&mut session);
    Server::over(scenario, |providers| providers.push(session), |_| {}).await
}

/// One with keys, whose accounts are in `folder`.
async fn guarded(folder: &Folder, change: impl FnOnce(&mut GatewayOptions)) -> Server {
    let builder = System::builder(|_| None).state(&folder.0);
    let add = |providers: &mut Vec<ProviderPlan>| providers.push(council());
    Server::built(SLOW, builder, add, |system, options| {
        *options = std::mem::take(options).with_store(system.store().unwrap().clone());
        change(options);
    })
    .await
}

async fn key(server: &Server, name: &str, budgets: Vec<KeyBudget>) -> String {
    let minted = MintedKey::new().unwrap();
    let mut key = ClientKey::new(minted.id.clone(), name, minted.digest, Utc::now());
    key.allowance.budgets = budgets;
    let store = Arc::clone(server.system.store().unwrap());
    store.change_access(AccessChange::KeyCreated { key }, "test").await.unwrap();
    let text = minted.text.expose_secret().to_owned();
    // Until the server has heard of a key it lets anybody in.
    while models(server, "fk-test-wrong").await != 401 || models(server, &text).await != 200 {
        tokio::task::yield_now().await;
    }
    text
}

async fn models(server: &Server, key: &str) -> u16 {
    crate::client::get(server.address, "/v1/models", &format!("x-api-key: {key}\r\n")).await.status
}

async fn ask(server: &Server, path: &str, headers: &str, body: &Value) -> Reply {
    let headers = format!("content-type: application/json\r\n{headers}");
    read(send(server.address, path, &headers, &body.to_string()).await).await
}

/// Reads a stream until `text` has come, and goes away; returns the name of the session.
async fn leave(server: &Server, headers: &str, body: &Value, text: &str) -> String {
    let headers = format!("content-type: application/json\r\n{headers}");
    let mut socket = send(server.address, CHAT, &headers, &body.to_string()).await;
    let mut bytes = Vec::new();
    loop {
        let read = socket.read_buf(&mut bytes).await.unwrap();
        let seen = String::from_utf8_lossy(&bytes);
        assert!(read > 0, "`{text}` did not come: {seen}");
        if seen.contains(text) {
            let name = seen.lines().find_map(|line| line.strip_prefix("x-forge-session: "));
            return name.unwrap().to_owned();
        }
    }
}

/// The thoughts and the text of a stream of Chat Completions.
fn said(reply: &Reply) -> (String, String) {
    let chunks =
        reply.body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let (mut thoughts, mut text) = (String::new(), String::new());
    for chunk in chunks.map(|data| serde_json::from_str::<Value>(data).unwrap()) {
        let delta = &chunk["choices"][0]["delta"];
        thoughts.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        text.push_str(delta["content"].as_str().unwrap_or_default());
    }
    (thoughts, text)
}

#[tokio::test]
async fn a_council_answers_with_its_document_and_tells_its_stages_as_thoughts() {
    let server = start("{}", |_| {}).await;
    let reply = ask(&server, CHAT, "", &question("A rate limiter", true)).await;
    let (thoughts, text) = said(&reply);
    assert_eq!((reply.status, reply.header("x-forge-route")), (200, Some("council")), "{}", reply.body);
    assert!(reply.header("x-forge-session").is_some());
    let stages = ["The session begins.", "A draft is written.", "critics are asked.", "findings", "Done: "];
    let places: Vec<_> = stages.iter().map(|stage| thoughts.find(stage)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{thoughts}");
    assert!(text.contains("# A rate limiter") && !thoughts.contains("Purpose"), "{text}");
}

#[tokio::test]
async fn every_dialect_shows_the_thoughts_and_the_document() {
    let server = start("{}", |_| {}).await;
    let turn = json!([{"role": "user", "content": "A rate limiter"}]);
    for (path, body) in [
        ("POST /v1/messages", json!({"model": "council", "max_tokens": 9, "stream": true, "messages": turn})),
        (
            "POST /v1/responses",
            json!({"model": "council", "stream": true, "input": turn, "reasoning": {"summary": "auto"}}),
        ),
        (
            "POST /v1beta/models/council:streamGenerateContent?alt=sse",
            json!({"contents": [{"role": "user", "parts": [{"text": "A rate limiter"}]}],
                "generationConfig": {"thinkingConfig": {"includeThoughts": true}}}),
        ),
    ] {
        let reply = ask(&server, path, "", &body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert!(reply.body.contains("A draft is written."), "{path}: {}", reply.body);
        assert!(reply.body.contains("# A rate limiter"), "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_whole_reply_has_the_cost_and_the_tokens_of_all_its_calls() {
    let server = start("{}", |plan| drop(plan.options.insert("progress".into(), "none".into()))).await;
    let reply = ask(&server, CHAT, "", &question("A rate limiter", false)).await;
    let usage = &reply.json()["usage"];
    let (spent, tokens) = server.sim.journal().iter().fold((0, 0), |(calls, tokens), request| {
        let usage = request.outcome.as_ref().and_then(|outcome| outcome.usage.as_ref());
        usage.map_or((calls, tokens), |usage| (calls + 1, tokens + usage.total_output()))
    });
    assert!(spent >= 5, "{spent}");
    assert_eq!(usage["completion_tokens"], tokens, "{usage}");
    let cost: f64 = reply.header("x-forge-cost-usd").unwrap().parse().unwrap();
    assert!(cost > 0.0, "{cost}");
    assert!(reply.json()["choices"][0]["message"].get("reasoning_content").is_none());
}

#[tokio::test]
async fn a_client_that_goes_away_at_any_stage_comes_back_and_nothing_is_paid_twice() {
    let undisturbed = start(SLOW, |_| {}).await;
    let whole = ask(&undisturbed, CHAT, "", &question("A rate limiter", true)).await;
    let (thoughts, text) = said(&whole);
    // Behind the last line comes the document, which may be read with it.
    for line in thoughts.lines().filter(|line| !line.starts_with("Done")) {
        let server = start(SLOW, |_| {}).await;
        let body = question("A rate limiter", true);
        let name = leave(&server, "", &body, line).await;
        let again = ask(&server, CHAT, "", &body).await;
        assert_eq!(again.header("x-forge-session"), Some(name.as_str()), "after {line}");
        assert_eq!(said(&again).1, text, "after {line}");
        assert_eq!(server.calls(), undisturbed.calls(), "after {line}");
        // What was answered is over: the same question is a new one.
        let third = ask(&server, CHAT, "", &body).await;
        assert_ne!(third.header("x-forge-session"), Some(name.as_str()));
    }
}

#[tokio::test]
async fn a_session_goes_on_by_its_name_at_another_server_and_for_its_own_key_alone() {
    let folder = Folder::new("gateway-sessions");
    let undisturbed = start(SLOW, |_| {}).await;
    ask(&undisturbed, CHAT, "", &question("A rate limiter", true)).await;
    let first = guarded(&folder, |_| {}).await;
    let (own, other) = (key(&first, "own", Vec::new()).await, key(&first, "other", Vec::new()).await);
    let headers = |key: &str, more: &str| format!("x-api-key: {key}\r\n{more}");
    let body = question("A rate limiter", true);
    let name = leave(&first, &headers(&own, ""), &body, "The draft is there.").await;
    let named = format!("x-forge-session: {name}\r\n");
    // Not by the same words of somebody else, nor by its name.
    assert_ne!(
        ask(&first, CHAT, &headers(&other, ""), &body).await.header("x-forge-session"),
        Some(name.as_str())
    );
    let foreign = ask(&first, CHAT, &headers(&other, &named), &body).await;
    assert_eq!(foreign.status, 404, "{}", foreign.body);
    for odd in ["../x", "\u{2603}", ""] {
        let odd = format!("x-forge-session: {odd}\r\n");
        assert_eq!(ask(&first, CHAT, &headers(&own, &odd), &body).await.status, 404, "{odd}");
    }
    let strange = ask(&first, CHAT, &headers(&own, "x-forge-session: 20200101-000000-none\r\n"), &body).await;
    assert_eq!((strange.status, strange.body.replace("20200101-000000-none", &name)), (404, foreign.body));
    first.system.close(std::time::Duration::ZERO).await.unwrap();
    assert!(first.end().await);

    let second = guarded(&folder, |_| {}).await;
    while models(&second, &own).await != 200 {
        tokio::task::yield_now().await;
    }
    let reply = ask(&second, CHAT, &headers(&own, &named), &question("", true)).await;
    assert_eq!(reply.header("x-forge-session"), Some(name.as_str()), "{}", reply.body);
    assert!(said(&reply).1.contains("# A rate limiter"), "{}", reply.body);
    assert!(second.calls() < undisturbed.calls(), "the draft was paid before");
    let (before, again) = (second.calls(), ask(&second, CHAT, &headers(&own, &named), &body).await);
    assert_eq!(
        (said(&again).1, second.calls()),
        (said(&reply).1, before),
        "its document is there for nothing"
    );
}

#[tokio::test]
async fn a_role_may_be_played_by_a_session_and_says_nothing_of_who_plays_in_it() {
    let server = Server::routed(
        "{}",
        |plan| {
            let role =
                RolePlan { primary: vec![Target::Provider(plan.providers.len())], ..RolePlan::default() };
            plan.providers.push(council());
            plan.roles.insert("adviser".into(), role);
        },
        |_| {},
    );
    let server = server.await;
    let mut body = question("A rate limiter", true);
    body["model"] = "role:adviser".into();
    let reply = ask(&server, CHAT, "", &body).await;
    assert_eq!((reply.status, reply.header("x-forge-route")), (200, Some("council")), "{}", reply.body);
    assert!(said(&reply).0.contains("critics are asked."), "{}", reply.body);
    assert!(server.calls() >= 5, "{}", server.calls());
}

#[tokio::test]
async fn what_a_session_takes_is_recorded_and_told_with_its_calls_alone() {
    let folder = Folder::new("gateway-session-records");
    let log = EventLog::default();
    let builder = System::builder(|_| None).state(&folder.0).events(log.clone());
    let server = Server::built("{}", builder, |providers| providers.push(council()), |_, _| {}).await;
    let reply = ask(&server, CHAT, "", &question("A rate limiter", false)).await;
    let name = reply.header("x-forge-session").unwrap();
    server.system.close(std::time::Duration::ZERO).await.unwrap();
    let total = server.system.store().unwrap().summary(&Filter::default(), &[]).unwrap().remove(0).figures;
    assert_eq!(total.attempts, server.calls() as u64, "one row for each call, and none for the session");
    log.close();
    let (mut reader, mut ended) = (Reader::new(log, 0).unwrap(), Vec::new());
    while let Some(Followed::Events(events)) = reader.take() {
        let events = events.iter().filter(|event| event.name == "call.ended");
        ended.extend(events.map(|event| serde_json::from_slice::<Value>(&event.json).unwrap()));
    }
    assert_eq!(ended.len(), server.calls() + 1);
    assert!(ended.iter().all(|event| event["tags"]["session"] == name), "{ended:?}");
    let tokens = |event: &Value| ["input", "output"].map(|class| event["tokens"][class].as_u64().unwrap());
    let own: Vec<_> = ended.iter().filter(|event| event["provider"] == "council").map(tokens).collect();
    assert_eq!(own, [[0, 0]]);
    let sum = |side: usize| ended.iter().map(|event| tokens(event)[side]).sum::<u64>();
    assert_eq!((sum(0), sum(1)), (total.tokens.input, total.tokens.output));
}

#[tokio::test]
async fn a_session_of_the_user_is_no_clients() {
    let server = start("{}", |_| {}).await;
    let plan = server.system.plan_session(SessionRequest::new(Topic::new("A secret"), Mode::Direct));
    let (name, session) = server.system.start(plan).await.unwrap();
    session.run().await.unwrap();
    let named = format!("x-forge-session: {name}\r\n");
    let reply = ask(&server, CHAT, &named, &question("A secret", false)).await;
    assert_eq!(reply.status, 404, "{}", reply.body);
}

#[tokio::test]
async fn the_budget_of_a_key_pauses_its_session_and_names_it() {
    let folder = Folder::new("gateway-session-budget");
    let server = guarded(&folder, |_| {}).await;
    let cap = |period| vec![KeyBudget::of_money(period, Money::from_nanos(30_000_000))];
    let monthly = key(&server, "monthly", cap(Period::Month)).await;
    let headers = format!("x-api-key: {monthly}\r\n");
    let refused = ask(&server, CHAT, &headers, &question("A rate limiter", false)).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(refused.body.contains("x-forge-session"), "{}", refused.body);
    // What never comes back is not waited for: the document is what there is money for, and says so.
    let once = key(&server, "once", cap(Period::Ever)).await;
    let reply =
        ask(&server, CHAT, &format!("x-api-key: {once}\r\n"), &question("A rate limiter", false)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(reply.body.contains("> DRAFT: "), "{}", reply.body);
}

#[tokio::test]
async fn tools_are_refused_left_alone_or_given_to_one_model() {
    let mut body = question("Look at a.txt", false);
    body["tools"] = json!([{"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {}}}}]);
    for (tools, status, calls) in [("refuse", 400, 0..1), ("direct", 200, 1..2), ("ignore", 200, 5..99)] {
        let server = start("{}", |plan| drop(plan.options.insert("tools".into(), tools.into()))).await;
        let reply = ask(&server, CHAT, "", &body).await;
        assert_eq!(reply.status, status, "{tools}: {}", reply.body);
        assert!(calls.contains(&server.calls()), "{tools}: {}", server.calls());
        assert_eq!(reply.body.contains("tools: direct"), tools == "refuse", "{}", reply.body);
    }
}

#[tokio::test]
async fn a_session_without_time_is_named_and_one_without_a_question_refused() {
    let server = Server::over(
        "latency: [{ first_byte_ms: { fixed: 300 } }]",
        |providers| providers.push(council()),
        |options| options.plan.timeout = std::time::Duration::from_millis(400),
    );
    let server = server.await;
    let late = ask(&server, CHAT, "", &question("A rate limiter", false)).await;
    assert_eq!(late.status, 504, "{}", late.body);
    assert!(late.body.contains("x-forge-session"), "{}", late.body);
    let nothing = ask(&server, CHAT, "", &question(" ", false)).await;
    assert_eq!(nothing.status, 400, "{}", nothing.body);
}
