//! The system text and the messages: their order, and what must come back unchanged.

use serde_json::{Map, Value};

use super::attachments;
use super::blocks::{Block, Role, Side, sides};
use super::calls::{check_pairs, check_unique_ids};
use super::gates::Thinking;
use super::models::Model;
use super::version::Version;
use crate::api_error::ApiError;
use crate::context::Context;
use crate::tokens::{Segment, Ttl};
use crate::turn::{Format, ToolResult, Turn};

/// How a system block begins that is no part of the prompt. It differs from session to session, and prompts are
/// found in the cache nonetheless.
const BILLING: &str = "x-anthropic-billing-header:";

/// The most blocks with `cache_control`, tools and system text included.
const MAX_BREAKPOINTS: usize = 4;

/// What the history is measured by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) model: &'a Model,
    pub(super) thinking: Thinking,
    pub(super) version: Version,
}

pub(super) fn read(
    body: &Map<String, Value>,
    rules: Rules<'_>,
    cx: &Context<'_>,
    turn: &mut Turn,
) -> Result<(), ApiError> {
    let Rules { model, thinking, version } = rules;
    system(body.get("system"), turn)?;
    let sides = sides(body.get("messages"), model)?;
    version.check_sides(&sides)?;
    for (index, side) in sides.iter().enumerate() {
        check_pairs(side, index.checked_sub(1).map(|before| &sides[before]))?;
        for block in &side.blocks {
            check_signature(block, model, cx)?;
        }
    }
    check_unique_ids(&sides)?;
    check_citations(&sides, &turn.format)?;
    check_end(&sides, model)?;
    check_thinking_start(&sides, thinking)?;
    let uses_tools = sides
        .iter()
        .flat_map(|side| &side.blocks)
        .any(|block| matches!(block.kind, "tool_use" | "tool_result"));
    // Also where the turn calls none: the history alone needs the definitions.
    if uses_tools && !body.contains_key("tools") {
        return Err(ApiError::invalid(
            "Requests which include `tool_use` or `tool_result` blocks must define tools",
        ));
    }
    describe(&sides, turn)?;
    if let Some(last) = turn.prompt.last_mut()
        && let Some(ttl) = breakpoint(body.get("cache_control"))?
    {
        last.breakpoint = Some(ttl);
    }
    let marked = turn.prompt.iter().filter(|segment| segment.breakpoint.is_some()).count();
    if marked > MAX_BREAKPOINTS {
        return Err(ApiError::invalid(format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {marked}."
        )));
    }
    Ok(())
}

/// The breakpoint that a `cache_control` sets.
pub(super) fn breakpoint(control: Option<&Value>) -> Result<Option<Ttl>, ApiError> {
    let Some(control) = control.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    if control.get("type").and_then(Value::as_str) != Some("ephemeral") {
        return Err(ApiError::invalid("cache_control.type: Input should be 'ephemeral'"));
    }
    match control.get("ttl").map(Value::as_str) {
        None | Some(Some("5m")) => Ok(Some(Ttl::FiveMinutes)),
        Some(Some("1h")) => Ok(Some(Ttl::OneHour)),
        Some(_) => Err(ApiError::invalid("cache_control.ephemeral.ttl: Input should be '5m' or '1h'")),
    }
}

fn system(value: Option<&Value>, turn: &mut Turn) -> Result<(), ApiError> {
    match value {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) => {
            // An empty string stands for no system text; an empty block is a mistake.
            if !text.is_empty() {
                check_system_text(text)?;
            }
            turn.system.clone_from(text);
            turn.push_prompt(text);
            Ok(())
        }
        Some(Value::Array(blocks)) => {
            for (index, block) in blocks.iter().enumerate() {
                let text = block.get("text").and_then(Value::as_str);
                let (Some("text"), Some(text)) = (block.get("type").and_then(Value::as_str), text) else {
                    return Err(ApiError::invalid(format!("system.{index}: Input should be a text block")));
                };
                check_system_text(text)?;
                if text.starts_with(BILLING) {
                    continue;
                }
                turn.system += text;
                turn.system.push('\n');
                let breakpoint = breakpoint(block.get("cache_control"))?;
                turn.prompt.push(Segment { text: text.to_owned(), breakpoint });
            }
            Ok(())
        }
        Some(_) => Err(ApiError::invalid("system: Input should be a valid string or list")),
    }
}

fn check_system_text(text: &str) -> Result<(), ApiError> {
    match text {
        "" => Err(ApiError::invalid("system: text content blocks must be non-empty")),
        text if text.trim().is_empty() => {
            Err(ApiError::invalid("system: text content blocks must contain non-whitespace text"))
        }
        _ => Ok(()),
    }
}

