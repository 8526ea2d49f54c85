//! What the vendor's errors mean.

use chrono::{DateTime, Utc};
use std::sync::LazyLock;

use forge_core::{ErrorKind, event::RateLimitStatus};
use forge_http::{ErrorReply, Failure, Meanings, hints::RateField};
use http::HeaderMap;

use crate::wire::error::ErrorBody;

static TABLE: LazyLock<Meanings> =
    LazyLock::new(|| Meanings::from_json(include_str!("../errors.json")).unwrap_or_default());

/// An error reply: by its code, then by its text, then by its type, then by its status.
pub(crate) fn classify(reply: &ErrorReply<'_>) -> Failure {
    let fallback = match reply.status {
        // Servers in between refuse what is too long in words of their own.
        413 => ErrorKind::ContextTooLong,
        status => forge_http::kind_of_status(status),
    };
    match ErrorBody::read(reply.body) {
        Some(error) => from_body(error, fallback),
        None => {
            let failure = Failure::from_status(reply);
            let kind = TABLE.find("", "", &failure.message).unwrap_or(fallback);
            Failure { kind, ..failure }
        }
    }
}

/// An error object, from a reply or from a stream.
pub(crate) fn from_body(error: ErrorBody, fallback: ErrorKind) -> Failure {
    let code = error.details.error_code.unwrap_or_default();
    let (named, message) = (error.r#type.unwrap_or_default(), error.message.unwrap_or_default());
    // The body goes before the status: one status stands for a full minute and for a spent month (429), and
    // the two lead to opposite advice.
    let kind = TABLE.find(&code, &named, &message).unwrap_or(fallback);
    let failure = Failure::new(kind, message);
    // `error_code` says more than `type`: `enforced_spend_limit_reached` comes with a status of 429 like any
    // rate limit, and waiting does not help against it.
    let code = if code.is_empty() { named } else { code };
    if code.is_empty() { failure } else { failure.with_code(code) }
}

/// The rate limits that stand in every reply's headers:
/// `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`.
pub(crate) fn rate_limits(headers: &HeaderMap, now: DateTime<Utc>) -> RateLimitStatus {
    let mut status = RateLimitStatus::default();
    for (name, value) in headers {
        let Some(rest) = name.as_str().strip_prefix("anthropic-ratelimit-") else { continue };
        // From the right, because the class itself holds a dash (`input-tokens`).
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
    fn every_row_can_be_read_and_says_where_it_comes_from() {
        let table = Meanings::from_json(include_str!("../errors.json")).unwrap();
        assert_eq!(table.fault(), None);
    }

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
            (413, "request_too_large", ErrorKind::ContextTooLong),
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

    #[test]
    fn texts_and_codes_decide_where_the_type_says_too_little() {
        use ErrorKind as Kind;
        let kind = |status, name: &str, code: Option<&str>, text: &str| {
            let body = serde_json::json!({"type": "error",
                "error": {"type": name, "message": text, "details": {"error_code": code}}});
            let (headers, now) = (HeaderMap::new(), Utc::now());
            let body = body.to_string();
            classify(&ErrorReply { status, headers: &headers, body: body.as_bytes(), now }).kind
        };
        let wrong = "invalid_request_error";
        for (text, expected) in [
            (
                "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
                Kind::QuotaExhausted,
            ),
            (
                "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
                Kind::QuotaExhausted,
            ),
            ("You have reached your specified workspace API usage limits.", Kind::QuotaExhausted),
            ("You're out of extra usage. Add more and keep going.", Kind::QuotaExhausted),
            ("Insufficient Balance", Kind::QuotaExhausted),
            ("This organization has been disabled. An organization admin can appeal.", Kind::Permission),
            ("prompt is too long: 209000 tokens > 200000 maximum", Kind::ContextTooLong),
            (
                "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
                Kind::ContextTooLong,
            ),
            ("Request exceeds the maximum size", Kind::ContextTooLong),
            ("Input is too long for requested model.", Kind::ContextTooLong),
            ("This model's maximum context length is 131072 tokens.", Kind::ContextTooLong),
            ("context window exceeds limit (2013)", Kind::ContextTooLong),
            ("Your request exceeded model token limit: 262144 (requested: 291351)", Kind::ContextTooLong),
            ("Prompt exceeds max length", Kind::ContextTooLong),
            ("the request exceeds the available context size, try increasing it", Kind::ContextTooLong),
            ("the input length exceeds the context length", Kind::ContextTooLong),
            (
                "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
                Kind::ContextTooLong,
            ),
            ("Range of input length should be [1, 30000]", Kind::ContextTooLong),
            ("prompt token count of 5000 exceeds the limit of 4096", Kind::ContextTooLong),
            ("Trying to keep the first 9 tokens when context the overflows.", Kind::ContextTooLong),
            ("Output blocked by content filtering policy", Kind::ContentFiltered),
            ("messages.1.content.0: Invalid `signature` in `thinking` block", Kind::StateRejected),
            (
                "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
                Kind::StateRejected,
            ),
            ("messages.1.content.0: Invalid `data` in `redacted_thinking` block", Kind::StateRejected),
            (
                "max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens",
                Kind::InvalidRequest,
            ),
            ("temperature: range: 0..1", Kind::InvalidRequest),
            ("messages: text content blocks must contain non-whitespace text", Kind::InvalidRequest),
        ] {
            assert_eq!(kind(400, wrong, None, text), expected, "{text}");
        }
        for (status, name, code, expected) in [
            (429, "rate_limit_error", "enforced_spend_limit_reached", Kind::QuotaExhausted),
            (429, "rate_limit_error", "contract_spend_limit_reached", Kind::QuotaExhausted),
            (400, wrong, "workspace_spend_limit_reached", Kind::QuotaExhausted),
            (400, wrong, "organization_on_hold", Kind::Permission),
            (400, wrong, "compaction_unavailable", Kind::Server),
            (400, wrong, "something_new", Kind::InvalidRequest),
            (429, "exceeded_current_quota_error", "", Kind::QuotaExhausted),
            (413, "", "", Kind::ContextTooLong),
        ] {
            assert_eq!(kind(status, name, Some(code), "m"), expected, "{code}");
        }
        assert_eq!(kind(500, "api_error", None, "Overloaded"), Kind::Overloaded);
        let limits = "You have reached your specified API usage limits.";
        assert_eq!(kind(429, "rate_limit_error", None, limits), Kind::QuotaExhausted);
        let (headers, now) = (HeaderMap::new(), Utc::now());
        for (status, body, expected) in [
            (413, "<html><title>413 Request Entity Too Large</title></html>", Kind::ContextTooLong),
            (400, "the request exceeds the available context size", Kind::ContextTooLong),
            (400, r#"{"error":"prompt is too long"}"#, Kind::ContextTooLong),
        ] {
            let reply = ErrorReply { status, headers: &headers, body: body.as_bytes(), now };
            assert_eq!(classify(&reply).kind, expected, "{body}");
        }
    }
}
