use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, get, post, send, start, start_with, with};

async fn ask(sim: &Sim, vendor: Vendor, body: Value) -> Reply {
    let prefix = if vendor == Vendor::OpenAi { "" } else { "/v1" };
    post(sim, vendor, &format!("{prefix}/chat/completions"), &body).await
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Tell me about disks"}]})
}

const LOCAL: [Vendor; 4] = [Vendor::Ollama, Vendor::LlamaCpp, Vendor::Vllm, Vendor::LmStudio];

#[tokio::test]
async fn each_server_answers_with_its_own_reasoning_field_and_usage() {
    let sim = start().await;
    let fields = ["reasoning", "reasoning_content", "reasoning", "reasoning"];
    for (vendor, field) in LOCAL.into_iter().zip(fields) {
        let body = ask(&sim, vendor, hello("qwen3")).await.json();
        let message = &body["choices"][0]["message"];
        let start = format!("Simulated reply from {}:", vendor.display_name());
        assert!(message["content"].as_str().unwrap().starts_with(&start), "{message}");
        assert!(message[field].as_str().unwrap().starts_with("Simulated thinking"), "{vendor}");
        let usage = body["usage"].as_object().unwrap();
        assert_eq!(usage["prompt_tokens"], 5);
        assert_eq!(usage.contains_key("prompt_tokens_details"), vendor == Vendor::LlamaCpp);
        assert_eq!(body.get("timings").is_some(), vendor == Vendor::LlamaCpp);
    }
}

#[tokio::test]
async fn streams_end_with_done_and_usage_only_when_asked() {
    let sim = start().await;
    for vendor in LOCAL {
        let body = with(hello("llama3.2"), json!({"stream": true}));
        let events = ask(&sim, vendor, body.clone()).await.events();
        assert_eq!(events.last().unwrap(), "[DONE]", "{vendor}");
        assert!(events.iter().all(|event| event.get("usage").is_none()), "{vendor}");
        let body = with(body, json!({"stream_options": {"include_usage": true}}));
        let events = ask(&sim, vendor, body).await.events();
        let totals = &events[events.len() - 2];
        assert_eq!(totals["choices"], json!([]));
        assert_eq!(totals["usage"]["prompt_tokens"], 5);
    }
}

