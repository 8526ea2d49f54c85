//! What routing has to know of a conversation, found without reading it.

use forge_core::request::{Outline, Prefix, RequestSize};
use forge_http::ingress::scan::{self, Fields};
use serde::de::MapAccess;

/// What a body has shown so far.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) prefix: Prefix,
    /// Something stands there that only a reader can judge.
    pub(super) is_read: bool,
    pub(super) size: RequestSize,
    /// The conversation is not beyond its first turn.
    pub(super) is_first: bool,
    tools: bool,
    images: bool,
    documents: bool,
    audio: bool,
}

impl Seen {
    /// Adds it to what is known of the request.
    pub(super) fn note(self, outline: &mut Outline) {
        // The system text comes in a message of its own.
        outline.size.add_message();
        outline.size.add(self.size);
        outline.tools = self.tools;
        outline.images = self.images;
        outline.documents = self.documents;
        outline.audio = self.audio;
        outline.prefix = self.prefix.finish();
    }

    pub(super) fn said(&mut self, text: &str) {
        self.size.add_text(text.len() as u64);
        if self.is_first {
            self.prefix.first(text);
        }
    }
}

/// A part of a message, or of a result.
pub(super) struct Content<'s> {
    seen: &'s mut Seen,
    kind: PartKind,
    /// The bytes of its data, where they stand there.
    data: Option<u64>,
    is_plain: bool,
}

impl<'s> Content<'s> {
    pub(super) fn new(seen: &'s mut Seen) -> Self {
        Self { seen, kind: PartKind::default(), data: None, is_plain: false }
    }

    /// Of which the vendor takes texts alone.
    pub(super) fn plain(seen: &'s mut Seen) -> Self {
        Self { is_plain: true, ..Self::new(seen) }
    }
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
            // Chat nests what Responses does not.
            "file" => scan::look(map, &mut File(&mut self.data))?,
            "image_url" | "file_url" | "file_id" => {
                scan::json(map)?;
            }
            _ => {
                let length = scan::json(map)?;
                self.seen.size.add_text(length);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.seen.said(text);
    }

    fn begin(&mut self) {
        (self.kind, self.data) = (PartKind::default(), None);
    }

    fn end(&mut self) {
        let Self { seen, kind, data, is_plain } = self;
        seen.is_read |= *is_plain && *kind != PartKind::Text;
        match kind {
            PartKind::Text => {}
            PartKind::Image => {
                seen.images = true;
                seen.size.add_picture();
            }
            PartKind::File => {
                seen.documents = true;
                seen.size.add_document(*data);
            }
            PartKind::Audio => {
                seen.audio = true;
                seen.size.add_document(*data);
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
            "input_image" | "image_url" => Self::Image,
            "input_file" | "file" => Self::File,
            "input_audio" => Self::Audio,
            _ => Self::Text,
        };
    }
}

struct File<'s>(&'s mut Option<u64>);

impl<'de> Fields<'de> for File<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let length = scan::json(map)?;
        if name == "file_data" {
            *self.0 = Some(length);
        }
        Ok(())
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

pub(super) struct Tool<'s>(pub(super) &'s mut Seen);

impl<'de> Fields<'de> for Tool<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.0.size.add_text(name.len() as u64 + 6);
        // Chat nests what Responses does not.
        if matches!(name, "name" | "function" | "custom") {
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

/// Whether a tool has to be called.
pub(super) struct Choice<'s>(pub(super) &'s mut bool);

impl<'de> Fields<'de> for Choice<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            // Of several tools that are allowed, one may be required.
            "mode" | "allowed_tools" => scan::look(map, self),
            _ => scan::json(map).map(|_| ()),
        }
    }

    fn text(&mut self, word: &str) {
        *self.0 = word == "required";
    }

    fn begin(&mut self) {
        *self.0 = true;
    }
}

/// The form of the answer.
pub(super) struct Format<'s>(pub(super) &'s mut Outline);

impl<'de> Fields<'de> for Format<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if name == "type" {
            return scan::look(map, self);
        }
        let length = scan::json(map)?;
        self.0.size.add_text(length);
        Ok(())
    }

    fn text(&mut self, kind: &str) {
        if kind == "json_schema" {
            self.0.schema = true;
            self.0.size.add_tools_frame();
        }
    }
}
