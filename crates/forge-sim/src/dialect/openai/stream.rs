//! The events of a streamed response.

use serde_json::{Value, json};

use super::error;
use super::response::{Item, Response};
use crate::answer::{ErrorFrames, Frame, fragments, word_groups};
use crate::context::Context;
use crate::scenario::ErrorStyle;
use crate::tokens::count;

struct Events<'a, 'b> {
    frames: Vec<Frame>,
    obfuscation: bool,
    cx: &'a mut Context<'b>,
}

impl Events<'_, '_> {
    /// Adds the type and the sequence number.
    fn push(&mut self, kind: &str, mut event: Value) -> &mut Frame {
        event["type"] = kind.into();
        event["sequence_number"] = self.frames.len().into();
        self.frames.push(Frame::typed(&event));
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn delta(&mut self, kind: &str, mut event: Value, piece: &str) {
        event["delta"] = piece.into();
        // Padding of random length, on by default; a client has to pass over it.
        if self.obfuscation {
            let padding = 4 + self.cx.rng.below(8);
            event["obfuscation"] = self.cx.rng.alphanumeric(padding).into();
        }
        self.push(kind, event).tokens = count(piece, 100);
    }

    fn item(&mut self, index: usize, item: &Item) {
        self.push("response.output_item.added", json!({"output_index": index, "item": item.opening()}));
        match item {
            Item::Reasoning { id, summary: Some(text), .. } => self.summary(index, id, text),
            Item::Reasoning { id, content: Some(text), .. } => self.thoughts(index, id, text),
            // Sealed thoughts show in no event between the two of their item.
            Item::Reasoning { .. } => {}
            Item::Message { id, text, refused, .. } => self.message(index, item, id, text, *refused),
            Item::Call { id, name, arguments, complete, freeform, .. } => {
                let at = json!({"item_id": id, "output_index": index});
                let (delta, done, field) = if *freeform {
                    ("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "input")
                } else {
                    (
                        "response.function_call_arguments.delta",
                        "response.function_call_arguments.done",
                        "arguments",
                    )
                };
                for piece in fragments(arguments) {
                    self.delta(delta, at.clone(), piece);
                }
                // Where the limit fell inside, no `done` follows and the item says that it is incomplete.
                if *complete {
                    let mut whole = at;
                    if !freeform {
                        whole["name"] = name.as_str().into();
                    }
                    whole[field] = arguments.as_str().into();
                    self.push(done, whole);
                }
            }
        }
        // Only this item is whole: the seal of thoughts is not in the one that was added.
        self.push("response.output_item.done", json!({"output_index": index, "item": item.json()}));
    }

    fn summary(&mut self, index: usize, id: &str, text: &str) {
        let at = json!({"item_id": id, "output_index": index, "summary_index": 0});
        let with = |field: &str, value: Value| {
            let mut event = at.clone();
            event[field] = value;
            event
        };
        let part = |text: &str| json!({"type": "summary_text", "text": text});
        self.push("response.reasoning_summary_part.added", with("part", part("")));
        for piece in word_groups(text) {
            self.delta("response.reasoning_summary_text.delta", at.clone(), piece);
        }
        self.push("response.reasoning_summary_text.done", with("text", text.into()));
        self.push("response.reasoning_summary_part.done", with("part", part(text)));
    }

    fn thoughts(&mut self, index: usize, id: &str, text: &str) {
        let at = json!({"item_id": id, "output_index": index, "content_index": 0});
        for piece in word_groups(text) {
            self.delta("response.reasoning_text.delta", at.clone(), piece);
        }
        let mut whole = at;
        whole["text"] = text.into();
        self.push("response.reasoning_text.done", whole);
    }

    fn message(&mut self, index: usize, item: &Item, id: &str, text: &str, refused: bool) {
        let at = json!({"item_id": id, "output_index": index, "content_index": 0});
        let with = |field: &str, value: Value| {
            let mut event = at.clone();
            event[field] = value;
            event
        };
        let mut empty = item.part();
        let (delta, done, field) = if refused {
            ("response.refusal.delta", "response.refusal.done", "refusal")
        } else {
            ("response.output_text.delta", "response.output_text.done", "text")
        };
        empty[field] = "".into();
        self.push("response.content_part.added", with("part", empty));
        let piece_of = if refused { at.clone() } else { with("logprobs", json!([])) };
        for piece in word_groups(text) {
            self.delta(delta, piece_of.clone(), piece);
        }
        let mut whole = piece_of;
        whole[field] = text.into();
        self.push(done, whole);
        self.push("response.content_part.done", with("part", item.part()));
    }
}

pub(super) fn frames(response: &Response, obfuscation: bool, cx: &mut Context<'_>) -> Vec<Frame> {
    let mut events = Events { frames: Vec::new(), obfuscation, cx };
    let begun = json!({"response": response.in_progress()});
    events.push("response.created", begun.clone());
    events.push("response.in_progress", begun);
    for (index, item) in response.items.iter().enumerate() {
        events.item(index, item);
    }
    events.push(response.terminal(), json!({"response": response.finished()})).terminal = true;
    events.frames
}

/// An `error` event, then `response.failed`. The vendor nests the error; the flat style does not.
pub(super) fn error_frames(response: &Response) -> ErrorFrames {
    let begun = response.in_progress();
    Box::new(move |error, sent| {
        let object = error::object(error);
        let mut event = match error.style {
            ErrorStyle::Flat => json!({
                "code": object["code"],
                "message": object["message"],
                "param": object["param"],
            }),
            _ => json!({"error": object}),
        };
        event["type"] = "error".into();
        event["sequence_number"] = sent.into();
        let mut failed = begun.clone();
        failed["status"] = "failed".into();
        failed["error"] = json!({"code": object["code"], "message": object["message"]});
        let failed = json!({
            "type": "response.failed",
            "sequence_number": sent + 1,
            "response": failed,
        });
        vec![Frame::typed(&event), Frame::typed(&failed).terminal()]
    })
}
