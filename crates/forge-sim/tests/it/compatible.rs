//! Servers of the Chat dialect, each with its habits.

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, get, post, send, start, start_with, with};

fn server(id: &str) -> Vendor {
    id.parse().unwrap()
}

async fn ask(sim: &Sim, id: &str, body: &Value) -> Reply {
    let path = if server(id).base_path().ends_with("/v1") { "" } else { "/v1" };
    post(sim, server(id), &format!("{path}/chat/completions"), body).await
}

async fn accepted(sim: &Sim, id: &str, body: &Value) -> Value {
    let reply = ask(sim, id, body).await;
    assert_eq!(reply.status, 200, "{id}: {body}: {}", reply.text());
    reply.json()
}

async fn refused(sim: &Sim, id: &str, body: &Value, status: u16, words: &str) {
    let reply = ask(sim, id, body).await;
    assert_eq!(reply.status, status, "{id}: {body}: {}", reply.text());
    assert!(reply.text().contains(words), "{id}: {} lacks {words}", reply.text());
}

/// A model of each server; the first one thinks where any does.
const MODELS: &[(&str, &str)] = &[
    ("deepseek", "deepseek-v4-pro"),
    ("mistral", "magistral-medium-latest"),
    ("groq", "openai/gpt-oss-120b"),
    ("xai", "grok-4.5"),
    ("openrouter", "anthropic/claude-sonnet-5.5"),
    ("moonshot", "kimi-k3"),
    ("cerebras", "gpt-oss-120b"),
    ("perplexity", "sonar-reasoning-pro"),
    ("together", "deepseek-ai/DeepSeek-V4"),
    ("zai", "glm-5.2"),
    ("minimax", "MiniMax-M3"),
    ("dashscope", "qwen3.5-plus"),
    ("copilot", "gpt-5-mini"),
    ("google-compatible", "gemini-3.8-flash"),
    ("sglang", "qwen3"),
    ("strict-template", "qwen3"),
    ("strict-template-vllm", "qwen3"),
];

fn model(id: &str) -> &'static str {
    MODELS.iter().find(|(known, _)| *known == id).unwrap().1
}

fn hello(id: &str) -> Value {
    said(id, json!([{"role": "user", "content": "Tell me about disks"}]))
}

fn said(id: &str, messages: Value) -> Value {
    json!({"model": model(id), "messages": messages})
}

/// Two turns with a tool, of which the first is answered.
async fn second_turn(sim: &Sim, id: &str) -> Value {
    let function = json!({"name": "add", "parameters": {"type": "object", "properties": {}}});
    let tools = json!([{"type": "function", "function": function}]);
    let mut body = with(said(id, json!([{"role": "user", "content": "add"}])), json!({"tools": tools}));
    let message = accepted(sim, id, &body).await["choices"][0]["message"].clone();
    let call_id = message["tool_calls"][0]["id"].clone();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.push(json!({"role": "tool", "tool_call_id": call_id, "content": "3"}));
    body
}

#[tokio::test]
async fn every_server_answers_streams_and_lists_its_models() {
    let sim = start().await;
    let ids: Vec<&str> = Vendor::ALL
        .into_iter()
        .filter(|vendor| matches!(vendor, Vendor::Compatible(_)))
        .map(Vendor::id)
        .collect();
    let known: Vec<&str> = MODELS.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, known);
    for (id, model) in MODELS {
        let whole = accepted(&sim, id, &hello(id)).await;
        assert_eq!(whole["model"], *model);
        let start = format!("Simulated reply from {}:", server(id).display_name());
        assert!(whole.to_string().contains(&start), "{whole}");
        let events = ask(&sim, id, &with(hello(id), json!({"stream": true}))).await.events();
        assert_eq!(events.last().unwrap(), "[DONE]", "{id}");
        assert!(events.iter().any(|event| event["choices"][0]["finish_reason"] == "stop"));
        let path = if server(id).base_path().ends_with("/v1") { "/models" } else { "/v1/models" };
        let list = get(&sim, server(id), path).await.json();
        assert!(list["data"].to_string().contains(model), "{list}");
    }
}

