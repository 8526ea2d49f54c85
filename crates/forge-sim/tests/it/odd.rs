//! Replies with a good status and something odd in them.

use forge_sim::{Scenario, Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, post, start, start_with, with};

/// Every dialect with a path and a body that asks for a stream.
fn streams() -> Vec<(Vendor, &'static str, Value)> {
    let messages = json!([{"role": "user", "content": "Tell me about odd numbers"}]);
    let chat = |model: &str| json!({"model": model, "messages": messages, "stream": true, "stream_options": {"include_usage": true}});
    vec![
        (
            Vendor::Anthropic,
            "/v1/messages",
            json!({"model": "claude-sonnet-4-5", "max_tokens": 500, "messages": messages, "stream": true}),
        ),
        (Vendor::OpenAi, "/chat/completions", chat("gpt-4o")),
        (Vendor::OpenAi, "/responses", json!({"model": "gpt-4o", "input": "Tell me", "stream": true})),
        (
            Vendor::Google,
            "/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
            json!({"contents": [{"parts": [{"text": "Tell me"}]}]}),
        ),
        (Vendor::Vllm, "/v1/chat/completions", chat("llama3.2")),
        (Vendor::Ollama, "/api/chat", json!({"model": "llama3.2", "messages": messages})),
        ("moonshot".parse().unwrap(), "/chat/completions", chat("kimi-k3")),
    ]
}

async fn ask(sim: &Sim, (vendor, path, body): &(Vendor, &'static str, Value)) -> Reply {
    post(sim, *vendor, path, body).await
}

/// Every usage object in a reply.
fn reported(events: &[Value]) -> Vec<Value> {
    let places = ["/usage", "/usageMetadata", "/message/usage", "/response/usage", "/choices/0/usage"];
    events
        .iter()
        .flat_map(|event| places.iter().filter_map(|place| event.pointer(place)))
        .filter(|usage| !usage.is_null())
        .cloned()
        .collect()
}

#[tokio::test]
async fn usage_may_be_of_any_number_and_of_any_type() {
    for (yaml, odd) in [
        ("-35", json!(-35)),
        ("1.5", json!(1.5)),
        ("null", Value::Null),
        ("\"many\"", json!("many")),
        ("9.0e+18", json!(9e18)),
        ("18446744073709551615", json!(u64::MAX)),
    ] {
        let fields = ["completion_tokens", "output_tokens", "candidatesTokenCount", "eval_count"];
        let usage: Vec<String> = fields.iter().map(|field| format!("{field}: {yaml}")).collect();
        let scenario =
            format!("rules: [ {{ reply: {{ text: fine, raw_usage: {{ {} }} }} }} ]", usage.join(", "));
        let sim = start_with(&scenario).await;
        for call in streams() {
            let reply = ask(&sim, &call).await;
            if call.0 == Vendor::Ollama {
                assert_eq!(reply.lines().last().unwrap()["eval_count"], odd);
                continue;
            }
            let usages = reported(&reply.events());
            assert!(!usages.is_empty(), "{}", reply.text());
            for usage in usages {
                assert!(fields.iter().any(|field| usage.get(field) == Some(&odd)), "{}: {usage}", call.0);
                assert!(usage.to_string().contains(':'), "the other counts stay");
            }
        }
    }
}

#[tokio::test]
async fn usage_may_be_no_object_at_all() {
    for (yaml, odd) in [("null", Value::Null), ("none", json!("none")), ("[]", json!([]))] {
        let sim = start_with(&format!("rules: [ {{ reply: {{ raw_usage: {yaml} }} }} ]")).await;
        let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 500, "stream": true,
                          "messages": [{"role": "user", "content": "Tell me"}]});
        let events = post(&sim, Vendor::Anthropic, "/v1/messages", &body).await.events();
        assert_eq!(events[0]["message"]["usage"], odd);
        assert_eq!(events[events.len() - 2]["usage"], odd);
        assert!(events[0]["message"].get("usage").is_some(), "it is there, and odd");
        let whole =
            post(&sim, Vendor::Anthropic, "/v1/messages", &with(body, json!({"stream": false}))).await;
        assert_eq!(whole.json()["usage"], odd);
    }
}

#[tokio::test]
async fn usage_may_stand_inside_the_choice() {
    let sim = start_with("rules: [ { quirks: [usage_in_choice] } ]").await;
    let call = &streams()[1];
    let events = ask(&sim, call).await.events();
    let inside: Vec<&Value> =
        events.iter().filter(|event| event["choices"][0]["usage"].is_object()).collect();
    assert_eq!(inside.len(), 1);
    assert_eq!(inside[0]["choices"][0]["finish_reason"], "stop");
    assert!(events.iter().all(|event| !event["usage"].is_object()));
    let mut body = call.2.clone();
    body.as_object_mut().unwrap().retain(|name, _| !name.starts_with("stream"));
    let whole = post(&sim, call.0, call.1, &body).await.json();
    assert!(
        whole["choices"][0]["usage"]["prompt_tokens"].is_u64() && whole.get("usage").is_none(),
        "{whole}"
    );
}

