use forge_core::{
    ErrorKind, Message, ModelProvider, ModelRequest,
    request::{
        CacheTtl, Delivery, Effort, FunctionTool, MessageRole, OutputFormat, Part, Source, SystemText, Tool,
        ToolChoice,
    },
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
        .with_message(Message::new(
            MessageRole::User,
            vec![
                Part::image(Source::Url { url: "https://example.com/a.png".into() }),
                Part::image_base64("image/png", "iVBORw=="),
                Part::document(Source::Base64 { media_type: "application/pdf".into(), data: "JVBE".into() })
                    .with_name("a.pdf")
                    .with_cache(CacheTtl::OneHour),
                Part::text("What is this?"),
            ],
        ))
        .with_message(Message::new(
            MessageRole::Assistant,
            vec![Part::tool_use("t1", "look", json!({"at": 1}))],
        ))
        .with_message(Message::new(
            MessageRole::User,
            vec![Part::text("Here:"), Part::text(""), Part::tool_result("t1", "a cat")],
        ))
        .with_tool(FunctionTool::new("look", json!({"type": "object"})).with_description("Looks.").strict())
        .with_output(OutputFormat::json_schema("x", json!({"type": "object"})))
        .with_max_tokens(100);
    request.system.to_mut()[0].cache = Some(CacheTtl::FiveMinutes);
    request.stop_sequences = vec!["END".into()];
    request.tool_choice = ToolChoice::Tool("look".into());
    request.parallel_tools = Some(false);
    let extra =
        json!({"anthropic": {"service_tier": "standard_only", "max_tokens": 50}, "openai": {"store": true}});
    request.extra = serde_json::from_value(extra).unwrap();
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
    let parts = (0..5).map(|_| Part::text("x").with_cache(CacheTtl::FiveMinutes));
    let request = ModelRequest::new("").with_message(Message::new(MessageRole::User, parts.collect()));
    let (body, warnings) = sent("claude-sonnet-5-5", request).await;
    let blocks = body["messages"][0]["content"].as_array().unwrap();
    assert_eq!(blocks.iter().filter(|block| !block["cache_control"].is_null()).count(), 4);
    assert_eq!(warnings, ["cache"]);
}

#[tokio::test]
async fn a_forced_tool_call_is_refused_where_the_model_refuses_it() {
    let tool = Tool::function("look", json!({"type": "object"}));
    let mut request = ModelRequest::new("").with_user_message("hi").with_tool(tool);
    request.tool_choice = ToolChoice::Required;
    let (outcome, sent) = exchange("claude-sonnet-5-5", request.clone(), Reply::json(200, DONE)).await;
    assert_eq!((outcome.unwrap_err().kind, sent.len()), (ErrorKind::Unsupported, 0));
    let (_, sent) = exchange("claude-opus-5", request, Reply::json(200, DONE)).await;
    assert_eq!(sent[0].body["tool_choice"], json!({"type": "any"}));
}

#[tokio::test]
async fn arguments_that_are_no_object_are_sent_inside_one() {
    let broken = Part::tool_use("a", "look", json!("{\"at\": "));
    let request = ModelRequest::new("")
        .with_user_message("hi")
        .with_message(Message::new(MessageRole::Assistant, vec![broken]))
        .with_message(Message::new(MessageRole::User, vec![Part::tool_result("a", "x")]));
    let (body, _) = sent("claude-sonnet-5-5", request).await;
    assert_eq!(body["messages"][1]["content"][0]["input"], json!({"input": "{\"at\": "}));
}

#[tokio::test]
async fn instructions_between_turns_keep_their_role_where_the_model_takes_them() {
    let request = ModelRequest::new("").with_user_message("hi").with_message(Message::system("be brief"));
    let (body, warnings) = sent("claude-opus-5-5", request.clone()).await;
    assert_eq!((&body["messages"][1]["role"], warnings.len()), (&json!("system"), 0));
    let (body, warnings) = sent("claude-sonnet-4-5", request).await;
    assert_eq!(
        (&body["messages"][1]["role"], warnings.as_slice()),
        (&json!("user"), &["system".to_owned()][..])
    );
}

