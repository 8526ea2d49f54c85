//! The form of the items of a Responses request.

use serde_json::Value;

use crate::api_error::ApiError;
use crate::dialect::chat::{check_call_id, check_file, check_image, missing, wrong_type, wrong_value};

/// How the ids of the vendor's own items begin.
const PREFIXES: &[(&str, &str)] =
    &[("message", "msg"), ("function_call", "fc"), ("custom_tool_call", "ctc"), ("reasoning", "rs")];

/// Items that hold a call, with what answers them and the words of the vendor for both.
pub(super) const PAIRS: &[(&str, &str, &str)] = &[
    ("function_call", "function_call_output", "function call"),
    ("custom_tool_call", "custom_tool_call_output", "custom tool call"),
    ("local_shell_call", "local_shell_call_output", "local shell call"),
    ("shell_call", "shell_call_output", "shell call"),
    ("apply_patch_call", "apply_patch_call_output", "apply patch call"),
];

/// Other items and the fields that they cannot do without; what they say is not looked into.
const OTHERS: &[(&str, &[&str])] = &[
    ("additional_tools", &["tools"]),
    ("compaction", &["encrypted_content"]),
    ("compaction_summary", &["encrypted_content"]),
    ("compaction_trigger", &[]),
    ("mcp_approval_request", &["name", "arguments", "server_label"]),
    ("mcp_approval_response", &["approval_request_id", "approve"]),
    ("mcp_list_tools", &["server_label", "tools"]),
    ("program", &[]),
    ("program_output", &[]),
    ("tool_search_output", &["tools"]),
];

/// The type of an item; messages may leave it out.
pub(super) fn kind(item: &Value) -> &str {
    match item.get("type").and_then(Value::as_str) {
        Some(kind) => kind,
        None if item.get("role").is_some() => "message",
        None => "",
    }
}

pub(super) fn check_item(index: usize, item: &Value) -> Result<(), ApiError> {
    let path = format!("input[{index}]");
    let need = |fields: &[&str]| {
        let absent = fields.iter().find(|field| item.get(**field).and_then(Value::as_str).is_none());
        match absent {
            Some(field) => Err(missing(&format!("{path}.{field}"))),
            None => Ok(()),
        }
    };
    check_ids(&path, item)?;
    match kind(item) {
        "message" => check_message(&path, item),
        "function_call" => need(&["call_id", "name", "arguments"]),
        "custom_tool_call" => need(&["call_id", "name", "input"]),
        "function_call_output" | "custom_tool_call_output" => {
            check_output(&path, item)?;
            need(&["call_id"])
        }
        // A stored item is known by its id; one that is sent whole can do without.
        "reasoning" if item.get("encrypted_content").is_some_and(Value::is_string) => Ok(()),
        "reasoning" => need(&["id"]),
        "" => Err(missing(&format!("{path}.type"))),
        other if other.ends_with("_call") || other.ends_with("_call_output") => Ok(()),
        other => {
            let Some((_, fields)) = OTHERS.iter().find(|(known, _)| *known == other) else {
                let known: Vec<&str> = ["message", "function_call", "function_call_output", "reasoning"]
                    .into_iter()
                    .chain(OTHERS.iter().map(|(known, _)| *known))
                    .collect();
                return Err(wrong_value(&format!("{path}.type"), other, &known));
            };
            match fields.iter().find(|field| item.get(**field).is_none()) {
                Some(field) => Err(missing(&format!("{path}.{field}"))),
                None => Ok(()),
            }
        }
    }
}

fn check_message(path: &str, item: &Value) -> Result<(), ApiError> {
    const ROLES: &[&str] = &["assistant", "system", "developer", "user"];
    let role = item.get("role").and_then(Value::as_str).unwrap_or_default();
    if !ROLES.contains(&role) {
        return Err(wrong_value(&format!("{path}.role"), role, ROLES));
    }
    let kinds: &[&str] = if role == "assistant" {
        &["output_text", "refusal"]
    } else {
        &["input_text", "input_image", "input_file", "input_audio"]
    };
    match item.get("content") {
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) => {
            for (number, part) in parts.iter().enumerate() {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
                let at = format!("{path}.content[{number}]");
                if !kinds.contains(&kind) {
                    return Err(wrong_value(&format!("{at}.type"), kind, kinds));
                }
                check_part(&at, kind, part)?;
            }
            Ok(())
        }
        _ => Err(missing(&format!("{path}.content"))),
    }
}

/// Ids are limited in length, and tell the kind of their item.
fn check_ids(path: &str, item: &Value) -> Result<(), ApiError> {
    for field in ["id", "call_id"] {
        if let Some(id) = item.get(field).and_then(Value::as_str) {
            check_call_id(id, &format!("{path}.{field}"))?;
        }
    }
    let prefix = PREFIXES.iter().find(|(known, _)| *known == kind(item)).map(|(_, prefix)| *prefix);
    match (prefix, item.get("id").and_then(Value::as_str)) {
        (Some(prefix), Some(id)) if !id.starts_with(prefix) => Err(ApiError::invalid(format!(
            "Invalid '{path}.id': '{id}'. Expected an ID that begins with '{prefix}'."
        ))
        .with_param(format!("{path}.id"))
        .with_code("invalid_value")),
        _ => Ok(()),
    }
}

/// What a tool gives back is a text or a list of parts.
fn check_output(path: &str, item: &Value) -> Result<(), ApiError> {
    let path = format!("{path}.output");
    match item.get("output") {
        None => Err(missing(&path)),
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) => parts.iter().enumerate().try_for_each(|(number, part)| {
            let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
            check_part(&format!("{path}[{number}]"), kind, part)
        }),
        Some(_) => Err(wrong_type(&path, "one of a string or array of objects")),
    }
}

fn check_part(path: &str, kind: &str, part: &Value) -> Result<(), ApiError> {
    let text = |field: &str| part.get(field).and_then(Value::as_str);
    match kind {
        "input_image" => match (text("image_url"), text("file_id")) {
            (Some(url), _) => check_image(url, &format!("{path}.image_url")),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(missing(&format!("{path}.image_url"))),
        },
        "input_file" => match text("file_data") {
            Some(data) => check_file(data, &format!("{path}.file_data")),
            None if text("file_id").or(text("file_url")).is_some() => Ok(()),
            None => Err(missing(&format!("{path}.file_data"))),
        },
        "input_text" | "output_text" if text("text").is_none() => Err(missing(&format!("{path}.text"))),
        _ => Ok(()),
    }
}
