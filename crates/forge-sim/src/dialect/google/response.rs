use serde_json::{Map, Value, json};

use super::contents::signed_fields;
use super::models::Generation;
use super::request::Request;
use crate::answer::{Frame, word_groups};
use crate::completion::{Completion, Part, Stop};
use crate::context::Context;
use crate::scenario::Quirk;
use crate::tokens::count;
use crate::usage::Usage;

/// A reply before it is sent whole or in frames.
#[derive(Debug)]
pub(super) struct Reply {
    id: String,
    model: String,
    parts: Vec<Value>,
    finish: String,
    blocked: bool,
    usage: Usage,
    no_usage: bool,
    corrected: bool,
    candidates: u64,
}

/// Parts whole, or with the last signature on an empty text part at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Stream,
}

impl Reply {
    pub(super) fn new(
        completion: &Completion,
        request: &Request,
        shape: Shape,
        cx: &mut Context<'_>,
    ) -> Self {
        Self {
            id: cx.rng.alphanumeric(22),
            model: completion.model.clone(),
            parts: parts(completion, request, shape, cx),
            finish: completion.raw_stop.clone().unwrap_or_else(|| finish_reason(&completion.stop).to_owned()),
            blocked: completion.stop == Stop::Blocked,
            usage: completion.usage,
            no_usage: cx.has(Quirk::NoUsage),
            corrected: cx.has(Quirk::CorrectedUsage),
            candidates: request.candidates,
        }
    }

    pub(super) fn whole(&self) -> Value {
        self.object(&self.parts, true, &self.usage)
    }

    pub(super) fn frames(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut visible = 0;
        for part in &self.parts {
            let thought = part.get("thought").is_some();
            let pieces: Vec<Value> = match part.get("text").and_then(Value::as_str) {
                Some(text) if !text.is_empty() => word_groups(text)
                    .into_iter()
                    .map(|piece| {
                        let mut part = part.clone();
                        part["text"] = piece.into();
                        part
                    })
                    .collect(),
                // The empty part belongs to the last frame.
                Some(_) => continue,
                None => vec![part.clone()],
            };
            for piece in pieces {
                let tokens = piece["text"].as_str().map_or(1, |text| count(text, 100));
                // Every frame reports the tokens so far: a client that adds the frames up counts too much.
                if !thought {
                    visible = (visible + tokens).min(self.usage.output);
                }
                let so_far = Usage {
                    output: visible,
                    input: if self.corrected { self.usage.input * 7 / 10 } else { self.usage.input },
                    ..self.usage
                };
                let object = self.object(&[piece], false, &so_far);
                frames.push(Frame::data(object.to_string()).weighing(tokens));
            }
        }
        let last: Vec<Value> = self.parts.iter().filter(|part| part["text"] == "").cloned().collect();
        let object = self.object(&last, true, &self.usage);
        frames.push(Frame::data(object.to_string()).terminal());
        frames
    }

    fn object(&self, parts: &[Value], last: bool, usage: &Usage) -> Value {
        let mut object = json!({"modelVersion": self.model, "responseId": self.id});
        if !self.no_usage {
            object["usageMetadata"] = usage_metadata(usage);
        }
        // A good status without candidates: a client that takes the first one finds none.
        if self.blocked {
            object["promptFeedback"] = json!({"blockReason": "PROHIBITED_CONTENT"});
            return object;
        }
        // A content may lack its parts: a filter held all back, or thoughts took all the tokens.
        let mut content = Map::new();
        if !parts.is_empty() {
            content.insert("parts".into(), parts.into());
            content.insert("role".into(), "model".into());
        } else if last && self.finish == "MAX_TOKENS" {
            content.insert("role".into(), "model".into());
        }
        let mut candidate = json!({"content": content, "index": 0});
        if last {
            candidate["finishReason"] = self.finish.as_str().into();
            match self.finish.as_str() {
                "MALFORMED_FUNCTION_CALL" => {
                    candidate["finishMessage"] =
                        "Malformed function call: print(default_api.simulated(".into();
                }
                "SAFETY" => {
                    candidate["safetyRatings"] = json!([{
                        "category": "HARM_CATEGORY_DANGEROUS_CONTENT",
                        "probability": "HIGH",
                        "blocked": true,
                    }]);
                }
                _ => {}
            }
        }
        object["candidates"] = (0..self.candidates)
            .map(|index| {
                let mut candidate = candidate.clone();
                candidate["index"] = index.into();
                candidate
            })
            .collect();
        object
    }
}

fn parts(completion: &Completion, request: &Request, shape: Shape, cx: &mut Context<'_>) -> Vec<Value> {
    let generation = request.model.generation;
    let mut parts: Vec<Value> = Vec::new();
    let mut call_signed = false;
    for part in &completion.parts {
        match part {
            Part::Thinking(text) if request.includes_thoughts => {
                parts.push(json!({"text": text, "thought": true}));
            }
            Part::Thinking(_) => {}
            Part::Text(text) | Part::Refusal(text) => parts.push(json!({"text": text})),
            // Arguments come whole or not at all.
            Part::Call(call) if !call.complete => {}
            Part::Call(call) => {
                let mut value = json!({
                    "functionCall": {"name": call.name, "args": call.arguments},
                });
                // Older models send calls without ids, for which a client has to make some up.
                if generation == Generation::V4 && !cx.has(Quirk::NoId) {
                    value["functionCall"]["id"] = cx.rng.alphanumeric(8).to_lowercase().into();
                }
                // Only the first of parallel calls is signed. A client that asks for a signature on each
                // refuses good replies.
                let signs = generation > Generation::V25 || request.turn.thinks;
                if signs && !call_signed {
                    sign(&mut value, request, cx);
                    call_signed = true;
                }
                parts.push(value);
            }
        }
    }
    let signs_text = generation > Generation::V25 && request.turn.thinks && !call_signed;
    if signs_text && completion.stop == Stop::EndTurn {
        match (shape, parts.last_mut()) {
            (Shape::Whole, Some(last)) => sign(last, request, cx),
            (Shape::Stream, Some(_)) => {
                let mut empty = json!({"text": ""});
                sign(&mut empty, request, cx);
                parts.push(empty);
            }
            (_, None) => {}
        }
    }
    parts
}

fn sign(part: &mut Value, request: &Request, cx: &mut Context<'_>) {
    let [served, content] = signed_fields(request.model.served(), part);
    part["thoughtSignature"] = cx.seal("thought", &[&served, &content]).into();
}

const fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        // Calls are to be found by looking at the parts.
        Stop::EndTurn | Stop::Sequence(_) | Stop::ToolUse | Stop::Refusal | Stop::PauseTurn => "STOP",
        Stop::MaxTokens | Stop::ContextWindow => "MAX_TOKENS",
        Stop::Safety | Stop::Blocked => "SAFETY",
        Stop::MalformedCall => "MALFORMED_FUNCTION_CALL",
    }
}

/// `promptTokenCount` holds cached input too; `candidatesTokenCount` does not hold thoughts.
fn usage_metadata(usage: &Usage) -> Value {
    let mut value = json!({
        "promptTokenCount": usage.total_input(),
        "totalTokenCount": usage.total(),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.total_input()}],
    });
    let optional = [
        ("cachedContentTokenCount", usage.cache_read),
        ("candidatesTokenCount", usage.output),
        ("thoughtsTokenCount", usage.reasoning),
    ];
    for (name, tokens) in optional {
        // Zeros are left out, as from every protobuf in JSON.
        if tokens > 0 {
            value[name] = tokens.into();
        }
    }
    value
}
