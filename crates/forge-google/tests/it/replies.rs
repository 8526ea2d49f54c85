use forge_core::{
    ErrorKind, TokenCount,
    error::Phase,
    event::StopReason,
    request::{Delivery, Part},
};
use forge_testkit::Reply;
use serde_json::{Value, json};

use crate::{ask, frames};

async fn whole(body: &Value) -> Result<forge_core::ModelResponse, forge_core::ProviderError> {
    ask(Delivery::Whole, Reply::json(200, &body.to_string())).await
}

fn candidate(content: &Value, reason: &str) -> Value {
    json!({"candidates": [{"content": content, "finishReason": reason, "index": 0, "avgLogprobs": -0.1}],
        "modelVersion": "gemini-3.8-flash", "responseId": "rEs-1",
        "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 9, "thoughtsTokenCount": 4,
            "cachedContentTokenCount": 20, "toolUsePromptTokenCount": 3, "totalTokenCount": 66,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}]}})
}

#[tokio::test]
async fn a_whole_reply_has_its_text_id_and_token_classes() {
    let body = candidate(&json!({"role": "model", "parts": [{"text": "Hello"}]}), "STOP");
    let response = whole(&body).await.unwrap();
    assert_eq!((response.text().as_ref(), response.id.as_deref()), ("Hello", Some("rEs-1")));
    assert_eq!(response.stop_reason, StopReason::EndTurn);
    assert_eq!(response.raw_stop_reason.as_deref(), Some("STOP"));
    let tokens = TokenCount::default()
        .with_input(30)
        .with_other_input(3)
        .with_cache_read(20)
        .with_output(9)
        .with_reasoning(4);
    assert_eq!(response.tokens, tokens);
}

#[tokio::test]
async fn the_model_that_served_the_call_is_the_one_the_vendor_names() {
    let mut body = candidate(&json!({"parts": [{"text": "Hello"}]}), "STOP");
    for (said, served) in [
        (json!("gemini-4-argon"), "gemini-4-argon"),
        (json!("models/gemini-3.6-flash"), "gemini-3.6-flash"),
        (json!(null), "gemini-3.8-flash"),
    ] {
        body["modelVersion"] = said;
        assert_eq!(whole(&body).await.unwrap().model, served);
    }
}

