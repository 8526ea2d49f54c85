//! Both directions against each other, and against what clients of the field send.

mod any_reply;
mod any_request;
mod hostile;
mod parse;
mod refuse;
mod render;

use bytes::Bytes;
use forge_core::{
    CallContext, ModelProvider, ModelRequest, ModelResponse, Participant, StreamEvent,
    request::{InvalidBody, Opaque},
    stream::Accumulator,
};
use forge_http::{
    Decode, Events, Frame, SseDecoder,
    ingress::{Incoming, Render, ReplyHead},
};
use http::Uri;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::GEMINI;
use crate::stream::Decoder;

const MODEL: &str = "gemini-3.1-pro-preview";

fn address(end: &str) -> Uri {
    format!("/v1beta/models/{MODEL}:{end}").parse().unwrap()
}

fn parse_at(uri: &Uri, body: &[u8]) -> Result<Incoming, InvalidBody> {
    let head = ReplyHead { id: "0197-ab".into(), created: chrono::DateTime::UNIX_EPOCH };
    (GEMINI.parse)(&Bytes::copy_from_slice(body), uri, &head)
}

fn parse(body: &[u8]) -> Result<Incoming, InvalidBody> {
    parse_at(&address("generateContent"), body)
}

fn request(body: &Value) -> ModelRequest {
    parse(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error} in {body}")).request
}

/// Why a body is refused.
fn refused(body: &Value) -> String {
    parse(body.to_string().as_bytes()).map(|read| read.request).unwrap_err().reason
}

/// What writes the reply to a request that ends like this.
fn reply(end: &str) -> Box<dyn Render> {
    let body = json!({"contents": [{"parts": [{"text": "Hi"}]}]});
    parse_at(&address(end), body.to_string().as_bytes()).unwrap().reply
}

const SSE: &str = "streamGenerateContent?alt=sse";
const LIST: &str = "streamGenerateContent";

fn opaque(data: &str) -> Opaque {
    Opaque::new(ModelProvider::Google, MODEL.into(), data)
}

fn words() -> impl Strategy<Value = String> {
    "[a-z\"\\\\é ]{0,12}[a-z]".boxed()
}

/// The reply that the events make, without what is another's name for the same.
fn folded(events: impl IntoIterator<Item = StreamEvent>) -> ModelResponse {
    let mut accumulator = Accumulator::new(&CallContext::new(Participant::gemini_pro()));
    for event in events {
        accumulator.push(event).unwrap();
    }
    let mut response = accumulator.finish().unwrap();
    (response.duration, response.first_token, response.timestamp) = Default::default();
    (response.id, response.raw_stop_reason) = (None, None);
    response
}

fn written(end: &str, events: &[StreamEvent]) -> String {
    let (mut reply, mut out) = (reply(end), Vec::new());
    for event in events {
        reply.event(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

/// The frames of a stream, each with nothing before its data but the prefix that clients look for.
fn frames(stream: &str) -> Vec<Value> {
    let frames = stream.split_terminator("\n\n").filter(|frame| !frame.is_empty());
    frames
        .map(|frame| {
            let data = frame.strip_prefix("data: ").unwrap_or_else(|| panic!("{frame}"));
            serde_json::from_str(data).unwrap()
        })
        .collect()
}

/// What the decoder of the other direction makes of a stream.
fn decoded(stream: &str) -> Events {
    let (mut decoder, mut events) = (Decoder::new(MODEL.into()), Events::new());
    let mut sse = SseDecoder::new();
    sse.push(stream.as_bytes());
    while let Some(frame) = sse.next_frame().unwrap() {
        let Frame::Event { name, data } = frame else { panic!("{frame:?}") };
        let data = std::str::from_utf8(data).unwrap();
        decoder.frame(Frame::Event { name, data }, &mut events).unwrap();
    }
    decoder.end(&mut events).unwrap();
    events
}