#[tokio::test]
async fn each_server_refuses_its_own_fields() {
    let sim = start().await;
    let store = json!({"store": false});
    refused(&sim, "mistral", &with(hello("mistral"), store.clone()), 422, "Extra inputs are not permitted")
        .await;
    let reply = ask(&sim, "mistral", &with(hello("mistral"), store.clone())).await.json();
    assert_eq!(reply["message"]["detail"][0]["loc"], json!(["body", "store"]));
    for more in [
        json!({"stream": true, "stream_options": {"include_usage": true}}),
        json!({"max_completion_tokens": 5}),
        json!({"seed": 1}),
    ] {
        refused(&sim, "mistral", &with(hello("mistral"), more), 422, "extra_forbidden").await;
    }
    accepted(&sim, "mistral", &with(hello("mistral"), json!({"max_tokens": 50, "random_seed": 1}))).await;
    let cerebras = with(hello("cerebras"), store.clone());
    refused(&sim, "cerebras", &cerebras, 400, "property 'body.store' is unsupported").await;
    let google = with(hello("google-compatible"), store.clone());
    refused(&sim, "google-compatible", &google, 400, "Unknown name \\\"store\\\"").await;
    for id in ["deepseek", "groq", "xai", "openrouter", "moonshot", "together", "zai", "sglang"] {
        accepted(&sim, id, &with(hello(id), store.clone())).await;
    }
    let developer =
        |id: &str| said(id, json!([{"role": "developer", "content": "d"}, {"role": "user", "content": "a"}]));
    refused(&sim, "deepseek", &developer("deepseek"), 400, "unknown variant `developer`").await;
    accepted(&sim, "openrouter", &developer("openrouter")).await;
    let format =
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}});
    refused(&sim, "deepseek", &with(hello("deepseek"), format.clone()), 400, "response_format type").await;
    accepted(&sim, "groq", &with(hello("groq"), format)).await;
}

#[tokio::test]
async fn thoughts_come_in_the_place_of_each_server() {
    let sim = start().await;
    let starts = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("Simulated thinking"));
    for (id, field) in [
        ("deepseek", "reasoning_content"),
        ("moonshot", "reasoning_content"),
        ("groq", "reasoning"),
        ("cerebras", "reasoning"),
        ("openrouter", "reasoning"),
    ] {
        let message = accepted(&sim, id, &hello(id)).await["choices"][0]["message"].clone();
        assert!(starts(&message[field]), "{message}");
        let events = ask(&sim, id, &with(hello(id), json!({"stream": true}))).await.events();
        let pieces: String =
            events.iter().filter_map(|event| event["choices"][0]["delta"][field].as_str()).collect();
        assert_eq!(message[field], pieces.as_str(), "{id}");
    }
    let message = accepted(&sim, "mistral", &hello("mistral")).await["choices"][0]["message"].clone();
    assert!(starts(&message["content"][0]["thinking"][0]["text"]), "{message}");
    assert_eq!(message["content"][1]["type"], "text");
    let message = accepted(&sim, "perplexity", &hello("perplexity")).await["choices"][0].clone();
    assert!(message["message"]["content"].as_str().unwrap().starts_with("<think>\nSimulated thinking"));
    assert_eq!(message["delta"]["content"], "", "beside the message stands an empty delta");
    let off = with(hello("deepseek"), json!({"thinking": {"type": "disabled"}}));
    assert!(!accepted(&sim, "deepseek", &off).await.to_string().contains("reasoning_content"));
}

#[tokio::test]
async fn some_servers_want_their_thoughts_back() {
    let sim = start().await;
    let cases = [
        ("deepseek", "`reasoning_content` in the thinking mode must be passed back to the API"),
        ("moonshot", "reasoning_content is missing in assistant tool call message at index 1"),
    ];
    for (id, words) in cases {
        let mut body = second_turn(&sim, id).await;
        accepted(&sim, id, &body).await;
        let thoughts = body["messages"][1].as_object_mut().unwrap().remove("reasoning_content");
        assert!(thoughts.is_some());
        refused(&sim, id, &body, 400, words).await;
        body["thinking"] = json!({"type": "disabled"});
        accepted(&sim, id, &body).await;
    }
    let mut body = second_turn(&sim, "openrouter").await;
    accepted(&sim, "openrouter", &body).await;
    body["messages"][1]["reasoning_details"][0]["text"] = "altered".into();
    refused(&sim, "openrouter", &body, 400, "Invalid `signature` in `thinking` block").await;
    body["messages"][1].as_object_mut().unwrap().remove("reasoning_details");
    accepted(&sim, "openrouter", &body).await;
}

