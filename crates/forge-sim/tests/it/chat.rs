use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, get, post, send, start, start_with, with};

async fn ask(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::OpenAi, "/chat/completions", &body).await
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Tell me about queues"}]})
}

fn weather() -> Value {
    json!([{"type": "function", "function": {
        "name": "get_weather",
        "strict": true,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": false,
        },
    }}])
}

#[tokio::test]
async fn a_completion_has_the_vendors_shape() {
    let sim = start().await;
    let reply = ask(&sim, hello("gpt-4o")).await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("x-request-id").is_some());
    let body = reply.json();
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-4o-2026-11-01");
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["message"]["refusal"], Value::Null);
    let text = choice["message"]["content"].as_str().unwrap();
    assert!(text.starts_with("Simulated reply from OpenAI:"));
    let usage = &body["usage"];
    assert_eq!(usage["prompt_tokens"], 5);
    assert_eq!(usage["completion_tokens"], (text.chars().count() as u64).div_ceil(4));
    assert_eq!(usage["total_tokens"].as_u64().unwrap(), 5 + usage["completion_tokens"].as_u64().unwrap());
    assert!(usage["prompt_tokens_details"].get("cache_write_tokens").is_none());
}

#[tokio::test]
async fn a_stream_ends_with_finish_reason_usage_and_done() {
    let sim = start().await;
    let whole = ask(&sim, hello("gpt-4o")).await.json();
    let body = with(hello("gpt-4o"), json!({"stream": true, "stream_options": {"include_usage": true}}));
    let events = ask(&sim, body).await.events();
    let [.., finish, usage, done] = &events[..] else { panic!("{events:?}") };
    assert_eq!(done, "[DONE]");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"], whole["usage"]);
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(finish["choices"][0]["delta"], json!({}));
    assert_eq!(finish["usage"], Value::Null);
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"].as_str().unwrap());
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(events[1]["obfuscation"].is_string());
}

#[tokio::test]
async fn parallel_calls_stream_in_fragments_by_index() {
    let sim = start().await;
    let mut body = with(hello("gpt-4o"), json!({"tools": weather(), "stream": true}));
    body["messages"][0]["content"] = "get_weather twice".into();
    let events = ask(&sim, body).await.events();
    let mut calls = vec![(String::new(), String::new()); 2];
    for event in &events {
        for call in event["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let slot = &mut calls[usize::try_from(call["index"].as_u64().unwrap()).unwrap()];
            if let Some(id) = call["id"].as_str() {
                assert!(slot.0.is_empty(), "the id comes once");
                id.clone_into(&mut slot.0);
                assert_eq!(call["function"]["name"], "get_weather");
            }
            slot.1 += call["function"]["arguments"].as_str().unwrap();
        }
    }
    assert_ne!(calls[0].0, calls[1].0);
    for (_, arguments) in calls {
        let arguments: Value = serde_json::from_str(&arguments).unwrap();
        assert!(arguments["city"].is_string());
    }
    let finish = events.iter().find_map(|event| event["choices"][0]["finish_reason"].as_str());
    assert_eq!(finish, Some("tool_calls"));
}

#[tokio::test]
async fn tool_answers_pair_by_id() {
    let sim = start().await;
    let mut body = with(hello("gpt-4o"), json!({"tools": weather()}));
    body["messages"][0]["content"] = "get_weather".into();
    let message = ask(&sim, body.clone()).await.json()["choices"][0]["message"].clone();
    assert_eq!(message["content"], Value::Null);
    let id = message["tool_calls"][0]["id"].clone();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.push(json!({"role": "tool", "tool_call_id": id, "content": "12 degrees"}));
    let reply = ask(&sim, body.clone()).await;
    assert!(reply.text().contains("12 degrees"), "{}", reply.text());

    let mut mismatched = body.clone();
    mismatched["messages"][2]["tool_call_id"] = "call_x".into();
    let error = ask(&sim, mismatched).await;
    assert_eq!(error.status, 400);
    assert!(error.text().contains("must be a response to a preceeding message"));
    body["messages"].as_array_mut().unwrap().pop();
    let error = ask(&sim, body).await;
    assert!(error.text().contains("did not have response messages"));
}

