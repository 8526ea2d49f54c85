//! `POST /api/generate`: Ollama's call for one prompt.

use serde_json::{Value, json};

use super::native::{CREATED_AT, last_line, lines, loaded, streams, turn};
use crate::answer::{Answer, Frame, word_groups};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::completion::Completion;
use crate::context::Context;
use crate::tokens::{attachments, count};

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let body = &call.body;
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    let mut turn = turn(body)?;
    // Tools are for chats.
    turn.tools.clear();
    let images = body.get("images").and_then(Value::as_array).map_or(0, Vec::len);
    if text("prompt").is_empty() && images == 0 {
        return Ok(Answer::json(loaded(&turn, "response", "".into())));
    }
    text("system").clone_into(&mut turn.system);
    turn.push_prompt(text("system"));
    text("prompt").clone_into(&mut turn.user);
    turn.push_prompt(format!("{}{}{}", text("prompt"), text("suffix"), attachments(images)));
    let completion = cx.complete(&turn)?;
    let answer =
        if streams(body) { lines(frames(&completion, cx)) } else { Answer::json(whole(&completion, cx)) };
    Ok(answer.reporting(completion.usage, &completion.model))
}

fn said(completion: &Completion) -> String {
    completion.text() + completion.refusal().unwrap_or_default()
}

fn whole(completion: &Completion, cx: &Context<'_>) -> Value {
    let mut reply = end(completion, cx);
    reply["response"] = said(completion).into();
    let thinking = completion.thinking();
    if !thinking.is_empty() {
        reply["thinking"] = thinking.into();
    }
    reply
}

/// The last line also tells the tokens so far, with which an old client goes on.
fn end(completion: &Completion, cx: &Context<'_>) -> Value {
    let mut line = last_line(completion, cx);
    line["response"] = "".into();
    line["context"] = json!((0..completion.usage.total().min(64)).collect::<Vec<_>>());
    line
}

fn frames(completion: &Completion, cx: &Context<'_>) -> Vec<Frame> {
    let line = |response: &str, thinking: &str, piece: &str| {
        let mut line = json!({
            "model": completion.model,
            "created_at": CREATED_AT,
            "response": response,
            "done": false,
        });
        if !thinking.is_empty() {
            line["thinking"] = thinking.into();
        }
        Frame::data(line.to_string()).weighing(count(piece, 100))
    };
    let thoughts = completion.thinking();
    let text = said(completion);
    let mut frames: Vec<Frame> =
        word_groups(&thoughts).into_iter().map(|piece| line("", piece, piece)).collect();
    frames.extend(word_groups(&text).into_iter().map(|piece| line(piece, "", piece)));
    frames.push(Frame::data(end(completion, cx).to_string()).terminal());
    frames
}
