//! The conversation becomes messages.

use std::borrow::Cow;

use forge_core::{
    Message, ModelId, ModelProvider, ModelRequest,
    request::{MessageRole, Part, Source, ToolInput},
};

use super::{
    Rules, SystemRole,
    thoughts::{call_state, give_back},
};
use crate::wire::{
    chat::{self, Back, Content, ContentPart, CustomCall, File, FunctionCall, ImageUrl, ToolCall},
    content::{Address, Arguments, InputAudio, ResultText, file_name},
};

/// Who is asked, and through which configured provider.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) vendor: &'a ModelProvider,
    pub(super) model: &'a ModelId,
    pub(super) through: &'a str,
}

/// The messages of the request, or what of them the server does not take.
pub(super) fn messages<'a>(
    request: &'a ModelRequest,
    fitted: &'a [Message],
    rules: &Rules,
    asked: Asked<'_>,
) -> Result<Vec<chat::Message<'a>>, &'static str> {
    let mut messages = Vec::with_capacity(fitted.len() + 1);
    if !request.system.is_empty() {
        messages.push(system(request.system_text(), rules));
    }
    for message in fitted {
        match message.role {
            MessageRole::User => user(message, rules, &mut messages)?,
            MessageRole::Assistant => messages.extend(assistant(message, rules, asked)?),
            MessageRole::System => messages.push(system(texts(message), rules)),
        }
    }
    Ok(messages)
}

fn system<'a>(content: Cow<'a, str>, rules: &Rules) -> chat::Message<'a> {
    match rules.system_role {
        SystemRole::System => chat::Message::System { content },
        SystemRole::Developer => chat::Message::Developer { content },
    }
}

/// The texts of a message as one, apart by an empty line.
pub(crate) fn texts(message: &Message) -> Cow<'_, str> {
    let mut texts = message.parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let first = texts.next().unwrap_or_default();
    texts.fold(Cow::Borrowed(first), |whole, next| Cow::Owned(format!("{whole}\n\n{next}")))
}

/// Tool results come first: they must follow their calls at once.
fn user<'a>(
    message: &'a Message,
    rules: &Rules,
    messages: &mut Vec<chat::Message<'a>>,
) -> Result<(), &'static str> {
    let mut content = Vec::new();
    for part in &message.parts {
        if let Part::ToolResult { tool_use_id, content, is_error, .. } = part {
            let content = tool_result(content, *is_error, rules)?;
            messages.push(chat::Message::Tool { tool_call_id: tool_use_id, content });
        } else {
            content.extend(content_part(part, rules)?);
        }
    }
    if !content.is_empty() {
        messages.push(chat::Message::User { content: shortest(content) });
    }
    Ok(())
}

fn assistant<'a>(
    message: &'a Message,
    rules: &Rules,
    asked: Asked<'_>,
) -> Result<Option<chat::Message<'a>>, &'static str> {
    let (mut content, mut tool_calls, mut thoughts) = (Vec::new(), Vec::new(), Back::default());
    for part in &message.parts {
        match part {
            Part::ToolUse { id, name, input: ToolInput::Text(input), .. } => {
                tool_calls.push(ToolCall::Custom { id, custom: CustomCall { name, input } });
            }
            Part::ToolUse { id, name, input, .. } => {
                let function = FunctionCall { name, arguments: Arguments(input) };
                let state = part.opaque().filter(|state| {
                    rules.returns_thoughts && state.belongs_to(asked.vendor, asked.model, asked.through)
                });
                let extra_content = state.and_then(call_state);
                tool_calls.push(ToolCall::Function { id, function, extra_content });
            }
            Part::Text { text, .. } | Part::Refusal { text, .. } => content.push(plain(text)),
            Part::Thinking { opaque: Some(state), .. }
                if rules.returns_thoughts && state.belongs_to(asked.vendor, asked.model, asked.through) =>
            {
                give_back(state, &mut thoughts);
            }
            Part::Thinking { .. } | Part::Vendor { .. } => {}
            _ => return Err("an assistant's turn that holds more than texts and tool calls"),
        }
    }
    // Calls that another model made have no thoughts here; an empty text satisfies the server's check.
    if rules.requires_thoughts && !tool_calls.is_empty() && thoughts.is_empty() {
        thoughts.reasoning_content = Some(String::new());
    }
    let empty = content.is_empty() && tool_calls.is_empty();
    let content = match (thoughts.tagged.take(), content.is_empty()) {
        // They stood in front of the answer, in one text with it.
        (Some(tagged), _) => Some(Content::Tagged(tagged + &joined(&message.parts))),
        (None, true) => None,
        (None, false) => Some(shortest(content)),
    };
    // Thoughts alone are no turn: servers refuse a message with neither content nor calls.
    Ok((!empty).then_some(chat::Message::Assistant { content, thoughts, tool_calls }))
}