#[tokio::test]
async fn cache_marks_of_tools_come_before_those_of_system_text_and_calls() {
    let system = |text: &str| SystemText::new(text).with_cache(CacheTtl::OneHour);
    let call = Part::tool_use("t1", "look", json!({})).with_cache(CacheTtl::FiveMinutes);
    let request = ModelRequest::default()
        .with_system_text(system("one"))
        .with_system_text(system("two"))
        .with_tool(FunctionTool::new("look", json!({"type": "object"})).with_cache(CacheTtl::OneHour))
        .with_user_message("hi")
        .with_message(Message::new(MessageRole::Assistant, vec![call]))
        .with_message(Message::new(MessageRole::User, vec![Part::tool_result("t1", "x")]));
    let (body, warnings) = sent("claude-opus-5-5", request).await;
    let mark = |ttl: &str| json!({"type": "ephemeral", "ttl": ttl});
    assert_eq!(body["tools"][0]["cache_control"], mark("1h"));
    assert_eq!(
        (&body["system"][1]["text"], &body["system"][1]["cache_control"]),
        (&json!("two"), &mark("1h"))
    );
    assert_eq!(body["messages"][1]["content"][0]["cache_control"], mark("5m"));
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[tokio::test]
async fn hosted_tools_go_to_their_vendor_and_allowed_ones_are_all_that_is_sent() {
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    let mut request = ModelRequest::new("")
        .with_user_message("hi")
        .with_tool(Tool::function("look", json!({"type": "object"})))
        .with_tool(Tool::function("add", json!({"type": "object"})))
        .with_tool(Tool::hosted(ModelProvider::Anthropic, search.clone()))
        .with_tool(Tool::hosted(ModelProvider::OpenAI, json!({"type": "web_search"})));
    let (body, warnings) = sent("claude-sonnet-5-5", request.clone()).await;
    assert_eq!((body["tools"].as_array().unwrap().len(), &body["tools"][2]), (3, &search));
    assert_eq!(warnings, ["tools"]);
    request.tool_choice = ToolChoice::Allowed { names: vec!["add".into()], required: false };
    let (body, _) = sent("claude-sonnet-5-5", request.clone()).await;
    assert_eq!((&body["tools"][0]["name"], body["tools"].as_array().unwrap().len()), (&json!("add"), 1));
    request.tools.push(Tool::freeform("exec"));
    request.tool_choice = ToolChoice::Auto;
    let (body, _) = sent("claude-sonnet-5-5", request).await;
    let exec = body["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "exec").unwrap();
    assert_eq!(
        exec["input_schema"]["properties"]["input"]["type"], "string",
        "free text is a function of one text"
    );
}

#[tokio::test]
async fn a_budget_a_hidden_thought_and_a_file_are_sent_as_the_vendor_writes_them() {
    let file = |vendor| Part::document(Source::File { id: "file_1".into(), vendor });
    let ask = |part| ModelRequest::new("").with_message(Message::new(MessageRole::User, vec![part]));
    let mut request = ask(file(ModelProvider::Anthropic)).with_max_tokens(20_000);
    request.thinking_budget = Some(3_000);
    request.show_thinking = Some(false);
    let (body, _) = sent("claude-haiku-4-5", request.clone()).await;
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 3_000}));
    assert_eq!(body["messages"][0]["content"][0]["source"], json!({"type": "file", "file_id": "file_1"}));
    let (body, warnings) = sent("claude-sonnet-5-5", request.with_effort(Effort::Low)).await;
    assert_eq!(body["thinking"], json!({"type": "adaptive", "display": "omitted"}));
    assert_eq!(warnings, ["thinking_budget"]);
    for part in [file(ModelProvider::OpenAI), Part::audio(Source::Url { url: "https://a.example/x".into() })]
    {
        let (outcome, _) = exchange("claude-sonnet-5-5", ask(part), Reply::json(200, DONE)).await;
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Unsupported);
    }
}

#[tokio::test]
async fn json_without_a_schema_is_asked_for_in_words() {
    let request = ModelRequest::new("s").with_user_message("hi").with_output(OutputFormat::Json);
    let (body, warnings) = sent("claude-sonnet-5-5", request).await;
    assert!(body["system"][1]["text"].as_str().unwrap().contains("JSON alone"), "{body}");
    assert_eq!(warnings, ["output"]);
}
