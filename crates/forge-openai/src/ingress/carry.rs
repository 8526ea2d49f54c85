//! Requests of clients that go on in their own bytes.

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
    outline::{Items, System, Tool},
    responses_parse,
    responses_render::ResponsesReply,
};
use crate::relay;

/// Fields that need a store. Whoever reads them says that there is none.
const STORED: [&str; 3] = ["previous_response_id", "conversation", "background"];

/// Looks over a request. `None` is one that has to be read.
pub(super) fn responses(body: &Bytes, head: &ReplyHead) -> Result<Option<Incoming>, InvalidBody> {
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
    /// Something stands there that only a reader can judge.
    is_read: bool,
    outline: Outline,
    items: Items,
    /// What stands beside the conversation, as far as routing depends on it.
    settings: ModelRequest,
}

impl Body<'_> {
    fn incoming(self, body: &Bytes, head: &ReplyHead) -> Option<Incoming> {
        let Self { model, streams, has_input, stores, is_read, mut outline, items, settings } = self;
        let raw = model?;
        let model: String = serde_json::from_str(raw.get()).ok()?;
        // A whole reply may take longer than anybody waits for one, so that it is asked for as a stream.
        if !streams || !has_input || is_read || stores == Some(true) || items.is_read || is_sealed(body) {
            return None;
        }
        items.note(&mut outline, &ModelId::from(model.as_str()));
        let mut carried =
            Carried::new(relay::RESPONSES, body.clone(), place(body, raw.get())?, outline, read)
                .with_delivery(Delivery::Stream);
        // The vendor stores unless it is told not to.
        carried.added.extend(stores.is_none().then_some(("store", "false")));
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
                None => self.is_read = true,
                store => self.stores = store,
            },
            "max_output_tokens" => match map.next_value::<Option<u32>>()? {
                // A limit that budgets ask for could not be added to the body.
                None => self.is_read = true,
                most => outline.max_tokens = most,
            },
            "temperature" => settings.sampling.temperature = map.next_value()?,
            "top_p" => settings.sampling.top_p = map.next_value()?,
            "instructions" => {
                let mut system = System { size: &mut outline.size, prefix: &mut items.prefix };
                scan::look(map, &mut system)?;
            }
            "input" => {
                self.has_input = true;
                scan::look(map, items)?;
            }
            "tools" => scan::look(map, &mut Tool(items))?,
            "tool_choice" => scan::look(map, &mut Choice(&mut outline.forced_tool))?,
            "reasoning" => scan::look(map, &mut Reasoning { settings, is_read: &mut self.is_read })?,
            "text" => scan::look(map, &mut Text(outline))?,
            "service_tier" => {
                if let Some(tier) = map.next_value::<Option<String>>()? {
                    settings.extra.insert(ModelProvider::OpenAI, name, tier);
                }
            }
            _ => {
                self.is_read |= STORED.contains(&name);
                scan::json(map)?;
            }
        }
        Ok(())
    }
}

struct Choice<'s>(&'s mut bool);

impl<'de> Fields<'de> for Choice<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            // Of several tools that are allowed, one may be required.
            "mode" => scan::look(map, self),
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

struct Format<'s>(&'s mut Outline);

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
