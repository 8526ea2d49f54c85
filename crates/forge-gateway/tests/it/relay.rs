//! Requests that go on in the bytes of their clients.

mod chat;
mod gemini;
mod responses;

use forge::router::ProviderPlan;
use forge_core::request::CacheTtl;
use serde_json::{Value, json};

use crate::{
    client::{Reply, post, read, send},
    server::Server,
    vendor::Recorded,
};

const SSE: &str = "text/event-stream";

/// Odd in every way that JSON allows.
const BODY: &str = r#" { "metadata" :{"user_id":"\u00fc"}, "max_tokens":4e2,
  "system" : [ {"type":"text","text":"Be \u0062rief.","cache_control":{"type":"ephemeral"}} ],
  "model": "other", "temperature":1.0, "x_new": [1e3, 0.10, -0, 12345678901234567890123],
  "messages":[{"content":"Hi \ud83d\ude00","role":"user"}], "\u006dodel" :"provider:anthropic" , "stream":true} "#;

const STREAM: &str = ": hello\n\nevent: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_9\",\
    \"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-served\",\"content\":[],\"x\":1e3,\"usage\":{\"input_tokens\":11,\
    \"output_tokens\":1}}}\r\n\r\nevent: content_block_start\ndata: {\"index\" :0,\"type\":\"content_block_start\",\
    \"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: novelty\ndata: {\"a\":  1}\n\n\
    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\\u0048ello\"}}\n\n\
    event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\n\
    data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":5}}\n\n\
    event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

async fn ask(server: &Server, headers: &str, body: &str) -> Reply {
    let headers = format!("content-type: application/json\r\n{headers}");
    read(send(server.address, "POST /v1/messages", &headers, body).await).await
}

#[tokio::test]
async fn a_body_and_its_frames_are_passed_on_byte_for_byte() {
    let (start, rest) = STREAM.split_at(150);
    let vendor = Recorded::start(&[(SSE, &[start, rest])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "anthropic"), |_| {}).await;
    let headers = "anthropic-version: 2026-10-21\r\nanthropic-beta: a-1\r\nanthropic-beta: b-2\r\ncookie: c=1\r\nx-api-key: fk\r\n";
    let body = BODY.replace("4e2", "400").replace(r#""temperature":1.0, "#, "");
    let reply = ask(&server, headers, &body).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, STREAM), "{}", reply.head);
    assert_eq!(reply.header("x-forge-route"), Some("anthropic"));
    assert_eq!(reply.header("x-forge-model"), Some("claude-served"));
    let asked = vendor.asked();
    let (head, sent) = &asked[0];
    assert_eq!(*sent, body.replace("\"provider:anthropic\"", "\"claude-sonnet-5-5\""));
    for line in ["anthropic-version: 2026-10-21", "anthropic-beta: a-1,b-2", "x-api-key: sk-test-simulated"] {
        assert!(head.lines().any(|known| known == line), "{line}: {head}");
    }
    assert!(!head.contains("cookie") && !head.contains("2023-06-01"), "{head}");
}

#[tokio::test]
async fn a_whole_reply_is_passed_on_byte_for_byte() {
    let whole = "{\"id\":\"msg_1\", \"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-5-5\",\"novel\":1e3,\n\
        \"content\":[{\"type\":\"text\",\"text\":\"\\u0048i\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":10,\
        \"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":3}}\n";
    let vendor = Recorded::start(&[("application/json", &[whole])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "anthropic"), |_| {}).await;
    let body = r#"{"model":"provider:anthropic","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"n":1.50}"#;
    let reply = ask(&server, "", body).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, whole));
    assert!(reply.header("x-forge-cost-usd").is_some(), "{}", reply.head);
    assert_eq!(vendor.asked()[0].1, body.replace("provider:anthropic", "claude-sonnet-5-5"));
}

#[tokio::test]
async fn what_the_model_does_not_take_is_read_and_left_out() {
    let vendor = Recorded::start(&[(SSE, &[STREAM]), (SSE, &[STREAM])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "anthropic"), |_| {}).await;
    // This model takes no temperature, and a whole reply of so many tokens is asked for as a stream.
    let long =
        r#"{"model":"provider:anthropic","max_tokens":64000,"messages":[{"role":"user","content":"Hi"}]}"#;
    for body in [BODY.replace("4e2", "400"), long.to_owned()] {
        let reply = ask(&server, "", &body).await;
        assert!(reply.status == 200 && reply.body.contains("Hello"), "{}", reply.body);
    }
    for (_, sent) in vendor.asked() {
        assert!(sent.starts_with("{\"") && sent.contains("\"stream\":true"), "{sent}");
        assert!(!sent.contains("temperature"), "{sent}");
    }
}

