//! What the vendor's errors mean.

use std::sync::LazyLock;

use forge_core::ErrorKind;
use forge_http::{ErrorReply, Failure, Meanings, hints, kind_of_status};

use crate::wire::error::ErrorBody;

static TABLE: LazyLock<Meanings> =
    LazyLock::new(|| Meanings::from_json(include_str!("../errors.json")).unwrap_or_default());

/// An error reply: by its reason, then by its text, then by its status word, then by its HTTP status.
pub(crate) fn classify(reply: &ErrorReply<'_>) -> Failure {
    match ErrorBody::read(reply.body) {
        Some(error) => from_body(error, reply.status),
        None => {
            let failure = Failure::from_status(reply);
            let kind = TABLE.find("", "", &failure.message);
            let kind = kind.or((reply.status == 413).then_some(ErrorKind::ContextTooLong));
            Failure { kind: kind.unwrap_or(failure.kind), ..failure }
        }
    }
}

/// An error inside a reply that began as a success; `None` if `body` is not an error.
pub(crate) fn inside(body: &str) -> Option<Failure> {
    let error = ErrorBody::read(body.as_bytes())?;
    let status = error.code();
    // Inside a 200 the error's own code is the only status there is.
    Some(Failure { status, ..from_body(error, status.unwrap_or(500)) })
}

fn from_body(error: ErrorBody, http_status: u16) -> Failure {
    let kind = kind(&error, http_status);
    // A quota of the day is not whole again before the day turns, whatever the delay says.
    let delay = error.retry_delay().filter(|_| kind != ErrorKind::QuotaExhausted);
    let retry_after = delay.and_then(hints::unit_duration);
    // `INVALID_ARGUMENT` stands for a bad field and for a bad key; `API_KEY_INVALID` tells them apart.
    let code = error.reason().unwrap_or(error.status());
    let code = Some(code.to_owned()).filter(|code| !code.is_empty());
    let message = error.message.filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| "the error has no text".into());
    Failure { code, retry_after, ..Failure::new(kind, message) }
}

/// A quota of the day, or money that is used up, is not whole again within the time of a call.
fn kind(error: &ErrorBody, http_status: u16) -> ErrorKind {
    let message = error.message.as_deref().unwrap_or_default();
    let kind = TABLE.find(error.reason().unwrap_or_default(), error.status(), message);
    // `RESOURCE_EXHAUSTED` stands for a full minute, a full day and an empty account.
    let is_spent = http_status == 402 || error.quota_ids().any(|id| id.contains("PerDay"));
    match kind {
        Some(ErrorKind::RateLimited) if is_spent => ErrorKind::QuotaExhausted,
        Some(kind) => kind,
        None if http_status == 413 => ErrorKind::ContextTooLong,
        None => kind_of_status(http_status),
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
    fn every_row_can_be_read_and_says_where_it_comes_from() {
        let table = Meanings::from_json(include_str!("../errors.json")).unwrap();
        assert_eq!(table.fault(), None);
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
        assert_eq!(inside("[]"), None);
    }

    #[test]
    fn a_body_of_another_form_leaves_the_http_status() {
        assert_eq!(classified(502, "<html><title>Bad Gateway</title></html>").kind, ErrorKind::Server);
        assert_eq!(classified(404, r#"{"detail":"Not Found"}"#).kind, ErrorKind::Decode);
    }

    #[test]
    fn texts_decide_where_the_status_says_too_little() {
        use ErrorKind as Kind;
        for (code, status, text, expected) in [
            (
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                Kind::Authentication,
            ),
            (400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", Kind::Authentication),
            (
                403,
                "PERMISSION_DENIED",
                "Your API key was reported as leaked. Please use another API key.",
                Kind::Authentication,
            ),
            (
                400,
                "INVALID_ARGUMENT",
                "API Key not found. Please pass a valid API key.",
                Kind::Authentication,
            ),
            (
                429,
                "RESOURCE_EXHAUSTED",
                "Your prepayment credits are depleted. Please go to AI Studio.",
                Kind::QuotaExhausted,
            ),
            (402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", Kind::QuotaExhausted),
            (
                429,
                "RESOURCE_EXHAUSTED",
                "Your project has exceeded its monthly spending cap.",
                Kind::QuotaExhausted,
            ),
            (
                429,
                "RESOURCE_EXHAUSTED",
                "Quota exceeded for metric: x, limit: 0, model: gemini-4-argon",
                Kind::QuotaExhausted,
            ),
            (429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 10", Kind::RateLimited),
            (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", Kind::RateLimited),
            (403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", Kind::Permission),
            (400, "FAILED_PRECONDITION", "Billing is not enabled for this project.", Kind::Permission),
            (400, "INVALID_ARGUMENT", "The billing account is disabled.", Kind::Permission),
            (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", Kind::Permission),
            (403, "PERMISSION_DENIED", "Requests to this API method x are blocked.", Kind::Permission),
            (
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
                Kind::ContextTooLong,
            ),
            (
                500,
                "INTERNAL",
                "The input context is too long. Please reduce the input.",
                Kind::ContextTooLong,
            ),
            (
                400,
                "INVALID_ARGUMENT",
                "Request payload size exceeds the limit: 20971520 bytes.",
                Kind::ContextTooLong,
            ),
            (413, "", "Too big", Kind::ContextTooLong),
            (
                400,
                "INVALID_ARGUMENT",
                "Function call is missing a thought_signature in functionCall parts.",
                Kind::StateRejected,
            ),
            (400, "INVALID_ARGUMENT", "Thought signature is not valid.", Kind::StateRejected),
            (404, "NOT_FOUND", "models/x is not found for API version v1beta", Kind::ModelNotFound),
            (400, "INVALID_ARGUMENT", "This model is no longer available to new users.", Kind::ModelNotFound),
            (400, "INVALID_ARGUMENT", "models/x is not supported for generateContent.", Kind::ModelNotFound),
            (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", Kind::Overloaded),
            (500, "INTERNAL", "An internal error has occurred.", Kind::Server),
            (
                400,
                "INVALID_ARGUMENT",
                "Invalid JSON payload received. Unknown name \"x\"",
                Kind::InvalidRequest,
            ),
            (400, "INVALID_ARGUMENT", "Unable to process input image.", Kind::InvalidRequest),
        ] {
            let body = json!({"error": {"code": code, "status": status, "message": text}}).to_string();
            assert_eq!(classified(code, &body).kind, expected, "{text}");
        }
    }

    #[test]
    fn reasons_and_other_forms_decide_as_well() {
        use ErrorKind as Kind;
        for (reason, expected) in [
            ("API_KEY_INVALID", Kind::Authentication),
            ("ACCESS_TOKEN_EXPIRED", Kind::Authentication),
            ("API_KEY_SERVICE_BLOCKED", Kind::Permission),
            ("BILLING_DISABLED", Kind::Permission),
            ("SERVICE_DISABLED", Kind::Permission),
            ("CONSUMER_SUSPENDED", Kind::Permission),
            ("SOMETHING_NEW", Kind::InvalidRequest),
        ] {
            let details = json!([{"@type": "x", "reason": reason}]);
            assert_eq!(classified(400, &error(400, "INVALID_ARGUMENT", &details)).kind, expected, "{reason}");
        }
        assert_eq!(classified(413, "<html></html>").kind, Kind::ContextTooLong);
        assert_eq!(classified(400, r#"{"error": "API key expired"}"#).kind, Kind::Authentication);
        assert_eq!(
            classified(400, r#"{"error": {"message": 7, "status": [], "details": {}, "code": "x"}}"#).kind,
            Kind::InvalidRequest
        );
    }
}
