//! Chat Completions.

use forge_core::{ErrorKind, TokenCount, error::Phase, event::StopReason, request::Part};
use serde_json::json;

use crate::support::{OLD, chunks, no_cut_is_a_success, question, sends, streamed, whole};

const TEXT: [&str; 5] = [
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4.1-2025-04-14","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}"#,
    r#"{"id":"chatcmpl-1","model":"gpt-4.1-2025-04-14","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}],"usage":null,"obfuscation":"abc"}"#,
    r#"{"id":"chatcmpl-1","model":"gpt-4.1-2025-04-14","choices":[{"index":0,"delta":{"content":"lo \"ä😀\"\n"},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"chatcmpl-1","model":"gpt-4.1-2025-04-14","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
    r#"{"id":"chatcmpl-1","model":"gpt-4.1-2025-04-14","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":12,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4}}}"#,
];

const TEXT_WHOLE: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4.1-2025-04-14",
    "choices":[{"index":0,"message":{"role":"assistant","content":"Hello \"ä😀\"\n","refusal":null,"annotations":[]},
        "finish_reason":"stop","logprobs":null}],
    "usage":{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,
        "prompt_tokens_details":{"cached_tokens":12},"completion_tokens_details":{"reasoning_tokens":4}},
    "service_tier":"default","system_fingerprint":"fp_1"}"#;

const TWO_CALLS: [&str; 7] = [
    r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"add","arguments":""}}]},"finish_reason":null}]}"#,
    r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]},"finish_reason":null}]}"#,
    r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"sub","arguments":""}}]},"finish_reason":null}]}"#,
    r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"y\":2}"}}]},"finish_reason":null}]}"#,
    r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":null}]}"#,
    r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
    r#"{"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}"#,
];

const TWO_CALLS_WHOLE: &str = r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,
    "tool_calls":[{"id":"call_a","type":"function","function":{"name":"add","arguments":"{\"x\":1}"}},
        {"id":"call_b","type":"function","function":{"name":"sub","arguments":"{\"y\":2}"}}]},
    "finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}"#;

#[tokio::test]
async fn a_stream_and_a_whole_reply_give_the_same_answer() {
    for (stream, body) in [(&TEXT[..], TEXT_WHOLE), (&TWO_CALLS[..], TWO_CALLS_WHOLE)] {
        let stream = streamed(OLD, &chunks(stream)).await.unwrap();
        let whole = whole(OLD, body).await.unwrap();
        assert_eq!(stream.content, whole.content);
        assert_eq!((stream.stop_reason, stream.tokens), (whole.stop_reason, whole.tokens));
        assert_eq!((&stream.id, &stream.model), (&whole.id, &whole.model));
        assert!(stream.warnings.is_empty() && whole.warnings.is_empty());
    }
}

#[tokio::test]
async fn a_text_comes_with_its_model_reason_and_disjoint_tokens() {
    let response = streamed(OLD, &chunks(&TEXT)).await.unwrap();
    assert_eq!(response.text(), "Hello \"ä😀\"\n");
    assert_eq!(response.model.as_str(), "gpt-4.1-2025-04-14");
    assert_eq!(
        (response.stop_reason, response.raw_stop_reason.as_deref()),
        (StopReason::EndTurn, Some("stop"))
    );
    let tokens = TokenCount::default().with_input(8).with_cache_read(12).with_output(5).with_reasoning(4);
    assert_eq!(response.tokens, tokens);
}

#[tokio::test]
async fn two_parallel_calls_are_told_apart() {
    let response = streamed(OLD, &chunks(&TWO_CALLS)).await.unwrap();
    let call = |id: &str, name: &str, input| Part::tool_use(id, name, input);
    let expected = [call("call_a", "add", json!({"x": 1})), call("call_b", "sub", json!({"y": 2}))];
    assert_eq!(response.content, expected);
    assert_eq!(response.stop_reason, StopReason::ToolUse);
}

#[tokio::test]
async fn a_moderation_chunk_after_the_usage_changes_nothing() {
    let moderation = r#"{"id":"chatcmpl-1","choices":[],"moderation":{"flagged":false}}"#;
    let response = streamed(OLD, &chunks(&[&TEXT[..], &[moderation]].concat())).await.unwrap();
    assert_eq!(response.tokens.total_input(), Some(20));
}

#[tokio::test]
async fn a_refusal_is_a_text_and_a_reason() {
    let stream = chunks(&[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"refusal":"I can"}}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"refusal":"not."}}]}"#,
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    ]);
    let response = streamed(OLD, &stream).await.unwrap();
    assert_eq!((response.text().as_ref(), response.stop_reason), ("I cannot.", StopReason::Refusal));
}

#[tokio::test]
async fn an_error_chunk_ends_the_stream_with_its_facts_and_the_partial_text() {
    let error =
        r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#;
    let error = streamed(OLD, &chunks(&[TEXT[0], TEXT[1], error])).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Server, Phase::AfterOutput));
    assert_eq!(
        (error.code.as_deref(), error.message.as_str()),
        (Some("server_error"), "The server had an error")
    );
    assert_eq!(error.partial.as_ref().unwrap().text(), "Hel");
}

#[tokio::test]
async fn done_without_a_reason_is_truncated_and_a_reason_without_done_is_complete() {
    let cut = streamed(OLD, &chunks(&TEXT[..3])).await.unwrap_err();
    assert_eq!((cut.kind, cut.phase), (ErrorKind::Truncated, Phase::AfterOutput));
    let without_done = chunks(&TEXT).replace("data: [DONE]\n\n", "");
    assert_eq!(streamed(OLD, &without_done).await.unwrap().stop_reason, StopReason::EndTurn);
    let neither = chunks(&TEXT[..3]).replace("data: [DONE]\n\n", "");
    assert_eq!(streamed(OLD, &neither).await.unwrap_err().kind, ErrorKind::Truncated);
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_never_a_success() {
    no_cut_is_a_success(OLD, &chunks(&TEXT)).await;
}

#[tokio::test]
async fn a_success_with_an_error_inside_is_an_error() {
    let body = r#"{"error":{"message":"no money","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    assert_eq!(whole(OLD, body).await.unwrap_err().kind, ErrorKind::QuotaExhausted);
    assert_eq!(whole(OLD, "{}").await.unwrap_err().kind, ErrorKind::Decode);
    assert_eq!(whole(OLD, &TEXT_WHOLE[..200]).await.unwrap_err().kind, ErrorKind::Truncated);
}

#[tokio::test]
async fn the_request_has_the_shape_that_the_vendor_wants() {
    let body = json!({
        "model": OLD, "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_completion_tokens": 50, "temperature": 0.5, "stop": ["END"], "service_tier": "flex",
    });
    let mut request = question().with_max_tokens(50).with_temperature(0.5);
    request.stop_sequences = vec!["END".into()];
    request.extra.insert(forge_core::ModelProvider::OpenAI, "service_tier", json!("flex"));
    sends(OLD, request, body, &chunks(&TEXT)).await;
}
