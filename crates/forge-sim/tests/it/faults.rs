use std::time::Duration;

use forge_sim::{Scenario, Sim, Vendor};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::client::{End, KEY, Reply, get, open, post, send, start, start_with};

const HEADERS: [(&str, &str); 3] =
    [("x-api-key", KEY), ("anthropic-version", "2023-06-01"), ("content-type", "application/json")];
const PATH: &str = "/anthropic/v1/messages";

fn body(stream: bool) -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 500,
        "stream": stream,
        "messages": [{"role": "user", "content": "Tell me about faults"}],
    })
}

async fn ask(sim: &Sim, stream: bool) -> Reply {
    post(sim, Vendor::Anthropic, "/v1/messages", &body(stream)).await
}

async fn play(rule: &str, stream: bool) -> (Sim, Reply) {
    let sim = start_with(&format!("rules: [ {rule} ]")).await;
    let reply = ask(&sim, stream).await;
    (sim, reply)
}

/// The stream without any fault; ids repeat, since the simulator is new each time.
async fn good() -> Vec<u8> {
    ask(&start().await, true).await.body
}

fn last_outcome(sim: &Sim) -> forge_sim::Outcome {
    sim.journal().pop().unwrap().outcome.unwrap()
}

#[tokio::test]
async fn a_reset_before_the_headers_sends_nothing() {
    let (sim, reply) = play("{ reset: before_headers }", true).await;
    assert_eq!((reply.status, reply.end), (0, End::Reset));
    assert!(reply.body.is_empty());
    let outcome = last_outcome(&sim);
    assert_eq!((outcome.status, outcome.client_disconnected), (None, false));
    assert_eq!(outcome.fault.as_deref(), Some("reset"));
}

