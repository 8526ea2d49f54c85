//! What routing has to know of a conversation, found without reading it.

use forge_core::{
    ModelId, ModelProvider,
    request::{Outline, Prefix, RequestSize},
};
use forge_http::ingress::scan::{self, Fields};
use serde::de::MapAccess;

use crate::wire::incoming_responses::is_our_id;

/// The items of a conversation.
#[derive(Default)]
pub(super) struct Items {
    pub(super) prefix: Prefix,
    /// An item of another vendor's reply, or one that is elsewhere, stands there.
    pub(super) is_read: bool,
    size: RequestSize,
    count: usize,
    tools: bool,
    images: bool,
    documents: bool,
    audio: bool,
    /// State of the vendor stands there.
    state: bool,
    /// The last item is the result of a tool.
    result: bool,
    /// The last item holds thoughts.
    thought: bool,
    /// The last item has state of the vendor.
    has_state: bool,
}

impl Items {
    /// Adds what the items have shown, to a client that calls the model `model`.
    pub(super) fn note(self, outline: &mut Outline, model: &ModelId) {
        // The system text comes in a message of its own.
        outline.size.add_message();
        outline.size.add(self.size);
        outline.tools = self.tools;
        outline.images = self.images;
        outline.documents = self.documents;
        outline.audio = self.audio;
        outline.may_be_silent = self.result;
        outline.prefix = self.prefix.finish();
        outline.minted_by = self.state.then(|| (ModelProvider::OpenAI, model.clone()));
    }

    fn said(&mut self, text: &str) {
        self.size.add_text(text.len() as u64);
        if self.count <= 1 {
            self.prefix.first(text);
        }
    }
}

impl<'de> Fields<'de> for Items {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.size.add_text(name.len() as u64 + 6);
        match name {
            "type" => scan::look(map, &mut Kind(self))?,
            "id" => scan::look(map, &mut Id(&mut self.is_read))?,
            "content" | "output" => {
                let content = &mut Content { items: self, kind: PartKind::default(), data: None };
                scan::look(map, content)?;
            }
            "tools" => scan::look(map, &mut Tool(self))?,
            "encrypted_content" => {
                let length = scan::length(map)?;
                self.has_state = length > 0;
                self.state |= self.has_state;
                self.size.add_state(length);
            }
            _ => {
                let length = scan::json(map)?;
                self.size.add_text(length);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.size.add_message();
        self.said(text);
    }

    fn begin(&mut self) {
        self.count += 1;
        (self.result, self.thought, self.has_state) = (false, false, false);
        self.size.add_message();
    }

    fn end(&mut self) {
        // Thoughts without state are in the vendor's store alone, where nothing is.
        self.is_read |= self.thought && !self.has_state;
    }
}

struct Kind<'i>(&'i mut Items);

impl<'de> Fields<'de> for Kind<'_> {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        scan::json(map).map(|_| ())
    }

    fn text(&mut self, kind: &str) {
        self.0.result = matches!(kind, "function_call_output" | "custom_tool_call_output");
        self.0.thought = kind == "reasoning";
        self.0.is_read |= kind == "item_reference";
    }
}

/// The id of an item, which the vendor does not know if it is of this server.
struct Id<'s>(&'s mut bool);

impl<'de> Fields<'de> for Id<'_> {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        scan::json(map).map(|_| ())
    }

    fn text(&mut self, id: &str) {
        *self.0 |= is_our_id(id);
    }
}

/// A part of a message, or of a result.
struct Content<'i> {
    items: &'i mut Items,
    kind: PartKind,
    /// The bytes of its data, where they stand there.
    data: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum PartKind {
    #[default]
    Text,
    Image,
    File,
    Audio,
}

impl<'de> Fields<'de> for Content<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => scan::look(map, &mut self.kind)?,
            "text" => scan::look(map, self)?,
            "file_data" | "input_audio" => self.data = Some(scan::json(map)?),
            "image_url" | "file_url" | "file_id" => {
                scan::json(map)?;
            }
            _ => {
                let length = scan::json(map)?;
                self.items.size.add_text(length);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.items.said(text);
    }

    fn begin(&mut self) {
        (self.kind, self.data) = (PartKind::default(), None);
    }

    fn end(&mut self) {
        let Self { items, kind, data } = self;
        match kind {
            PartKind::Text => {}
            PartKind::Image => {
                items.images = true;
                items.size.add_picture();
            }
            PartKind::File => {
                items.documents = true;
                items.size.add_document(*data);
            }
            PartKind::Audio => {
                items.audio = true;
                items.size.add_document(*data);
            }
        }
    }
}

impl<'de> Fields<'de> for PartKind {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        scan::json(map).map(|_| ())
    }

    fn text(&mut self, kind: &str) {
        *self = match kind {
            "input_image" => Self::Image,
            "input_file" => Self::File,
            "input_audio" => Self::Audio,
            _ => Self::Text,
        };
    }
}

pub(super) struct System<'s> {
    pub(super) size: &'s mut RequestSize,
    pub(super) prefix: &'s mut Prefix,
}

impl<'de> Fields<'de> for System<'_> {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        let length = scan::json(map)?;
        self.size.add_text(length);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.size.add_text(text.len() as u64);
        self.prefix.system(text);
    }
}

pub(super) struct Tool<'i>(pub(super) &'i mut Items);

impl<'de> Fields<'de> for Tool<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.0.size.add_text(name.len() as u64 + 6);
        if name == "name" {
            return scan::look(map, self);
        }
        let length = scan::json(map)?;
        self.0.size.add_text(length);
        Ok(())
    }

    fn text(&mut self, name: &str) {
        self.0.size.add_text(name.len() as u64);
        self.0.prefix.tool(name);
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.0.tools, true) {
            self.0.size.add_tools_frame();
        }
    }
}