/// The texts as one, as they came.
fn joined(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn tool_result<'a>(content: &'a [Part], failed: bool, rules: &Rules) -> Result<Content<'a>, &'static str> {
    let mut parts = Vec::with_capacity(content.len().max(1));
    for part in content {
        match part {
            Part::Text { text, .. } => {
                let failed = failed && parts.is_empty();
                parts.push(ContentPart::Text { text: ResultText { failed, text } });
            }
            Part::Image { .. } if rules.tool_result_images => parts.extend(content_part(part, rules)?),
            _ => return Err("anything but text in a tool's result"),
        }
    }
    if parts.is_empty() {
        parts.push(ContentPart::Text { text: ResultText { failed, text: "" } });
    }
    Ok(shortest(parts))
}

fn content_part<'a>(part: &'a Part, rules: &Rules) -> Result<Option<ContentPart<'a>>, &'static str> {
    Ok(Some(match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => plain(text),
        Part::Image { source, .. } => {
            let url = address(source).ok_or("a picture that the vendor has")?;
            ContentPart::ImageUrl { image_url: ImageUrl { url } }
        }
        Part::Audio { source, .. } if rules.audio => {
            let input_audio = InputAudio::of(source).ok_or("a recording outside of the request")?;
            ContentPart::InputAudio { input_audio }
        }
        Part::Document { source: Source::File { id, vendor: ModelProvider::OpenAI }, .. } if rules.stores => {
            ContentPart::File { file: File::Stored { file_id: id } }
        }
        Part::Document { .. } if !rules.documents => return Err("a document"),
        Part::Document { source: source @ Source::Base64 { media_type, .. }, name, .. } => {
            let filename = file_name(name.as_deref(), media_type);
            let file_data = address(source).ok_or("a document")?;
            ContentPart::File { file: File::Bytes { filename, file_data } }
        }
        Part::Document { source: Source::Url { .. }, .. } => return Err("a document at a web address"),
        Part::Document { .. } => return Err("a file that another vendor has"),
        Part::Thinking { .. } | Part::Vendor { .. } => return Ok(None),
        Part::ToolUse { .. } => return Err("a tool call in a user's turn"),
        Part::ToolResult { .. } => return Err("a tool result inside another"),
        Part::Audio { .. } => return Err("a recording"),
        _ => return Err("a part of this kind"),
    }))
}

fn plain(text: &str) -> ContentPart<'_> {
    ContentPart::Text { text: ResultText { failed: false, text } }
}

/// One text goes out as a string, which the oldest servers understand, too.
fn shortest(mut parts: Vec<ContentPart<'_>>) -> Content<'_> {
    match parts.pop() {
        Some(ContentPart::Text { text }) if parts.is_empty() => Content::Text(text),
        last => {
            parts.extend(last);
            Content::Parts(parts)
        }
    }
}

/// Where the bytes are; `None` for a file that a vendor has.
pub(crate) fn address(source: &Source) -> Option<Address<'_>> {
    match source {
        Source::Url { url } => Some(Address::Url(url)),
        Source::Base64 { media_type, data } => Some(Address::Bytes { media_type, base64: data }),
        _ => None,
    }
}
