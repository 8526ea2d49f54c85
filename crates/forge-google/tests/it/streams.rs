use forge_core::{
    ErrorKind,
    error::Phase,
    event::StopReason,
    request::{Delivery, Part},
};
use forge_testkit::{Reply, Then};
use serde_json::{Value, json};

use crate::{ask, frames};

fn frame(parts: &Value, prompt: u64, candidates: u64) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}],
        "usageMetadata": {"promptTokenCount": prompt, "candidatesTokenCount": candidates},
        "modelVersion": "gemini-3.8-flash", "responseId": "r1"})
}

fn last(parts: &Value, prompt: u64, candidates: u64) -> Value {
    let mut frame = frame(parts, prompt, candidates);
    frame["candidates"][0]["finishReason"] = json!("STOP");
    frame
}

fn busy() -> Value {
    json!({"error": {"code": 503, "message": "Busy", "status": "UNAVAILABLE"}})
}

#[tokio::test]
async fn texts_are_joined_the_last_usage_counts_and_the_last_signature_is_kept() {
    let reply = frames(&[
        frame(&json!([{"text": "Hel"}]), 59, 1),
        frame(&json!([{"text": "lo"}]), 59, 2),
        last(&json!([{"text": "", "thoughtSignature": "c2lnbmF0dXJl"}]), 128, 3),
    ]);
    let response = ask(Delivery::Stream, reply.in_pieces(7)).await.unwrap();
    let [Part::Text { text, opaque: None, .. }, Part::Text { text: empty, opaque: Some(opaque), .. }] =
        &response.content[..]
    else {
        panic!("{:?}", response.content)
    };
    assert_eq!((text.as_str(), empty.as_str(), opaque.data.as_str()), ("Hello", "", "c2lnbmF0dXJl"));
    assert_eq!(opaque.model, "gemini-3.8-flash");
    assert_eq!((response.tokens.input, response.tokens.output), (Some(128), Some(3)));
}

#[tokio::test]
async fn empty_parts_and_other_candidates_say_nothing() {
    let mut second = frame(&json!([{"text": "other"}]), 5, 1);
    second["candidates"][0]["index"] = json!(1);
    let reply = frames(&[
        frame(&json!([{"text": ""}]), 5, 0),
        frame(&json!([{"text": "one"}]), 5, 1),
        second,
        json!({"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}, "somethingNew": {}}),
        last(&json!([{"text": ""}]), 5, 2),
        json!({"usageMetadata": {}}),
    ]);
    let response = ask(Delivery::Stream, reply).await.unwrap();
    assert_eq!(response.content, [Part::text("one")]);
    assert_eq!(response.tokens.output, Some(2));
    assert!(response.warnings.is_empty());
}

#[tokio::test]
async fn calls_stream_whole_and_stop_for_tools() {
    let reply = frames(&[
        frame(&json!([{"functionCall": {"name": "a", "args": {"x": [1, 2]}}}]), 5, 1),
        frame(&json!([{"functionCall": {"name": "b", "args": {}}}]), 5, 2),
        last(&json!([]), 5, 3),
    ]);
    let response = ask(Delivery::Stream, reply).await.unwrap();
    let call = |id: &str, name: &str, input| Part::tool_use(id, name, input);
    let expected = [call("call_r1_0", "a", json!({"x": [1, 2]})), call("call_r1_1", "b", json!({}))];
    assert_eq!((response.stop_reason, &response.content[..]), (StopReason::ToolUse, &expected[..]));
}

#[tokio::test]
async fn a_stream_without_a_finish_reason_is_truncated() {
    let failed = ask(Delivery::Stream, frames(&[frame(&json!([{"text": "Hel"}]), 5, 1)])).await.unwrap_err();
    assert_eq!((failed.kind, failed.phase), (ErrorKind::Truncated, Phase::AfterOutput));
    assert_eq!(failed.partial.as_ref().unwrap().text(), "Hel");
    let failed = ask(Delivery::Stream, Reply::sse("")).await.unwrap_err();
    assert_eq!((failed.kind, failed.phase), (ErrorKind::Truncated, Phase::BeforeOutput));
}

#[tokio::test]
async fn an_error_in_the_stream_is_understood_in_every_form() {
    let text = format!("data: {}\r\n\r\n", frame(&json!([{"text": "Hel"}]), 5, 1));
    let pretty = serde_json::to_string_pretty(&busy()).unwrap();
    for error in [
        format!("data: {}\r\n\r\n", busy()),
        format!("data: [{}]\r\n\r\n", busy()),
        format!("{}\n", busy()),
        format!("[{}]\n", busy()),
        format!("{pretty}\r\n"),
        format!("[{pretty}\n]\n"),
    ] {
        for before in ["", text.as_str()] {
            // Nothing follows and the connection stays open: the error is seen as soon as it is complete.
            let reply = Reply::sse(&format!("{before}{error}"));
            let length = before.len() + error.len();
            let reply = reply.cut_body(length).then(Then::Hold);
            let failed = ask(Delivery::Stream, reply).await.unwrap_err();
            let phase = if before.is_empty() { Phase::BeforeOutput } else { Phase::AfterOutput };
            assert_eq!((failed.kind, failed.phase), (ErrorKind::Overloaded, phase), "{error}");
            assert_eq!((failed.status, failed.message.as_str()), (Some(503), "Busy"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_bare_error_without_a_line_end_is_seen_at_the_end() {
    let failed = ask(Delivery::Stream, Reply::sse(&busy().to_string())).await.unwrap_err();
    assert_eq!(failed.kind, ErrorKind::Overloaded);
}

#[tokio::test]
async fn lines_that_are_no_error_are_skipped() {
    let text = last(&json!([{"text": "Hello"}]), 5, 1);
    for junk in ["retry-hint", "{\n\"x\": 1\n}", "{ nonsense }", "["] {
        let body = format!("{junk}\ndata: {text}\n\n");
        let response = ask(Delivery::Stream, Reply::sse(&body)).await.unwrap();
        assert_eq!(response.text(), "Hello");
    }
    let text = frame(&json!([{"text": "Hel"}]), 5, 1);
    for junk in ["retry-hint", "{\n\"x\": 1\n}", "{ nonsense }", &format!("[\ndata: {text}\n")] {
        let body = format!("{junk}\n{}\n", busy());
        let failed = ask(Delivery::Stream, Reply::sse(&body)).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::Overloaded, "{junk}");
    }
}

#[tokio::test]
async fn a_malformed_frame_is_an_error() {
    let reply = Reply::sse("data: {\"candidates\": 7}\n\ndata: {}\n\n");
    assert_eq!(ask(Delivery::Stream, reply).await.unwrap_err().kind, ErrorKind::Decode);
}
