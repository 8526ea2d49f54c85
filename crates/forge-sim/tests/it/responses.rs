use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, post, send, start, start_with, with};

async fn ask(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::OpenAi, "/responses", &body).await
}

fn with_tool() -> Value {
    json!({
        "model": "gpt-6.2-sol",
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "input": [{"role": "user", "content": "get_weather"}],
        "tools": [{"type": "function", "name": "get_weather", "parameters": {
            "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        }}],
    })
}

/// The conversation after the tool was called and answered.
async fn second_turn(sim: &Sim) -> Value {
    let mut body = with_tool();
    let output = ask(sim, body.clone()).await.json()["output"].clone();
    let call = output.as_array().unwrap().last().unwrap().clone();
    assert_eq!(call["type"], "function_call");
    let input = body["input"].as_array_mut().unwrap();
    input.extend(output.as_array().unwrap().iter().cloned());
    input.push(json!({"type": "function_call_output", "call_id": call["call_id"], "output": "12 degrees"}));
    body
}

async fn refused(sim: &Sim, body: Value) -> String {
    let reply = ask(sim, body).await;
    let error = reply.json();
    assert!((400..=404).contains(&reply.status), "{error}");
    error["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_response_has_the_vendors_shape() {
    let sim = start().await;
    let body = json!({"model": "gpt-6.2-sol", "input": "Tell me about queues", "store": false,
                      "reasoning": {"summary": "auto"}});
    let response = ask(&sim, body).await.json();
    assert!(response["id"].as_str().unwrap().starts_with("resp_"));
    assert_eq!(response["status"], "completed");
    assert_eq!(response["store"], false);
    assert_eq!(response["reasoning"], json!({"effort": "medium", "summary": "auto"}));
    let [reasoning, message] = &response["output"].as_array().unwrap()[..] else { panic!("{response}") };
    assert_eq!(reasoning["type"], "reasoning");
    assert!(reasoning.get("encrypted_content").is_none(), "it was not asked for");
    assert!(reasoning["summary"][0]["text"].as_str().unwrap().starts_with("Simulated thinking"));
    assert_eq!(message["phase"], "final_answer");
    let text = message["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Simulated reply from OpenAI:"));
    let usage = &response["usage"];
    assert_eq!(usage["input_tokens"], 5);
    let reasoned = usage["output_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    assert_eq!(usage["output_tokens"], reasoned + (text.chars().count() as u64).div_ceil(4));
}

#[tokio::test]
async fn a_stream_numbers_its_events_and_closes_every_item() {
    let sim = start().await;
    let body = with(with_tool(), json!({"stream": true, "reasoning": {"summary": "auto"}}));
    let reply = ask(&sim, body).await;
    let events = reply.events();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
        assert!(reply.text().contains(&format!("event: {}\n", event["type"].as_str().unwrap())));
    }
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(count("response.output_item.added"), 2);
    assert_eq!(count("response.output_item.done"), 2);
    assert_eq!(count("response.reasoning_summary_part.done"), 1);
    let arguments: String = events
        .iter()
        .filter(|event| event["type"] == "response.function_call_arguments.delta")
        .filter_map(|event| event["delta"].as_str())
        .collect();
    let done = events.iter().find(|event| event["type"] == "response.function_call_arguments.done").unwrap();
    assert_eq!(done["arguments"], arguments.as_str());
    let items: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| &event["item"])
        .collect();
    assert!(items[0]["encrypted_content"].is_string());
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["output"][0], *items[0]);
    assert!(!reply.text().contains("[DONE]"));
}

#[tokio::test]
async fn every_text_event_has_its_logprobs() {
    let sim = start().await;
    let reply = ask(&sim, json!({"model": "gpt-6.2-sol", "input": "Hello", "stream": true})).await;
    let events = reply.events();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let (deltas, done) = (of("response.output_text.delta"), of("response.output_text.done"));
    assert!(deltas.len() > 1 && done.len() == 1);
    assert!(deltas.iter().chain(&done).all(|event| event["logprobs"] == json!([])), "{}", reply.text());
    let text: String = deltas.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(done[0]["text"], text.as_str());
}

#[tokio::test]
async fn items_sent_back_unchanged_are_accepted() {
    let sim = start().await;
    let reply = ask(&sim, second_turn(&sim).await).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.text().contains("get_weather said: 12 degrees"));
}

#[tokio::test]
async fn altered_items_are_refused() {
    let sim = start().await;
    let body = second_turn(&sim).await;

    let mut orphan = body.clone();
    orphan["input"].as_array_mut().unwrap().truncate(2);
    assert!(refused(&sim, orphan).await.contains("without its required following item"));

    let mut without_reasoning = body.clone();
    without_reasoning["input"].as_array_mut().unwrap().remove(1);
    assert!(refused(&sim, without_reasoning.clone()).await.contains("without its required 'reasoning' item"));
    without_reasoning["model"] = "gpt-6-sol".into();
    assert_eq!(ask(&sim, without_reasoning).await.status, 200, "another model does not know it");

    let mut swapped = body.clone();
    swapped["input"].as_array_mut().unwrap().swap(1, 2);
    refused(&sim, swapped).await;

    let mut altered = body.clone();
    altered["input"][1]["encrypted_content"] = "AAAA".into();
    assert!(refused(&sim, altered).await.contains("could not be verified"));

    let mut stripped = body.clone();
    stripped["input"][1].as_object_mut().unwrap().remove("encrypted_content");
    assert!(refused(&sim, stripped).await.contains("Items are not persisted"));

    let mut mismatched = body.clone();
    mismatched["input"][3]["call_id"] = "call_x".into();
    assert!(refused(&sim, mismatched).await.contains("No tool call found"));

    let mut unanswered = body;
    unanswered["input"].as_array_mut().unwrap().pop();
    assert!(refused(&sim, unanswered).await.contains("No tool output found"));
}

