//! What routing has to know of a conversation, found without reading it.

use forge_core::{
    ModelId, ModelProvider,
    request::{Outline, Prefix, RequestSize},
};
use forge_http::ingress::scan::{self, Fields};
use serde::de::MapAccess;

use super::content::is_state;

/// What stands around a name and its value.
const AROUND: u64 = 6;

/// The turns of a conversation.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) prefix: Prefix,
    size: RequestSize,
    count: usize,
    images: bool,
    documents: bool,
    audio: bool,
    /// State of the vendor stands there.
    state: bool,
    /// A call stands there whose thoughts nobody has signed, which newer models refuse.
    unsigned: bool,
    turn: Turn,
    part: Part,
}

/// What the turn that is looked at has shown.
#[derive(Default)]
struct Turn {
    of_model: bool,
    calls: bool,
    results: bool,
}

/// What the part that is looked at has shown.
#[derive(Default)]
struct Part {
    is_call: bool,
    is_signed: bool,
}

impl Contents {
    /// A field that stands twice counts as it stands there last.
    pub(super) fn begin_again(&mut self) {
        self.count = 0;
    }

    /// Whether a model can go on with the conversation as it is: with its own last words only some do.
    pub(super) fn can_go_on(&self) -> bool {
        self.count > 0 && !self.unsigned && !self.turn.of_model
    }

    /// Adds what the turns have shown, to a client that calls the model `model`.
    pub(super) fn note(self, outline: &mut Outline, model: &ModelId) {
        // The system text comes in a message of its own.
        outline.size.add_message();
        outline.size.add(self.size);
        outline.images = self.images;
        outline.documents = self.documents;
        outline.audio = self.audio;
        outline.may_be_silent = self.turn.results;
        outline.prefix = self.prefix.finish();
        outline.minted_by = self.state.then(|| (ModelProvider::Google, model.clone()));
    }

    fn media(&mut self, kind: &str, length: Option<u64>) {
        match kind.split('/').next() {
            Some("image") => {
                self.images = true;
                self.size.add_picture();
            }
            Some("audio") => {
                self.audio = true;
                self.size.add_document(length);
            }
            _ => {
                self.documents = true;
                self.size.add_document(length);
            }
        }
    }
}

impl<'de> Fields<'de> for Contents {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "parts" => scan::look(map, &mut Parts(self)),
            "role" => scan::look(map, &mut self.turn),
            _ => scan::json(map).map(|_| ()),
        }
    }

    fn begin(&mut self) {
        self.count += 1;
        self.turn = Turn::default();
        self.size.add_message();
    }
}

impl<'de> Fields<'de> for Turn {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        scan::json(map).map(|_| ())
    }

    fn text(&mut self, role: &str) {
        self.of_model = role == "model";
    }
}

/// The parts of a turn.
struct Parts<'c>(&'c mut Contents);

impl<'de> Fields<'de> for Parts<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let contents = &mut *self.0;
        contents.size.add_text(name.len() as u64 + AROUND);
        match name {
            "text" => return scan::look(map, self),
            "thoughtSignature" | "thought_signature" => return scan::look(map, &mut Signature(contents)),
            "inlineData" | "inline_data" | "fileData" | "file_data" => {
                return scan::look(map, &mut Media::of(contents));
            }
            "functionResponse" | "function_response" => {
                contents.turn.results = true;
                return scan::look(map, &mut Response(contents));
            }
            _ => {
                let is_call = matches!(name, "functionCall" | "function_call");
                contents.part.is_call |= is_call;
                // What the vendor's own tools did.
                contents.state |= !is_call && name != "thought";
                let length = scan::json(map)?;
                contents.size.add_text(length);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.0.size.add_text(text.len() as u64);
        if self.0.count == 1 {
            self.0.prefix.first(text);
        }
    }

    fn begin(&mut self) {
        self.0.part = Part::default();
    }

    fn end(&mut self) {
        let Contents { part, turn, unsigned, .. } = &mut *self.0;
        // Of several calls in a turn the vendor signs the first.
        *unsigned |= part.is_call && !turn.calls && !part.is_signed;
        turn.calls |= part.is_call;
    }
}

struct Signature<'c>(&'c mut Contents);

impl<'de> Fields<'de> for Signature<'_> {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        scan::json(map).map(|_| ())
    }

    fn text(&mut self, signature: &str) {
        let contents = &mut *self.0;
        contents.part.is_signed = !signature.is_empty();
        contents.state |= is_state(signature);
        contents.size.add_state(signature.len() as u64);
    }
}

/// The result of a function, which may hold pictures and documents.
struct Response<'c>(&'c mut Contents);

impl<'de> Fields<'de> for Response<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "parts" | "inlineData" | "inline_data" | "fileData" | "file_data" => {
                if name == "parts" {
                    return scan::look(map, self);
                }
                scan::look(map, &mut Media::of(self.0))
            }
            _ => {
                let length = scan::json(map)?;
                self.0.size.add_text(name.len() as u64 + AROUND + length);
                Ok(())
            }
        }
    }
}

/// A picture, a document or a recording.
struct Media<'c> {
    contents: &'c mut Contents,
    kind: String,
    length: Option<u64>,
}

impl<'c> Media<'c> {
    fn of(contents: &'c mut Contents) -> Self {
        Self { contents, kind: String::new(), length: None }
    }
}

impl<'de> Fields<'de> for Media<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "mimeType" | "mime_type" => scan::look(map, self),
            "data" => scan::length(map).map(|length| self.length = Some(length)),
            _ => scan::json(map).map(|_| ()),
        }
    }

    fn text(&mut self, kind: &str) {
        kind.clone_into(&mut self.kind);
    }

    fn end(&mut self) {
        self.contents.media(&self.kind, self.length);
    }
}

/// What the model is told before the conversation.
pub(super) struct Instruction<'s> {
    pub(super) size: &'s mut RequestSize,
    pub(super) prefix: &'s mut Prefix,
}

impl<'de> Fields<'de> for Instruction<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "parts" | "text" => scan::look(map, self),
            _ => scan::json(map).map(|_| ()),
        }
    }

    fn text(&mut self, text: &str) {
        self.size.add_text(text.len() as u64);
        self.prefix.system(text);
    }
}

/// A group of tools: functions, and tools of the vendor's.
pub(super) struct ToolGroup<'s> {
    pub(super) outline: &'s mut Outline,
    pub(super) prefix: &'s mut Prefix,
}

impl ToolGroup<'_> {
    fn add(&mut self) {
        if !std::mem::replace(&mut self.outline.tools, true) {
            self.outline.size.add_tools_frame();
        }
    }
}

impl<'de> Fields<'de> for ToolGroup<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if matches!(name, "functionDeclarations" | "function_declarations") {
            return scan::look(map, &mut Function(self));
        }
        let length = scan::json(map)?;
        self.outline.size.add_text(name.len() as u64 + AROUND + length);
        self.add();
        Ok(())
    }
}

struct Function<'g, 's>(&'g mut ToolGroup<'s>);

impl<'de> Fields<'de> for Function<'_, '_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.0.outline.size.add_text(name.len() as u64 + AROUND);
        if name == "name" {
            return scan::look(map, self);
        }
        let length = scan::json(map)?;
        self.0.outline.size.add_text(length);
        Ok(())
    }

    fn text(&mut self, name: &str) {
        self.0.outline.size.add_text(name.len() as u64);
        self.0.prefix.tool(name);
    }

    fn begin(&mut self) {
        self.0.add();
    }
}
