//! Contents: their parts, their order, and the signatures that must come back.

use serde_json::{Value, json};

use super::field::{check_names, get, list, text};
use super::models::{Generation, Model};
use super::parts;
use crate::api_error::ApiError;
use crate::context::Context;
use crate::dialect::canonical::canonical;
use crate::tokens::attachments;
use crate::turn::{ToolResult, Turn};

/// Values that the vendor documents for histories of other models.
const WAIVERS: [&str; 2] = ["context_engineering_is_the_way_to_go", "skip_thought_signature_validator"];

pub(super) fn read(
    contents: &[Value],
    model: &Model,
    cx: &Context<'_>,
    turn: &mut Turn,
) -> Result<(), ApiError> {
    if contents.is_empty() {
        return Err(ApiError::invalid("* GenerateContentRequest.contents: contents is not specified\n"));
    }
    for (index, content) in contents.iter().enumerate() {
        check_content(index, content)?;
        for part in list(content, "parts") {
            check_signature(part, model, cx)?;
            turn.push_prompt(prompt_text(part));
        }
        let before = index.checked_sub(1).map(|before| &contents[before]);
        check_pairs(content, before)?;
        check_order(content, before)?;
    }
    // A call at the end waits for a result that the request does not bring.
    if contents.last().is_some_and(|last| !calls(last).is_empty()) {
        return Err(pairing());
    }
    check_current_turn(contents, model)?;
    describe(contents, turn);
    Ok(())
}

fn check_content(index: usize, content: &Value) -> Result<(), ApiError> {
    let at = format!("contents[{index}]");
    check_names(content, &at, &["role", "parts"])?;
    let role = text(content, "role").unwrap_or("user");
    if !matches!(role, "user" | "model" | "function") {
        return Err(ApiError::invalid("Please use a valid role: user, model."));
    }
    let parts = list(content, "parts");
    if parts.is_empty() {
        return Err(ApiError::invalid(format!(
            "* GenerateContentRequest.{at}.parts: contents.parts must not be empty.\n"
        )));
    }
    for (number, part) in parts.iter().enumerate() {
        parts::check(part, &format!("{at}.parts[{number}]"))?;
    }
    Ok(())
}

/// What a signature stands for: the model and the part.
pub(super) fn signed_fields(served: &str, part: &Value) -> [String; 2] {
    let content = match get(part, "functionCall") {
        Some(call) => canonical(&json!({
            "name": text(call, "name"),
            "args": get(call, "args").cloned().unwrap_or(json!({})),
        })),
        None => text(part, "text").unwrap_or_default().to_owned(),
    };
    [served.to_owned(), content]
}

fn check_signature(part: &Value, model: &Model, cx: &Context<'_>) -> Result<(), ApiError> {
    let Some(signature) = text(part, "thoughtSignature") else {
        return Ok(());
    };
    let [served, content] = signed_fields(model.served(), part);
    // Bytes are read in both alphabets of base64.
    let standard = signature.replace('-', "+").replace('_', "/");
    let holds = WAIVERS.contains(&signature) || cx.seals().holds(&standard, "thought", &[&served, &content]);
    if holds { Ok(()) } else { Err(ApiError::invalid("Thought signature is not valid.")) }
}

fn calls(content: &Value) -> Vec<&Value> {
    list(content, "parts").iter().filter_map(|part| get(part, "functionCall")).collect()
}

fn responses(content: &Value) -> Vec<&Value> {
    list(content, "parts").iter().filter_map(|part| get(part, "functionResponse")).collect()
}

fn pairing() -> ApiError {
    ApiError::invalid(
        "Please ensure that the number of function response parts is equal to the number of \
         function call parts of the function call turn.",
    )
}

/// As many responses as calls, in the next turn, by the same names and ids.
fn check_pairs(content: &Value, before: Option<&Value>) -> Result<(), ApiError> {
    let called = before.map(calls).unwrap_or_default();
    let answered = responses(content);
    if called.len() != answered.len() {
        return Err(pairing());
    }
    for (call, response) in called.iter().zip(&answered) {
        if text(call, "name") != text(response, "name") {
            return Err(ApiError::invalid(
                "Please ensure that function response turn comes immediately after a function \
                 call turn, with the same names in the same order.",
            ));
        }
        // Older models give calls no id, and there names and order pair them.
        if let Some(id) = text(response, "id")
            && text(call, "id").is_some_and(|called| called != id)
        {
            return Err(ApiError::invalid(format!(
                "Function response id {id} does not match its function call."
            )));
        }
    }
    Ok(())
}

/// The model calls after a user turn or after results, and never after its own words.
fn check_order(content: &Value, before: Option<&Value>) -> Result<(), ApiError> {
    let after_itself = before.is_none_or(|before| text(before, "role") == Some("model"));
    if calls(content).is_empty() || !after_itself {
        return Ok(());
    }
    Err(ApiError::invalid(
        "Please ensure that function call turn comes immediately after a user turn or after a function \
         response turn.",
    ))
}

/// Since Gemini 3 the first call of each step of the current turn carries its signature.
fn check_current_turn(contents: &[Value], model: &Model) -> Result<(), ApiError> {
    if model.generation == Generation::V25 {
        return Ok(());
    }
    // The current turn begins with the user's last words; signatures of turns before it may be gone.
    let start = contents
        .iter()
        .rposition(|content| text(content, "role") != Some("model") && responses(content).is_empty())
        .unwrap_or(0);
    for (index, content) in contents.iter().enumerate().skip(start) {
        let first = list(content, "parts").iter().find(|part| get(part, "functionCall").is_some());
        if let Some(part) = first
            && text(part, "thoughtSignature").is_none()
        {
            let name = get(part, "functionCall").and_then(|call| text(call, "name"));
            return Err(ApiError::invalid(format!(
                "Function call is missing a thought_signature in functionCall parts. This is \
                 required for tools to work correctly, and missing thought_signature may lead to \
                 degraded model performance. Additional data, function call `default_api:{}` , \
                 position {}.",
                name.unwrap_or_default(),
                index + 1
            )));
        }
    }
    Ok(())
}

fn describe(contents: &[Value], turn: &mut Turn) {
    if let Some(last) = contents.last() {
        turn.tool_results = responses(last)
            .into_iter()
            .map(|response| ToolResult {
                name: text(response, "name").map(ToOwned::to_owned),
                text: response["response"].to_string(),
            })
            .collect();
    }
    let user = contents
        .iter()
        .rev()
        .find(|content| text(content, "role") != Some("model") && responses(content).is_empty());
    if let Some(user) = user {
        let words: Vec<&str> = list(user, "parts").iter().filter_map(|part| text(part, "text")).collect();
        turn.user = words.join("\n");
    }
}

fn prompt_text(part: &Value) -> String {
    if let Some(words) = text(part, "text") {
        return words.to_owned();
    }
    if let Some(call) = get(part, "functionCall") {
        return format!(
            "{} {}",
            text(call, "name").unwrap_or_default(),
            get(call, "args").unwrap_or(&Value::Null)
        );
    }
    if let Some(response) = get(part, "functionResponse") {
        return response["response"].to_string();
    }
    attachments(1)
}
