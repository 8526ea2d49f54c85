//! A vendor's API from the other side: what a server reads and writes for clients that speak it.
//!
//! An adapter crate says with an [`Ingress`] how requests of its dialect are read and how replies are written; a server
//! finds the route in between. The field names stay in the adapter crate, beside those of the other direction.

pub mod scan;

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use forge_core::{
    ModelProvider, ModelRequest, ModelResponse, ProviderError, StreamEvent,
    request::{Dialect, InvalidBody},
};
use http::{HeaderMap, Uri, request::Parts};
use serde::Serialize;

/// A dialect, as a server speaks it.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "written out by every adapter that has one")]
pub struct Ingress {
    /// Its name.
    pub dialect: Dialect,
    /// The vendor whose dialect it is: fields that only this vendor knows go to it and to no other.
    pub vendor: ModelProvider,
    /// The header in which a reply names the call.
    pub request_id: &'static str,
    /// Looks over a request that can be passed on in the bytes of its client; `None` is one that has to be read.
    pub carry: fn(&Bytes, &Parts, &ReplyHead) -> Result<Option<Incoming>, InvalidBody>,
    /// Reads a request, which may say in its address what others say in their body.
    pub parse: fn(&Bytes, &Uri, &ReplyHead) -> Result<Incoming, InvalidBody>,
    /// Writes how many tokens a prompt has.
    pub count: fn(u64) -> Vec<u8>,
    /// Writes a refusal: the status, and the body in the dialect's form.
    pub refuse: fn(&Refusal<'_>) -> (u16, Vec<u8>),
}

/// What a reply is called before anything of it is there.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "two values that every dialect needs")]
pub struct ReplyHead {
    /// The server's own id of the call, from letters, digits and `-`. Dialects put their prefix before it.
    pub id: String,
    /// When the request came.
    pub created: DateTime<Utc>,
}

/// A request that was read.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "written out by every adapter that has one")]
pub struct Incoming {
    /// What the client calls the model.
    pub model: String,
    /// The request. State in it counts as minted by the dialect's vendor and by the model that the client names.
    pub request: ModelRequest,
    /// The fields on the top level that have no place in a common request. Those that the dialect's vendor takes whichever
    /// way it is called are in its [`extra`](ModelRequest::extra).
    pub unknown: Vec<String>,
    /// Writes the reply to this request.
    pub reply: Box<dyn Render>,
}

/// Writes one reply in a dialect: the events of a stream one by one, or the whole.
pub trait Render: fmt::Debug + Send {
    /// The type of a streamed reply's body.
    fn content_type(&self) -> &'static str {
        "text/event-stream"
    }

    /// The body of a whole reply.
    fn whole(&mut self, reply: &ModelResponse) -> Vec<u8>;

    /// Adds the frames with which a client learns of an event. Events keep the contract of [`StreamEvent`]; after
    /// [`Finished`](StreamEvent::Finished) the stream is complete.
    fn event(&mut self, event: &StreamEvent, out: &mut Vec<u8>);

    /// Adds what tells a client that the reply broke off. Nothing in it may pass for a good end.
    fn failure(&mut self, error: &ProviderError, out: &mut Vec<u8>);

    /// Adds what keeps the connection alive and no client of the dialect takes for content.
    fn keep_alive(&mut self, out: &mut Vec<u8>);
}

/// Why a request is refused before any of a reply is there.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Refusal<'a> {
    /// There is no key, or not one that is known.
    Key,
    /// The key may not use this model.
    ModelDenied(&'a str),
    /// There is no model of this name.
    ModelUnknown(&'a str),
    /// The body is no request, for this reason.
    Body(&'a str),
    /// The body is larger than so many bytes.
    BodyTooLarge(usize),
    /// There is nothing at this address.
    Path(&'a str),
    /// What is at the address takes another method.
    Method,
    /// The call failed.
    Failed(&'a ProviderError),
    /// The server is shutting down.
    Draining,
}

/// Those headers of a request that its vendor is to see.
pub fn carried_headers(headers: &HeaderMap, names: &[&str]) -> Vec<(String, String)> {
    let text = |name: &&str| {
        // A client may send its list in several headers.
        let values: Vec<&str> =
            headers.get_all(*name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| ((*name).to_owned(), values.join(",")))
    };
    names.iter().filter_map(text).collect()
}

/// The JSON text of a body.
pub fn body(value: &impl Serialize) -> Vec<u8> {
    // Texts and numbers always have a form in JSON.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Adds a server-sent event without a name.
pub fn data(value: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    // Texts and numbers always have a form in JSON, and memory takes whatever is written to it.
    let _ = serde_json::to_writer(&mut *out, value);
    out.extend_from_slice(b"\n\n");
}

/// Adds a server-sent event of this name.
pub fn named_data(name: &str, value: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    data(value, out);
}

/// A part of an address with its percent signs resolved. What is no code for a byte, and what would be no text, stays as it is.
///
/// ```
/// assert_eq!(forge_http::ingress::unescaped("role%3Acoder"), "role:coder");
/// assert_eq!(forge_http::ingress::unescaped("100%"), "100%");
/// ```
pub fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let code = rest.get(1..3).filter(|code| *first == b'%' && code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[3..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}