#[tokio::test]
async fn stored_responses_are_continued_by_id() {
    let sim = start().await;
    let first = ask(&sim, json!({"model": "gpt-5", "input": "Remember bees"})).await.json();
    let next = json!({"model": "gpt-5", "input": "go on", "previous_response_id": first["id"]});
    let reply = ask(&sim, next).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.json()["usage"]["input_tokens"].as_u64() > Some(20));
    let lost = json!({"model": "gpt-5", "input": "go on", "previous_response_id": "resp_x"});
    let error = ask(&sim, lost).await.json();
    assert_eq!(error["error"]["code"], "previous_response_not_found");
}

#[tokio::test]
async fn what_only_chat_knows_is_refused() {
    let sim = start().await;
    let plain = json!({"model": "gpt-6.2-sol", "input": "hi"});
    let cases = [
        (json!({"stop": ["x"]}), json!("stop"), json!("unknown_parameter")),
        (json!({"max_tokens": 5}), json!("max_tokens"), json!("unknown_parameter")),
        (json!({"temperature": 0.5}), json!("temperature"), json!("unsupported_value")),
        (json!({"reasoning": {"effort": "minimal"}}), json!("reasoning.effort"), json!("unsupported_value")),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
            json!("tools[0].name"),
            json!("missing_required_parameter"),
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}),
            json!("input[0].content[0].type"),
            json!("invalid_value"),
        ),
        (
            json!({
                "tools": [{"type": "function", "name": "f"}],
                "tool_choice": {"type": "function", "function": {"name": "f"}},
            }),
            json!("tool_choice.name"),
            json!("missing_required_parameter"),
        ),
        (json!({"include": ["everything"]}), json!("include[0]"), json!("invalid_value")),
        (json!({"model": "gpt-9"}), json!("model"), json!("model_not_found")),
    ];
    for (more, param, code) in cases {
        let reply = ask(&sim, with(plain.clone(), more)).await;
        let error = reply.json()["error"].clone();
        assert_eq!(reply.status, 400, "{error}");
        assert_eq!((&error["param"], &error["code"]), (&param, &code), "{error}");
    }
    let max = json!({"model": "gpt-6.1-sol", "reasoning": {"effort": "max"}});
    assert_eq!(ask(&sim, with(plain, max)).await.status, 200);
}

#[tokio::test]
async fn a_limit_leaves_the_response_incomplete() {
    let sim = start().await;
    let body = json!({"model": "gpt-4o", "input": "Tell me", "max_output_tokens": 16, "stream": true});
    let events = ask(&sim, body).await.events();
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(last["response"]["usage"]["output_tokens"], 16);
}

#[tokio::test]
async fn a_refusal_is_a_part_of_its_own() {
    let sim = start().await;
    let body = json!({"model": "gpt-4o", "input": "[[sim:refusal]]", "stream": true});
    let events = ask(&sim, body).await.events();
    let last = events.last().unwrap();
    let part = &last["response"]["output"][0]["content"][0];
    assert_eq!(part["type"], "refusal");
    let deltas: String = events
        .iter()
        .filter(|event| event["type"] == "response.refusal.delta")
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(part["refusal"], deltas.as_str());
}

#[tokio::test]
async fn a_stream_error_is_nested_or_flat_and_then_the_response_fails() {
    for (style, nested) in [("usual", true), ("flat", false)] {
        let sim = start_with(&format!(
            "rules: [ {{ stream_error: {{ kind: quota_exhausted, after_events: 4, style: {style} }} }} ]"
        ))
        .await;
        let body = json!({"model": "gpt-4o", "input": "hi", "stream": true});
        let events = ask(&sim, body).await.events();
        let [.., error, failed] = &events[..] else { panic!() };
        let object = if nested { &error["error"] } else { error };
        assert_eq!(object["code"], "insufficient_quota");
        assert_eq!(error["type"], "error");
        assert_eq!(failed["type"], "response.failed");
        assert_eq!(failed["response"]["status"], "failed");
        assert_eq!((&error["sequence_number"], &failed["sequence_number"]), (&json!(4), &json!(5)));
    }
}

#[tokio::test]
async fn input_tokens_are_counted_and_a_bad_key_repeats_its_status() {
    let sim = start().await;
    let body = json!({"model": "gpt-4o", "input": "Tell me about queues"});
    let counted = post(&sim, Vendor::OpenAi, "/responses/input_tokens", &body).await.json();
    assert_eq!(counted, json!({"object": "response.input_tokens", "input_tokens": 5}));
    let headers = [("authorization", "Bearer invalid"), ("content-type", "application/json")];
    let reply = send(&sim, "POST", "/openai/v1/responses", &headers, b"{}").await;
    assert_eq!(reply.json()["status"], 401);
}
