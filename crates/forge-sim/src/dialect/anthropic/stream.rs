use serde_json::{Value, json};

use super::response::{self, Block, Message};
use crate::answer::{Frame, fragments, word_groups};
use crate::context::Context;
use crate::scenario::Quirk;
use crate::tokens::count;

pub(super) fn frames(message: &Message, cx: &Context<'_>) -> Vec<Frame> {
    let mut frames = vec![Frame::typed(&start(message, cx))];
    for (index, block) in message.blocks.iter().enumerate() {
        block_frames(index, block, &mut frames);
        if index == 0 {
            // The vendor keeps alive once, early in the stream.
            frames.insert(2, Frame::typed(&json!({"type": "ping"})));
        }
    }
    let mut usage = response::usage(&message.usage);
    // How the totals divide is told in the opening event alone.
    if let Some(usage) = usage.as_object_mut() {
        usage.remove("cache_creation");
        usage.remove("service_tier");
        usage.remove("inference_geo");
    }
    let mut end = json!({
        "type": "message_delta",
        "delta": {
            "stop_reason": message.stop_reason,
            "stop_sequence": message.stop_sequence,
            "stop_details": message.stop_details,
        },
    });
    if !cx.has(Quirk::NoUsage) {
        end["usage"] = usage;
    }
    frames.push(Frame::typed(&end));
    frames.push(Frame::typed(&json!({"type": "message_stop"})).terminal());
    frames
}

/// The opening event knows the input, and one token of output.
fn start(message: &Message, cx: &Context<'_>) -> Value {
    let mut opening = message.json();
    opening["content"] = json!([]);
    opening["stop_reason"] = Value::Null;
    opening["stop_sequence"] = Value::Null;
    opening["stop_details"] = Value::Null;
    if let Some(usage) = opening.get_mut("usage") {
        // A placeholder: a client that adds it to the count at the end is one too high.
        usage["output_tokens"] = json!(message.usage.total_output().min(1));
        if let Some(usage) = usage.as_object_mut() {
            usage.remove("output_tokens_details");
        }
        // The last count may correct the first, so that a client has to overwrite and not to add.
        if cx.has(Quirk::CorrectedUsage) {
            usage["input_tokens"] = json!(message.usage.input * 7 / 10);
        }
    }
    json!({"type": "message_start", "message": opening})
}

fn block_frames(index: usize, block: &Block, frames: &mut Vec<Frame>) {
    let start = |content: Value| {
        Frame::typed(&json!({
            "type": "content_block_start",
            "index": index,
            "content_block": content,
        }))
    };
    let delta =
        |delta: Value| Frame::typed(&json!({"type": "content_block_delta", "index": index, "delta": delta}));
    let mut whole = true;
    match block {
        Block::Thinking { text, signature } => {
            frames.push(start(json!({"type": "thinking", "thinking": "", "signature": ""})));
            frames.extend(word_groups(text).into_iter().map(|piece| {
                delta(json!({"type": "thinking_delta", "thinking": piece})).weighing(count(piece, 100))
            }));
            frames.push(delta(json!({"type": "signature_delta", "signature": signature})));
        }
        Block::Redacted { data } => {
            frames.push(start(json!({"type": "redacted_thinking", "data": data})));
        }
        Block::Text(text) => {
            frames.push(start(json!({"type": "text", "text": ""})));
            frames.extend(word_groups(text).into_iter().map(|piece| {
                delta(json!({"type": "text_delta", "text": piece})).weighing(count(piece, 100))
            }));
        }
        Block::Call { id, call } => {
            frames.push(start(json!({"type": "tool_use", "id": id, "name": call.name, "input": {}})));
            let json = |piece: &str| {
                delta(json!({"type": "input_json_delta", "partial_json": piece})).weighing(count(piece, 100))
            };
            // The first fragment is empty, as the vendor sends it.
            frames.push(json(""));
            // A call without arguments has only the empty fragment.
            if !call.arguments.is_empty() {
                frames.extend(fragments(&call.json).into_iter().map(json));
            }
            whole = call.complete;
        }
        Block::ServerCall { id } => {
            frames.push(start(json!({
                "type": "server_tool_use",
                "id": id,
                "name": "web_search",
                "input": {},
            })));
            frames.push(delta(json!({
                "type": "input_json_delta",
                "partial_json": "{\"query\": \"simulated\"}",
            })));
        }
    }
    // A call that the token limit cut off is not closed.
    if whole {
        frames.push(Frame::typed(&json!({"type": "content_block_stop", "index": index})));
    }
}
