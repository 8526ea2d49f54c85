//! `POST /responses` and its token count.

use serde_json::json;

use super::host::Host;
use super::{request, response, stored, stream};
use crate::answer::{Answer, Framing, Stream};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::scenario::LineEnding;

pub(super) fn vendor(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    answer(call, &Host::vendor(&call.body)?, cx)
}

/// The response of whoever the host is.
pub(in crate::dialect) fn answer(call: &Call, host: &Host, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let request = request::parse(call, host, cx)?;
    let completion = cx.complete(&request.turn)?;
    let response = response::Response::new(&completion, &request, cx);
    if request.store {
        stored::keep(&response.id, &response.finished(), &request.items, cx);
    }
    let answer = if request.stream {
        let frames = stream::frames(&response, request.obfuscation, cx);
        Answer::stream(Stream {
            framing: Framing::Sse(LineEnding::Lf),
            frames,
            error_frames: stream::error_frames(&response),
        })
    } else {
        Answer::json(response.finished())
    };
    Ok(answer.reporting(completion.usage, &completion.model))
}

pub(super) fn count(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let request = request::parse(call, &Host::vendor(&call.body)?, cx)?;
    Ok(Answer::json(json!({
        "object": "response.input_tokens",
        "input_tokens": request.turn.prompt_tokens(),
    })))
}
