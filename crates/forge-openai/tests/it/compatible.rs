//! Vendors whose servers speak the dialect in their own way: what is sent to them and what is read from them.

use forge_core::{
    Adapter as _, CallContext, ErrorKind, Message, ModelProvider, ModelRequest, ModelResponse, Participant,
    ProviderExt, TokenCount,
    request::{Delivery, MessageRole, OutputFormat, Part, Tool},
};
use forge_openai::OpenAIProvider;
use mockito::{Matcher, Server};
use serde_json::{Value, json};

use crate::support::{KEY, chunks};

/// One vendor: a first turn that thinks, says something and calls a tool, and the turn after it.
struct Case {
    id: &'static str,
    /// The path of its API.
    path: &'static str,
    /// The fields of the first request beside model, messages and tools.
    sent: Value,
    /// What of the message is not its text and its call.
    thoughts: Value,
    usage: Value,
    tokens: TokenCount,
    /// What of the message goes back beside its text and its call.
    back: Value,
}

const SCHEMA: &str = r#"{"type":"object","properties":{"x":{"type":"integer"}}}"#;

fn request(extra: &'static str) -> ModelRequest {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut request = ModelRequest::new("Be brief.")
        .with_user_message("Hi")
        .with_max_tokens(50)
        .with_tool(Tool::function("add", schema))
        .with_delivery(Delivery::Whole);
    request.extra.insert(ModelProvider::from(extra), "user", json!("u"));
    request.extra.insert(ModelProvider::OpenAI, "service_tier", json!("flex"));
    request
}

fn merged(mut one: Value, other: &Value) -> Value {
    one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    one
}

fn tokens(input: u64, output: u64) -> TokenCount {
    TokenCount::default().with_input(input).with_output(output)
}

fn cases() -> Vec<Case> {
    let usual = json!({"max_tokens": 50});
    let reasoned = json!({"reasoning_content": "I add."});
    let plain = json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14});
    let details = json!({"reasoning_details": [
        {"type": "reasoning.text", "text": "I add.", "signature": "s+/=", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "gAAA", "index": 1}]});
    let case = |id, path, thoughts: &Value, back: &Value| Case {
        id,
        path,
        sent: usual.clone(),
        thoughts: thoughts.clone(),
        usage: plain.clone(),
        tokens: tokens(10, 4),
        back: back.clone(),
    };
    let mut perplexity = plain.clone();
    perplexity["search_context_size"] = json!("low");
    vec![
        Case {
            usage: json!({"prompt_tokens": 100, "completion_tokens": 4, "total_tokens": 104,
                "prompt_cache_hit_tokens": 90, "prompt_cache_miss_tokens": 10}),
            tokens: tokens(10, 4).with_cache_read(90),
            ..case("deepseek", "/v1", &reasoned, &reasoned)
        },
        Case {
            usage: json!({"prompt_tokens": 100, "completion_tokens": 4, "total_tokens": 104, "num_cached_tokens": 90}),
            tokens: tokens(10, 4).with_cache_read(90),
            ..case("mistral", "/v1", &reasoned, &json!({}))
        },
        Case {
            usage: json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 154,
                "completion_tokens_details": {"reasoning_tokens": 140}}),
            tokens: tokens(10, 4).with_reasoning(140),
            ..case("xai", "/v1", &reasoned, &reasoned)
        },
        case("groq", "/openai/v1", &json!({"reasoning": "I add."}), &json!({"reasoning": "I add."})),
        case("openrouter", "/api/v1", &merged(details.clone(), &json!({"reasoning": "I add."})), &details),
        case("together", "/v1", &json!({"reasoning": "I add."}), &json!({"reasoning": "I add."})),
        case("fireworks", "/inference/v1", &reasoned, &reasoned),
        Case {
            sent: json!({"max_completion_tokens": 50}),
            ..case("cerebras", "/v1", &json!({"reasoning": "I add."}), &json!({"reasoning": "I add."}))
        },
        Case { usage: perplexity, ..case("perplexity", "/v1", &reasoned, &reasoned) },
        Case {
            usage: json!({"prompt_tokens": 100, "completion_tokens": 4, "total_tokens": 104, "cached_tokens": 90}),
            tokens: tokens(10, 4).with_cache_read(90),
            ..case("moonshot", "/v1", &reasoned, &reasoned)
        },
        case("zai", "/api/paas/v4", &reasoned, &reasoned),
        Case {
            usage: json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 154}),
            tokens: tokens(10, 4).with_reasoning(140),
            ..case("google", "/v1beta/openai", &reasoned, &reasoned)
        },
        case("venice", "/api/v1", &reasoned, &reasoned),
        case("alibaba", "/compatible-mode/v1", &reasoned, &reasoned),
        case("llamacpp", "/v1", &reasoned, &reasoned),
        case("vllm", "/v1", &json!({"reasoning": "I add."}), &json!({"reasoning": "I add."})),
    ]
}

