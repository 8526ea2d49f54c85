//! Why the model stopped.

use forge_core::event::StopReason;

/// Words for filters of the vendor's. Source: its SDKs of 2026-08 and recorded replies of 2026-11.
const FILTERS: [&str; 10] = [
    "SAFETY",
    "RECITATION",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "ESCALATION",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
];

/// Words for what the model did wrong, or for what went wrong with it. Source: the same.
const FAILURES: [&str; 5] = [
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
];

/// Why the model stopped. The vendor says `STOP` after calls too.
pub(crate) fn stop_reason(raw: &str, called: bool) -> StopReason {
    match raw {
        // Calls are acted on whatever the word is, also by servers that give none.
        "STOP" | "" if called => StopReason::ToolUse,
        "STOP" => StopReason::EndTurn,
        "MAX_TOKENS" => StopReason::MaxTokens,
        // The vendor's own tools are at work; the turn goes on when it is sent back.
        "CONTINUATION" => StopReason::Paused,
        _ if FILTERS.contains(&raw) => StopReason::ContentFiltered,
        _ if FAILURES.contains(&raw) => StopReason::Error,
        // The vendor adds words. An unknown one ends a reply as surely as a known one and fails nothing.
        _ => StopReason::Other,
    }
}
