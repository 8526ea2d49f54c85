//! Errors in the vendor's words become kinds: by code, then by type, then by status, and only as a
//! last resort by text.

use std::fmt::Write as _;

use forge_core::ErrorKind;
use forge_http::{ErrorReply, Failure, kind_of_status};

use crate::wire::error::ErrorBody;

/// Codes and types that say enough by themselves.
const KINDS: &[(&str, ErrorKind)] = &[
    ("insufficient_quota", ErrorKind::QuotaExhausted),
    ("credit_balance_exhausted", ErrorKind::QuotaExhausted),
    ("organization_spend_limit_exceeded", ErrorKind::QuotaExhausted),
    ("project_spend_limit_exceeded", ErrorKind::QuotaExhausted),
    ("organization_usage_limit_exceeded", ErrorKind::QuotaExhausted),
    ("billing_hard_limit_reached", ErrorKind::QuotaExhausted),
    ("billing_not_active", ErrorKind::QuotaExhausted),
    ("context_length_exceeded", ErrorKind::ContextTooLong),
    ("exceed_context_size_error", ErrorKind::ContextTooLong),
    ("model_not_found", ErrorKind::ModelNotFound),
    ("NotFoundError", ErrorKind::ModelNotFound),
    ("invalid_api_key", ErrorKind::Authentication),
    ("authentication_error", ErrorKind::Authentication),
    ("permission_error", ErrorKind::Permission),
    ("unsupported_country_region_territory", ErrorKind::Permission),
    ("data_residency_mismatch", ErrorKind::Permission),
    ("rate_limit_exceeded", ErrorKind::RateLimited),
    ("rate_limit_error", ErrorKind::RateLimited),
    ("requests", ErrorKind::RateLimited),
    ("tokens", ErrorKind::RateLimited),
    ("slow_down", ErrorKind::Overloaded),
    ("server_is_overloaded", ErrorKind::Overloaded),
    ("service_unavailable_error", ErrorKind::Overloaded),
    ("unavailable_error", ErrorKind::Overloaded),
    ("server_error", ErrorKind::Server),
    ("vector_store_timeout", ErrorKind::Server),
    ("content_policy_violation", ErrorKind::ContentFiltered),
    ("content_filter", ErrorKind::ContentFiltered),
    ("invalid_prompt", ErrorKind::ContentFiltered),
    ("bio_policy", ErrorKind::ContentFiltered),
    ("not_supported_error", ErrorKind::Unsupported),
    ("unsupported_parameter", ErrorKind::InvalidRequest),
    ("unsupported_value", ErrorKind::InvalidRequest),
    ("invalid_value", ErrorKind::InvalidRequest),
    ("decimal_above_max_value", ErrorKind::InvalidRequest),
    ("unknown_parameter", ErrorKind::InvalidRequest),
    ("previous_response_not_found", ErrorKind::InvalidRequest),
    ("invalid_encrypted_content", ErrorKind::StateRejected),
];

/// Types that say no more than that something is wrong; the status says more.
const VAGUE: [&str; 2] = ["invalid_request_error", "BadRequestError"];

/// Texts about thoughts that came back without what they belong to, or that cannot be decrypted.
const STATE: [&str; 2] = ["without its required following item", "encrypted content"];

/// Texts of refused prompts that are too long, from servers that give no code for it.
const TOO_LONG: [&str; 5] = [
    "maximum context length",
    "exceeded max context length",
    "context size has been exceeded",
    "exceeds the available context size",
    "greater than the context length",
];

/// Reads an error in any shape that OpenAI and the servers of its dialect send, for
/// [`Dialect::classify`](forge_http::Dialect).
pub fn classify(reply: &ErrorReply<'_>) -> Failure {
    match ErrorBody::read(reply.body) {
        Some(body) => failure(body, Some(reply.status)),
        None => Failure::from_status(reply),
    }
}

/// Reads an error inside a reply that began as a success; `None` if `body` is not an error in JSON.
pub fn inside(body: &[u8]) -> Option<Failure> {
    ErrorBody::read(body).map(|body| failure(body, None))
}

