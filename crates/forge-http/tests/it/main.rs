//! Connections and streams over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod limits;
mod many;

use std::{io::Write as _, time::Duration};

use forge_core::{
    CallContext, ErrorKind, Participant, ProviderError, ResponseStream, StreamEvent,
    event::{Delta, Finished, PartKind, RateLimitStatus, Started, StopReason, Warning},
    provider::{AdapterSettings, Timeouts},
    request::Delivery,
};
use forge_http::{Connection, Decode, Dialect, EventOptions, Events, Failure, Frame, Framing, Reply};
use forge_testkit::{Reply as Scripted, ScriptedServer, Then};

const DIALECT: Dialect = Dialect {
    base_url: "http://127.0.0.1:1",
    credential: ("authorization", "Bearer "),
    headers: &[],
    timeouts: Timeouts::USUAL,
    rate_limits: |_, _| RateLimitStatus::default(),
    classify: Failure::from_status,
};

/// Every event is a delta of text; `end` ends the reply.
struct Echo(bool);

impl Decode for Echo {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        let Frame::Event { data, .. } = frame else { return Ok(()) };
        let text = data.to_owned();
        if !std::mem::replace(&mut self.0, true) {
            events.push_back(StreamEvent::from(Started::default()));
            events.push_back(StreamEvent::PartStarted { index: 0, kind: PartKind::Text });
        }
        events.push_back(match text.as_str() {
            "end" => StreamEvent::from(finished()),
            _ => StreamEvent::PartDelta { index: 0, delta: Delta::Text(text) },
        });
        Ok(())
    }
}

/// Like [`Echo`], but each event is an object that may name its text but once.
struct Strict(Echo);

#[derive(serde::Deserialize)]
struct Said<'a> {
    text: &'a str,
}

impl Decode for Strict {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        let Frame::Event { name, data } = frame else { return Ok(()) };
        let Said { text } =
            serde_json::from_str(data).map_err(|error| Failure::decode("an event", &error))?;
        self.0.frame(Frame::Event { name, data: text }, events)
    }
}

fn finished() -> Finished {
    Finished::new(StopReason::EndTurn)
}

async fn connect(reply: Scripted, timeouts: Timeouts) -> (ScriptedServer, Result<Reply, ProviderError>) {
    let server = ScriptedServer::start([reply]).await.unwrap();
    let settings = AdapterSettings {
        base_url: Some(server.url()),
        timeouts: Some(timeouts),
        ..AdapterSettings::new("p")
    };
    let connection = Connection::new(&settings, DIALECT).unwrap();
    let cx = CallContext::new(Participant::local("m"));
    let endpoint = connection.endpoint(["a b", "../c"]);
    let reply = connection.post(&cx, &endpoint, b"{}".to_vec(), Delivery::Stream).await;
    (server, reply)
}

async fn collect(mut stream: ResponseStream) -> (Vec<StreamEvent>, Option<ProviderError>) {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => events.push(event),
            Err(error) => return (events, Some(error)),
        }
    }
    (events, None)
}

async fn stream(reply: Scripted, timeouts: Timeouts) -> (Vec<StreamEvent>, Option<ProviderError>) {
    let (_server, reply) = connect(reply, timeouts).await;
    collect(reply.unwrap().events(Framing::Sse, Echo(false), EventOptions::default())).await
}

#[tokio::test]
async fn path_segments_cannot_lead_elsewhere() {
    let (server, _) = connect(Scripted::json(200, "{}"), Timeouts::default()).await;
    assert_eq!(server.requests()[0].line, "POST /a%20b/..%2Fc");
}

#[tokio::test]
async fn warnings_follow_the_start_and_the_raw_text_comes_with_the_end() {
    let (_server, reply) = connect(Scripted::sse("data: hi\n\ndata: end\n\n"), Timeouts::default()).await;
    let options = EventOptions { warnings: vec![Warning::new("a", "b")], keep_raw: true, schema: None };
    let (events, error) = collect(reply.unwrap().events(Framing::Sse, Echo(false), options)).await;
    assert!(error.is_none());
    assert_eq!(events[1], StreamEvent::from(Warning::new("a", "b")));
    assert!(
        matches!(events.last(), Some(StreamEvent::Finished(end)) if end.raw_response.as_deref() == Some("hi\nend\n"))
    );
}

#[tokio::test]
async fn of_a_field_that_stands_twice_the_last_counts() {
    let doubled = r#"{"text": "lost", "text": "hi"}"#;
    let is_hi = |event: &StreamEvent| matches!(event, StreamEvent::PartDelta { delta: Delta::Text(text), .. } if text == "hi");
    let body = format!("data: {doubled}\n\ndata: {{\"text\": \"end\"}}\n\n");
    let (_server, reply) = connect(Scripted::sse(&body), Timeouts::default()).await;
    let decoder = Strict(Echo(false));
    let (events, error) =
        collect(reply.unwrap().events(Framing::Sse, decoder, EventOptions::default())).await;
    assert!(error.is_none() && events.iter().any(is_hi), "{events:?} {error:?}");

    let (_server, reply) = connect(Scripted::json(200, doubled), Timeouts::default()).await;
    let whole = reply.unwrap().whole(EventOptions::default(), |body, events| {
        Strict(Echo(false)).frame(Frame::Event { name: "", data: body }, events)?;
        events.push_back(finished().into());
        Ok(())
    });
    let (events, error) = collect(whole.await.unwrap()).await;
    assert!(error.is_none() && events.iter().any(is_hi), "{events:?} {error:?}");
}

