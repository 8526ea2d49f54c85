//! Conversations of other vendors, as this one takes them.

use forge_anthropic::AnthropicProvider;
use forge_core::{
    CallContext, ErrorKind, Message, ModelProvider, ModelRequest, Participant, Provider as _,
    ProviderExt as _,
    error::Phase,
    provider::AdapterSettings,
    request::{Delivery, FunctionTool, MessageRole, Opaque, Part, Source, Tool},
};
use forge_testkit::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::exchange;

const DONE: &str = r#"{"id":"m","model":"m","content":[],"stop_reason":"end_turn","usage":{}}"#;

async fn sent(model: &str, request: ModelRequest) -> Value {
    let (outcome, sent) =
        exchange(model, request.with_delivery(Delivery::Whole), Reply::json(200, DONE)).await;
    outcome.unwrap();
    sent[0].body.clone()
}

fn call(id: &str) -> Message {
    Message::new(MessageRole::Assistant, vec![Part::tool_use(id, "look", json!({}))])
}

fn result(id: &str) -> Message {
    Message::new(MessageRole::User, vec![Part::tool_result(id, "x")])
}

fn document(media_type: &str, data: &str) -> Part {
    Part::document(Source::Base64 { media_type: media_type.into(), data: data.into() })
}

#[tokio::test]
async fn ids_stand_once_and_have_the_signs_that_the_vendor_takes_the_same_every_time() {
    let mut request = ModelRequest::new("")
        .with_user_message("hi")
        .with_tool(Tool::from(FunctionTool::new("look", json!({"type": "object"}))));
    for id in ["call_0", "call_0", "functions.look:0"] {
        request = request.with_message(call(id)).with_message(result(id));
    }
    let body = sent("claude-sonnet-5-5", request.clone()).await;
    let id =
        |turn: usize, name: &str| body["messages"][turn]["content"][0][name].as_str().unwrap().to_owned();
    let calls = [id(1, "id"), id(3, "id"), id(5, "id")];
    assert_eq!(calls, [id(2, "tool_use_id"), id(4, "tool_use_id"), id(6, "tool_use_id")]);
    assert_eq!(calls[0], "call_0");
    assert!(calls[0] != calls[1] && calls.iter().all(|id| !id.contains(['.', ':'])), "{calls:?}");

    let longer = request.with_message(call("call_0")).with_message(result("call_0"));
    let longer = sent("claude-sonnet-5-5", longer).await;
    let before = body["messages"].as_array().unwrap();
    assert_eq!(&longer["messages"].as_array().unwrap()[..before.len()], &before[..]);
}

#[tokio::test]
async fn blank_texts_are_left_out_wherever_they_stand() {
    let foreign = Opaque::new(ModelProvider::Google, "gemini-4-argon".into(), "sig");
    let request = ModelRequest::new(" \n")
        .with_user_message("hi")
        .with_assistant_message("\n")
        .with_message(Message::new(MessageRole::Assistant, vec![Part::text("").with_opaque(foreign)]))
        .with_message(Message::new(MessageRole::User, vec![Part::text("  "), Part::text("there")]));
    let body = sent("claude-sonnet-5-5", request).await;
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "user", "content": [{"type": "text", "text": "there"}]}]);
    assert_eq!((&body["messages"], &body["system"]), (&expected, &Value::Null));
}

#[tokio::test]
async fn a_prefill_ends_without_white_space() {
    let request = ModelRequest::new("").with_user_message("hi").with_assistant_message("Answer: ");
    let body = sent("claude-haiku-4-5", request).await;
    assert_eq!(body["messages"][1]["content"][0]["text"], "Answer:");
}

