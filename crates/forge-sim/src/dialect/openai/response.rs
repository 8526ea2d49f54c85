//! The response object.

use serde_json::{Value, json};

use super::host::Thoughts;
use super::input;
use super::request::Request;
use crate::completion::{Completion, Part, Stop};
use crate::context::Context;
use crate::dialect::chat::CREATED;
use crate::scenario::Quirk;
use crate::usage::Usage;

#[derive(Debug)]
pub(super) struct Response {
    pub(super) id: String,
    pub(super) items: Vec<Item>,
    status: &'static str,
    incomplete: Option<&'static str>,
    usage: Option<Value>,
    /// The envelope without what only the end knows.
    base: Value,
}

#[derive(Debug)]
pub(super) enum Item {
    Reasoning {
        id: String,
        summary: Option<String>,
        encrypted: Option<String>,
        /// The thoughts as they are.
        content: Option<String>,
    },
    Message {
        id: String,
        phase: Option<&'static str>,
        text: String,
        refused: bool,
        complete: bool,
    },
    Call {
        id: String,
        call_id: String,
        name: String,
        arguments: String,
        complete: bool,
        freeform: bool,
        namespace: Option<String>,
    },
}

impl Response {
    pub(super) fn new(completion: &Completion, request: &Request, cx: &mut Context<'_>) -> Self {
        let reasoned =
            request.effort.on && completion.parts.iter().any(|part| matches!(part, Part::Thinking(_)));
        let stem = input::id_stem(reasoned, &request.model, cx);
        let cut = completion.stop == Stop::MaxTokens;
        let last = completion.parts.len().saturating_sub(1);
        let called = completion.calls().next().is_some();
        let items = completion
            .parts
            .iter()
            .enumerate()
            .filter_map(|(index, part)| {
                let complete = !(cut && index == last);
                match part {
                    Part::Thinking(_) if !reasoned => None,
                    Part::Thinking(text) => {
                        let id = format!("rs_{stem}");
                        let sealed = || cx.seal("reasoning", &[request.model.id, &id]);
                        let (sealable, summary) = match request.thoughts {
                            Thoughts::Sealed => (true, request.summary),
                            Thoughts::Summary => (false, true),
                            Thoughts::Content => (false, false),
                        };
                        Some(Item::Reasoning {
                            encrypted: (sealable && request.encrypted).then(sealed),
                            summary: summary.then(|| text.clone()),
                            content: (request.thoughts == Thoughts::Content).then(|| text.clone()),
                            id,
                        })
                    }
                    Part::Text(text) | Part::Refusal(text) => Some(Item::Message {
                        id: format!("msg_{stem}{index:02x}"),
                        phase: request.model.cache_writes.then_some(if called {
                            "commentary"
                        } else {
                            "final_answer"
                        }),
                        text: text.clone(),
                        refused: matches!(part, Part::Refusal(_)),
                        complete,
                    }),
                    Part::Call(call) => Some(Item::Call {
                        id: format!("{}_{stem}{index:02x}", if call.freeform { "ctc" } else { "fc" }),
                        call_id: format!("call_{}", cx.rng.alphanumeric(24)),
                        name: call.name.clone(),
                        arguments: call.json.clone(),
                        complete: call.complete,
                        freeform: call.freeform,
                        namespace: call.namespace.clone(),
                    }),
                }
            })
            .collect();
        // There is no finish reason: a client derives it from status, details and items.
        let incomplete = match completion.stop {
            Stop::MaxTokens | Stop::ContextWindow => Some("max_output_tokens"),
            Stop::Safety | Stop::Blocked => Some("content_filter"),
            _ => None,
        };
        let id = format!("resp_{}", cx.rng.hex(48));
        Self {
            base: base(&id, completion, request),
            id,
            items,
            status: if incomplete.is_some() { "incomplete" } else { "completed" },
            incomplete,
            usage: (!cx.has(Quirk::NoUsage)).then(|| usage(&completion.usage, request.tells_cache_writes)),
        }
    }

    /// The output items as they stand at the end.
    pub(super) fn items(&self) -> Vec<Value> {
        self.items.iter().map(Item::json).collect()
    }

