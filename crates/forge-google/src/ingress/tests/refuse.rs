//! Refusals, as the vendor writes them.

use std::time::Duration;

use forge_core::{ErrorKind, ProviderError};
use forge_http::{ErrorReply, ingress::Refusal};
use http::HeaderMap;
use serde_json::{Value, json};

use super::GEMINI;
use crate::error::classify;

fn refuse(refusal: &Refusal<'_>) -> (u16, Value) {
    let (status, body) = (GEMINI.refuse)(refusal);
    let body: Value = serde_json::from_slice(&body).unwrap();
    if status != 200 {
        assert_eq!(body["error"]["code"], status, "{body}");
        assert!(body["error"]["message"].is_string(), "{body}");
    }
    (status, body["error"].clone())
}

/// What a client of this very workspace makes of it.
fn kind(refusal: &Refusal<'_>) -> ErrorKind {
    let (status, body) = (GEMINI.refuse)(refusal);
    let (headers, now) = (HeaderMap::new(), chrono::DateTime::UNIX_EPOCH);
    classify(&ErrorReply { status, headers: &headers, body: &body, now }).kind
}

#[test]
fn refusals_have_the_vendors_form() {
    for (refusal, code, status, read) in [
        (Refusal::Key, 400, "INVALID_ARGUMENT", ErrorKind::Authentication),
        (Refusal::ModelDenied("m"), 403, "PERMISSION_DENIED", ErrorKind::Permission),
        (Refusal::ModelUnknown("m"), 404, "NOT_FOUND", ErrorKind::ModelNotFound),
        (Refusal::Body("contents: is missing"), 400, "INVALID_ARGUMENT", ErrorKind::InvalidRequest),
        (Refusal::BodyTooLarge(9), 413, "INVALID_ARGUMENT", ErrorKind::ContextTooLong),
        (Refusal::Path("/x"), 404, "NOT_FOUND", ErrorKind::ModelNotFound),
        (Refusal::Draining, 503, "UNAVAILABLE", ErrorKind::Overloaded),
    ] {
        let (found, error) = refuse(&refusal);
        assert_eq!((found, error["status"].as_str().unwrap()), (code, status), "{error}");
        assert_eq!(kind(&refusal), read, "{error}");
    }
    let info = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]);
    assert_eq!(refuse(&Refusal::Key).1["details"], info);
}

#[test]
fn failures_are_told_by_their_kind_and_nothing_of_the_servers_own_keys() {
    let failed = |kind| ProviderError::new(kind, "p", "key sk-1 of org 7 was refused");
    for (kind, code, status) in [
        (ErrorKind::InvalidRequest, 400, "INVALID_ARGUMENT"),
        (ErrorKind::ContextTooLong, 400, "INVALID_ARGUMENT"),
        (ErrorKind::ModelNotFound, 404, "NOT_FOUND"),
        (ErrorKind::RateLimited, 429, "RESOURCE_EXHAUSTED"),
        (ErrorKind::BudgetExceeded, 429, "RESOURCE_EXHAUSTED"),
        (ErrorKind::Cancelled, 499, "CANCELLED"),
        (ErrorKind::Server, 502, "INTERNAL"),
        (ErrorKind::Truncated, 502, "INTERNAL"),
        (ErrorKind::Authentication, 503, "UNAVAILABLE"),
        (ErrorKind::QuotaExhausted, 503, "UNAVAILABLE"),
        (ErrorKind::Overloaded, 503, "UNAVAILABLE"),
        (ErrorKind::CircuitOpen, 503, "UNAVAILABLE"),
        (ErrorKind::Timeout, 504, "DEADLINE_EXCEEDED"),
    ] {
        let error = failed(kind);
        let (found, told) = refuse(&Refusal::Failed(&error));
        assert_eq!((found, told["status"].as_str().unwrap()), (code, status), "{kind:?}");
        let is_own = matches!(kind, ErrorKind::Authentication | ErrorKind::QuotaExhausted);
        assert_eq!(told["message"].as_str().unwrap().contains("sk-1"), !is_own, "{kind:?}");
    }
    let long = ProviderError::new(ErrorKind::ContextTooLong, "p", "prompt is too long: 5 tokens > 4 maximum");
    assert_eq!(kind(&Refusal::Failed(&long)), ErrorKind::ContextTooLong);
}

#[test]
fn a_wait_is_told_where_waiting_helps() {
    let limited = ProviderError::new(ErrorKind::RateLimited, "p", "slow down")
        .with(|facts| facts.retry_after = Some(Duration::from_millis(6_500)));
    let retry = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "6.5s"}]);
    assert_eq!(refuse(&Refusal::Failed(&limited)).1["details"], retry);
    let spent = ProviderError::new(ErrorKind::BudgetExceeded, "p", "spent")
        .with(|facts| facts.retry_after = Some(Duration::from_secs(60)));
    let details = refuse(&Refusal::Failed(&spent)).1["details"].to_string();
    assert!(details.contains("QuotaFailure") && !details.contains("RetryInfo"), "{details}");
    assert_eq!(kind(&Refusal::Failed(&spent)), ErrorKind::QuotaExhausted);
}

#[test]
fn a_prompt_that_was_declined_is_no_error() {
    for (kind, code, reason) in [
        (ErrorKind::ContentFiltered, Some("PROHIBITED_CONTENT"), "PROHIBITED_CONTENT"),
        (ErrorKind::ContentFiltered, Some("content_policy_violation"), "SAFETY"),
        (ErrorKind::Refusal, None, "SAFETY"),
    ] {
        let error = ProviderError::new(kind, "p", "no").with(|facts| facts.code = code.map(str::to_owned));
        let (status, body) = (GEMINI.refuse)(&Refusal::Failed(&error));
        let body: Value = serde_json::from_slice(&body).unwrap();
        let expected = json!({"promptFeedback": {"blockReason": reason, "blockReasonMessage": "no"}});
        assert_eq!((status, body), (200, expected), "{kind:?}");
    }
}