#[tokio::test]
async fn clocks_without_end_are_no_trouble() {
    let ever = Duration::MAX;
    let timeouts = Timeouts { connect: ever, first_event: ever, gap: ever, total: ever };
    let (_, error) = stream(Scripted::sse("data: hi\n\ndata: end\n\n").in_pieces(9), timeouts).await;
    assert!(error.is_none(), "{error:?}");
}

#[tokio::test]
async fn pings_do_not_stop_the_clock_for_content() {
    let pings = ": ping\n\n".repeat(50);
    let short = Timeouts { gap: Duration::from_millis(80), ..Timeouts::default() };
    let body = format!("data: hi\n\n{pings}");
    let reply = Scripted::sse(&body).in_pieces(8).cut_body(body.len()).then(Then::Hold);
    let (events, error) = stream(reply, short).await;
    assert!(!events.is_empty());
    assert_eq!(error.unwrap().kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn an_error_whose_body_stalls_is_told_by_its_head() {
    let short = Timeouts { gap: Duration::from_millis(80), ..Timeouts::default() };
    let reply = Scripted::json(429, "{\"error\": \"slow down\"}").cut_body(5).then(Then::Hold);
    let (_server, reply) =
        tokio::time::timeout(Duration::from_secs(30), connect(reply, short)).await.expect("no clock rang");
    assert_eq!(reply.unwrap_err().kind, ErrorKind::RateLimited);
}

#[tokio::test]
async fn a_caller_who_is_slow_to_read_is_not_a_stall() {
    let short = Timeouts { gap: Duration::from_millis(40), ..Timeouts::default() };
    let (_server, reply) = connect(Scripted::sse("data: one\n\ndata: end\n\n").in_pieces(40), short).await;
    let mut stream = reply.unwrap().events(Framing::Sse, Echo(false), EventOptions::default());
    while !stream.next().await.unwrap().unwrap().is_content() {}
    // Longer than the gap, spent by the caller.
    tokio::time::sleep(Duration::from_millis(120)).await;
    let (events, error) = collect(stream).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(events.last(), Some(&StreamEvent::from(finished())));
}

#[tokio::test]
async fn a_reset_and_a_broken_chunk_are_a_truncated_reply() {
    let opened = || Scripted::sse("data: hi\n\ndata: end\n\n").cut_body(10);
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for reply in [opened(), opened().then(Then::Reset), Scripted::raw(format!("{head}zz\r\ndata: hi\n\n"))] {
        let (_, error) = stream(reply, Timeouts::default()).await;
        let error = error.unwrap();
        assert_eq!(error.kind, ErrorKind::Truncated, "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn half_a_head_is_a_transport_error() {
    for reply in [
        Scripted::raw("HTTP/1.1 200 OK\r\ncontent-"),
        Scripted::raw("").then(Then::Reset),
        Scripted::raw("SSH-2.0\r\n"),
    ] {
        let (_server, reply) = connect(reply, Timeouts::default()).await;
        let error = reply.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transport, "{error}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed(encoding: &str, body: &[u8]) -> Scripted {
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", body.len());
    Scripted::raw([head.as_bytes(), body].concat())
}

#[tokio::test]
async fn gzip_that_was_not_asked_for_is_unpacked_and_a_bomb_is_not() {
    let (_server, reply) = connect(packed("gzip", &gzip(b"{\"a\": 1}")), Timeouts::default()).await;
    let value: serde_json::Value = reply.unwrap().json().await.unwrap();
    assert_eq!(value["a"], 1);

    let bomb = gzip(&vec![b' '; 65 * 1024 * 1024]);
    assert!(bomb.len() < 100 * 1024);
    for (encoding, body) in [("gzip", &bomb[..]), ("gzip", b"no gzip"), ("br", b"{}")] {
        let (_server, reply) = connect(packed(encoding, body), Timeouts::default()).await;
        let error = reply.unwrap().json::<serde_json::Value>().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode, "{error}");
    }
    let (_, error) = stream(packed("gzip", &gzip(b"data: hi\n\n")), Timeouts::default()).await;
    assert!(error.unwrap().message.contains("content encoding `gzip`"));
}

#[tokio::test]
async fn a_finished_reply_leaves_its_connection_fit_for_the_next_call() {
    let server = ScriptedServer::start([Scripted::sse("data: hi\n\ndata: end\n\n")]).await.unwrap();
    let settings = AdapterSettings { base_url: Some(server.url()), ..AdapterSettings::new("p") };
    let connection = Connection::new(&settings, DIALECT).unwrap();
    let cx = CallContext::new(Participant::local("m"));
    let endpoint = connection.endpoint([]);
    for _ in 0..20 {
        let reply = connection.post(&cx, &endpoint, b"{}".to_vec(), Delivery::Stream).await.unwrap();
        let (_, error) = collect(reply.events(Framing::Sse, Echo(false), EventOptions::default())).await;
        assert!(error.is_none());
    }
    assert_eq!(server.requests().len(), 20);
    // The first connection serves every call; one more may open while it is being drained.
    assert!(server.connections() <= 2, "{} connections", server.connections());
}
