//! From the vendor's whole reply to events.

use forge_core::{ErrorKind, ModelId, Started, StopReason, StreamEvent};
use forge_http::{Events, Failure};

use crate::{profile::plain_id, stream::Decoder};

/// The events of a whole reply to a request for `asked`. It has the form of a stream's one frame.
pub(crate) fn from_wire(body: &str, asked: &ModelId, events: &mut Events) -> Result<(), Failure> {
    let mut decoder = Decoder::new(asked.clone());
    decoder.take(body, events)?;
    // A body is whole even if it does not say why the model stopped; one without content says nothing at all.
    if decoder.is_finished() || decoder.wrote() {
        decoder.finish(events);
        return Ok(());
    }
    Err(Failure::new(
        ErrorKind::Decode,
        "the reply has no content and no finishReason; it is not a completion",
    ))
}

pub(crate) fn started(id: Option<String>, model: Option<&str>, asked: &ModelId) -> StreamEvent {
    let served = model.map(plain_id).filter(|served| !served.is_empty());
    let model = served.map(|served| if *asked == served { asked.clone() } else { served.into() });
    StreamEvent::from(Started::new(id, model))
}

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
        "STOP" | "" if called => StopReason::ToolUse,
        "STOP" => StopReason::EndTurn,
        "MAX_TOKENS" => StopReason::MaxTokens,
        // The vendor's own tools are at work; the turn goes on when it is sent back.
        "CONTINUATION" => StopReason::Paused,
        _ if FILTERS.contains(&raw) => StopReason::ContentFiltered,
        _ if FAILURES.contains(&raw) => StopReason::Error,
        _ => StopReason::Other,
    }
}
