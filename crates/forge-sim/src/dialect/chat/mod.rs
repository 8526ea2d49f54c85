//! Chat Completions, as OpenAI made it and as compatible servers speak it.

mod messages;
mod render;
mod settings;
mod stream;
mod style;

pub(super) use messages::{content_text, read as read_messages};
pub(super) use render::{CREATED, answer};
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
