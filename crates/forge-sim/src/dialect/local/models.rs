//! Models that the local servers hold.

use crate::tokens::CacheKind;
use crate::turn::{ModelFacts, Overflow};
use crate::vendor::Vendor;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) family: &'static str,
    pub(super) parameters: &'static str,
    /// What the model was trained for; a server may run it with less.
    pub(super) trained_context: u64,
    pub(super) thinks: bool,
    pub(super) tools: bool,
}

pub(super) const MODELS: [Model; 4] = [
    Model {
        id: "qwen3",
        family: "qwen3",
        parameters: "8.2B",
        trained_context: 40_960,
        thinks: true,
        tools: true,
    },
    Model {
        id: "llama3.2",
        family: "llama",
        parameters: "3.2B",
        trained_context: 131_072,
        thinks: false,
        tools: true,
    },
    Model {
        id: "gpt-oss",
        family: "gptoss",
        parameters: "20.9B",
        trained_context: 131_072,
        thinks: true,
        tools: true,
    },
    Model {
        id: "gemma3",
        family: "gemma3",
        parameters: "4.3B",
        trained_context: 131_072,
        thinks: false,
        tools: false,
    },
];

/// The context that the servers run with, unless a request sets its own.
pub(super) const RUNNING_CONTEXT: u64 = 32_768;

/// The model that answers for a name, if any does.
pub(super) fn find(vendor: Vendor, asked: &str) -> Option<&'static Model> {
    let loaded = &MODELS[0];
    match vendor {
        // One model is loaded, and it answers for every name.
        Vendor::LlamaCpp => Some(loaded),
        // With a model loaded, LM Studio answers for names that it does not know.
        Vendor::LmStudio => Some(MODELS.iter().find(|model| model.id == asked).unwrap_or(loaded)),
        Vendor::Ollama => {
            let name = asked.split_once(':').map_or(asked, |(name, _)| name);
            MODELS.iter().find(|model| model.id == name)
        }
        _ => MODELS.iter().find(|model| model.id == asked),
    }
}

impl Model {
    pub(super) fn facts(&self, vendor: Vendor, asked: &str, context: u64) -> ModelFacts {
        let answers_for_any = matches!(vendor, Vendor::LlamaCpp | Vendor::LmStudio);
        ModelFacts {
            // Such a server names the model that it has, whatever was asked for.
            served: if answers_for_any { self.id } else { asked }.to_owned(),
            context,
            overflow: if vendor == Vendor::Ollama { Overflow::Truncate } else { Overflow::Refuse },
            token_percent: 100,
            // Of these servers llama.cpp alone reports what it has kept of a prompt.
            cache: if vendor == Vendor::LlamaCpp {
                CacheKind::Automatic { minimum: 0, reports_writes: false }
            } else {
                CacheKind::None
            },
        }
    }
}