#[tokio::test]
async fn texts_may_hold_what_is_no_text() {
    let sim = start_with("rules: [ { quirks: [lone_surrogate] } ]").await;
    for call in streams() {
        let text = ask(&sim, &call).await.text();
        assert!(text.contains("\\ud83d") && !text.contains("\\ude00"), "{}: {text}", call.0);
        let event = text.lines().find(|line| line.contains("\\ud83d")).unwrap();
        let json = event.strip_prefix("data: ").unwrap_or(event);
        assert!(serde_json::from_str::<Value>(json).is_err(), "a strict reader stumbles");
    }
    let sim = start_with("rules: [ { quirks: [invalid_utf8] } ]").await;
    for call in streams() {
        let body = ask(&sim, &call).await.body;
        assert!(body.contains(&0xff) && std::str::from_utf8(&body).is_err(), "{}", call.0);
    }
    let plain = ask(&start().await, &streams()[1]).await.text();
    assert!(!plain.contains("\\ud83d"));
}

#[tokio::test]
async fn a_pair_may_be_divided_between_two_events() {
    let sim = start_with("rules: [ { quirks: [split_surrogates] } ]").await;
    for call in streams() {
        let text = ask(&sim, &call).await.text();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("\\ud83d")).collect();
        assert!(!lines[0].contains("\\ude00"), "{}: {}", call.0, lines[0]);
        let next = text.lines().find(|line| line.contains("\\ude00")).unwrap();
        assert!(!next.contains("\\ud83d"), "{next}");
        assert!(lines[1..].iter().all(|line| line.contains("\\ud83d\\ude00")), "sums hold the pair");
    }
}

#[tokio::test]
async fn the_last_event_may_be_larger_than_a_mebibyte() {
    let sim = start_with("rules: [ { bytes: { last_event_bytes: 1200000 } } ]").await;
    for call in streams() {
        let text = ask(&sim, &call).await.text();
        let sizes: Vec<usize> = text.lines().map(str::len).filter(|size| *size > 1_000_000).collect();
        assert_eq!(sizes.len(), 1, "{}", call.0);
        assert!(sizes[0] > 1 << 20);
        let line = text.lines().find(|line| line.len() > 1_000_000).unwrap();
        let json = line.strip_prefix("data: ").unwrap_or(line);
        assert!(serde_json::from_str::<Value>(json).unwrap()["padding"].is_string());
    }
}

#[tokio::test]
async fn thoughts_may_stay_in_the_content() {
    let body = json!({"model": "qwen3", "messages": [{"role": "user", "content": "Tell me"}]});
    for (quirk, opening) in
        [("think_tags", "<think>\nSimulated thinking"), ("lone_think_tag", "Simulated thinking")]
    {
        let sim = start_with(&format!("rules: [ {{ quirks: [{quirk}] }} ]")).await;
        let whole = post(&sim, Vendor::LlamaCpp, "/v1/chat/completions", &body).await.json();
        let message = &whole["choices"][0]["message"];
        let content = message["content"].as_str().unwrap();
        assert!(content.starts_with(opening), "{content}");
        assert!(content.contains("\n</think>\n\nSimulated reply"), "{content}");
        assert!(message.get("reasoning_content").is_none());
        let streamed = with(body.clone(), json!({"stream": true}));
        let events = post(&sim, Vendor::LlamaCpp, "/v1/chat/completions", &streamed).await.events();
        let joined: String =
            events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(joined, content);
    }
}

#[tokio::test]
async fn messages_may_start_twice_or_whole_and_blocks_not_at_all() {
    let events = async |quirk: &str| {
        let sim = start_with(&format!("rules: [ {{ quirks: [{quirk}] }} ]")).await;
        ask(&sim, &streams()[0]).await.events()
    };
    let kinds = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    let plain = ask(&start().await, &streams()[0]).await.events();
    let twice = events("second_message_start").await;
    assert_eq!(
        kinds(&twice)[..5],
        ["message_start", "content_block_start", "ping", "content_block_delta", "message_start"]
    );
    assert_eq!(twice.len(), plain.len() + 1);
    let orphan = events("orphan_delta").await;
    assert_eq!(kinds(&orphan)[..3], ["message_start", "ping", "content_block_delta"]);
    let whole = events("whole_start").await;
    assert_eq!(kinds(&whole), ["message_start", "message_stop"]);
    let message = &whole[0]["message"];
    let text: String = plain.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(message["content"], json!([{"type": "text", "text": text}]));
    assert_eq!(message["stop_reason"], "end_turn");
    assert!(message["usage"]["output_tokens"].as_u64() > Some(1));
}

