use std::time::Duration;

use forge_core::{
    ErrorKind,
    error::{Advice, Phase},
    request::Delivery,
};
use forge_testkit::Reply;
use serde_json::{Value, json};

use crate::ask;

fn error(code: u16, status: &str, message: &str, details: &Value) -> Value {
    json!({"error": {"code": code, "message": message, "status": status, "details": details}})
}

fn quota(id: &str) -> Value {
    json!([
        {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
            "quotaId": id, "quotaDimensions": {"location": "global"}, "quotaValue": "10"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}])
}

#[tokio::test]
async fn a_limit_of_the_minute_says_when_to_come_back() {
    let body = error(429, "RESOURCE_EXHAUSTED", "Slow down.", &quota("GenerateRequestsPerMinutePerProject"));
    for delivery in [Delivery::Stream, Delivery::Whole] {
        let failed = ask(delivery, Reply::json(429, &body.to_string())).await.unwrap_err();
        assert_eq!((failed.kind, failed.phase), (ErrorKind::RateLimited, Phase::BeforeOutput));
        assert_eq!(
            failed.to_string(),
            "google/gemini-3.8-flash: rate limited (HTTP 429, RESOURCE_EXHAUSTED): Slow down.; retry after 34.4 s"
        );
    }
}

#[tokio::test]
async fn a_limit_of_the_day_is_not_worth_waiting_for() {
    let body = error(429, "RESOURCE_EXHAUSTED", "Done.", &quota("GenerateRequestsPerDayPerProject-FreeTier"));
    let failed = ask(Delivery::Stream, Reply::json(429, &body.to_string())).await.unwrap_err();
    assert_eq!((failed.kind, failed.retry_after), (ErrorKind::QuotaExhausted, None));
    assert_eq!(failed.policy().advice, Advice::Next);
}

#[tokio::test]
async fn each_refusal_of_the_vendor_has_its_kind() {
    let key = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
    let field = json!([{"@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": "contents", "description": "d"}]}]);
    for (code, status, details, expected) in [
        (400, "INVALID_ARGUMENT", key, ErrorKind::Authentication),
        (400, "INVALID_ARGUMENT", field, ErrorKind::InvalidRequest),
        (402, "RESOURCE_EXHAUSTED", json!([]), ErrorKind::QuotaExhausted),
        (403, "PERMISSION_DENIED", json!([]), ErrorKind::Permission),
        (404, "NOT_FOUND", json!([]), ErrorKind::ModelNotFound),
        (500, "INTERNAL", json!([]), ErrorKind::Server),
        (503, "UNAVAILABLE", json!([]), ErrorKind::Overloaded),
    ] {
        let plain = error(code, status, "Words.", &details);
        for body in [plain.to_string(), json!([plain]).to_string()] {
            let failed = ask(Delivery::Stream, Reply::json(code, &body)).await.unwrap_err();
            assert_eq!((failed.kind, failed.status), (expected, Some(code)), "{body}");
            assert_eq!(failed.message, "Words.");
        }
    }
}

#[tokio::test]
async fn an_error_inside_a_good_status_is_an_error() {
    let body = error(429, "RESOURCE_EXHAUSTED", "Slow down.", &quota("GenerateRequestsPerMinutePerProject"));
    for body in [body.clone(), json!([body])] {
        let failed = ask(Delivery::Whole, Reply::json(200, &body.to_string())).await.unwrap_err();
        assert_eq!((failed.kind, failed.status), (ErrorKind::RateLimited, Some(429)));
        assert_eq!(failed.retry_after, Some(Duration::from_millis(34_400)));
    }
}
