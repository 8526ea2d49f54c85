//! The vendor: answers Messages and Chat Completions from fixed bytes, whole and streamed, and counts what it got.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    time::{Instant, Sleep, sleep_until},
};

/// Text deltas of a long stream.
pub(crate) const DELTAS: usize = 50;
/// What a prompt holds that is answered by a long stream.
pub(crate) const LONG: &str = "Count to fifty";
/// Tokens that every short reply says it took.
pub(crate) const TOKENS: (u64, u64) = (10, 256);

/// Its models, in a form that both dialects understand.
const MODELS: &[u8] = br#"{"object":"list","data":[{"id":"bench","object":"model","created":1794000000,"owned_by":"bench"},{"id":"claude-sonnet-5-5","type":"model","display_name":"Sonnet","created_at":"2026-01-01T00:00:00Z"}],"has_more":false}"#;

/// The vendor, which answers for as long as the runtime lives.
#[derive(Debug)]
pub(crate) struct Mock {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
}

/// What it got, and how it answers.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Requests for an answer, without those of the broken vendor.
    pub(crate) calls: AtomicU64,
    /// Requests that the broken vendor got.
    pub(crate) broken: AtomicU64,
    /// Microseconds before each delta of a long stream but the first.
    pub(crate) pace: AtomicU64,
    /// Microseconds before each reply.
    pub(crate) delay: AtomicU64,
    last: Mutex<Bytes>,
    replies: Replies,
}

