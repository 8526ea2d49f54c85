//! The Responses API.

use forge_core::{
    ErrorKind, Message, TokenCount,
    error::Phase,
    event::StopReason,
    request::{Delivery, MessageRole, Part},
};
use serde_json::{Value, json};

use crate::support::{NEW, named, no_cut_is_a_success, question, sends, streamed, whole};

const REASONING: &str = r#"{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"I add."}],"encrypted_content":"gAAA\/+=="}"#;
const MESSAGE: &str = r#"{"id":"msg_1","type":"message","status":"completed","role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"Let me see.","annotations":[]}]}"#;
const CALL: &str = r#"{"id":"fc_1","type":"function_call","status":"completed","name":"add","call_id":"call_1","arguments":"{\"x\": 1}"}"#;
const USAGE: &str = r#"{"input_tokens":30,"input_tokens_details":{"cached_tokens":10,"cache_write_tokens":5},"output_tokens":25,"output_tokens_details":{"reasoning_tokens":20},"total_tokens":55}"#;

fn response(status: &str, output: &[&str], more: &str) -> String {
    let output = output.join(",");
    format!(
        r#"{{"id":"resp_1","object":"response","created_at":1,"status":"{status}","model":"gpt-6.2-sol-2026-11-17","output":[{output}],"usage":{USAGE},"error":null,"incomplete_details":null{more}}}"#
    )
}

fn terminal(status: &str, output: &[&str]) -> String {
    format!(r#"{{"type":"response.{status}","response":{}}}"#, response(status, output, ""))
}

/// Thoughts with a summary, a message, a function call.
fn stream() -> String {
    let done = |index: u32, item: &str| {
        format!(r#"{{"type":"response.output_item.done","output_index":{index},"item":{item}}}"#)
    };
    let [reasoning, message, call] = [done(0, REASONING), done(1, MESSAGE), done(2, CALL)];
    let completed = terminal("completed", &[REASONING, MESSAGE, CALL]);
    named(&[
        r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","model":"gpt-6.2-sol-2026-11-17","output":[],"usage":null,"error":null}}"#,
        r#"{"type":"response.in_progress","response":{"id":"resp_1"}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"I ","obfuscation":"zz"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"add."}"#,
        r#"{"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":0,"text":"I add."}"#,
        &reasoning,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
        r#"{"type":"response.content_part.added","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}"#,
        r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"Let me ","logprobs":[]}"#,
        r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"see."}"#,
        r#"{"type":"response.output_text.done","item_id":"msg_1","output_index":1,"content_index":0,"text":"Let me see."}"#,
        &message,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"id":"fc_1","type":"function_call","name":"add","call_id":"call_1","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{\"x\":"}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":" 1}"}"#,
        r#"{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":2,"arguments":"{\"x\": 1}"}"#,
        &call,
        r#"{"type":"response.something_new","output_index":9}"#,
        &completed,
    ])
}

fn opaque(part: &Part) -> &str {
    part.opaque().map_or("", |opaque| opaque.data.as_str())
}

#[tokio::test]
async fn a_stream_and_a_whole_reply_give_the_same_answer() {
    let stream = streamed(NEW, &stream()).await.unwrap();
    let body = response("completed", &[REASONING, MESSAGE, CALL], "");
    let whole = whole(NEW, &body).await.unwrap();
    assert_eq!(stream.content, whole.content);
    assert_eq!((stream.stop_reason, stream.tokens), (whole.stop_reason, whole.tokens));
    assert_eq!((&stream.id, &stream.model), (&whole.id, &whole.model));
}

#[tokio::test]
async fn thoughts_text_and_call_keep_the_vendors_items_byte_for_byte() {
    let response = streamed(NEW, &stream()).await.unwrap();
    assert_eq!(response.content.iter().map(opaque).collect::<Vec<_>>(), [REASONING, MESSAGE, CALL]);
    let [Part::Thinking { text, .. }, Part::Text { text: said, .. }, Part::ToolUse { id, name, input, .. }] =
        &response.content[..]
    else {
        panic!("{:?}", response.content)
    };
    assert_eq!(
        (text.as_str(), said.as_str(), id.as_str(), name.as_str()),
        ("I add.", "Let me see.", "call_1", "add")
    );
    assert_eq!((input, response.stop_reason), (&json!({"x": 1}).into(), StopReason::ToolUse));
    let tokens = TokenCount::default()
        .with_input(15)
        .with_cache_read(10)
        .with_cache_write_5m(5)
        .with_output(5)
        .with_reasoning(20);
    assert_eq!(response.tokens, tokens);
}

