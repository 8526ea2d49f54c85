//! Errors in the place of a reply or chunk.

use forge_http::Failure;

use serde_json::value::RawValue;

use crate::{error, wire::chat_reply::Reply};

/// Whether the value of a field `error` reports one. Servers put empty values there beside an answer.
pub fn reports_error(error: &RawValue) -> bool {
    let text = error.get();
    match text.as_bytes().first() {
        Some(b'{') => text[1..].trim_start() != "}",
        Some(b'"') => text != "\"\"",
        _ => false,
    }
}

/// An error outside of any event: as a field line, or as a reply that is no stream.
pub(super) fn stray_error(line: &str) -> Option<Failure> {
    match line.strip_prefix("error:") {
        Some(error) => Some(error::from_field(error)),
        None => error::inside(line),
    }
}

/// An error in the place of a reply or chunk.
pub(super) fn error_in(reply: &Reply<'_>, body: &str) -> Option<Failure> {
    let flat = || {
        // Beside an answer these fields are remarks.
        reply.choice.is_none()
            && reply.usage.is_none()
            && (reply.detail.is_some()
                || reply.base_resp.is_some()
                || reply.object.as_deref() == Some("error"))
    };
    match reply.error.filter(|error| reports_error(error)) {
        Some(error) => Some(error::from_field(error.get())),
        None if flat() => error::inside(body),
        None => None,
    }
}

pub(super) fn unreadable(body: &str, error: &serde_json::Error) -> Failure {
    if error.is_eof() {
        return Failure::truncated();
    }
    // An error may have fields of other types than a reply has.
    error::inside(body).unwrap_or_else(|| Failure::decode("a reply", error))
}
