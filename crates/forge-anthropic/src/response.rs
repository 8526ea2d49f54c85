//! From the vendor's whole reply to events.

use forge_core::{
    Citation, Delta, ErrorKind, Finished, ModelId, ModelProvider, Opaque, PartKind, Started, StopDetail,
    StopReason, StreamEvent,
};
use forge_http::{Events, Failure};
use serde_json::value::RawValue;

use crate::{
    error,
    wire::reply::{self as wire, Block, ErrorReply, Message, StopDetails},
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
    let mut finished = Finished::new(stop_reason(&raw_reason))
        .with_raw_reason(raw_reason)
        .with_usage(message.usage.tokens());
    finished.stop_sequence = message.stop_sequence;
    finished.detail = detail(message.stop_details);
    finished.served = message.usage.served();
    events.push_back(finished.into());
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
    StreamEvent::from(Started::new(id, model))
}

fn whole_block(raw: &RawValue, index: u32, asked: &ModelId, events: &mut Events) -> Result<(), Failure> {
    let (kind, block) = part_kind(raw)?;
    let (delta, state) = match kind {
        PartKind::Text => (Some(Delta::Text(block.text)), None),
        PartKind::Thinking => (Some(Delta::Thinking(block.thinking)), block.signature),
        PartKind::ToolUse(_) => {
            let input = block.input.map_or("{}", RawValue::get);
            (Some(Delta::ToolInput(input.to_owned())), None)
        }
        _ => (None, Some(raw.get().to_owned())),
    };
    let citations = block.citations.filter(|_| kind == PartKind::Text).into_iter().flatten();
    events.push_back(StreamEvent::PartStarted { index, kind });
    let deltas = delta.filter(|delta| !delta.is_empty()).into_iter().chain(citations.map(citation));
    events.extend(deltas.map(|delta| StreamEvent::PartDelta { index, delta }));
    events
        .push_back(StreamEvent::PartEnded { index, opaque: state.map(|data| Box::new(opaque(asked, data))) });
    Ok(())
}

/// What a text rests on. Kinds of citations differ in what they name; all of it stays in the raw form.
pub(crate) fn citation(raw: &RawValue) -> Delta {
    let named: wire::Citation = serde_json::from_str(raw.get()).unwrap_or_default();
    let citation = Citation::raw(raw.get())
        .with_url(named.url)
        .with_title(named.title.or(named.document_title))
        .with_quote(named.cited_text);
    Delta::Citation(Box::new(citation))
}

/// What a block is, and the block itself. Blocks of unknown types stay as the vendor sent them.
pub(crate) fn part_kind(raw: &RawValue) -> Result<(PartKind, Block<'_>), Failure> {
    let mut block: Block<'_> =
        serde_json::from_str(raw.get()).map_err(|error| Failure::decode("a content block", &error))?;
    let kind = match &*block.r#type {
        "text" => PartKind::Text,
        "thinking" => PartKind::Thinking,
        "tool_use" => PartKind::tool_use(std::mem::take(&mut block.id), std::mem::take(&mut block.name)),
        _ => PartKind::Vendor,
    };
    Ok((kind, block))
}

/// State that only `asked` may have back.
pub(crate) fn opaque(asked: &ModelId, data: String) -> Opaque {
    Opaque::new(ModelProvider::Anthropic, asked.clone(), data)
}

/// What the vendor said about a refusal.
pub(crate) fn detail(details: Option<StopDetails>) -> Option<StopDetail> {
    let StopDetails { category, explanation } = details?;
    StopDetail::of(category, explanation)
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