#[tokio::test]
async fn calls_have_results_and_results_have_calls() {
    let request =
        ModelRequest::new("").with_user_message("hi").with_message(call("a")).with_user_message("Stop.");
    let body = sent("claude-sonnet-5-5", request).await;
    let results = &body["messages"][2]["content"];
    assert_eq!((&results[0]["tool_use_id"], &results[0]["is_error"]), (&json!("a"), &json!(true)));
    assert_eq!(results[1]["text"], "Stop.");

    let alone = ModelRequest::new("").with_message(result("b"));
    let (outcome, sent) = exchange("claude-sonnet-5-5", alone, Reply::json(200, DONE)).await;
    let failed = outcome.unwrap_err();
    assert_eq!((failed.kind, failed.phase, sent.len()), (ErrorKind::InvalidRequest, Phase::BeforeSend, 0));
}

#[tokio::test]
async fn texts_go_as_texts_and_what_is_no_document_of_the_vendors_is_refused() {
    let ask = |part| ModelRequest::new("").with_message(Message::new(MessageRole::User, vec![part]));
    for media_type in
        ["text/plain", "text/csv; charset=utf-8", "Text/Markdown", "application/json", "application/ld+json"]
    {
        let body = sent("claude-sonnet-5-5", ask(document(media_type, "YSxiCsOk").with_name("a"))).await;
        let block = &body["messages"][0]["content"][0];
        let source = json!({"type": "text", "media_type": "text/plain", "data": "a,b\n\u{e4}"});
        assert_eq!((&block["source"], &block["title"]), (&source, &json!("a")), "{media_type}");
    }
    let body = sent("claude-sonnet-5-5", ask(document("application/octet-stream", "JVBERi0xLjQ="))).await;
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="});
    assert_eq!(body["messages"][0]["content"][0]["source"], source);

    let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    for (media_type, data) in [(docx, "UEsDBA=="), ("text/plain", "/w=="), ("text/plain", "a,b")] {
        let (outcome, sent) =
            exchange("claude-sonnet-5-5", ask(document(media_type, data)), Reply::json(200, DONE)).await;
        assert_eq!((outcome.unwrap_err().kind, sent.len()), (ErrorKind::Unsupported, 0), "{media_type}");
    }
}

#[tokio::test]
async fn a_pictures_type_is_that_of_its_bytes() {
    let picture = Part::image_base64("image/jpeg", "data:image/jpeg;base64,iVBORw0KGgoAAAA=");
    let request = ModelRequest::new("").with_message(Message::new(MessageRole::User, vec![picture]));
    let body = sent("claude-sonnet-5-5", request).await;
    let source = json!({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAA="});
    assert_eq!(body["messages"][0]["content"][0]["source"], source);
}

#[tokio::test]
async fn a_newer_version_of_the_api_refuses_more() {
    let server = ScriptedServer::start([Reply::json(200, DONE)]).await.unwrap();
    let settings = AdapterSettings {
        api_key: Some("sk-test-1".into()),
        base_url: Some(format!("{}/v1/messages", server.url())),
        headers: vec![("anthropic-version".into(), "2026-10-21".into())],
        ..AdapterSettings::new("anthropic")
    };
    let provider = AnthropicProvider::from_settings(settings).unwrap();
    let model = "claude-haiku-4-5";
    assert!(!provider.capabilities(&model.into()).sampling);
    let cx = CallContext::new(Participant::new(ModelProvider::Anthropic, model));
    let request = ModelRequest::new("").with_user_message("hi").with_delivery(Delivery::Whole);
    let response = provider.complete(&cx, request.clone().with_temperature(0.5)).await.unwrap();
    assert_eq!(response.warnings[0].about, "temperature");
    let sent = &server.requests()[0];
    assert_eq!((sent.line.as_str(), &sent.body["temperature"]), ("POST /v1/messages", &Value::Null));

    let turn = Message::new(MessageRole::Assistant, vec![document("text/plain", "YQ==")]);
    let failed =
        provider.complete(&cx, request.with_message(turn).with_user_message("go on")).await.unwrap_err();
    assert_eq!((failed.kind, failed.phase), (ErrorKind::Unsupported, Phase::BeforeSend));
}