impl State {
    /// The body of the newest request.
    pub(crate) fn last(&self) -> Bytes {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Mock {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, state) = (listener.local_addr()?, Arc::new(State::default()));
        let answering = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = Arc::clone(&answering);
                tokio::spawn(async move {
                    let _ = socket.set_nodelay(true);
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    // Who breaks off is counted by nobody.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Ok(Self { address, state })
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Events>, Infallible> {
    let path = request.uri().path().to_owned();
    let chat = path.ends_with("/chat/completions");
    if !chat && !path.ends_with("/messages") {
        // The gateway asks whether its models are there.
        let _ = request.into_body().collect().await;
        return Ok(whole(StatusCode::OK, Bytes::from_static(MODELS)));
    }
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let body = body.unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let streamed = text.contains("\"stream\":true") || text.contains("\"stream\": true");
    let long = text.contains(LONG);
    drop(text);
    *state.last.lock().unwrap_or_else(PoisonError::into_inner) = body;
    let fails = path.starts_with("/broken");
    // Before anything else: who goes away meanwhile has asked all the same.
    let turn = if fails { &state.broken } else { &state.calls }.fetch_add(1, Ordering::Relaxed);
    let delay = state.delay.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_micros(delay)).await;
    }
    let replies = &state.replies;
    if fails {
        return Ok(broken(replies, chat, turn));
    }
    Ok(match (streamed, long) {
        (false, _) => whole(StatusCode::OK, replies.whole[usize::from(chat)].clone()),
        (true, false) => events(&replies.short[usize::from(chat)], 0, None),
        (true, true) => events(&replies.long[usize::from(chat)], state.pace.load(Ordering::Relaxed), None),
    })
}

/// Every kind of failure in turn.
fn broken(replies: &Replies, chat: bool, turn: u64) -> Response<Events> {
    let long = &replies.long[usize::from(chat)];
    let error = Bytes::from_static(br#"{"type":"error","error":{"type":"api_error","message":"broken"}}"#);
    match turn % 6 {
        0 => whole(StatusCode::INTERNAL_SERVER_ERROR, error),
        1 => whole(StatusCode::SERVICE_UNAVAILABLE, error),
        // Before and after the first content.
        2 => events(long, 0, Some(1)),
        3 => events(long, 1_000, Some(20)),
        4 => whole(StatusCode::OK, Bytes::from_static(b"<html>not what was asked for</html>")),
        _ => events(long, 0, Some(0)),
    }
}

fn whole(status: StatusCode, body: Bytes) -> Response<Events> {
    let events = Events { list: Arc::new([body]), at: 0, pace: 0, cut: None, pause: None };
    reply(status, "application/json", events)
}

fn events(list: &Arc<[Bytes]>, pace: u64, cut: Option<usize>) -> Response<Events> {
    let events = Events { list: Arc::clone(list), at: 0, pace, cut, pause: None };
    reply(StatusCode::OK, "text/event-stream", events)
}

fn reply(status: StatusCode, kind: &'static str, events: Events) -> Response<Events> {
    let mut reply = Response::new(events);
    *reply.status_mut() = status;
    reply.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(kind));
    reply
}

/// A reply, event by event.
#[derive(Debug)]
struct Events {
    list: Arc<[Bytes]>,
    at: usize,
    pace: u64,
    /// Where the connection breaks.
    cut: Option<usize>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body for Events {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.cut == Some(self.at) {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        // Beginning, start of the part and the first delta come at once.
        if self.pace > 0 && self.at > 2 && self.at < self.list.len() {
            let until = Instant::now() + Duration::from_micros(self.pace);
            let pause = self.pause.get_or_insert_with(|| Box::pin(sleep_until(until)));
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let event = self.list.get(self.at).cloned();
        self.at += 1;
        Poll::Ready(event.map(|event| Ok(Frame::data(event))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match &*self.list {
            [only] if self.cut.is_none() => http_body::SizeHint::with_exact(only.len() as u64),
            _ => http_body::SizeHint::default(),
        }
    }
}

/// The fixed bytes: those of Messages, then those of Chat Completions.
#[derive(Debug)]
struct Replies {
    whole: [Bytes; 2],
    short: [Arc<[Bytes]>; 2],
    long: [Arc<[Bytes]>; 2],
}

impl Default for Replies {
    fn default() -> Self {
        let (input, output) = TOKENS;
        let message = format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[{{"type":"text","text":"Hello there"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":{input},"output_tokens":{output}}}}}"#
        );
        let chat = format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1794000000,"model":"bench","choices":[{{"index":0,"message":{{"role":"assistant","content":"Hello there","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{}}}}}"#,
            input + output
        );
        let words = || (0..DELTAS).map(|at| format!("word {at} and on"));
        let at_once = |events: Vec<Bytes>| -> Arc<[Bytes]> { Arc::new([events.concat().into()]) };
        Self {
            whole: [message.into(), chat.into()],
            short: [
                at_once(messages(["Hello there".to_owned()])),
                at_once(chunks(["Hello there".to_owned()])),
            ],
            long: [messages(words()).into(), chunks(words()).into()],
        }
    }
}

fn messages(texts: impl IntoIterator<Item = String>) -> Vec<Bytes> {
    let (input, output) = TOKENS;
    let event =
        |name: &str, rest: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n").into();
    let mut events = vec![
        event(
            "message_start",
            &format!(
                r#","message":{{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":{input},"output_tokens":1}}}}"#
            ),
        ),
        event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#),
    ];
    events.extend(texts.into_iter().map(|text| {
        let delta = format!(r#","index":0,"delta":{{"type":"text_delta","text":"{text}"}}"#);
        event("content_block_delta", &delta)
    }));
    let end = format!(
        r#","delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{"output_tokens":{output}}}"#
    );
    events.extend([
        event("content_block_stop", r#","index":0"#),
        event("message_delta", &end),
        event("message_stop", ""),
    ]);
    events
}

fn chunks(texts: impl IntoIterator<Item = String>) -> Vec<Bytes> {
    let (input, output) = TOKENS;
    let chunk = |rest: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1794000000,\"model\":\"bench\",{rest}}}\n\n"
        )
        .into()
    };
    let choice = |delta: &str, end: &str| {
        chunk(&format!(
            r#""choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{end}}}],"usage":null"#
        ))
    };
    let mut events = vec![choice(r#"{"role":"assistant","content":""}"#, "null")];
    events.extend(texts.into_iter().map(|text| choice(&format!(r#"{{"content":"{text}"}}"#), "null")));
    events.push(choice("{}", r#""stop""#));
    events.push(chunk(&format!(
        r#""choices":[],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{}}}"#,
        input + output
    )));
    events.push("data: [DONE]\n\n".into());
    events
}
