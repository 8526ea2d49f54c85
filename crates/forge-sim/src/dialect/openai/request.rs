//! From the body of a Responses request to a turn.

use serde_json::Value;

use super::host::{Host, Previous, Thoughts};
use super::models::{Effort, Model};
use super::{gates, input, stored, tools};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::dialect::chat::{self, wrong_value};
use crate::turn::{Format, Turn};

/// What the reply depends on beside the turn.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) turn: Turn,
    pub(super) model: Model,
    pub(super) effort: Effort,
    pub(super) thoughts: Thoughts,
    /// The vendor tells them for every model, also where there can be none.
    pub(super) tells_cache_writes: bool,
    pub(super) summary: bool,
    pub(super) encrypted: bool,
    pub(super) store: bool,
    pub(super) stream: bool,
    pub(super) obfuscation: bool,
    pub(super) items: Vec<Value>,
    /// The parameters that the reply repeats.
    pub(super) echo: Value,
}

pub(super) fn parse(call: &Call, host: &Host, cx: &Context<'_>) -> Result<Request, ApiError> {
    let body = &call.body;
    let mut turn = Turn::new(call.vendor, host.facts.clone());
    let mut items = earlier_items(body, host.previous, cx)?;
    items.extend(input::items(body.get("input"), cx)?);
    let offer = tools::read(body, &items)?;
    turn.tools.clone_from(&offer.own);
    if !host.strict() {
        // Servers that render a chat template know functions only.
        turn.tools.retain(|tool| !tool.freeform);
    }
    let reasoning = body.get("reasoning").unwrap_or(&Value::Null);
    let effort = host.effort(reasoning.get("effort").and_then(Value::as_str), !turn.tools.is_empty())?;
    turn.thinks = effort.on;
    turn.max_tokens = if host.strict() {
        gates::sampling(body, &host.model, &effort)?;
        gates::token_limit(body, "max_output_tokens", &host.model)?
    } else {
        body.get("max_output_tokens").and_then(Value::as_u64)
    };
    turn.tool_choice = offer.choice(body)?;
    turn.parallel_calls = body.get("parallel_tool_calls") != Some(&Value::Bool(false));
    turn.format = format(body, host)?;
    turn.push_tools();
    if let Some(instructions) = body.get("instructions").and_then(Value::as_str) {
        turn.system = format!("{instructions}\n");
        turn.push_prompt(instructions);
    }
    input::read(&items, host, cx, &mut turn)?;
    let options = body.get("stream_options").unwrap_or(&Value::Null);
    Ok(Request {
        turn,
        model: host.model,
        thoughts: host.thoughts,
        tells_cache_writes: host.strict(),
        effort,
        summary: reasoning.get("summary").is_some_and(|summary| !summary.is_null()),
        encrypted: includes(body, "reasoning.encrypted_content")?,
        // The vendor stores unless told otherwise: a client that wants nothing kept has to say so.
        store: host.previous == Previous::Kept && body.get("store").and_then(Value::as_bool).unwrap_or(true),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        obfuscation: host.strict()
            && options.get("include_obfuscation").and_then(Value::as_bool).unwrap_or(true),
        items,
        echo: body.clone(),
    })
}

fn earlier_items(body: &Value, previous: Previous, cx: &Context<'_>) -> Result<Vec<Value>, ApiError> {
    let Some(id) = body.get("previous_response_id").and_then(Value::as_str) else {
        return Ok(Vec::new());
    };
    match previous {
        Previous::Kept => {}
        Previous::Unkept => return Err(stored::not_found(id)),
        Previous::Ignored => return Ok(Vec::new()),
        Previous::Refused(text) => return Err(ApiError::invalid(text)),
    }
    cx.conversation(id).ok_or_else(|| {
        ApiError::invalid(format!("Previous response with id '{id}' not found."))
            .with_param("previous_response_id")
            .with_code("previous_response_not_found")
    })
}

fn format(body: &Value, host: &Host) -> Result<Format, ApiError> {
    let format = body.get("text").and_then(|text| text.get("format"));
    let Some(format) = format.filter(|format| !format.is_null()) else {
        return Ok(Format::Text);
    };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => chat::schema_format(format, "text.format", host.reading),
        other => Err(wrong_value(
            "text.format.type",
            other.unwrap_or_default(),
            &["json_object", "json_schema", "text"],
        )),
    }
}

const INCLUDABLE: &[&str] = &[
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
];

fn includes(body: &Value, wanted: &str) -> Result<bool, ApiError> {
    let mut found = false;
    let list = body.get("include").and_then(Value::as_array);
    for (index, name) in list.into_iter().flatten().enumerate() {
        let name = name.as_str().unwrap_or_default();
        if !INCLUDABLE.contains(&name) {
            return Err(wrong_value(&format!("include[{index}]"), name, INCLUDABLE));
        }
        found |= name == wanted;
    }
    Ok(found)
}