#[tokio::test]
async fn vllm_ends_its_content_and_its_reason_in_one_chunk() {
    let sim = start().await;
    let body = with(
        hello("llama3.2"),
        json!({"stream": true, "stream_options": {"include_usage": true, "continuous_usage_stats": true}}),
    );
    let events = ask(&sim, Vendor::Vllm, body.clone()).await.events();
    let last = &events[events.len() - 3]["choices"][0];
    assert_eq!(last["finish_reason"], "stop");
    assert!(last["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(events[0]["usage"]["prompt_tokens"].is_u64());
    let other = ask(&sim, Vendor::LmStudio, body.clone()).await.events();
    assert!(other[0].get("usage").is_none(), "the others do not know the option");
    let sim = start_with("rules: [ { quirks: [no_usage] } ]").await;
    assert!(!ask(&sim, Vendor::Vllm, body).await.text().contains("usage"));
}

#[tokio::test]
async fn unknown_models_are_refused_or_answered_by_kind() {
    let sim = start().await;
    let ollama = ask(&sim, Vendor::Ollama, hello("nope")).await;
    assert_eq!(ollama.status, 404);
    assert_eq!(
        ollama.json()["error"],
        json!({"message": "model 'nope' not found", "type": "not_found_error", "param": null, "code": null})
    );
    let vllm = ask(&sim, Vendor::Vllm, hello("nope")).await;
    assert_eq!(vllm.json()["error"]["type"], "NotFoundError");
    assert_eq!(vllm.json()["error"]["code"], 404, "an integer");
    assert_eq!(ask(&sim, Vendor::Vllm, hello("qwen3:8b")).await.status, 404, "tags are Ollama's");
    for vendor in [Vendor::LlamaCpp, Vendor::LmStudio] {
        assert_eq!(ask(&sim, vendor, hello("nope")).await.json()["model"], "qwen3");
    }
    let native = post(&sim, Vendor::Ollama, "/api/chat", &hello("nope")).await;
    assert_eq!((native.status, native.json()), (404, json!({"error": "model 'nope' not found"})));
}

#[tokio::test]
async fn a_prompt_beyond_the_window_is_refused_with_numbers_or_silently_cut() {
    let sim = start().await;
    let mut body = hello("qwen3");
    body["messages"][0]["content"] = "w".repeat(4 * 40_000).into();
    let llama = ask(&sim, Vendor::LlamaCpp, body.clone()).await;
    let error = llama.json()["error"].clone();
    assert_eq!((llama.status, &error["type"]), (400, &json!("exceed_context_size_error")));
    assert_eq!((&error["n_prompt_tokens"], &error["n_ctx"]), (&json!(40_000), &json!(32_768)));
    let vllm = ask(&sim, Vendor::Vllm, body.clone()).await;
    let error = vllm.json()["error"].clone();
    assert_eq!((vllm.status, &error["param"]), (400, &json!("input_tokens")));
    assert!(error["message"].as_str().unwrap().starts_with("You passed 40000 input tokens"), "{error}");
    let studio = ask(&sim, Vendor::LmStudio, body.clone()).await;
    assert!(studio.status == 400 && studio.text().contains("Trying to keep the first 40000 tokens"));
    let ollama = ask(&sim, Vendor::Ollama, body.clone()).await.json();
    assert_eq!(ollama["usage"]["prompt_tokens"], 32_768);
    let small = with(body, json!({"stream": false, "options": {"num_ctx": 100}}));
    let native = post(&sim, Vendor::Ollama, "/api/chat", &small).await.json();
    assert_eq!(native["prompt_eval_count"], 100);
}

#[tokio::test]
async fn ollama_reads_max_tokens_only_and_no_tool_choice() {
    let sim = start().await;
    let tools = json!([{"type": "function", "function": {"name": "get_weather"}}]);
    let body = with(
        hello("llama3.2"),
        json!({"max_completion_tokens": 3, "tools": tools, "tool_choice": "required"}),
    );
    let reply = ask(&sim, Vendor::Ollama, body.clone()).await.json();
    assert_eq!(reply["choices"][0]["finish_reason"], "stop");
    let vllm =
        ask(&sim, Vendor::Vllm, with(body.clone(), json!({"max_completion_tokens": null}))).await.json();
    assert_eq!(vllm["choices"][0]["finish_reason"], "tool_calls");
    let cut = ask(&sim, Vendor::Ollama, with(body, json!({"max_tokens": 3}))).await.json();
    assert_eq!(cut["choices"][0]["finish_reason"], "length");
    assert_eq!(cut["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn local_servers_take_any_number_of_stop_words() {
    let sim = start().await;
    for vendor in LOCAL {
        let body = with(hello("qwen3"), json!({"stop": ["a1", "b2", "c3", "d4", "reply"]}));
        let text = ask(&sim, vendor, body).await.json()["choices"][0]["message"]["content"].clone();
        assert_eq!(text, "Simulated ", "{vendor}");
    }
}

#[tokio::test]
async fn ollama_streams_lines_by_default() {
    let sim = start().await;
    let reply = post(&sim, Vendor::Ollama, "/api/chat", &hello("qwen3:8b")).await;
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    let lines = reply.lines();
    let (last, before) = lines.split_last().unwrap();
    assert!(before.iter().all(|line| line["done"] == false));
    assert_eq!((&last["done"], &last["done_reason"]), (&json!(true), &json!("stop")));
    let join = |field: &str| -> String {
        before.iter().filter_map(|line| line["message"][field].as_str()).collect()
    };
    let whole = with(hello("qwen3:8b"), json!({"stream": false}));
    let whole = post(&sim, Vendor::Ollama, "/api/chat", &whole).await.json();
    assert_eq!(whole["message"]["content"], join("content"));
    assert_eq!(whole["message"]["thinking"], join("thinking"));
    assert_eq!(whole["eval_count"], last["eval_count"]);
}

#[tokio::test]
async fn ollamas_own_calls_have_object_arguments_and_gates() {
    let sim = start().await;
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    let mut body = with(hello("qwen3"), json!({"tools": tools, "stream": false, "think": false}));
    body["messages"][0]["content"] = "get_weather".into();
    let message = post(&sim, Vendor::Ollama, "/api/chat", &body).await.json()["message"].clone();
    assert!(message["tool_calls"][0]["function"]["arguments"]["city"].is_string());
    assert!(message.get("thinking").is_none());
    let reply =
        post(&sim, Vendor::Ollama, "/api/chat", &with(hello("llama3.2"), json!({"think": true}))).await;
    assert_eq!(
        (reply.status, reply.json()),
        (400, json!({"error": "\"llama3.2\" does not support thinking"}))
    );
    body["model"] = "gemma3".into();
    assert_eq!(post(&sim, Vendor::Ollama, "/api/chat", &body).await.status, 400);
    let load = post(&sim, Vendor::Ollama, "/api/chat", &json!({"model": "qwen3"})).await.json();
    assert_eq!(load["done_reason"], "load");
    let formatted = with(
        hello("qwen3"),
        json!({"stream": false, "format": {"type": "object", "properties": {"n": {"type": "integer"}}}}),
    );
    let text = post(&sim, Vendor::Ollama, "/api/chat", &formatted).await.json()["message"]["content"].clone();
    assert_eq!(text, "{\"n\":1}");
}

#[tokio::test]
async fn servers_tell_that_they_are_alive_and_what_they_hold() {
    let sim = start().await;
    assert_eq!(get(&sim, Vendor::Ollama, "/").await.text(), "Ollama is running");
    assert_eq!(send(&sim, "HEAD", "/ollama/", &[], b"").await.header("content-length"), Some("17"));
    assert!(!sim.journal()[1].outcome.as_ref().unwrap().client_disconnected);
    assert!(get(&sim, Vendor::Ollama, "/api/version").await.json()["version"].is_string());
    let tags = get(&sim, Vendor::Ollama, "/api/tags").await.json();
    assert_eq!(tags["models"][0]["name"], "qwen3:latest");
    let ps = get(&sim, Vendor::Ollama, "/api/ps").await.json();
    assert_eq!(ps["models"][0]["context_length"], 32_768);
    let show = post(&sim, Vendor::Ollama, "/api/show", &json!({"model": "qwen3"})).await.json();
    assert_eq!(show["model_info"]["qwen3.context_length"], 40_960);
    assert_eq!(show["capabilities"], json!(["completion", "tools", "thinking"]));
    assert_eq!(get(&sim, Vendor::LlamaCpp, "/health").await.json()["status"], "ok");
    let props = get(&sim, Vendor::LlamaCpp, "/props").await.json();
    assert_eq!(props["default_generation_settings"]["n_ctx"], 32_768);
    let list = get(&sim, Vendor::LlamaCpp, "/v1/models").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["meta"]["n_ctx_train"], 40_960);
    let health = get(&sim, Vendor::Vllm, "/health").await;
    assert_eq!((health.status, health.body.len()), (200, 0));
    assert_eq!(get(&sim, Vendor::Vllm, "/v1/models").await.json()["data"][0]["max_model_len"], 32_768);
    let studio = get(&sim, Vendor::LmStudio, "/api/v1/models").await.json();
    assert_eq!(studio["models"][0]["loaded_instances"][0]["config"]["context_length"], 32_768);
    assert_eq!(studio["models"][1]["loaded_instances"], json!([]));
}

#[tokio::test]
async fn unknown_paths_are_answered_by_kind() {
    let sim = start().await;
    assert_eq!(get(&sim, Vendor::Ollama, "/nope").await.text(), "404 page not found");
    assert_eq!(get(&sim, Vendor::Vllm, "/nope").await.json(), json!({"detail": "Not Found"}));
    assert_eq!(get(&sim, Vendor::LlamaCpp, "/nope").await.json()["error"]["code"], 404);
    let studio = get(&sim, Vendor::LmStudio, "/nope").await;
    assert_eq!(studio.status, 200);
    assert_eq!(studio.json()["error"], "Unexpected endpoint or method. (GET /nope)");
}

#[tokio::test]
async fn a_scenario_sets_keys_for_local_servers() {
    let sim = start_with("keys: { llamacpp: secret, lmstudio: secret }").await;
    let refused = get(&sim, Vendor::LlamaCpp, "/v1/models").await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (401, &json!("authentication_error")));
    assert_eq!(get(&sim, Vendor::LlamaCpp, "/health").await.status, 200);
    let key = [("x-api-key", "secret")];
    assert_eq!(send(&sim, "GET", "/lmstudio/v1/models", &key, b"").await.status, 200);
    assert_eq!(send(&sim, "GET", "/llamacpp/v1/models", &key, b"").await.status, 401);
}

#[tokio::test]
async fn errors_in_mid_stream_differ_by_server() {
    let sim = start_with("rules: [ { stream_error: { kind: server, after_events: 3 } } ]").await;
    let body = with(hello("llama3.2"), json!({"stream": true}));
    let ollama = ask(&sim, Vendor::Ollama, body.clone()).await.events();
    assert_eq!(ollama.len(), 4);
    assert_eq!(ollama[3]["choices"][0]["delta"]["content"], "");
    assert_eq!(ollama[3]["choices"][0]["finish_reason"], Value::Null);
    let llama = ask(&sim, Vendor::LlamaCpp, body.clone()).await.events();
    assert_eq!((llama.len(), &llama[3]["error"]["type"]), (4, &json!("server_error")));
    let vllm = ask(&sim, Vendor::Vllm, body.clone()).await.events();
    assert!(vllm[3]["error"]["code"].is_u64());
    assert_eq!(vllm[4], "[DONE]");
    let native = post(&sim, Vendor::Ollama, "/api/chat", &hello("llama3.2")).await.lines();
    assert!(native[3]["error"].is_string());
}

#[tokio::test]
async fn older_builds_are_played_by_style() {
    let cases = [
        ("llamacpp", "{ stream_error: { kind: server, after_events: 2, style: field_line } }", "\nerror: {"),
        ("vllm", "{ quirks: [reasoning_content] }", "\"reasoning_content\":"),
        ("lmstudio", "{ quirks: [tool_request_text] }", "[TOOL_REQUEST]"),
    ];
    for (vendor, rule, expected) in cases {
        let sim = start_with(&format!("rules: [ {rule} ]")).await;
        let tools = json!([{"type": "function", "function": {"name": "get_weather"}}]);
        let mut body = with(hello("qwen3"), json!({"stream": true, "tools": tools}));
        body["messages"][0]["content"] = "get_weather".into();
        let text = ask(&sim, vendor.parse().unwrap(), body).await.text();
        assert!(text.contains(expected), "{vendor}: {text}");
    }
    let styles = [
        ("text", json!({"error": "internal server error"})),
        ("detail", json!({"detail": "internal server error"})),
    ];
    for (style, expected) in styles {
        let sim = start_with(&format!("rules: [ {{ error: {{ kind: server, style: {style} }} }} ]")).await;
        assert_eq!(ask(&sim, Vendor::Vllm, hello("qwen3")).await.json(), expected);
    }
    let sim = start_with("rules: [ { error: { kind: server, style: object } } ]").await;
    assert_eq!(ask(&sim, Vendor::Vllm, hello("qwen3")).await.json()["object"], "error");
}
