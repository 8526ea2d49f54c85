//! Calls that one vendor made and others took over, and the addresses under which they lie.

use forge_sim::Vendor;
use serde_json::{Value, json};

use crate::client::{Reply, post, start, start_with, with};

const LOCAL: [Vendor; 4] = [Vendor::Ollama, Vendor::LlamaCpp, Vendor::Vllm, Vendor::LmStudio];

fn hello() -> Value {
    json!({"model": "qwen3", "input": "Hello", "a_field_of_tomorrow": true})
}

fn words(response: &Value) -> &str {
    let items = response["output"].as_array().unwrap();
    items.last().unwrap()["content"][0]["text"].as_str().unwrap()
}

fn reasoning(response: &Value) -> &Value {
    let items = response["output"].as_array().unwrap();
    items.iter().find(|item| item["type"] == "reasoning").unwrap()
}

#[tokio::test]
async fn local_servers_answer_responses_and_show_their_thoughts() {
    let sim = start().await;
    for vendor in LOCAL {
        let response = post(&sim, vendor, "/v1/responses", &hello()).await.json();
        assert!(words(&response).contains("Simulated"), "{vendor}: {response}");
        assert_eq!(response["model"], "qwen3");
        let thoughts = reasoning(&response);
        let place = if vendor == Vendor::Ollama { "summary" } else { "content" };
        assert!(thoughts[place][0]["text"].is_string(), "{vendor}: {thoughts}");
        assert!(thoughts.get("encrypted_content").is_none());

        let reply = post(&sim, vendor, "/v1/responses", &with(hello(), json!({"stream": true}))).await;
        let events = reply.events();
        let text: String = events
            .iter()
            .filter(|event| event["type"] == "response.output_text.delta")
            .filter_map(|event| event["delta"].as_str())
            .collect();
        assert_eq!(text, words(&response));
        assert!(!reply.text().contains("obfuscation"));
        let kind = if place == "content" {
            "response.reasoning_text.done"
        } else {
            "response.reasoning_summary_text.done"
        };
        assert!(events.iter().any(|event| event["type"] == kind), "{vendor}");
    }
}

#[tokio::test]
async fn a_tool_of_a_local_response_goes_round() {
    let sim = start().await;
    for vendor in LOCAL {
        let tool = json!({"type": "function", "name": "get_weather", "parameters": {"type": "object"}});
        let mut body = json!({
            "model": "qwen3",
            "input": [{"role": "user", "content": "get_weather"}],
            "tools": [tool, {"type": "custom", "name": "exec"}],
        });
        let output = post(&sim, vendor, "/v1/responses", &body).await.json()["output"].clone();
        let call = output.as_array().unwrap().last().unwrap().clone();
        assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("get_weather")));
        let input = body["input"].as_array_mut().unwrap();
        input.extend(output.as_array().unwrap().iter().cloned());
        input.push(
            json!({"type": "function_call_output", "call_id": call["call_id"], "output": "12 degrees"}),
        );
        let response = post(&sim, vendor, "/v1/responses", &body).await.json();
        assert!(words(&response).contains("12 degrees"), "{vendor}: {response}");
    }
}

#[tokio::test]
async fn each_local_server_has_its_own_way_with_an_earlier_response() {
    let sim = start().await;
    let mut statuses = Vec::new();
    for vendor in LOCAL {
        let first = post(&sim, vendor, "/v1/responses", &hello()).await.json();
        let more = with(hello(), json!({"previous_response_id": first["id"]}));
        statuses.push((vendor, post(&sim, vendor, "/v1/responses", &more).await.status));
    }
    let expected =
        [(Vendor::Ollama, 200), (Vendor::LlamaCpp, 400), (Vendor::Vllm, 404), (Vendor::LmStudio, 200)];
    assert_eq!(statuses, expected);
}

