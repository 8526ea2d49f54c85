use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::{
    client::{get, post, read, send},
    server::Server,
};

fn request(model: &str, text: &str, stream: bool) -> Value {
    json!({
        "model": model, "max_tokens": 400, "stream": stream, "metadata": {"user_id": "u"},
        "system": "Be brief.", "messages": [{"role": "user", "content": text}],
    })
}

#[tokio::test]
async fn every_vendor_answers_whole_and_as_a_stream() {
    let server = Server::start("{}").await;
    for (model, vendor) in [
        ("claude-sonnet-5-5", "Anthropic"),
        ("provider:openai", "OpenAI"),
        ("google", "Google"),
        ("qwen3", "Ollama"),
    ] {
        let whole = post(server.address, "/v1/messages", &request(model, "Hello", false)).await;
        assert_eq!(whole.status, 200, "{}", whole.body);
        let message = whole.json();
        let text = message["content"].as_array().unwrap().iter().find_map(|block| block["text"].as_str());
        assert!(text.unwrap().contains(vendor), "{message}");
        assert_eq!(message["stop_reason"], "end_turn");
        assert!(message["usage"]["output_tokens"].as_u64().unwrap() > 0, "{message}");
        // Only its own vendor is told what the client says of its user.
        assert_eq!(whole.header("x-forge-warnings").is_none(), vendor == "Anthropic", "{}", whole.head);

        let stream = post(server.address, "/v1/messages", &request(model, "Hello", true)).await;
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        let events = stream.events();
        // The frames of its own vendor are passed on as they are.
        let second = if vendor == "Anthropic" { "content_block_start" } else { "ping" };
        assert_eq!((events[0], events[1]), ("message_start", second), "{}", stream.body);
        assert_eq!(events[events.len() - 2..], ["message_delta", "message_stop"]);
        let deltas = stream.data("content_block_delta");
        let written: String = deltas.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
        assert!(written.contains(vendor), "{written}");
        let usage = &stream.data("message_delta")[0]["usage"];
        assert_eq!(usage["output_tokens"], message["usage"]["output_tokens"], "{model}");
        assert_eq!(usage["input_tokens"], message["usage"]["input_tokens"], "{model}");
    }
    let bodies = server.sim.journal();
    let users = bodies.iter().filter(|one| format!("{one:?}").contains("user_id")).count();
    assert_eq!(users, 2, "the two calls to Anthropic");
    assert!(server.end().await);
}

#[tokio::test]
async fn a_route_that_fails_before_its_answer_is_not_seen() {
    let server = Server::start("rules: [{vendor: anthropic, error: {kind: overloaded}}]").await;
    let stream = post(server.address, "/v1/messages", &request("pool:everybody", "Hello", true)).await;
    assert_eq!((stream.status, stream.header("x-forge-route")), (200, Some("openai")), "{}", stream.head);
    assert_eq!(stream.header("x-forge-attempts"), Some("2"));
    assert_eq!(stream.data("message_start").len(), 1);
    assert_eq!(stream.events().last(), Some(&"message_stop"));
    let alone = post(server.address, "/v1/messages", &request("provider:anthropic", "Hello", true)).await;
    assert_eq!((alone.status, &alone.json()["error"]["type"]), (529, &"overloaded_error".into()));
}

#[tokio::test]
async fn a_vendors_wait_is_told_to_the_client() {
    let rule = "rules: [{vendor: anthropic, error: {kind: rate_limited, retry_after: {seconds: 6.5}}}]";
    let server = Server::start(rule).await;
    let refused = post(server.address, "/v1/messages", &request("provider:anthropic", "Hello", true)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("7")), "{}", refused.head);
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
}

#[tokio::test]
async fn a_reply_that_breaks_off_has_an_error_and_no_end() {
    let server = Server::start("rules: [{vendor: anthropic, cut: {after_events: 6}}]").await;
    let stream = post(server.address, "/v1/messages", &request("provider:anthropic", "Hello", true)).await;
    assert_eq!(stream.status, 200);
    assert!(stream.events().contains(&"content_block_delta"), "{}", stream.body);
    assert_eq!(stream.events().last(), Some(&"error"), "{}", stream.body);
    // So long a reply is asked for as a stream.
    let mut long = request("provider:anthropic", "Hello", false);
    long["max_tokens"] = 64_000.into();
    let whole = post(server.address, "/v1/messages", &long).await;
    assert_eq!((whole.status, &whole.json()["error"]["type"]), (502, &"api_error".into()));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    let server =
        Server::start("rules: [{vendor: anthropic, stall: {after_events: 4, between_events: 60000}}]").await;
    let body = request("provider:anthropic", "Hello", true).to_string();
    let mut socket =
        send(server.address, "POST /v1/messages", "content-type: application/json\r\n", &body).await;
    let mut piece = [0; 12];
    socket.read_exact(&mut piece).await.unwrap();
    assert_eq!(server.system.router().in_flight(), 1);
    drop(socket);
    while server.system.router().in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(server.end().await);
}

#[tokio::test]
async fn models_and_counts_have_the_form_of_the_clients_vendor() {
    let server = Server::start("{}").await;
    let openai = get(server.address, "/v1/models", "").await.json();
    assert_eq!((&openai["object"], &openai["data"][0]["object"]), (&"list".into(), &"model".into()));
    let anthropic =
        get(server.address, "/v1/models?limit=1000", "anthropic-version: 2023-06-01\r\n").await.json();
    assert_eq!((&anthropic["has_more"], &anthropic["data"][0]["type"]), (&false.into(), &"model".into()));
    let one = get(server.address, "/v1/models/claude-sonnet-5-5", "anthropic-version: 2023-06-01\r\n").await;
    assert_eq!(one.json()["max_input_tokens"], 1_000_000);
    assert_eq!(get(server.address, "/v1/models/nobody", "").await.status, 404);

    for (model, estimated) in [("provider:anthropic", false), ("provider:local", true)] {
        let count =
            post(server.address, "/v1/messages/count_tokens", &request(model, "Hello there", false)).await;
        let tokens = count.json()["input_tokens"].as_u64().unwrap();
        assert!(tokens > 0, "{}", count.body);
        assert_eq!(count.json(), json!({"input_tokens": tokens}), "in the form of the vendor");
        assert_eq!(count.header("x-forge-estimated").is_some(), estimated, "{model}");
    }
}

#[tokio::test]
async fn calls_under_way_end_before_the_server_does() {
    let server = Server::start("rules: [{vendor: anthropic, stall: {between_events: 20}}]").await;
    let body = request("provider:anthropic", "Hello", true).to_string();
    let socket = send(server.address, "POST /v1/messages", "content-type: application/json\r\n", &body).await;
    socket.readable().await.unwrap();
    let address = server.address;
    let ended = server.end();
    let reply = read(socket).await;
    assert_eq!(reply.events().last(), Some(&"message_stop"), "{}", reply.body);
    assert!(ended.await);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
