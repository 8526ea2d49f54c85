use serde_json::{Value, json};

use super::field::violation;
use crate::answer::{Answer, Frame, FrameKind, Payload};
use crate::api_error::ApiError;
use crate::error_kind::ErrorKind;
use crate::scenario::ErrorStyle;

/// Code, status and usual text of each refusal.
fn words(kind: ErrorKind) -> (u16, &'static str, &'static str) {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::TooLarge => {
            (400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
        }
        ErrorKind::ContextLength => {
            (400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed.")
        }
        ErrorKind::Authentication => {
            (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        }
        // The word is that of a limit; the 402 alone says that waiting does not help.
        ErrorKind::Billing => (402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
        ErrorKind::Permission => (403, "PERMISSION_DENIED", "The caller does not have permission"),
        ErrorKind::ModelNotFound | ErrorKind::NotFound => {
            (404, "NOT_FOUND", "Requested entity was not found.")
        }
        ErrorKind::Conflict => (409, "ABORTED", "The operation was aborted."),
        // Status and text are the same for all of these. The `quotaId` tells them apart, and whether a wait
        // helps.
        ErrorKind::RateLimited
        | ErrorKind::TokensLimited
        | ErrorKind::DayQuota
        | ErrorKind::QuotaExhausted => (
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        ErrorKind::Server => (500, "INTERNAL", "An internal error has occurred."),
        ErrorKind::BadGateway => (502, "UNAVAILABLE", "Bad gateway."),
        ErrorKind::Overloaded | ErrorKind::Loading => {
            (503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
        }
        ErrorKind::Timeout => (504, "DEADLINE_EXCEEDED", "The request timed out. Please try again."),
    }
}

fn body(error: &ApiError) -> Value {
    let (code, status, usual) = words(error.kind);
    let message = match (error.window, &error.message) {
        (Some((tokens, window)), None) => format!(
            "The input token count ({tokens}) exceeds the maximum number of tokens allowed \
             ({window})."
        ),
        _ => error.text(usual),
    };
    let details = details(error, &message);
    let mut object = json!({
        "code": error.status.unwrap_or(code),
        "message": message,
        "status": error.code.as_deref().unwrap_or(status),
    });
    if !details.is_empty() {
        object["details"] = details.into();
    }
    let body = json!({"error": object});
    if error.style == ErrorStyle::Array { json!([body]) } else { body }
}

fn details(error: &ApiError, message: &str) -> Vec<Value> {
    let mut details = Vec::new();
    // A bad key is a 400 like a bad field; only this detail tells the two apart.
    if error.kind == ErrorKind::Authentication {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }));
    }
    if let Some(param) = &error.param {
        details.push(violation(param, message));
    }
    let quota = match error.kind {
        ErrorKind::RateLimited => {
            Some(("generate_content_requests", "GenerateRequestsPerMinutePerProjectPerModel"))
        }
        ErrorKind::TokensLimited => {
            Some(("generate_content_input_token_count", "GenerateContentInputTokensPerModelPerMinute"))
        }
        ErrorKind::DayQuota => {
            Some(("generate_content_requests", "GenerateRequestsPerDayPerProjectPerModel"))
        }
        ErrorKind::QuotaExhausted => {
            Some(("generate_content_spend", "GenerateContentSpendPerTenMinutesPerProject"))
        }
        _ => None,
    };
    if let Some((metric, id)) = quota {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{
                "quotaMetric": format!("generativelanguage.googleapis.com/{metric}"),
                "quotaId": id,
                "quotaDimensions": {"location": "global"},
                "quotaValue": error.limit.as_ref().map_or(1, |limit| limit.exceeded.limit).to_string(),
            }],
        }));
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [{
                "description": "Learn more about Gemini API quotas",
                "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
            }],
        }));
    }
    let scripted = error.retry_after.ms.map(|ms| ms as f64 / 1000.0);
    // The one place for a wait: this vendor sends no `retry-after`.
    let delay = error.wait_seconds().or(scripted.filter(|_| !error.retry_after.none));
    if let Some(seconds) = delay {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{seconds}s"),
        }));
    }
    details
}

pub(in crate::dialect) fn refuse(error: &ApiError) -> Answer {
    let (status, ..) = words(error.kind);
    Answer::new(status, Payload::Json(body(error)))
}

/// Framed as an event, or bare as the vendor's own SDK expects it too.
pub(super) fn frames(error: &ApiError) -> Vec<Frame> {
    let frame = Frame::data(body(error).to_string());
    vec![match error.style {
        ErrorStyle::Bare => frame.of_kind(FrameKind::Bare),
        _ => frame,
    }]
}