#[tokio::test]
async fn calls_without_ids_get_ids_of_their_own_and_stop_for_tools() {
    let parts = json!({"parts": [
        {"text": "I will look."},
        {"functionCall": {"name": "add", "args": {"x": 1}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "add"}}]});
    let response = whole(&candidate(&parts, "STOP")).await.unwrap();
    assert_eq!(response.stop_reason, StopReason::ToolUse);
    let calls: Vec<_> = response
        .content
        .iter()
        .filter_map(|part| match part {
            Part::ToolUse { id, input, opaque, .. } => {
                let signature = opaque.as_ref().map(|opaque| opaque.data.as_str());
                Some((id.as_str(), input.clone(), signature))
            }
            _ => None,
        })
        .collect();
    let expected =
        [("call_rEs-1_1", json!({"x": 1}).into(), Some("c2ln")), ("call_rEs-1_2", json!({}).into(), None)];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn a_call_keeps_the_id_that_the_vendor_gave() {
    let parts = json!({"parts": [{"functionCall": {"id": "k7", "name": "add", "args": {}}}]});
    let response = whole(&candidate(&parts, "STOP")).await.unwrap();
    assert!(matches!(&response.content[..], [Part::ToolUse { id, .. }] if id == "k7"));
}

#[tokio::test]
async fn thoughts_and_answers_are_told_apart_and_signed_parts_stay_apart() {
    let parts = json!({"parts": [
        {"text": "Hm", "thought": true}, {"text": "m.", "thought": true},
        {"text": "The "}, {"text": "sky"}, {"text": " is", "thoughtSignature": "QQ=="}, {"text": " blue."}]});
    let response = whole(&candidate(&parts, "STOP")).await.unwrap();
    let seen: Vec<_> = response
        .content
        .iter()
        .map(|part| match part {
            Part::Thinking { text, opaque, .. } => ("thinking", text.as_str(), opaque.is_some()),
            Part::Text { text, opaque, .. } => ("text", text.as_str(), opaque.is_some()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        ("thinking", "Hmm.", false),
        ("text", "The sky", false),
        ("text", " is", true),
        ("text", " blue.", false),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_part_of_an_unknown_kind_is_kept_as_it_came() {
    let code = r#"{"executableCode": {"language":"PYTHON",  "code":"1"}, "thoughtSignature":"QQ=="}"#;
    let body = format!(
        r#"{{"candidates":[{{"content":{{"parts":[{code},{{"text":"1"}}]}},"finishReason":"STOP"}}]}}"#
    );
    let response = ask(Delivery::Whole, Reply::json(200, &body)).await.unwrap();
    assert!(matches!(&response.content[0], Part::Vendor { opaque, .. } if opaque.data == code));
    assert_eq!(response.text(), "1");
}

#[tokio::test]
async fn a_reply_may_end_without_any_content() {
    for (content, reason, expected) in [
        (json!({}), "SAFETY", StopReason::ContentFiltered),
        (json!(null), "RECITATION", StopReason::ContentFiltered),
        (json!({"role": "model"}), "MAX_TOKENS", StopReason::MaxTokens),
        (json!({"parts": []}), "LANGUAGE", StopReason::Other),
        (json!({}), "IMAGE_SAFETY", StopReason::ContentFiltered),
        (json!({}), "MODEL_ARMOR", StopReason::ContentFiltered),
        (json!({}), "ESCALATION", StopReason::ContentFiltered),
        (json!({}), "MISSING_THOUGHT_SIGNATURE", StopReason::Error),
        (json!({}), "MALFORMED_RESPONSE", StopReason::Error),
        (json!({}), "CONTINUATION", StopReason::Paused),
        (json!({}), "SOMETHING_NEW", StopReason::Other),
    ] {
        for delivery in [Delivery::Whole, Delivery::Stream] {
            let body = candidate(&content, reason);
            let reply = match delivery {
                Delivery::Whole => Reply::json(200, &body.to_string()),
                Delivery::Stream => frames(&[body]),
            };
            let response = ask(delivery, reply).await.unwrap();
            assert_eq!((response.stop_reason, response.content.len()), (expected, 0), "{reason}");
            assert_eq!(response.raw_stop_reason.as_deref(), Some(reason));
        }
    }
}

#[tokio::test]
async fn a_malformed_call_is_an_error_of_the_model_with_its_words() {
    let mut body = candidate(&json!({}), "MALFORMED_FUNCTION_CALL");
    body["candidates"][0]["finishMessage"] = json!("Malformed function call: add(");
    let response = whole(&body).await.unwrap();
    assert_eq!(response.stop_reason, StopReason::Error);
    let said = response.stop_detail.unwrap().explanation;
    assert_eq!(said.as_deref(), Some("Malformed function call: add("));
}

#[tokio::test]
async fn a_blocked_prompt_is_an_error_and_not_an_empty_reply() {
    let body = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "m",
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}});
    let replies =
        [(Delivery::Whole, Reply::json(200, &body.to_string())), (Delivery::Stream, frames(&[body]))];
    for (delivery, reply) in replies {
        let failed = ask(delivery, reply).await.unwrap_err();
        assert_eq!((failed.kind, failed.phase), (ErrorKind::ContentFiltered, Phase::BeforeOutput));
        assert_eq!(failed.code.as_deref(), Some("PROHIBITED_CONTENT"));
    }
}

#[tokio::test]
async fn a_reply_that_is_no_completion_is_not_understood() {
    for body in [json!({}), json!([]), json!({"candidates": [{"content": {"parts": []}}]})] {
        assert_eq!(whole(&body).await.unwrap_err().kind, ErrorKind::Decode, "{body}");
    }
    let malformed = candidate(&json!({"parts": [{"text": 7}]}), "STOP");
    assert_eq!(whole(&malformed).await.unwrap_err().kind, ErrorKind::Decode);
}

#[tokio::test]
async fn tokens_stay_unknown_where_the_vendor_is_silent() {
    let mut body = candidate(&json!({"parts": [{"text": "x"}]}), "STOP");
    body["usageMetadata"] = json!(null);
    let response = whole(&body).await.unwrap();
    assert!(response.tokens.is_unknown());
    assert_eq!(response.warnings[0].about, "usage");
}
