use serde_json::{Value, json};

use crate::answer::{Answer, Frame, Payload};
use crate::api_error::ApiError;
use crate::context::Context;
use crate::error_kind::ErrorKind;

/// Status, type and usual text of each refusal.
fn words(kind: ErrorKind) -> (u16, &'static str, &'static str) {
    match kind {
        ErrorKind::InvalidRequest => (400, "invalid_request_error", "Invalid request"),
        ErrorKind::ContextLength => (400, "invalid_request_error", "prompt is too long"),
        ErrorKind::Authentication => (401, "authentication_error", "API key is invalid."),
        ErrorKind::Billing => {
            (402, "billing_error", "Your credit balance is too low to access the Anthropic API.")
        }
        ErrorKind::Permission => {
            (403, "permission_error", "Your API key does not have permission to use the specified resource.")
        }
        ErrorKind::ModelNotFound | ErrorKind::NotFound => (404, "not_found_error", "Not found"),
        ErrorKind::Conflict => (409, "conflict_error", "Conflict"),
        ErrorKind::TooLarge => (413, "request_too_large", "Request exceeds the maximum size"),
        ErrorKind::RateLimited | ErrorKind::TokensLimited | ErrorKind::DayQuota => {
            (429, "rate_limit_error", "This request would exceed your organization's rate limit.")
        }
        ErrorKind::QuotaExhausted => {
            (429, "rate_limit_error", "This request would exceed your organization's monthly spend limit.")
        }
        ErrorKind::Server => (500, "api_error", "Internal server error"),
        ErrorKind::BadGateway => (502, "api_error", "Bad gateway"),
        ErrorKind::Timeout => (504, "timeout_error", "Request timed out"),
        ErrorKind::Overloaded | ErrorKind::Loading => (529, "overloaded_error", "Overloaded"),
    }
}

fn object(error: &ApiError) -> Value {
    let (_, kind, usual) = words(error.kind);
    // The older form of a spent credit is a bad request like any other.
    let old_billing = error.kind == ErrorKind::Billing && error.status == Some(400);
    let kind = if old_billing { "invalid_request_error" } else { kind };
    let message = match (error.window, &error.message) {
        (Some((tokens, window)), None) => {
            format!("prompt is too long: {tokens} tokens > {window} maximum")
        }
        _ => error.text(usual),
    };
    let mut object = json!({"type": kind, "message": message});
    let code = error.code.as_deref().or(match error.kind {
        // Status and type are those of a rate limit; this code alone says that waiting does not help.
        ErrorKind::QuotaExhausted => Some("enforced_spend_limit_reached"),
        _ => None,
    });
    if let Some(code) = code {
        object["details"] = json!({"error_code": code});
    }
    object
}

pub(in crate::dialect) fn refuse(error: &ApiError, cx: &Context<'_>) -> Answer {
    let (status, ..) = words(error.kind);
    let request_id = match error.kind {
        // Recorded so: a request without a good key gets no id.
        ErrorKind::Authentication => Value::Null,
        _ => super::request_id(cx).into(),
    };
    let body = json!({"type": "error", "error": object(error), "request_id": request_id});
    Answer::new(status, Payload::Json(body))
}

/// The `error` event ends the stream.
pub(super) fn frames(error: &ApiError) -> Vec<Frame> {
    vec![Frame::typed(&json!({"type": "error", "error": object(error)}))]
}
