use serde_json::Value;

use super::{Reading, check_call_id, check_file, check_image, missing, wrong_type, wrong_value};
use crate::api_error::ApiError;
use crate::tokens::attachments;
use crate::turn::{ToolResult, Turn};

/// Reads `messages` into the turn.
pub(in crate::dialect) fn read(
    value: Option<&Value>,
    reading: Reading,
    turn: &mut Turn,
) -> Result<(), ApiError> {
    let messages = value
        .ok_or_else(|| missing("messages"))?
        .as_array()
        .ok_or_else(|| wrong_type("messages", "an array of objects"))?;
    if messages.is_empty() {
        return Err(ApiError::invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an \
             empty array instead.",
        )
        .with_param("messages")
        .with_code("empty_array"));
    }
    for (index, message) in messages.iter().enumerate() {
        self::message(index, message, reading, turn)?;
    }
    // Most local servers hand the messages to a template and pair nothing.
    if reading == Reading::Strict {
        check_pairs(messages)?;
    }
    let trailing = messages.iter().rev().take_while(|message| role(message) == "tool").count();
    for message in &messages[messages.len() - trailing..] {
        turn.tool_results.push(ToolResult { name: called_name(messages, message), text: text(message) });
    }
    if let Some(user) = messages.iter().rev().find(|message| role(message) == "user") {
        turn.user = text(user);
    }
    Ok(())
}

const ROLES: &[&str] = &["system", "assistant", "user", "function", "tool", "developer"];

fn message(index: usize, message: &Value, reading: Reading, turn: &mut Turn) -> Result<(), ApiError> {
    let strict = reading == Reading::Strict;
    let role = role(message);
    if role.is_empty() {
        return Err(missing(&format!("messages[{index}].role")));
    }
    if strict && !ROLES.contains(&role) {
        return Err(wrong_value(&format!("messages[{index}].role"), role, ROLES));
    }
    let content = message.get("content").unwrap_or(&Value::Null);
    let calls = message.get("tool_calls").and_then(Value::as_array);
    if strict {
        check_content(index, role, content, calls.is_some())?;
    }
    let mut words = text(message);
    let images = content
        .as_array()
        .into_iter()
        .flatten()
        .filter(|part| part.get("type").and_then(Value::as_str) != Some("text"))
        .count();
    words += &attachments(images);
    if matches!(role, "system" | "developer") {
        turn.system += &words;
        turn.system.push('\n');
    }
    for (number, call) in calls.into_iter().flatten().enumerate() {
        let custom = call.get("type").and_then(Value::as_str) == Some("custom");
        let (form, field) = if custom { ("custom", "input") } else { ("function", "arguments") };
        let function = call.get(form).unwrap_or(&Value::Null);
        let arguments = &function[field];
        let path = format!("messages[{index}].tool_calls[{number}]");
        // The vendor wants the arguments as text, in the form in which it sends them.
        if strict && !arguments.is_string() {
            return Err(wrong_type(&format!("{path}.{form}.{field}"), "a string"));
        }
        if strict {
            let id = format!("{path}.id");
            check_call_id(call.get("id").and_then(Value::as_str).ok_or_else(|| missing(&id))?, &id)?;
        }
        words += &format!(
            "{} {}",
            function["name"].as_str().unwrap_or_default(),
            arguments.as_str().unwrap_or_default()
        );
    }
    turn.push_prompt(words);
    Ok(())
}

fn check_content(index: usize, role: &str, content: &Value, has_calls: bool) -> Result<(), ApiError> {
    let path = format!("messages[{index}].content");
    match content {
        Value::String(_) => Ok(()),
        // A turn that only calls comes from the vendor with null, and goes back so.
        Value::Null if role == "assistant" && has_calls => Ok(()),
        Value::Null => Err(ApiError::invalid(format!(
            "Invalid value for 'content': expected a string, got null. ({path})"
        ))
        .with_param(path)),
        Value::Array(parts) => {
            const KINDS: &[&str] = &["text", "image_url", "input_audio", "refusal", "file"];
            for (number, part) in parts.iter().enumerate() {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
                let at = format!("{path}[{number}]");
                if !KINDS.contains(&kind) {
                    return Err(wrong_value(&format!("{at}.type"), kind, KINDS));
                }
                check_part(part, kind, &at)?;
            }
            Ok(())
        }
        _ => Err(wrong_type(&path, "one of a string or array of objects")),
    }
}

fn check_part(part: &Value, kind: &str, at: &str) -> Result<(), ApiError> {
    let text = |pointer: &str| {
        let field = pointer.replace('/', ".");
        part.pointer(pointer).and_then(Value::as_str).ok_or_else(|| missing(&format!("{at}{field}")))
    };
    match kind {
        "image_url" => check_image(text("/image_url/url")?, &format!("{at}.image_url.url")),
        "file" if part.pointer("/file/file_id").is_some() => Ok(()),
        "file" => check_file(text("/file/file_data")?, &format!("{at}.file.file_data")),
        "text" => text("/text").map(drop),
        _ => Ok(()),
    }
}

/// Every call is answered right after it, and every answer has a call.
fn check_pairs(messages: &[Value]) -> Result<(), ApiError> {
    let mut open: Vec<&str> = Vec::new();
    let mut in_answers = false;
    for (index, message) in messages.iter().enumerate() {
        if role(message) == "tool" {
            let id = message
                .get("tool_call_id")
                .and_then(Value::as_str)
                .ok_or_else(|| missing(&format!("messages[{index}].tool_call_id")))?;
            check_call_id(id, &format!("messages[{index}].tool_call_id"))?;
            let known = open.iter().position(|open| *open == id);
            match known {
                Some(position) if in_answers => {
                    open.remove(position);
                }
                _ => {
                    return Err(ApiError::invalid(
                        "Invalid parameter: messages with role 'tool' must be a response to a \
                         preceeding message with 'tool_calls'.",
                    )
                    .with_param(format!("messages.[{index}].role")));
                }
            }
            continue;
        }
        unanswered(&open)?;
        open = message
            .get("tool_calls")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|call| call.get("id")?.as_str())
            .collect();
        in_answers = !open.is_empty();
    }
    unanswered(&open)
}

fn unanswered(open: &[&str]) -> Result<(), ApiError> {
    if open.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to \
         each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    ))
    .with_param("messages"))
}

fn called_name(messages: &[Value], answer: &Value) -> Option<String> {
    let id = answer.get("tool_call_id")?;
    messages
        .iter()
        .filter_map(|message| message.get("tool_calls")?.as_array())
        .flatten()
        .find(|call| call.get("id") == Some(id))
        .and_then(|call| call.get("function").or_else(|| call.get("custom"))?.get("name")?.as_str())
        .map(ToOwned::to_owned)
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or("")
}

fn text(message: &Value) -> String {
    content_text(message.get("content").unwrap_or(&Value::Null))
}

/// The text of a string or of parts.
pub(in crate::dialect) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text").or_else(|| part.get("refusal"))?.as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}
