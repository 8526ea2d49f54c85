//! Output items on their way to a client.

use forge_core::{
    ModelProvider,
    event::ToolStart,
    request::{Citation, Opaque},
};
use serde_json::value::{RawValue, to_raw_value};

use super::frames;
use crate::wire::{
    answer_chat::UrlCitation,
    answer_responses::{Annotation, Item as Wire, Part, kept_kind},
    incoming_responses::our_id,
};

/// How an item ended, or that it has not.
pub(super) const IN_PROGRESS: &str = "in_progress";
pub(super) const COMPLETED: &str = "completed";
pub(super) const INCOMPLETE: &str = "incomplete";

/// An item, one for each part of a reply.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// The text, the thoughts, or the input of a call.
    pub(super) text: String,
    pub(super) annotations: Vec<Box<RawValue>>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text,
    Refusal,
    Thinking,
    Call(Box<ToolStart>),
}

impl Kind {
    const fn prefix(&self) -> &'static str {
        match self {
            Self::Text | Self::Refusal => "msg",
            Self::Thinking => "rs",
            Self::Call(start) if start.freeform => "ctc",
            Self::Call(_) => "fc",
        }
    }

    /// The event that adds to the item.
    pub(super) const fn delta(&self) -> &'static str {
        match self {
            Self::Text => "response.output_text.delta",
            Self::Refusal => "response.refusal.delta",
            Self::Thinking => "response.reasoning_summary_text.delta",
            Self::Call(start) if start.freeform => "response.custom_tool_call_input.delta",
            Self::Call(_) => "response.function_call_arguments.delta",
        }
    }

    /// The event that has all that was added.
    pub(super) const fn done(&self) -> &'static str {
        match self {
            Self::Text => "response.output_text.done",
            Self::Refusal => "response.refusal.done",
            Self::Thinking => "response.reasoning_summary_text.done",
            Self::Call(start) if start.freeform => "response.custom_tool_call_input.done",
            Self::Call(_) => "response.function_call_arguments.done",
        }
    }
}

impl Item {
    /// The item at this place of the output of the reply `reply`.
    pub(super) fn new(kind: Kind, reply: &str, at: usize) -> Self {
        let id = our_id(kind.prefix(), reply, at);
        Self { id, kind, text: String::new(), annotations: Vec::new() }
    }

    /// Adds what the text so far rests on; tells whether the dialect has a form for it.
    pub(super) fn cite(&mut self, citation: &Citation) -> bool {
        let annotation = annotation(citation, &self.text);
        let has_form = annotation.is_some();
        self.annotations.extend(annotation);
        has_form
    }

    /// The part of a message that the item is so far.
    pub(super) fn part(&self) -> Part<'_> {
        let text = self.text.as_str();
        match self.kind {
            Kind::Refusal => Part::Refusal { refusal: text },
            Kind::Thinking => Part::SummaryText { text },
            Kind::Text | Kind::Call(_) => {
                Part::OutputText { text, annotations: &self.annotations, logprobs: [] }
            }
        }
    }

    /// Gives a call without arguments an empty object: clients read them as JSON. Tells whether it was one.
    pub(super) fn fill(&mut self) -> bool {
        let is_empty = self.text.is_empty() && matches!(&self.kind, Kind::Call(start) if !start.freeform);
        if is_empty {
            self.text.push_str("{}");
        }
        is_empty
    }

    /// The item as it begins.
    pub(super) fn begun(&self) -> Box<RawValue> {
        self.wire(IN_PROGRESS, Vec::new(), None).to_raw()
    }

    /// The item at its end, with the further fields of the one that the vendor minted. Foreign state takes the place of
    /// encrypted thoughts.
    pub(super) fn ended(&self, status: &'static str, state: Option<&Opaque>) -> Box<RawValue> {
        let is_silent = matches!(self.kind, Kind::Thinking) && self.text.is_empty();
        let parts = || if is_silent { Vec::new() } else { vec![self.part()] };
        let state = state.map(|state| state.data.as_str());
        let minted = state.and_then(|state| self.wire(status, parts(), None).with_fields_of(state));
        minted.unwrap_or_else(|| self.wire(status, parts(), state).to_raw())
    }

    fn wire<'a>(&'a self, status: &'static str, parts: Vec<Part<'a>>, state: Option<&'a str>) -> Wire<'a> {
        let Self { id, text, .. } = self;
        match &self.kind {
            Kind::Text | Kind::Refusal => Wire::Message { id, status, role: "assistant", content: parts },
            Kind::Thinking => Wire::Reasoning { id, summary: parts, encrypted_content: state },
            Kind::Call(start) => {
                let (call_id, name, namespace) = (&start.id, &start.name, start.namespace.as_deref());
                if start.freeform {
                    Wire::CustomToolCall { id, status, call_id, name, namespace, input: text }
                } else {
                    Wire::FunctionCall { id, status, call_id, name, namespace, arguments: text }
                }
            }
        }
    }
}

/// A part that only its vendor understands: an item of this vendor's as it came, or the state of another that stands
/// in the place of encrypted thoughts.
pub(super) fn kept(state: &Opaque, reply: &str, at: usize) -> Box<RawValue> {
    let raw = RawValue::from_string(state.data.clone()).ok();
    let own = raw.filter(|raw| state.provider == ModelProvider::OpenAI && kept_kind(raw).is_some());
    own.unwrap_or_else(|| Item::new(Kind::Thinking, reply, at).ended(COMPLETED, Some(state)))
}

/// An annotation of this dialect as it came, or one that is made of an address.
fn annotation(citation: &Citation, text: &str) -> Option<Box<RawValue>> {
    let raw = citation.raw.as_ref().and_then(|raw| RawValue::from_string(raw.clone()).ok());
    // Chat nests what this dialect has beside the type.
    let is_own = |kind: &str, raw: &RawValue| match kind {
        UrlCitation::TYPE => !raw.get().contains(r#""url_citation":{"#),
        kind => kind.ends_with("_citation") || kind == "file_path",
    };
    let own = raw.filter(|raw| kept_kind(raw).is_some_and(|kind| is_own(&kind, raw)));
    own.or_else(|| {
        let url_citation = frames::url_citation(citation, text.chars().count())?;
        to_raw_value(&Annotation { r#type: UrlCitation::TYPE, url_citation }).ok()
    })
}
