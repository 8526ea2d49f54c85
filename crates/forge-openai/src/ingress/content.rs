//! Parts of messages, and the conversation that they make.

use forge_core::{
    Message, ModelProvider, ModelRequest,
    request::{InvalidBody, MessageRole, Part, Source, SystemText},
};

use crate::wire::{
    incoming::Place,
    incoming_content::{Content, ContentPart, PartFields},
};

/// The conversation as it is read.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    system: Vec<SystemText>,
    messages: Vec<Message>,
}

impl Conversation {
    /// Adds instructions: in front of the first turn they are system text, later a turn.
    pub(super) fn instruct(&mut self, content: Option<Content>, place: Place<'_>) -> Result<(), InvalidBody> {
        let texts = texts(content, place)?;
        if self.messages.is_empty() {
            self.system.extend(texts.into_iter().map(SystemText::new));
        } else {
            self.turn(MessageRole::System, texts.into_iter().map(Part::text).collect());
        }
        Ok(())
    }

    /// Adds a turn, unless it says nothing.
    pub(super) fn turn(&mut self, role: MessageRole, parts: Vec<Part>) {
        if !parts.is_empty() {
            self.messages.push(Message::new(role, parts));
        }
    }

    /// Adds to the assistant's turn.
    pub(super) fn answer(&mut self, part: Part) {
        match self.messages.last_mut() {
            Some(last) if last.role == MessageRole::Assistant => last.parts.push(part),
            _ => self.turn(MessageRole::Assistant, vec![part]),
        }
    }

    /// Whether the newest part are thoughts that go back to their model.
    pub(super) fn ends_with_thoughts(&self) -> bool {
        let newest = self.messages.last().and_then(|message| message.parts.last());
        matches!(newest, Some(Part::Thinking { opaque: Some(_), .. }))
    }

    /// Adds the result of a call. Those that follow each other are one turn.
    pub(super) fn result(&mut self, part: Part) {
        let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
        match self.messages.last_mut() {
            Some(last) if last.role == MessageRole::User && last.parts.iter().all(is_result) => {
                last.parts.push(part);
            }
            _ => self.turn(MessageRole::User, vec![part]),
        }
    }

    /// The request with this conversation.
    pub(super) fn into_request(self) -> ModelRequest {
        let mut request = ModelRequest::default();
        request.system = self.system.into();
        request.messages = self.messages.into();
        request
    }
}

/// The parts of a content. Empty texts say nothing, and vendors refuse them.
pub(super) fn parts(content: Option<Content>, place: Place<'_>) -> Result<Vec<Part>, InvalidBody> {
    match content {
        None => Ok(Vec::new()),
        Some(Content::Text(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Content::Text(text)) => Ok(vec![Part::text(text)]),
        Some(Content::Parts(list)) => {
            let parts = list.into_iter().enumerate();
            let parts = parts.map(|(at, ContentPart(fields))| part(fields, Place::Item(&place, at)));
            parts.filter(|part| !matches!(part, Ok(Part::Text { text, .. }) if text.is_empty())).collect()
        }
    }
}

/// The parts of a content in which nothing but words may stand: instructions, and what a model said.
pub(super) fn words(content: Option<Content>, place: Place<'_>) -> Result<Vec<Part>, InvalidBody> {
    let parts = parts(content, place)?;
    let is_word = |part: &Part| matches!(part, Part::Text { .. } | Part::Refusal { .. });
    if parts.iter().all(is_word) { Ok(parts) } else { Err(place.wrong("holds a part that is no text")) }
}

/// The texts of such a content.
pub(super) fn texts(content: Option<Content>, place: Place<'_>) -> Result<Vec<String>, InvalidBody> {
    let text = |part| match part {
        Part::Text { text, .. } => Some(text),
        _ => None,
    };
    Ok(words(content, place)?.into_iter().filter_map(text).collect())
}

/// The result of the call `id`.
pub(super) fn result(id: String, content: Option<Content>, place: Place<'_>) -> Result<Part, InvalidBody> {
    Ok(Part::tool_result_parts(id, parts(content, place)?))
}

const KINDS: [&str; 9] = [
    "text",
    "refusal",
    "image_url",
    "input_audio",
    "file",
    "input_text",
    "output_text",
    "input_image",
    "input_file",
];

fn part(fields: PartFields, place: Place<'_>) -> Result<Part, InvalidBody> {
    let needs = |field| move || Place::Field(&place, field).wrong("is missing");
    match fields.r#type.as_deref().unwrap_or("text") {
        "text" | "input_text" | "output_text" => Ok(Part::text(fields.text.ok_or_else(needs("text"))?)),
        // Reasoning items write their texts so.
        "summary_text" | "reasoning_text" => Ok(Part::text(fields.text.unwrap_or_default())),
        "refusal" => Ok(Part::refusal(fields.refusal.ok_or_else(needs("refusal"))?)),
        "image_url" | "input_image" => match (fields.image_url, fields.file_id) {
            (Some(url), _) => Ok(Part::image(source(url.0, Place::Field(&place, "image_url"))?)),
            (None, Some(id)) => Ok(Part::image(stored(id))),
            (None, None) => Err(needs("image_url")()),
        },
        "input_audio" => {
            let audio = fields.input_audio.ok_or_else(needs("input_audio"))?;
            let media_type = match audio.format.as_str() {
                "mp3" => "audio/mpeg".to_owned(),
                format => format!("audio/{format}"),
            };
            Ok(Part::audio(Source::Base64 { media_type, data: audio.data }))
        }
        "file" | "input_file" => document(fields, place),
        other => Err(Place::Field(&place, "type").wants_word(&KINDS, other)),
    }
}

fn document(fields: PartFields, place: Place<'_>) -> Result<Part, InvalidBody> {
    let (id, data, name) = match fields.file {
        Some(file) => (file.file_id, file.file_data, file.filename),
        None => (fields.file_id, fields.file_data, fields.filename),
    };
    let source = match (data, fields.file_url, id) {
        (Some(data), _, _) if data.starts_with("data:") => source(data, place)?,
        // Without an address it is the base64 of the only kind that the vendor takes so.
        (Some(data), _, _) => Source::Base64 { media_type: "application/pdf".to_owned(), data },
        (None, Some(url), _) => source(url, place)?,
        (None, None, Some(id)) => stored(id),
        (None, None, None) => return Err(place.wrong("names no file: `file_data` or `file_id` is missing")),
    };
    let part = Part::document(source);
    Ok(match name {
        Some(name) => part.with_name(name),
        None => part,
    })
}

fn stored(id: String) -> Source {
    Source::File { id, vendor: ModelProvider::OpenAI }
}

/// What an address names; it may hold the bytes themselves.
fn source(address: String, place: Place<'_>) -> Result<Source, InvalidBody> {
    let Some(rest) = address.strip_prefix("data:") else {
        return if address.is_empty() {
            Err(place.wrong("is empty"))
        } else {
            Ok(Source::Url { url: address })
        };
    };
    let (media_type, data) =
        rest.split_once(";base64,").ok_or_else(|| place.wrong("is a `data:` address without base64"))?;
    // Behind the type may stand its parameters.
    let media_type = media_type.split(';').next().filter(|media_type| media_type.contains('/'));
    let media_type =
        media_type.ok_or_else(|| place.wrong("is a `data:` address without a media type"))?.to_owned();
    Ok(Source::Base64 { media_type, data: data.to_owned() })
}
