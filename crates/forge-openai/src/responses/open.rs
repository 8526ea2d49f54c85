//! Output items on their way.

use forge_core::{StreamEvent, event::Delta, request::Citation};
use forge_http::Events;
use serde_json::value::RawValue;

use super::response::Kind;
use crate::wire::responses_reply::Annotation;

#[derive(Debug)]
pub(super) struct Item {
    pub(super) output_index: Option<u32>,
    pub(super) id: Option<String>,
    /// The part it is, once it has begun.
    pub(super) part: Option<u32>,
    pub(super) kind: Kind,
    /// How many bytes of its text went out.
    pub(super) sent: usize,
    /// How many of its citations went out.
    pub(super) cited: usize,
    /// Which of its texts is under way.
    pub(super) source: Source,
    pub(super) ended: bool,
}

/// Which item an event is about: by its place, or, where the server gives none (llama.cpp), by its id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) output_index: Option<u32>,
    pub(super) id: Option<&'a str>,
}

impl Which<'_> {
    pub(super) fn is(self, item: &Item) -> bool {
        match (self.output_index, item.output_index) {
            (Some(one), Some(other)) => one == other,
            _ => self.id.is_some() && self.id == item.id.as_deref(),
        }
    }
}

/// A text of an item: a summary or a content, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Source {
    pub(super) summary: bool,
    pub(super) index: u32,
}

impl Item {
    pub(super) fn send(&mut self, text: String, events: &mut Events) {
        if text.is_empty() {
            return;
        }
        self.sent += text.len();
        let delta = match self.kind {
            Kind::Text | Kind::Refusal => Delta::Text(text),
            Kind::Thinking => Delta::Thinking(text),
            Kind::Call | Kind::Freeform => Delta::ToolInput(text),
            Kind::Vendor => return,
        };
        events.extend(self.part.map(|index| StreamEvent::PartDelta { index, delta }));
    }

    /// Counts a piece of so many bytes, where it only goes on with the text that is under way. A refusal is told with its
    /// first piece.
    pub(super) fn add(&mut self, kind: Kind, source: Source, length: usize) -> Option<usize> {
        let goes_on = self.part.is_some() && self.kind == kind && !self.ended;
        // Between two texts of thoughts stands more than what comes.
        let is_known = self.source == source || kind != Kind::Thinking;
        if !goes_on || !is_known || length == 0 {
            return None;
        }
        self.source = source;
        self.sent += length;
        Some(length)
    }

    pub(super) fn cite(&mut self, raw: &RawValue, events: &mut Events) {
        if self.kind != Kind::Text {
            return;
        }
        self.cited += 1;
        let Annotation { url, title, filename } = serde_json::from_str(raw.get()).unwrap_or_default();
        let citation = Citation::raw(raw.get()).with_url(url).with_title(title.or(filename));
        let delta = Delta::Citation(Box::new(citation));
        events.extend(self.part.map(|index| StreamEvent::PartDelta { index, delta }));
    }
}

impl Kind {
    /// Whether pieces of the one kind may come in an item of the other: a message holds answers and refusals.
    pub(super) fn goes_with(self, other: Self) -> bool {
        let is_message = |kind| matches!(kind, Self::Text | Self::Refusal);
        self == other || (is_message(self) && is_message(other))
    }
}
