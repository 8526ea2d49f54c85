//! `POST /chat/completions`.

use serde_json::Value;

use super::models::{self, Face};
use super::{error, gates};
use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::compatible::{CallIds, Thoughts};
use crate::context::Context;
use crate::dialect::chat::{self, Output, Reading, Style, UsageStyle, missing};
use crate::error_kind::ErrorKind;
use crate::turn::{Format, Turn};

const FIELDS: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let body = &call.body;
    if let Some(field) = gates::stranger(body, FIELDS) {
        return Err(ApiError::invalid(format!("Unrecognized request argument supplied: {field}")));
    }
    let asked = body.get("model").and_then(Value::as_str).ok_or_else(|| missing("model"))?;
    let model = models::find(asked).ok_or_else(|| {
        ApiError::new(ErrorKind::ModelNotFound)
            .with_message(format!("The model '{asked}' does not exist or you do not have access to it."))
    })?;
    let mut turn = Turn::new(call.vendor, model.facts(asked));
    turn.tools = chat::tools(body, Reading::Strict)?;
    let effort = model.effort(
        body.get("reasoning_effort").and_then(Value::as_str),
        Face::Chat,
        !turn.tools.is_empty(),
    )?;
    turn.thinks = effort.on;
    if model.reasons() && body.get("max_tokens").is_some_and(|value| !value.is_null()) {
        return Err(gates::unsupported_parameter("max_tokens", " Use 'max_completion_tokens' instead."));
    }
    turn.max_tokens = match gates::token_limit(body, "max_completion_tokens", model)? {
        None => gates::token_limit(body, "max_tokens", model)?,
        limit => limit,
    };
    gates::sampling(body, model, &effort)?;
    turn.stop = chat::stop(body, Reading::Strict)?;
    turn.tool_choice = chat::tool_choice(body, &turn.tools, Reading::Strict)?;
    turn.parallel_calls = body.get("parallel_tool_calls") != Some(&Value::Bool(false));
    turn.format = chat::response_format(body, Reading::Strict)?;
    turn.push_tools();
    chat::read_messages(body.get("messages"), Reading::Strict, &mut turn)?;
    mentions_json(body, &turn)?;
    let output = output(body)?;
    top_logprobs(body)?;
    let completion = cx.complete(&turn)?;
    let style = Style {
        // Chat tells how many tokens the thoughts took, and never the thoughts.
        thoughts: Thoughts::Hidden,
        call_ids: CallIds::Random,
        whole_delta: false,
        usage: UsageStyle::Detailed { cache_writes: model.cache_writes },
        vendor_extras: true,
        service_tier: Some("default"),
        finish_with_content: false,
        fingerprint: Some("fp_simulated"),
        swallows_errors: false,
        done_after_error: false,
    };
    Ok(chat::answer(&completion, style, output, cx, error::body))
}

/// JSON mode wants the word in the prompt.
fn mentions_json(body: &Value, turn: &Turn) -> Result<(), ApiError> {
    if turn.format != Format::JsonObject {
        return Ok(());
    }
    let said = body["messages"].to_string().to_lowercase();
    if said.contains("json") {
        return Ok(());
    }
    Err(ApiError::invalid(
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type \
         'json_object'.",
    )
    .with_param("messages"))
}

/// Alternatives belong to the probabilities of the chosen tokens.
fn top_logprobs(body: &Value) -> Result<(), ApiError> {
    let Some(number) = body.get("top_logprobs").filter(|number| !number.is_null()) else {
        return Ok(());
    };
    if body.get("logprobs") != Some(&Value::Bool(true)) {
        return Err(ApiError::invalid(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
        )
        .with_param("top_logprobs"));
    }
    match number.as_u64() {
        Some(0..=20) => Ok(()),
        _ => Err(chat::wrong_type("top_logprobs", "an integer from 0 to 20")),
    }
}

fn output(body: &Value) -> Result<Output, ApiError> {
    let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
    let options = body.get("stream_options").filter(|options| !options.is_null());
    if options.is_some() && !stream {
        return Err(ApiError::invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        )
        .with_param("stream_options"));
    }
    let option = |name: &str| options.and_then(|options| options.get(name)?.as_bool());
    let choices = body.get("n").and_then(Value::as_u64).unwrap_or(1);
    if choices == 0 || choices > 128 {
        return Err(chat::wrong_type("n", "an integer from 1 to 128").with_param("n"));
    }
    Ok(Output {
        stream,
        include_usage: option("include_usage").unwrap_or(false),
        usage_in_every_chunk: false,
        obfuscation: option("include_obfuscation").unwrap_or(true),
        choices,
        logprobs: body.get("logprobs") == Some(&Value::Bool(true)),
        top_logprobs: body.get("top_logprobs").and_then(Value::as_u64).unwrap_or(0),
    })
}
