//! What routing has to know of a conversation, found without reading it.

use forge_core::{
    ModelId, ModelProvider,
    request::{Outline, Prefix, RequestSize},
};
use forge_http::ingress::scan::{self, Fields};
use serde::de::MapAccess;

/// The turns of a conversation.
#[derive(Default)]
pub(super) struct Turns {
    pub(super) prefix: Prefix,
    /// A thought stands there that nobody has signed.
    pub(super) unsigned: bool,
    size: RequestSize,
    count: usize,
    images: bool,
    documents: bool,
    /// State of the vendor stands there.
    state: bool,
    /// The turn that is looked at brings results of tools.
    results: bool,
    /// A block ends a prefix for the vendor's cache.
    cache_marks: bool,
}

impl Turns {
    /// Adds what the turns have shown, to a client that calls the model `model`.
    pub(super) fn note(self, outline: &mut Outline, model: &ModelId) {
        // The system text comes in a message of its own.
        outline.size.add_message();
        outline.size.add(self.size);
        outline.images = self.images;
        outline.documents = self.documents;
        outline.may_be_silent = self.results;
        outline.cache_marks |= self.cache_marks;
        outline.prefix = self.prefix.finish();
        outline.minted_by = self.state.then(|| (ModelProvider::Anthropic, model.clone()));
    }
}

impl<'de> Fields<'de> for Turns {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "content" => scan::look(map, &mut Block { turns: self, seen: Seen::default() }),
            _ => scan::json(map).map(|_| ()),
        }
    }

    fn begin(&mut self) {
        self.count += 1;
        self.results = false;
        self.size.add_message();
    }
}

/// A block of a turn, or of a result in it.
struct Block<'t> {
    turns: &'t mut Turns,
    seen: Seen,
}

/// What one block holds.
#[derive(Default)]
struct Seen {
    kind: Kind,
    signature: u64,
    data: u64,
    texts: u64,
    /// The names of the fields, with what stands around them and their values.
    names: u64,
    /// The bytes of the data in its source.
    source: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    Text,
    Image,
    Document,
    Thinking,
    ToolUse,
    ToolResult,
    #[default]
    Vendor,
}

impl<'de> Fields<'de> for Block<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.seen.names += name.len() as u64 + 6;
        match name {
            "type" => scan::look(map, &mut self.seen.kind)?,
            "text" => scan::look(map, self)?,
            "signature" => self.seen.signature = scan::length(map)?,
            "data" => self.seen.data = scan::length(map)?,
            "source" => scan::look(map, &mut Source(&mut self.seen.source))?,
            // Those of a result are blocks again, and may be pictures.
            "content" => scan::look(map, &mut Block { turns: self.turns, seen: Seen::default() })?,
            "cache_control" => self.turns.cache_marks |= is_mark(map)?,
            "id" | "tool_use_id" | "is_error" => {
                scan::json(map)?;
            }
            _ => self.seen.texts += scan::json(map)?,
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.turns.size.add_text(text.len() as u64);
        if self.turns.count == 1 {
            self.turns.prefix.first(text);
        }
    }

    fn begin(&mut self) {
        self.seen = Seen::default();
    }

    fn end(&mut self) {
        let Self { turns, seen } = self;
        turns.size.add_text(seen.texts);
        turns.size.add_state(seen.signature);
        match seen.kind {
            Kind::Text | Kind::ToolUse => {}
            Kind::Image => {
                turns.images = true;
                turns.size.add_picture();
            }
            Kind::Document => {
                turns.documents = true;
                turns.size.add_document(seen.source);
            }
            Kind::Thinking => {
                turns.state |= seen.signature > 0;
                turns.unsigned |= seen.signature == 0;
            }
            Kind::ToolResult => turns.results = true,
            Kind::Vendor => {
                turns.state = true;
                turns.size.add_text(seen.names + seen.data);
            }
        }
    }
}

/// Whether the value of `cache_control` is a mark, and not nothing.
pub(super) fn is_mark<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    let mut mark = Mark(false);
    scan::look(map, &mut mark)?;
    Ok(mark.0)
}

struct Mark(bool);

impl<'de> Fields<'de> for Mark {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        self.0 = true;
        scan::json(map).map(|_| ())
    }
}

impl<'de> Fields<'de> for Kind {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        scan::json(map).map(|_| ())
    }

    fn text(&mut self, name: &str) {
        *self = match name {
            "text" => Self::Text,
            "image" => Self::Image,
            "document" => Self::Document,
            "thinking" => Self::Thinking,
            "tool_use" => Self::ToolUse,
            "tool_result" => Self::ToolResult,
            _ => Self::Vendor,
        };
    }
}

/// The source of a picture or a document.
struct Source<'s>(&'s mut Option<u64>);

impl<'de> Fields<'de> for Source<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let length = scan::json(map)?;
        if matches!(name, "data" | "content") {
            *self.0 = Some(length);
        }
        Ok(())
    }
}
