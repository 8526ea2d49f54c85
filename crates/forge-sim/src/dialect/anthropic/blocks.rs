//! Messages and their content blocks: their form.

use serde_json::Value;

use super::attachments;
use super::models::Model;
use crate::api_error::ApiError;
use crate::tokens::attachments;

const MAX_MESSAGES: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    User,
    Assistant,
    System,
}

/// Neighbours of the same role, taken together.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) role: Role,
    /// Position of the first message, for error texts.
    pub(super) index: usize,
    pub(super) blocks: Vec<Block<'a>>,
}

#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    pub(super) kind: &'a str,
    pub(super) value: &'a Value,
    pub(super) path: String,
}

impl<'a> Block<'a> {
    pub(super) fn text(&self, field: &str) -> &'a str {
        self.value.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The text that the meter counts.
    pub(super) fn prompt_text(&self) -> String {
        match self.kind {
            "string" => self.value.as_str().unwrap_or_default().to_owned(),
            "text" => self.text("text").to_owned(),
            "thinking" => self.text("thinking").to_owned(),
            "tool_use" => format!("{} {}", self.text("name"), self.value["input"]),
            "tool_result" => match self.value.get("content") {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(parts)) => {
                    parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
                }
                _ => String::new(),
            },
            "image" | "document" => attachments(1),
            _ => String::new(),
        }
    }
}

/// The messages by side, each block checked for its own fields.
pub(super) fn sides<'a>(value: Option<&'a Value>, model: &Model) -> Result<Vec<Side<'a>>, ApiError> {
    let messages = value
        .ok_or_else(|| ApiError::invalid("messages: Field required"))?
        .as_array()
        .ok_or_else(|| ApiError::invalid("messages: Input should be a valid list"))?;
    if messages.is_empty() {
        return Err(ApiError::invalid("messages: at least one message is required"));
    }
    if messages.len() > MAX_MESSAGES {
        return Err(ApiError::invalid("messages: at most 100000 messages"));
    }
    let mut sides: Vec<Side<'a>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = match message.get("role").and_then(Value::as_str) {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            // Newer models take instructions between turns, but not behind the model's own words.
            Some("system")
                if model.system_turns && sides.last().is_some_and(|side| side.role != Role::Assistant) =>
            {
                Role::System
            }
            Some("system") => {
                return Err(ApiError::invalid(
                    "messages: Unexpected role \"system\". The Messages API accepts a top-level \
                     `system` parameter, not \"system\" as an input message role.",
                ));
            }
            _ => {
                return Err(ApiError::invalid(format!(
                    "messages.{index}.role: Input should be 'user' or 'assistant'"
                )));
            }
        };
        let last = index + 1 == messages.len();
        let blocks = blocks(message.get("content"), index, role == Role::Assistant && last)?;
        // The vendor merges neighbours of a role, so that results in two messages are still one turn.
        match sides.last_mut() {
            Some(last) if last.role == role => last.blocks.extend(blocks),
            _ => sides.push(Side { role, index, blocks }),
        }
    }
    for side in &sides {
        check_role(side)?;
    }
    Ok(sides)
}

/// Some blocks belong to one side only.
fn check_role(side: &Side<'_>) -> Result<(), ApiError> {
    let stranger = side.blocks.iter().find_map(|block| {
        let (role, name) = match block.kind {
            "tool_use" | "thinking" | "redacted_thinking" | "server_tool_use" | "mcp_tool_use" => {
                (Role::Assistant, "assistant")
            }
            "tool_result" => (Role::User, "user"),
            "tool_addition" | "tool_removal" => (Role::System, "system"),
            _ => return None,
        };
        (role != side.role).then_some((block, name))
    });
    match stranger {
        Some((block, role)) => Err(ApiError::invalid(format!(
            "{}: `{}` blocks can only be in `{role}` messages",
            block.path, block.kind
        ))),
        None => Ok(()),
    }
}

