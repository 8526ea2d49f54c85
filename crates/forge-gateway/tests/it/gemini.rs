use serde_json::{Value, json};

use crate::{
    client::{Reply, get, post, read, send},
    server::Server,
};

const MODELS: [(&str, &str); 4] = [
    ("provider:anthropic", "Anthropic"),
    ("gpt-5.6-sol", "OpenAI"),
    ("google", "Google"),
    ("provider%3Alocal", "Ollama"),
];

fn body(text: &str) -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "generationConfig": {"maxOutputTokens": 400},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    })
}

fn address(model: &str, verb: &str) -> String {
    format!("/v1beta/models/{model}:{verb}")
}

const SSE: &str = "streamGenerateContent?alt=sse";

/// The frames of a stream, in which every line is data or empty.
fn frames(reply: &Reply) -> Vec<Value> {
    // The vendor's own lines end with CR LF.
    let lines = reply.body.lines().filter(|line| !line.is_empty());
    let data = |line: &str| line.strip_prefix("data: ").unwrap_or_else(|| panic!("{line}")).to_owned();
    lines.map(|line| serde_json::from_str(&data(line)).unwrap()).collect()
}

/// What was said, thoughts apart.
fn text(frames: &[Value]) -> String {
    let parts = frames.iter().filter_map(|frame| frame["candidates"][0]["content"]["parts"].as_array());
    let said = parts.flatten().filter(|part| part["thought"] != true);
    said.filter_map(|part| part["text"].as_str()).collect()
}