/// Reads the value of an `error` field.
pub(crate) fn from_field(error: &str) -> Failure {
    let whole = format!(r#"{{"error":{error}}}"#);
    inside(whole.as_bytes()).unwrap_or_else(Failure::nameless)
}

fn failure(body: ErrorBody, status: Option<u16>) -> Failure {
    let inner = if status.is_none() { body.status } else { None };
    let kind = kind(&body, status.or(inner));
    let mut message = if body.message.is_empty() { "the error has no text".into() } else { body.message };
    if let Some((prompt, fits)) = body.window {
        let _ = write!(message, " ({prompt} tokens, {fits} fit)");
    }
    Failure { status: inner, code: body.code.or(body.r#type), ..Failure::new(kind, message) }
}

fn kind(body: &ErrorBody, status: Option<u16>) -> ErrorKind {
    let known = |word: &Option<String>| {
        let word = word.as_deref()?;
        KINDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
    };
    let (by_code, by_type) = (known(&body.code), known(&body.r#type));
    if by_type == Some(ErrorKind::QuotaExhausted) {
        return ErrorKind::QuotaExhausted;
    }
    let kind = by_code.or(by_type).unwrap_or_else(|| match status {
        Some(404) => not_found(body),
        Some(status) => kind_of_status(status),
        None if body.r#type.as_deref().is_some_and(|kind| VAGUE.contains(&kind)) => ErrorKind::InvalidRequest,
        None => ErrorKind::Server,
    });
    if kind == ErrorKind::InvalidRequest && STATE.iter().any(|text| body.message.contains(text)) {
        return ErrorKind::StateRejected;
    }
    if kind == ErrorKind::InvalidRequest && TOO_LONG.iter().any(|text| body.message.contains(text)) {
        return ErrorKind::ContextTooLong;
    }
    kind
}

/// A 404 in the vendor's own format: an unknown model, a wrong address, or a reference to something
/// that is not stored.
fn not_found(body: &ErrorBody) -> ErrorKind {
    if body.param.as_deref() == Some("model") || body.message.contains("model") {
        ErrorKind::ModelNotFound
    } else if body.message.starts_with("Invalid URL") || body.code.is_none() && body.param.is_none() {
        ErrorKind::Decode
    } else {
        ErrorKind::InvalidRequest
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn classified(status: u16, body: &str) -> Failure {
        let reply = ErrorReply {
            status,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
            now: chrono::DateTime::UNIX_EPOCH,
        };
        classify(&reply)
    }

    fn kind_of(status: u16, r#type: &str, code: &str) -> ErrorKind {
        let body = serde_json::json!({"error": {
            "message": "words", "type": r#type, "param": null,
            "code": if code.is_empty() { None } else { Some(code) },
        }});
        classified(status, &body.to_string()).kind
    }

    #[test]
    fn each_documented_error_has_its_kind() {
        let request = "invalid_request_error";
        for (status, r#type, code, kind) in [
            (400, request, "unsupported_parameter", ErrorKind::InvalidRequest),
            (400, request, "unsupported_value", ErrorKind::InvalidRequest),
            (400, request, "invalid_value", ErrorKind::InvalidRequest),
            (400, request, "decimal_above_max_value", ErrorKind::InvalidRequest),
            (400, request, "unknown_parameter", ErrorKind::InvalidRequest),
            (400, request, "previous_response_not_found", ErrorKind::InvalidRequest),
            (400, request, "", ErrorKind::InvalidRequest),
            (400, request, "invalid_encrypted_content", ErrorKind::StateRejected),
            (400, request, "context_length_exceeded", ErrorKind::ContextTooLong),
            (400, request, "model_not_found", ErrorKind::ModelNotFound),
            (404, request, "model_not_found", ErrorKind::ModelNotFound),
            (400, request, "content_policy_violation", ErrorKind::ContentFiltered),
            (400, request, "invalid_prompt", ErrorKind::ContentFiltered),
            (401, request, "invalid_api_key", ErrorKind::Authentication),
            (401, request, "", ErrorKind::Authentication),
            (403, "request_forbidden", "unsupported_country_region_territory", ErrorKind::Permission),
            (403, request, "", ErrorKind::Permission),
            (408, request, "", ErrorKind::Timeout),
            (409, request, "", ErrorKind::Server),
            (429, "requests", "rate_limit_exceeded", ErrorKind::RateLimited),
            (429, "tokens", "rate_limit_exceeded", ErrorKind::RateLimited),
            (429, "tokens", "", ErrorKind::RateLimited),
            (429, "BadRequestError", "", ErrorKind::RateLimited),
            (429, request, "slow_down", ErrorKind::Overloaded),
            (429, "insufficient_quota", "insufficient_quota", ErrorKind::QuotaExhausted),
            (429, "insufficient_quota", "", ErrorKind::QuotaExhausted),
            (429, "insufficient_quota", "rate_limit_exceeded", ErrorKind::QuotaExhausted),
            (429, request, "credit_balance_exhausted", ErrorKind::QuotaExhausted),
            (429, request, "organization_spend_limit_exceeded", ErrorKind::QuotaExhausted),
            (429, request, "project_spend_limit_exceeded", ErrorKind::QuotaExhausted),
            (429, request, "organization_usage_limit_exceeded", ErrorKind::QuotaExhausted),
            (500, "server_error", "", ErrorKind::Server),
            (500, "server_error", "server_error", ErrorKind::Server),
            (503, "service_unavailable_error", "server_is_overloaded", ErrorKind::Overloaded),
            (503, "server_error", "slow_down", ErrorKind::Overloaded),
            (503, "anything", "", ErrorKind::Overloaded),
        ] {
            assert_eq!(kind_of(status, r#type, code), kind, "{status} {type} {code}");
        }
    }

    #[test]
    fn the_vendors_words_are_kept() {
        let failure = classified(400, r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#);
        assert_eq!((failure.message.as_str(), failure.code.as_deref()), ("m", Some("c")));
        let without_code = classified(500, r#"{"error":{"message":"m","type":"server_error","code":null}}"#);
        assert_eq!(without_code.code.as_deref(), Some("server_error"));
        assert_eq!(classified(502, "<html><title>Bad Gateway</title></html>").kind, ErrorKind::Server);
    }

    #[test]
    fn a_404_is_told_apart() {
        let kind = |body: &str| classified(404, body).kind;
        assert_eq!(kind(r#"{"error":{"message":"Invalid URL (POST /x)","code":null}}"#), ErrorKind::Decode);
        assert_eq!(kind(r#"{"detail":"Not Found"}"#), ErrorKind::Decode);
        assert_eq!(
            kind(r#"{"error":{"message":"Item 'rs_1' not found.","param":"input","code":null}}"#),
            ErrorKind::InvalidRequest
        );
        assert_eq!(kind(r#"{"error":{"message":"model 'x' not found"}}"#), ErrorKind::ModelNotFound);
        assert_eq!(kind("nginx"), ErrorKind::Decode);
    }

    #[test]
    fn an_error_inside_a_reply_has_its_own_status() {
        let failure = inside(br#"{"error":{"code":400,"message":"bad","type":"invalid_request_error"}}"#);
        let failure = failure.unwrap();
        assert_eq!((failure.kind, failure.status), (ErrorKind::InvalidRequest, Some(400)));
        let vague = from_field(r#"{"message":"m","type":"invalid_request_error"}"#);
        assert_eq!(vague.kind, ErrorKind::InvalidRequest);
        let bare = from_field(r#""something broke""#);
        assert_eq!((bare.kind, bare.message.as_str()), (ErrorKind::Server, "something broke"));
        let long = r#"{"message":"This model's maximum context length is 4096 tokens","code":400}"#;
        assert_eq!(from_field(long).kind, ErrorKind::ContextTooLong);
    }
}