#[tokio::test]
async fn some_servers_do_not_want_them() {
    let sim = start().await;
    for (id, field, status, words) in [
        ("mistral", "reasoning_content", 422, "extra_forbidden"),
        (
            "cerebras",
            "reasoning_content",
            400,
            "property 'messages.1.assistant.reasoning_content' is unsupported",
        ),
        ("groq", "reasoning_content", 400, "property 'reasoning_content' is unsupported"),
    ] {
        let mut body = second_turn(&sim, id).await;
        accepted(&sim, id, &body).await;
        body["messages"][1][field] = "hm".into();
        refused(&sim, id, &body, status, words).await;
    }
    let mut body = second_turn(&sim, "mistral").await;
    for position in [1, 2] {
        let field = if position == 1 { "/tool_calls/0/id" } else { "/tool_call_id" };
        *body["messages"][position].pointer_mut(field).unwrap() = "call_0123456789".into();
    }
    refused(&sim, "mistral", &body, 400, "must be a-z, A-Z, 0-9, with a length of 9").await;
}

#[tokio::test]
async fn ids_of_calls_repeat_where_they_do() {
    let sim = start().await;
    for (id, expected) in [("xai", "call_0"), ("moonshot", "functions.add:0")] {
        for _ in 0..2 {
            let body = second_turn(&sim, id).await;
            assert_eq!(body["messages"][1]["tool_calls"][0]["id"], expected);
        }
    }
}

#[tokio::test]
async fn usage_has_the_shape_of_each_server() {
    let sim = start().await;
    let long = |id: &str| said(id, json!([{"role": "user", "content": "c".repeat(4 * 300)}]));
    let cached = |id: &'static str, pointer: &'static str| (id, pointer);
    for (id, pointer) in [
        cached("deepseek", "/prompt_cache_hit_tokens"),
        cached("mistral", "/num_cached_tokens"),
        cached("moonshot", "/cached_tokens"),
        cached("together", "/cached_tokens"),
        cached("xai", "/prompt_tokens_details/cached_tokens"),
    ] {
        accepted(&sim, id, &long(id)).await;
        let usage = accepted(&sim, id, &long(id)).await["usage"].clone();
        assert_eq!(usage["prompt_tokens"], 300, "{id}");
        assert_eq!(usage.pointer(pointer), Some(&json!(256)), "{id}: {usage}");
    }
    for id in ["xai", "google-compatible"] {
        let usage = accepted(&sim, id, &hello(id)).await["usage"].clone();
        let number = |name: &str| usage[name].as_u64().unwrap();
        assert!(number("total_tokens") > number("prompt_tokens") + number("completion_tokens"), "{usage}");
    }
    let stream = |id: &str| with(hello(id), json!({"stream": true}));
    let finish = async |id: &str, body: Value| {
        let events = ask(&sim, id, &body).await.events();
        events.into_iter().find(|event| event["choices"][0]["finish_reason"] == "stop").unwrap()
    };
    let chunk = finish("moonshot", stream("moonshot")).await;
    assert!(
        chunk["choices"][0]["usage"]["prompt_tokens"].is_u64() && chunk.get("usage").is_none(),
        "{chunk}"
    );
    assert!(finish("mistral", stream("mistral")).await["usage"]["prompt_tokens"].is_u64());
    assert!(finish("xai", stream("xai")).await.get("usage").is_none(), "it was not asked for");
}

#[tokio::test]
async fn a_strict_template_wants_turns_that_alternate() {
    let sim = start().await;
    for (id, status, prefix) in
        [("strict-template", 500, "Jinja Exception: "), ("strict-template-vllm", 400, "")]
    {
        let turns = |roles: &[(&str, &str)]| {
            let list: Vec<Value> =
                roles.iter().map(|(role, text)| json!({"role": role, "content": text})).collect();
            said(id, list.into())
        };
        accepted(&sim, id, &turns(&[("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c")]))
            .await;
        let tools = second_turn(&sim, id).await;
        accepted(&sim, id, &tools).await;
        let alternate = "onversation roles must alternate user/assistant/user/assistant/...";
        let cases = [
            (turns(&[("user", "a"), ("user", "b")]), alternate),
            (turns(&[("assistant", "a"), ("user", "b")]), alternate),
            (turns(&[("user", "a"), ("assistant", ""), ("user", "b")]), "must have either content or tool"),
            (turns(&[("user", "a"), ("system", "s")]), "System message must be at the beginning"),
            (turns(&[("system", "s"), ("system", "s"), ("user", "a")]), "System message must be"),
        ];
        for (body, words) in cases {
            refused(&sim, id, &body, status, words).await;
            let error = ask(&sim, id, &body).await.json()["error"].clone();
            assert!(error["message"].as_str().unwrap().starts_with(prefix));
            assert_eq!(error["code"], status, "an integer");
        }
    }
    let last = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]);
    refused(&sim, "mistral", &said("mistral", last.clone()), 400, "Expected last role User or Tool").await;
    refused(&sim, "perplexity", &said("perplexity", last.clone()), 400, "Last message must have role").await;
    accepted(&sim, "groq", &said("groq", last)).await;
    let empty = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": ""},
                       {"role": "user", "content": "b"}]);
    refused(
        &sim,
        "moonshot",
        &said("moonshot", empty),
        400,
        "position 1 with role 'assistant' must not be empty",
    )
    .await;
}