/// Documents are all cited from or none of them is, and citations do not go with a schema.
fn check_citations(sides: &[Side<'_>], format: &Format) -> Result<(), ApiError> {
    let documents: Vec<bool> = sides
        .iter()
        .flat_map(|side| &side.blocks)
        .filter(|block| block.kind == "document")
        .map(|block| attachments::cites(block.value))
        .collect();
    let any = documents.contains(&true);
    if any && documents.contains(&false) {
        return Err(ApiError::invalid(
            "messages: citations must be enabled on all or none of the documents in a request",
        ));
    }
    if any && *format != Format::Text {
        return Err(ApiError::invalid("citations cannot be enabled together with output_config.format"));
    }
    Ok(())
}

/// Thinking belongs to the model that thought it, and comes back as it was.
fn check_signature(block: &Block<'_>, model: &Model, cx: &Context<'_>) -> Result<(), ApiError> {
    let seals = cx.seals();
    let (holds, what) = match block.kind {
        "thinking" => {
            let fields = [model.id, block.text("thinking")];
            let holds = seals.holds(block.text("signature"), "thinking", &fields);
            (holds, "`signature` in `thinking`")
        }
        "redacted_thinking" => {
            let holds = seals.holds(block.text("data"), "redacted", &[model.id]);
            (holds, "`data` in `redacted_thinking`")
        }
        _ => return Ok(()),
    };
    if holds { Ok(()) } else { Err(ApiError::invalid(format!("{}: Invalid {what} block", block.path))) }
}

fn check_end(sides: &[Side<'_>], model: &Model) -> Result<(), ApiError> {
    let Some(last) = sides.last().filter(|side| side.role == Role::Assistant) else {
        return Ok(());
    };
    let has = |kind: &str| last.blocks.iter().any(|block| block.kind == kind);
    if has("server_tool_use") {
        // A paused turn goes on from its own words.
        return Ok(());
    }
    if has("tool_use") {
        return Err(ApiError::invalid(format!(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after",
            last.index
        )));
    }
    if model.prefill {
        let end = last.blocks.last().filter(|block| matches!(block.kind, "string" | "text"));
        if end.is_some_and(|block| block.prompt_text().ends_with(char::is_whitespace)) {
            return Err(ApiError::invalid(
                "messages: final assistant content cannot end with trailing whitespace",
            ));
        }
        return Ok(());
    }
    Err(ApiError::invalid(
        "This model does not support assistant message prefill. The conversation must end with a \
         user message.",
    ))
}

/// With a thinking budget, the turn that called the tools starts with its thinking.
fn check_thinking_start(sides: &[Side<'_>], thinking: Thinking) -> Result<(), ApiError> {
    let [.., assistant, user] = sides else {
        return Ok(());
    };
    let answers_tools = user.blocks.iter().any(|block| block.kind == "tool_result");
    let Some(first) = assistant.blocks.first() else {
        return Ok(());
    };
    if thinking.budgeted && answers_tools && !matches!(first.kind, "thinking" | "redacted_thinking") {
        return Err(ApiError::invalid(format!(
            "{}.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` \
             is enabled, a final `assistant` message must start with a thinking block.",
            first.path, first.kind
        )));
    }
    Ok(())
}

/// Fills the turn with what the responder and the meter look at.
fn describe(sides: &[Side<'_>], turn: &mut Turn) -> Result<(), ApiError> {
    for block in sides.iter().flat_map(|side| &side.blocks) {
        let breakpoint = breakpoint(block.value.get("cache_control"))?;
        turn.prompt.push(Segment { text: block.prompt_text(), breakpoint });
    }
    let user = sides.iter().rev().find(|side| side.role == Role::User);
    // A system turn behind the results does not take them away.
    let last_is_user =
        sides.iter().rev().find(|side| side.role != Role::System).is_some_and(|side| side.role == Role::User);
    for block in user.map(|side| side.blocks.as_slice()).unwrap_or_default() {
        match block.kind {
            "string" | "text" => {
                turn.user += &block.prompt_text();
                turn.user.push('\n');
            }
            "tool_result" if last_is_user => turn.tool_results.push(ToolResult {
                name: tool_name(sides, block.text("tool_use_id")),
                text: block.prompt_text(),
            }),
            _ => {}
        }
    }
    Ok(())
}

fn tool_name(sides: &[Side<'_>], id: &str) -> Option<String> {
    sides
        .iter()
        .flat_map(|side| &side.blocks)
        .find(|block| block.kind == "tool_use" && block.text("id") == id)
        .map(|block| block.text("name").to_owned())
}
