//! `POST /responses` and its token count.

use serde_json::{Value, json};

use super::models::{self, Effort, Face, Model};
use super::{gates, input, response, stream, tools};
use crate::answer::{Answer, Framing, Stream};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::dialect::chat::{self, Reading, missing, wrong_type, wrong_value};
use crate::scenario::{ErrorKind, LineEnding};
use crate::turn::{Format, Turn};

const FIELDS: &[&str] = &[
    "background",
    "client_metadata",
    "context_management",
    "conversation",
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
    ("client_metadata", Value::is_object, "an object"),
    ("context_management", Value::is_array, "an array of objects"),
    ("metadata", Value::is_object, "an object"),
    ("moderation", Value::is_object, "an object"),
    ("prompt_cache_key", Value::is_string, "a string"),
    ("prompt_cache_options", Value::is_object, "an object"),
    ("safety_identifier", Value::is_string, "a string"),
];

/// What the reply depends on beside the turn.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) turn: Turn,
    pub(super) model: &'static Model,
    pub(super) effort: Effort,
    pub(super) summary: bool,
    pub(super) encrypted: bool,
    pub(super) store: bool,
    pub(super) stream: bool,
    pub(super) obfuscation: bool,
    items: Vec<Value>,
    /// The parameters that the reply repeats.
    pub(super) echo: Value,
}

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let request = parse(call, cx)?;
    let completion = cx.complete(&request.turn)?;
    let response = response::Response::new(&completion, &request, cx);
    if request.store {
        let mut kept = request.items.clone();
        kept.extend(response.items());
        for item in response.items() {
            if let Some(id) = item["id"].as_str() {
                cx.keep_conversation(id, vec![item.clone()]);
            }
        }
        cx.keep_conversation(&response.id, kept);
    }
    let answer = if request.stream {
        let frames = stream::frames(&response, request.obfuscation, cx);
        Answer::stream(Stream {
            framing: Framing::Sse(LineEnding::Lf),
            frames,
            error_frames: stream::error_frames(&response),
        })
    } else {
        Answer::json(response.finished())
    };
    Ok(answer.reporting(completion.usage, &completion.model))
}

pub(super) fn count(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let request = parse(call, cx)?;
    Ok(Answer::json(json!({
        "object": "response.input_tokens",
        "input_tokens": request.turn.prompt_tokens(),
    })))
}

fn parse(call: &Call, cx: &Context<'_>) -> Result<Request, ApiError> {
    let body = &call.body;
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
            .with_status(400)
            .with_message(format!("The requested model '{asked}' does not exist."))
            .with_param("model")
    })?;
    let mut turn = Turn::new(call.vendor, model.facts(asked));
    let mut items = earlier_items(body, cx)?;
    items.extend(input::items(body.get("input"), cx)?);
    let offer = tools::read(body, &items)?;
    turn.tools.clone_from(&offer.own);
    let reasoning = body.get("reasoning").unwrap_or(&Value::Null);
    let effort = model.effort(
        reasoning.get("effort").and_then(Value::as_str),
        Face::Responses,
        !turn.tools.is_empty(),
    )?;
    turn.thinks = effort.on;
    turn.max_tokens = gates::token_limit(body, "max_output_tokens", model)?;
    gates::sampling(body, model, &effort)?;
    turn.tool_choice = offer.choice(body)?;
    turn.parallel_calls = body.get("parallel_tool_calls") != Some(&Value::Bool(false));
    turn.format = format(body)?;
    turn.push_tools();
    if let Some(instructions) = body.get("instructions").and_then(Value::as_str) {
        turn.system = format!("{instructions}\n");
        turn.push_prompt(instructions);
    }
    input::read(&items, model, cx, &mut turn)?;
    let options = body.get("stream_options").unwrap_or(&Value::Null);
    Ok(Request {
        turn,
        model,
        effort,
        summary: reasoning.get("summary").is_some_and(|summary| !summary.is_null()),
        encrypted: includes(body, "reasoning.encrypted_content")?,
        store: body.get("store").and_then(Value::as_bool).unwrap_or(true),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        obfuscation: options.get("include_obfuscation").and_then(Value::as_bool).unwrap_or(true),
        items,
        echo: body.clone(),
    })
}

fn earlier_items(body: &Value, cx: &Context<'_>) -> Result<Vec<Value>, ApiError> {
    let Some(id) = body.get("previous_response_id").and_then(Value::as_str) else {
        return Ok(Vec::new());
    };
    cx.conversation(id).ok_or_else(|| {
        ApiError::invalid(format!("Previous response with id '{id}' not found."))
            .with_param("previous_response_id")
            .with_code("previous_response_not_found")
    })
}

fn format(body: &Value) -> Result<Format, ApiError> {
    let format = body.get("text").and_then(|text| text.get("format"));
    let Some(format) = format.filter(|format| !format.is_null()) else {
        return Ok(Format::Text);
    };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => chat::schema_format(format, "text.format", Reading::Strict),
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
