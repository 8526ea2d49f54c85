//! Both directions against each other, and against what clients of the field send.

mod any_reply;
mod any_request;
mod chat_parse;
mod chat_render;
mod hostile;
mod refuse;
mod responses_parse;
mod responses_render;
mod stored;

use bytes::Bytes;
use chrono::DateTime;
use forge_core::{
    CallContext, ModelRequest, ModelResponse, Participant, StreamEvent, request::InvalidBody,
    stream::Accumulator,
};
use forge_http::{
    Decode, Events, Frame, SseDecoder,
    ingress::{Incoming, Ingress, Render, ReplyHead},
};
use http::Uri;
use serde_json::Value;

fn head() -> ReplyHead {
    ReplyHead { id: "0197-ab".into(), created: DateTime::from_timestamp(1_700_000_000, 0).unwrap() }
}

fn parse(ingress: &Ingress, body: &[u8]) -> Result<Incoming, InvalidBody> {
    (ingress.parse)(&Bytes::copy_from_slice(body), &Uri::from_static("/"), &head())
}

fn read(ingress: &Ingress, body: &Value) -> Incoming {
    parse(ingress, body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error} in {body}"))
}

fn request(ingress: &Ingress, body: &Value) -> ModelRequest {
    read(ingress, body).request
}

/// Why a body is refused.
fn refused(ingress: &Ingress, body: &Value) -> String {
    parse(ingress, body.to_string().as_bytes()).map(|read| read.request).unwrap_err().reason
}

/// The reply that the events make.
fn folded(events: impl IntoIterator<Item = StreamEvent>) -> ModelResponse {
    let mut accumulator = Accumulator::new(&CallContext::new(Participant::gpt()));
    for event in events {
        accumulator.push(event).unwrap();
    }
    accumulator.finish().unwrap()
}

fn written(reply: &mut dyn Render, events: &[StreamEvent]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        reply.event(event, &mut out);
    }
    out
}

/// The frames of a stream: name and data.
fn frames(stream: &[u8]) -> Vec<(String, String)> {
    let mut decoder = SseDecoder::new();
    decoder.push(stream);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next_frame().unwrap() {
        let Frame::Event { name, data } = frame else { panic!("{frame:?}") };
        frames.push((name.to_owned(), std::str::from_utf8(data).unwrap().to_owned()));
    }
    frames
}

/// The data of all frames that are JSON.
fn values(stream: &[u8]) -> Vec<Value> {
    frames(stream).iter().filter_map(|(_, data)| serde_json::from_str(data).ok()).collect()
}

/// What a client's decoder makes of a stream.
fn decoded(mut decoder: impl Decode, stream: &[u8]) -> ModelResponse {
    let mut events = Events::new();
    for (name, data) in frames(stream) {
        decoder.frame(Frame::Event { name: &name, data: &*data }, &mut events).unwrap();
    }
    folded(events)
}
