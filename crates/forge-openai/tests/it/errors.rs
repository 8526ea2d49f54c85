//! Errors as the vendor sends them.

use std::time::Duration;

use forge_core::{ErrorKind, error::Phase};
use serde_json::{Value, json};

use crate::support::{KEY, NEW, OLD, failure};

fn body(message: &str, r#type: &str, param: Option<&str>, code: Option<&str>) -> String {
    json!({"error": {"message": message, "type": r#type, "param": param, "code": code}}).to_string()
}

#[tokio::test]
async fn a_refused_parameter_is_an_invalid_request_with_and_without_a_code() {
    let message = "Unsupported parameter: 'max_tokens' is not supported with this model.";
    let coded = body(message, "invalid_request_error", Some("max_tokens"), Some("unsupported_parameter"));
    let error = failure(OLD, 400, &[("x-request-id", "req_1")], &coded).await;
    assert_eq!(
        (error.kind, error.phase, error.status),
        (ErrorKind::InvalidRequest, Phase::BeforeOutput, Some(400))
    );
    assert_eq!(error.code.as_deref(), Some("unsupported_parameter"));
    assert_eq!((error.message.as_str(), error.request_id.as_deref()), (message, Some("req_1")));
    assert_eq!(error.model.as_ref().unwrap().as_str(), OLD);
    let uncoded = body(
        "Function tools with reasoning_effort are not supported",
        "invalid_request_error",
        Some("reasoning_effort"),
        None,
    );
    let error = failure(OLD, 400, &[], &uncoded).await;
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (ErrorKind::InvalidRequest, Some("invalid_request_error"))
    );
}

#[tokio::test]
async fn an_orphaned_reasoning_item_is_state_that_is_refused() {
    let message = "Item 'rs_1' of type 'reasoning' was provided without its required following item.";
    let error = failure(NEW, 400, &[], &body(message, "invalid_request_error", Some("input"), None)).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::StateRejected, message));
}

#[tokio::test]
async fn a_bad_key_is_named_without_being_shown() {
    let message = format!("Incorrect API key provided: {KEY}.");
    let mut reply: Value =
        serde_json::from_str(&body(&message, "invalid_request_error", None, Some("invalid_api_key")))
            .unwrap();
    reply["status"] = json!(401);
    let error = failure(NEW, 401, &[], &reply.to_string()).await;
    assert_eq!(error.kind, ErrorKind::Authentication);
    assert!(!format!("{error} {error:?}").contains(KEY));
}

#[tokio::test]
async fn an_unknown_model_is_the_same_with_both_apis() {
    let chat = body(
        "The model 'x' does not exist or you do not have access to it.",
        "invalid_request_error",
        None,
        Some("model_not_found"),
    );
    assert_eq!(failure(OLD, 404, &[], &chat).await.kind, ErrorKind::ModelNotFound);
    let responses = body(
        "The requested model 'x' does not exist.",
        "invalid_request_error",
        Some("model"),
        Some("model_not_found"),
    );
    assert_eq!(failure(NEW, 400, &[], &responses).await.kind, ErrorKind::ModelNotFound);
}

#[tokio::test]
async fn a_rate_limit_comes_with_its_windows() {
    let headers = [
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-limit-tokens", "30000"),
        ("x-ratelimit-remaining-tokens", "-1"),
        ("x-ratelimit-reset-tokens", "6m0s"),
        ("x-ratelimit-reset-project-tokens", "1h"),
        ("retry-after-ms", "1500"),
        ("retry-after", "7"),
    ];
    let error =
        failure(NEW, 429, &headers, &body("Rate limit reached", "tokens", None, Some("rate_limit_exceeded")))
            .await;
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_millis(1500))));
    let limits = error.rate_limit.as_ref().unwrap();
    let observed = limits.observed_at.unwrap();
    let (requests, tokens) = (limits.requests.unwrap(), limits.tokens.unwrap());
    assert_eq!((requests.limit, requests.remaining), (Some(500), Some(0)));
    assert_eq!((requests.reset_at.unwrap() - observed).num_milliseconds(), 120);
    assert_eq!((tokens.limit, tokens.remaining), (Some(30_000), None));
    assert_eq!((tokens.reset_at.unwrap() - observed).num_seconds(), 360);
}

#[tokio::test]
async fn a_spent_quota_is_not_a_rate_limit() {
    for (r#type, code) in [
        ("insufficient_quota", "insufficient_quota"),
        ("invalid_request_error", "credit_balance_exhausted"),
        ("invalid_request_error", "organization_spend_limit_exceeded"),
        ("invalid_request_error", "project_spend_limit_exceeded"),
        ("invalid_request_error", "organization_usage_limit_exceeded"),
    ] {
        let error = failure(OLD, 429, &[("retry-after", "1")], &body("m", r#type, None, Some(code))).await;
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::QuotaExhausted, Some(code)));
    }
}

#[tokio::test]
async fn the_vendors_own_failures_keep_their_waits() {
    let error = failure(OLD, 500, &[], &body("m", "server_error", None, None)).await;
    assert_eq!((error.kind, error.retry_after), (ErrorKind::Server, None));
    let busy = body("m", "service_unavailable_error", None, Some("server_is_overloaded"));
    let error = failure(NEW, 503, &[("retry-after", "180"), ("x-should-retry", "false")], &busy).await;
    assert_eq!((error.kind, error.retry_after), (ErrorKind::Overloaded, Some(Duration::from_secs(180))));
    assert_eq!(error.should_retry, Some(false));
    let page = failure(NEW, 502, &[], "<html><head><title>502 Bad Gateway</title></head></html>").await;
    assert_eq!(page.kind, ErrorKind::Server);
    assert!(page.message.ends_with("502 Bad Gateway"), "{page}");
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_told_apart() {
    let long = body(
        "Your input exceeds the context window of this model.",
        "invalid_request_error",
        Some("input"),
        Some("context_length_exceeded"),
    );
    assert_eq!(failure(NEW, 400, &[], &long).await.kind, ErrorKind::ContextTooLong);
}
