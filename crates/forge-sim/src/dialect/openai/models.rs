//! OpenAI models and what each of them refuses.

use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::dialect::chat::CREATED;
use crate::dialect::names::names;
use crate::tokens::CacheKind;
use crate::turn::{ModelFacts, Overflow};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Model {
    pub(super) id: &'static str,
    context: u64,
    pub(super) max_output: u64,
    /// Reasoning efforts; empty for models that do not reason.
    efforts: &'static [&'static str],
    default_effort: &'static str,
    /// `max` only through Responses.
    max_only_in_responses: bool,
    /// Function tools in Chat Completions only with effort `none`.
    chat_tools_without_effort: bool,
    /// Tells cache writes, and marks messages with a `phase`.
    pub(super) cache_writes: bool,
    pub(super) o_series: bool,
    shutdown: Option<&'static str>,
}

/// The two calls, which differ in what they let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Chat,
    Responses,
}

const CURRENT: Model = Model {
    id: "",
    context: 1_050_000,
    max_output: 128_000,
    efforts: &["none", "low", "medium", "high", "xhigh"],
    default_effort: "medium",
    max_only_in_responses: false,
    chat_tools_without_effort: true,
    cache_writes: true,
    o_series: false,
    shutdown: None,
};

/// Models whose reasoning cannot be switched off.
const ALWAYS: Model = Model { efforts: &["low", "medium", "high", "xhigh", "max"], ..CURRENT };

const V54: Model = Model { default_effort: "none", cache_writes: false, ..CURRENT };

const V51: Model = Model {
    context: 400_000,
    efforts: &["none", "low", "medium", "high"],
    chat_tools_without_effort: false,
    ..V54
};

const V5: Model = Model {
    efforts: &["minimal", "low", "medium", "high"],
    default_effort: "medium",
    shutdown: Some("2026-12-11"),
    ..V51
};

const V4: Model = Model { efforts: &[], default_effort: "none", shutdown: Some("2027-01-14"), ..V51 };

pub(super) const MODELS: [Model; 25] = [
    Model { id: "gpt-6.2-astra", ..ALWAYS },
    Model { id: "gpt-6.2-sol", ..ALWAYS },
    Model { id: "gpt-6.1-terra", ..CURRENT },
    Model { id: "gpt-6.1-sol", max_only_in_responses: true, ..ALWAYS },
    Model { id: "gpt-6-sol", ..CURRENT },
    Model { id: "gpt-6-luna", ..CURRENT },
    Model { id: "gpt-6-astra", ..ALWAYS },
    Model { id: "gpt-5.6-sol", ..CURRENT },
    Model { id: "gpt-5.6-terra", ..CURRENT },
    Model { id: "gpt-5.6-luna", ..CURRENT },
    Model { id: "gpt-5.5", context: 1_000_000, default_effort: "medium", ..V54 },
    Model {
        id: "gpt-5.5-pro",
        context: 1_000_000,
        efforts: &["medium", "high", "xhigh"],
        default_effort: "high",
        ..V54
    },
    Model { id: "gpt-5.4", ..V54 },
    Model { id: "gpt-5.4-mini", context: 400_000, ..V54 },
    Model { id: "gpt-5.4-nano", context: 400_000, shutdown: Some("2027-04-01"), ..V54 },
    Model { id: "gpt-5.2", efforts: &["none", "low", "medium", "high", "xhigh"], ..V51 },
    Model { id: "gpt-5.1", shutdown: Some("2027-04-01"), ..V51 },
    Model { id: "gpt-5", ..V5 },
    Model { id: "gpt-5-mini", ..V5 },
    Model { id: "gpt-5-nano", ..V5 },
    Model { id: "gpt-4.1", context: 1_047_576, max_output: 32_768, ..V4 },
    Model { id: "gpt-4.1-mini", context: 1_047_576, max_output: 32_768, ..V4 },
    Model { id: "gpt-4o", context: 128_000, max_output: 16_384, ..V4 },
    Model { id: "gpt-4o-mini", context: 128_000, max_output: 16_384, ..V4 },
    Model {
        id: "o3",
        context: 200_000,
        max_output: 100_000,
        efforts: &["low", "medium", "high"],
        o_series: true,
        ..V5
    },
];

pub(super) fn find(asked: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| names(model.id, asked))
}

impl Model {
    /// One that another server runs, which knows no efforts but thinks or does not.
    pub(super) const fn of_another(id: &'static str, thinks: bool) -> Self {
        let efforts: &[&str] = if thinks { CURRENT.efforts } else { &[] };
        Self { id, efforts, ..V4 }
    }
}

/// The snapshot that an undated name stands for. Replies name it, so that a client that compares names with
/// what it asked for fails here.
const SNAPSHOT: &str = "2026-11-01";

impl Model {
    pub(super) fn facts(&self, asked: &str) -> ModelFacts {
        let served = if asked == self.id { format!("{asked}-{SNAPSHOT}") } else { asked.to_owned() };
        ModelFacts {
            served,
            context: self.context,
            overflow: Overflow::Refuse,
            token_percent: 100,
            cache: CacheKind::Automatic { minimum: 1024, reports_writes: self.cache_writes },
        }
    }

    pub(super) fn reasons(&self) -> bool {
        !self.efforts.is_empty()
    }

    /// The effort in force, after the refusals that belong to it.
    pub(super) fn effort(
        &self,
        asked: Option<&str>,
        face: Face,
        has_tools: bool,
    ) -> Result<Effort, ApiError> {
        let param = match face {
            Face::Chat => "reasoning_effort",
            Face::Responses => "reasoning.effort",
        };
        if let Some(asked) = asked {
            if !self.reasons() {
                return Err(ApiError::invalid(match face {
                    Face::Chat => "Unrecognized request argument supplied: reasoning_effort".to_owned(),
                    Face::Responses => {
                        format!("Unsupported parameter: '{param}' is not supported with this model.")
                    }
                })
                .with_param(param)
                .with_code("unsupported_parameter"));
            }
            let hides_max = face == Face::Chat && self.max_only_in_responses;
            let offered = || self.efforts.iter().filter(|effort| !(hides_max && **effort == "max"));
            if !offered().any(|effort| *effort == asked) {
                let known: Vec<String> = offered().map(|effort| format!("'{effort}'")).collect();
                return Err(ApiError::invalid(format!(
                    "Unsupported value: '{param}' does not support '{asked}' with this model. \
                     Supported values are: {}.",
                    known.join(", ")
                ))
                .with_param(param)
                .with_code("unsupported_value"));
            }
        }
        let level = asked.unwrap_or(self.default_effort);
        let on = self.reasons() && level != "none";
        // GPT-5.4 and later; those whose reasoning cannot be switched off have tools through Responses alone.
        if on && has_tools && face == Face::Chat && self.chat_tools_without_effort {
            return Err(ApiError::invalid(format!(
                "Function tools with reasoning_effort are not supported for {} in \
                 /v1/chat/completions. To use function tools, use /v1/responses or set \
                 reasoning_effort to 'none'.",
                self.id
            ))
            .with_param("reasoning_effort"));
        }
        Ok(Effort { on, level: level.to_owned() })
    }

    /// The model object of the list.
    pub(super) fn object(&self) -> Value {
        json!({
            "id": self.id,
            "object": "model",
            "created": CREATED,
            "owned_by": "openai",
            "shutdown_date": self.shutdown,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Effort {
    pub(super) on: bool,
    pub(super) level: String,
}
