//! Who answers `POST /responses`: the vendor, or a server that took the call over from it.

use serde_json::Value;

use super::gates;
use super::models::{self, Effort, Face, Model};
use crate::api_error::ApiError;
use crate::dialect::chat::{Reading, missing, wrong_type};
use crate::error_kind::ErrorKind;
use crate::turn::ModelFacts;

#[derive(Debug, Clone)]
pub(in crate::dialect) struct Host {
    pub(super) model: Model,
    pub(super) facts: ModelFacts,
    /// Unknown fields, settings and items are refused by the vendor and passed over by others.
    pub(super) reading: Reading,
    pub(super) thoughts: Thoughts,
    /// What `previous_response_id` is to it.
    pub(super) previous: Previous,
}

/// Where the thoughts lie in their item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum Thoughts {
    /// Sealed, and as a summary for those who ask.
    Sealed,
    /// In the summary, always.
    Summary,
    /// In the content, as they are.
    Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum Previous {
    /// Responses are kept unless the client wants it otherwise.
    Kept,
    /// Nothing is kept, and so nothing is found.
    Unkept,
    Ignored,
    Refused(&'static str),
}

impl Host {
    /// The vendor, where the body has its fields and names one of its models.
    pub(super) fn vendor(body: &Value) -> Result<Self, ApiError> {
        if let Some(field) = gates::stranger(body, FIELDS) {
            return Err(ApiError::invalid(format!("Unknown parameter: '{field}'."))
                .with_param(field)
                .with_code("unknown_parameter"));
        }
        for (field, is_right, form) in SHAPES {
            if body.get(*field).is_some_and(|value| !value.is_null() && !is_right(value)) {
                return Err(wrong_type(field, form));
            }
        }
        let asked = body.get("model").and_then(Value::as_str).ok_or_else(|| missing("model"))?;
        let model = models::find(asked).ok_or_else(|| {
            ApiError::new(ErrorKind::ModelNotFound)
                // The same mistake is a 404 at `/chat/completions`.
                .with_status(400)
                .with_message(format!("The requested model '{asked}' does not exist."))
                .with_param("model")
        })?;
        Ok(Self {
            model: *model,
            facts: model.facts(asked),
            reading: Reading::Strict,
            thoughts: Thoughts::Sealed,
            previous: Previous::Kept,
        })
    }

    /// Another server with a model of its own.
    pub(in crate::dialect) fn other(
        id: &'static str,
        facts: ModelFacts,
        thinks: bool,
        thoughts: Thoughts,
        previous: Previous,
    ) -> Self {
        Self { model: Model::of_another(id, thinks), facts, reading: Reading::Lenient, thoughts, previous }
    }

    pub(super) fn strict(&self) -> bool {
        self.reading == Reading::Strict
    }

    pub(super) fn effort(&self, asked: Option<&str>, has_tools: bool) -> Result<Effort, ApiError> {
        if self.strict() {
            return self.model.effort(asked, Face::Responses, has_tools);
        }
        let level = asked.unwrap_or("medium").to_owned();
        Ok(Effort { on: self.model.reasons() && level != "none", level })
    }
}

const FIELDS: &[&str] = &[
    "access_programs",
    "background",
    "background_options",
    "client_metadata",
    "context_management",
    "conversation",
    "image",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// A field, the test of its form, and the form in words.
type Shape = (&'static str, fn(&Value) -> bool, &'static str);

/// Fields that change nothing here, with the form that they have.
const SHAPES: &[Shape] = &[
    ("access_programs", Value::is_object, "an object"),
    ("background_options", Value::is_object, "an object"),
    ("client_metadata", Value::is_object, "an object"),
    ("context_management", Value::is_array, "an array of objects"),
    ("image", Value::is_object, "an object"),
    ("metadata", Value::is_object, "an object"),
    ("moderation", Value::is_object, "an object"),
    ("prompt_cache_key", Value::is_string, "a string"),
    ("prompt_cache_options", Value::is_object, "an object"),
    ("safety_identifier", Value::is_string, "a string"),
];