#[tokio::test]
async fn keys_models_and_windows_are_refused_in_each_servers_words() {
    let sim = start().await;
    let cases: &[(&str, u16, &str, u16, &str, &str)] = &[
        ("deepseek", 401, "Authentication Fails", 400, "Model Not Exist", "maximum context length is"),
        ("mistral", 401, "Unauthorized", 400, "Invalid model: nope", "too large for model with"),
        ("xai", 400, "Incorrect API key", 404, "The model nope does not exist", "maximum prompt length is"),
        (
            "openrouter",
            401,
            "No auth credentials",
            400,
            "nope is not a valid model ID",
            "maximum context length",
        ),
        (
            "moonshot",
            401,
            "Invalid Authentication",
            404,
            "Not found the model nope",
            "exceeded model token limit",
        ),
        ("cerebras", 401, "Wrong API Key", 404, "Model nope does not exist", "Please reduce the length"),
        ("zai", 401, "\"1000\"", 400, "\"1211\"", "\"1261\""),
        ("minimax", 401, "login fail", 400, "unknown model 'nope'", "context window exceeds limit"),
        (
            "dashscope",
            401,
            "Invalid API key",
            404,
            "`nope` does not exist",
            "Range of input length should be [1,",
        ),
        ("copilot", 401, "Invalid API key", 400, "model_not_supported", "exceeds the limit of 128000"),
        ("groq", 401, "Invalid API Key", 404, "The model `nope` does not exist", "Please reduce the length"),
    ];
    for (id, key_status, key, model_status, unknown, window) in cases {
        let path = format!("/{id}/v1/chat/completions");
        for headers in [vec![], vec![("authorization", "Bearer sk-invalid")]] {
            let headers = [headers, vec![("content-type", "application/json")]].concat();
            let reply = send(&sim, "POST", &path, &headers, hello(id).to_string().as_bytes()).await;
            assert_eq!(reply.status, *key_status, "{id}");
            assert!(reply.text().contains(key), "{id}: {}", reply.text());
        }
        refused(&sim, id, &with(hello(id), json!({"model": "nope"})), *model_status, unknown).await;
        let long = said(id, json!([{"role": "user", "content": "w".repeat(4 * 1_100_000)}]));
        refused(&sim, id, &long, 400, window).await;
    }
    accepted(&sim, "sglang", &with(hello("sglang"), json!({"model": "anything"}))).await;
}

#[tokio::test]
async fn scenarios_speak_of_these_servers_by_id() {
    let quota = start_with(
        "rules:
           - { vendor: moonshot, error: { kind: quota_exhausted } }
           - { vendor: zai, error: { kind: quota_exhausted } }
           - { vendor: deepseek, error: { kind: billing } }
           - { vendor: xai, error: { kind: quota_exhausted } }
           - { vendor: strict-template-vllm, stream_error: { kind: server, after_events: 2 } }",
    )
    .await;
    for (id, status, words) in [
        ("moonshot", 429, "exceeded_current_quota_error"),
        ("zai", 429, "\"1113\""),
        ("deepseek", 402, "Insufficient Balance"),
        ("xai", 429, "used all available credits"),
    ] {
        refused(&quota, id, &hello(id), status, words).await;
    }
    let id = "strict-template-vllm";
    let events = ask(&quota, id, &with(hello(id), json!({"stream": true}))).await.events();
    assert_eq!((&events[2]["error"]["code"], events.last().unwrap()), (&json!(500), &json!("[DONE]")));
    let journal = send(&quota, "GET", "/__sim/requests", &[], b"").await.text();
    assert!(journal.contains("\"vendor\":\"strict-template-vllm\""), "{journal}");
    let failed = said("groq", json!([{"role": "user", "content": "[[sim:malformed-call]]"}]));
    refused(&quota, "groq", &failed, 400, "\"code\":\"tool_use_failed\"").await;
    let keyed = start_with("keys: { sglang: secret }").await;
    assert_eq!(ask(&keyed, "sglang", &hello("sglang")).await.status, 401);
}
