//! What coding agents and the newest SDKs send to OpenAI, and its vendor answers.

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, post, start, with};

async fn responses(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::OpenAi, "/responses", &body).await
}

async fn chat(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::OpenAi, "/chat/completions", &body).await
}

async fn accepted(sim: &Sim, body: Value) -> Value {
    let reply = responses(sim, body.clone()).await;
    assert_eq!(reply.status, 200, "{body}: {}", reply.text());
    reply.json()
}

async fn refused(sim: &Sim, body: Value, param: &str) {
    let reply = responses(sim, body.clone()).await;
    assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(param)), "{body}");
}

/// A request as a coding agent sends it, with its tools in an item.
fn agent(said: &str) -> Value {
    json!({
        "model": "gpt-6.2-sol",
        "instructions": "You are a coding agent.",
        "store": false,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "session-1",
        "client_metadata": {"installation": "1"},
        "context_management": [{"type": "compaction", "compact_threshold": 100_000}],
        "moderation": {"model": "omni-moderation-latest"},
        "reasoning": {"effort": "medium", "summary": "auto"},
        "input": [
            {"type": "additional_tools", "role": "developer", "tools": [
                {"type": "namespace", "name": "functions", "tools": [
                    {"type": "custom", "name": "exec", "description": "Runs a script"},
                    {"type": "function", "name": "wait", "parameters": {}},
                ]},
                {"type": "web_search"},
                {"type": "tool_search", "execution": "client", "description": "d", "parameters": {}},
            ]},
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "one"}]},
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "two"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]},
        ],
    })
}

