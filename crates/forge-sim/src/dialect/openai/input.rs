//! The items of a Responses request: their order, and what must come back unchanged.

use std::collections::HashSet;

use serde_json::Value;

use super::host::Host;
use super::items::{PAIRS, check_item, kind};
use super::models::Model;
use crate::api_error::ApiError;
use crate::context::Context;
use crate::dialect::chat::{content_text, missing, wrong_type};
use crate::tokens::attachments;
use crate::turn::{ToolResult, Turn};

/// The items of `input`, with stored ones in the place of references.
pub(super) fn items(input: Option<&Value>, cx: &Context<'_>) -> Result<Vec<Value>, ApiError> {
    match input {
        None => Err(missing("input")),
        Some(Value::String(text)) => {
            Ok(vec![serde_json::json!({"type": "message", "role": "user", "content": text})])
        }
        Some(Value::Array(items)) => {
            let mut resolved = Vec::with_capacity(items.len());
            for item in items {
                if kind(item) == "item_reference" {
                    let id = item["id"].as_str().unwrap_or_default();
                    resolved.extend(cx.conversation(id).ok_or_else(|| not_stored(id))?);
                } else {
                    resolved.push(item.clone());
                }
            }
            Ok(resolved)
        }
        Some(_) => Err(wrong_type("input", "one of a string or array of objects")),
    }
}

/// Checks the items and fills the turn.
pub(super) fn read(items: &[Value], host: &Host, cx: &Context<'_>, turn: &mut Turn) -> Result<(), ApiError> {
    for (index, item) in items.iter().enumerate() {
        if host.strict() {
            check_item(index, item)?;
            if kind(item) == "reasoning" {
                check_reasoning(item, items.get(index + 1), &host.model, cx)?;
            } else {
                check_companion(item, &items[..index], &host.model, cx)?;
            }
        }
        describe(item, turn);
    }
    if host.strict() {
        check_pairs(items)?;
        check_duplicates(items)?;
    }
    let is_output = |item: &Value| PAIRS.iter().any(|(_, output, _)| *output == kind(item));
    let is_call = |item: &Value| PAIRS.iter().any(|(call, ..)| *call == kind(item));
    let trailing = items.iter().rev().take_while(|item| is_output(item)).count();
    for item in &items[items.len() - trailing..] {
        let call = items.iter().find(|other| is_call(other) && other.get("call_id") == item.get("call_id"));
        turn.tool_results.push(ToolResult {
            name: call.and_then(|call| Some(call.get("name")?.as_str()?.to_owned())),
            text: content_text(&item["output"]),
        });
    }
    let user = items.iter().rev().find(|item| kind(item) == "message" && item["role"] == "user");
    if let Some(user) = user {
        turn.user = content_text(&user["content"]);
    }
    Ok(())
}

/// A reasoning item is followed by what it led to, and carries its own content or is stored.
fn check_reasoning(
    item: &Value,
    next: Option<&Value>,
    model: &Model,
    cx: &Context<'_>,
) -> Result<(), ApiError> {
    let own_id = item.get("id").and_then(Value::as_str);
    let id = own_id.unwrap_or_default();
    let followed = next.is_some_and(|next| match kind(next) {
        "message" => next["role"] == "assistant",
        kind => !PAIRS.iter().any(|(_, output, _)| *output == kind),
    });
    if !followed {
        return Err(ApiError::invalid(format!(
            "Item '{id}' of type 'reasoning' was provided without its required following item."
        ))
        .with_param("input"));
    }
    match item.get("encrypted_content").and_then(Value::as_str) {
        // Without its id an item cannot be told from another of the same model.
        Some(content) if own_id.is_none() && !content.is_empty() => Ok(()),
        Some(content) if cx.seals().holds(content, "reasoning", &[model.id, id]) => Ok(()),
        Some(_) => {
            Err(ApiError::invalid(format!("The encrypted content for item {id} could not be verified."))
                .with_code("invalid_encrypted_content"))
        }
        None if cx.conversation(id).is_some() => Ok(()),
        None => Err(not_stored(id)),
    }
}

fn not_stored(id: &str) -> ApiError {
    ApiError::invalid(format!(
        "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try \
         again with `store` set to true, or remove this item from your input."
    ))
    .with_status(404)
    .with_param("input")
}

