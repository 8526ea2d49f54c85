use forge_core::{
    CacheTtl, Delivery, Effort, ErrorKind, Message, MessageRole, ModelRequest, OutputFormat, Part, Source,
    Tool, ToolChoice,
};
use forge_testkit::Reply;
use serde_json::{Value, json};

use crate::exchange;

const DONE: &str = r#"{"id":"m","model":"m","content":[],"stop_reason":"end_turn","usage":{}}"#;

/// What is sent, and about what the adapter warns.
async fn sent(model: &str, request: ModelRequest) -> (Value, Vec<String>) {
    let (outcome, sent) =
        exchange(model, request.with_delivery(Delivery::Whole), Reply::json(200, DONE)).await;
    let warnings = outcome.unwrap().warnings.into_iter().map(|warning| warning.about).collect();
    (sent[0].body.clone(), warnings)
}

#[tokio::test]
async fn the_smallest_request_is_small_and_carries_the_key_in_its_header() {
    let request = ModelRequest::new("").with_user_message("hi");
    let (outcome, sent) = exchange("claude-sonnet-5-5", request, Reply::json(503, "")).await;
    assert!(outcome.is_err());
    assert_eq!(sent[0].line, "POST /v1/messages");
    assert_eq!(sent[0].header("x-api-key"), Some("sk-test-1"));
    assert_eq!(sent[0].header("anthropic-version"), Some("2023-06-01"));
    let body = json!({"model": "claude-sonnet-5-5", "max_tokens": 8192, "stream": true,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]});
    assert_eq!(sent[0].body, body);
}

#[tokio::test]
async fn every_kind_of_part_and_setting_is_sent() {
    let mut request = ModelRequest::new("Be exact.")
        .with_message(Message {
            role: MessageRole::User,
            parts: vec![
                Part::Image { source: Source::Url { url: "https://example.com/a.png".into() }, cache: None },
                Part::image_base64("image/png", "iVBORw=="),
                Part::Document {
                    source: Source::Base64 { media_type: "application/pdf".into(), data: "JVBE".into() },
                    name: Some("a.pdf".into()),
                    cache: Some(CacheTtl::OneHour),
                },
                Part::text("What is this?"),
            ],
        })
        .with_message(Message {
            role: MessageRole::Assistant,
            parts: vec![Part::ToolUse {
                id: "t1".into(),
                name: "look".into(),
                input: json!({"at": 1}),
                opaque: None,
            }],
        })
        .with_message(Message {
            role: MessageRole::User,
            parts: vec![Part::text("Here:"), Part::text(""), Part::tool_result("t1", "a cat")],
        })
        .with_tool(Tool {
            name: "look".into(),
            description: "Looks.".into(),
            schema: json!({"type": "object"}),
            strict: true,
        })
        .with_output(OutputFormat::JsonSchema { name: "x".into(), schema: json!({"type": "object"}) })
        .with_max_tokens(100);
    request.system_cache = Some(CacheTtl::FiveMinutes);
    request.stop_sequences = vec!["END".into()];
    request.tool_choice = ToolChoice::Tool("look".into());
    request.parallel_tools = Some(false);
    request.extra = json!({"service_tier": "standard_only", "max_tokens": 50}).as_object().unwrap().clone();
    let (body, warnings) = sent("claude-haiku-4-5", request).await;
    insta::assert_json_snapshot!(body);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[tokio::test]
async fn sampling_goes_to_models_that_take_it_and_is_named_where_it_is_left_out() {
    let mut request = ModelRequest::new("").with_user_message("hi").with_temperature(1.5);
    request.sampling.top_p = Some(0.9);
    request.sampling.top_k = Some(5);
    request.sampling.seed = Some(1);
    let (body, warnings) = sent("claude-haiku-4-5", request.clone()).await;
    assert_eq!(
        (&body["temperature"], &body["top_p"], &body["top_k"]),
        (&json!(1.0), &Value::Null, &json!(5))
    );
    assert_eq!(warnings, ["top_p", "temperature", "seed"]);

    let (body, warnings) = sent("claude-opus-5-5", request).await;
    assert_eq!((&body["temperature"], &body["top_k"]), (&Value::Null, &Value::Null));
    assert_eq!(warnings, ["temperature", "top_p", "top_k", "seed"]);
}

#[tokio::test]
async fn effort_is_asked_for_in_the_form_the_model_knows() {
    let ask =
        |effort| ModelRequest::new("").with_user_message("hi").with_effort(effort).with_max_tokens(20_000);
    let (body, _) = sent("claude-sonnet-5-5", ask(Effort::XHigh)).await;
    assert_eq!(
        (&body["thinking"], &body["output_config"]),
        (&json!({"type": "adaptive"}), &json!({"effort": "xhigh"}))
    );
    let (body, warnings) = sent("claude-sonnet-5-5", ask(Effort::Minimal)).await;
    assert_eq!(
        (&body["output_config"], warnings.as_slice()),
        (&json!({"effort": "low"}), &["effort".to_owned()][..])
    );
    let (body, _) = sent("claude-sonnet-5-5", ask(Effort::None)).await;
    assert_eq!(body["thinking"], json!({"type": "disabled"}));
    let (body, warnings) = sent("claude-opus-5-5", ask(Effort::None)).await;
    assert_eq!((&body["output_config"], warnings.len()), (&json!({"effort": "low"}), 1));
    let (body, _) = sent("claude-haiku-4-5", ask(Effort::High)).await;
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 10_000}));
    let (body, warnings) = sent("claude-haiku-4-5", ask(Effort::High).with_max_tokens(1_000)).await;
    assert_eq!((&body["thinking"], warnings.len()), (&Value::Null, 1));
}