#[tokio::test]
async fn a_freeform_call_goes_round_under_its_namespace() {
    let sim = start().await;
    let mut body = agent("exec the script");
    let output = accepted(&sim, body.clone()).await["output"].clone();
    let call = output.as_array().unwrap().last().unwrap().clone();
    assert_eq!((&call["type"], &call["name"]), (&json!("custom_tool_call"), &json!("exec")));
    assert_eq!(call["namespace"], "functions");
    assert!(call["id"].as_str().unwrap().starts_with("ctc_"));
    assert!(call["input"].as_str().is_some_and(|input| !input.is_empty()), "{call}");
    let input = body["input"].as_array_mut().unwrap();
    input.extend(output.as_array().unwrap().iter().cloned());
    refused(&sim, body.clone(), "input").await;
    let answer =
        json!({"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "12 files changed"});
    body["input"].as_array_mut().unwrap().push(answer);
    assert!(accepted(&sim, body).await.to_string().contains("exec said: 12 files changed"));
}

#[tokio::test]
async fn a_freeform_call_streams_its_input() {
    let sim = start().await;
    let events = responses(&sim, with(agent("exec the script"), json!({"stream": true}))).await.events();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let pieces: String = of("response.custom_tool_call_input.delta")
        .iter()
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(of("response.custom_tool_call_input.done")[0]["input"], pieces.as_str());
    assert!(of("response.function_call_arguments.delta").is_empty());
}

#[tokio::test]
async fn items_of_agents_are_read() {
    let sim = start().await;
    let with_items = |items: &[Value]| {
        let mut body = agent("go on");
        body["input"].as_array_mut().unwrap().splice(0..0, items.iter().cloned());
        body
    };
    let tools = json!([{"type": "function", "name": "found", "parameters": {}}]);
    let fine = [
        json!({"type": "compaction", "encrypted_content": "AAAA"}),
        json!({"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {}}),
        json!({"type": "tool_search_output", "call_id": "s", "execution": "client", "tools": tools}),
        json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
        json!({"type": "function_call", "call_id": "c", "name": "wait", "namespace": "functions",
               "arguments": "{}"}),
        json!({"type": "function_call_output", "call_id": "c", "output": [
            {"type": "input_text", "text": "done"}]}),
    ];
    accepted(&sim, with_items(&fine)).await;
    refused(&sim, with_items(&[json!({"type": "compaction"})]), "input[0].encrypted_content").await;
    refused(&sim, with_items(&[json!({"type": "additional_tools"})]), "input[0].tools").await;
    refused(&sim, with_items(&[json!({"type": "nonsense"})]), "input[0].type").await;
    let unknown = json!({"type": "additional_tools", "tools": [{"type": "nonsense"}]});
    refused(&sim, with_items(&[unknown]), "input[0].tools[0].type").await;
}

#[tokio::test]
async fn reasoning_may_come_back_without_its_id() {
    let sim = start().await;
    let mut body = agent("exec the script");
    let mut output = accepted(&sim, body.clone()).await["output"].as_array().unwrap().clone();
    let call_id = output.last().unwrap()["call_id"].clone();
    for item in &mut output {
        item.as_object_mut().unwrap().remove("id");
    }
    assert_eq!(output[0]["type"], "reasoning");
    let input = body["input"].as_array_mut().unwrap();
    input.extend(output);
    input.push(json!({"type": "custom_tool_call_output", "call_id": call_id, "output": "r"}));
    accepted(&sim, body.clone()).await;
    body["input"][4].as_object_mut().unwrap().remove("encrypted_content");
    refused(&sim, body, "input[4].id").await;
}

#[tokio::test]
async fn a_tool_choice_needs_something_to_choose() {
    let sim = start().await;
    let ask = |more: Value| with(json!({"model": "gpt-6.2-sol", "input": "hi", "store": false}), more);
    let own = json!([{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]);
    let allowed = |name: &str, mode: &str| json!({"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": name}]});
    for more in [
        json!({"tools": [], "tool_choice": "auto"}),
        json!({"tool_choice": "none"}),
        json!({"tools": [{"type": "web_search"}], "tool_choice": "required"}),
        json!({"tools": [{"type": "web_search_preview_2025_03_11"}], "tool_choice": {"type": "web_search_preview"}}),
        json!({"tools": own, "tool_choice": {"type": "web_search"}}),
        json!({"tools": own, "tool_choice": allowed("f", "auto")}),
    ] {
        accepted(&sim, ask(more)).await;
    }
    let forced = accepted(&sim, ask(json!({"tools": own, "tool_choice": allowed("f", "required")}))).await;
    assert_eq!(forced["output"].as_array().unwrap().last().unwrap()["name"], "f");
    for more in [
        json!({"tools": [], "tool_choice": "required"}),
        json!({"tools": own, "tool_choice": {"type": "file_search"}}),
        json!({"tools": own, "tool_choice": allowed("g", "auto")}),
        json!({"tools": own, "tool_choice": {"type": "custom", "name": "f"}}),
    ] {
        refused(&sim, ask(more), "tool_choice").await;
    }
    refused(&sim, ask(json!({"tools": [{"type": "nonsense"}]})), "tools[0].type").await;
    refused(&sim, ask(json!({"client_metadata": "x"})), "client_metadata").await;
}

fn question(more: Value) -> Value {
    with(json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Tell me about exec"}]}), more)
}

#[tokio::test]
async fn log_probabilities_cover_the_whole_text() {
    let sim = start().await;
    let wanted = json!({"logprobs": true, "top_logprobs": 2});
    let whole = chat(&sim, question(wanted.clone())).await.json()["choices"][0].clone();
    let joined = |entries: &Value| -> String {
        let entries = entries["content"].as_array().into_iter().flatten();
        entries.map(|entry| entry["token"].as_str().unwrap()).collect()
    };
    assert_eq!(joined(&whole["logprobs"]), whole["message"]["content"].as_str().unwrap());
    let first = &whole["logprobs"]["content"][0];
    assert!(first["logprob"].as_f64().unwrap() < 0.0);
    assert_eq!(first["top_logprobs"].as_array().unwrap().len(), 2);
    let events = chat(&sim, question(with(wanted, json!({"stream": true})))).await.events();
    let text: String = events.iter().map(|event| joined(&event["choices"][0]["logprobs"])).collect();
    assert_eq!(text, whole["message"]["content"].as_str().unwrap());
    assert_eq!(chat(&sim, question(json!({}))).await.json()["choices"][0]["logprobs"], Value::Null);
    let alone = chat(&sim, question(json!({"top_logprobs": 2}))).await;
    assert_eq!(alone.json()["error"]["param"], "top_logprobs");
}

#[tokio::test]
async fn chat_knows_freeform_tools_and_allowed_ones() {
    let sim = start().await;
    let tools = json!([
        {"type": "custom", "custom": {"name": "exec"}},
        {"type": "function", "function": {"name": "f"}},
    ]);
    let mut body = question(json!({"tools": tools, "moderation": {"model": "m"}}));
    let message = chat(&sim, body.clone()).await.json()["choices"][0]["message"].clone();
    let call = message["tool_calls"][0].clone();
    assert_eq!(call["type"], "custom");
    assert!(call["custom"]["input"].is_string());
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "ran"}));
    let reply = chat(&sim, body).await;
    assert!(reply.text().contains("exec said: ran"), "{}", reply.text());
    let allowed = |name: &str| {
        let entry = json!({"type": "function", "function": {"name": name}});
        let choice =
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [entry]}});
        question(json!({"tools": tools, "tool_choice": choice}))
    };
    let forced = chat(&sim, allowed("f")).await.json();
    assert_eq!(forced["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "f");
    assert_eq!(chat(&sim, allowed("g")).await.status, 400);
}
