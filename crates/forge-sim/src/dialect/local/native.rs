//! Ollama's own calls.

use serde_json::{Map, Value, json};

use super::models::{self, Model, RUNNING_CONTEXT};
use super::unknown_model;
use crate::answer::{Answer, Frame, Framing, Stream, word_groups};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::completion::{Completion, Stop};
use crate::context::Context;
use crate::dialect::chat::{self, Reading};
use crate::scenario::Quirk;
use crate::tokens::count;
use crate::turn::{Format, Turn};
use crate::vendor::Vendor;

pub(super) const CREATED_AT: &str = "2026-11-20T12:00:00Z";

pub(super) fn chat(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let body = &call.body;
    let mut turn = turn(body)?;
    turn.push_tools();
    let empty = |messages: &Value| messages.as_array().is_none_or(Vec::is_empty);
    if body.get("messages").is_none_or(empty) {
        return Ok(Answer::json(loaded(&turn, "message", json!({"role": "assistant", "content": ""}))));
    }
    chat::read_messages(body.get("messages"), Reading::Lenient, &mut turn)?;
    let completion = cx.complete(&turn)?;
    let answer =
        if streams(body) { lines(frames(&completion, cx)) } else { Answer::json(whole(&completion, cx)) };
    Ok(answer.reporting(completion.usage, &completion.model))
}

/// A reply is a stream unless the client wants it whole.
pub(super) fn streams(body: &Value) -> bool {
    body.get("stream").and_then(Value::as_bool).unwrap_or(true)
}

/// The stream of these lines, which an error ends with one of its own.
pub(super) fn lines(frames: Vec<Frame>) -> Answer {
    Answer::stream(Stream {
        framing: Framing::NdJson,
        frames,
        error_frames: Box::new(|error, _| {
            let line = json!({"error": error.text("an error was encountered while running the model")});
            vec![Frame::data(line.to_string())]
        }),
    })
}

/// The settings that both calls share.
pub(super) fn turn(body: &Value) -> Result<Turn, ApiError> {
    let asked = body.get("model").and_then(Value::as_str).unwrap_or("");
    let model = find(asked)?;
    let options = body.get("options").unwrap_or(&Value::Null);
    // Only the native calls can set the window; the compatible face has no field for it.
    let context = options.get("num_ctx").and_then(Value::as_u64).unwrap_or(RUNNING_CONTEXT);
    let mut turn = Turn::new(Vendor::Ollama, model.facts(Vendor::Ollama, asked, context));
    turn.tools = chat::tools(body, Reading::Lenient)?;
    if !turn.tools.is_empty() && !model.tools {
        return Err(ApiError::invalid(format!("{asked} does not support tools")));
    }
    turn.thinks = thinks(body, model, asked)?;
    turn.format = match body.get("format") {
        None | Some(Value::Null) => Format::Text,
        Some(Value::String(word)) if word == "json" => Format::JsonObject,
        Some(Value::String(word)) if word.is_empty() => Format::Text,
        Some(schema @ Value::Object(_)) => Format::Schema {
            name: schema.get("title").and_then(Value::as_str).map(ToOwned::to_owned),
            schema: schema.clone(),
        },
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "invalid format: {other}; expected \"json\" or a valid JSON Schema object"
            )));
        }
    };
    turn.stop = chat::stop(options, Reading::Lenient)?;
    turn.max_tokens = options.get("num_predict").and_then(Value::as_u64);
    Ok(turn)
}

pub(super) fn find(asked: &str) -> Result<&'static Model, ApiError> {
    models::find(Vendor::Ollama, asked).ok_or_else(|| unknown_model(Vendor::Ollama, asked))
}

fn thinks(body: &Value, model: &Model, asked: &str) -> Result<bool, ApiError> {
    match body.get("think") {
        None | Some(Value::Null) => Ok(model.thinks),
        Some(Value::Bool(false)) => Ok(false),
        Some(_) if model.thinks => Ok(true),
        Some(_) => Err(ApiError::invalid(format!("\"{asked}\" does not support thinking"))),
    }
}

/// A call that says nothing only loads the model; `field` is where the answer would be.
pub(super) fn loaded(turn: &Turn, field: &str, empty: Value) -> Value {
    let mut reply = json!({
        "model": turn.model.served,
        "created_at": CREATED_AT,
        "done_reason": "load",
        "done": true,
    });
    reply[field] = empty;
    reply
}

fn calls(completion: &Completion, cx: &mut Context<'_>) -> Vec<Value> {
    completion
        .calls()
        .enumerate()
        .map(|(index, call)| {
            // The arguments are an object here, where the compatible face has a text.
            let mut value = json!({
                "function": {"index": index, "name": call.name, "arguments": call.arguments},
            });
            if !cx.has(Quirk::NoId) {
                value["id"] = format!("call_{}", cx.rng.alphanumeric(8).to_lowercase()).into();
            }
            value
        })
        .collect()
}

fn whole(completion: &Completion, cx: &mut Context<'_>) -> Value {
    let mut message = Map::new();
    message.insert("role".into(), "assistant".into());
    let words = completion.refusal().unwrap_or_default();
    message.insert("content".into(), (completion.text() + words).into());
    let thinking = completion.thinking();
    if !thinking.is_empty() {
        message.insert("thinking".into(), thinking.into());
    }
    let calls = calls(completion, cx);
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    let mut reply = last_line(completion, cx);
    reply["message"] = message.into();
    reply
}

fn frames(completion: &Completion, cx: &mut Context<'_>) -> Vec<Frame> {
    let line = |message: Value, tokens: u64| {
        let line = json!({
            "model": completion.model,
            "created_at": CREATED_AT,
            "message": message,
            "done": false,
        });
        Frame::data(line.to_string()).weighing(tokens)
    };
    let mut frames = Vec::new();
    for piece in word_groups(&completion.thinking()) {
        let message = json!({"role": "assistant", "content": "", "thinking": piece});
        frames.push(line(message, count(piece, 100)));
    }
    let text = completion.text() + completion.refusal().unwrap_or_default();
    for piece in word_groups(&text) {
        let message = json!({"role": "assistant", "content": piece});
        frames.push(line(message, count(piece, 100)));
    }
    let calls = calls(completion, cx);
    if !calls.is_empty() {
        let message = json!({"role": "assistant", "content": "", "tool_calls": calls});
        frames.push(line(message, 1));
    }
    let mut last = last_line(completion, cx);
    last["message"] = json!({"role": "assistant", "content": ""});
    frames.push(Frame::data(last.to_string()).terminal());
    frames
}

/// The line that ends a reply; durations are in nanoseconds.
pub(super) fn last_line(completion: &Completion, cx: &Context<'_>) -> Value {
    let reason = match completion.stop {
        Stop::MaxTokens | Stop::ContextWindow => "length",
        _ => "stop",
    };
    let reason = completion.raw_stop.as_deref().unwrap_or(reason);
    let mut line = json!({
        "model": completion.model,
        "created_at": CREATED_AT,
        "done": true,
        "done_reason": reason,
        "total_duration": 3_000_000,
        "load_duration": 1_000_000,
    });
    if !cx.has(Quirk::NoUsage) {
        line["prompt_eval_count"] = completion.usage.total_input().into();
        line["prompt_eval_duration"] = 1_000_000.into();
        line["eval_count"] = completion.usage.total_output().into();
        line["eval_duration"] = 1_000_000.into();
    }
    line
}
