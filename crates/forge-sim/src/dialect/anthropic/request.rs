//! From the body of a Messages request to a turn.

use serde_json::{Map, Value};

use super::history::Rules;
use super::models::{self, Model};
use super::version::Version;
use super::{gates, history, schema, tools};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::error_kind::ErrorKind;
use crate::turn::{Format, Turn};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Answer,
    Count,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) turn: Turn,
    pub(super) model: &'static Model,
    pub(super) stream: bool,
    /// Thinking comes back as text, not only as a signature.
    pub(super) shows_thinking: bool,
}

const FIELDS: &[&str] = &[
    "cache_control",
    "container",
    "diagnostics",
    "inference_geo",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "service_tier",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// Known only with an `anthropic-beta` header.
const BETA_FIELDS: &[&str] =
    &["billing_policy", "context_management", "fallback_credit_token", "fallbacks", "mcp_servers", "speed"];

// Fewer than a call has: a client that counts with the body of its call is refused.
const COUNT_FIELDS: &[&str] =
    &["cache_control", "messages", "model", "output_config", "system", "thinking", "tool_choice", "tools"];

/// `body` is the call's own, or what a thread has made of it.
pub(super) fn parse(
    call: &Call,
    body: &Value,
    cx: &Context<'_>,
    purpose: Purpose,
) -> Result<Request, ApiError> {
    let none = Map::new();
    let body = body.as_object().unwrap_or(&none);
    check_fields(body, purpose, call.header("anthropic-beta").is_some())?;
    let version = Version::read(call.header("anthropic-version"))?;
    version.check_settings(body)?;
    let asked = match body.get("model") {
        None => return Err(ApiError::invalid("model: Field required")),
        Some(model) => {
            model.as_str().ok_or_else(|| ApiError::invalid("model: Input should be a valid string"))?
        }
    };
    let model = models::find(asked)
        .ok_or_else(|| ApiError::new(ErrorKind::ModelNotFound).with_message(format!("model: {asked}")))?;
    let mut turn = Turn::new(call.vendor, model.facts(asked));
    turn.max_tokens = max_tokens(body, model, purpose)?;
    let stream = flag(body, "stream")?;
    turn.stop = stop_sequences(body)?;
    turn.tools = tools::tools(body.get("tools"))?;
    turn.tool_choice = tools::choice(body.get("tool_choice"), body.get("tools"), &mut turn)?;
    let thinking = gates::thinking(body, model, turn.max_tokens)?;
    turn.thinks = thinking.on;
    turn.format = format(body)?;
    gates::sampling(body, model, thinking)?;
    gates::effort(body, model)?;
    gates::forced_tools(&turn.tool_choice, model, thinking)?;
    turn.push_tools();
    tools::mark_breakpoints(body.get("tools"), &mut turn.prompt)?;
    history::read(body, Rules { model, thinking, version }, cx, &mut turn)?;
    gates::warm_up(&turn, stream)?;
    Ok(Request { turn, model, stream, shows_thinking: thinking.shown })
}

fn check_fields(body: &Map<String, Value>, purpose: Purpose, beta: bool) -> Result<(), ApiError> {
    let known = match purpose {
        Purpose::Answer => FIELDS,
        Purpose::Count => COUNT_FIELDS,
    };
    let stranger = body.keys().find(|field| {
        let field = field.as_str();
        let beta = beta && BETA_FIELDS.contains(&field);
        !(known.contains(&field) || beta)
    });
    match stranger {
        Some(field) => Err(ApiError::invalid(format!("{field}: Extra inputs are not permitted"))),
        None => Ok(()),
    }
}

fn max_tokens(body: &Map<String, Value>, model: &Model, purpose: Purpose) -> Result<Option<u64>, ApiError> {
    if purpose == Purpose::Count {
        return Ok(None);
    }
    let value = body.get("max_tokens").ok_or_else(|| ApiError::invalid("max_tokens: Field required"))?;
    let tokens =
        value.as_u64().ok_or_else(|| ApiError::invalid("max_tokens: Input should be a valid integer"))?;
    if tokens > model.max_output {
        return Err(ApiError::invalid(format!(
            "max_tokens: {tokens} > {}, which is the maximum allowed number of output tokens for {}",
            model.max_output, model.id
        )));
    }
    Ok(Some(tokens))
}

fn flag(body: &Map<String, Value>, name: &str) -> Result<bool, ApiError> {
    match body.get(name) {
        None => Ok(false),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| ApiError::invalid(format!("{name}: Input should be a valid boolean"))),
    }
}

fn stop_sequences(body: &Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let Some(value) = body.get("stop_sequences") else {
        return Ok(Vec::new());
    };
    let words =
        value.as_array().ok_or_else(|| ApiError::invalid("stop_sequences: Input should be a valid list"))?;
    words
        .iter()
        .enumerate()
        .map(|(index, word)| match word.as_str() {
            Some(word) if !word.trim().is_empty() => Ok(word.to_owned()),
            Some(_) => {
                Err(ApiError::invalid("stop_sequences: each stop sequence must contain non-whitespace"))
            }
            None => Err(ApiError::invalid(format!("stop_sequences.{index}: Input should be a valid string"))),
        })
        .collect()
}

fn format(body: &Map<String, Value>) -> Result<Format, ApiError> {
    let config = body.get("output_config").unwrap_or(&Value::Null);
    // The deprecated place is still read, after the current one.
    let Some(format) = config.get("format").or_else(|| body.get("output_format")) else {
        return Ok(Format::Text);
    };
    if format.is_null() {
        return Ok(Format::Text);
    }
    if format.get("type").and_then(Value::as_str) != Some("json_schema") {
        return Err(ApiError::invalid("output_config.format.type: Input should be 'json_schema'"));
    }
    let schema = format
        .get("schema")
        .filter(|schema| schema.is_object())
        .ok_or_else(|| ApiError::invalid("output_config.format.schema: Field required"))?;
    schema::check(schema, "output_config.format.schema")?;
    Ok(Format::Schema {
        name: format
            .get("name")
            .or_else(|| schema.get("title"))
            .and_then(Value::as_str)
            .map(ToOwned::to_owned),
        schema: schema.clone(),
    })
}
