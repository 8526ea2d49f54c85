use serde_json::{Value, json};

use super::duration::go_duration;
use crate::answer::{Answer, Payload};
use crate::api_error::ApiError;
use crate::error_kind::ErrorKind;
use crate::limits::Meter;

/// Status, type, code and usual text of each refusal.
fn words(kind: ErrorKind) -> (u16, &'static str, Option<&'static str>, &'static str) {
    let invalid = "invalid_request_error";
    match kind {
        ErrorKind::InvalidRequest => (400, invalid, None, "Invalid request."),
        ErrorKind::ContextLength => (
            400,
            invalid,
            Some("context_length_exceeded"),
            "Your input exceeds the context window of this model. Please adjust your input and try \
             again.",
        ),
        ErrorKind::Authentication => (401, invalid, Some("invalid_api_key"), "Incorrect API key provided."),
        ErrorKind::Permission => (
            403,
            invalid,
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported",
        ),
        ErrorKind::ModelNotFound => (
            404,
            invalid,
            Some("model_not_found"),
            "The model does not exist or you do not have access to it.",
        ),
        ErrorKind::NotFound => (404, invalid, None, "Invalid URL"),
        ErrorKind::Conflict => (409, invalid, None, "Conflict"),
        ErrorKind::TooLarge => (413, invalid, None, "Request body too large."),
        ErrorKind::RateLimited | ErrorKind::DayQuota => {
            (429, "requests", Some("rate_limit_exceeded"), "Rate limit reached for requests")
        }
        ErrorKind::TokensLimited => {
            (429, "tokens", Some("rate_limit_exceeded"), "Rate limit reached for tokens")
        }
        // Spent credit is a 429 like a limit; type and code say that waiting does not help.
        ErrorKind::QuotaExhausted => (
            429,
            "insufficient_quota",
            Some("insufficient_quota"),
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        ErrorKind::Billing => {
            (429, "insufficient_quota", Some("credit_balance_exhausted"), "Your credit balance is exhausted.")
        }
        ErrorKind::Server => (
            500,
            "server_error",
            Some("server_error"),
            "The server had an error while processing your request. Sorry about that!",
        ),
        ErrorKind::BadGateway => (502, "server_error", None, "Bad gateway."),
        ErrorKind::Timeout => (504, "server_error", None, "Gateway timeout."),
        ErrorKind::Overloaded | ErrorKind::Loading => (
            503,
            "service_unavailable_error",
            Some("server_is_overloaded"),
            "Our servers are currently overloaded. Please try again later.",
        ),
    }
}

/// The text that names a real limit.
fn limit_text(error: &ApiError) -> Option<String> {
    let limit = error.limit.as_ref()?;
    let meter = match limit.exceeded.meter {
        Meter::Requests => "requests per min (RPM)",
        Meter::RequestsPerDay => "requests per day (RPD)",
        Meter::Tokens | Meter::InputTokens | Meter::OutputTokens => "tokens per min (TPM)",
    };
    Some(format!(
        "Rate limit reached for {} in organization org-simulated on {meter}: Limit {}. Please try again in {}.",
        limit.model,
        limit.exceeded.limit,
        go_duration(limit.exceeded.wait)
    ))
}

/// `type`, `code`, `message` and `param` of an error.
pub(super) fn object(error: &ApiError) -> Value {
    let (_, kind, code, usual) = words(error.kind);
    // A refused parameter has the code of its gate, or none.
    let code = error.code.as_deref().or(code);
    json!({
        "message": limit_text(error).unwrap_or_else(|| error.text(usual)),
        "type": kind,
        "param": error.param,
        "code": code,
    })
}

pub(in crate::dialect) fn body(error: &ApiError) -> Value {
    json!({"error": object(error)})
}

/// `responses` is whether the call went to `/responses`, whose 401 repeats the status.
pub(super) fn refuse(error: &ApiError, responses: bool) -> Answer {
    let (status, ..) = words(error.kind);
    let mut value = body(error);
    if responses && status == 401 {
        value["status"] = status.into();
    }
    Answer::new(status, Payload::Json(value))
}
