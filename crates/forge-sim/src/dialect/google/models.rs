//! Gemini models and what each of them refuses.

use serde_json::{Value, json};

use crate::dialect::names::names;
use crate::tokens::CacheKind;
use crate::turn::{ModelFacts, Overflow};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Model {
    pub(super) id: &'static str,
    name: &'static str,
    pub(super) generation: Generation,
    /// A retired name is answered by this model, at its price.
    routed: Option<&'static str>,
    /// Thinks when nothing is said about it.
    pub(super) thinks: bool,
    /// Output limit of the call without streaming.
    pub(super) whole_output: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Generation {
    /// Thinking budgets; signatures are not insisted on.
    V25,
    /// Thinking levels; signatures on calls are compulsory.
    V3,
    /// Sampling settings are ignored; no level `MINIMAL`.
    V4,
}

pub(super) const CONTEXT: u64 = 1_048_576;
pub(super) const MAX_OUTPUT: u64 = 65_536;

const V3: Model = Model {
    id: "",
    name: "",
    generation: Generation::V3,
    routed: None,
    thinks: true,
    whole_output: MAX_OUTPUT,
};

const V25: Model = Model { generation: Generation::V25, ..V3 };

pub(super) const MODELS: [Model; 12] = [
    Model {
        id: "gemini-4-argon",
        name: "Gemini 4 Argon",
        generation: Generation::V4,
        whole_output: 32_768,
        ..V3
    },
    Model { id: "gemini-3.8-flash", name: "Gemini 3.8 Flash", ..V3 },
    Model { id: "gemini-3.7-flash", name: "Gemini 3.7 Flash", routed: Some("gemini-3.8-flash"), ..V3 },
    Model { id: "gemini-3.6-flash", name: "Gemini 3.6 Flash", ..V3 },
    Model { id: "gemini-3.5-flash", name: "Gemini 3.5 Flash", routed: Some("gemini-3.6-flash"), ..V3 },
    Model { id: "gemini-3.5-flash-lite", name: "Gemini 3.5 Flash-Lite", ..V3 },
    Model { id: "gemini-3.1-pro-preview", name: "Gemini 3.1 Pro Preview", ..V3 },
    Model { id: "gemini-3.1-flash-lite", name: "Gemini 3.1 Flash-Lite", ..V3 },
    Model { id: "gemini-3-flash-preview", name: "Gemini 3 Flash Preview", ..V3 },
    Model { id: "gemini-2.5-pro", name: "Gemini 2.5 Pro", ..V25 },
    Model { id: "gemini-2.5-flash", name: "Gemini 2.5 Flash", ..V25 },
    Model { id: "gemini-2.5-flash-lite", name: "Gemini 2.5 Flash-Lite", thinks: false, ..V25 },
];

pub(super) fn find(asked: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| names(model.id, asked))
}

impl Model {
    /// The id that answers, which is another one for a retired name.
    pub(super) fn served(&self) -> &'static str {
        self.routed.unwrap_or(self.id)
    }

    pub(super) fn facts(&self) -> ModelFacts {
        ModelFacts {
            served: self.served().to_owned(),
            context: CONTEXT,
            overflow: Overflow::Refuse,
            token_percent: 100,
            cache: CacheKind::Automatic { minimum: 1024, reports_writes: false },
        }
    }

    pub(super) fn object(&self) -> Value {
        json!({
            "name": format!("models/{}", self.id),
            "version": "001",
            "displayName": self.name,
            "description": format!("{} (simulated)", self.name),
            "inputTokenLimit": CONTEXT,
            "outputTokenLimit": MAX_OUTPUT,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
            "temperature": 1,
            "maxTemperature": 2,
            "topP": 0.95,
            "topK": 64,
            "thinking": true,
        })
    }
}