async fn ask(
    case: &Case,
    path: &str,
    request: ModelRequest,
    body: Value,
    reply: &Value,
) -> Result<ModelResponse, String> {
    let mut server = Server::new_async().await;
    let mock = server
        .mock("POST", format!("{path}/chat/completions").as_str())
        .match_header("authorization", format!("Bearer {KEY}").as_str())
        .match_body(Matcher::Json(body))
        .with_body(reply.to_string())
        .create_async()
        .await;
    let provider =
        OpenAIProvider::new(KEY).with_base_url(format!("{}{path}/", server.url())).with_dialect(case.id);
    let answer = provider.complete(&CallContext::new(Participant::gpt().with_model("m")), request).await;
    mock.assert_async().await;
    answer.map_err(|error| format!("{}: {error}", case.id))
}

#[tokio::test]
async fn each_vendor_gets_and_is_read_in_its_own_way() {
    for case in cases() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let mut call = json!({"id": "abcDEF123", "type": "function",
            "function": {"name": "add", "arguments": "{\"x\":1}"}});
        let bare = json!({"role": "assistant", "content": "Let me see.", "tool_calls": [call]});
        if case.id == "google" {
            call["extra_content"] = json!({"google": {"thought_signature": "c+/="}});
        }
        let first =
            [json!({"role": "system", "content": "Be brief."}), json!({"role": "user", "content": "Hi"})];
        let body = |messages: &[Value]| {
            let whole = json!({"model": "m", "messages": messages, "user": "u",
                "tools": [{"type": "function", "function": {"name": "add", "parameters": schema}}]});
            merged(whole, &case.sent)
        };
        let message = json!({"role": "assistant", "content": "Let me see.", "tool_calls": [call]});
        let reply = json!({"id": "r", "model": "m", "usage": case.usage,
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": merged(message.clone(), &case.thoughts)}]});
        let answer = ask(&case, case.path, request(case.id), body(&first), &reply).await.unwrap();
        let [Part::Thinking { text, opaque, .. }, Part::Text { text: said, .. }, Part::ToolUse { name, .. }] =
            &answer.content[..]
        else {
            panic!("{}: {:?}", case.id, answer.content)
        };
        assert_eq!((text.as_str(), said.as_str(), name.as_str()), ("I add.", "Let me see.", "add"));
        assert_eq!(answer.tokens, case.tokens, "{}", case.id);
        assert!(answer.warnings.is_empty(), "{}: {:?}", case.id, answer.warnings);
        let opaque = opaque.as_ref().unwrap();
        assert!(opaque.belongs_to(&ModelProvider::from(case.id), &"m".into(), "openai"), "{}", case.id);

        let goes_on = |answer: &ModelResponse| {
            let result = Message::new(MessageRole::User, vec![Part::tool_result("abcDEF123", "2")]);
            request(case.id)
                .with_message(Message::new(MessageRole::Assistant, answer.content.clone()))
                .with_message(result)
        };
        let result = json!({"role": "tool", "tool_call_id": "abcDEF123", "content": "2"});
        let turns = |back: &Value| [&first[..], &[merged(message.clone(), back), result.clone()]].concat();
        // Some refuse a call that brings no thoughts at all.
        let required = ["deepseek", "moonshot"].contains(&case.id);
        let back = if required { json!({"reasoning_content": ""}) } else { json!({}) };
        let without = [&first[..], &[merged(bare, &back), result.clone()]].concat();
        ask(&case, case.path, goes_on(&answer), body(&turns(&case.back)), &reply).await.unwrap();
        // Another model's thoughts are not this one's.
        let mut foreign = answer.clone();
        for part in &mut foreign.content {
            let state = part.opaque().cloned().map(|mut state| {
                state.model = "another".into();
                state
            });
            *part = part.clone().with_opaque(state);
        }
        ask(&case, case.path, goes_on(&foreign), body(&without), &reply).await.unwrap();
    }
}

#[tokio::test]
async fn where_no_schema_is_taken_the_model_is_told_and_the_answer_is_checked() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let reply = |text: &str| {
        chunks(&[&json!({"id": "c", "model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 1},
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]})
        .to_string()])
    };
    for (text, warned) in [(r#"{"x":1}"#, vec!["output"]), (r#"{"x":"1"}"#, vec!["output", "schema"])] {
        let output = OutputFormat::json_schema("sum", schema.clone());
        let request = ModelRequest::new("").with_user_message("Hi").with_output(output);
        let (sent, answer) = streamed_as("deepseek", reply(text), request).await;
        assert_eq!(sent["response_format"], json!({"type": "json_object"}));
        assert!(sent["messages"][0]["content"].as_str().unwrap().contains(SCHEMA), "{sent}");
        let about: Vec<_> = answer.warnings.iter().map(|warning| warning.about.as_str()).collect();
        assert_eq!(about, warned);
    }
}