#[tokio::test]
async fn each_gate_refuses_with_param_and_code() {
    let sim = start().await;
    let tools = weather();
    let mut loose = weather();
    loose[0]["function"]["parameters"]["required"] = json!([]);
    let cases = [
        ("gpt-5", json!({"max_tokens": 9}), json!("max_tokens"), json!("unsupported_parameter")),
        ("gpt-5", json!({"temperature": 0.2}), json!("temperature"), json!("unsupported_value")),
        ("gpt-5", json!({"logprobs": true}), json!("logprobs"), json!("unsupported_parameter")),
        ("o3", json!({"stop": ["x"]}), json!("stop"), json!("unsupported_parameter")),
        ("gpt-4o", json!({"temperature": 3}), json!("temperature"), json!("decimal_above_max_value")),
        (
            "gpt-6.2-sol",
            json!({"reasoning_effort": "none"}),
            json!("reasoning_effort"),
            json!("unsupported_value"),
        ),
        (
            "gpt-6.1-sol",
            json!({"reasoning_effort": "max"}),
            json!("reasoning_effort"),
            json!("unsupported_value"),
        ),
        (
            "gpt-4o",
            json!({"reasoning_effort": "low"}),
            json!("reasoning_effort"),
            json!("unsupported_parameter"),
        ),
        (
            "gpt-5.4",
            json!({"tools": tools, "reasoning_effort": "low"}),
            json!("reasoning_effort"),
            Value::Null,
        ),
        ("gpt-6-astra", json!({"tools": tools}), json!("reasoning_effort"), Value::Null),
        (
            "gpt-4o",
            json!({"stop": ["a", "b", "c", "d", "e"]}),
            json!("stop"),
            json!("array_above_max_length"),
        ),
        (
            "gpt-4o",
            json!({"tools": tools, "tool_choice": {"type": "function", "name": "get_weather"}}),
            json!("tool_choice.function.name"),
            json!("missing_required_parameter"),
        ),
        (
            "gpt-4o",
            json!({"tools": loose}),
            json!("tools[0].function.parameters"),
            json!("invalid_function_parameters"),
        ),
        ("gpt-4o", json!({"response_format": {"type": "json_object"}}), json!("messages"), Value::Null),
        ("gpt-4o", json!({"prompt": "x"}), Value::Null, Value::Null),
    ];
    for (model, more, param, code) in cases {
        let reply = ask(&sim, with(hello(model), more.clone())).await;
        let error = reply.json()["error"].clone();
        assert_eq!(reply.status, 400, "{model} {more}");
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!((&error["param"], &error["code"]), (&param, &code), "{error}");
    }
}

#[tokio::test]
async fn an_effort_that_only_responses_takes_is_not_offered() {
    let sim = start().await;
    let reply = ask(&sim, with(hello("gpt-6.1-sol"), json!({"reasoning_effort": "max"}))).await;
    let text = reply.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(text.ends_with("Supported values are: 'low', 'medium', 'high', 'xhigh'."), "{text}");
}

