//! What the vendor's errors mean.

use forge_core::ErrorKind;
use forge_http::{ErrorReply, Failure, hints, kind_of_status};

use crate::wire::error::ErrorBody;

/// An error reply: by its reason, then by its status word, then by its HTTP status.
pub(crate) fn classify(reply: &ErrorReply<'_>) -> Failure {
    match ErrorBody::read(reply.body) {
        Some(error) => from_body(error, reply.status),
        None => Failure::from_status(reply),
    }
}

/// An error inside a reply that began as a success; `None` if `body` is not an error.
pub(crate) fn inside(body: &[u8]) -> Option<Failure> {
    let error = ErrorBody::read(body)?;
    let status = error.code();
    Some(Failure { status, ..from_body(error, status.unwrap_or(500)) })
}

fn from_body(error: ErrorBody, http_status: u16) -> Failure {
    let kind = kind(&error, http_status);
    // A quota of the day is not whole again before the day turns, whatever the delay says.
    let delay = error.retry_delay().filter(|_| kind != ErrorKind::QuotaExhausted);
    let retry_after = delay.and_then(hints::unit_duration);
    let code = error.reason().unwrap_or(error.status());
    let code = Some(code.to_owned()).filter(|code| !code.is_empty());
    let message = error.message.filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| "the error has no text".into());
    Failure { code, retry_after, ..Failure::new(kind, message) }
}

fn kind(error: &ErrorBody, http_status: u16) -> ErrorKind {
    if error.reason() == Some("API_KEY_INVALID") {
        return ErrorKind::Authentication;
    }
    let message = error.message.as_deref().unwrap_or_default();
    match error.status() {
        // The vendor has no code of its own for this one.
        "INVALID_ARGUMENT" if message.contains("exceeds the maximum number of tokens") => {
            ErrorKind::ContextTooLong
        }
        "INVALID_ARGUMENT" | "OUT_OF_RANGE" => ErrorKind::InvalidRequest,
        "UNAUTHENTICATED" => ErrorKind::Authentication,
        // Of a region that is not served, or an account without billing.
        "FAILED_PRECONDITION" | "PERMISSION_DENIED" => ErrorKind::Permission,
        "NOT_FOUND" => ErrorKind::ModelNotFound,
        "RESOURCE_EXHAUSTED" if http_status == 402 => ErrorKind::QuotaExhausted,
        "RESOURCE_EXHAUSTED" if error.quota_ids().any(|id| id.contains("PerDay")) => {
            ErrorKind::QuotaExhausted
        }
        "RESOURCE_EXHAUSTED" => ErrorKind::RateLimited,
        "CANCELLED" => ErrorKind::Cancelled,
        "UNIMPLEMENTED" => ErrorKind::Unsupported,
        "INTERNAL" | "UNKNOWN" | "ABORTED" | "DATA_LOSS" => ErrorKind::Server,
        "UNAVAILABLE" => ErrorKind::Overloaded,
        "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
        _ => kind_of_status(http_status),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;
    use serde_json::{Value, json};

    use super::*;

    fn classified(status: u16, body: &str) -> Failure {
        let (headers, now) = (HeaderMap::new(), chrono::DateTime::UNIX_EPOCH);
        classify(&ErrorReply { status, headers: &headers, body: body.as_bytes(), now })
    }

    fn error(code: u16, status: &str, details: &Value) -> String {
        json!({"error": {"code": code, "message": "words", "status": status, "details": details}}).to_string()
    }

    #[test]
    fn each_documented_status_has_its_kind() {
        for (code, status, expected) in [
            (400, "INVALID_ARGUMENT", ErrorKind::InvalidRequest),
            (400, "FAILED_PRECONDITION", ErrorKind::Permission),
            (401, "UNAUTHENTICATED", ErrorKind::Authentication),
            (402, "RESOURCE_EXHAUSTED", ErrorKind::QuotaExhausted),
            (403, "PERMISSION_DENIED", ErrorKind::Permission),
            (404, "NOT_FOUND", ErrorKind::ModelNotFound),
            (429, "RESOURCE_EXHAUSTED", ErrorKind::RateLimited),
            (499, "CANCELLED", ErrorKind::Cancelled),
            (500, "INTERNAL", ErrorKind::Server),
            (503, "UNAVAILABLE", ErrorKind::Overloaded),
            (504, "DEADLINE_EXCEEDED", ErrorKind::Timeout),
            (503, "NEW_STATUS", ErrorKind::Overloaded),
            (418, "NEW_STATUS", ErrorKind::InvalidRequest),
        ] {
            let failure = classified(code, &error(code, status, &json!([])));
            assert_eq!(failure.kind, expected, "{code} {status}");
            assert_eq!((failure.code.as_deref(), failure.message.as_str()), (Some(status), "words"));
        }
    }

    #[test]
    fn a_bad_key_is_told_by_its_reason_although_the_status_is_400() {
        let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]);
        let failure = classified(400, &error(400, "INVALID_ARGUMENT", &details));
        assert_eq!(failure.kind, ErrorKind::Authentication);
        assert_eq!(failure.code.as_deref(), Some("API_KEY_INVALID"));
    }

    #[test]
    fn the_quota_decides_whether_waiting_helps() {
        let exhausted = |quotas: &[&str]| {
            let violations: Vec<Value> = quotas.iter().map(|id| json!({"quotaId": id})).collect();
            let details = json!([
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]);
            let failure = classified(429, &error(429, "RESOURCE_EXHAUSTED", &details));
            (failure.kind, failure.retry_after)
        };
        let minute = "GenerateRequestsPerMinutePerProjectPerModel";
        let day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
        assert_eq!(exhausted(&[minute]), (ErrorKind::RateLimited, Some(Duration::from_millis(34_400))));
        assert_eq!(exhausted(&[minute, day]), (ErrorKind::QuotaExhausted, None));
    }

    #[test]
    fn a_prompt_that_is_too_long_is_told_by_the_text() {
        let body = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
            "message": "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."}});
        assert_eq!(classified(400, &body.to_string()).kind, ErrorKind::ContextTooLong);
    }

    #[test]
    fn a_one_element_array_is_read_like_its_element() {
        let plain = error(503, "UNAVAILABLE", &json!([]));
        assert_eq!(classified(503, &format!("[{plain}]\n")), classified(503, &plain));
        assert_eq!(inside(b"[]"), None);
    }

    #[test]
    fn a_body_of_another_form_leaves_the_http_status() {
        assert_eq!(classified(502, "<html><title>Bad Gateway</title></html>").kind, ErrorKind::Server);
        assert_eq!(classified(404, r#"{"detail":"Not Found"}"#).kind, ErrorKind::Decode);
    }
}
