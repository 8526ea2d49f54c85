//! Why the model stopped.

use forge_core::event::{StopDetail, StopReason};

use crate::wire::reply::StopDetails;

/// What the vendor said about a refusal.
pub(crate) fn detail(details: StopDetails) -> Option<StopDetail> {
    StopDetail::of(details.category, details.explanation)
}

/// The reason for the vendor's word. Source: its reference for Messages, 2026-11.
pub(crate) fn stop_reason(raw: &str) -> StopReason {
    match raw {
        "end_turn" => StopReason::EndTurn,
        "max_tokens" => StopReason::MaxTokens,
        "stop_sequence" => StopReason::StopSequence,
        "tool_use" => StopReason::ToolUse,
        // A long turn of the vendor's own tools; it goes on when the reply is sent back as it is.
        "pause_turn" => StopReason::Paused,
        // A refusal is HTTP 200 and may have no content at all, so that it is a reason and no error.
        "refusal" => StopReason::Refusal,
        "model_context_window_exceeded" => StopReason::ContextWindow,
        // The vendor adds words. An unknown one ends a reply as surely as a known one and fails nothing.
        _ => StopReason::Other,
    }
}
