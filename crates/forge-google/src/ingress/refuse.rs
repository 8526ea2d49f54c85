//! What is said to a client that gets no reply, or no more of it.

use std::borrow::Cow;

use forge_core::{ErrorKind, ProviderError};
use forge_http::ingress::{Refusal, body};

use crate::wire::answer::{Detail, ErrorBody, ErrorReply, PromptFeedback, Reply, Violation};

/// The vendor's words for a prompt that a filter stopped.
const BLOCKS: [&str; 7] =
    ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK"];

/// A refusal in the vendor's form. A prompt that was blocked is no error there, but a reply without an answer.
pub(super) fn refuse(refusal: &Refusal<'_>) -> (u16, Vec<u8>) {
    let blocked = match refusal {
        Refusal::Failed(error) => blocked(error),
        _ => None,
    };
    if let Some(prompt_feedback) = blocked {
        return (200, body(&Reply { prompt_feedback: Some(prompt_feedback), ..Reply::default() }));
    }
    let told = told(refusal);
    (told.code, body(&told.body()))
}

/// Why a prompt got no answer, if a filter or the model declined it.
pub(super) fn blocked(error: &ProviderError) -> Option<PromptFeedback<'_>> {
    let is_blocked = matches!(error.kind, ErrorKind::ContentFiltered | ErrorKind::Refusal);
    let known = error.code.as_deref().filter(|code| BLOCKS.contains(code));
    is_blocked.then(|| PromptFeedback {
        block_reason: known.unwrap_or("SAFETY"),
        block_reason_message: &error.message,
    })
}

/// An error as it is told.
#[derive(Debug)]
pub(super) struct Told<'a> {
    code: u16,
    status: &'static str,
    message: Cow<'a, str>,
    details: Vec<Detail>,
}

impl<'a> Told<'a> {
    fn new(code: u16, status: &'static str, message: impl Into<Cow<'a, str>>) -> Self {
        Self { code, status, message: message.into(), details: Vec::new() }
    }

    fn with(mut self, detail: impl IntoIterator<Item = Detail>) -> Self {
        self.details.extend(detail);
        self
    }

    pub(super) fn body(&self) -> ErrorReply<'_> {
        let Self { code, status, message, details } = self;
        ErrorReply { error: ErrorBody { code: *code, message, status, details } }
    }
}

const INVALID: &str = "INVALID_ARGUMENT";
const EXHAUSTED: &str = "RESOURCE_EXHAUSTED";
const UNAVAILABLE: &str = "UNAVAILABLE";

fn told<'a>(refusal: &Refusal<'a>) -> Told<'a> {
    match refusal {
        // The vendor's own words and status: a bad key is a bad argument to it, told apart by the reason alone.
        Refusal::Key => Told::new(400, INVALID, "API key not valid. Please pass a valid API key.")
            .with([Detail::ErrorInfo { reason: "API_KEY_INVALID", domain: "googleapis.com" }]),
        Refusal::ModelDenied(model) => {
            Told::new(403, "PERMISSION_DENIED", format!("this key may not use the model {model}"))
        }
        Refusal::ModelUnknown(model) => Told::new(404, "NOT_FOUND", unknown(model)),
        Refusal::Body(reason) => Told::new(400, INVALID, *reason),
        Refusal::BodyTooLarge(most) => {
            Told::new(413, INVALID, format!("Request payload size exceeds the limit: {most} bytes."))
        }
        Refusal::Path(path) => Told::new(404, "NOT_FOUND", format!("nothing is served at {path}")),
        Refusal::Method => Told::new(405, INVALID, "this address takes another method"),
        Refusal::Failed(error) => failed(error),
        // Draining, and whatever else keeps a server from answering for now.
        _ => Told::new(503, UNAVAILABLE, "the server is shutting down"),
    }
}

/// The vendor's own words, which its clients look for.
fn unknown(model: &str) -> String {
    format!(
        "models/{model} is not found for API version v1beta, or is not supported for generateContent. \
         Call ListModels to see the list of available models."
    )
}

/// A call that failed. What was said of the server's own account is not for its clients.
pub(super) fn failed(error: &ProviderError) -> Told<'_> {
    let message = if error.message.is_empty() { error.kind.describe() } else { &error.message };
    match error.kind {
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::StateRejected
        | ErrorKind::ContentFiltered
        | ErrorKind::Refusal => Told::new(400, INVALID, message),
        ErrorKind::ContextTooLong => Told::new(400, INVALID, too_long(message)),
        ErrorKind::ModelNotFound => Told::new(404, "NOT_FOUND", message),
        ErrorKind::RateLimited => Told::new(429, EXHAUSTED, message).with(error.retry_after.map(|wait| {
            let retry_delay = format!("{}s", wait.as_secs_f64());
            Detail::RetryInfo { retry_delay }
        })),
        // Clients take a quota of the day for one for which waiting does not help.
        ErrorKind::BudgetExceeded => Told::new(429, EXHAUSTED, message)
            .with([Detail::QuotaFailure { violations: [Violation { quota_id: "BudgetPerDay" }] }]),
        ErrorKind::Authentication | ErrorKind::Permission | ErrorKind::QuotaExhausted => {
            Told::new(503, UNAVAILABLE, "the vendor refused the credential of this server")
        }
        ErrorKind::Overloaded | ErrorKind::CircuitOpen => Told::new(503, UNAVAILABLE, message),
        ErrorKind::Timeout => Told::new(504, "DEADLINE_EXCEEDED", message),
        // Nobody is there any more to read it.
        ErrorKind::Cancelled => Told::new(499, "CANCELLED", message),
        ErrorKind::Server
        | ErrorKind::Transport
        | ErrorKind::Truncated
        | ErrorKind::Decode
        | ErrorKind::Empty
        | ErrorKind::Malformed => Told::new(502, "INTERNAL", message),
    }
}

/// Clients shorten their conversation where they find the vendor's words.
fn too_long(message: &str) -> Cow<'_, str> {
    if message.contains("exceeds the maximum number of tokens") {
        return message.into();
    }
    format!("The input token count exceeds the maximum number of tokens allowed. {message}").into()
}
