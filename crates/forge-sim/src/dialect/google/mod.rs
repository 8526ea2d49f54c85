//! Google Gemini `generateContent`.

mod contents;
mod embed;
mod error;
mod field;
mod models;
mod parts;
mod request;
mod response;
mod tools;

use serde_json::{Value, json};

use crate::answer::{Answer, Framing, Stream};
use crate::api_error::ApiError;
use crate::call::{Call, decode};
use crate::context::Context;
use crate::error_kind::ErrorKind;
use crate::scenario::LineEnding;

pub(super) use error::refuse;
use response::{Reply, Shape};

pub(super) fn credential(call: &Call) -> Option<String> {
    call.header("x-goog-api-key").or_else(|| call.query("key")).map(ToOwned::to_owned)
}

pub(super) fn authenticate(call: &Call) -> Result<(), ApiError> {
    match call.credential.as_deref() {
        // No key at all is a 403, a bad one a 400.
        None | Some("") => Err(ApiError::new(ErrorKind::Permission).with_message(
            "Method doesn't allow unregistered callers (callers without established identity). \
             Please use API Key or other form of API consumer identity to call this API.",
        )),
        Some(key) if key.contains("invalid") => Err(ApiError::new(ErrorKind::Authentication)),
        Some(_) => Ok(()),
    }
}

/// The path below the API's version, of which newer clients send `v1`.
fn unversioned(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1beta").or_else(|| path.strip_prefix("/v1"))?;
    rest.starts_with('/').then_some(rest)
}

/// The model and the method of `…/models/{model}:{method}`.
fn target(call: &Call) -> Option<(String, String)> {
    let path = decode(&call.path);
    let rest = unversioned(&path)?.strip_prefix("/models/")?;
    let (model, method) = rest.split_once(':')?;
    Some((model.to_owned(), method.to_owned()))
}

pub(super) fn asked_model(call: &Call) -> Option<String> {
    target(call).map(|(model, _)| model)
}

pub(super) fn generates(call: &Call) -> bool {
    call.is_post()
        && target(call)
            .is_some_and(|(_, method)| matches!(method.as_str(), "generateContent" | "streamGenerateContent"))
}

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    if call.is_get() {
        return catalogue(call).map(Answer::json);
    }
    let unknown = || ApiError::new(ErrorKind::NotFound).with_message("Method not found.");
    let (model, method) = target(call).filter(|_| call.is_post()).ok_or_else(unknown)?;
    match method.as_str() {
        "generateContent" => generate(call, &model, Shape::Whole, cx),
        "streamGenerateContent" => generate(call, &model, Shape::Stream, cx),
        "countTokens" => count(call, &model, cx),
        "embedContent" => embed::one(&call.body, &model),
        "batchEmbedContents" => embed::many(&call.body, &model),
        _ => Err(unknown()),
    }
}

fn generate(call: &Call, model: &str, shape: Shape, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let request = request::parse(&call.body, model, shape == Shape::Whole, cx)?;
    let mut completion = cx.complete(&request.turn)?;
    // Every candidate is written and billed, though all of them say the same here.
    completion.usage.output *= request.candidates;
    completion.usage.reasoning *= request.candidates;
    let reply = Reply::new(&completion, &request, shape, cx);
    let answer = match shape {
        Shape::Whole => Answer::json(reply.whole()),
        Shape::Stream => Answer::stream(Stream {
            framing: if call.query("alt") == Some("sse") {
                Framing::Sse(LineEnding::Crlf)
            } else {
                Framing::JsonArray
            },
            frames: reply.frames(),
            error_frames: Box::new(|error, _| error::frames(error)),
        }),
    };
    Ok(answer.reporting(completion.usage, &completion.model))
}

/// Counts `contents`, or a whole `generateContentRequest`.
fn count(call: &Call, model: &str, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let whole = field::get(&call.body, "generateContentRequest");
    let body = match whole {
        Some(request) => {
            field::check_names(&call.body, "", &["generateContentRequest"])?;
            request
        }
        None => {
            field::check_names(&call.body, "", &["contents"])?;
            &call.body
        }
    };
    let request = request::parse(body, model, false, cx)?;
    let tokens = request.turn.prompt_tokens();
    Ok(Answer::json(json!({
        "totalTokens": tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
    })))
}

const DEFAULT_PAGE: usize = 50;
const TOKEN_PREFIX: &str = "page-";

fn catalogue(call: &Call) -> Result<Value, ApiError> {
    let path = decode(&call.path);
    let path = unversioned(&path).unwrap_or_default();
    if let Some(id) = path.strip_prefix("/models/") {
        return models::find(id).map(models::Model::object).ok_or_else(|| unknown_model(id));
    }
    if path != "/models" {
        return Err(ApiError::new(ErrorKind::NotFound).with_message("Method not found."));
    }
    // Too large a page is cut to the most there is; the Messages API refuses it.
    let size = match call.query("pageSize") {
        None => DEFAULT_PAGE,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|size| *size > 0)
            .ok_or_else(|| ApiError::invalid("Invalid page size."))?
            .min(1000),
    };
    let start = match call.query("pageToken") {
        None => 0,
        Some(token) => token
            .strip_prefix(TOKEN_PREFIX)
            .and_then(|number| number.parse::<usize>().ok())
            .filter(|start| *start < models::MODELS.len())
            .ok_or_else(|| ApiError::invalid("Invalid page token."))?,
    };
    let end = (start + size).min(models::MODELS.len());
    let page: Vec<Value> = models::MODELS[start..end].iter().map(models::Model::object).collect();
    let mut list = json!({"models": page});
    if end < models::MODELS.len() {
        list["nextPageToken"] = format!("{TOKEN_PREFIX}{end}").into();
    }
    Ok(list)
}

fn unknown_model(asked: &str) -> ApiError {
    ApiError::new(ErrorKind::ModelNotFound).with_message(format!(
        "models/{asked} is not found for API version v1beta, or is not supported for \
         generateContent. Call ListModels to see the list of available models and their supported \
         methods."
    ))
}
