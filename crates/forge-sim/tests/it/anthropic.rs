use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{End, KEY, Reply, get, post, send, start, start_with, with};

async fn ask(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::Anthropic, "/v1/messages", &body).await
}

fn hello(model: &str) -> Value {
    json!({
        "model": model,
        "max_tokens": 4000,
        "messages": [{"role": "user", "content": "Tell me about rate limits"}],
    })
}

fn weather() -> Value {
    json!([
        {"name": "get_weather", "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        }},
        {"name": "get_time", "input_schema": {"type": "object", "properties": {}}},
    ])
}

async fn refused(sim: &Sim, body: Value) -> String {
    let reply = ask(sim, body).await;
    let error = reply.json();
    assert_eq!(reply.status, 400, "{error}");
    assert_eq!(error["type"], "error");
    assert_eq!(error["error"]["type"], "invalid_request_error");
    error["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_has_the_vendors_shape() {
    let sim = start().await;
    let reply = ask(&sim, hello("claude-sonnet-5-5")).await;
    assert_eq!((reply.status, reply.end), (200, End::Complete));
    assert!(reply.header("request-id").unwrap().starts_with("req_01"));
    let message = reply.json();
    assert!(message["id"].as_str().unwrap().starts_with("msg_01"));
    assert_eq!(message["role"], "assistant");
    assert_eq!(message["model"], "claude-sonnet-5-5");
    assert_eq!(message["stop_reason"], "end_turn");
    let text = message["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Simulated reply from Anthropic:"), "{text}");
    // 25 characters make 7 tokens, and 30 % more on this model's tokenizer.
    assert_eq!(message["usage"]["input_tokens"], 10);
    let tokens = (text.chars().count() as u64).div_ceil(4) * 13;
    assert_eq!(message["usage"]["output_tokens"], tokens.div_ceil(10));
}

#[tokio::test]
async fn a_stream_says_the_same_as_the_message() {
    let sim = start().await;
    let whole = ask(&sim, hello("claude-sonnet-4-5")).await.json();
    let body = with(hello("claude-sonnet-4-5"), json!({"stream": true}));
    let reply = ask(&sim, body).await;
    assert!(reply.header("content-type").unwrap().starts_with("text/event-stream"));
    let text = reply.text();
    assert!(!text.contains('\r') && text.contains("event: ping\n"));
    let events = reply.events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(kinds[kinds.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    for event in &events {
        assert!(text.contains(&format!("event: {}\n", event["type"].as_str().unwrap())));
    }
    let joined: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(joined, whole["content"][0]["text"].as_str().unwrap());
    assert_eq!(events[0]["message"]["usage"]["output_tokens"], 1);
    let last = &events[events.len() - 2];
    assert_eq!(last["usage"]["output_tokens"], whole["usage"]["output_tokens"]);
    assert_eq!(last["delta"]["stop_reason"], "end_turn");
    assert!(reply.chunks.len() >= events.len(), "each event is a write of its own");
}

#[tokio::test]
async fn two_parallel_calls_and_their_results_make_a_round_trip() {
    let sim = start().await;
    let mut body = with(hello("claude-opus-4-6"), json!({"tools": weather()}));
    body["messages"][0]["content"] = "get_weather and get_time please".into();
    body["thinking"] = json!({"type": "adaptive"});
    let message = ask(&sim, body.clone()).await.json();
    assert_eq!(message["stop_reason"], "tool_use");
    let content = message["content"].as_array().unwrap();
    let kinds: Vec<&str> = content.iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["thinking", "text", "tool_use", "tool_use"]);
    assert!(content[2]["input"]["city"].is_string());
    assert_eq!(content[3]["input"], json!({}));
    let results = json!([
        {"type": "tool_result", "tool_use_id": content[2]["id"], "content": "12 degrees"},
        {"type": "tool_result", "tool_use_id": content[3]["id"], "content": "noon"},
    ]);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": content}));
    messages.push(json!({"role": "user", "content": results}));
    let next = ask(&sim, body.clone()).await;
    assert_eq!(next.status, 200, "{}", next.text());
    let text = next.json().to_string();
    assert!(text.contains("get_weather said: 12 degrees"), "{text}");

    let mut altered = body.clone();
    altered["messages"][1]["content"][0]["signature"] = "AAAA".into();
    let text = refused(&sim, altered).await;
    assert!(text.starts_with("messages.1.content.0: Invalid `signature`"), "{text}");
    let mut other_model = body.clone();
    other_model["model"] = "claude-sonnet-4-6".into();
    assert!(refused(&sim, other_model).await.contains("`signature`"));
    let mut missing = body.clone();
    missing["messages"][2]["content"].as_array_mut().unwrap().pop();
    assert!(refused(&sim, missing).await.contains("without `tool_result` blocks"));
    let mut unknown = body.clone();
    unknown["messages"][2]["content"][0]["tool_use_id"] = "toolu_x".into();
    refused(&sim, unknown).await;
    let mut late = body.clone();
    late["messages"][2]["content"].as_array_mut().unwrap().insert(0, json!({"type": "text", "text": "here"}));
    assert!(refused(&sim, late).await.contains("must come first"));
    body.as_object_mut().unwrap().remove("tools");
    assert!(refused(&sim, body).await.contains("must define tools"));
}

#[tokio::test]
async fn a_streamed_call_without_arguments_has_only_an_empty_fragment() {
    let sim = start().await;
    let mut body = with(hello("claude-opus-5"), json!({"tools": weather(), "stream": true}));
    body["messages"][0]["content"] = "get_time".into();
    let events = ask(&sim, body).await.events();
    let fragments: Vec<&str> =
        events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(fragments, [""]);
}

#[tokio::test]
async fn a_call_cut_by_the_token_limit_stays_open() {
    let sim = start_with(
        "rules: [ { reply: { tool_calls: [ { name: get_weather, arguments: { city: a very long \
         name of a city that does not fit } } ] } } ]",
    )
    .await;
    let body = with(hello("claude-opus-4-5"), json!({"tools": weather(), "stream": true, "max_tokens": 8}));
    let events = ask(&sim, body).await.events();
    let json: String = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert!(json.starts_with("{\"city\":") && serde_json::from_str::<Value>(&json).is_err());
    assert!(!events.iter().any(|event| event["type"] == "content_block_stop"));
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "max_tokens");
}

#[tokio::test]
async fn recent_models_hide_their_thinking_behind_a_signature() {
    let sim = start().await;
    let hidden = with(hello("claude-opus-5"), json!({"thinking": {"type": "adaptive"}}));
    let block = ask(&sim, hidden).await.json()["content"][0].clone();
    assert_eq!((&block["type"], &block["thinking"]), (&json!("thinking"), &json!("")));
    assert!(block["signature"].as_str().unwrap().len() > 40);
    let shown =
        with(hello("claude-opus-5"), json!({"thinking": {"type": "adaptive", "display": "summarized"}}));
    let message = ask(&sim, shown).await.json();
    let text = message["content"][0]["thinking"].as_str().unwrap();
    assert!(text.starts_with("Simulated thinking:"));
    assert!(message["usage"]["output_tokens_details"]["thinking_tokens"].as_u64() > Some(20));
}

#[tokio::test]
async fn each_gate_refuses_in_the_vendors_words() {
    let sim = start().await;
    let cases = [
        ("claude-opus-5", json!({"temperature": 0.3}), "`temperature` is deprecated"),
        ("claude-haiku-5-5", json!({"top_k": 5}), "`top_k` is deprecated"),
        ("claude-sonnet-4-5", json!({"temperature": 1.5}), "temperature: range: 0..1"),
        ("claude-sonnet-4-5", json!({"temperature": 0.5, "top_p": 0.5}), "cannot both be specified"),
        (
            "claude-opus-4-7",
            json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}),
            "\"thinking.type.enabled\" is not supported",
        ),
        (
            "claude-opus-4-5",
            json!({"thinking": {"type": "enabled", "budget_tokens": 1000}}),
            "greater than or equal to 1024",
        ),
        (
            "claude-opus-4-5",
            json!({"thinking": {"type": "enabled", "budget_tokens": 4000}}),
            "`max_tokens` must be greater",
        ),
        ("claude-fable-5", json!({"thinking": {"type": "disabled"}}), "\"disabled\""),
        (
            "claude-opus-4-6",
            json!({"output_config": {"effort": "xhigh"}}),
            "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium.",
        ),
        ("claude-sonnet-4-5", json!({"thinking": {"type": "adaptive"}}), "adaptive thinking"),
        ("claude-sonnet-5-5", json!({"tools": weather(), "tool_choice": {"type": "any"}}), "tool_choice"),
        (
            "claude-sonnet-4-6",
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}),
            "prefill",
        ),
        (
            "claude-opus-4-7",
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}),
            "\"system\"",
        ),
        (
            "claude-opus-5",
            json!({"messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "system", "content": "c"},
            ]}),
            "\"system\"",
        ),
        ("claude-opus-5", json!({"max_tokens": 128_001}), "maximum allowed number"),
        ("claude-opus-5", json!({"max_tokens": 0, "stream": true}), "max_tokens: 0"),
        ("claude-opus-5", json!({"speed": "fast"}), "speed: Extra inputs are not permitted"),
        ("claude-opus-5", json!({"messages": []}), "at least one message"),
        (
            "claude-opus-5",
            json!({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
            "'additionalProperties' must be explicitly set to false",
        ),
    ];
    for (model, more, expected) in cases {
        let text = refused(&sim, with(hello(model), more)).await;
        assert!(text.contains(expected), "{model}: {text}");
    }
    let mut body = hello("claude-opus-5");
    body.as_object_mut().unwrap().remove("max_tokens");
    assert_eq!(refused(&sim, body).await, "max_tokens: Field required");
}

