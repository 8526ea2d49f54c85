//! Replies that are there at once.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::reply_body::ReplyBody;

pub(crate) type Reply = Response<ReplyBody>;

pub(crate) fn body(status: StatusCode, kind: &'static str, text: impl Into<ReplyBody>) -> Reply {
    let mut reply = Response::new(text.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

pub(crate) fn json(status: StatusCode, value: &Value) -> Reply {
    body(status, "application/json", value.to_string().into_bytes())
}

/// A refusal at an address that belongs to no dialect, or before a dialect is spoken.
pub(crate) fn refusal(status: StatusCode, message: &str) -> Reply {
    json(status, &json!({"error": {"type": "invalid_request_error", "message": message}}))
}

/// Sets a header; a value that no header can carry is left out, as a vendor's word may be anything.
pub(crate) fn insert(reply: &mut Reply, name: &'static str, value: &str) {
    if let Some(value) = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()) {
        reply.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