fn blocks(content: Option<&Value>, message: usize, may_be_empty: bool) -> Result<Vec<Block<'_>>, ApiError> {
    let empty = || {
        Err(ApiError::invalid(format!(
            "messages.{message}: all messages must have non-empty content except for the optional \
             final assistant message"
        )))
    };
    match content {
        None => Err(ApiError::invalid(format!("messages.{message}.content: Field required"))),
        Some(Value::String(text)) if text.is_empty() => {
            if may_be_empty {
                Ok(Vec::new())
            } else {
                empty()
            }
        }
        Some(value @ Value::String(text)) => {
            visible(text)?;
            Ok(vec![Block { kind: "string", value, path: format!("messages.{message}.content") }])
        }
        Some(Value::Array(blocks)) if blocks.is_empty() && !may_be_empty => empty(),
        Some(Value::Array(blocks)) => blocks
            .iter()
            .enumerate()
            .map(|(index, value)| block(value, format!("messages.{message}.content.{index}")))
            .collect(),
        Some(_) => Err(ApiError::invalid(format!(
            "messages.{message}.content: Input should be a valid string or list"
        ))),
    }
}

/// Refuses a text that shows nothing.
fn visible(text: &str) -> Result<(), ApiError> {
    match text {
        "" => Err(ApiError::invalid("messages: text content blocks must be non-empty")),
        text if text.trim().is_empty() => {
            Err(ApiError::invalid("messages: text content blocks must contain non-whitespace text"))
        }
        _ => Ok(()),
    }
}

/// The ids of calls and the fields that carry them.
fn check_id(kind: &str, value: &Value, path: &str) -> Result<(), ApiError> {
    let (field, pattern) = match kind {
        "tool_use" => ("id", "^[a-zA-Z0-9_-]+$"),
        "tool_result" => ("tool_use_id", "^[a-zA-Z0-9_-]+$"),
        "server_tool_use" => ("id", "^srvtoolu_[a-zA-Z0-9_]+$"),
        _ => return Ok(()),
    };
    let Some(id) = value[field].as_str() else {
        return Err(ApiError::invalid(format!("{path}.{kind}.{field}: Input should be a valid string")));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == '-' && kind != "server_tool_use");
    let fits = !id.is_empty()
        && id.chars().all(plain)
        && (kind != "server_tool_use" || id.len() > "srvtoolu_".len() && id.starts_with("srvtoolu_"));
    if fits {
        return Ok(());
    }
    Err(ApiError::invalid(format!("{path}.{kind}.{field}: String should match pattern '{pattern}'")))
}

fn block(value: &Value, path: String) -> Result<Block<'_>, ApiError> {
    let kind = value
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| ApiError::invalid(format!("{path}.type: Field required")))?;
    let required: &[&str] = match kind {
        "text" => &["text"],
        "image" | "document" => &["source"],
        "tool_use" | "server_tool_use" => &["id", "name", "input"],
        "tool_result" => &["tool_use_id"],
        "thinking" => &["thinking", "signature"],
        "redacted_thinking" => &["data"],
        "search_result" => &["source", "title", "content"],
        "tool_reference" => &["tool_name"],
        "mcp_tool_use" => &["id", "name", "input", "server_name"],
        "tool_addition" | "tool_removal" => &["tool"],
        "compaction" => &["content"],
        "container_upload" | "fallback" => &[],
        _ if kind.ends_with("_tool_result") => &[],
        _ => {
            return Err(ApiError::invalid(format!(
                "{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
            )));
        }
    };
    if let Some(field) = required.iter().find(|field| value.get(**field).is_none()) {
        return Err(ApiError::invalid(format!("{path}.{kind}.{field}: Field required")));
    }
    check_id(kind, value, &path)?;
    match kind {
        "text" => visible(value["text"].as_str().unwrap_or_default())?,
        "image" | "document" => attachments::check(kind, value, &path)?,
        "tool_result" => {
            for (index, part) in value["content"].as_array().into_iter().flatten().enumerate() {
                result_part(part, format!("{path}.tool_result.content.{index}"))?;
            }
        }
        _ => {}
    }
    if kind == "tool_use" && !value["input"].is_object() {
        return Err(ApiError::invalid(format!("{path}.tool_use.input: Input should be a valid dictionary")));
    }
    Ok(Block { kind, value, path })
}

/// What a tool may give back beside plain text.
fn result_part(value: &Value, path: String) -> Result<(), ApiError> {
    match value.get("type").and_then(Value::as_str) {
        Some("text" | "image" | "document" | "search_result" | "tool_reference") => {
            block(value, path).map(drop)
        }
        Some(kind) => Err(ApiError::invalid(format!(
            "{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags: \
             'document', 'image', 'search_result', 'text', 'tool_reference'"
        ))),
        None => Err(ApiError::invalid(format!("{path}.type: Field required"))),
    }
}