#[tokio::test]
async fn a_strict_tool_may_refer_but_not_to_itself() {
    let sim = start().await;
    let tool = |link: Value| {
        let schema = json!({
            "type": "object",
            "properties": {"first": {"$ref": "#/$defs/node"}, "last": {"$ref": "#/$defs/node"}},
            "required": ["first", "last"],
            "additionalProperties": false,
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {"link": {"$ref": "#/$defs/link"}},
                    "required": ["link"],
                    "additionalProperties": false,
                },
                "link": link,
            },
        });
        json!({"tools": [{"name": "walk", "strict": true, "input_schema": schema}]})
    };
    let plain = ask(&sim, with(hello("claude-opus-5"), tool(json!({"type": "string"})))).await;
    assert_eq!(plain.status, 200, "{}", plain.text());
    for target in ["#", "#/$defs", "#/$defs/node", "#/$defs/link"] {
        let text = refused(&sim, with(hello("claude-opus-5"), tool(json!({"$ref": target})))).await;
        assert!(text.contains("Recursive schemas"), "{target}: {text}");
    }
}

#[tokio::test]
async fn what_a_gate_refuses_on_one_model_another_accepts() {
    let sim = start().await;
    let cases = [
        ("claude-sonnet-4-5", json!({"temperature": 0.3})),
        ("claude-opus-5", json!({"temperature": 1.0})),
        (
            "claude-opus-4-8",
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}),
        ),
        (
            "claude-haiku-4-5",
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}),
        ),
        ("claude-opus-5", json!({"output_config": {"effort": "xhigh"}})),
        ("claude-opus-4-5-20251101", json!({})),
    ];
    for (model, more) in cases {
        let reply = ask(&sim, with(hello(model), more)).await;
        assert_eq!(reply.status, 200, "{model}: {}", reply.text());
    }
}