#[tokio::test]
async fn a_prompt_that_is_to_be_kept_is_marked_unless_its_client_has_done_so() {
    let vendor = Recorded::start(&[(SSE, &[STREAM]), (SSE, &[STREAM])]).await;
    let keep = |providers: &mut Vec<ProviderPlan>| {
        vendor.take(providers, "anthropic");
        for plan in providers {
            plan.parameters.prompt_cache = Some(CacheTtl::OneHour);
        }
    };
    let server = Server::over("{}", keep, |_| {}).await;
    let marked = BODY.replace("4e2", "400").replace(r#""temperature":1.0, "#, "");
    let plain = marked.replace(r#","cache_control":{"type":"ephemeral"}"#, r#","cache_control":null"#);
    for body in [&marked, &plain] {
        assert_eq!(ask(&server, "", body).await.status, 200);
    }
    let asked = vendor.asked();
    assert_eq!(asked[0].1, marked.replace("\"provider:anthropic\"", "\"claude-sonnet-5-5\""));
    let sent: Value = serde_json::from_str(&asked[1].1).unwrap();
    let kept = json!({"type": "ephemeral", "ttl": "1h"});
    assert_eq!(
        (&sent["system"][0]["cache_control"], &sent["messages"][0]["content"][0]["cache_control"]),
        (&kept, &kept)
    );
}

#[tokio::test]
async fn a_body_that_is_nested_too_deep_is_refused() {
    let server = Server::start("{}").await;
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    let body = format!(r#"{{"model":"provider:anthropic","max_tokens":9,"messages":[],"x":{deep}}}"#);
    let reply = ask(&server, "", &body).await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (400, &"invalid_request_error".into()));
    assert!(server.sim.journal().is_empty());
}

#[tokio::test]
async fn an_error_or_nothing_in_the_first_stream_is_not_seen() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let start = STREAM.split("event: content_block_start").next().unwrap();
    let end = STREAM.split_at(STREAM.find("event: message_delta").unwrap()).1;
    let empty = format!("{start}{end}");
    let vendor = Recorded::start(&[(SSE, &[start, error]), (SSE, &[&empty]), (SSE, &[start])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "anthropic"), |_| {}).await;
    let body = json!({
        "model": "pool:everybody", "max_tokens": 400, "stream": true, "metadata": {"user_id": "u"},
        "messages": [{"role": "user", "content": "Hello"}],
    });
    for _ in 0..3 {
        let reply = post(server.address, "/v1/messages", &body).await;
        assert_eq!((reply.status, reply.header("x-forge-route")), (200, Some("openai")), "{}", reply.head);
        assert_eq!(reply.header("x-forge-warnings"), Some("not translated: metadata"));
        assert_eq!(reply.data("message_start").len(), 1);
        assert_eq!(reply.events().last(), Some(&"message_stop"));
        assert!(!reply.body.contains("msg_9") && reply.body.contains("OpenAI"), "{}", reply.body);
    }
    assert_eq!(vendor.asked().len(), 3);
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_and_with_whole_frames() {
    let cut = STREAM.find("Hello\\").unwrap_or_else(|| STREAM.find("\\u0048ello").unwrap());
    let vendor = Recorded::start(&[(SSE, &[&STREAM[..cut]])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "anthropic"), |_| {}).await;
    let body = r#"{"model":"provider:anthropic","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    let reply = ask(&server, "", body).await;
    let whole = &STREAM[..STREAM.find("event: content_block_delta").unwrap()];
    let end = reply.body.strip_prefix(whole).unwrap_or_else(|| panic!("{}", reply.body));
    assert!(end.starts_with("event: error\n") && end.matches("event: ").count() == 1, "{end}");
}

/// Clients take the reason why a model stopped for the end of its reply.
#[tokio::test]
async fn a_reason_to_stop_is_not_passed_on_before_the_end() {
    let (rest, end) = STREAM.split_at(STREAM.find("event: message_stop").unwrap());
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let vendor = Recorded::start(&[(SSE, &[rest]), (SSE, &[rest, error]), (SSE, &[rest, end])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "anthropic"), |_| {}).await;
    let body = r#"{"model":"provider:anthropic","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    for kind in ["api_error", "overloaded_error"] {
        let reply = ask(&server, "", body).await;
        assert!(reply.events().contains(&"content_block_stop") && !reply.body.contains("message_delta"));
        assert_eq!(reply.data("error")[0]["error"]["type"], kind, "{}", reply.body);
        assert_eq!(reply.events().last(), Some(&"error"), "{}", reply.body);
    }
    assert_eq!(ask(&server, "", body).await.body, STREAM);
}

#[tokio::test]
async fn a_budget_holds_for_what_nobody_has_read() {
    let most = |tokens| {
        move |providers: &mut Vec<forge::router::ProviderPlan>| providers[0].budget.call.tokens = Some(tokens)
    };
    let body = json!({
        "model": "provider:anthropic", "max_tokens": 400, "messages": [{"role": "user", "content": "Hello"}],
    });
    let server = Server::over("{}", most(410), |_| {}).await;
    assert_ne!(post(server.address, "/v1/messages", &body).await.status, 200);
    assert!(server.sim.journal().is_empty());
    let server = Server::over("{}", most(1_000), |_| {}).await;
    assert_eq!(post(server.address, "/v1/messages", &body).await.status, 200);
}

#[tokio::test]
async fn both_ways_cost_the_same() {
    let server = Server::start("{}").await;
    let body = |user: &str, stream: bool| {
        json!({
            "model": "provider:anthropic", "max_tokens": 400, "stream": stream, "metadata": {"user_id": user},
            "messages": [{"role": "user", "content": "Hello"}],
        })
    };
    // What looks like sealed state is read.
    let (relayed, read) = ("abc.", "fg1.");
    let cost = async |user| {
        let whole = post(server.address, "/v1/messages", &body(user, false)).await;
        let stream = post(server.address, "/v1/messages", &body(user, true)).await;
        let usage = &stream.data("message_delta")[0]["usage"]["output_tokens"];
        assert_eq!(*usage, whole.json()["usage"]["output_tokens"], "{}", stream.body);
        (whole.header("x-forge-cost-usd").unwrap().to_owned(), usage.as_u64())
    };
    assert_eq!(cost(relayed).await, cost(read).await);
    assert!(server.end().await);
}