#[tokio::test]
async fn every_vendor_answers_whole_and_as_a_stream() {
    let server = Server::start("{}").await;
    for (model, vendor) in MODELS {
        let whole = post(server.address, &address(model, "generateContent"), &body("Hello")).await;
        assert_eq!(whole.status, 200, "{}", whole.body);
        let message = whole.json();
        let said = text(std::slice::from_ref(&message));
        assert!(said.contains(vendor), "{message}");
        assert_eq!(message["candidates"][0]["finishReason"], "STOP");
        assert!(message["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap() > 0, "{message}");
        assert!(message["modelVersion"].is_string() && message["responseId"].is_string(), "{message}");
        // Only its own vendor is told the client's settings of its filters.
        assert_eq!(whole.header("x-forge-warnings").is_none(), vendor == "Google", "{}", whole.head);
        assert!(whole.header("x-request-id").is_some(), "{}", whole.head);

        let stream = post(server.address, &address(model, SSE), &body("Hello")).await;
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        let frames = frames(&stream);
        assert_eq!(text(&frames), said, "both forms say the same");
        let (last, before) = frames.split_last().unwrap();
        assert_eq!(last["usageMetadata"], message["usageMetadata"], "{model}");
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        // Google counts in every frame.
        let silent = before.iter().all(|frame| frame["usageMetadata"].is_null());
        assert_eq!(silent, vendor != "Google", "{}", stream.body);

        let list = post(server.address, &address(model, "streamGenerateContent"), &body("Hello")).await;
        assert_eq!(list.header("content-type"), Some("application/json"));
        assert_eq!(text(list.json().as_array().unwrap()), said, "{}", list.body);
    }
    let journal = format!("{:?}", server.sim.journal());
    assert_eq!(journal.matches("HARM_CATEGORY_HARASSMENT").count(), 3, "the three calls to Google");
    assert!(server.end().await);
}

#[tokio::test]
async fn a_call_comes_whole_and_its_result_finds_it() {
    let server = Server::start("{}").await;
    let mut called = 0;
    for (model, vendor) in MODELS {
        let turns = json!([
            {"role": "user", "parts": [{"text": "Add one and two."}]},
            {"role": "model", "parts": [{"functionCall": {"name": "add", "args": {"a": 1, "b": 2}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "add", "response": {"result": "3"}}}]},
        ]);
        let parameters =
            json!({"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}, "b": {"type": "INTEGER"}}});
        let tools = json!([{"function_declarations": [{"name": "add", "description": "Adds.", "parameters": parameters}]}]);
        let told = json!({"contents": turns, "tools": tools});
        let answer = post(server.address, &address(model, "generateContent"), &told).await;
        assert_eq!(answer.status, 200, "{vendor}: {}", answer.body);

        let forced = json!({"contents": [turns[0]], "tools": tools, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}});
        let stream = post(server.address, &address(model, SSE), &forced).await;
        if stream.status != 200 {
            // Newer models refuse to be made to call.
            assert_eq!(stream.json()["error"]["status"], "INVALID_ARGUMENT", "{vendor}: {}", stream.body);
            continue;
        }
        let frames = frames(&stream);
        let parts =
            frames.iter().filter_map(|frame| frame["candidates"][0]["content"]["parts"].as_array()).flatten();
        let calls: Vec<&Value> = parts.filter(|part| part["functionCall"].is_object()).collect();
        assert_eq!(
            (calls.len(), &calls[0]["functionCall"]["name"]),
            (1, &json!("add")),
            "{vendor}: {}",
            stream.body
        );
        assert!(calls[0]["functionCall"]["args"].is_object(), "{vendor}: {}", stream.body);
        called += 1;
    }
    assert!(called >= 3, "{called} of {} call", MODELS.len());
}

#[tokio::test]
async fn failures_have_the_vendors_form() {
    let server = Server::start(
        "rules: [{vendor: anthropic, error: {kind: overloaded}}, {vendor: openai, cut: {after_events: 12}}, \
         {vendor: google, error: {kind: rate_limited, retry_after: {seconds: 6.5}}}]",
    )
    .await;
    let at = server.address;
    let failed = async |model: &str, verb: &str| {
        let reply = post(at, &address(model, verb), &body("Hello")).await;
        let error = reply.json()["error"].clone();
        (reply.status, error["status"].as_str().unwrap_or_default().to_owned(), error["details"].to_string())
    };
    assert_eq!(failed("provider:anthropic", SSE).await.0, 503);
    let (status, word, details) = failed("google", "generateContent").await;
    assert_eq!((status, word.as_str()), (429, "RESOURCE_EXHAUSTED"));
    assert!(details.contains("RetryInfo") && details.contains("6.5s"), "{details}");
    assert_eq!(failed("nobody", SSE).await.1, "NOT_FOUND");
    let cached = json!({"cachedContent": "cachedContents/x", "contents": [{"parts": [{"text": "x"}]}]});
    let cached = post(at, &address("google", "generateContent"), &cached).await;
    let words = cached.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!((cached.status, words.starts_with("cachedContent: ")), (400, true), "{words}");

    let broken = post(at, &address("provider:openai", SSE), &body("Hello")).await;
    let frames = frames(&broken);
    assert_eq!(
        (broken.status, &frames.last().unwrap()["error"]["code"]),
        (200, &json!(502)),
        "{}",
        broken.body
    );
    assert!(!broken.body.contains("finishReason"), "{}", broken.body);
    let broken = post(at, &address("provider:openai", "streamGenerateContent"), &body("Hello")).await;
    assert!(serde_json::from_str::<Value>(&broken.body).is_err(), "a list without an end: {}", broken.body);
    for (start, status) in [
        (format!("GET {}", address("m", "generateContent")), 405),
        (format!("POST {}", address("m", "embedContent")), 404),
    ] {
        let reply = read(send(at, &start, "content-type: application/json\r\n", "{}").await).await;
        assert_eq!(reply.status, status, "{start}");
        let error = &reply.json()["error"];
        assert_eq!((&error["code"], error["status"].is_string()), (&json!(status), true), "{}", reply.body);
    }
}

#[tokio::test]
async fn clients_of_other_vendors_are_told_of_its_failures_in_their_own_form() {
    let server = Server::start("{}").await;
    let turns = |text: &str, stream: bool| json!({"model": "google", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": text}]});
    let input = |text: &str, stream: bool| json!({"model": "google", "input": text, "stream": stream});
    for (path, kind, end) in [
        ("/v1/messages", "overloaded_error", "message_stop"),
        ("/v1/chat/completions", "service_unavailable_error", "[DONE]"),
        ("/v1/responses", "service_unavailable_error", "response.completed"),
    ] {
        let body = |text: &str, stream| {
            if path == "/v1/responses" { input(text, stream) } else { turns(text, stream) }
        };
        let busy = post(server.address, path, &body("[[sim:overloaded]]", true)).await;
        assert_eq!(
            (busy.status >= 500, &busy.json()["error"]["type"]),
            (true, &json!(kind)),
            "{}",
            busy.body
        );
        let whole = post(server.address, path, &body("[[sim:cut-after=900]]", false)).await;
        assert_eq!(whole.status, 502, "{}", whole.body);
        let broken = post(server.address, path, &body("[[sim:cut-after=900]]", true)).await;
        assert_eq!((broken.status, broken.body.contains("error")), (200, true), "{}", broken.body);
        assert!(!broken.body.contains(end), "{}", broken.body);
    }
}

#[tokio::test]
async fn a_prompt_that_is_blocked_is_a_reply_in_every_form() {
    let server = Server::start("{}").await;
    let whole = post(server.address, &address("google", "generateContent"), &body("[[sim:blocked]]")).await;
    assert!(whole.json()["promptFeedback"]["blockReason"].is_string(), "{}", whole.body);
    let stream = post(server.address, &address("google", SSE), &body("[[sim:blocked]]")).await;
    assert!(frames(&stream)[0]["promptFeedback"]["blockReason"].is_string(), "{}", stream.body);
    let list =
        post(server.address, &address("google", "streamGenerateContent"), &body("[[sim:blocked]]")).await;
    assert!(list.json()[0]["promptFeedback"]["blockReason"].is_string(), "{}", list.body);
    assert_eq!((whole.status, stream.status, list.status), (200, 200, 200));
}

#[tokio::test]
async fn a_prompt_that_is_blocked_is_a_reply_to_clients_of_other_vendors_too() {
    let server = Server::start("{}").await;
    let turns = |stream: bool| json!({"model": "google", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": "[[sim:blocked]]"}]});
    let input = |stream: bool| json!({"model": "google", "input": "[[sim:blocked]]", "stream": stream});
    for (path, word, end) in [
        ("/v1/messages", r#""stop_reason":"refusal""#, "message_stop"),
        ("/v1/chat/completions", r#""finish_reason":"content_filter""#, "[DONE]"),
        ("/v1/responses", r#""reason":"content_filter""#, "response.incomplete"),
    ] {
        for stream in [false, true] {
            let body = if path == "/v1/responses" { input(stream) } else { turns(stream) };
            let reply = post(server.address, path, &body).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            assert!(reply.body.contains(word), "{path}: {}", reply.body);
            assert_eq!(reply.body.contains(end), stream, "{path}: {}", reply.body);
            assert!(reply.header("x-request-id").or(reply.header("request-id")).is_some(), "{}", reply.head);
        }
    }
}

#[tokio::test]
async fn models_and_counts_have_the_form_of_the_vendor() {
    let server = Server::start("{}").await;
    let listed = get(server.address, "/v1beta/models", "").await.json();
    let model = &listed["models"][0];
    assert!(model["name"].as_str().unwrap().starts_with("models/"), "{listed}");
    assert_eq!(model["supportedGenerationMethods"], json!(["generateContent", "countTokens"]));
    // The newest of the SDKs asks at an address that other vendors have too.
    let key = "x-goog-api-key: fk-local\r\n";
    assert_eq!(get(server.address, "/v1/models", key).await.json(), listed);
    assert_eq!(get(server.address, "/v1/models?key=fk-local", "").await.json(), listed);
    assert_eq!(get(server.address, "/v1/models", "").await.json()["object"], "list");
    let both = format!("{key}anthropic-version: 2023-06-01\r\n");
    assert_eq!(get(server.address, "/v1/models", &both).await.json()["has_more"], false);
    let one = get(server.address, "/v1beta/models/gemini-4-argon", "").await.json();
    assert_eq!((&one["name"], &one["inputTokenLimit"]), (&json!("models/gemini-4-argon"), &json!(1_048_576)));

    let wrapped = json!({"generateContentRequest": body("Hello there")});
    for (model, estimated) in [("google", false), ("provider:anthropic", false), ("provider:local", true)] {
        for body in [&body("Hello there"), &wrapped] {
            let count = post(server.address, &address(model, "countTokens"), body).await;
            let tokens = count.json()["totalTokens"].as_u64().unwrap();
            assert!(tokens > 0, "{}", count.body);
            assert_eq!(count.json(), json!({"totalTokens": tokens}));
            assert_eq!(count.header("x-forge-estimated").is_some(), estimated, "{model}");
        }
    }
}
