//! Responses: requests that go on in the bytes of their clients.

use bytes::Bytes;
use forge_core::{
    ModelId, ModelProvider, ModelRequest,
    request::{Carried, Delivery, Effort, InvalidBody, Outline},
};
use forge_http::ingress::{
    Incoming, ReplyHead,
    scan::{self, Fields, is_sealed, place},
};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::{
    outline::{Choice, Content, Format, Seen, System, Tool},
    responses_parse,
    responses_render::ResponsesReply,
};
use crate::{relay, wire::incoming_responses::is_our_id};

/// Fields that need a store. Whoever reads them says that there is none.
const STORED: [&str; 3] = ["previous_response_id", "conversation", "background"];

/// Looks over a request. `None` is one that has to be read.
pub(super) fn request(body: &Bytes, head: &ReplyHead) -> Result<Option<Incoming>, InvalidBody> {
    let mut fields = Body::default();
    if !scan::scan(body, &mut fields)? {
        return Ok(None);
    }
    Ok(fields.incoming(body, head))
}

/// What a body says on its top level.
#[derive(Default)]
struct Body<'a> {
    model: Option<&'a RawValue>,
    streams: bool,
    has_input: bool,
    stores: Option<bool>,
    outline: Outline,
    items: Items,
    /// What stands beside the conversation, as far as routing depends on it.
    settings: ModelRequest,
}

impl Body<'_> {
    fn incoming(self, body: &Bytes, head: &ReplyHead) -> Option<Incoming> {
        let Self { model, streams, has_input, stores, mut outline, items, settings } = self;
        let raw = model?;
        let model: String = serde_json::from_str(raw.get()).ok()?;
        if !has_input || stores == Some(true) || items.seen.is_read || is_sealed(body) {
            return None;
        }
        items.note(&mut outline, &ModelId::from(model.as_str()));
        let mut carried =
            Carried::new(relay::RESPONSES, body.clone(), place(body, raw.get())?, outline, read)
                .with_delivery(if streams { Delivery::Stream } else { Delivery::Whole });
        // The vendor stores unless it is told not to.
        carried.added.extend(stores.is_none().then_some(relay::NOT_STORED));
        let mut request = ModelRequest::carry(carried);
        request.sampling = settings.sampling;
        request.effort = settings.effort;
        request.extra = settings.extra;
        let reply = Box::new(ResponsesReply::new(head, &model, &request));
        Some(Incoming { model, request, unknown: Vec::new(), reply })
    }
}

fn read(body: &Bytes) -> Result<ModelRequest, InvalidBody> {
    Ok(responses_parse::read(super::fields(body)?)?.into_request(|_| true))
}

impl<'de> Fields<'de> for Body<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { outline, items, settings, .. } = self;
        match name {
            "model" => self.model = Some(map.next_value()?),
            "stream" => self.streams = map.next_value::<Option<bool>>()?.unwrap_or(false),
            "store" => match map.next_value::<Option<bool>>()? {
                None => self.items.seen.is_read = true,
                store => self.stores = store,
            },
            "max_output_tokens" => match map.next_value::<Option<u32>>()? {
                // A limit that budgets ask for could not be added to the body.
                None => self.items.seen.is_read = true,
                most => outline.max_tokens = most,
            },
            "temperature" => settings.sampling.temperature = map.next_value()?,
            "top_p" => settings.sampling.top_p = map.next_value()?,
            "instructions" => {
                let mut system = System { size: &mut outline.size, prefix: &mut items.seen.prefix };
                scan::look(map, &mut system)?;
            }
            "input" => {
                self.has_input = true;
                scan::look(map, items)?;
            }
            "tools" => scan::look(map, &mut Tool(&mut items.seen))?,
            "tool_choice" => scan::look(map, &mut Choice(&mut outline.forced_tool))?,
            "reasoning" => scan::look(map, &mut Reasoning { settings, is_read: &mut items.seen.is_read })?,
            "text" => scan::look(map, &mut Text(outline))?,
            "service_tier" => {
                if let Some(tier) = map.next_value::<Option<String>>()? {
                    settings.extra.insert(ModelProvider::OpenAI, name, tier);
                }
            }
            _ => {
                self.items.seen.is_read |= STORED.contains(&name);
                scan::json(map)?;
            }
        }
        Ok(())
    }
}

struct Reasoning<'s> {
    settings: &'s mut ModelRequest,
    is_read: &'s mut bool,
}

impl<'de> Fields<'de> for Reasoning<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if name != "effort" {
            return scan::json(map).map(|_| ());
        }
        if let Some(word) = map.next_value::<Option<String>>()? {
            self.settings.effort = Effort::ALL.into_iter().find(|level| level.as_str() == word);
            *self.is_read |= self.settings.effort.is_none();
        }
        Ok(())
    }
}

struct Text<'s>(&'s mut Outline);

impl<'de> Fields<'de> for Text<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "format" => scan::look(map, &mut Format(self.0)),
            _ => scan::json(map).map(|_| ()),
        }
    }
}

/// The items of a conversation.
#[derive(Default)]
struct Items {
    seen: Seen,
    count: usize,
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
    fn note(self, outline: &mut Outline, model: &ModelId) {
        self.seen.note(outline);
        outline.may_be_silent = self.result;
        outline.minted_by = self.state.then(|| (ModelProvider::OpenAI, model.clone()));
    }
}

impl<'de> Fields<'de> for Items {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.seen.size.add_text(name.len() as u64 + 6);
        match name {
            "type" => scan::look(map, &mut Kind(self))?,
            "id" => scan::look(map, &mut Id(&mut self.seen.is_read))?,
            "content" | "output" => scan::look(map, &mut Content::new(&mut self.seen))?,
            "tools" => scan::look(map, &mut Tool(&mut self.seen))?,
            "encrypted_content" => {
                let length = scan::length(map)?;
                self.has_state = length > 0;
                self.state |= self.has_state;
                self.seen.size.add_state(length);
            }
            _ => {
                let length = scan::json(map)?;
                self.seen.size.add_text(length);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.seen.is_first = true;
        self.seen.size.add_message();
        self.seen.said(text);
    }

    fn begin(&mut self) {
        self.count += 1;
        self.seen.is_first = self.count == 1;
        (self.result, self.thought, self.has_state) = (false, false, false);
        self.seen.size.add_message();
    }

    fn end(&mut self) {
        // Thoughts without state are in the vendor's store alone, where nothing is.
        self.seen.is_read |= self.thought && !self.has_state;
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
        self.0.seen.is_read |= kind == "item_reference";
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
