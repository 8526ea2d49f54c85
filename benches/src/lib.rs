//! What the benchmarks share: a vendor that answers as fast as it can, and a council over a world that knows the truth.

pub mod council;
pub mod doors;
pub mod measure;
pub mod script;

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// Text deltas in the mock's stream.
pub const DELTAS: usize = 50;

/// Serves Anthropic replies on `address` until the process ends: a stream of [`DELTAS`] text deltas if
/// the request asks for one, else one small reply. Returns the address it listens on.
pub fn serve(address: &str) -> io::Result<SocketAddr> {
    serve_with(address, |connection, stream| {
        if stream { send_stream(connection) } else { connection.write_all(unary().as_bytes()) }
    })
}

/// Serves Anthropic streams of this many text deltas, each in one write.
pub fn serve_stream(address: &str, deltas: usize) -> io::Result<SocketAddr> {
    let body = events(deltas).concat();
    let reply = format!("{STREAM_HEAD}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    serve_with(address, move |connection, _| connection.write_all(reply.as_bytes()))
}

/// Serves what `reply` writes for each request; it is told whether the request asks for a stream.
pub fn serve_with(
    address: &str,
    reply: impl Fn(&mut TcpStream, bool) -> io::Result<()> + Clone + Send + 'static,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let bound = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let reply = reply.clone();
            thread::spawn(move || {
                // A client that goes away ends its connection, nothing else.
                let _ = answer(connection, &reply);
            });
        }
    });
    Ok(bound)
}

fn answer(
    mut connection: TcpStream,
    reply: &impl Fn(&mut TcpStream, bool) -> io::Result<()>,
) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let read = connection.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..read]);
        let Some(length) = whole_request(&request) else { continue };
        let stream = request.windows(13).any(|window| window == b"\"stream\":true");
        request.drain(..length);
        reply(&mut connection, stream)?;
    }
}

/// The length of the first request in the bytes, once it is whole.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let head = text.find("\r\n\r\n")? + 4;
    let length: usize = text.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
    (bytes.len() >= head + length).then_some(head + length)
}

const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\n\
    transfer-encoding: chunked\r\n\r\n";

/// One write for each event, as vendors do.
fn send_stream(connection: &mut TcpStream) -> io::Result<()> {
    connection.write_all(STREAM_HEAD.as_bytes())?;
    for event in events(DELTAS) {
        write!(connection, "{:x}\r\n{event}\r\n", event.len())?;
    }
    connection.write_all(b"0\r\n\r\n")
}

fn unary() -> String {
    let body = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[{"type":"text","text":"Hello there"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":3}}"#;
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The events of a stream with this many text deltas, in the shape of recorded ones.
pub fn events(deltas: usize) -> Vec<String> {
    let mut events = vec![
        event(
            "message_start",
            r#""message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}"#,
        ),
        event("content_block_start", r#""index":0,"content_block":{"type":"text","text":""}"#),
    ];
    events.extend((0..deltas).map(|at| {
        let delta = format!(r#""index":0,"delta":{{"type":"text_delta","text":"word {at} and on"}}"#);
        event("content_block_delta", &delta)
    }));
    events.extend([
        event("content_block_stop", r#""index":0"#),
        event(
            "message_delta",
            r#""delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":99}"#,
        ),
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".to_owned(),
    ]);
    events
}

fn event(name: &str, fields: &str) -> String {
    format!("event: {name}\ndata: {{\"type\":\"{name}\",{fields}}}\n\n")
}

/// A stream of chat completion chunks, in the shape of recorded ones.
pub fn chat_chunks(deltas: usize) -> String {
    let chunks = (0..deltas).map(|at| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1794000000,\
             \"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_1\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"word {at}\"}},\"logprobs\":null,\
             \"finish_reason\":null}}],\"usage\":null,\"obfuscation\":\"aB3dE6\"}}\n\n"
        )
    });
    chunks.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

/// A stream of generateContent frames, in the shape of recorded ones.
pub fn gemini_frames(deltas: usize) -> String {
    let frame = |at: usize| {
        format!(
            "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"word {at}\"}}],\"role\": \"model\"}},\
             \"index\": 0}}],\"usageMetadata\": {{\"promptTokenCount\": 9,\"candidatesTokenCount\": {at},\
             \"totalTokenCount\": 9}},\"modelVersion\": \"gemini-3.8-flash\",\"responseId\": \"r1\"}}\r\n\r\n"
        )
    };
    (0..deltas).map(frame).collect()
}
