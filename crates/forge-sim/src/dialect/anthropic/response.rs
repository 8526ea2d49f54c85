use serde_json::{Value, json};

use super::models::Model;
use super::request::Request;
use crate::completion::{Completion, Part, Stop, ToolCall};
use crate::context::Context;
use crate::scenario::Quirk;
use crate::usage::Usage;

/// A message, ready to be sent whole or in events.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) blocks: Vec<Block>,
    pub(super) stop_reason: String,
    pub(super) stop_sequence: Option<String>,
    pub(super) stop_details: Option<Value>,
    pub(super) usage: Usage,
    no_usage: bool,
}

#[derive(Debug)]
pub(super) enum Block {
    Thinking {
        text: String,
        signature: String,
    },
    Redacted {
        data: String,
    },
    Text(String),
    Call {
        id: String,
        call: ToolCall,
    },
    /// A search that the vendor runs itself.
    ServerCall {
        id: String,
    },
}

impl Message {
    pub(super) fn new(completion: &Completion, request: &Request, cx: &mut Context<'_>) -> Self {
        let id = format!("msg_01{}", cx.rng.alphanumeric(22));
        let mut blocks: Vec<Block> =
            completion.parts.iter().filter_map(|part| block(part, request, cx)).collect();
        if completion.stop == Stop::PauseTurn {
            blocks.push(Block::ServerCall { id: format!("srvtoolu_01{}", cx.rng.alphanumeric(22)) });
        }
        let stop_sequence = match &completion.stop {
            Stop::Sequence(word) => Some(word.clone()),
            _ => None,
        };
        let stop_details = (completion.stop == Stop::Refusal && !cx.has(Quirk::NoStopDetails)).then(|| {
            json!({
                "type": "refusal",
                "category": "general_harms",
                "explanation": completion.refusal(),
            })
        });
        Self {
            id,
            model: completion.model.clone(),
            blocks,
            stop_reason: completion
                .raw_stop
                .clone()
                .unwrap_or_else(|| stop_reason(&completion.stop).to_owned()),
            stop_sequence,
            stop_details,
            usage: completion.usage,
            no_usage: cx.has(Quirk::NoUsage),
        }
    }

    pub(super) fn json(&self) -> Value {
        let content: Vec<Value> = self.blocks.iter().map(Block::json).collect();
        let mut message = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": self.stop_reason,
            "stop_sequence": self.stop_sequence,
            "stop_details": self.stop_details,
        });
        if !self.no_usage {
            message["usage"] = usage(&self.usage);
        }
        message
    }
}

fn block(part: &Part, request: &Request, cx: &mut Context<'_>) -> Option<Block> {
    let model: &Model = request.model;
    match part {
        Part::Thinking(_) if cx.has(Quirk::RedactedThinking) => {
            Some(Block::Redacted { data: cx.seal("redacted", &[model.id]) })
        }
        Part::Thinking(text) => {
            let text = if request.shows_thinking { text.as_str() } else { "" };
            // Sealed is what the client gets, since it can send nothing else back.
            Some(Block::Thinking { signature: cx.seal("thinking", &[model.id, text]), text: text.to_owned() })
        }
        Part::Text(text) => Some(Block::Text(text.clone())),
        Part::Call(call) => {
            Some(Block::Call { id: format!("toolu_01{}", cx.rng.alphanumeric(22)), call: call.clone() })
        }
        // The words of a refusal go into `stop_details`.
        Part::Refusal(_) => None,
    }
}

const fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::ToolUse => "tool_use",
        Stop::PauseTurn => "pause_turn",
        Stop::ContextWindow => "model_context_window_exceeded",
        // The API has no word for filters and broken calls; a refusal comes nearest.
        Stop::Refusal | Stop::Safety | Stop::Blocked | Stop::MalformedCall => "refusal",
    }
}

impl Block {
    fn json(&self) -> Value {
        match self {
            Self::Thinking { text, signature } => {
                json!({"type": "thinking", "thinking": text, "signature": signature})
            }
            Self::Redacted { data } => json!({"type": "redacted_thinking", "data": data}),
            Self::Text(text) => json!({"type": "text", "text": text}),
            Self::Call { id, call } => {
                // Half an object is no JSON: a whole reply shows an empty input, and only a stream shows the
                // half.
                let input = if call.complete { Value::Object(call.arguments.clone()) } else { json!({}) };
                json!({"type": "tool_use", "id": id, "name": call.name, "input": input})
            }
            Self::ServerCall { id } => json!({
                "type": "server_tool_use",
                "id": id,
                "name": "web_search",
                "input": {"query": "simulated"},
            }),
        }
    }
}

/// `input_tokens` is what the cache did not touch; thinking is part of `output_tokens`.
pub(super) fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write(),
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.total_output(),
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "service_tier": "standard",
        "inference_geo": "global",
    })
}
