use serde_json::{Map, Value, json};

use super::logprobs::logprobs;
use super::thoughts::Thinking;
use super::usage::usage;
use super::{Output, Style, UsageStyle};
use crate::compatible::CallIds;
use crate::completion::{Completion, Stop};
use crate::context::Context;
use crate::scenario::Quirk;
use crate::usage::Usage;

/// When every reply was made, in seconds since 1970; fixed, so that runs repeat exactly.
pub(in crate::dialect) const CREATED: i64 = 1_795_176_000;

/// What the whole reply and its chunks have in common.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) style: Style,
    pub(super) calls: Vec<Value>,
    pub(super) finish_reason: Value,
    pub(super) usage: Value,
    pub(super) thinking: Thinking,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn new(completion: &Completion, style: Style, cx: &mut Context<'_>) -> Self {
        let id = format!("chatcmpl-{}", cx.rng.alphanumeric(29));
        let mut calls: Vec<Value> = Vec::new();
        for (index, call) in completion.calls().enumerate() {
            let mut value = json!({"index": index, "id": call_id(style.call_ids, index, &call.name, cx)});
            if call.freeform {
                value["type"] = "custom".into();
                value["custom"] = json!({"name": call.name, "input": call.json});
            } else {
                value["type"] = "function".into();
                value["function"] = json!({"name": call.name, "arguments": call.json});
                if cx.has(Quirk::ObjectArguments) {
                    value["function"]["arguments"] = Value::Object(call.arguments.clone());
                }
            }
            if let Some(value) = value.as_object_mut() {
                if cx.has(Quirk::NoId) {
                    value.remove("id");
                }
                if cx.has(Quirk::TextIndex) {
                    value.insert("index".into(), index.to_string().into());
                }
                if cx.has(Quirk::NoIndex) {
                    value.remove("index");
                }
            }
            calls.push(value);
        }
        let mut text = completion.text();
        // As LM Studio does with models that have no tool template: the call is text and nothing else.
        if cx.has(Quirk::ToolRequestText) {
            for call in completion.calls() {
                let leaked = json!({"name": call.name, "arguments": call.arguments});
                text += &format!("[TOOL_REQUEST]{leaked}[END_TOOL_REQUEST]");
            }
            calls.clear();
        }
        let thinking = Thinking::new(completion, style.thoughts, cx);
        text.insert_str(0, &thinking.inline());
        Self {
            id,
            model: completion.model.clone(),
            style,
            finish_reason: finish_reason(completion, &calls, cx),
            calls,
            usage: usage(&completion.usage, style.usage),
            thinking,
            text,
        }
    }

    pub(super) fn whole(&self, completion: &Completion, output: Output, cx: &Context<'_>) -> Value {
        let mut message = Map::new();
        message.insert("role".into(), "assistant".into());
        // Null and not empty: a client that takes a text for granted fails here.
        let content = if self.text.is_empty() { Value::Null } else { self.text.as_str().into() };
        message.insert("content".into(), content);
        if self.style.vendor_extras {
            message.insert("refusal".into(), completion.refusal().into());
            message.insert("annotations".into(), json!([]));
        } else if let Some(refusal) = completion.refusal() {
            // Only OpenAI has a field for refusals; elsewhere their words are content like any other.
            message.insert("content".into(), refusal.into());
        }
        self.thinking.add_to(&mut message);
        if !self.calls.is_empty() {
            let mut calls = self.calls.clone();
            for call in calls.iter_mut().filter_map(Value::as_object_mut) {
                // Only fragments are numbered; a whole reply has a list.
                call.remove("index");
            }
            message.insert("tool_calls".into(), calls.into());
        }
        let choices: Vec<Value> = (0..output.choices.max(1))
            .map(|index| {
                let mut choice = json!({
                    "index": index,
                    "message": message,
                    "logprobs": logprobs(&self.text, output),
                    "finish_reason": self.finish_reason,
                });
                if self.style.whole_delta {
                    choice["delta"] = json!({"role": "assistant", "content": ""});
                }
                choice
            })
            .collect();
        let mut body = self.envelope("chat.completion");
        body["choices"] = choices.into();
        if !cx.has(Quirk::NoUsage) {
            let place = if cx.has(Quirk::UsageInChoice) { &mut body["choices"][0] } else { &mut body };
            place["usage"] = self.usage.clone();
        }
        self.add_timings(&mut body, &completion.usage);
        body
    }

    pub(super) fn envelope(&self, object: &str) -> Value {
        let mut body = json!({
            "id": self.id,
            "object": object,
            "created": CREATED,
            "model": self.model,
        });
        if let Some(tier) = self.style.service_tier {
            body["service_tier"] = tier.into();
        }
        if let Some(fingerprint) = self.style.fingerprint {
            body["system_fingerprint"] = fingerprint.into();
        }
        body
    }

    pub(super) fn add_timings(&self, body: &mut Value, usage: &Usage) {
        if self.style.usage == UsageStyle::Timings {
            // Cached tokens are not processed again: `cache_n` and `prompt_n` sum to the prompt.
            body["timings"] = json!({
                "cache_n": usage.cache_read,
                "prompt_n": usage.total_input() - usage.cache_read,
                "prompt_ms": 1.0,
                "predicted_n": usage.total_output(),
                "predicted_ms": 1.0,
            });
        }
    }
}

fn call_id(style: CallIds, index: usize, name: &str, cx: &mut Context<'_>) -> String {
    match style {
        CallIds::Random => format!("call_{}", cx.rng.alphanumeric(24)),
        CallIds::Counted => format!("call_{index}"),
        CallIds::Named => format!("functions.{name}:{index}"),
        CallIds::Nine => cx.rng.alphanumeric(9),
    }
}

fn finish_reason(completion: &Completion, calls: &[Value], cx: &Context<'_>) -> Value {
    if cx.has(Quirk::NoFinishReason) {
        return Value::Null;
    }
    if let Some(raw) = &completion.raw_stop {
        return raw.as_str().into();
    }
    match completion.stop {
        // A call that has leaked into the text is none to the server that let it.
        Stop::ToolUse if calls.is_empty() || cx.has(Quirk::FinishStop) => "stop",
        Stop::ToolUse => "tool_calls",
        Stop::MaxTokens | Stop::ContextWindow => "length",
        Stop::Safety | Stop::Blocked => "content_filter",
        Stop::EndTurn | Stop::Sequence(_) | Stop::Refusal | Stop::PauseTurn | Stop::MalformedCall => "stop",
    }
    .into()
}