#[tokio::test]
async fn a_whole_start_holds_its_calls() {
    let sim = start_with("rules: [ { quirks: [whole_start] } ]").await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let call = &streams()[0];
    let mut body = with(call.2.clone(), json!({"tools": [{"name": "add", "input_schema": schema}]}));
    body["messages"][0]["content"] = "add".into();
    let events = post(&sim, call.0, call.1, &body).await.events();
    let block = events[0]["message"]["content"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(block["type"], "tool_use");
    assert!(block["input"]["a"].is_string(), "{block}");
}

#[tokio::test]
async fn a_stream_may_be_closed_in_another_vendors_manner() {
    let sim = start_with("rules: [ { quirks: [extra_done] } ]").await;
    for call in streams() {
        let reply = ask(&sim, &call).await;
        let ends = reply.text().matches("[DONE]").count();
        assert_eq!(ends, usize::from(call.0 != Vendor::Ollama), "{}", call.0);
    }
}

#[tokio::test]
async fn indexes_of_calls_may_be_text() {
    let sim = start_with("rules: [ { quirks: [text_index] } ]").await;
    let tools = json!([{"type": "function", "function": {"name": "add"}}]);
    let mut body = with(streams()[1].2.clone(), json!({"tools": tools}));
    body["messages"][0]["content"] = "add".into();
    let events = post(&sim, Vendor::OpenAi, "/chat/completions", &body).await.events();
    let indexes: Vec<&Value> =
        events.iter().filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0/index")).collect();
    assert!(indexes.len() > 1 && indexes.iter().all(|index| **index == "0"), "{indexes:?}");
}

#[tokio::test]
async fn a_page_may_come_in_the_place_of_a_stream() {
    let sim = start_with("rules: [ { body: \"<!doctype html><html></html>\" } ]").await;
    for call in streams() {
        let reply = ask(&sim, &call).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/html")), "{}", call.0);
    }
    let mut call = streams()[1].clone();
    call.2["messages"][0]["content"] = "[[sim:page]]".into();
    let reply = ask(&start().await, &call).await;
    assert!(reply.status == 200 && reply.text().starts_with("<!doctype html>"));
}

#[tokio::test]
async fn a_good_status_may_bring_nothing() {
    let sim = start_with("rules: [ { reply: { text: \"\", thinking: \"\" } } ]").await;
    for call in streams() {
        let reply = ask(&sim, &call).await;
        assert_eq!(reply.status, 200);
        assert!(!reply.text().contains("Simulated"), "{}: {}", call.0, reply.text());
    }
    let events = ask(&sim, &streams()[1]).await.events();
    assert_eq!(events[0]["choices"][0]["delta"]["content"], "");
    assert_eq!(events[1]["choices"][0]["finish_reason"], "stop");
    let mut call = streams()[1].clone();
    call.2["messages"][0]["content"] = "[[sim:empty]]".into();
    assert!(!ask(&start().await, &call).await.text().contains("Simulated"));
}

#[tokio::test]
async fn a_good_status_may_bring_thoughts_alone_or_a_call_that_does_not_parse() {
    let sim = start_with("rules: [ { reply: { text: \"\", thinking: hm } } ]").await;
    let body = json!({"model": "deepseek-v4-pro", "messages": [{"role": "user", "content": "Tell me"}]});
    let whole = post(&sim, "deepseek".parse().unwrap(), "/chat/completions", &body).await.json();
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["reasoning_content"], &message["content"]), (&json!("hm"), &Value::Null));
    let sim = start_with("rules: [ { reply: { stop_reason: malformed_call } } ]").await;
    let frames = ask(&sim, &streams()[3]).await.events();
    let [frame] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(frame["candidates"][0]["finishReason"], "MALFORMED_FUNCTION_CALL");
    assert!(frame["candidates"][0]["content"].get("parts").is_none());
}

#[tokio::test]
async fn the_example_plays_in_every_dialect() {
    let yaml = include_str!("../../scenarios/odd-replies.yaml");
    assert_eq!(Scenario::from_yaml(yaml).unwrap().rules.len(), 8);
    let sim = start_with(yaml).await;
    for call in streams() {
        assert_eq!(ask(&sim, &call).await.status, 200);
    }
}
