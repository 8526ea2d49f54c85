use serde_json::{Value, json};

use super::models::RUNNING_CONTEXT;
use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::error_kind::ErrorKind;
use crate::scenario::ErrorStyle;
use crate::vendor::Vendor;

/// Status and usual text of each refusal.
fn words(vendor: Vendor, kind: ErrorKind) -> (u16, &'static str) {
    match kind {
        ErrorKind::InvalidRequest => (400, "invalid request"),
        ErrorKind::ContextLength => {
            (400, "the request exceeds the available context size, try increasing it")
        }
        ErrorKind::Authentication => (401, "Invalid API Key"),
        ErrorKind::Billing => (402, "payment required"),
        ErrorKind::Permission => (403, "forbidden"),
        ErrorKind::ModelNotFound => (404, "model not found"),
        ErrorKind::NotFound => (404, "File Not Found"),
        ErrorKind::Conflict => (409, "conflict"),
        ErrorKind::TooLarge => (413, "request body too large"),
        ErrorKind::RateLimited
        | ErrorKind::TokensLimited
        | ErrorKind::DayQuota
        | ErrorKind::QuotaExhausted => (429, "too many requests"),
        ErrorKind::Server => (500, "internal server error"),
        ErrorKind::BadGateway => (502, "bad gateway"),
        ErrorKind::Overloaded if vendor == Vendor::Ollama => {
            (503, "server busy, please try again.  maximum pending requests exceeded")
        }
        ErrorKind::Overloaded => (503, "server overloaded"),
        ErrorKind::Loading => (503, "Loading model"),
        ErrorKind::Timeout => (504, "timeout"),
    }
}

/// The servers that name the size of a prompt in a text of their own.
fn too_long(vendor: Vendor, error: &ApiError) -> Option<String> {
    let (tokens, window) = error.window.unwrap_or((200_000, RUNNING_CONTEXT));
    match (vendor, error.kind) {
        (Vendor::Vllm, ErrorKind::ContextLength) => Some(format!(
            "You passed {tokens} input tokens and requested 0 output tokens. However, the model's context \
             length is only {window} tokens, resulting in a maximum input length of {window} tokens. Please \
             reduce the length of the input prompt."
        )),
        (Vendor::LmStudio, ErrorKind::ContextLength) => Some(format!(
            "Trying to keep the first {tokens} tokens when context the overflows. However, the model is loaded \
             with context length of only {window} tokens, which is not enough. Try to load the model with a \
             larger context length, or provide a shorter input"
        )),
        _ => None,
    }
}

/// The server's own word for the kind of error.
fn type_name(vendor: Vendor, kind: ErrorKind, status: u16) -> &'static str {
    match (vendor, status) {
        (Vendor::LlamaCpp, _) if kind == ErrorKind::ContextLength => "exceed_context_size_error",
        (Vendor::LlamaCpp, 401) => "authentication_error",
        (Vendor::LlamaCpp, 403) => "permission_error",
        (Vendor::LlamaCpp | Vendor::Ollama, 404) => "not_found_error",
        (Vendor::LlamaCpp, 503) => "unavailable_error",
        (Vendor::LlamaCpp, 500..) => "server_error",
        (Vendor::Vllm, 401) => "AuthenticationError",
        (Vendor::Vllm, 404) => "NotFoundError",
        (Vendor::Vllm, 503) => "ServiceUnavailableError",
        (Vendor::Vllm, 500..) => "InternalServerError",
        (Vendor::Vllm, _) => "BadRequestError",
        (_, 400..=499) => "invalid_request_error",
        _ => "api_error",
    }
}

/// The error in the form of the server's OpenAI-compatible face.
pub(super) fn body(vendor: Vendor, error: &ApiError) -> Value {
    let (usual_status, usual) = words(vendor, error.kind);
    let status = error.status.unwrap_or(usual_status);
    let message = error.text(&too_long(vendor, error).unwrap_or_else(|| usual.to_owned()));
    let kind = type_name(vendor, error.kind, usual_status);
    match error.style {
        ErrorStyle::Text => return json!({"error": message}),
        ErrorStyle::Object => {
            return json!({
                "object": "error",
                "message": message,
                "type": kind,
                "param": null,
                "code": status,
            });
        }
        ErrorStyle::Detail => return json!({"detail": message}),
        _ => {}
    }
    let object = match vendor {
        Vendor::LlamaCpp => {
            let mut object = json!({"code": status, "message": message, "type": kind});
            // The sizes are fields, so that no client has to read them out of a text.
            if let Some((tokens, window)) = error.window {
                object["n_prompt_tokens"] = tokens.into();
                object["n_ctx"] = window.into();
            }
            object
        }
        Vendor::Vllm => {
            let too_long = error.kind == ErrorKind::ContextLength;
            let param = error.param.as_deref().or(too_long.then_some("input_tokens"));
            // vLLM's code is a number, where OpenAI's is a word.
            json!({"message": message, "type": kind, "param": param, "code": status})
        }
        _ => json!({
            "message": message,
            "type": kind,
            "param": error.param,
            "code": error.code,
        }),
    };
    json!({"error": object})
}

/// `native` is Ollama's own call, whose errors are a single text.
pub(super) fn refuse(vendor: Vendor, native: bool, error: &ApiError) -> Answer {
    let (status, usual) = words(vendor, error.kind);
    let mut answer = match (vendor, error.kind, &error.message) {
        // Ollama's router answers so, in plain text.
        (Vendor::Ollama, ErrorKind::NotFound, _) => Answer::text("text/plain", "404 page not found"),
        // vLLM's web framework answers these before the API does, in forms of its own.
        (Vendor::Vllm, ErrorKind::NotFound, _) => Answer::json(json!({"detail": "Not Found"})),
        (Vendor::Vllm, ErrorKind::Authentication, _) => Answer::json(json!({"error": "Unauthorized"})),
        (Vendor::LmStudio, ErrorKind::NotFound, Some(message)) => {
            let mut answer = Answer::json(json!({"error": message}));
            // This server answers unknown paths with a good status.
            answer.status = 200;
            return answer;
        }
        _ if native => Answer::json(json!({"error": error.text(usual)})),
        _ => Answer::json(body(vendor, error)),
    };
    answer.status = status;
    answer
}
