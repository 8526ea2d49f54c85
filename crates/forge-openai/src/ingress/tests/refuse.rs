use forge_core::{ErrorKind, ProviderError};
use forge_http::{ErrorReply, ingress::Refusal};
use serde_json::Value;

use super::super::{CHAT, RESPONSES};
use crate::classify;

fn told(refusal: &Refusal<'_>) -> (u16, Value) {
    let (status, body) = (CHAT.refuse)(refusal);
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn each_refusal_has_its_status_type_and_code() {
    let silent = ProviderError::new(ErrorKind::Server, "p", "");
    assert_eq!(told(&Refusal::Failed(&silent)).1["error"]["message"], ErrorKind::Server.describe());
    let null = "null";
    for (refusal, status, kind, code, said) in [
        (Refusal::Key, 401, "invalid_request_error", "invalid_api_key", "API key"),
        (Refusal::ModelDenied("x"), 403, "permission_error", "model_not_allowed", "`x`"),
        (Refusal::ModelUnknown("x"), 404, "invalid_request_error", "model_not_found", "`x`"),
        (Refusal::Body("`n` has to be 1"), 400, "invalid_request_error", null, "`n` has to be 1"),
        (Refusal::BodyTooLarge(9), 413, "invalid_request_error", "request_too_large", "9 bytes"),
        (Refusal::Path("GET /x"), 404, "invalid_request_error", "unknown_url", "(GET /x)"),
        (Refusal::Draining, 503, "service_unavailable_error", "server_is_overloaded", "shutting down"),
    ] {
        let (is, body) = told(&refusal);
        let error = &body["error"];
        assert_eq!((is, error["type"].as_str()), (status, Some(kind)), "{refusal:?}");
        assert_eq!(
            (error["code"].as_str().unwrap_or(null), &error["param"]),
            (code, &Value::Null),
            "{refusal:?}"
        );
        assert!(error["message"].as_str().unwrap().contains(said), "{body}");
    }
    assert_eq!((RESPONSES.refuse)(&Refusal::ModelUnknown("x")).0, 400);
}

#[test]
fn each_failure_has_its_status_type_and_code() {
    use ErrorKind as K;
    let request = "invalid_request_error";
    for (kind, status, r#type, code) in [
        (K::InvalidRequest, 400, request, "vendors_own"),
        (K::Unsupported, 400, request, "vendors_own"),
        (K::StateRejected, 400, request, "invalid_encrypted_content"),
        (K::ContextTooLong, 400, request, "context_length_exceeded"),
        (K::ContentFiltered, 400, request, "content_policy_violation"),
        (K::Refusal, 400, request, "content_policy_violation"),
        (K::ModelNotFound, 404, request, "model_not_found"),
        (K::RateLimited, 429, "rate_limit_error", "rate_limit_exceeded"),
        (K::BudgetExceeded, 429, "insufficient_quota", "insufficient_quota"),
        (K::Authentication, 502, "server_error", "upstream_credential"),
        (K::Permission, 502, "server_error", "upstream_credential"),
        (K::QuotaExhausted, 502, "server_error", "upstream_credential"),
        (K::Overloaded, 503, "service_unavailable_error", "server_is_overloaded"),
        (K::CircuitOpen, 503, "service_unavailable_error", "server_is_overloaded"),
        (K::Timeout, 504, "server_error", "timeout"),
        (K::Cancelled, 499, "server_error", "cancelled"),
        (K::Server, 502, "server_error", "server_error"),
        (K::Transport, 502, "server_error", "server_error"),
        (K::Truncated, 502, "server_error", "server_error"),
        (K::Decode, 502, "server_error", "server_error"),
        (K::Empty, 502, "server_error", "server_error"),
        (K::Malformed, 502, "server_error", "server_error"),
    ] {
        let error = ProviderError::new(kind, "claude", "the vendor's words")
            .with(|facts| facts.code = Some("vendors_own".into()));
        let (is, body) = told(&Refusal::Failed(&error));
        let said = &body["error"];
        assert_eq!(
            (is, said["type"].as_str(), said["code"].as_str()),
            (status, Some(r#type), Some(code)),
            "{kind:?}"
        );
        let is_ours = code == "upstream_credential";
        assert_eq!(said["message"].as_str().unwrap().contains("words"), !is_ours, "{kind:?}");
        assert!(!body.to_string().contains("claude"), "{body}");
    }
}

#[test]
fn a_client_of_the_dialect_learns_the_kind() {
    use ErrorKind as K;
    for (kind, learnt) in [
        (K::InvalidRequest, K::InvalidRequest),
        (K::StateRejected, K::StateRejected),
        (K::ContextTooLong, K::ContextTooLong),
        (K::ContentFiltered, K::ContentFiltered),
        (K::ModelNotFound, K::ModelNotFound),
        (K::RateLimited, K::RateLimited),
        (K::BudgetExceeded, K::QuotaExhausted),
        (K::Overloaded, K::Overloaded),
        (K::Server, K::Server),
    ] {
        let error = ProviderError::new(kind, "p", "");
        for ingress in [&CHAT, &RESPONSES] {
            let (status, body) = (ingress.refuse)(&Refusal::Failed(&error));
            let (headers, now) = (http::HeaderMap::new(), chrono::DateTime::UNIX_EPOCH);
            let reply = ErrorReply { status, headers: &headers, body: &body, now };
            assert_eq!(classify(&reply).kind, learnt, "{kind:?}");
        }
    }
}

#[test]
fn clients_that_go_on_from_what_is_stored_are_told_so_by_a_code() {
    for (body, code) in [
        (r#"{"model":"m","input":"q","previous_response_id":"resp_1"}"#, "previous_response_not_found"),
        (r#"{"model":"m","input":"q","conversation":{"id":"conv_1"}}"#, "unsupported_parameter"),
        (r#"{"model":"m","input":"q","background":true}"#, "unsupported_parameter"),
    ] {
        let error = super::parse(&RESPONSES, body.as_bytes()).unwrap_err();
        for reason in [error.reason.clone(), error.to_string()] {
            let (status, body) = (RESPONSES.refuse)(&Refusal::Body(&reason));
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((status, body["error"]["code"].as_str()), (400, Some(code)));
        }
    }
}
