//! The conversation, in Forge's own parts.

use forge_core::{
    Message, ModelId, ModelProvider,
    request::{InvalidBody, MessageRole, Opaque, Part, Source, SystemText},
};
use serde_json::{Map, Value};

use super::calls::{self, Calls};
use crate::{
    contents::mime_type,
    wire::{
        fields::{Fields, Place},
        incoming::{
            Content, FileData, FunctionCall, FunctionResponse, InlineData, KNOWN_PARTS, Media,
            Part as WirePart,
        },
        request::NO_SIGNATURE,
    },
};

/// [`NO_SIGNATURE`] as clients write it that hold signatures as bytes.
const NO_SIGNATURE_BYTES: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// Where the vendor keeps files of its users; other addresses it fetches.
const OWN_FILES: [&str; 3] = ["https://generativelanguage.googleapis.com/", "files/", "gs://"];

/// The system text.
pub(super) fn system(content: Content, place: Place<'_>) -> Result<Vec<SystemText>, InvalidBody> {
    let parts = Place::Field(&place, "parts");
    let text = |(at, mut part): (usize, Fields)| {
        let text: String = part.take("text", Place::Item(&parts, at))?;
        Ok(SystemText::new(text))
    };
    content.parts.into_iter().enumerate().map(text).collect()
}

/// The turns of a conversation with `model`.
pub(super) fn turns(
    contents: Vec<Content>,
    model: &ModelId,
    place: Place<'_>,
) -> Result<Vec<Message>, InvalidBody> {
    let mut reader = Reader { model, calls: Calls::among(calls::given(&contents)) };
    let turn = |(at, content)| reader.turn(content, Place::Item(&place, at));
    contents.into_iter().enumerate().map(turn).collect()
}

struct Reader<'a> {
    /// What the client calls the model, which counts as the one that minted the state.
    model: &'a ModelId,
    calls: Calls,
}

impl Reader<'_> {
    fn turn(&mut self, content: Content, place: Place<'_>) -> Result<Message, InvalidBody> {
        let role = match content.role.as_deref() {
            None | Some("user" | "function") => MessageRole::User,
            Some("model") => MessageRole::Assistant,
            Some(other) => return Err(Place::Field(&place, "role").wants_word(&["user", "model"], other)),
        };
        let place = Place::Field(&place, "parts");
        let mut parts = Vec::with_capacity(content.parts.len());
        for (at, part) in content.parts.into_iter().enumerate() {
            parts.extend(self.part(part, Place::Item(&place, at))?);
        }
        Ok(Message::new(role, parts))
    }

    /// A part; `None` for one that holds nothing.
    fn part(&mut self, mut fields: Fields, place: Place<'_>) -> Result<Option<Part>, InvalidBody> {
        if !KNOWN_PARTS.iter().any(|name| fields.has(name)) {
            return Ok(self.unknown(fields));
        }
        let part = WirePart::take(&mut fields, place)?;
        let state = self.state(part.thought_signature);
        let within = |name| Place::Field(&place, name);
        if let Some(FunctionCall { id, name, args }) = part.function_call {
            let id = self.calls.call(id.filter(|id| !id.is_empty()), &name);
            let input = Value::Object(args.unwrap_or_default());
            return Ok(Some(Part::tool_use(id, name, input).with_opaque(state)));
        }
        if let Some(response) = part.function_response {
            return self.result(response, within("functionResponse")).map(Some);
        }
        if let Some(data) = part.inline_data {
            return inline(data, within("inlineData")).map(Some);
        }
        if let Some(file) = part.file_data {
            return Ok(Some(linked(file)));
        }
        let text = part.text.unwrap_or_default();
        let is_thought = part.thought == Some(true);
        let part = if is_thought { Part::thinking(text) } else { Part::text(text) };
        Ok(Some(part.with_opaque(state)))
    }

    /// The vendor's own tools and whatever it adds go back as they are; a signature alone is state of an empty text.
    fn unknown(&self, fields: Fields) -> Option<Part> {
        let is_mark = |name: &String| matches!(name.as_str(), "thought" | "thoughtSignature");
        if fields.names().all(is_mark) {
            let signature = fields.into_map().remove("thoughtSignature");
            let signature = signature.and_then(|value| value.as_str().map(str::to_owned));
            return self.state(signature).map(|state| Part::text("").with_opaque(state));
        }
        Some(Part::vendor(self.opaque(Value::Object(fields.into_map()).to_string())))
    }

    fn opaque(&self, data: String) -> Opaque {
        Opaque::new(ModelProvider::Google, self.model.clone(), data)
    }

    /// The state behind a signature; the vendor's word for one that is missing is none.
    fn state(&self, signature: Option<String>) -> Option<Opaque> {
        signature.filter(|signature| is_state(signature)).map(|signature| self.opaque(standard(signature)))
    }

    fn result(&mut self, result: FunctionResponse, place: Place<'_>) -> Result<Part, InvalidBody> {
        let FunctionResponse { id, name, response, parts } = result;
        let id = self.calls.result(id.filter(|id| !id.is_empty()), &name, place)?;
        let (text, failed) = said(response.unwrap_or_default());
        let mut content: Vec<Part> = Vec::with_capacity(1 + parts.len());
        content.extend(text.map(Part::text));
        let place = Place::Field(&place, "parts");
        for (at, part) in parts.into_iter().enumerate() {
            content.extend(media(part, Place::Item(&place, at))?);
        }
        let part = Part::tool_result_parts(id, content);
        Ok(if failed { part.failed() } else { part })
    }
}

