//! Reasoning in the many places where servers of this dialect put it.

use serde_json::{Map, Value, json};

use crate::answer::word_groups;
use crate::compatible::Thoughts;
use crate::completion::Completion;
use crate::context::Context;
use crate::scenario::Quirk;

/// The reasoning of a reply.
#[derive(Debug, Clone)]
pub(super) struct Thinking {
    place: Thoughts,
    text: String,
    /// For `reasoning_details`.
    signature: String,
}

impl Thinking {
    pub(super) fn new(completion: &Completion, usual: Thoughts, cx: &mut Context<'_>) -> Self {
        let place = if cx.has(Quirk::ReasoningContent) {
            Thoughts::Field("reasoning_content")
        } else if cx.has(Quirk::ThinkTags) {
            Thoughts::Tags
        } else if cx.has(Quirk::LoneThinkTag) {
            Thoughts::LoneTag
        } else {
            usual
        };
        let text = completion.thinking();
        let place = if text.is_empty() { Thoughts::Hidden } else { place };
        let signature = match place {
            Thoughts::Details => cx.seal("details", &[&completion.model, &text]),
            _ => String::new(),
        };
        Self { place, text, signature }
    }

    /// What goes before the text of the content.
    pub(super) fn inline(&self) -> String {
        match self.place {
            Thoughts::Tags => format!("<think>\n{}\n</think>\n\n", self.text),
            Thoughts::LoneTag => format!("{}\n</think>\n\n", self.text),
            _ => String::new(),
        }
    }

    pub(super) fn add_to(&self, message: &mut Map<String, Value>) {
        match self.place {
            Thoughts::Hidden | Thoughts::Tags | Thoughts::LoneTag => {}
            Thoughts::Field(field) => {
                message.insert(field.into(), self.text.as_str().into());
            }
            Thoughts::Details => {
                message.insert("reasoning".into(), self.text.as_str().into());
                message.insert("reasoning_details".into(), json!([self.detail(&self.text, true)]));
            }
            Thoughts::Chunks => {
                let mut chunks = vec![chunk(&self.text)];
                if let Some(text) = message["content"].as_str() {
                    chunks.push(json!({"type": "text", "text": text}));
                }
                message.insert("content".into(), chunks.into());
            }
        }
    }

    /// The pieces of the reasoning as deltas, each with its text.
    pub(super) fn deltas(&self) -> Vec<(Value, &str)> {
        let pieces = || word_groups(&self.text).into_iter();
        match self.place {
            Thoughts::Hidden | Thoughts::Tags | Thoughts::LoneTag => Vec::new(),
            Thoughts::Field(field) => pieces().map(|piece| (json!({field: piece}), piece)).collect(),
            Thoughts::Details => {
                let mut deltas: Vec<_> = pieces()
                    .map(|piece| {
                        let details = json!([self.detail(piece, false)]);
                        (json!({"reasoning": piece, "reasoning_details": details}), piece)
                    })
                    .collect();
                // The signature covers all pieces and so comes behind them.
                deltas.push((json!({"reasoning_details": [self.detail("", true)]}), ""));
                deltas
            }
            Thoughts::Chunks => pieces().map(|piece| (json!({"content": [chunk(piece)]}), piece)).collect(),
        }
    }

    fn detail(&self, text: &str, signed: bool) -> Value {
        let mut detail =
            json!({"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0});
        if signed {
            detail["signature"] = self.signature.as_str().into();
        }
        detail
    }
}

fn chunk(text: &str) -> Value {
    json!({"type": "thinking", "thinking": [{"type": "text", "text": text}]})
}