#[tokio::test]
async fn zero_tokens_warm_the_cache_and_answer_nothing() {
    let sim = start().await;
    let message = ask(&sim, with(hello("claude-opus-5"), json!({"max_tokens": 0}))).await.json();
    assert_eq!(message["content"], json!([]));
    assert_eq!(message["stop_reason"], "max_tokens");
}

#[tokio::test]
async fn the_token_limit_and_stop_sequences_cut_the_text() {
    let sim = start().await;
    let message = ask(&sim, with(hello("claude-sonnet-4-5"), json!({"max_tokens": 10}))).await.json();
    assert_eq!(message["stop_reason"], "max_tokens");
    assert_eq!(message["usage"]["output_tokens"], 10);
    // Tokens of newer models are shorter, and the limit still holds.
    let message = ask(&sim, with(hello("claude-opus-5"), json!({"max_tokens": 10}))).await.json();
    assert_eq!(message["stop_reason"], "max_tokens");
    assert_eq!(message["usage"]["output_tokens"], 10);
    let body = with(hello("claude-sonnet-4-5"), json!({"stop_sequences": ["Anthropic"]}));
    let message = ask(&sim, body).await.json();
    assert_eq!(message["stop_reason"], "stop_sequence");
    assert_eq!(message["stop_sequence"], "Anthropic");
    assert_eq!(message["content"][0]["text"], "Simulated reply from ");
}