#[tokio::test]
async fn a_reset_after_the_headers_sends_only_them() {
    let (_sim, reply) = play("{ reset: after_headers }", true).await;
    assert_eq!((reply.status, reply.end), (200, End::Reset));
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn a_cut_leaves_exactly_the_bytes_before_it() {
    let good = good().await;
    for at in [0, 1, 100, 777] {
        let (sim, reply) = play(&format!("{{ cut: {{ at_byte: {at} }} }}"), true).await;
        assert_eq!((reply.status, reply.end), (200, End::Cut), "{at}");
        assert_eq!(reply.body, good[..at]);
        assert!(!last_outcome(&sim).client_disconnected);
    }
    let (_sim, reply) = play("{ reset: { during: { at_byte: 100 } } }", true).await;
    assert_eq!((reply.end, &reply.body[..]), (End::Reset, &good[..100]));
}

#[tokio::test]
async fn a_cut_is_told_in_events_too() {
    let (_sim, reply) = play("{ cut: { after_events: 3 } }", true).await;
    assert!(reply.text().ends_with("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
    let (_sim, reply) = play("{ cut: { inside_event: 1 } }", true).await;
    assert!(reply.text().starts_with("event: message_start\ndata: {"));
    assert!(!reply.text().contains("\n\n"));
    let (_sim, reply) = play("{ cut: before_terminal }", true).await;
    assert_eq!(reply.end, End::Cut);
    let text = reply.text();
    assert!(text.contains("event: message_delta") && !text.contains("message_stop"));
}

#[tokio::test]
async fn a_json_body_is_cut_below_its_promised_length() {
    let (_sim, reply) = play("{ cut: { at_byte: 40 } }", false).await;
    assert_eq!((reply.end, reply.body.len()), (End::Cut, 40));
    let (_sim, reply) = play("{ truncated_json: true }", false).await;
    assert_eq!(reply.end, End::Complete);
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
}

#[tokio::test]
async fn a_silent_end_is_well_framed_but_not_terminal() {
    let (_sim, reply) = play("{ silent_end: true }", true).await;
    assert_eq!(reply.end, End::Complete);
    assert!(!reply.text().contains("message_stop"));
}

#[tokio::test]
async fn an_error_event_ends_an_anthropic_stream() {
    let (sim, reply) = play("{ stream_error: { kind: overloaded, after_events: 6 } }", true).await;
    let events = reply.events();
    assert_eq!((reply.status, events.len()), (200, 7));
    assert_eq!(
        events[6],
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    );
    assert_eq!(last_outcome(&sim).fault.as_deref(), Some("stream_error:overloaded"));
}

#[tokio::test]
async fn an_error_may_be_followed_by_done() {
    let sim = start_with("rules: [ { error_then_done: true } ]").await;
    let body = json!({"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let events = post(&sim, Vendor::OpenAi, "/chat/completions", &body).await.events();
    let [.., error, done] = &events[..] else { panic!() };
    assert_eq!(error["error"]["code"], "server_error");
    assert_eq!(done, "[DONE]");
}

#[tokio::test]
async fn every_byte_may_be_a_write_of_its_own() {
    let good = good().await;
    let (_sim, reply) = play("{ bytes: { split: every_byte } }", true).await;
    assert_eq!(reply.body, good);
    assert!(reply.chunks.iter().all(|chunk| chunk.len() == 1));
    let (_sim, reply) = play("{ bytes: { split: each_char } }", true).await;
    assert_eq!(reply.body, good);
    assert!(reply.chunks.iter().all(|chunk| std::str::from_utf8(chunk).unwrap().chars().count() == 1));
    let (_sim, reply) = play("{ bytes: { split: { seed: 9 } } }", true).await;
    assert_eq!(reply.body, good);
    assert!(reply.chunks.iter().all(|chunk| chunk.len() <= 40));
}

#[tokio::test]
async fn line_ends_pings_and_coalescing_are_a_matter_of_style() {
    let (_sim, reply) = play(
        "{ bytes: { line_ending: crlf, pings: 2, no_final_blank_line: true, coalesce: 4, trailing_spaces: true } }",
        true,
    )
    .await;
    let text = reply.text();
    assert!(text.contains("event: message_start\r\ndata: {"));
    assert!(text.contains("}   \r\n\r\n"));
    assert!(text.trim_end() == text, "no final blank line");
    assert!(text.matches("event: ping").count() > 5);
    assert!(reply.chunks[0].windows(4).filter(|window| window == b"\r\n\r\n").count() >= 4);
}

#[tokio::test]
async fn json_is_compressed_only_for_clients_that_accept_it() {
    let (sim, plain) = play("{ bytes: { gzip: true } }", false).await;
    assert_eq!(plain.header("content-encoding"), None);
    let mut headers = HEADERS.to_vec();
    headers.push(("accept-encoding", "gzip, br"));
    let packed = send(&sim, "POST", PATH, &headers, body(false).to_string().as_bytes()).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let message: Value = serde_json::from_str(&packed.gunzipped()).unwrap();
    assert_eq!(message["content"], plain.json()["content"]);
}

#[tokio::test]
async fn json_may_come_chunked_without_a_length() {
    let (_sim, reply) = play("{ bytes: { chunked: true } }", false).await;
    assert_eq!(reply.header("content-length"), None);
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    assert_eq!(reply.json()["type"], "message");
}

#[tokio::test]
async fn a_client_that_leaves_during_a_stall_is_noted() {
    let sim = start_with("rules: [ { stall: { before_first_byte: 600000 } } ]").await;
    let mut stream = open(&sim, "POST", PATH, &HEADERS, body(true).to_string().as_bytes()).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    assert_eq!(sim.journal()[0].outcome, None, "it is still going on");
    drop(stream);
    let outcome = loop {
        if let Some(outcome) = sim.journal()[0].outcome.clone() {
            break outcome;
        }
        tokio::task::yield_now().await;
    };
    assert!(outcome.client_disconnected);
    assert_eq!(outcome.status, Some(200));
}

#[tokio::test]
async fn stalls_and_pace_take_their_time() {
    let cases = [
        "rules: [ { stall: { before_headers: 120 } } ]",
        "rules: [ { stall: { between_events: 120, after_events: 3 } } ]",
        "rules: [ { stall: { between_events: 5 } } ]",
        "rules: [ { drip: { bytes: 100, every_ms: 4 } } ]",
        "latency: [ { vendor: anthropic, first_byte_ms: { fixed: 120 } } ]",
        "latency: [ { model: claude-sonnet-4-5, tokens_per_second: { fixed: 500 } } ]",
    ];
    let good = good().await;
    for scenario in cases {
        let sim = start_with(scenario).await;
        let reply = ask(&sim, true).await;
        assert_eq!(reply.body, good, "{scenario}");
        assert!(last_outcome(&sim).took_ms >= 100, "{scenario}: {:?}", last_outcome(&sim));
    }
}

#[tokio::test]
async fn keep_alives_fill_a_stall() {
    let (_sim, reply) =
        play("{ stall: { between_events: 60, after_events: 4, pings_every: 20 } }", true).await;
    assert_eq!(reply.text().matches("data: {\"type\": \"ping\"}").count(), 3);
}

#[tokio::test]
async fn errors_keep_each_vendors_own_form() {
    let scenario = |kind: &str| format!("rules: [ {{ error: {{ kind: {kind} }} }} ]");
    let openai = json!({"model": "gpt-4o", "input": "hi"});
    let google = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    let local = json!({"messages": [{"role": "user", "content": "hi"}]});
    let cases = [
        ("overloaded", [529, 503, 503, 503]),
        ("quota_exhausted", [429, 429, 429, 429]),
        ("billing", [402, 429, 402, 402]),
        ("server", [500, 500, 500, 500]),
        ("timeout", [504, 504, 504, 504]),
        ("too_large", [413, 413, 400, 413]),
        ("permission", [403, 403, 403, 403]),
        ("bad_gateway", [502, 502, 502, 502]),
    ];
    for (kind, expected) in cases {
        let sim = start_with(&scenario(kind)).await;
        let replies = [
            ask(&sim, false).await,
            post(&sim, Vendor::OpenAi, "/responses", &openai).await,
            post(&sim, Vendor::Google, "/models/gemini-3.8-flash:generateContent", &google).await,
            post(&sim, Vendor::LlamaCpp, "/v1/chat/completions", &local).await,
        ];
        let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        assert_eq!(statuses, expected, "{kind}");
        if kind == "quota_exhausted" {
            assert_eq!(replies[0].json()["error"]["details"]["error_code"], "enforced_spend_limit_reached");
            assert_eq!(replies[1].json()["error"]["type"], "insufficient_quota");
            assert!(replies[2].json()["error"]["details"].is_array());
        }
        if kind == "bad_gateway" {
            assert!(replies.iter().all(|reply| reply.text().starts_with("<html>")));
        }
    }
}

#[tokio::test]
async fn hints_are_sent_as_they_are_written() {
    let cases = [
        ("{ seconds: 180 }", "retry-after", Some("180")),
        ("{ seconds: 0.5 }", "retry-after", Some("0.5")),
        ("{ ms: 1500 }", "retry-after-ms", Some("1500")),
        ("{ raw: soon }", "retry-after", Some("soon")),
        ("{}", "retry-after", None),
    ];
    for (hint, name, expected) in cases {
        let (_sim, reply) =
            play(&format!("{{ error: {{ kind: rate_limited, retry_after: {hint} }} }}"), false).await;
        assert_eq!(reply.status, 429);
        assert_eq!(reply.header(name), expected, "{hint}");
    }
    let (_sim, reply) = play(
        "{ error: { kind: rate_limited, should_retry: true, retry_after: { date_in_seconds: 30 } } }",
        false,
    )
    .await;
    assert_eq!(reply.header("x-should-retry"), Some("true"));
    assert!(reply.header("retry-after").unwrap().ends_with(" GMT"));
    let sim =
        start_with("rules: [ { error: { kind: rate_limited, retry_after: { seconds: 34.4 } } } ]").await;
    let google = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    let reply = post(&sim, Vendor::Google, "/models/gemini-3.8-flash:generateContent", &google).await;
    assert_eq!(reply.header("retry-after"), None);
    assert!(reply.text().contains("\"retryDelay\":\"34.4s\""));
}

#[tokio::test]
async fn an_error_body_may_come_with_a_good_status() {
    let (_sim, reply) = play("{ error: { kind: server, status: 200 } }", false).await;
    assert_eq!((reply.status, &reply.json()["type"]), (200, &json!("error")));
    let (_sim, reply) = play("{ headers: { retry-after: \"180\" } }", false).await;
    assert_eq!((reply.status, reply.header("retry-after")), (200, Some("180")));
    let (_sim, reply) = play("{ body: \"<html>no</html>\", status: 502 }", false).await;
    assert_eq!((reply.status, reply.header("content-type")), (502, Some("text/html")));
}

#[tokio::test]
async fn a_server_loads_for_a_while_and_then_answers() {
    let sim = start_with("rules: [ { vendor: llamacpp, loading_ms: 60 } ]").await;
    let body = json!({"messages": [{"role": "user", "content": "hi"}]});
    let path = "/v1/chat/completions";
    let first = post(&sim, Vendor::LlamaCpp, path, &body).await;
    assert_eq!(
        (first.status, first.json()),
        (503, json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}))
    );
    while post(&sim, Vendor::LlamaCpp, path, &body).await.status == 503 {}
}

#[tokio::test]
async fn rules_count_their_own_requests() {
    let sim = start_with(
        "rules:
           - { vendor: anthropic, nth: { every: 2 }, error: { kind: overloaded } }
           - { path: /v1/models, nth: 1, error: { kind: server } }",
    )
    .await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(ask(&sim, false).await.status);
    }
    assert_eq!(statuses, [200, 529, 200, 529]);
    assert_eq!(get(&sim, Vendor::Anthropic, "/v1/models").await.status, 500);
    assert_eq!(get(&sim, Vendor::Anthropic, "/v1/models").await.status, 200);
    sim.set_scenario(Scenario::default()).unwrap();
    assert_eq!(ask(&sim, false).await.status, 200);
    assert_eq!(ask(&sim, false).await.status, 200);
}

#[tokio::test]
async fn a_magic_word_of_an_earlier_turn_is_spent() {
    let sim = start().await;
    let mut body = body(false);
    body["messages"][0]["content"] = "[[sim:server-error]]".into();
    assert_eq!(post(&sim, Vendor::Anthropic, "/v1/messages", &body).await.status, 500);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": "no"}));
    messages.push(json!({"role": "user", "content": "and now"}));
    assert_eq!(post(&sim, Vendor::Anthropic, "/v1/messages", &body).await.status, 200);
}

#[tokio::test]
async fn broken_requests_are_refused_without_harm() {
    let sim = start().await;
    let cases: [(&[u8], &str); 4] = [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"{}", "text/plain"),
    ];
    for (body, content_type) in cases {
        let mut headers = HEADERS.to_vec();
        headers[2] = ("content-type", content_type);
        let reply = send(&sim, "POST", PATH, &headers, body).await;
        assert_eq!(reply.status, 400, "{content_type}");
        assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
    }
    let reply = send(&sim, "GET", "/nobody/v1", &[], b"").await;
    assert_eq!(reply.status, 404);
    let huge = vec![b' '; (32 << 20) + 1];
    let reply = send(&sim, "POST", PATH, &HEADERS, &huge).await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (413, &json!("request_too_large")));
    assert_eq!(ask(&sim, false).await.status, 200);
}

#[tokio::test]
async fn dropping_the_simulator_closes_its_connections() {
    let sim = start_with("rules: [ { stall: { before_first_byte: 600000 } } ]").await;
    let mut stream = open(&sim, "POST", PATH, &HEADERS, body(true).to_string().as_bytes()).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    drop(sim);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok());
}