#[tokio::test]
async fn an_answer_goes_back_as_it_came_with_the_tools_result() {
    let answer = streamed(NEW, &stream()).await.unwrap();
    let request = question()
        .with_message(Message::new(MessageRole::Assistant, answer.content))
        .with_message(Message::new(MessageRole::User, vec![Part::tool_result("call_1", "2")]));
    let item = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let body = json!({
        "model": NEW, "instructions": "Be brief.", "store": false, "stream": true,
        "include": ["reasoning.encrypted_content"],
        "input": [{"type": "message", "role": "user", "content": "Hi"},
            item(REASONING), item(MESSAGE), item(CALL),
            {"type": "function_call_output", "call_id": "call_1", "output": "2"}],
    });
    sends(NEW, request, body, &named(&[&terminal("completed", &[])])).await;
}

#[tokio::test]
async fn an_incomplete_reply_says_why() {
    let incomplete = |reason: &str| {
        let text = response("incomplete", &[MESSAGE], "");
        text.replace(
            "\"incomplete_details\":null",
            &format!("\"incomplete_details\":{{\"reason\":\"{reason}\"}}"),
        )
    };
    let length = whole(NEW, &incomplete("max_output_tokens")).await.unwrap();
    assert_eq!(length.stop_reason, StopReason::MaxTokens);
    assert_eq!(length.raw_stop_reason.as_deref(), Some("max_output_tokens"));
    let event = format!(r#"{{"type":"response.incomplete","response":{}}}"#, incomplete("content_filter"));
    let filtered = streamed(NEW, &named(&[&event])).await.unwrap();
    assert_eq!(
        (filtered.stop_reason, filtered.text().as_ref()),
        (StopReason::ContentFiltered, "Let me see.")
    );
}

#[tokio::test]
async fn a_failed_reply_is_an_error_streamed_or_not() {
    let failed = response("failed", &[], "")
        .replace("\"error\":null", r#""error":{"code":"server_error","message":"It broke."}"#);
    let event = format!(r#"{{"type":"response.failed","response":{failed}}}"#);
    for error in [streamed(NEW, &named(&[&event])).await, whole(NEW, &failed).await].map(Result::unwrap_err) {
        assert_eq!((error.kind, error.phase), (ErrorKind::Server, Phase::BeforeOutput));
        assert_eq!((error.code.as_deref(), error.message.as_str()), (Some("server_error"), "It broke."));
    }
    let filtered = failed.replace("server_error", "invalid_prompt");
    assert_eq!(whole(NEW, &filtered).await.unwrap_err().kind, ErrorKind::ContentFiltered);
}

#[tokio::test]
async fn an_error_event_is_read_flat_and_nested() {
    let quota = "You exceeded your current quota, please check your plan and billing details.";
    let flat = format!(
        r#"{{"type":"error","sequence_number":1,"code":"insufficient_quota","message":"{quota}","param":null}}"#
    );
    let nested = format!(
        r#"{{"type":"error","sequence_number":2,"error":{{"type":"insufficient_quota","code":"insufficient_quota","message":"{quota}","param":null}}}}"#
    );
    let failed = r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"later"}}}"#;
    for event in [&flat, &nested] {
        let error = streamed(NEW, &named(&[event, failed])).await.unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::QuotaExhausted, Phase::BeforeOutput));
        assert_eq!((error.code.as_deref(), error.message.as_str()), (Some("insufficient_quota"), quota));
    }
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_never_a_success() {
    no_cut_is_a_success(NEW, &stream()).await;
}

#[tokio::test]
async fn a_stream_that_ends_without_a_terminal_event_is_truncated() {
    let cut = stream().split("event: response.completed").next().unwrap().to_owned();
    let error = streamed(NEW, &cut).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Truncated, Phase::AfterOutput));
    assert_eq!(error.partial.as_ref().unwrap().content.len(), 3);
    assert_eq!(streamed(NEW, "data: [DONE]\n\n").await.unwrap_err().kind, ErrorKind::Truncated);
}

#[tokio::test]
async fn a_refusal_is_a_text_and_a_reason() {
    let item = r#"{"type":"message","content":[{"type":"refusal","refusal":"I cannot."}]}"#;
    let done = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#);
    let events = named(&[
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[]}}"#,
        r#"{"type":"response.refusal.delta","output_index":0,"content_index":0,"delta":"I can"}"#,
        r#"{"type":"response.refusal.delta","output_index":0,"content_index":0,"delta":"not."}"#,
        &done,
        &terminal("completed", &[]),
    ]);
    let response = streamed(NEW, &events).await.unwrap();
    assert_eq!((response.text().as_ref(), response.stop_reason), ("I cannot.", StopReason::Refusal));
}

#[tokio::test]
async fn the_raw_reply_is_kept_on_request() {
    let body = response("completed", &[MESSAGE], "");
    let mut server = mockito::Server::new_async().await;
    let _mock = crate::support::on_call(&mut server, NEW).with_body(&body).create_async().await;
    let mut request = question().with_delivery(Delivery::Whole);
    request.keep_raw = true;
    let provider = crate::support::provider(&server.url());
    let kept = forge_core::ProviderExt::complete(&provider, &crate::support::context(NEW), request).await;
    assert_eq!(kept.unwrap().raw_response.as_deref(), Some(body.as_str()));
}
