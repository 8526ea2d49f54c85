//! What the benchmarks share: a vendor that answers as fast as it can.

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
    let listener = TcpListener::bind(address)?;
    let bound = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || {
                // A client that goes away ends its connection, nothing else.
                let _ = answer(connection);
            });
        }
    });
    Ok(bound)
}

fn answer(mut connection: TcpStream) -> io::Result<()> {
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
        if stream {
            send_stream(&mut connection)?;
        } else {
            connection.write_all(unary().as_bytes())?;
        }
    }
}

/// The length of the first request in the bytes, once it is whole.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let head = text.find("\r\n\r\n")? + 4;
    let length: usize = text.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
    (bytes.len() >= head + length).then_some(head + length)
}

/// One write for each event, as vendors do.
fn send_stream(connection: &mut TcpStream) -> io::Result<()> {
    connection.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
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
