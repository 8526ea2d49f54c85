//! Both vendors by the mock of the other benchmarks, with the texts that it has for Anthropic.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use forge_benches::{DELTAS, events, serve_with};

/// Between the events of a paced stream: longer than any of the libraries takes for one of them under callgrind, so
/// that no two arrive together.
const PAUSE: Duration = Duration::from_millis(10);

/// How many addresses there are.
pub(crate) const ADDRESSES: usize = 4;

/// Chat Completions, Messages, and both again with paced streams.
pub(crate) fn serve_all() -> io::Result<[SocketAddr; ADDRESSES]> {
    let mut messages = events(DELTAS);
    messages.iter_mut().for_each(chunked);
    let mut chat = chunks();
    chat.iter_mut().for_each(chunked);
    Ok([
        serve("x-request-id", CHAT, chat.clone(), None)?,
        serve("request-id", MESSAGE, messages.clone(), None)?,
        serve("x-request-id", CHAT, chat, Some(PAUSE))?,
        serve("request-id", MESSAGE, messages, Some(PAUSE))?,
    ])
}

fn serve(
    request_id: &str,
    body: &str,
    events: Vec<String>,
    pause: Option<Duration>,
) -> io::Result<SocketAddr> {
    let head = |kind: &str, size: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{request_id}: req_1\r\n{size}\r\n\r\n")
    };
    let whole = head("application/json", &format!("content-length: {}", body.len())) + body;
    let head = head("text/event-stream", "transfer-encoding: chunked");
    serve_with("127.0.0.1:0", move |connection, stream| {
        if stream { send(connection, &head, &events, pause) } else { connection.write_all(whole.as_bytes()) }
    })
}

/// One write for each event, as vendors do.
#[expect(
    clippy::disallowed_methods,
    reason = "a connection of the mock has a thread of its own and no runtime"
)]
fn send(
    connection: &mut TcpStream,
    head: &str,
    events: &[String],
    pause: Option<Duration>,
) -> io::Result<()> {
    connection.write_all(head.as_bytes())?;
    for event in events {
        if let Some(pause) = pause {
            thread::sleep(pause);
        }
        connection.write_all(event.as_bytes())?;
    }
    connection.write_all(b"0\r\n\r\n")
}

fn chunked(event: &mut String) {
    *event = format!("{:x}\r\n{event}\r\n", event.len());
}

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[{"type":"text","text":"Hello there"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":3}}"#;

const CHAT: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1794000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_1"}"#;

const CHAT_USAGE: &str = r#""choices":[],"usage":{"prompt_tokens":10,"completion_tokens":99,"total_tokens":109,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;

/// The events of a streamed chat completion.
fn chunks() -> Vec<String> {
    let mut chunks = vec![choice(r#"{"role":"assistant","content":"","refusal":null}"#, "null")];
    chunks.extend((0..DELTAS).map(|at| choice(&format!(r#"{{"content":"word {at} and on"}}"#), "null")));
    chunks.extend([choice("{}", r#""stop""#), chunk(CHAT_USAGE), "data: [DONE]\n\n".to_owned()]);
    chunks
}

fn choice(delta: &str, finish_reason: &str) -> String {
    chunk(&format!(
        r#""choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish_reason}}}],"usage":null,"obfuscation":"aB3dE6""#
    ))
}

fn chunk(fields: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1794000000,\
         \"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_1\",\
         {fields}}}\n\n"
    )
}