/// An item that came from reasoning does not come back without it, to the same model.
fn check_companion(item: &Value, before: &[Value], model: &Model, cx: &Context<'_>) -> Result<(), ApiError> {
    let Some(id) = item.get("id").and_then(Value::as_str) else {
        return Ok(());
    };
    let Some(reasoning) = reasoning_id(id, model, cx) else {
        return Ok(());
    };
    let present = before.iter().any(|item| {
        let id = item.get("id").and_then(Value::as_str);
        // Reasoning that comes without an id may be the one that is asked for.
        kind(item) == "reasoning" && id.is_none_or(|id| id == reasoning)
    });
    if present {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Item '{id}' of type '{}' was provided without its required 'reasoning' item: \
         '{reasoning}'.",
        kind(item)
    ))
    .with_param("input"))
}

/// Hex digits of an id that are its own, and those behind them that tell whether it came from reasoning. So
/// the vendor's demand for companions is checked without keeping what it has sent.
const BASE: usize = 32;
const MARK: usize = 16;

/// The stem of the ids of a response; it tells whether they belong with a reasoning item.
pub(super) fn id_stem(reasoned: bool, model: &Model, cx: &mut Context<'_>) -> String {
    let base = cx.rng.hex(BASE);
    // As long in either case, so that no client can tell by the length.
    let mark = if reasoned { mark(&base, model, cx) } else { cx.rng.hex(MARK) };
    base + &mark
}

fn mark(base: &str, model: &Model, cx: &Context<'_>) -> String {
    format!("{:016x}", cx.digest(&["companion", model.id, base]))
}

fn reasoning_id(id: &str, model: &Model, cx: &Context<'_>) -> Option<String> {
    let (_, rest) = id.split_once('_')?;
    let base = rest.get(..BASE)?;
    let found = rest.get(BASE..BASE + MARK)?;
    (found == mark(base, model, cx)).then(|| format!("rs_{base}{found}"))
}

/// Calls and outputs pair by `call_id`, the call first.
fn check_pairs(items: &[Value]) -> Result<(), ApiError> {
    let ids = |wanted: &'static str| {
        items
            .iter()
            .enumerate()
            .filter(move |(_, item)| kind(item) == wanted)
            .filter_map(|(index, item)| Some((index, item.get("call_id")?.as_str()?)))
    };
    for (call, output, words) in PAIRS {
        for (index, id) in ids(output) {
            if !ids(call).any(|(asked, known)| known == id && asked < index) {
                return Err(ApiError::invalid(format!(
                    "No tool call found for {words} output with call_id {id}."
                ))
                .with_param("input"));
            }
        }
        for (_, id) in ids(call) {
            if !ids(output).any(|(_, known)| known == id) {
                return Err(
                    ApiError::invalid(format!("No tool output found for {words} {id}.")).with_param("input")
                );
            }
        }
    }
    Ok(())
}

/// The vendor's own items have ids, and each of them comes once.
fn check_duplicates(items: &[Value]) -> Result<(), ApiError> {
    let mut seen = HashSet::new();
    for id in items.iter().filter_map(|item| item.get("id")?.as_str()) {
        if !seen.insert(id) {
            return Err(ApiError::invalid(format!(
                "Duplicate item found with id {id}. Remove duplicate items from your input and try again."
            ))
            .with_param("input"));
        }
    }
    Ok(())
}

fn describe(item: &Value, turn: &mut Turn) {
    match kind(item) {
        "message" => {
            let mut words = content_text(&item["content"]);
            if matches!(item["role"].as_str(), Some("system" | "developer")) {
                turn.system += &words;
                turn.system.push('\n');
            }
            let number = item["content"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|part| matches!(part["type"].as_str(), Some("input_image" | "input_file")))
                .count();
            words += &attachments(number);
            turn.push_prompt(words);
        }
        "function_call" => turn.push_prompt(format!(
            "{} {}",
            item["name"].as_str().unwrap_or_default(),
            item["arguments"].as_str().unwrap_or_default()
        )),
        "custom_tool_call" => turn.push_prompt(item["input"].as_str().unwrap_or_default()),
        "function_call_output" | "custom_tool_call_output" => {
            turn.push_prompt(content_text(&item["output"]));
        }
        _ => {}
    }
}
