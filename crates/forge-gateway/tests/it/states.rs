//! State of vendors over clients that speak another dialect.

use serde_json::{Value, json};

use crate::{client::post, server::Server};

/// What the simulated vendor was asked last.
fn last(server: &Server) -> String {
    server.sim.journal().last().unwrap().body.to_string()
}

/// Asks through Chat Completions until a tool is called, and answers the call.
async fn loop_of_tools(server: &Server, model: &str, choice: &str) -> Value {
    let tool = json!({"type": "function", "function": {"name": "search", "description": "Search.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}}});
    let mut messages = vec![json!({"role": "user", "content": "Search for the answer."})];
    let mut body = json!({"model": model, "max_tokens": 2_000, "reasoning_effort": "high", "tools": [tool],
        "tool_choice": choice, "messages": messages});
    let first = post(server.address, "/v1/chat/completions", &body).await.json();
    let message = first["choices"][0]["message"].clone();
    let call = &message["tool_calls"][0];
    assert!(call["id"].is_string(), "{first}");
    // As clients send it back that know of no state: the call and nothing else.
    messages.push(json!({"role": "assistant", "content": message["content"], "tool_calls": [
        {"id": call["id"], "type": "function", "function": call["function"]}]}));
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "42"}));
    (body["messages"], body["tool_choice"]) = (json!(messages), json!("auto"));
    let second = post(server.address, "/v1/chat/completions", &body).await;
    assert_eq!(second.status, 200, "{}", second.body);
    message
}

#[tokio::test]
async fn a_client_that_keeps_only_the_id_of_a_call_loses_no_state_of_its_vendor() {
    let server = Server::start("{}").await;
    loop_of_tools(&server, "provider:google", "required").await;
    let asked = last(&server);
    assert!(asked.contains("thoughtSignature") && !asked.contains("skip_thought"), "{asked}");
    loop_of_tools(&server, "provider:anthropic", "auto").await;
    let asked = last(&server);
    assert!(asked.contains(r#""type":"thinking""#) && asked.contains("signature"), "{asked}");
}

#[tokio::test]
async fn state_goes_to_nobody_but_the_model_that_gave_it() {
    let server = Server::start("{}").await;
    let message = loop_of_tools(&server, "provider:google", "required").await;
    let id = &message["tool_calls"][0]["id"];
    let body = json!({"model": "provider:openai", "messages": [
        {"role": "user", "content": "Search."},
        {"role": "assistant", "content": null, "tool_calls": message["tool_calls"]},
        {"role": "tool", "tool_call_id": id, "content": "42"}]});
    let reply = post(server.address, "/v1/chat/completions", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(!last(&server).contains("ignature"), "{}", last(&server));
}

#[tokio::test]
async fn state_that_is_too_large_for_an_id_is_remembered() {
    let calls = "tool_calls: [{name: search, arguments: {query: x}}]";
    for (times, is_sealed) in [(50, true), (700, false)] {
        let thinking = "why ".repeat(times);
        let rule = format!("rules: [{{vendor: ollama, reply: {{thinking: '{thinking}', {calls}}}}}]");
        let server = Server::start(&rule).await;
        let message = loop_of_tools(&server, "provider:local", "auto").await;
        let id = message["tool_calls"][0]["id"].as_str().unwrap();
        assert_eq!(id.contains("_fg1_"), is_sealed, "{id}");
        assert!(last(&server).contains("why why why"), "{}", last(&server));
    }
}

#[tokio::test]
async fn state_that_its_vendor_refuses_is_left_out_at_once_and_the_route_stays() {
    let server = Server::start("{}").await;
    for round in 1..=6 {
        let wrong = json!([{"type": "thinking", "thinking": "hm", "signature": "c2lnbmVkIGJ5IG5vYm9keQ=="},
            {"type": "text", "text": "So."}]);
        let body = json!({"model": "provider:anthropic", "max_tokens": 2_000, "thinking": {"type": "adaptive"},
            "messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": wrong},
                {"role": "user", "content": "Go on."}]});
        let reply = post(server.address, "/v1/messages", &body).await;
        assert_eq!((reply.status, reply.header("x-forge-route")), (200, Some("anthropic")), "{}", reply.body);
        assert_eq!(reply.header("x-forge-attempts"), Some("2"), "{}", reply.head);
        let asked = server.sim.journal();
        assert_eq!(asked.len(), 2 * round, "once more on the same route, and its circuit stays closed");
        assert!(!asked.last().unwrap().body.to_string().contains("signature"), "{:?}", asked.last());
    }
}