#[tokio::test]
async fn a_fifth_cache_hint_is_left_out() {
    let parts =
        (0..5).map(|_| Part::Text { text: "x".into(), cache: Some(CacheTtl::FiveMinutes), opaque: None });
    let request =
        ModelRequest::new("").with_message(Message { role: MessageRole::User, parts: parts.collect() });
    let (body, warnings) = sent("claude-sonnet-5-5", request).await;
    let blocks = body["messages"][0]["content"].as_array().unwrap();
    assert_eq!(blocks.iter().filter(|block| !block["cache_control"].is_null()).count(), 4);
    assert_eq!(warnings, ["cache"]);
}

#[tokio::test]
async fn a_forced_tool_call_is_refused_where_the_model_refuses_it() {
    let tool = Tool {
        name: "look".into(),
        description: String::new(),
        schema: json!({"type": "object"}),
        strict: false,
    };
    let mut request = ModelRequest::new("").with_user_message("hi").with_tool(tool);
    request.tool_choice = ToolChoice::Required;
    let (outcome, sent) = exchange("claude-sonnet-5-5", request.clone(), Reply::json(200, DONE)).await;
    assert_eq!((outcome.unwrap_err().kind, sent.len()), (ErrorKind::Unsupported, 0));
    let (_, sent) = exchange("claude-opus-5", request, Reply::json(200, DONE)).await;
    assert_eq!(sent[0].body["tool_choice"], json!({"type": "any"}));
}

#[tokio::test]
async fn arguments_that_are_no_object_are_sent_inside_one() {
    let broken =
        Part::ToolUse { id: "a".into(), name: "look".into(), input: json!("{\"at\": "), opaque: None };
    let request = ModelRequest::new("")
        .with_user_message("hi")
        .with_message(Message { role: MessageRole::Assistant, parts: vec![broken] })
        .with_message(Message { role: MessageRole::User, parts: vec![Part::tool_result("a", "x")] });
    let (body, _) = sent("claude-sonnet-5-5", request).await;
    assert_eq!(body["messages"][1]["content"][0]["input"], json!({"input": "{\"at\": "}));
}