#[tokio::test]
async fn effort_none_frees_tools_and_sampling() {
    let sim = start().await;
    let more = json!({"tools": weather(), "reasoning_effort": "none", "temperature": 0.2});
    let reply = ask(&sim, with(hello("gpt-5.6-sol"), more)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
}

#[tokio::test]
async fn reasoning_is_counted_in_the_output_and_not_shown() {
    let sim = start().await;
    let body = ask(&sim, hello("gpt-5")).await.json();
    let usage = &body["usage"];
    let reasoning = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    let visible = (text.chars().count() as u64).div_ceil(4);
    assert!(reasoning > 20);
    assert_eq!(usage["completion_tokens"], visible + reasoning);
}

#[tokio::test]
async fn a_repeated_prefix_is_read_from_the_cache_and_still_counted() {
    let sim = start().await;
    let mut body = hello("gpt-5.6-sol");
    body["messages"][0]["content"] = "y".repeat(4 * 2000).into();
    let first = ask(&sim, body.clone()).await.json()["usage"].clone();
    assert_eq!(first["prompt_tokens"], 2000);
    assert_eq!(first["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(first["prompt_tokens_details"]["cache_write_tokens"], 1920);
    let second = ask(&sim, body).await.json()["usage"].clone();
    assert_eq!(second["prompt_tokens"], 2000);
    assert_eq!(second["prompt_tokens_details"]["cached_tokens"], 1920);
    assert_eq!(second["prompt_tokens_details"]["cache_write_tokens"], 0);
}

#[tokio::test]
async fn a_refusal_stands_in_its_own_field() {
    let sim = start().await;
    let mut body = hello("gpt-4o");
    body["messages"][0]["content"] = "[[sim:refusal]]".into();
    let message = ask(&sim, body.clone()).await.json()["choices"][0]["message"].clone();
    assert!(message["refusal"].as_str().unwrap().starts_with("Simulated refusal"));
    assert_eq!(message["content"], Value::Null);
    body["stream"] = true.into();
    let events = ask(&sim, body).await.events();
    let refusal: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["refusal"].as_str()).collect();
    assert_eq!(refusal, message["refusal"].as_str().unwrap());
}

#[tokio::test]
async fn the_context_window_and_unknown_models_have_their_codes() {
    let sim = start().await;
    let mut body = hello("gpt-4o");
    body["messages"][0]["content"] = "z".repeat(4 * 128_001).into();
    let reply = ask(&sim, body).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!("context_length_exceeded")));
    let reply = ask(&sim, hello("gpt-9")).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (404, &json!("model_not_found")));
    assert_eq!(reply.json()["error"]["param"], Value::Null);
}

#[tokio::test]
async fn keys_are_checked_and_models_listed() {
    let sim = start().await;
    let list = get(&sim, Vendor::OpenAi, "/models").await.json();
    let models = list["data"].as_array().unwrap();
    assert_eq!(models.len(), 25);
    let gpt5 = models.iter().find(|model| model["id"] == "gpt-5").unwrap();
    assert_eq!(gpt5["shutdown_date"], "2026-12-11");
    let bad = [("authorization", "Bearer sk-test-invalid")];
    let reply = send(&sim, "GET", "/openai/v1/models", &bad, b"").await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    let reply = send(&sim, "GET", "/openai/v1/models", &[], b"").await;
    assert_eq!(reply.status, 401);
    let reply = get(&sim, Vendor::OpenAi, "/models/gpt-4o").await;
    assert_eq!(reply.json()["id"], "gpt-4o");
}

#[tokio::test]
async fn quirks_bend_the_stream_as_seen_in_the_field() {
    let sim = start_with(
        "rules: [ { quirks: [whole_tool_call, no_index, no_id, object_arguments, finish_stop, no_done] } ]",
    )
    .await;
    let mut body = with(hello("gpt-4o"), json!({"tools": weather(), "stream": true}));
    body["messages"][0]["content"] = "get_weather".into();
    let events = ask(&sim, body).await.events();
    let call = &events[1]["choices"][0]["delta"]["tool_calls"][0];
    assert!(call.get("index").is_none() && call.get("id").is_none(), "{call}");
    assert!(call["function"]["arguments"].is_object());
    let last = events.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_moderation_chunk_follows_the_usage() {
    let sim = start_with("rules: [ { quirks: [moderation_chunk] } ]").await;
    let events = ask(&sim, with(hello("gpt-4o"), json!({"stream": true}))).await.events();
    let chunk = &events[events.len() - 2];
    assert_eq!(chunk["choices"], json!([]));
    assert_eq!(chunk["moderation"]["flagged"], false);
}