#[tokio::test]
async fn a_cached_prefix_is_written_once_and_then_read() {
    let sim = start().await;
    let long = "x".repeat(8000);
    let body = |question: &str| {
        json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 100,
            "system": [
                {"type": "text", "text": long, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            ],
            "messages": [{"role": "user", "content": question}],
        })
    };
    let first = ask(&sim, body("question one")).await.json()["usage"].clone();
    assert_eq!(first["input_tokens"], 3);
    assert_eq!(first["cache_creation_input_tokens"], 2000);
    assert_eq!(first["cache_creation"]["ephemeral_1h_input_tokens"], 2000);
    assert_eq!(first["cache_creation"]["ephemeral_5m_input_tokens"], 0);
    let second = ask(&sim, body("question two")).await.json()["usage"].clone();
    assert_eq!(second["cache_read_input_tokens"], 2000);
    assert_eq!(second["cache_creation_input_tokens"], 0);
    assert_eq!(second["input_tokens"], 3);
}

#[tokio::test]
async fn structured_output_satisfies_its_schema() {
    let sim = start().await;
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["title", "score", "tags", "kind"],
        "properties": {
            "title": {"type": "string"},
            "score": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "kind": {"enum": ["a", "b"]},
            "next": {"anyOf": [{"$ref": "#/$defs/link"}, {"type": "null"}]},
        },
        "$defs": {"link": {
            "type": "object",
            "additionalProperties": false,
            "properties": {"href": {"type": "string", "format": "uri"}},
        }},
    });
    let format = json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}});
    let message = ask(&sim, with(hello("claude-opus-5"), format)).await.json();
    let value: Value = serde_json::from_str(message["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(value["score"], 1);
    assert_eq!(value["kind"], "a");
    assert_eq!(value["tags"].as_array().unwrap().len(), 1);
    assert_eq!(value["next"]["href"], "https://example.com/simulated");
}

#[tokio::test]
async fn a_refusal_is_a_good_status_with_details() {
    let sim = start().await;
    let mut body = hello("claude-opus-5");
    body["messages"][0]["content"] = "do it [[sim:refusal]]".into();
    let reply = ask(&sim, body).await;
    assert_eq!(reply.status, 200);
    let message = reply.json();
    assert_eq!(message["stop_reason"], "refusal");
    assert_eq!(message["content"], json!([]));
    assert_eq!(message["stop_details"]["type"], "refusal");
}

#[tokio::test]
async fn a_paused_turn_goes_on_when_it_is_sent_back() {
    let sim = start().await;
    let mut body = hello("claude-opus-5");
    body["messages"][0]["content"] = "search [[sim:pause]]".into();
    let message = ask(&sim, body.clone()).await.json();
    assert_eq!(message["stop_reason"], "pause_turn");
    let content = message["content"].clone();
    assert_eq!(content.as_array().unwrap().last().unwrap()["type"], "server_tool_use");
    body["messages"][0]["content"] = "search".into();
    body["messages"].as_array_mut().unwrap().push(json!({"role": "assistant", "content": content}));
    let next = ask(&sim, body).await;
    assert_eq!(next.json()["stop_reason"], "end_turn", "{}", next.text());
}

#[tokio::test]
async fn redacted_thinking_comes_back_or_is_refused() {
    let sim = start_with("rules: [ { quirks: [redacted_thinking] } ]").await;
    let mut body = with(hello("claude-opus-5"), json!({"thinking": {"type": "adaptive"}}));
    let content = ask(&sim, body.clone()).await.json()["content"].clone();
    assert_eq!(content[0]["type"], "redacted_thinking");
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": content}));
    messages.push(json!({"role": "user", "content": "go on"}));
    assert_eq!(ask(&sim, body.clone()).await.status, 200);
    body["messages"][1]["content"][0]["data"] = "AAAA".into();
    assert!(refused(&sim, body).await.contains("redacted_thinking"));
}

#[tokio::test]
async fn keys_and_versions_are_checked() {
    let sim = start().await;
    let path = "/anthropic/v1/models?limit=1";
    let version = ("anthropic-version", "2023-06-01");
    let cases: [(&[(&str, &str)], u16); 9] = [
        (&[("x-api-key", KEY), version], 200),
        (&[("authorization", "Bearer token"), version], 200),
        (&[version], 401),
        (&[("x-api-key", "sk-test-invalid"), version], 401),
        (&[("x-api-key", KEY), ("authorization", "Bearer token"), version], 401),
        (&[("x-api-key", KEY)], 400),
        (&[("x-api-key", KEY), ("anthropic-version", "2026-10-21")], 200),
        (&[("x-api-key", KEY), ("anthropic-version", "2023-01-01")], 400),
        (&[("x-api-key", KEY), ("anthropic-version", "newest")], 400),
    ];
    for (headers, status) in cases {
        let reply = send(&sim, "GET", path, headers, b"").await;
        assert_eq!(reply.status, status, "{headers:?}");
        if status == 401 {
            let error = reply.json();
            assert_eq!(error["error"]["type"], "authentication_error");
            assert_eq!(error["request_id"], Value::Null);
        }
    }
}

#[tokio::test]
async fn models_come_in_pages_and_alone() {
    let sim = start().await;
    let mut seen = Vec::new();
    let mut path = "/v1/models?limit=7".to_owned();
    loop {
        let page = get(&sim, Vendor::Anthropic, &path).await.json();
        let data = page["data"].as_array().unwrap();
        seen.extend(data.iter().map(|model| model["id"].as_str().unwrap().to_owned()));
        assert_eq!(page["first_id"], data[0]["id"]);
        if page["has_more"] == false {
            break;
        }
        path = format!("/v1/models?limit=7&after_id={}", page["last_id"].as_str().unwrap());
    }
    assert_eq!(seen.len(), 16);
    let before = format!("/v1/models?limit=2&before_id={}", seen[3]);
    let page = get(&sim, Vendor::Anthropic, &before).await.json();
    assert_eq!(page["last_id"], seen[2].as_str());
    let one = get(&sim, Vendor::Anthropic, "/v1/models/claude-opus-4-6").await.json();
    assert_eq!(one["capabilities"]["effort"]["xhigh"]["supported"], false);
    assert_eq!(one["lifecycle"], "active");
    let types = |model: &Value| model["capabilities"]["thinking"]["types"].clone();
    assert_eq!(types(&one)["disabled"]["supported"], true);
    let always = get(&sim, Vendor::Anthropic, "/v1/models/claude-opus-5-5").await.json();
    assert_eq!(types(&always)["disabled"]["supported"], false);
    assert_eq!(types(&always)["between_tools"]["supported"], false);
    let none = get(&sim, Vendor::Anthropic, "/v1/models/claude-2").await;
    assert_eq!((none.status, &none.json()["error"]["message"]), (404, &json!("model: claude-2")));
}

#[tokio::test]
async fn counting_agrees_with_the_usage() {
    let sim = start().await;
    let mut body = with(hello("claude-opus-5"), json!({"system": "Be short."}));
    let used = ask(&sim, body.clone()).await.json()["usage"]["input_tokens"].clone();
    body.as_object_mut().unwrap().remove("max_tokens");
    let path = "/v1/messages/count_tokens";
    let counted = post(&sim, Vendor::Anthropic, path, &body).await.json();
    assert_eq!(counted["input_tokens"], used);
    body["max_tokens"] = 5.into();
    assert_eq!(post(&sim, Vendor::Anthropic, path, &body).await.status, 400);
}

#[tokio::test]
async fn unknown_models_and_paths_are_not_found() {
    let sim = start().await;
    let reply = ask(&sim, hello("claude-opus-9")).await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.json()["error"]["type"], "not_found_error");
    let reply = post(&sim, Vendor::Anthropic, "/v1/complete", &json!({})).await;
    assert_eq!(reply.json()["error"]["type"], "not_found_error");
}
