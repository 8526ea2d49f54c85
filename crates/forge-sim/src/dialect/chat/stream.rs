use serde_json::{Value, json};

use super::logprobs::logprobs;
use super::reply::Reply;
use super::{Output, UsageStyle};
use crate::answer::{ErrorFrames, Frame, FrameKind, fragments, word_groups};
use crate::api_error::ApiError;
use crate::completion::Completion;
use crate::context::Context;
use crate::scenario::{ErrorStyle, Quirk};
use crate::tokens::count;

pub(super) fn frames(
    reply: &Reply,
    completion: &Completion,
    output: Output,
    cx: &mut Context<'_>,
) -> Vec<Frame> {
    let mut chunks = Chunks { reply, output, frames: Vec::new() };
    let mut first = json!({"role": "assistant", "content": ""});
    if reply.style.vendor_extras {
        first["refusal"] = Value::Null;
    }
    chunks.delta(&first, 0, cx);
    for (delta, piece) in reply.thinking.deltas() {
        chunks.delta(&delta, count(piece, 100), cx);
    }
    for piece in word_groups(&reply.text) {
        chunks.delta(&json!({"content": piece}), count(piece, 100), cx);
    }
    if let Some(refusal) = completion.refusal() {
        let field = if reply.style.vendor_extras { "refusal" } else { "content" };
        for piece in word_groups(refusal) {
            chunks.delta(&json!({field: piece}), count(piece, 100), cx);
        }
    }
    for call in &reply.calls {
        chunks.call(call, cx);
    }
    chunks.finish(completion, cx)
}

struct Chunks<'a> {
    reply: &'a Reply,
    output: Output,
    frames: Vec<Frame>,
}

impl Chunks<'_> {
    fn delta(&mut self, delta: &Value, tokens: u64, cx: &mut Context<'_>) {
        let chunk = self.chunk(delta, &Value::Null, cx);
        self.frames.push(Frame::data(chunk.to_string()).weighing(tokens));
    }

    fn chunk(&self, delta: &Value, finish_reason: &Value, cx: &mut Context<'_>) -> Value {
        let mut chunk = self.reply.envelope("chat.completion.chunk");
        let logprobs = match delta.get("content").and_then(Value::as_str) {
            Some(text) if !text.is_empty() => logprobs(text, self.output),
            _ => Value::Null,
        };
        chunk["choices"] = json!([{
            "index": 0,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }]);
        if self.output.usage_in_every_chunk && !cx.has(Quirk::NoUsage) {
            chunk["usage"] = self.reply.usage.clone();
        } else if self.output.include_usage && self.reply.style.vendor_extras {
            // With `include_usage` all chunks but one have a null here, which is no usage of zero.
            chunk["usage"] = Value::Null;
        }
        if self.output.obfuscation {
            let padding = 4 + cx.rng.below(8);
            chunk["obfuscation"] = cx.rng.alphanumeric(padding).into();
        }
        chunk
    }

    /// The id and the name come first, the arguments in fragments.
    fn call(&mut self, call: &Value, cx: &mut Context<'_>) {
        let (form, field) =
            if call.get("custom").is_some() { ("custom", "input") } else { ("function", "arguments") };
        let arguments = call[form][field].as_str();
        // Fragments without an index could not be joined, so that such a call comes whole.
        let whole = cx.has(Quirk::WholeToolCall) || cx.has(Quirk::NoIndex);
        let Some(arguments) = arguments.filter(|_| !whole) else {
            return self.delta(&json!({"tool_calls": [call]}), 1, cx);
        };
        let mut opening = call.clone();
        opening[form][field] = "".into();
        self.delta(&json!({"tool_calls": [opening]}), 1, cx);
        for piece in fragments(arguments) {
            let fragment = json!({"index": call["index"], form: {field: piece}});
            self.delta(&json!({"tool_calls": [fragment]}), count(piece, 100), cx);
        }
    }

    fn finish(mut self, completion: &Completion, cx: &mut Context<'_>) -> Vec<Frame> {
        let style = self.reply.style;
        let mut delta = json!({});
        // vLLM may put the last piece of text and the reason into one chunk.
        if style.finish_with_content
            && !self.reply.text.is_empty()
            && self.reply.calls.is_empty()
            && let Some(last) = self.frames.pop()
        {
            let last: Value = serde_json::from_str(&last.data).unwrap_or_default();
            delta = last["choices"][0]["delta"].clone();
        }
        let mut last = self.chunk(&delta, &self.reply.finish_reason, cx);
        let shape = match style.usage {
            UsageStyle::Shaped(shape) => Some(shape),
            _ => None,
        };
        let unasked = shape.is_some_and(|shape| shape.unasked) && !cx.has(Quirk::NoUsage);
        let in_choice = shape.is_some_and(|shape| shape.in_choice) || cx.has(Quirk::UsageInChoice);
        let asked = self.output.include_usage && !cx.has(Quirk::NoUsage);
        if in_choice && (asked || unasked) {
            last["choices"][0]["usage"] = self.reply.usage.clone();
        } else if unasked {
            last["usage"] = self.reply.usage.clone();
        }
        let totals = asked && !in_choice && !unasked;
        if !totals {
            self.reply.add_timings(&mut last, &completion.usage);
        }
        // Terminal, so that a cut before the end holds the reason back too.
        self.frames.push(Frame::data(last.to_string()).terminal());
        if totals {
            let mut chunk = self.reply.envelope("chat.completion.chunk");
            // A client that reaches for the first choice of every chunk fails here.
            chunk["choices"] = json!([]);
            chunk["usage"] = self.reply.usage.clone();
            self.reply.add_timings(&mut chunk, &completion.usage);
            self.frames.push(Frame::data(chunk.to_string()).terminal());
        }
        // Behind the usage chunk, so that nobody takes usage for the last word.
        if cx.has(Quirk::ModerationChunk) {
            let mut chunk = self.reply.envelope("chat.completion.chunk");
            chunk["choices"] = json!([]);
            chunk["moderation"] = json!({"flagged": false});
            self.frames.push(Frame::data(chunk.to_string()).terminal());
        }
        if !cx.has(Quirk::NoDone) {
            self.frames.push(Frame::data("[DONE]").terminal());
        }
        self.frames
    }
}

pub(super) fn error_frames(
    reply: &Reply,
    error_body: impl Fn(&ApiError) -> Value + Send + 'static,
) -> ErrorFrames {
    let style = reply.style;
    let mut empty = reply.envelope("chat.completion.chunk");
    empty["choices"] = json!([{
        "index": 0,
        "delta": {"role": "assistant", "content": ""},
        "finish_reason": null,
    }]);
    Box::new(move |error, _| {
        // Ollama's face drops the error: no reason and no `[DONE]` are all that tells.
        if style.swallows_errors && error.style == ErrorStyle::Usual {
            return vec![Frame::data(empty.to_string())];
        }
        let body = error_body(error);
        let kind = match error.style {
            ErrorStyle::FieldLine => FrameKind::FieldLine,
            ErrorStyle::Bare => FrameKind::Bare,
            _ => FrameKind::Event,
        };
        // The old field line carries the inner object.
        let text = match kind {
            FrameKind::FieldLine => body["error"].to_string(),
            _ => body.to_string(),
        };
        let mut frames = vec![Frame::data(text).of_kind(kind)];
        if style.done_after_error {
            frames.push(Frame::data("[DONE]").terminal());
        }
        frames
    })
}