async fn generate(body: Value) -> Reply {
    let sim = start().await;
    post(&sim, Vendor::Ollama, "/api/generate", &with(json!({"model": "qwen3"}), body)).await
}

#[tokio::test]
async fn ollama_generates_from_one_prompt() {
    let asked = json!({"prompt": "Hello", "system": "Be brief.", "stream": false});
    let whole = generate(asked.clone()).await.json();
    assert!(whole["response"].as_str().unwrap().contains("Simulated"), "{whole}");
    assert!(whole["thinking"].is_string() && whole["context"].is_array());
    assert_eq!((&whole["done"], &whole["done_reason"]), (&json!(true), &json!("stop")));

    let lines = generate(with(asked, json!({"stream": true}))).await.lines();
    let of = |field: &str| lines.iter().filter_map(|line| line[field].as_str()).collect::<String>();
    assert_eq!(
        (of("response"), of("thinking")),
        (whole["response"].as_str().unwrap().into(), whole["thinking"].as_str().unwrap().into())
    );
    assert_eq!(lines.last().unwrap()["eval_count"], whole["eval_count"]);

    let loaded = generate(json!({})).await.json();
    assert_eq!((&loaded["response"], &loaded["done_reason"]), (&json!(""), &json!("load")));
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let told = generate(json!({"prompt": "Count", "format": schema, "stream": false})).await.json();
    let answer: Value = serde_json::from_str(told["response"].as_str().unwrap()).unwrap();
    assert!(answer["n"].is_i64(), "{answer}");
    assert_eq!(generate(json!({"model": "nought", "prompt": "Hello"})).await.status, 404);
}

#[tokio::test]
async fn ollama_pulls_what_it_has() {
    let sim = start().await;
    let last = async |model: &str| {
        let lines = post(&sim, Vendor::Ollama, "/api/pull", &json!({"model": model})).await.lines();
        lines.last().cloned().unwrap()
    };
    assert_eq!(last("qwen3").await, json!({"status": "success"}));
    assert!(last("nought").await["error"].is_string());
}

#[tokio::test]
async fn rules_count_the_calls_that_were_taken_over() {
    let sim = start_with("rules: [ { error: { kind: rate_limited } } ]").await;
    for (vendor, path) in [(Vendor::Vllm, "/v1/responses"), (Vendor::Ollama, "/api/generate")] {
        let body = with(hello(), json!({"prompt": "Hello"}));
        assert_eq!(post(&sim, vendor, path, &body).await.status, 429, "{vendor}");
    }
}

#[tokio::test]
async fn servers_are_reached_under_the_roots_of_their_vendors() {
    let sim = start_with("rules: [ { nth: 2, error: { kind: overloaded } } ]").await;
    let roots = [
        ("deepseek", "/chat/completions", "deepseek-chat"),
        ("groq", "/openai/v1/chat/completions", "llama-3.3-70b-versatile"),
        ("zai", "/api/paas/v4/chat/completions", "glm-5.2"),
        ("dashscope", "/compatible-mode/v1/chat/completions", "qwen3.5-plus"),
    ];
    for (id, path, model) in roots {
        let path = format!("/{id}{path}");
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]}).to_string();
        let headers = [("authorization", "Bearer sk-test-1"), ("content-type", "application/json")];
        let first = crate::client::send(&sim, "POST", &path, &headers, body.as_bytes()).await;
        // The second of all calls meets the rule: it counts under every root.
        let expected = if id == "groq" { 503 } else { 200 };
        assert_eq!(first.status, expected, "{path}: {}", first.text());
    }
}

#[tokio::test]
async fn groq_names_the_tier_of_its_service() {
    let sim = start().await;
    let body =
        json!({"model": "llama-3.3-70b-versatile", "messages": [{"role": "user", "content": "Hello"}]});
    let groq = "groq".parse().unwrap();
    assert_eq!(post(&sim, groq, "/chat/completions", &body).await.json()["service_tier"], "on_demand");
}
