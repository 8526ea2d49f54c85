//! What a vendor said about a failure, before it is known whose call it was.

use std::time::Duration;

use chrono::{DateTime, Utc};
use forge_core::ErrorKind;
use http::HeaderMap;

/// An error reply, as [`Dialect::classify`](crate::Dialect::classify) gets it.
#[derive(Debug, Clone, Copy)]
pub struct ErrorReply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, cut at 64 KiB.
    pub body: &'a [u8],
    /// When it came; waits that are told as times count from here.
    pub now: DateTime<Utc>,
}

/// What went wrong, in the vendor's words and in ours. The connection adds whose call it was, removes
/// credentials and caps the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What routing acts on.
    pub kind: ErrorKind,
    /// The HTTP status, if it is not that of the reply (an error inside a 200).
    pub status: Option<u16>,
    /// The vendor's code or type.
    pub code: Option<String>,
    /// The vendor's message, or ours.
    pub message: String,
    /// The shortest wait, where the body names one; `None` leaves it to the headers.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with a message and nothing else.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, status: None, code: None, message: message.into(), retry_after: None }
    }

    /// The same failure with the vendor's code.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// A reply that cannot be understood: [`ErrorKind::Decode`], with what was read and the reader's own
    /// words.
    pub fn decode(what: &str, error: &serde_json::Error) -> Self {
        Self::new(ErrorKind::Decode, format!("{what} is not what this API sends: {error}"))
    }

    /// A reply that ended too early: [`ErrorKind::Truncated`]. It is never a short success.
    pub fn truncated() -> Self {
        Self::new(ErrorKind::Truncated, "the reply ended before the vendor said that it was complete")
    }

    /// A failure that the vendor reports and does not explain: [`ErrorKind::Server`].
    pub fn nameless() -> Self {
        Self::new(ErrorKind::Server, "the vendor reported a failure without details")
    }

    /// What can be said of an error reply whose body says nothing that the vendor's own format has.
    pub fn from_status(reply: &ErrorReply<'_>) -> Self {
        Self::new(kind_of_status(reply.status), readable(reply.body))
    }
}

/// What an HTTP status means where the body does not say more.
///
/// A 404 without a vendor's error body is most likely a wrong base URL, hence
/// [`ErrorKind::Decode`].
pub fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Authentication,
        402 => ErrorKind::QuotaExhausted,
        403 => ErrorKind::Permission,
        404 | 405 => ErrorKind::Decode,
        408 => ErrorKind::Timeout,
        // The mildest reading: a spent quota comes with the same status, but only the body can say so.
        429 => ErrorKind::RateLimited,
        // 529 is no standard status; vendors use it for themselves being overloaded.
        503 | 529 => ErrorKind::Overloaded,
        // Conflicts, and calls that the server itself dropped (499), may pass with the next attempt.
        409 | 499 | 500.. => ErrorKind::Server,
        _ => ErrorKind::InvalidRequest,
    }
}

/// Whether the body is a page for people.
pub(crate) fn is_web_page(body: &[u8]) -> bool {
    let begin = body.trim_ascii_start();
    let begins = |tag: &[u8]| begin.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag));
    begins(b"<!doctype") || begins(b"<html")
}

/// A short text for people from a body that is not in the vendor's format: plain text as it is, the
/// title of a web page, or its size.
pub fn readable(body: &[u8]) -> String {
    // The title of a page stands at its beginning, and a longer text is cut later anyway.
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let text = text.trim();
    if text.is_empty() {
        return "the reply has no text".into();
    }
    // ASCII alone changes its case, so that places in one text are places in the other.
    let lower = text.to_ascii_lowercase();
    if is_web_page(text.as_bytes()) {
        let title = lower.find("<title>").and_then(|at| {
            let rest = &text[at + "<title>".len()..];
            rest.split('<').next().map(str::trim).filter(|title| !title.is_empty())
        });
        return format!(
            "the server sent a web page instead of JSON{}",
            title.map(|title| format!(": {title}")).unwrap_or_default()
        );
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_told_by_its_title() {
        let page = b"<!DOCTYPE html>\n<html><head><TITLE>502 Bad Gateway</TITLE></head></html>";
        assert_eq!(readable(page), "the server sent a web page instead of JSON: 502 Bad Gateway");
        assert_eq!(readable(b" no  healthy\nupstream "), "no healthy upstream");
        assert_eq!(readable(b""), "the reply has no text");
    }

    #[test]
    fn each_status_has_its_kind() {
        let kinds = [
            (400, ErrorKind::InvalidRequest),
            (401, ErrorKind::Authentication),
            (402, ErrorKind::QuotaExhausted),
            (403, ErrorKind::Permission),
            (404, ErrorKind::Decode),
            (408, ErrorKind::Timeout),
            (409, ErrorKind::Server),
            (413, ErrorKind::InvalidRequest),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Server),
            (503, ErrorKind::Overloaded),
            (529, ErrorKind::Overloaded),
        ];
        for (status, kind) in kinds {
            assert_eq!(kind_of_status(status), kind, "{status}");
        }
    }
}
