//! From the body of a generateContent request to a turn.

use serde_json::Value;

use super::field::{check_names, get, list, text};
use super::models::{Generation, MAX_OUTPUT, Model};
use super::{contents, models, parts, tools};
use crate::api_error::ApiError;
use crate::context::Context;
use crate::error_kind::ErrorKind;
use crate::turn::{Format, Turn};
use crate::vendor::Vendor;

#[derive(Debug)]
pub(super) struct Request {
    pub(super) turn: Turn,
    pub(super) model: &'static Model,
    pub(super) includes_thoughts: bool,
    /// So many replies side by side.
    pub(super) candidates: u64,
}

const FIELDS: &[&str] = &[
    "cachedContent",
    "contents",
    "generationConfig",
    "labels",
    "model",
    "safetySettings",
    "serviceTier",
    "store",
    "systemInstruction",
    "toolConfig",
    "tools",
];

const CONFIG_FIELDS: &[&str] = &[
    "candidateCount",
    "enableEnhancedCivicAnswers",
    "frequencyPenalty",
    "imageConfig",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

/// `whole` is whether the reply comes in one piece, which has an output limit of its own.
pub(super) fn parse(body: &Value, asked: &str, whole: bool, cx: &Context<'_>) -> Result<Request, ApiError> {
    let model = models::find(asked).ok_or_else(|| super::unknown_model(asked))?;
    check_names(body, "", FIELDS)?;
    if get(body, "cachedContent").is_some() {
        // Nothing is ever put into the explicit cache here.
        return Err(ApiError::new(ErrorKind::Permission)
            .with_message("CachedContent not found (or permission denied)"));
    }
    let mut turn = Turn::new(Vendor::Google, model.facts());
    let none = Value::Null;
    let config = get(body, "generationConfig").unwrap_or(&none);
    check_names(config, "generation_config", CONFIG_FIELDS)?;
    turn.tools = tools::tools(body)?;
    turn.tool_choice = tools::choice(body, &turn.tools)?;
    turn.format = format(config, model, !turn.tools.is_empty())?;
    let thoughts = thinking(config, model)?;
    turn.thinks = thoughts.on;
    check_ranges(config)?;
    // A reply in one piece has a smaller limit than a stream; it is cut and not refused.
    turn.max_tokens = max_tokens(config, if whole { model.whole_output } else { MAX_OUTPUT })?;
    turn.stop = list(config, "stopSequences")
        .iter()
        .filter_map(|word| word.as_str().map(ToOwned::to_owned))
        .collect();
    if turn.stop.len() > 5 {
        return Err(ApiError::invalid("The number of stop sequences should be at most 5."));
    }
    turn.push_tools();
    if let Some(system) = get(body, "systemInstruction") {
        check_names(system, "system_instruction", &["parts", "role"])?;
        for (number, part) in list(system, "parts").iter().enumerate() {
            parts::check(part, &format!("system_instruction.parts[{number}]"))?;
        }
        let words: String = list(system, "parts").iter().filter_map(|part| text(part, "text")).collect();
        turn.push_prompt(&words);
        turn.system = words;
    }
    contents::read(list(body, "contents"), model, cx, &mut turn)?;
    let candidates = candidates(config)?;
    Ok(Request { turn, model, includes_thoughts: thoughts.shown, candidates })
}

fn format(config: &Value, model: &Model, has_tools: bool) -> Result<Format, ApiError> {
    let subset = get(config, "responseSchema");
    let full = get(config, "responseJsonSchema");
    let json = match text(config, "responseMimeType").unwrap_or("text/plain") {
        "application/json" => true,
        "text/plain" | "text/x.enum" => false,
        other => {
            return Err(ApiError::invalid(format!(
                "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes \
                 are `text/plain`, `application/json`; got `{other}`"
            )));
        }
    };
    if subset.is_some() && full.is_some() {
        return Err(ApiError::invalid("Only one of response_schema and response_json_schema may be set"));
    }
    if let Some(schema) = subset {
        tools::check_subset(schema, "generation_config.response_schema")?;
    }
    let schema = subset.or(full);
    if schema.is_some() && !json {
        return Err(ApiError::invalid(
            "* GenerateContentRequest.generation_config.response_schema: only allowed with \
             response_mime_type `application/json`",
        ));
    }
    if json && has_tools && model.generation == Generation::V25 {
        return Err(ApiError::invalid(
            "Function calling with a response mime type: 'application/json' is unsupported",
        ));
    }
    Ok(match schema {
        Some(schema) => Format::Schema {
            name: schema.get("title").and_then(Value::as_str).map(ToOwned::to_owned),
            schema: schema.clone(),
        },
        None if json => Format::JsonObject,
        None => Format::Text,
    })
}

struct Thoughts {
    on: bool,
    shown: bool,
}

fn thinking(config: &Value, model: &Model) -> Result<Thoughts, ApiError> {
    let none = Value::Null;
    let thinking = get(config, "thinkingConfig").unwrap_or(&none);
    check_names(
        thinking,
        "generation_config.thinking_config",
        &["includeThoughts", "thinkingBudget", "thinkingLevel"],
    )?;
    let budget = get(thinking, "thinkingBudget").map(|budget| budget.as_i64().unwrap_or(i64::MIN));
    let level = text(thinking, "thinkingLevel").map(str::to_uppercase);
    if budget.is_some() && level.is_some() {
        return Err(ApiError::invalid("You can only set only one of thinking budget and thinking level."));
    }
    let v25 = model.generation == Generation::V25;
    if budget.is_some() && !v25 {
        return Err(ApiError::invalid(
            "Thinking budget is not supported for this model. Use thinking level instead.",
        ));
    }
    if level.is_some() && v25 {
        return Err(ApiError::invalid("Thinking level is not supported for this model."));
    }
    if let Some(budget) = budget
        && !(-1..=32_768).contains(&budget)
    {
        return Err(ApiError::invalid(format!(
            "The thinking budget {budget} is invalid. Please choose a value between -1 and 32768."
        )));
    }
    if let Some(level) = level.as_deref() {
        let known: &[&str] = if model.generation == Generation::V4 {
            &["LOW", "MEDIUM", "HIGH"]
        } else {
            &["MINIMAL", "LOW", "MEDIUM", "HIGH"]
        };
        if !known.contains(&level) {
            return Err(ApiError::invalid(format!(
                "Thinking level {level} is not supported for this model. Please retry with other \
                 thinking level."
            )));
        }
    }
    let on = match (budget, level.as_deref()) {
        (Some(0), _) | (_, Some("MINIMAL")) => false,
        (Some(_), _) | (_, Some(_)) => true,
        (None, None) => model.thinks,
    };
    Ok(Thoughts { on, shown: on && get(thinking, "includeThoughts").and_then(Value::as_bool) == Some(true) })
}

fn check_ranges(config: &Value) -> Result<(), ApiError> {
    for (name, most) in [("temperature", 2.0), ("topP", 1.0)] {
        let Some(value) = get(config, name) else {
            continue;
        };
        if value.as_f64().is_none_or(|value| !(0.0..=most).contains(&value)) {
            return Err(ApiError::invalid(format!(
                "* GenerateContentRequest.generation_config.{name}: {name} must be in the range \
                 [0.0, {most:.1}]."
            )));
        }
    }
    Ok(())
}

const MAX_CANDIDATES: u64 = 8;

fn candidates(config: &Value) -> Result<u64, ApiError> {
    match get(config, "candidateCount").map(Value::as_u64) {
        None => Ok(1),
        Some(Some(count @ 1..=MAX_CANDIDATES)) => Ok(count),
        Some(_) => Err(ApiError::invalid(format!(
            "* GenerateContentRequest.generation_config.candidate_count: candidate_count must be in the \
             range [1, {MAX_CANDIDATES}]."
        ))),
    }
}

fn max_tokens(config: &Value, most: u64) -> Result<Option<u64>, ApiError> {
    let Some(value) = get(config, "maxOutputTokens") else {
        return Ok(Some(most));
    };
    match value.as_u64() {
        Some(limit) if limit > 0 && limit <= MAX_OUTPUT => Ok(Some(limit.min(most))),
        _ => Err(ApiError::invalid(format!(
            "Unable to submit request because it has a maxOutputTokens value of {value} but the \
             supported range is from 1 (inclusive) to {} (exclusive). Update the value and try \
             again.",
            MAX_OUTPUT + 1
        ))),
    }
}
