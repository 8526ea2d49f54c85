//! From the vendor's whole reply to events.

use forge_core::{ErrorKind, ModelId, Started, StopDetail, StopReason, StreamEvent};
use forge_http::{Events, Failure};

use crate::{
    error,
    stream::Decoder,
    wire::{
        error::ErrorBody,
        reply::{Message, StopDetails},
    },
};

/// The events of a whole reply to a request for `asked`.
pub(crate) fn from_wire(body: &[u8], asked: &ModelId, events: &mut Events) -> Result<(), Failure> {
    let message: Message<'_> =
        forge_http::from_json(body).map_err(|error| Failure::decode("the reply", &error))?;
    let is_message = message.stop_reason.is_some() || message.blocks().is_some();
    if !is_message
        || message.content.is_some_and(|content| content.get() != "null") && message.blocks().is_none()
    {
        return Err(not_a_message(body));
    }
    let mut decoder = Decoder::new(asked.clone());
    decoder.message(message, events)?;
    decoder.finish(events);
    Ok(())
}

/// Some proxies answer 200 with an error inside.
fn not_a_message(body: &[u8]) -> Failure {
    match ErrorBody::read(body) {
        Some(error) => error::from_body(error, ErrorKind::Server),
        None => {
            Failure::new(ErrorKind::Decode, "the reply has no stop_reason and no blocks; it is not a message")
        }
    }
}

pub(crate) fn started(id: Option<String>, model: Option<ModelId>) -> StreamEvent {
    StreamEvent::from(Started::new(id, model))
}

/// What the vendor said about a refusal.
pub(crate) fn detail(details: StopDetails) -> Option<StopDetail> {
    StopDetail::of(details.category, details.explanation)
}

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
