//! What is said to a client that gets no reply, or no more of it.

use forge_core::{ErrorKind, ProviderError};
use forge_http::ingress::{Refusal, body};

use crate::wire::answer_chat::{ErrorBody, Fault};

/// How the reason for which a request is refused begins that goes on from a response of which nothing is known.
pub(super) const NOT_FOUND: &str = "Previous response";
/// How the reason begins for which a request is refused that asks for what no reply can be.
pub(super) const UNSUPPORTED: &str = "Unsupported parameter";

const REQUEST: &str = "invalid_request_error";
const SERVER: &str = "server_error";
const NO_MODEL: &str = "model_not_found";

pub(super) fn chat(refusal: &Refusal<'_>) -> (u16, Vec<u8>) {
    refuse(refusal, 404)
}

pub(super) fn responses(refusal: &Refusal<'_>) -> (u16, Vec<u8>) {
    refuse(refusal, 400)
}

/// An error as it is told.
#[derive(Debug)]
pub(super) struct Told<'a> {
    status: u16,
    r#type: &'static str,
    pub(super) code: Option<&'a str>,
    pub(super) message: &'a str,
}

impl<'a> Told<'a> {
    fn new(status: u16, r#type: &'static str, code: impl Into<Option<&'a str>>, message: &'a str) -> Self {
        Self { status, r#type, code: code.into(), message }
    }

    pub(super) fn body(&self) -> ErrorBody<'a> {
        let Self { r#type, code, message, .. } = *self;
        ErrorBody { error: Fault { message, r#type, param: None, code } }
    }
}

/// A refusal without a code of its own.
pub(super) fn told(status: u16, message: &str) -> (u16, Vec<u8>) {
    (status, body(&Told::new(status, REQUEST, None, message).body()))
}

/// A refusal, with the status that the dialect has for a model that is not there.
fn refuse(refusal: &Refusal<'_>, no_model: u16) -> (u16, Vec<u8>) {
    let message = words(refusal);
    let told = match refusal {
        Refusal::Key => Told::new(401, REQUEST, "invalid_api_key", &message),
        Refusal::ModelDenied(_) => Told::new(403, "permission_error", "model_not_allowed", &message),
        Refusal::ModelUnknown(_) => Told::new(no_model, REQUEST, NO_MODEL, &message),
        Refusal::Body(reason) => Told::new(400, REQUEST, code_of(reason), &message),
        Refusal::BodyTooLarge(_) => Told::new(413, REQUEST, "request_too_large", &message),
        Refusal::Path(_) => Told::new(404, REQUEST, "unknown_url", &message),
        Refusal::Method => Told::new(405, REQUEST, "method_not_allowed", &message),
        Refusal::Failed(error) => failed(error, no_model),
        // Draining, and whatever else keeps a server from answering for now.
        _ => Told::new(503, "service_unavailable_error", "server_is_overloaded", &message),
    };
    (told.status, body(&told.body()))
}

fn words(refusal: &Refusal<'_>) -> String {
    match refusal {
        Refusal::Key => "There is no API key in the request, or not one that is known here.".to_owned(),
        Refusal::ModelDenied(model) => format!("This API key may not use the model `{model}`."),
        Refusal::ModelUnknown(model) => format!("There is no model `{model}` here."),
        Refusal::Body(reason) => (*reason).to_owned(),
        Refusal::BodyTooLarge(most) => format!("The body has more than {most} bytes."),
        Refusal::Path(path) => format!("Invalid URL ({path})"),
        Refusal::Method => "This address takes another method.".to_owned(),
        Refusal::Failed(_) => String::new(),
        _ => "The server is shutting down; send the request again.".to_owned(),
    }
}

/// Clients that keep their conversation on the server begin a new one at the first of these codes.
fn code_of(reason: &str) -> Option<&'static str> {
    [(NOT_FOUND, "previous_response_not_found"), (UNSUPPORTED, "unsupported_parameter")]
        .into_iter()
        .find_map(|(begins, code)| reason.contains(begins).then_some(code))
}

/// A reply that ended because the model failed in it.
pub(super) fn broken() -> Told<'static> {
    Told::new(502, SERVER, SERVER, "The model failed; what is there is partial.")
}

/// A call that failed. What was said of the server's own account is not for its clients.
pub(super) fn failed(error: &ProviderError, no_model: u16) -> Told<'_> {
    let message = if error.message.is_empty() { error.kind.describe() } else { &error.message };
    let (status, r#type, code) = match error.kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported => (400, REQUEST, error.code.as_deref()),
        ErrorKind::StateRejected => (400, REQUEST, Some("invalid_encrypted_content")),
        ErrorKind::ContextTooLong => (400, REQUEST, Some("context_length_exceeded")),
        ErrorKind::ContentFiltered | ErrorKind::Refusal => (400, REQUEST, Some("content_policy_violation")),
        ErrorKind::ModelNotFound => (no_model, REQUEST, Some(NO_MODEL)),
        ErrorKind::RateLimited => (429, "rate_limit_error", Some("rate_limit_exceeded")),
        ErrorKind::BudgetExceeded => (429, "insufficient_quota", Some("insufficient_quota")),
        ErrorKind::Authentication | ErrorKind::Permission | ErrorKind::QuotaExhausted => {
            let message = "The server's own account with the vendor was refused.";
            return Told::new(502, SERVER, "upstream_credential", message);
        }
        ErrorKind::Overloaded | ErrorKind::CircuitOpen => {
            (503, "service_unavailable_error", Some("server_is_overloaded"))
        }
        ErrorKind::Timeout => (504, SERVER, Some("timeout")),
        // Nobody is there any more to read it.
        ErrorKind::Cancelled => (499, SERVER, Some("cancelled")),
        ErrorKind::Server
        | ErrorKind::Transport
        | ErrorKind::Truncated
        | ErrorKind::Decode
        | ErrorKind::Empty
        | ErrorKind::Malformed => (502, SERVER, Some(SERVER)),
    };
    Told::new(status, r#type, code, message)
}
