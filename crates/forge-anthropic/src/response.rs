//! From the vendor's whole reply to events.

use forge_core::{
    Delta, ErrorKind, Finished, ModelId, ModelProvider, Opaque, PartKind, Started, StopReason, StreamEvent,
    Warning,
};
use forge_http::{Events, Failure};
use serde_json::value::RawValue;

use crate::{
    error,
    wire::reply::{Block, ErrorReply, Message, StopDetails},
};

/// The events of a whole reply to a request for `asked`.
pub(crate) fn from_wire(body: &[u8], asked: &ModelId, events: &mut Events) -> Result<(), Failure> {
    let message: Message<'_> =
        forge_http::from_json(body).map_err(|error| Failure::decode("the reply", &error))?;
    let Some(raw_reason) = message.stop_reason else {
        return Err(not_a_message(body));
    };
    events.push_back(started(message.id, message.model.as_deref(), asked));
    for (block, index) in message.content.iter().zip(0..) {
        whole_block(block, index, asked, events)?;
    }
    events.extend(refusal_warning(message.stop_details));
    events.push_back(StreamEvent::Finished(Finished {
        reason: stop_reason(&raw_reason),
        raw_reason: Some(raw_reason),
        usage: message.usage.tokens(),
        raw: None,
    }));
    Ok(())
}

/// Some proxies answer 200 with an error inside.
fn not_a_message(body: &[u8]) -> Failure {
    match serde_json::from_slice::<ErrorReply>(body) {
        Ok(body) => error::from_body(body.error, ErrorKind::Server),
        Err(_) => Failure::new(ErrorKind::Decode, "the reply has no stop_reason; it is not a message"),
    }
}

pub(crate) fn started(id: Option<String>, model: Option<&str>, asked: &ModelId) -> StreamEvent {
    let model = model.map(|served| if *asked == served { asked.clone() } else { served.into() });
    StreamEvent::Started(Started { id, model, ..Started::default() })
}

fn whole_block(raw: &RawValue, index: u32, asked: &ModelId, events: &mut Events) -> Result<(), Failure> {
    let (kind, block) = part_kind(raw)?;
    let (delta, state) = match kind {
        PartKind::Text => (Some(Delta::Text(block.text)), None),
        PartKind::Thinking => (Some(Delta::Thinking(block.thinking)), block.signature),
        PartKind::ToolUse { .. } => {
            let input = block.input.map_or("{}", RawValue::get);
            (Some(Delta::ToolInput(input.to_owned())), None)
        }
        PartKind::Vendor => (None, Some(raw.get().to_owned())),
    };
    events.push_back(StreamEvent::PartStarted { index, kind });
    let delta = delta.filter(|delta| {
        let (Delta::Text(text) | Delta::Thinking(text) | Delta::ToolInput(text)) = delta;
        !text.is_empty()
    });
    events.extend(delta.map(|delta| StreamEvent::PartDelta { index, delta }));
    events
        .push_back(StreamEvent::PartEnded { index, opaque: state.map(|data| Box::new(opaque(asked, data))) });
    Ok(())
}

/// What a block is, and the block itself. Blocks of unknown types stay as the vendor sent them.
pub(crate) fn part_kind(raw: &RawValue) -> Result<(PartKind, Block<'_>), Failure> {
    let mut block: Block<'_> =
        serde_json::from_str(raw.get()).map_err(|error| Failure::decode("a content block", &error))?;
    let kind = match &*block.r#type {
        "text" => PartKind::Text,
        "thinking" => PartKind::Thinking,
        "tool_use" => {
            PartKind::ToolUse { id: std::mem::take(&mut block.id), name: std::mem::take(&mut block.name) }
        }
        _ => PartKind::Vendor,
    };
    Ok((kind, block))
}

/// State that only `asked` may have back.
pub(crate) fn opaque(asked: &ModelId, data: String) -> Opaque {
    Opaque { provider: ModelProvider::Anthropic, model: asked.clone(), data }
}

/// What the vendor said about a refusal.
pub(crate) fn refusal_warning(details: Option<StopDetails>) -> Option<StreamEvent> {
    let details = details?;
    let words: Vec<_> = [details.category, details.explanation].into_iter().flatten().collect();
    (!words.is_empty()).then(|| StreamEvent::Warned(Warning::new("refusal", words.join(": "))))
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
