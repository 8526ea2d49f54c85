//! What Gemini refuses in contents, parts and declarations.

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, post, start, with};

const PNG: &str = "iVBORw0KGgo=";

async fn ask(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::Google, "/models/gemini-2.5-flash:generateContent", &body).await
}

async fn accepted(sim: &Sim, body: Value) {
    let reply = ask(sim, body.clone()).await;
    assert_eq!(reply.status, 200, "{body}: {}", reply.text());
}

async fn refused(sim: &Sim, body: Value, words: &str) {
    let reply = ask(sim, body.clone()).await;
    let error = reply.json()["error"].clone();
    assert_eq!((reply.status, &error["status"]), (400, &json!("INVALID_ARGUMENT")), "{body}");
    assert!(error["message"].as_str().unwrap().contains(words), "{error} lacks {words}");
}

fn part(part: Value) -> Value {
    json!({"contents": [{"role": "user", "parts": [part]}]})
}

fn turns(contents: &[(&str, Value)]) -> Value {
    let contents: Vec<Value> =
        contents.iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect();
    json!({"contents": contents})
}

#[tokio::test]
async fn calls_and_responses_match_in_number_name_and_place() {
    let sim = start().await;
    let call = |name: &str| json!({"functionCall": {"name": name, "args": {}}});
    let result = |name: &str| json!({"functionResponse": {"name": name, "response": {}}});
    let ask = ("user", json!([{"text": "go"}]));
    accepted(
        &sim,
        turns(&[
            ask.clone(),
            ("model", json!([call("f"), call("g")])),
            ("user", json!([result("f"), result("g")])),
            ("model", json!([call("f")])),
            ("user", json!([result("f")])),
        ]),
    )
    .await;
    let number = "number of function response parts is equal to the number of function call parts";
    let order = "function call turn comes immediately after a user turn or after a function response turn";
    let cases = [
        (vec![ask.clone(), ("model", json!([call("f"), call("g")])), ("user", json!([result("f")]))], number),
        (vec![ask.clone(), ("user", json!([result("f")]))], number),
        (vec![ask.clone(), ("model", json!([call("f")])), ask.clone()], number),
        (vec![ask.clone(), ("model", json!([call("f")]))], number),
        (
            vec![
                ask.clone(),
                ("model", json!([call("f"), call("g")])),
                ("user", json!([result("g"), result("f")])),
            ],
            "function response turn comes immediately after a function call turn",
        ),
        (vec![("model", json!([call("f")])), ("user", json!([result("f")]))], order),
        (
            vec![
                ask,
                ("model", json!([{"text": "first"}])),
                ("model", json!([call("f")])),
                ("user", json!([result("f")])),
            ],
            order,
        ),
    ];
    for (contents, words) in cases {
        refused(&sim, turns(&contents), words).await;
    }
}

#[tokio::test]
async fn parts_hold_one_thing_each() {
    let sim = start().await;
    accepted(&sim, part(json!({"text": "a"}))).await;
    refused(&sim, json!({"contents": []}), "contents is not specified").await;
    refused(&sim, json!({}), "contents is not specified").await;
    refused(&sim, json!({"contents": [{"parts": []}]}), "must not be empty").await;
    refused(&sim, json!({"contents": [{"role": "user"}]}), "must not be empty").await;
    refused(&sim, part(json!({})), "required oneof field 'data' must have one initialized field").await;
    let two = json!({"text": "a", "fileData": {"fileUri": "u"}});
    refused(&sim, part(two), "oneof field 'data' is already set").await;
    refused(&sim, part(json!({"text": 5})), "TYPE_STRING").await;
    let system = |parts: Value| with(part(json!({"text": "a"})), json!({"systemInstruction": parts}));
    accepted(&sim, system(json!({"parts": [{"text": "s"}]}))).await;
    refused(&sim, system(json!({"parts": [{}]})), "system_instruction.parts[0].data").await;
}

#[tokio::test]
async fn bytes_are_what_their_media_type_says() {
    let sim = start().await;
    let bytes = |kind: &str, data: &str| part(json!({"inlineData": {"mimeType": kind, "data": data}}));
    accepted(&sim, bytes("image/png", PNG)).await;
    accepted(&sim, bytes("application/pdf", "JVBERi0xLjc=")).await;
    accepted(&sim, bytes("text/csv", "YSxi")).await;
    let cases = [
        (bytes("image/jpeg", PNG), "does not match the provided data"),
        (bytes("image/png", ""), "Unable to process input image"),
        (bytes("image/png", "?"), "Base64 decoding failed"),
        (bytes("image/png", &format!("data:image/png;base64,{PNG}")), "Base64 decoding failed"),
        (bytes("application/msword", "AAAA"), "Unsupported MIME type: application/msword"),
        (bytes("", PNG), "Unsupported MIME type"),
    ];
    for (body, words) in cases {
        refused(&sim, body, words).await;
    }
}

#[tokio::test]
async fn unknown_names_are_refused_at_every_depth() {
    let sim = start().await;
    let hi = || part(json!({"text": "a"}));
    let declared = |function: Value| with(hi(), json!({"tools": [{"functionDeclarations": [function]}]}));
    accepted(&sim, declared(json!({"name": "f", "description": "d"}))).await;
    accepted(&sim, with(hi(), json!({"tools": [{"google_search": {}}]}))).await;
    let cases = [
        part(json!({"text": "a", "type": "text"})),
        part(json!({"inlineData": {"media_type": "image/png", "data": PNG}})),
        part(json!({"functionCall": {"name": "f", "arguments": {}}})),
        declared(json!({"name": "f", "strict": true})),
        with(hi(), json!({"tools": [{"type": "function"}]})),
        with(hi(), json!({"toolConfig": {"functionCallingConfig": {"type": "auto"}}})),
        with(hi(), json!({"systemInstruction": {"parts": [{"text": "s"}], "content": "s"}})),
        with(hi(), json!({"temperature": 0.5})),
    ];
    for body in cases {
        refused(&sim, body, "Cannot find field").await;
    }
}
