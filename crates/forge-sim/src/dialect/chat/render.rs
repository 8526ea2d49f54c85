use serde_json::Value;

use super::reply::Reply;
use super::{Output, Style, stream};
use crate::answer::{Answer, Framing, Stream};
use crate::api_error::ApiError;
use crate::completion::Completion;
use crate::context::Context;
use crate::scenario::LineEnding;

/// The reply, whole or in chunks. `error_body` gives the server's own form of an error.
pub(in crate::dialect) fn answer(
    completion: &Completion,
    style: Style,
    output: Output,
    cx: &mut Context<'_>,
    error_body: impl Fn(&ApiError) -> Value + Send + 'static,
) -> Answer {
    let reply = Reply::new(completion, style, cx);
    let answer = if output.stream {
        Answer::stream(Stream {
            framing: Framing::Sse(LineEnding::Lf),
            frames: stream::frames(&reply, completion, output, cx),
            error_frames: stream::error_frames(&reply, error_body),
        })
    } else {
        Answer::json(reply.whole(completion, output, cx))
    };
    answer.reporting(completion.usage, &completion.model)
}