    pub(super) fn finished(&self) -> Value {
        let mut response = self.base.clone();
        response["status"] = self.status.into();
        response["output"] = self.items().into();
        response["usage"] = self.usage.clone().unwrap_or(Value::Null);
        if let Some(reason) = self.incomplete {
            response["incomplete_details"] = json!({"reason": reason});
        }
        response
    }

    pub(super) fn in_progress(&self) -> Value {
        self.base.clone()
    }

    /// The type of the terminal event.
    pub(super) fn terminal(&self) -> &'static str {
        if self.incomplete.is_some() { "response.incomplete" } else { "response.completed" }
    }
}

fn base(id: &str, completion: &Completion, request: &Request) -> Value {
    let echo = |name: &str, usual: Value| request.echo.get(name).cloned().unwrap_or(usual);
    json!({
        "id": id,
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": echo("instructions", Value::Null),
        "max_output_tokens": echo("max_output_tokens", Value::Null),
        "metadata": echo("metadata", json!({})),
        "model": completion.model,
        "output": [],
        "parallel_tool_calls": echo("parallel_tool_calls", json!(true)),
        "previous_response_id": echo("previous_response_id", Value::Null),
        "reasoning": {"effort": request.effort.level, "summary": request.echo["reasoning"]["summary"]},
        "service_tier": "default",
        "store": request.store,
        "temperature": echo("temperature", json!(1.0)),
        "text": echo("text", json!({"format": {"type": "text"}})),
        "tool_choice": echo("tool_choice", json!("auto")),
        "tools": echo("tools", json!([])),
        "top_p": echo("top_p", json!(1.0)),
        "truncation": echo("truncation", json!("disabled")),
        "usage": null,
    })
}

impl Item {
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Reasoning { id, summary, encrypted, content } => {
                let summary: Vec<Value> =
                    summary.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
                let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
                if let Some(encrypted) = encrypted {
                    item["encrypted_content"] = encrypted.as_str().into();
                }
                if let Some(content) = content {
                    item["content"] = json!([{"type": "reasoning_text", "text": content}]);
                }
                item
            }
            Self::Message { complete, .. } => {
                let mut item = self.opening();
                item["status"] = status(*complete).into();
                item["content"] = json!([self.part()]);
                item
            }
            Self::Call { arguments, complete, freeform, .. } => {
                let mut item = self.opening();
                item["status"] = status(*complete).into();
                item[if *freeform { "input" } else { "arguments" }] = arguments.as_str().into();
                item
            }
        }
    }

    /// The item as it stands when it is announced.
    pub(super) fn opening(&self) -> Value {
        match self {
            Self::Reasoning { id, .. } => json!({"id": id, "type": "reasoning", "summary": []}),
            Self::Message { id, phase, .. } => {
                let mut item = json!({
                    "id": id,
                    "type": "message",
                    "role": "assistant",
                    "status": "in_progress",
                    "content": [],
                });
                if let Some(phase) = phase {
                    item["phase"] = (*phase).into();
                }
                item
            }
            Self::Call { id, call_id, name, freeform, namespace, .. } => {
                let mut item = json!({
                    "id": id,
                    "type": if *freeform { "custom_tool_call" } else { "function_call" },
                    "status": "in_progress",
                    "call_id": call_id,
                    "name": name,
                });
                item[if *freeform { "input" } else { "arguments" }] = "".into();
                if let Some(namespace) = namespace {
                    item["namespace"] = namespace.as_str().into();
                }
                item
            }
        }
    }

    /// The one content part of a message.
    pub(super) fn part(&self) -> Value {
        match self {
            Self::Message { text, refused: true, .. } => json!({"type": "refusal", "refusal": text}),
            Self::Message { text, .. } => json!({
                "type": "output_text",
                "text": text,
                "annotations": [],
                "logprobs": [],
            }),
            _ => Value::Null,
        }
    }
}

const fn status(complete: bool) -> &'static str {
    if complete { "completed" } else { "incomplete" }
}

/// `input_tokens` holds everything, cached or not; `output_tokens` holds reasoning too.
fn usage(usage: &Usage, cache_writes: bool) -> Value {
    let mut value = json!({
        "input_tokens": usage.total_input(),
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.total_output(),
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total(),
    });
    if cache_writes {
        value["input_tokens_details"]["cache_write_tokens"] = usage.cache_write().into();
    }
    value
}
