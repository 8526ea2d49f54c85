//! Claude models and what each of them refuses.

use serde_json::{Value, json};

use crate::dialect::names::names;
use crate::tokens::CacheKind;
use crate::turn::{ModelFacts, Overflow};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    released: &'static str,
    context: u64,
    pub(super) max_output: u64,
    cache_minimum: u64,
    /// Refuses sampling parameters and thinking budgets, hides thinking, has the newer tokenizer.
    pub(super) modern: bool,
    /// Knows `thinking.type: adaptive`.
    pub(super) adaptive: bool,
    /// Thinking cannot be switched off.
    pub(super) always_thinks: bool,
    /// A last message of the assistant is taken as the start of the answer.
    pub(super) prefill: bool,
    /// `tool_choice` may force a call.
    pub(super) forced_tools: bool,
    /// `system` messages in mid conversation.
    pub(super) system_turns: bool,
    pub(super) between_tools: bool,
    /// Levels of `output_config.effort`, sorted as the error text names them.
    pub(super) efforts: &'static [&'static str],
}

const ALL_EFFORTS: &[&str] = &["high", "low", "max", "medium", "xhigh"];

const MODERN: Model = Model {
    id: "",
    name: "",
    released: "2026-07-24T00:00:00Z",
    context: 1_000_000,
    max_output: 128_000,
    cache_minimum: 1024,
    modern: true,
    adaptive: true,
    always_thinks: false,
    prefill: false,
    forced_tools: true,
    system_turns: true,
    between_tools: false,
    efforts: ALL_EFFORTS,
};

const FABLE: Model = Model { always_thinks: true, cache_minimum: 2048, ..MODERN };

const V46: Model = Model {
    modern: false,
    system_turns: false,
    efforts: &["high", "low", "max", "medium"],
    released: "2026-02-05T00:00:00Z",
    ..MODERN
};

const V45: Model = Model {
    context: 200_000,
    max_output: 64_000,
    adaptive: false,
    prefill: true,
    efforts: &[],
    released: "2025-10-01T00:00:00Z",
    ..V46
};

pub(super) const MODELS: [Model; 16] = [
    Model {
        id: "claude-fable-5-2",
        name: "Claude Fable 5.2",
        released: "2026-11-09T00:00:00Z",
        cache_minimum: 512,
        forced_tools: false,
        ..FABLE
    },
    Model {
        id: "claude-fable-5-1",
        name: "Claude Fable 5.1",
        released: "2026-09-01T00:00:00Z",
        cache_minimum: 512,
        forced_tools: false,
        ..FABLE
    },
    Model {
        id: "claude-haiku-5-5",
        name: "Claude Haiku 5.5",
        released: "2026-10-07T00:00:00Z",
        cache_minimum: 512,
        ..MODERN
    },
    Model {
        id: "claude-sonnet-5-5",
        name: "Claude Sonnet 5.5",
        released: "2026-09-28T00:00:00Z",
        forced_tools: false,
        between_tools: true,
        ..MODERN
    },
    Model {
        id: "claude-opus-5-5",
        name: "Claude Opus 5.5",
        released: "2026-09-22T00:00:00Z",
        always_thinks: true,
        forced_tools: false,
        ..MODERN
    },
    Model { id: "claude-opus-5", name: "Claude Opus 5", ..MODERN },
    Model { id: "claude-sonnet-5", name: "Claude Sonnet 5", ..MODERN },
    Model { id: "claude-fable-5", name: "Claude Fable 5", ..FABLE },
    Model { id: "claude-mythos-5", name: "Claude Mythos 5", ..FABLE },
    Model { id: "claude-opus-4-8", name: "Claude Opus 4.8", cache_minimum: 4096, ..MODERN },
    Model {
        id: "claude-opus-4-7",
        name: "Claude Opus 4.7",
        cache_minimum: 4096,
        system_turns: false,
        ..MODERN
    },
    Model { id: "claude-opus-4-6", name: "Claude Opus 4.6", cache_minimum: 4096, ..V46 },
    Model { id: "claude-sonnet-4-6", name: "Claude Sonnet 4.6", cache_minimum: 2048, ..V46 },
    Model {
        id: "claude-opus-4-5",
        name: "Claude Opus 4.5",
        cache_minimum: 4096,
        efforts: &["high", "low", "medium"],
        ..V45
    },
    Model { id: "claude-sonnet-4-5", name: "Claude Sonnet 4.5", ..V45 },
    Model { id: "claude-haiku-4-5", name: "Claude Haiku 4.5", cache_minimum: 4096, ..V45 },
];

pub(super) fn find(asked: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| names(model.id, asked))
}

impl Model {
    pub(super) fn facts(&self, asked: &str) -> ModelFacts {
        ModelFacts {
            served: asked.to_owned(),
            context: self.context,
            overflow: Overflow::Refuse,
            // The tokenizer from Opus 4.7 on makes about 30 % more of the same text, so that limits tuned on
            // an older model are too small.
            token_percent: if self.modern { 130 } else { 100 },
            cache: CacheKind::Explicit { minimum: self.cache_minimum },
        }
    }

    /// The model object of the list.
    pub(super) fn object(&self) -> Value {
        let supported = |supported: bool| json!({"supported": supported});
        let effort = |level: &str| supported(self.efforts.contains(&level));
        json!({
            "type": "model",
            "id": self.id,
            "display_name": self.name,
            "created_at": self.released,
            "lifecycle": "active",
            "max_input_tokens": self.context,
            "max_tokens": self.max_output,
            "capabilities": {
                "batch": supported(true),
                "citations": supported(true),
                "code_execution": supported(true),
                "context_management": {
                    "supported": true,
                    "clear_thinking_20251015": supported(true),
                    "clear_tool_uses_20250919": supported(true),
                    "compact_20260112": supported(self.adaptive),
                },
                "effort": {
                    "supported": !self.efforts.is_empty(),
                    "low": effort("low"),
                    "medium": effort("medium"),
                    "high": effort("high"),
                    "xhigh": effort("xhigh"),
                    "max": effort("max"),
                },
                "image_input": supported(true),
                "pdf_input": supported(true),
                "server_tools": {
                    "supported": true,
                    "code_execution": supported(true),
                    "web_search": supported(true),
                },
                "structured_outputs": supported(true),
                "thinking": {
                    "supported": true,
                    "types": {
                        "adaptive": supported(self.adaptive),
                        "between_tools": supported(self.between_tools),
                        "disabled": supported(!self.always_thinks),
                        "enabled": supported(!self.modern),
                    },
                },
            },
        })
    }
}
