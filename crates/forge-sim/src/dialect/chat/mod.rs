//! Chat Completions, as OpenAI made it and as compatible servers speak it.

mod attachments;
mod logprobs;
mod messages;
mod render;
mod reply;
mod schema;
mod settings;
mod stream;
mod style;
mod thoughts;
mod usage;

pub(super) use attachments::{check_file, check_image};
pub(super) use messages::{content_text, read as read_messages};
pub(super) use render::answer;
pub(super) use reply::CREATED;
pub(super) use settings::{response_format, schema_format, stop, tool, tool_choice, tools};
pub(super) use style::{Output, Style, UsageStyle};

use crate::api_error::ApiError;

/// How much of a mistake in a request is let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As OpenAI reads.
    Strict,
    /// As most local servers read.
    Lenient,
}

pub(super) fn missing(param: &str) -> ApiError {
    ApiError::invalid(format!("Missing required parameter: '{param}'."))
        .with_param(param)
        .with_code("missing_required_parameter")
}

pub(super) fn wrong_type(param: &str, expected: &str) -> ApiError {
    ApiError::invalid(format!("Invalid type for '{param}': expected {expected}."))
        .with_param(param)
        .with_code("invalid_type")
}

pub(super) fn wrong_value(param: &str, given: &str, known: &[&str]) -> ApiError {
    let known: Vec<String> = known.iter().map(|value| format!("'{value}'")).collect();
    ApiError::invalid(format!("Invalid value: '{given}'. Supported values are: {}.", known.join(", ")))
        .with_param(param)
        .with_code("invalid_value")
}

/// Ids of calls have a limit, whoever made them.
pub(super) fn check_call_id(id: &str, param: &str) -> Result<(), ApiError> {
    const MAX: usize = 64;
    if id.len() <= MAX {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Invalid '{param}': string too long. Expected a string with maximum length {MAX}, but got a \
         string with length {} instead.",
        id.len()
    ))
    .with_param(param)
    .with_code("string_above_max_length"))
}
