//! A coding agent of Anthropic's kind through a whole loop, with all that it sends beside its question.

use forge_sim::Sim;
use serde_json::{Value, json};

use crate::client::{KEY, Reply, send, start_with, with};

const BETAS: &str = "claude-code-20250219,context-1m-2025-08-07,interleaved-thinking-2025-05-14,\
    context-management-2025-06-27,prompt-caching-scope-2026-01-05,effort-2025-11-24";

async fn call(sim: &Sim, path: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {KEY}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", BETAS),
        ("anthropic-dangerous-direct-browser-access", "true"),
        ("x-app", "cli"),
        ("x-stainless-retry-count", "0"),
        ("user-agent", "claude-cli/2.9.0 (external, cli)"),
        ("content-type", "application/json"),
    ];
    let reply = send(sim, "POST", path, &headers, body.to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

fn session(billing: &str, messages: Value) -> Value {
    let long = "A long instruction. ".repeat(600);
    let cached = json!({"type": "ephemeral", "ttl": "1h"});
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"command": {"type": "string"}, "timeout": {"type": "number"}},
        "required": ["command"],
        "additionalProperties": false,
    });
    json!({
        "model": "claude-opus-5",
        "max_tokens": 32_000,
        "stream": true,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": "{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"s\"}"},
        "system": [
            {"type": "text", "text": format!("x-anthropic-billing-header: cc_version=2.9.0.{billing}; cch={billing};")},
            {"type": "text", "text": "You are a coding agent.", "cache_control": cached},
            {"type": "text", "text": long, "cache_control": cached},
        ],
        "tools": [
            {"name": "Bash", "description": "Runs a command.", "input_schema": schema,
             "eager_input_streaming": true},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 8},
        ],
        "messages": messages,
    })
}

/// The blocks of a streamed message, and its usage.
fn message(reply: &Reply) -> (Vec<Value>, Value) {
    let mut blocks = Vec::new();
    let mut usage = Value::Null;
    for event in reply.events() {
        let delta = &event["delta"];
        let text = |field: &str| delta[field].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "message_start" => usage = event["message"]["usage"].clone(),
            "content_block_start" => blocks.push(with(event["content_block"].clone(), json!({"json": ""}))),
            "content_block_delta" => {
                let block: &mut Value = blocks.last_mut().unwrap();
                for (field, piece) in [
                    ("text", "text"),
                    ("thinking", "thinking"),
                    ("signature", "signature"),
                    ("json", "partial_json"),
                ] {
                    if delta.get(piece).is_some() {
                        let so_far = block[field].as_str().unwrap_or_default().to_owned();
                        block[field] = (so_far + &text(piece)).into();
                    }
                }
            }
            _ => {}
        }
    }
    for block in &mut blocks {
        let json = block.as_object_mut().unwrap().remove("json").unwrap();
        if block["type"] == "tool_use" {
            block["input"] = serde_json::from_str(json.as_str().unwrap()).unwrap();
        }
    }
    (blocks, usage)
}

#[tokio::test]
async fn a_tool_goes_round_with_everything_that_the_agent_adds() {
    let script = "rules:
      - { model: claude-opus-5, nth: 1, path: /v1/messages,
          reply: { tool_calls: [ { name: Bash, arguments: { command: ls } } ] } }";
    let sim = start_with(script).await;
    let path = "/anthropic/v1/messages?beta=true";
    assert_eq!(send(&sim, "HEAD", "/anthropic/", &[], b"").await.status, 200);
    let quota = json!({"model": "claude-haiku-4-5", "max_tokens": 1, "metadata": {"user_id": "u"},
                       "messages": [{"role": "user", "content": "quota"}]});
    call(&sim, path, &quota).await;

    let reminder = json!({"type": "text", "text": "<system-reminder>\nBe quick.\n</system-reminder>"});
    let asked = json!({"type": "text", "text": "List the files.", "cache_control": {"type": "ephemeral"}});
    let mut talk = json!([{"role": "user", "content": [reminder, asked]}]);
    let (blocks, _) = message(&call(&sim, path, &session("a1f", talk.clone())).await);
    let tool = blocks.last().unwrap();
    assert_eq!((&tool["name"], &tool["input"]), (&json!("Bash"), &json!({"command": "ls"})));
    let result = json!({"type": "tool_result", "tool_use_id": tool["id"], "is_error": false,
                        "content": "Cargo.toml", "cache_control": {"type": "ephemeral"}});
    let turns = talk.as_array_mut().unwrap();
    turns.push(json!({"role": "assistant", "content": blocks}));
    turns.push(json!({"role": "user", "content": [result]}));
    turns.push(json!({"role": "system", "content": "The date has changed."}));

    let mut counted = session("a1f", talk.clone());
    for field in ["max_tokens", "stream", "metadata"] {
        counted.as_object_mut().unwrap().remove(field);
    }
    call(&sim, "/anthropic/v1/messages/count_tokens?beta=true", &counted).await;
    let (blocks, usage) = message(&call(&sim, path, &session("a1f", talk.clone())).await);
    assert!(blocks.last().unwrap()["text"].as_str().unwrap().contains("Bash said: Cargo.toml"), "{blocks:?}");
    assert!(usage["cache_read_input_tokens"].as_u64() > Some(3000), "{usage}");
    // Another session begins with another header, which the vendor takes out before it looks for the prompt.
    let (_, usage) = message(&call(&sim, path, &session("b2e", talk)).await);
    assert!(usage["cache_read_input_tokens"].as_u64() > Some(3000), "{usage}");
}
