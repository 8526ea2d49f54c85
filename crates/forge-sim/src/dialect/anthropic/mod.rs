//! Anthropic Messages.

mod attachments;
mod blocks;
mod calls;
mod error;
mod gates;
mod history;
mod models;
mod request;
mod response;
mod schema;
mod stream;
mod threads;
mod tools;
mod version;

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::answer::{Answer, Framing, Payload, Stream};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::error_kind::ErrorKind;
use crate::limits::Level;
use crate::scenario::LineEnding;

pub(super) use error::refuse;
use threads::Thread;
use version::Version;

pub(super) fn credential(call: &Call) -> Option<String> {
    call.header("x-api-key").or_else(|| call.bearer()).map(ToOwned::to_owned)
}

pub(super) fn authenticate(call: &Call) -> Result<(), ApiError> {
    if call.path == "/" {
        // Clients look here whether the host is there at all.
        return Ok(());
    }
    let refused = |text: &str| Err(ApiError::new(ErrorKind::Authentication).with_message(text));
    if call.header("x-api-key").is_some() && call.header("authorization").is_some() {
        return refused("Only one of x-api-key and Authorization may be given");
    }
    match call.credential.as_deref() {
        None | Some("") => refused("x-api-key header is required"),
        Some(key) if key.contains("invalid") => refused("API key is invalid."),
        Some(_) => Version::read(call.header("anthropic-version")).map(drop),
    }
}

pub(super) fn generates(call: &Call) -> bool {
    call.is_post() && call.path == "/v1/messages"
}

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/v1/messages") => messages(call, cx),
        ("POST", "/v1/messages/count_tokens") => {
            let request = request::parse(call, &call.body, cx, request::Purpose::Count)?;
            Ok(Answer::json(json!({"input_tokens": request.turn.prompt_tokens()})))
        }
        ("GET" | "HEAD", "/") => Ok(Answer::new(200, Payload::Empty)),
        ("GET", "/v1/models") => list(call).map(Answer::json),
        ("GET", path) if path.starts_with("/v1/models/") => {
            let id = path.trim_start_matches("/v1/models/");
            match models::find(id) {
                Some(model) => Ok(Answer::json(model.object())),
                None => Err(ApiError::new(ErrorKind::ModelNotFound).with_message(format!("model: {id}"))),
            }
        }
        _ => Err(ApiError::new(ErrorKind::NotFound)),
    }
}

fn messages(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let thread = Thread::read(call)?;
    let whole = thread.whole(&call.body, cx)?;
    let request = request::parse(call, &whole, cx, request::Purpose::Answer)?;
    let completion = cx.complete(&request.turn)?;
    let message = response::Message::new(&completion, &request, cx);
    thread.keep(&whole, &message.id, &message.json()["content"], cx);
    let answer = if request.stream {
        Answer::stream(Stream {
            framing: Framing::Sse(LineEnding::Lf),
            frames: stream::frames(&message, cx),
            error_frames: Box::new(|error, _| error::frames(error)),
        })
    } else {
        Answer::json(message.json())
    };
    Ok(answer.reporting(completion.usage, &completion.model))
}

const DEFAULT_PAGE: usize = 20;

/// A page of the model list.
fn list(call: &Call) -> Result<Value, ApiError> {
    let limit = match call.query("limit") {
        None => DEFAULT_PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=1000).contains(limit))
            .ok_or_else(|| ApiError::invalid("limit: Input should be between 1 and 1000"))?,
    };
    let ids: Vec<&str> = models::MODELS.iter().map(|model| model.id).collect();
    let position = |id: &str| {
        ids.iter()
            .position(|known| *known == id)
            .ok_or_else(|| ApiError::invalid(format!("cursor: unknown model {id}")))
    };
    let (page, has_more) = if let Some(id) = call.query("before_id") {
        let end = position(id)?;
        let start = end.saturating_sub(limit);
        (start..end, start > 0)
    } else {
        let start = match call.query("after_id") {
            Some(id) => position(id)? + 1,
            None => 0,
        };
        let end = (start + limit).min(ids.len());
        (start..end, end < ids.len())
    };
    let page = &models::MODELS[page];
    Ok(json!({
        "data": page.iter().map(models::Model::object).collect::<Vec<_>>(),
        "has_more": has_more,
        "first_id": page.first().map(|model| model.id),
        "last_id": page.last().map(|model| model.id),
    }))
}

/// Request id on every reply, rate headers on every reply of a model.
pub(super) fn add_headers(call: &Call, answer: &mut Answer, cx: &Context<'_>) {
    answer.headers.push(("request-id", request_id(cx)));
    answer.headers.push(("anthropic-organization-id", "00000000-0000-4000-8000-000000000001".to_owned()));
    // Limits belong to a key; without a good one there are none to tell.
    if !generates(call) || answer.status == 401 {
        return;
    }
    // Also without limits in the scenario: the vendor tells its limits on every reply.
    let levels = cx.levels().unwrap_or_default();
    let input = levels.input_tokens.unwrap_or(Level::full(2_000_000));
    let output = levels.output_tokens.unwrap_or(Level::full(400_000));
    let both = levels.tokens.unwrap_or(Level {
        limit: input.limit + output.limit,
        remaining: input.remaining + output.remaining,
        full_in: input.full_in.max(output.full_in),
    });
    add_level(answer, REQUESTS, levels.requests.unwrap_or(Level::full(4_000)));
    add_level(answer, TOKENS, thousands(both));
    add_level(answer, INPUT, thousands(input));
    add_level(answer, OUTPUT, thousands(output));
}

type Names = [&'static str; 3];
const REQUESTS: Names = [
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
];
const TOKENS: Names = [
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
];
const INPUT: Names = [
    "anthropic-ratelimit-input-tokens-limit",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
];
const OUTPUT: Names = [
    "anthropic-ratelimit-output-tokens-limit",
    "anthropic-ratelimit-output-tokens-remaining",
    "anthropic-ratelimit-output-tokens-reset",
];

fn add_level(answer: &mut Answer, [limit, remaining, reset]: Names, level: Level) {
    // This vendor tells a point in time, where OpenAI tells a duration.
    let full = Utc::now() + TimeDelta::from_std(level.full_in).unwrap_or_default();
    answer.headers.push((limit, level.limit.to_string()));
    answer.headers.push((remaining, level.remaining.to_string()));
    answer.headers.push((reset, full.to_rfc3339_opts(SecondsFormat::Secs, true)));
}

/// Remaining tokens are told in thousands.
fn thousands(level: Level) -> Level {
    Level { remaining: level.remaining / 1000 * 1000, ..level }
}

fn request_id(cx: &Context<'_>) -> String {
    format!("req_01{}", cx.request_token)
}