pub(super) fn is_state(signature: &str) -> bool {
    !signature.is_empty() && ![NO_SIGNATURE, NO_SIGNATURE_BYTES].contains(&signature)
}

/// What a tool said, and whether it failed. A text comes in an object, under a key that the vendor recommends.
fn said(mut response: Map<String, Value>) -> (Option<String>, bool) {
    if response.is_empty() {
        return (None, false);
    }
    if response.len() == 1 {
        for (key, failed) in [("result", false), ("output", false), ("error", true)] {
            if let Some(Value::String(text)) = response.get_mut(key) {
                return (Some(std::mem::take(text)), failed);
            }
        }
    }
    (Some(Value::Object(response).to_string()), false)
}

fn media(part: Media, place: Place<'_>) -> Result<Option<Part>, InvalidBody> {
    match part {
        Media { inline_data: Some(data), .. } => inline(data, Place::Field(&place, "inlineData")).map(Some),
        Media { file_data: Some(file), .. } => Ok(Some(linked(file))),
        Media { .. } => Ok(None),
    }
}

fn inline(data: InlineData, place: Place<'_>) -> Result<Part, InvalidBody> {
    let InlineData { mime_type: media_type, data } = data;
    if !is_base64(&data) {
        return Err(Place::Field(&place, "data").wrong("is not base64"));
    }
    let source = Source::Base64 { media_type: media_type.clone(), data: standard(data) };
    Ok(of_type(&media_type, source))
}

fn linked(file: FileData) -> Part {
    let FileData { mime_type: said, file_uri } = file;
    let media_type = said.or_else(|| mime_type(&file_uri).map(str::to_owned)).unwrap_or_default();
    let source = if OWN_FILES.iter().any(|begin| file_uri.starts_with(begin)) {
        Source::File { id: file_uri, vendor: ModelProvider::Google }
    } else {
        Source::Url { url: file_uri }
    };
    of_type(&media_type, source)
}

fn of_type(media_type: &str, source: Source) -> Part {
    match media_type.split('/').next() {
        Some("image") => Part::image(source),
        Some("audio") => Part::audio(source),
        _ => Part::document(source),
    }
}

fn is_base64(text: &str) -> bool {
    text.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"+/-_= \r\n\t".contains(&sign))
}

/// Base64 in the usual alphabet: clients that hold bytes write them in the one for addresses, which other vendors do not take.
fn standard(text: String) -> String {
    let is_other = text.contains(['-', '_']) && is_base64(&text);
    if is_other { text.replace('-', "+").replace('_', "/") } else { text }
}
