//! The conversation becomes input items. What the vendor minted for this model goes back as it came.

use forge_core::{
    Message, ModelId, ModelProvider,
    request::{MessageRole, Opaque, Part, Source, ToolInput},
};
use serde_json::value::RawValue;

use crate::{
    chat::{address, texts},
    wire::{
        content::{Arguments, InputAudio, ResultText, file_name},
        responses::{Content, InputPart, Item, KnownItem},
    },
};

/// The items of the request's messages for `model`, reached through the configured provider `through`, or what of
/// them the API does not take.
pub(super) fn items<'a>(
    messages: &'a [Message],
    vendor: &ModelProvider,
    model: &ModelId,
    through: &str,
) -> Result<Vec<Item<'a>>, &'static str> {
    let mut items = Vec::with_capacity(messages.len());
    let is_own = |opaque: &Opaque| opaque.belongs_to(vendor, model, through);
    for message in messages {
        match message.role {
            MessageRole::User => user(messages, message, &mut items)?,
            MessageRole::Assistant => assistant(message, is_own, &mut items)?,
            MessageRole::System => items
                .push(Item::Known(KnownItem::Instructions { role: "developer", content: texts(message) })),
        }
    }
    Ok(items)
}

fn user<'a>(
    messages: &'a [Message],
    message: &'a Message,
    items: &mut Vec<Item<'a>>,
) -> Result<(), &'static str> {
    let mut content = Vec::new();
    for part in &message.parts {
        if let Part::ToolResult { tool_use_id: call_id, content, is_error, .. } = part {
            let output = tool_result(content, *is_error)?;
            items.push(Item::Known(if is_freeform(messages, call_id) {
                KnownItem::CustomToolCallOutput { call_id, output }
            } else {
                KnownItem::FunctionCallOutput { call_id, output }
            }));
        } else {
            content.extend(input_part(part)?);
        }
    }
    if !content.is_empty() {
        let content = shortest(content);
        items.push(Item::Known(KnownItem::Message { role: "user", content }));
    }
    Ok(())
}

/// Whether the call was one of a tool that takes free text.
fn is_freeform(messages: &[Message], call: &str) -> bool {
    let mut parts = messages.iter().flat_map(|message| &message.parts);
    parts.any(|part| matches!(part, Part::ToolUse { id, input: ToolInput::Text(_), .. } if id == call))
}

/// The vendor refuses a reasoning item without the item that followed it; it is sent only together with that, or with the call that
/// it led to.
fn assistant<'a>(
    message: &'a Message,
    is_own: impl Fn(&Opaque) -> bool,
    items: &mut Vec<Item<'a>>,
) -> Result<(), &'static str> {
    let mut thoughts = Vec::new();
    for (at, part) in message.parts.iter().enumerate() {
        let verbatim = part.opaque().filter(|opaque| is_own(opaque)).and_then(verbatim);
        match (part, verbatim) {
            (Part::Thinking { .. }, raw) => thoughts.extend(raw.map(Item::Verbatim)),
            // A call whose id had to be changed no longer is the vendor's item.
            (Part::ToolUse { id, .. }, Some(raw)) if !raw.get().contains(id.as_str()) => {
                thoughts.clear();
                items.extend(neutral(part)?.map(Item::Known));
            }
            (_, Some(raw)) => {
                items.append(&mut thoughts);
                items.push(Item::Verbatim(raw));
            }
            // The vendor takes what led to a call behind its thoughts without items, as clients send it that keep none.
            (part, None) if leads_to_call(&message.parts[at..]) => {
                items.append(&mut thoughts);
                items.extend(neutral(part)?.map(Item::Known));
            }
            (part, None) => {
                thoughts.clear();
                items.extend(neutral(part)?.map(Item::Known));
            }
        }
    }
    Ok(())
}

/// Whether nothing but words stands before the next call.
fn leads_to_call(parts: &[Part]) -> bool {
    let next = parts.iter().find(|part| !matches!(part, Part::Text { .. }));
    matches!(next, Some(Part::ToolUse { .. }))
}

fn verbatim(opaque: &Opaque) -> Option<&RawValue> {
    serde_json::from_str(&opaque.data).ok()
}

/// The item made of the common parts.
fn neutral(part: &Part) -> Result<Option<KnownItem<'_>>, &'static str> {
    match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => {
            let content = Content::Text(ResultText { failed: false, text });
            Ok(Some(KnownItem::Message { role: "assistant", content }))
        }
        Part::ToolUse { id: call_id, name, namespace, input, .. } => {
            let namespace = namespace.as_deref();
            Ok(Some(match input {
                ToolInput::Text(input) => KnownItem::CustomToolCall { call_id, name, namespace, input },
                input => KnownItem::FunctionCall { call_id, name, namespace, arguments: Arguments(input) },
            }))
        }
        Part::Thinking { .. } | Part::Vendor { .. } => Ok(None),
        _ => Err("an assistant's turn that holds more than texts and tool calls"),
    }
}

fn tool_result(content: &[Part], failed: bool) -> Result<Content<'_>, &'static str> {
    let mut parts = Vec::with_capacity(content.len().max(1));
    for part in content {
        match part {
            Part::Text { text, .. } => {
                let failed = failed && parts.is_empty();
                parts.push(InputPart::Text { text: ResultText { failed, text } });
            }
            other => parts.extend(input_part(other)?),
        }
    }
    if parts.is_empty() {
        parts.push(InputPart::Text { text: ResultText { failed, text: "" } });
    }
    Ok(shortest(parts))
}

fn input_part(part: &Part) -> Result<Option<InputPart<'_>>, &'static str> {
    Ok(Some(match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => {
            InputPart::Text { text: ResultText { failed: false, text } }
        }
        Part::Image { source, .. } => {
            let (image_url, file_id) = (address(source), stored(source)?);
            InputPart::Image { image_url, file_id }
        }
        Part::Audio { source, .. } => {
            let input_audio = InputAudio::of(source).ok_or("a recording outside of the request")?;
            InputPart::Audio { input_audio }
        }
        Part::Document { source, name, .. } => {
            let (filename, file_data, file_url) = match source {
                Source::Url { url } => (None, None, Some(url.as_str())),
                Source::Base64 { media_type, .. } => {
                    (Some(file_name(name.as_deref(), media_type)), address(source), None)
                }
                _ => (None, None, None),
            };
            InputPart::File { filename, file_data, file_url, file_id: stored(source)? }
        }
        Part::Thinking { .. } | Part::Vendor { .. } => return Ok(None),
        Part::ToolUse { .. } => return Err("a tool call in a user's turn"),
        Part::ToolResult { .. } => return Err("a tool result inside another"),
        _ => return Err("a part of this kind"),
    }))
}

/// The vendor's id of a file that it has.
fn stored(source: &Source) -> Result<Option<&str>, &'static str> {
    match source {
        Source::File { id, vendor: ModelProvider::OpenAI } => Ok(Some(id)),
        Source::File { .. } => Err("a file that another vendor has"),
        _ => Ok(None),
    }
}

fn shortest(mut parts: Vec<InputPart<'_>>) -> Content<'_> {
    match parts.pop() {
        Some(InputPart::Text { text }) if parts.is_empty() => Content::Text(text),
        last => {
            parts.extend(last);
            Content::Parts(parts)
        }
    }
}
