//! Chat Completions by the mock of the other benchmarks, with the texts that it has for Anthropic.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpStream},
};

use forge_benches::{DELTAS, serve_with};

pub(crate) fn serve_chat() -> io::Result<SocketAddr> {
    serve_with("127.0.0.1:0", |connection, stream| {
        if stream { send_stream(connection) } else { connection.write_all(unary().as_bytes()) }
    })
}

fn unary() -> String {
    let body = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1794000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_1"}"#;
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// One write for each chunk, as vendors do.
fn send_stream(connection: &mut TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_1\r\n\
        transfer-encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes())?;
    let first = choice(r#"{"role":"assistant","content":"","refusal":null}"#, "null");
    let deltas = (0..DELTAS).map(|at| choice(&format!(r#"{{"content":"word {at} and on"}}"#), "null"));
    let usage = r#""choices":[],"usage":{"prompt_tokens":10,"completion_tokens":99,"total_tokens":109,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;
    let last = [choice("{}", r#""stop""#), chunk(usage), "data: [DONE]\n\n".to_owned()];
    for event in [first].into_iter().chain(deltas).chain(last) {
        write!(connection, "{:x}\r\n{event}\r\n", event.len())?;
    }
    connection.write_all(b"0\r\n\r\n")
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
