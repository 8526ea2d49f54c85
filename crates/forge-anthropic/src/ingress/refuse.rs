//! Refusals in the form of the vendor's errors.

use forge_core::{ErrorKind, ProviderError};
use forge_http::ingress::{Refusal, body};

use crate::wire::answer::{ErrorBody, ErrorReply};

pub(super) fn refuse(refusal: &Refusal<'_>) -> (u16, Vec<u8>) {
    let (status, r#type, message) = match refusal {
        Refusal::Key => (401, "authentication_error", "invalid x-api-key".to_owned()),
        Refusal::ModelDenied(model) => {
            (403, "permission_error", format!("this key may not use the model {model}"))
        }
        // The vendor's own words, which its clients look for.
        Refusal::ModelUnknown(model) => (404, "not_found_error", format!("model: {model}")),
        Refusal::Body(reason) => (400, "invalid_request_error", (*reason).to_owned()),
        Refusal::BodyTooLarge(most) => {
            (413, "request_too_large", format!("the request is larger than {most} bytes"))
        }
        Refusal::Path(path) => (404, "not_found_error", format!("nothing is served at {path}")),
        Refusal::Method => (405, "invalid_request_error", "this address takes another method".to_owned()),
        Refusal::Failed(error) => (status(error), error_type(error.kind), message(error)),
        Refusal::Draining => (529, "overloaded_error", "the server is shutting down".to_owned()),
        _ => (500, "api_error", "the request was refused".to_owned()),
    };
    (status, body(&ErrorReply { r#type: "error", error: ErrorBody { r#type, message: &message } }))
}

fn status(error: &ProviderError) -> u16 {
    match error.kind {
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextTooLong
        | ErrorKind::StateRejected
        | ErrorKind::ContentFiltered
        | ErrorKind::Refusal => 400,
        ErrorKind::BudgetExceeded => 402,
        ErrorKind::ModelNotFound => 404,
        ErrorKind::RateLimited => 429,
        ErrorKind::Cancelled => 499,
        ErrorKind::Timeout => 504,
        ErrorKind::Overloaded | ErrorKind::CircuitOpen => 529,
        ErrorKind::Authentication
        | ErrorKind::Permission
        | ErrorKind::QuotaExhausted
        | ErrorKind::Server
        | ErrorKind::Transport
        | ErrorKind::Truncated
        | ErrorKind::Decode
        | ErrorKind::Empty
        | ErrorKind::Malformed => 502,
    }
}

/// What a client is told of a failure.
pub(super) fn message(error: &ProviderError) -> String {
    match error.kind {
        // Which of the server's own keys was refused is nobody's business but its owner's.
        ErrorKind::Authentication | ErrorKind::Permission | ErrorKind::QuotaExhausted => {
            "the vendor refused the credential of this server".to_owned()
        }
        _ => error.message.clone(),
    }
}

/// The vendor's word for a kind of error.
pub(super) const fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextTooLong
        | ErrorKind::StateRejected
        | ErrorKind::ContentFiltered
        | ErrorKind::Refusal => "invalid_request_error",
        ErrorKind::BudgetExceeded => "billing_error",
        ErrorKind::ModelNotFound => "not_found_error",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Overloaded | ErrorKind::CircuitOpen => "overloaded_error",
        _ => "api_error",
    }
}
