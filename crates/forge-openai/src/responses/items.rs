//! The conversation becomes input items. What the vendor minted for this model goes back as it came.

use forge_core::{Message, MessageRole, ModelId, ModelProvider, ModelRequest, Opaque, Part, Source};
use serde_json::value::RawValue;

use crate::{
    chat::address,
    wire::{
        content::{Arguments, ResultText, file_name},
        responses::{Content, InputPart, Item, KnownItem},
    },
};

/// The items of the request's messages, or what of them the API does not take.
pub(super) fn items<'a>(request: &'a ModelRequest, model: &ModelId) -> Result<Vec<Item<'a>>, &'static str> {
    let mut items = Vec::with_capacity(request.messages.len());
    for message in &request.messages {
        match message.role {
            MessageRole::User => user(message, &mut items)?,
            MessageRole::Assistant => assistant(message, model, &mut items)?,
        }
    }
    Ok(items)
}

fn user<'a>(message: &'a Message, items: &mut Vec<Item<'a>>) -> Result<(), &'static str> {
    let mut content = Vec::new();
    for part in &message.parts {
        if let Part::ToolResult { tool_use_id, content, is_error, .. } = part {
            let output = tool_result(content, *is_error)?;
            items.push(Item::Known(KnownItem::FunctionCallOutput { call_id: tool_use_id, output }));
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

/// The vendor refuses a reasoning item without the item that followed it; it is sent only together
/// with that.
fn assistant<'a>(
    message: &'a Message,
    model: &ModelId,
    items: &mut Vec<Item<'a>>,
) -> Result<(), &'static str> {
    let mut thoughts = Vec::new();
    for part in &message.parts {
        let verbatim = part.opaque().and_then(|opaque| verbatim(opaque, model));
        match (part, verbatim) {
            (Part::Thinking { .. }, raw) => thoughts.extend(raw.map(Item::Verbatim)),
            (_, Some(raw)) => {
                items.append(&mut thoughts);
                items.push(Item::Verbatim(raw));
            }
            (part, None) => {
                thoughts.clear();
                items.extend(neutral(part)?.map(Item::Known));
            }
        }
    }
    Ok(())
}

fn verbatim<'a>(opaque: &'a Opaque, model: &ModelId) -> Option<&'a RawValue> {
    if !opaque.belongs_to(&ModelProvider::OpenAI, model) {
        return None;
    }
    serde_json::from_str(&opaque.data).ok()
}

/// The item made of the common parts.
fn neutral(part: &Part) -> Result<Option<KnownItem<'_>>, &'static str> {
    match part {
        Part::Text { text, .. } => {
            let content = Content::Text(ResultText { failed: false, text });
            Ok(Some(KnownItem::Message { role: "assistant", content }))
        }
        Part::ToolUse { id, name, input, .. } => {
            Ok(Some(KnownItem::FunctionCall { call_id: id, name, arguments: Arguments(input) }))
        }
        Part::Thinking { .. } | Part::Vendor { .. } => Ok(None),
        Part::Image { .. } | Part::Document { .. } | Part::ToolResult { .. } => {
            Err("an assistant's turn that holds more than texts and tool calls")
        }
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
        Part::Text { text, .. } => InputPart::Text { text: ResultText { failed: false, text } },
        Part::Image { source, .. } => InputPart::Image { image_url: address(source) },
        Part::Document { source: Source::Url { url }, .. } => {
            InputPart::File { filename: None, file_data: None, file_url: Some(url) }
        }
        Part::Document { source: source @ Source::Base64 { media_type, .. }, name, .. } => {
            let filename = Some(file_name(name.as_deref(), media_type));
            InputPart::File { filename, file_data: Some(address(source)), file_url: None }
        }
        Part::Thinking { .. } | Part::Vendor { .. } => return Ok(None),
        Part::ToolUse { .. } => return Err("a tool call in a user's turn"),
        Part::ToolResult { .. } => return Err("a tool result inside another"),
    }))
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