fn streamed(dialect: &str, body: String) -> impl Future<Output = (Value, ModelResponse)> {
    let mut request = ModelRequest::new("").with_user_message("Hi").with_user_message("Hello?");
    request.sampling.seed = Some(7);
    streamed_as(dialect, body, request)
}

fn streamed_as(
    dialect: &str,
    body: String,
    request: ModelRequest,
) -> impl Future<Output = (Value, ModelResponse)> {
    let dialect = dialect.to_owned();
    async move {
        let mut server = Server::new_async().await;
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Value::Null));
        let keep = std::sync::Arc::clone(&seen);
        let _mock = server
            .mock("POST", "/v1/chat/completions")
            .match_request(move |request| {
                *keep.lock().unwrap() = serde_json::from_slice(request.body().unwrap()).unwrap();
                true
            })
            .with_body(body)
            .create_async()
            .await;
        let provider =
            OpenAIProvider::new(KEY).with_base_url(format!("{}/v1", server.url())).with_dialect(dialect);
        let context = CallContext::new(Participant::gpt().with_model("m"));
        let answer = provider.complete(&context, request).await.unwrap();
        let sent = seen.lock().unwrap().clone();
        (sent, answer)
    }
}

#[tokio::test]
async fn streams_ask_for_usage_only_where_the_vendor_knows_the_field() {
    let reply = || {
        chunks(&[
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}"#,
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"Hel"},{"type":"reference","reference_ids":[1]}]}}]}"#,
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#,
        ])
    };
    let (sent, answer) = streamed("mistral", reply()).await;
    assert_eq!((sent.get("stream_options"), sent.get("seed"), sent.get("store")), (None, None, None));
    assert_eq!(sent["random_seed"], json!(7));
    assert_eq!(answer.text(), "Hello");
    assert!(matches!(&answer.content[0], Part::Thinking { text, opaque: None, .. } if text == "hm"));
    assert!(answer.warnings.is_empty(), "{:?}", answer.warnings);
    for dialect in ["deepseek", "groq", "vllm"] {
        let (sent, answer) = streamed(dialect, reply()).await;
        assert_eq!(sent["stream_options"], json!({"include_usage": true}), "{dialect}");
        assert_eq!((&sent["seed"], sent.get("store")), (&json!(7), None), "{dialect}");
        assert_eq!(sent["messages"].as_array().unwrap().len(), if dialect == "vllm" { 1 } else { 2 });
        assert_eq!(answer.text(), "Hello");
    }
    let (sent, _) = streamed("openai", reply()).await;
    assert_eq!(sent["store"], json!(false));
}

