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
        "pause_turn" => StopReason::Paused,
        "refusal" => StopReason::Refusal,
        "model_context_window_exceeded" => StopReason::ContextWindow,
        _ => StopReason::Other,
    }
}
