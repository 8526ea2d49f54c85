use serde_json::{Value, json};

use crate::{
    client::{Reply, post, read, send},
    server::Server,
};

const MODELS: [(&str, &str); 4] = [
    ("provider:anthropic", "Anthropic"),
    ("gpt-5.6-sol", "OpenAI"),
    ("google", "Google"),
    ("provider:local", "Ollama"),
];

fn chat(model: &str, text: &str, stream: bool) -> Value {
    json!({
        "model": model, "max_completion_tokens": 400, "stream": stream, "stream_options": {"include_usage": stream},
        "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": text}],
        "logit_bias": {"1": 2}, "user": "u",
    })
}

/// The frames of a stream without names.
fn frames(reply: &Reply) -> Vec<&str> {
    reply.body.split("\n\n").filter_map(|frame| frame.strip_prefix("data: ")).collect()
}

#[tokio::test]
async fn chat_completions_come_from_every_vendor() {
    let server = Server::start("{}").await;
    for (model, vendor) in MODELS {
        let whole = post(server.address, "/v1/chat/completions", &chat(model, "Hello", false)).await;
        assert_eq!(whole.status, 200, "{}", whole.body);
        let message = whole.json();
        let text = message["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(text.contains(vendor), "{text}");
        assert!(message["usage"]["completion_tokens"].as_u64().unwrap() > 0, "{message}");
        let warned = whole.header("x-forge-warnings").unwrap();
        assert_eq!(warned.contains("user"), vendor != "OpenAI", "{warned}");
        assert!(warned.contains("logit_bias") && whole.header("x-request-id").is_some(), "{warned}");

        let stream = post(server.address, "/v1/chat/completions", &chat(model, "Hello", true)).await;
        let frames = frames(&stream);
        assert_eq!(frames.last(), Some(&"[DONE]"), "{}", stream.body);
        let chunks: Vec<Value> =
            frames[..frames.len() - 1].iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
        let written: String =
            chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(written, text, "both forms say the same");
        assert_eq!(chunks.last().unwrap()["usage"], message["usage"], "{model}");
    }
    assert!(server.end().await);
}

#[tokio::test]
async fn responses_come_from_every_vendor() {
    let server = Server::start("{}").await;
    for (model, vendor) in MODELS {
        let body = |stream: bool| json!({"model": model, "input": "Hello", "stream": stream, "store": false});
        let whole = post(server.address, "/v1/responses", &body(false)).await;
        assert_eq!(whole.status, 200, "{}", whole.body);
        let response = whole.json();
        let message = response["output"].as_array().unwrap().iter().find(|item| item["type"] == "message");
        let text = message.unwrap()["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(vendor), "{response}");

        let stream = post(server.address, "/v1/responses", &body(true)).await;
        let events = stream.events();
        assert_eq!(events[..2], ["response.created", "response.in_progress"], "{}", stream.body);
        assert_eq!(events.last(), Some(&"response.completed"), "{}", stream.body);
        let deltas = stream.data("response.output_text.delta");
        let written: String = deltas.iter().filter_map(|event| event["delta"].as_str()).collect();
        assert_eq!(written, text, "both forms say the same");
        assert_eq!(stream.data("response.completed")[0]["response"]["usage"], response["usage"], "{model}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_never_done() {
    let server = Server::start("rules: [{vendor: anthropic, cut: {after_events: 6}}]").await;
    let broken =
        post(server.address, "/v1/chat/completions", &chat("provider:anthropic", "Hello", true)).await;
    let last: Value = serde_json::from_str(frames(&broken).last().unwrap()).unwrap();
    assert!(last["error"]["message"].is_string() && !broken.body.contains("[DONE]"), "{}", broken.body);
    let body = json!({"model": "provider:anthropic", "input": "Hello", "stream": true});
    let broken = post(server.address, "/v1/responses", &body).await;
    assert_eq!(broken.events().last(), Some(&"response.failed"), "{}", broken.body);
}

#[tokio::test]
async fn what_is_not_served_has_the_vendors_form() {
    let server = Server::start("{}").await;
    let socket = "connection: upgrade\r\nupgrade: websocket\r\n";
    let upgrade = read(send(server.address, "GET /v1/responses", socket, "").await).await;
    assert_eq!(upgrade.status, 426, "{}", upgrade.body);
    let unknown = post(server.address, "/v1/chat/completions", &chat("nobody", "Hello", false)).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &"model_not_found".into()));
    let stored = json!({"model": "gpt-5.6-sol", "input": "go on", "previous_response_id": "resp_1"});
    let stored = post(server.address, "/v1/responses", &stored).await;
    assert_eq!(
        (stored.status, &stored.json()["error"]["code"]),
        (400, &"previous_response_not_found".into())
    );
    let count = json!({"model": "provider:openai", "input": "Hello there"});
    let count = post(server.address, "/v1/responses/input_tokens", &count).await;
    assert!(count.json()["input_tokens"].as_u64().unwrap() > 0, "{}", count.body);
    assert_eq!(count.json()["object"], "response.input_tokens");
    // One agent sends bodies of the one API to the other.
    let body = json!({"model": "provider:openai", "input": "Hello"});
    let crossed = post(server.address, "/v1/chat/completions", &body).await;
    assert_eq!(
        (crossed.status, &crossed.json()["object"]),
        (200, &"chat.completion".into()),
        "{}",
        crossed.body
    );
}

#[tokio::test]
async fn a_refused_credential_of_the_servers_own_is_told_the_same_while_its_circuit_is_open() {
    let server = Server::start("rules: [{vendor: anthropic, error: {kind: authentication}}]").await;
    for round in 0..3 {
        let refused =
            post(server.address, "/v1/chat/completions", &chat("provider:anthropic", "Hello", false)).await;
        let error = &refused.json()["error"];
        assert_eq!(
            (refused.status, &error["code"]),
            (502, &"upstream_credential".into()),
            "{round}: {error}"
        );
        assert!(!refused.body.contains("sk-") && !refused.body.contains("circuit"), "{}", refused.body);
    }
    assert_eq!(server.sim.journal().len(), 1, "the circuit is open");
}