#[tokio::test]
async fn moonshot_counts_in_the_choice_and_perplexity_sends_two_forms_at_once() {
    let (_, answer) = streamed("moonshot", chunks(&[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"cached_tokens":4}}]}"#,
    ])).await;
    assert_eq!(answer.tokens, tokens(5, 2).with_cache_read(4));
    let both = |delta: &str, so_far: &str| {
        json!({"id": "c", "model": "sonar", "choices": [{"index": 0, "finish_reason": "stop",
            "delta": {"role": "assistant", "content": delta}, "message": {"role": "assistant", "content": so_far}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}).to_string()
    };
    let lines = [both("<think>hm</think>", "<think>hm</think>"), both("\nHi", "<think>hm</think>\nHi")];
    let (_, answer) = streamed("perplexity", chunks(&lines.each_ref().map(String::as_str))).await;
    assert_eq!(answer.text(), "Hi");
    assert!(matches!(&answer.content[0], Part::Thinking { text, .. } if text == "hm"));
}

#[tokio::test]
async fn thoughts_between_tags_go_back_between_them() {
    let (_, answer) = streamed("minimax", chunks(&[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"<thi"}}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"nk>\nhm\n</th"}}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"ink>\n\nHi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    ])).await;
    assert_eq!(answer.text(), "Hi");
    let mut server = Server::new_async().await;
    let messages = json!([{"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHi"}, {"role": "user", "content": "And?"}]);
    let mock = server
        .mock("POST", "/v1/chat/completions")
        .match_body(Matcher::PartialJson(json!({"messages": messages})))
        .with_body(r#"{"choices":[{"message":{"content":"Ho"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#)
        .create_async()
        .await;
    let request = ModelRequest::new("")
        .with_user_message("Hi")
        .with_message(Message::new(MessageRole::Assistant, answer.content))
        .with_user_message("And?")
        .with_delivery(Delivery::Whole);
    let provider = OpenAIProvider::new(KEY).with_base_url(server.url()).with_dialect("minimax");
    provider.complete(&CallContext::new(Participant::gpt().with_model("m")), request).await.unwrap();
    mock.assert_async().await;
}

#[tokio::test]
async fn pieces_of_details_are_joined_before_they_go_back() {
    let (_, answer) = streamed("openrouter", chunks(&[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"","reasoning":"I ","reasoning_details":[{"type":"reasoning.text","text":"I ","format":"f","index":0}]}}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"","reasoning":"add.","reasoning_details":[{"type":"reasoning.text","text":"add.","format":"f","index":0}]}}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"","reasoning_details":[{"type":"reasoning.text","signature":"s","format":"f","index":0}]}}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"x","index":1}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    ])).await;
    let states: Vec<Value> = answer
        .content
        .iter()
        .filter_map(Part::opaque)
        .map(|state| serde_json::from_str(&state.data).unwrap())
        .collect();
    let text =
        json!({"type": "reasoning.text", "text": "I add.", "format": "f", "index": 0, "signature": "s"});
    let sealed = json!({"type": "reasoning.encrypted", "data": "x", "index": 1});
    assert_eq!(states, [json!({"reasoning_details": [text]}), json!({"reasoning_details": [sealed]})]);
    assert!(matches!(&answer.content[0], Part::Thinking { text, .. } if text == "I add."));
    assert_eq!(answer.text(), "Hi");
}

#[tokio::test]
async fn azure_has_its_own_header_path_and_version() {
    let mut server = Server::new_async().await;
    let reply = r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let listed = r#"{"id":"r","model":"m","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    for (path, at, model, reply) in [
        ("", "/openai/v1/responses?api-version=preview", "gpt-6.2-sol", listed),
        ("/openai/v1/responses", "/openai/v1/responses?api-version=preview", "gpt-6.2-sol", listed),
        ("", "/openai/v1/chat/completions?api-version=preview", "gpt-4.1", reply),
        (
            "/openai/deployments/mine",
            "/openai/deployments/mine/chat/completions?api-version=preview",
            "gpt-6.2-sol",
            reply,
        ),
    ] {
        let mock = server
            .mock("POST", at)
            .match_header("api-key", KEY)
            .match_header("authorization", Matcher::Missing)
            .match_body(Matcher::PartialJson(json!({"model": model, "store": false})))
            .with_body(reply)
            .create_async()
            .await;
        let settings = forge_core::provider::AdapterSettings {
            api_key: Some(KEY.into()),
            base_url: Some(format!("{}{path}", server.url())),
            dialect: Some("azure".into()),
            options: json!({"api_version": "preview"}).as_object().unwrap().clone(),
            ..forge_core::provider::AdapterSettings::new("azure")
        };
        let provider = OpenAIProvider::from_settings(settings).unwrap();
        let context = CallContext::new(Participant::gpt().with_model(model));
        let request = ModelRequest::new("").with_user_message("Hi").with_delivery(Delivery::Whole);
        assert_eq!(provider.complete(&context, request).await.unwrap().text(), "Hi", "{at}");
        mock.assert_async().await;
    }
}

#[test]
fn settings_that_fit_no_vendor_are_refused_with_what_there_is() {
    let refused = |dialect: &str, options: Value| {
        let settings = forge_core::provider::AdapterSettings {
            dialect: Some(dialect.into()),
            options: options.as_object().unwrap().clone(),
            ..forge_core::provider::AdapterSettings::new("p")
        };
        OpenAIProvider::from_settings(settings).unwrap_err().message.clone()
    };
    assert!(refused("grok", json!({})).contains("xai"));
    assert!(refused("azure", json!({})).contains("base URL"));
    assert!(refused("groq", json!({"api_version": "x"})).contains("`azure`"));
    assert!(refused("azure", json!({"region": "x"})).contains("`api_version`"));
}

#[tokio::test]
async fn nobody_is_asked_to_count_who_has_no_endpoint_for_it() {
    let mut server = Server::new_async().await;
    let mock = server.mock("POST", Matcher::Any).expect(0).create_async().await;
    let request = ModelRequest::new("").with_user_message("Hi");
    for case in cases() {
        let provider = OpenAIProvider::new(KEY).with_base_url(server.url()).with_dialect(case.id);
        let error = provider.count_tokens(&"m".into(), &request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{}: {error}", case.id);
    }
    mock.assert_async().await;
}
