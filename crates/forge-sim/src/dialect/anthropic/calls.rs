//! Calls of tools and their results: ids and order.

use std::collections::HashSet;

use super::blocks::Side;
use crate::api_error::ApiError;

/// No two calls of a conversation share an id.
pub(super) fn check_unique_ids(sides: &[Side<'_>]) -> Result<(), ApiError> {
    let mut seen = HashSet::new();
    let calls = sides.iter().flat_map(|side| &side.blocks).filter(|block| block.kind == "tool_use");
    for call in calls {
        if !seen.insert(call.text("id")) {
            return Err(ApiError::invalid(format!("{}: `tool_use` ids must be unique", call.path)));
        }
    }
    Ok(())
}

/// Each `tool_use` has its `tool_result` at the start of the next user turn, and no other.
pub(super) fn check_pairs(side: &Side<'_>, before: Option<&Side<'_>>) -> Result<(), ApiError> {
    let ids = |side: &Side<'_>, kind: &str, field: &str| -> Vec<String> {
        side.blocks
            .iter()
            .filter(|block| block.kind == kind)
            .map(|block| block.text(field).to_owned())
            .collect()
    };
    // Only the turn right before counts: a result that comes a turn later is none.
    let called = before.map(|before| ids(before, "tool_use", "id")).unwrap_or_default();
    let answered = ids(side, "tool_result", "tool_use_id");
    let open: Vec<&str> = called.iter().filter(|id| !answered.contains(id)).map(String::as_str).collect();
    if !open.is_empty() {
        return Err(ApiError::invalid(format!(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately \
             after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the \
             next message.",
            side.index.saturating_sub(1),
            open.join(", ")
        )));
    }
    let results = || side.blocks.iter().filter(|block| block.kind == "tool_result");
    for (count, result) in results().enumerate() {
        let id = result.text("tool_use_id");
        if !called.iter().any(|called| called == id) {
            return Err(ApiError::invalid(format!(
                "{}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous \
                 message.",
                result.path
            )));
        }
        if side.blocks[count].kind != "tool_result" {
            return Err(ApiError::invalid(format!(
                "{}: `tool_result` blocks must come first in the user turn",
                result.path
            )));
        }
    }
    let mut seen: Vec<&str> = results().map(|block| block.text("tool_use_id")).collect();
    seen.sort_unstable();
    if seen.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ApiError::invalid(format!(
            "messages.{}: each tool_use must have a single result",
            side.index
        )));
    }
    Ok(())
}
