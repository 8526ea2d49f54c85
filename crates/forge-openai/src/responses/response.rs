//! Whole replies and whole items.

use forge_core::event::{PartKind, ToolStart};
use forge_http::{Events, Failure};
use serde_json::value::RawValue;

use super::Decoder;
use crate::{
    chat::argument_text,
    error,
    wire::responses_reply::{Item, ItemPart, Response, TypeOnly},
};

impl Decoder {
    /// Takes a whole reply, which has the same events as its stream.
    pub(crate) fn whole(mut self, body: &str, events: &mut Events) -> Result<(), Failure> {
        let response: Response<'_> = serde_json::from_str(body).map_err(|error| {
            if error.is_eof() {
                return Failure::truncated();
            }
            error::inside(body).unwrap_or_else(|| Failure::decode("the reply", &error))
        })?;
        self.finish(&response, None, events)
    }
}

/// What an output item is to Forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
    Thinking,
    Call,
    /// A call of a tool that takes free text.
    Freeform,
    /// An item of a kind that only the vendor understands.
    Vendor,
}

impl Kind {
    /// What an item is that does not say it.
    fn of_fields(fields: &Item<'_>) -> Self {
        match fields {
            Item { name: Some(_), arguments: Some(_), .. } => Self::Call,
            Item { name: Some(_), input: Some(_), .. } => Self::Freeform,
            Item { encrypted_content: Some(_), .. } => Self::Thinking,
            Item { summary, .. } if !summary.is_empty() => Self::Thinking,
            Item { content, .. } if !content.is_empty() => Self::Text,
            _ => Self::Vendor,
        }
    }
}

/// A whole output item.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) refused: bool,
    /// The vendor takes it back. Thoughts that are not encrypted exist only in the vendor's store.
    pub(super) replayable: bool,
    /// What the text rests on.
    pub(super) citations: Vec<&'a RawValue>,
    fields: Item<'a>,
}

impl<'a> Whole<'a> {
    /// What stands between two summaries of one item.
    pub(super) const BETWEEN_THOUGHTS: &'static str = "\n\n";

    pub(super) fn empty(kind: Kind) -> Self {
        Self {
            kind,
            text: String::new(),
            refused: false,
            replayable: true,
            citations: Vec::new(),
            fields: Item::default(),
        }
    }

    pub(super) fn read(raw: &'a RawValue) -> Result<Self, Failure> {
        let wrong = |error: serde_json::Error| Failure::decode("an output item", &error);
        let head: TypeOnly<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
        let said = match head.r#type.as_deref() {
            Some("message") => Some(Kind::Text),
            Some("reasoning") => Some(Kind::Thinking),
            Some("function_call") => Some(Kind::Call),
            Some("custom_tool_call") => Some(Kind::Freeform),
            // Hosted tools and whatever the vendor adds: kept as they came, so that they can go back.
            Some(_) => return Ok(Self::empty(Kind::Vendor)),
            None => None,
        };
        let mut fields: Item<'a> = match serde_json::from_str(raw.get()) {
            Ok(fields) => fields,
            Err(_) if said.is_none() => return Ok(Self::empty(Kind::Vendor)),
            Err(error) => return Err(wrong(error)),
        };
        let kind = said.unwrap_or_else(|| Kind::of_fields(&fields));
        let mut whole = Self::empty(kind);
        let summary = std::mem::take(&mut fields.summary);
        let parts = summary.into_iter().chain(std::mem::take(&mut fields.content));
        match kind {
            Kind::Text => {
                let mut said = false;
                for ItemPart { text, refusal, annotations } in parts {
                    whole.refused |= refusal.is_some();
                    said |= text.is_some();
                    for text in text.iter().chain(&refusal) {
                        whole.text.push_str(text);
                    }
                    whole.citations.extend(annotations);
                }
                if whole.refused && !said {
                    whole.kind = Kind::Refusal;
                }
            }
            Kind::Thinking => {
                for text in parts.filter_map(|part| part.text).filter(|text| !text.is_empty()) {
                    if !whole.text.is_empty() {
                        whole.text.push_str(Self::BETWEEN_THOUGHTS);
                    }
                    whole.text.push_str(&text);
                }
                // Without `encrypted_content` the id points into a store that was told to keep nothing.
                whole.replayable = fields.encrypted_content.as_ref().is_some_and(|text| !text.is_empty());
            }
            Kind::Call => {
                whole.text = fields.arguments.take().map(argument_text).transpose()?.unwrap_or_default();
            }
            Kind::Freeform => whole.text = fields.input.take().unwrap_or_default(),
            Kind::Refusal | Kind::Vendor => {}
        }
        whole.fields = fields;
        Ok(whole)
    }

    /// What events call the item. Older llama.cpp names calls by their `call_id`.
    pub(super) fn id(&self) -> Option<&str> {
        self.fields.id.as_deref().or(self.fields.call_id.as_deref())
    }

    pub(super) fn part_kind(&self) -> PartKind {
        match self.kind {
            Kind::Text => PartKind::Text,
            Kind::Refusal => PartKind::Refusal,
            Kind::Thinking => PartKind::Thinking,
            Kind::Call | Kind::Freeform => {
                let Item { id, call_id, name, namespace, .. } = &self.fields;
                let id = call_id.as_deref().or(id.as_deref()).unwrap_or_default();
                let start = ToolStart::new(id, name.as_deref().unwrap_or_default());
                let start = start.with_namespace(namespace.as_deref().map(str::to_owned));
                let freeform = self.kind == Kind::Freeform;
                PartKind::ToolUse(Box::new(if freeform { start.freeform() } else { start }))
            }
            Kind::Vendor => PartKind::Vendor,
        }
    }
}
