//! Conversations that Anthropic keeps, so that a turn brings only what is new.

use forge_sim::Sim;
use serde_json::{Value, json};

use crate::client::{KEY, Reply, send, start, with};

async fn ask(sim: &Sim, beta: &str, body: &Value) -> Reply {
    let headers = [
        ("x-api-key", KEY),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", beta),
        ("content-type", "application/json"),
    ];
    send(sim, "POST", "/anthropic/v1/messages?beta=true", &headers, body.to_string().as_bytes()).await
}

async fn threaded(sim: &Sim, body: &Value) -> Reply {
    ask(sim, "message-threads-2026-08-12", body).await
}

fn turn(thread: Value, messages: Value) -> Value {
    json!({"model": "claude-sonnet-5-5", "max_tokens": 500, "thread": thread, "messages": messages})
}

fn first() -> Value {
    let tool = json!({"name": "get_weather", "input_schema": {"type": "object"}});
    let opening = turn(json!({"type": "create"}), json!([{"role": "user", "content": "get_weather"}]));
    with(opening, json!({"system": "Be brief.", "tools": [tool]}))
}

fn next(id: &Value, messages: Value) -> Value {
    turn(json!({"type": "continue", "previous_message_id": id}), messages)
}

async fn refused(sim: &Sim, body: &Value, status: u16, code: &str) {
    let reply = threaded(sim, body).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["details"]["error_code"]),
        (status, &json!(code)),
        "{body}"
    );
}

#[tokio::test]
async fn a_thread_goes_on_with_the_new_messages_alone() {
    let sim = start().await;
    let called = threaded(&sim, &first()).await.json();
    assert_eq!(called["stop_reason"], "tool_use", "{called}");
    let call = called["content"].as_array().unwrap().last().unwrap();
    let result = json!({"type": "tool_result", "tool_use_id": call["id"], "content": "12 degrees"});
    let second = next(&called["id"], json!([{"role": "user", "content": [result]}]));
    let told = threaded(&sim, &second).await.json();
    assert!(told.to_string().contains("12 degrees"), "{told}");
    // The whole conversation is paid for.
    let grown = |reply: &Value| reply["usage"]["input_tokens"].as_u64().unwrap();
    assert!(grown(&told) > grown(&called));
    let third = next(&told["id"], json!([{"role": "user", "content": "Thanks."}]));
    assert_eq!(threaded(&sim, &third).await.status, 200);
}

#[tokio::test]
async fn what_a_thread_cannot_do_is_refused_by_code() {
    let sim = start().await;
    let hello = json!([{"role": "user", "content": "Hello"}]);
    let opened = threaded(&sim, &turn(json!({"type": "create"}), hello.clone())).await.json();
    let id = &opened["id"];
    refused(&sim, &next(&json!("msg_nought"), hello.clone()), 404, "thread_not_found").await;
    let moved = with(next(id, hello.clone()), json!({"model": "claude-opus-5"}));
    refused(&sim, &moved, 400, "thread_fingerprint_mismatch").await;
    let other = with(next(id, hello.clone()), json!({"system": "Be long."}));
    refused(&sim, &other, 400, "thread_fingerprint_mismatch").await;
    assert_eq!(threaded(&sim, &next(id, hello.clone())).await.status, 200);
    refused(&sim, &next(id, hello.clone()), 400, "thread_already_continued").await;

    let without =
        ask(&sim, "context-management-2025-06-27", &turn(json!({"type": "create"}), hello.clone())).await;
    assert!(without.text().contains("thread: Extra inputs are not permitted"), "{}", without.text());
    let plain = json!({"model": "claude-sonnet-5-5", "max_tokens": 500, "messages": hello});
    let plain = threaded(&sim, &plain).await.json();
    refused(&sim, &next(&plain["id"], hello), 404, "thread_not_found").await;
}
