use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{KEY, Reply, get, post, send, start, start_with, with};

async fn ask(sim: &Sim, model: &str, body: Value) -> Reply {
    post(sim, Vendor::Google, &format!("/models/{model}:generateContent"), &body).await
}

async fn stream(sim: &Sim, model: &str, body: Value) -> Reply {
    let path = format!("/models/{model}:streamGenerateContent?alt=sse");
    post(sim, Vendor::Google, &path, &body).await
}

fn hello() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Tell me about caches"}]}]})
}

fn with_tools(said: &str) -> Value {
    json!({
        "contents": [{"role": "user", "parts": [{"text": said}]}],
        "tools": [{"functionDeclarations": [
            {"name": "get_weather", "parameters": {
                "type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"],
            }},
            {"name": "get_time"},
        ]}],
    })
}

fn answered(mut body: Value, parts: Value) -> Value {
    let responses: Vec<Value> = parts
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            let mut response =
                json!({"name": part["functionCall"]["name"], "response": {"result": "12 degrees"}});
            if let Some(id) = part["functionCall"].get("id") {
                response["id"] = id.clone();
            }
            json!({"functionResponse": response})
        })
        .collect();
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": parts}));
    contents.push(json!({"role": "user", "parts": responses}));
    body
}

async fn refused(sim: &Sim, model: &str, body: Value) -> String {
    let reply = ask(sim, model, body).await;
    let error = reply.json();
    assert_eq!(reply.status, 400, "{error}");
    assert_eq!(error["error"]["status"], "INVALID_ARGUMENT");
    error["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_reply_has_the_vendors_shape() {
    let sim = start().await;
    let reply = ask(&sim, "gemini-3.8-flash", hello()).await;
    assert!(reply.headers.iter().all(|(name, _)| !name.contains("ratelimit")));
    let body = reply.json();
    let candidate = &body["candidates"][0];
    assert_eq!(candidate["finishReason"], "STOP");
    assert_eq!(candidate["content"]["role"], "model");
    let text = candidate["content"]["parts"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Simulated reply from Google:"));
    assert_eq!(body["modelVersion"], "gemini-3.8-flash");
    let usage = &body["usageMetadata"];
    let visible = (text.chars().count() as u64).div_ceil(4);
    let thoughts = usage["thoughtsTokenCount"].as_u64().unwrap();
    assert_eq!(usage["promptTokenCount"], 5);
    assert_eq!(usage["candidatesTokenCount"], visible, "thoughts are apart");
    assert_eq!(usage["totalTokenCount"], 5 + visible + thoughts);
}

#[tokio::test]
async fn a_stream_has_crlf_frames_and_cumulative_usage() {
    let sim = start().await;
    let whole = ask(&sim, "gemini-3.8-flash", hello()).await.json();
    let reply = stream(&sim, "gemini-3.8-flash", hello()).await;
    let text = reply.text();
    assert!(text.ends_with("\r\n\r\n"));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    let frames = reply.events();
    let joined: String = frames
        .iter()
        .filter_map(|frame| frame["candidates"][0]["content"]["parts"][0]["text"].as_str())
        .collect();
    assert_eq!(joined, whole["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap());
    assert!(frames.iter().all(|frame| frame["usageMetadata"]["promptTokenCount"] == 5));
    let (last, before) = frames.split_last().unwrap();
    assert!(before.iter().all(|frame| frame["candidates"][0].get("finishReason").is_none()));
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
    let part = &last["candidates"][0]["content"]["parts"][0];
    assert_eq!(part["text"], "");
    assert!(part["thoughtSignature"].is_string(), "the signature comes on an empty part");
}

#[tokio::test]
async fn without_alt_sse_the_stream_is_one_array() {
    let sim = start().await;
    let path = "/models/gemini-3.8-flash:streamGenerateContent";
    let reply = post(&sim, Vendor::Google, path, &hello()).await;
    assert!(reply.chunks.len() > 3, "it comes in pieces");
    let frames = reply.json();
    let last = frames.as_array().unwrap().last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
}

#[tokio::test]
async fn two_calls_come_without_ids_and_the_first_is_signed() {
    let sim = start().await;
    let body = with_tools("get_weather and get_time");
    let reply = ask(&sim, "gemini-3.8-flash", body.clone()).await.json();
    assert_eq!(reply["candidates"][0]["finishReason"], "STOP");
    let parts = reply["candidates"][0]["content"]["parts"].clone();
    assert_eq!(parts.as_array().unwrap().len(), 2);
    assert!(parts[0]["functionCall"]["args"]["city"].is_string());
    assert!(parts[0]["functionCall"].get("id").is_none());
    assert!(parts[0]["thoughtSignature"].is_string());
    assert!(parts[1].get("thoughtSignature").is_none());

    let body = answered(body, parts);
    let next = ask(&sim, "gemini-3.8-flash", body.clone()).await;
    assert!(next.text().contains("get_weather said:"), "{}", next.text());

    // Some clients write bytes in the other alphabet of base64.
    let mut respelt = body.clone();
    let signature = &mut respelt["contents"][1]["parts"][0]["thoughtSignature"];
    *signature = signature.as_str().unwrap().replace('+', "-").replace('/', "_").into();
    assert_ne!(respelt, body);
    assert_eq!(ask(&sim, "gemini-3.8-flash", respelt).await.status, 200);

    let mut missing = body.clone();
    missing["contents"][1]["parts"][0].as_object_mut().unwrap().remove("thoughtSignature");
    assert!(refused(&sim, "gemini-3.8-flash", missing.clone()).await.contains("missing a thought_signature"));
    assert_eq!(ask(&sim, "gemini-2.5-pro", missing).await.status, 200, "2.5 does not insist");

    let mut altered = body.clone();
    altered["contents"][1]["parts"][0]["functionCall"]["args"]["city"] = "Rome".into();
    assert!(refused(&sim, "gemini-3.8-flash", altered).await.contains("signature is not valid"));
    refused(&sim, "gemini-3.6-flash", body.clone()).await;

    let mut fewer = body.clone();
    fewer["contents"][2]["parts"].as_array_mut().unwrap().pop();
    assert!(refused(&sim, "gemini-3.8-flash", fewer).await.contains("number of function response parts"));
    let mut text = body.clone();
    text["contents"][2]["parts"][0]["functionResponse"]["response"] = "plain".into();
    assert!(refused(&sim, "gemini-3.8-flash", text).await.contains("google.protobuf.Struct"));
}

#[tokio::test]
async fn call_ids_of_newer_models_have_to_match() {
    let sim = start().await;
    let body = with_tools("get_weather");
    let reply = ask(&sim, "gemini-4-argon", body.clone()).await.json();
    let parts = reply["candidates"][0]["content"]["parts"].clone();
    assert!(parts[0]["functionCall"]["id"].is_string());
    let mut body = answered(body, parts);
    assert_eq!(ask(&sim, "gemini-4-argon", body.clone()).await.status, 200);
    body["contents"][2]["parts"][0]["functionResponse"]["id"] = "other".into();
    assert!(refused(&sim, "gemini-4-argon", body).await.contains("does not match"));
}

#[tokio::test]
async fn each_gate_refuses_in_the_vendors_words() {
    let sim = start().await;
    let config = |config: Value| json!({"generationConfig": config});
    let cases = [
        (
            "gemini-3.8-flash",
            config(json!({"thinkingConfig": {"thinkingBudget": 5, "thinkingLevel": "LOW"}})),
            "only one of",
        ),
        (
            "gemini-2.5-pro",
            config(json!({"thinkingConfig": {"thinkingLevel": "LOW"}})),
            "level is not supported",
        ),
        (
            "gemini-3.8-flash",
            config(json!({"thinkingConfig": {"thinkingBudget": 5}})),
            "budget is not supported",
        ),
        (
            "gemini-4-argon",
            config(json!({"thinkingConfig": {"thinkingLevel": "MINIMAL"}})),
            "Thinking level MINIMAL",
        ),
        ("gemini-3.8-flash", config(json!({"temperature": 3})), "in the range"),
        ("gemini-3.8-flash", config(json!({"maxOutputTokens": 65_537})), "maxOutputTokens"),
        ("gemini-3.8-flash", config(json!({"responseSchema": {"type": "STRING"}})), "response_mime_type"),
        ("gemini-3.8-flash", config(json!({"max_tokens": 5})), "Unknown name \"max_tokens\""),
        ("gemini-3.8-flash", json!({"stream": true}), "Unknown name \"stream\""),
        ("gemini-3.8-flash", json!({"contents": []}), "contents is not specified"),
        (
            "gemini-3.8-flash",
            json!({"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]}),
            "valid role",
        ),
        (
            "gemini-3.8-flash",
            json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "object", "additionalProperties": false}}]}]}),
            "additionalProperties",
        ),
    ];
    for (model, more, expected) in cases {
        let text = refused(&sim, model, with(hello(), more)).await;
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn snake_case_is_read_too() {
    let sim = start().await;
    let body = with(
        hello(),
        json!({
            "system_instruction": {"parts": [{"text": "Be short, please."}]},
            "generation_config": {"max_output_tokens": 3, "thinking_config": {"thinking_level": "minimal"}},
        }),
    );
    let reply = ask(&sim, "gemini-3.8-flash", body).await.json();
    assert_eq!(reply["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(reply["usageMetadata"]["candidatesTokenCount"], 3);
    assert_eq!(reply["usageMetadata"]["promptTokenCount"], 10);
    let schema = json!({"type": "OBJECT", "properties": {"a": {"type": "STRING", "max_length": 5}}, "property_ordering": ["a"]});
    let config = json!({"response_mime_type": "application/json", "response_schema": schema});
    let reply = ask(&sim, "gemini-3.8-flash", with(hello(), json!({"generation_config": config}))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn a_limit_spent_on_thoughts_leaves_no_parts() {
    let sim = start().await;
    let body = with(hello(), json!({"generationConfig": {"maxOutputTokens": 5}}));
    let reply = ask(&sim, "gemini-3.8-flash", body).await.json();
    let candidate = &reply["candidates"][0];
    assert_eq!(candidate["finishReason"], "MAX_TOKENS");
    assert_eq!(candidate["content"], json!({"role": "model"}));
    assert_eq!(reply["usageMetadata"]["thoughtsTokenCount"], 5);
    assert!(reply["usageMetadata"].get("candidatesTokenCount").is_none());
}

#[tokio::test]
async fn thoughts_are_shown_when_they_are_asked_for() {
    let sim = start().await;
    let body = with(hello(), json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true}}}));
    let reply = ask(&sim, "gemini-3.8-flash", body).await.json();
    let parts = &reply["candidates"][0]["content"]["parts"];
    assert_eq!(parts[0]["thought"], true);
    assert!(parts[0]["text"].as_str().unwrap().starts_with("Simulated thinking"));
    assert!(parts[1]["thoughtSignature"].is_string());
}

#[tokio::test]
async fn filters_end_a_reply_in_three_ways() {
    let sim = start().await;
    let said = |word: &str| json!({"contents": [{"parts": [{"text": format!("[[sim:{word}]]")}]}]});
    let blocked = ask(&sim, "gemini-3.8-flash", said("blocked")).await.json();
    assert!(blocked.get("candidates").is_none());
    assert_eq!(blocked["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    let safety = ask(&sim, "gemini-3.8-flash", said("safety")).await.json();
    assert_eq!(safety["candidates"][0]["finishReason"], "SAFETY");
    assert_eq!(safety["candidates"][0]["content"], json!({}));
    let malformed = ask(&sim, "gemini-3.8-flash", said("malformed-call")).await.json();
    assert_eq!(malformed["candidates"][0]["finishReason"], "MALFORMED_FUNCTION_CALL");
    assert!(malformed["candidates"][0]["finishMessage"].is_string());
}

#[tokio::test]
async fn retired_names_are_answered_by_another_model() {
    let sim = start().await;
    for (asked, served) in
        [("gemini-3.7-flash", "gemini-3.8-flash"), ("gemini-3.5-flash", "gemini-3.6-flash")]
    {
        let reply = ask(&sim, asked, hello()).await.json();
        assert_eq!(reply["modelVersion"], served);
    }
}

#[tokio::test]
async fn a_repeated_prefix_is_part_of_the_prompt_count() {
    let sim = start().await;
    let body = json!({"contents": [{"parts": [{"text": "c".repeat(4 * 1500)}]}]});
    ask(&sim, "gemini-3.8-flash", body.clone()).await;
    let usage = ask(&sim, "gemini-3.8-flash", body).await.json()["usageMetadata"].clone();
    assert_eq!(usage["promptTokenCount"], 1500);
    assert_eq!(usage["cachedContentTokenCount"], 1408);
}

#[tokio::test]
async fn structured_output_is_json() {
    let sim = start().await;
    let schema =
        json!({"type": "OBJECT", "properties": {"name": {"type": "STRING"}, "count": {"type": "INTEGER"}}});
    let config = json!({"responseMimeType": "application/json", "responseSchema": schema});
    let reply =
        ask(&sim, "gemini-3.8-flash", with(hello(), json!({"generationConfig": config}))).await.json();
    let text = reply["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(value["count"], 1);
}

#[tokio::test]
async fn a_bad_key_is_an_invalid_argument() {
    let sim = start().await;
    let bad = [("x-goog-api-key", "invalid")];
    let reply = send(&sim, "GET", "/google/v1beta/models?pageSize=1", &bad, b"").await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["details"][0]["reason"], "API_KEY_INVALID");
    let reply = send(&sim, "GET", "/google/v1beta/models?key=AIza-test", &[], b"").await;
    assert_eq!(reply.status, 200);
    let reply = send(&sim, "GET", "/google/v1beta/models", &[], b"").await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn a_cached_content_that_nobody_made_is_forbidden() {
    let sim = start().await;
    let body = with(hello(), json!({"cachedContent": "cachedContents/lost"}));
    let reply = ask(&sim, "gemini-2.5-pro", body).await;
    assert_eq!((reply.status, &reply.json()["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
}

#[tokio::test]
async fn models_come_in_pages() {
    let sim = start().await;
    let first = get(&sim, Vendor::Google, "/models?pageSize=7").await.json();
    assert_eq!(first["models"].as_array().unwrap().len(), 7);
    let token = first["nextPageToken"].as_str().unwrap();
    let second = get(&sim, Vendor::Google, &format!("/models?pageSize=7&pageToken={token}")).await.json();
    assert_eq!(second["models"].as_array().unwrap().len(), 5);
    assert!(second.get("nextPageToken").is_none());
    let one = get(&sim, Vendor::Google, "/models/gemini-3.8-flash").await.json();
    assert_eq!(one["outputTokenLimit"], 65_536);
    let reply = get(&sim, Vendor::Google, "/models/gemini-1").await;
    assert_eq!((reply.status, &reply.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn tokens_are_counted_for_contents_and_for_whole_requests() {
    let sim = start().await;
    let path = "/models/gemini-3.8-flash:countTokens";
    let counted = post(&sim, Vendor::Google, path, &hello()).await.json();
    assert_eq!(counted["totalTokens"], 5);
    let whole = with(hello(), json!({"systemInstruction": {"parts": [{"text": "12345678"}]}}));
    let body = json!({"generateContentRequest": whole});
    assert_eq!(post(&sim, Vendor::Google, path, &body).await.json()["totalTokens"], 7);
}

#[tokio::test]
async fn errors_in_a_stream_come_framed_or_bare() {
    let sim = start_with("rules: [ { stream_error: { kind: overloaded, after_events: 2 } } ]").await;
    let frames = stream(&sim, "gemini-3.8-flash", hello()).await.events();
    assert_eq!(frames.len(), 3);
    assert_eq!(frames[2]["error"]["status"], "UNAVAILABLE");
    let sim =
        start_with("rules: [ { stream_error: { kind: overloaded, after_events: 2, style: bare } } ]").await;
    let text = stream(&sim, "gemini-3.8-flash", hello()).await.text();
    assert!(text.contains("\r\n\r\n{\"error\":"), "{text}");
}

#[tokio::test]
async fn an_error_may_come_inside_an_array() {
    let sim = start_with("rules: [ { error: { kind: server, style: array } } ]").await;
    let reply = ask(&sim, "gemini-3.8-flash", hello()).await;
    assert_eq!((reply.status, &reply.json()[0]["error"]["status"]), (500, &json!("INTERNAL")));
}

#[tokio::test]
async fn the_first_usage_of_a_stream_may_be_too_low() {
    let sim = start_with("rules: [ { quirks: [corrected_usage] } ]").await;
    let frames = stream(&sim, "gemini-3.8-flash", hello()).await.events();
    assert_eq!(frames[0]["usageMetadata"]["promptTokenCount"], 3);
    assert_eq!(frames.last().unwrap()["usageMetadata"]["promptTokenCount"], 5);
}

#[tokio::test]
async fn both_versions_of_the_api_are_served() {
    let sim = start().await;
    for (version, status) in [("v1", 200), ("v1beta", 200), ("v2", 404)] {
        let path = format!("/google/{version}/models");
        assert_eq!(
            send(&sim, "GET", &path, &[("x-goog-api-key", KEY)], b"").await.status,
            status,
            "{version}"
        );
    }
}
