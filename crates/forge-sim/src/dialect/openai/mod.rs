//! OpenAI Chat Completions and Responses.

mod chat;
mod duration;
mod error;
mod gates;
mod host;
mod input;
mod items;
mod models;
mod request;
mod response;
mod responses;
mod stored;
mod stream;
mod tools;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::dialect::embed;
use crate::error_kind::ErrorKind;
use crate::limits::Level;
use duration::go_duration;
pub(super) use host::{Host, Previous, Thoughts};
pub(super) use responses::answer as respond;

pub(super) fn authenticate(call: &Call) -> Result<(), ApiError> {
    let refused = |text: String| ApiError::new(ErrorKind::Authentication).with_message(text);
    match call.bearer() {
        None | Some("") => Err(refused(
            "You didn't provide an API key. You need to provide your API key in an Authorization \
             header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
                .to_owned(),
        )),
        // The vendor repeats a bad key in part: enough to recognize it, and not enough to use it.
        Some(key) if key.contains("invalid") => Err(refused(format!(
            "Incorrect API key provided: {}. You can find your API key at \
             https://platform.openai.com/account/api-keys.",
            crate::journal::mask(key)
        ))),
        Some(_) => Ok(()),
    }
}

pub(super) fn generates(call: &Call) -> bool {
    call.is_post() && matches!(call.path.as_str(), "/v1/responses" | "/v1/chat/completions")
}

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/v1/responses") => responses::vendor(call, cx),
        ("POST", "/v1/responses/input_tokens") => responses::count(call, cx),
        ("POST", "/v1/chat/completions") => chat::answer(call, cx),
        ("POST", "/v1/embeddings") => embed::answer(call.vendor, &call.body, unknown_model),
        ("GET", "/v1/models") => {
            let models: Vec<Value> = models::MODELS.iter().map(models::Model::object).collect();
            Ok(Answer::json(json!({"object": "list", "data": models})))
        }
        ("GET", path) if path.starts_with("/v1/models/") => {
            let id = path.trim_start_matches("/v1/models/");
            match models::find(id) {
                Some(model) => Ok(Answer::json(model.object())),
                None => Err(unknown_model(id)),
            }
        }
        (method @ ("GET" | "DELETE"), path) if path.starts_with("/v1/responses/") => {
            stored::answer(method, path.trim_start_matches("/v1/responses/"), cx)
        }
        (method, path) => {
            Err(ApiError::new(ErrorKind::NotFound).with_message(format!("Invalid URL ({method} {path})")))
        }
    }
}

fn unknown_model(asked: &str) -> ApiError {
    ApiError::new(ErrorKind::ModelNotFound)
        .with_message(format!("The model '{asked}' does not exist"))
        .with_param("model")
}

pub(super) fn refuse(call: &Call, error: &ApiError) -> Answer {
    error::refuse(error, call.path.starts_with("/v1/responses"))
}

pub(super) fn add_headers(call: &Call, answer: &mut Answer, cx: &Context<'_>) {
    let token = &cx.request_token;
    answer.headers.push(("x-request-id", format!("req_{token}")));
    answer.headers.push(("openai-version", "2020-10-01".to_owned()));
    answer.headers.push(("openai-organization", "org-simulated".to_owned()));
    answer.headers.push(("openai-project", "proj_simulated".to_owned()));
    answer.headers.push(("openai-processing-ms", "1".to_owned()));
    if !generates(call) || answer.status == 401 {
        return;
    }
    let levels = cx.levels().unwrap_or_default();
    let requests = levels.requests.unwrap_or(Level::full(10_000));
    // OpenAI has one meter for tokens; the input limit of a script stands in for it.
    let tokens = levels.tokens.or(levels.input_tokens).unwrap_or(Level::full(2_000_000));
    let mut add = |name, value| answer.headers.push((name, value));
    add("x-ratelimit-limit-requests", requests.limit.to_string());
    add("x-ratelimit-limit-tokens", tokens.limit.to_string());
    add("x-ratelimit-remaining-requests", requests.remaining.to_string());
    add("x-ratelimit-remaining-tokens", tokens.remaining.to_string());
    add("x-ratelimit-reset-requests", go_duration(requests.full_in));
    add("x-ratelimit-reset-tokens", go_duration(tokens.full_in));
}
