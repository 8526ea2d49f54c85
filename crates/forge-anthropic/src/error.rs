//! What the vendor's errors mean.

use chrono::{DateTime, Utc};
use forge_core::{ErrorKind, RateLimitStatus};
use forge_http::{ErrorReply, Failure, hints::RateField};
use http::HeaderMap;

use crate::wire::error::ErrorBody;

/// An error reply, by its type first and its status second.
pub(crate) fn classify(reply: &ErrorReply<'_>) -> Failure {
    match ErrorBody::read(reply.body) {
        Some(error) => from_body(error, forge_http::kind_of_status(reply.status)),
        None => Failure::from_status(reply),
    }
}

/// An error object, from a reply or from a stream.
pub(crate) fn from_body(error: ErrorBody, fallback: ErrorKind) -> Failure {
    let spent = error.details.error_code;
    let (named, message) = (error.r#type.unwrap_or_default(), error.message.unwrap_or_default());
    let kind = match named.as_str() {
        _ if spent.as_deref() == Some("enforced_spend_limit_reached") => ErrorKind::QuotaExhausted,
        // The vendor has no code of its own for this one.
        "invalid_request_error" if message.starts_with("prompt is too long") => ErrorKind::ContextTooLong,
        // Nor for this: signatures of another model, or altered ones.
        "invalid_request_error" if message.contains("signature") && message.contains("thinking") => {
            ErrorKind::StateRejected
        }
        "invalid_request_error" | "request_too_large" => ErrorKind::InvalidRequest,
        "authentication_error" => ErrorKind::Authentication,
        "billing_error" => ErrorKind::QuotaExhausted,
        "permission_error" => ErrorKind::Permission,
        "not_found_error" => ErrorKind::ModelNotFound,
        "rate_limit_error" => ErrorKind::RateLimited,
        "api_error" | "conflict_error" => ErrorKind::Server,
        "timeout_error" => ErrorKind::Timeout,
        "overloaded_error" => ErrorKind::Overloaded,
        _ => fallback,
    };
    let failure = Failure::new(kind, message);
    let code = spent.unwrap_or(named);
    if code.is_empty() { failure } else { failure.with_code(code) }
}

/// The rate limits that stand in every reply's headers:
/// `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`.
pub(crate) fn rate_limits(headers: &HeaderMap, now: DateTime<Utc>) -> RateLimitStatus {
    let mut status = RateLimitStatus::default();
    for (name, value) in headers {
        let Some(rest) = name.as_str().strip_prefix("anthropic-ratelimit-") else { continue };
        let Some((what, word)) = rest.rsplit_once('-') else { continue };
        let window = match what {
            "requests" => &mut status.requests,
            "tokens" => &mut status.tokens,
            "input-tokens" => &mut status.input_tokens,
            "output-tokens" => &mut status.output_tokens,
            _ => continue,
        };
        if let Some(field) = RateField::from_word(word) {
            field.read(value, now, window);
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_decides_before_the_status() {
        let kind = |status, body: &str| {
            let (headers, now) = (HeaderMap::new(), Utc::now());
            classify(&ErrorReply { status, headers: &headers, body: body.as_bytes(), now }).kind
        };
        let body = |name: &str| format!(r#"{{"type":"error","error":{{"type":"{name}","message":"m"}}}}"#);
        for (status, name, expected) in [
            (400, "invalid_request_error", ErrorKind::InvalidRequest),
            (401, "authentication_error", ErrorKind::Authentication),
            (402, "billing_error", ErrorKind::QuotaExhausted),
            (403, "permission_error", ErrorKind::Permission),
            (404, "not_found_error", ErrorKind::ModelNotFound),
            (409, "conflict_error", ErrorKind::Server),
            (413, "request_too_large", ErrorKind::InvalidRequest),
            (429, "rate_limit_error", ErrorKind::RateLimited),
            (500, "api_error", ErrorKind::Server),
            (504, "timeout_error", ErrorKind::Timeout),
            (529, "overloaded_error", ErrorKind::Overloaded),
            (529, "new_error", ErrorKind::Overloaded),
            (418, "new_error", ErrorKind::InvalidRequest),
        ] {
            assert_eq!(kind(status, &body(name)), expected, "{status} {name}");
        }
        let long = r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#;
        assert_eq!(kind(400, long), ErrorKind::ContextTooLong);
        let state = r#"{"error":{"type":"invalid_request_error",
            "message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}"#;
        assert_eq!(kind(400, state), ErrorKind::StateRejected);
        let spent = r#"{"error":{"type":"rate_limit_error","message":"m",
            "details":{"error_code":"enforced_spend_limit_reached"}}}"#;
        assert_eq!(kind(429, spent), ErrorKind::QuotaExhausted);
        assert_eq!(kind(502, "<html><title>Bad Gateway</title></html>"), ErrorKind::Server);
    }
}
