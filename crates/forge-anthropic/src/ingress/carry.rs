//! Requests of clients that go on in their own bytes.

use bytes::Bytes;
use forge_core::{
    ModelId, ModelProvider, ModelRequest,
    request::{Carried, Delivery, Effort, InvalidBody, Outline, Prefix},
};
use forge_http::{
    LONGEST_WHOLE,
    ingress::{
        Incoming, ReplyHead, carried_headers,
        scan::{self, Fields, is_sealed, place},
    },
};
use http::request::Parts;
use serde::{Deserialize, de::MapAccess};
use serde_json::value::RawValue;

use super::{
    outline::{Turns, is_mark},
    parse,
    render::Renderer,
};
use crate::relay;

/// Headers of a client that the vendor is to see: its body is written for this version, and for these parts of it.
const HEADERS: [&str; 2] = ["anthropic-version", "anthropic-beta"];

/// What stands around a name or a text.
const AROUND: u64 = 3;

/// Fields that change the price of a call.
const PRICED: [&str; 3] = ["service_tier", "inference_geo", "speed"];

/// Looks over a request. `None` is one that has to be read.
pub(super) fn request(
    body: &Bytes,
    parts: &Parts,
    head: &ReplyHead,
) -> Result<Option<Incoming>, InvalidBody> {
    let mut fields = Body::default();
    if !scan::scan(body, &mut fields)? {
        return Ok(None);
    }
    Ok(fields.incoming(body, parts, head))
}

/// What a body says on its top level.
#[derive(Default)]
struct Body<'a> {
    model: Option<&'a RawValue>,
    streams: bool,
    has_messages: bool,
    outline: Outline,
    turns: Turns,
    /// What stands beside the conversation, as far as routing depends on it.
    settings: ModelRequest,
    thinks: bool,
}

impl Body<'_> {
    fn incoming(self, body: &Bytes, parts: &Parts, head: &ReplyHead) -> Option<Incoming> {
        let Self { model, streams, has_messages, mut outline, turns, settings, thinks } = self;
        let raw = model?;
        let model: String = serde_json::from_str(raw.get()).ok()?;
        let delivery = if streams { Delivery::Stream } else { Delivery::Whole };
        // A longer one is asked for as a stream, for which the request has to be read.
        let most = outline.max_tokens.filter(|most| streams || u64::from(*most) <= LONGEST_WHOLE);
        // What has to be read is sealed, or was written by another vendor, which signs no thoughts.
        if most.is_none() || !has_messages || turns.unsigned || is_sealed(body) {
            return None;
        }
        turns.note(&mut outline, &ModelId::from(model.as_str()));
        let carried = Carried::new(relay::DIALECT, body.clone(), place(body, raw.get())?, outline, read)
            .with_delivery(delivery)
            .with_headers(carried_headers(&parts.headers, &HEADERS));
        let mut request = ModelRequest::carry(carried);
        request.sampling = settings.sampling;
        request.stop_sequences = settings.stop_sequences;
        request.thinking_budget = settings.thinking_budget;
        request.effort = settings.effort.or(thinks.then_some(Effort::High));
        request.extra = settings.extra;
        let reply = Box::new(Renderer::new(head, &model));
        Some(Incoming { model, request, unknown: Vec::new(), reply })
    }
}

fn read(body: &Bytes) -> Result<ModelRequest, InvalidBody> {
    parse::read(body).map(|asked| asked.request)
}

impl<'de> Fields<'de> for Body<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "model" => self.model = Some(map.next_value()?),
            "stream" => self.streams = map.next_value::<Option<bool>>()?.unwrap_or(false),
            "max_tokens" => self.outline.max_tokens = map.next_value()?,
            "temperature" => self.settings.sampling.temperature = map.next_value()?,
            "top_p" => self.settings.sampling.top_p = map.next_value()?,
            "top_k" => self.settings.sampling.top_k = map.next_value()?,
            "stop_sequences" => {
                self.settings.stop_sequences = map.next_value::<Option<_>>()?.unwrap_or_default();
            }
            "system" => {
                scan::look(map, &mut System { outline: &mut self.outline, prefix: &mut self.turns.prefix })?;
            }
            // The vendor places marks of its own then.
            "cache_control" => self.outline.cache_marks |= is_mark(map)?,
            "messages" => {
                self.has_messages = true;
                scan::look(map, &mut self.turns)?;
            }
            "tools" => {
                scan::look(map, &mut Tool { outline: &mut self.outline, prefix: &mut self.turns.prefix })?;
            }
            "tool_choice" => scan::look(map, &mut Choice(&mut self.outline.forced_tool))?,
            "thinking" => self.think(map.next_value()?),
            "output_config" => scan::look(map, &mut Output(self))?,
            _ if PRICED.contains(&name) => {
                if let Some(word) = map.next_value::<Option<String>>()? {
                    self.settings.extra.insert(ModelProvider::Anthropic, name, word);
                }
            }
            _ => {
                scan::json(map)?;
            }
        }
        Ok(())
    }
}

/// How thinking is asked for.
#[derive(Deserialize)]
struct Thinking<'a> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'a, str>,
    #[serde(default)]
    budget_tokens: Option<u32>,
}

impl Body<'_> {
    fn think(&mut self, thinking: Option<Thinking<'_>>) {
        let Some(Thinking { r#type, budget_tokens }) = thinking else { return };
        self.settings.thinking_budget = budget_tokens;
        match &*r#type {
            "adaptive" => self.thinks = true,
            "disabled" => self.settings.effort = Some(Effort::None),
            _ => {}
        }
    }
}

struct System<'s> {
    outline: &'s mut Outline,
    prefix: &'s mut Prefix,
}

impl<'de> Fields<'de> for System<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "text" => scan::look(map, self)?,
            "cache_control" => self.outline.cache_marks |= is_mark(map)?,
            _ => {
                scan::json(map)?;
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.outline.size.add_text(text.len() as u64);
        if !text.is_empty() {
            self.prefix.system(text);
        }
    }
}

struct Tool<'s> {
    outline: &'s mut Outline,
    prefix: &'s mut Prefix,
}

impl<'de> Fields<'de> for Tool<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        self.outline.size.add_text(name.len() as u64 + AROUND);
        match name {
            "name" => scan::look(map, self)?,
            "cache_control" => self.outline.cache_marks |= is_mark(map)?,
            _ => {
                let length = scan::json(map)?;
                self.outline.size.add_text(length);
            }
        }
        Ok(())
    }

    fn text(&mut self, name: &str) {
        self.outline.size.add_text(name.len() as u64 + AROUND);
        self.prefix.tool(name);
    }

    fn begin(&mut self) {
        self.outline.size.add_text(AROUND);
        if !std::mem::replace(&mut self.outline.tools, true) {
            self.outline.size.add_tools_frame();
        }
    }
}

struct Choice<'s>(&'s mut bool);

impl<'de> Fields<'de> for Choice<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => scan::look(map, self),
            _ => scan::json(map).map(|_| ()),
        }
    }

    fn text(&mut self, word: &str) {
        *self.0 = matches!(word, "any" | "tool");
    }
}

struct Output<'s, 'a>(&'s mut Body<'a>);

impl<'de> Fields<'de> for Output<'_, '_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let Body { outline, settings, .. } = &mut *self.0;
        match name {
            "effort" => {
                let word = map.next_value::<Option<String>>()?;
                let known = |word: String| Effort::ALL.into_iter().find(|level| level.as_str() == word);
                settings.effort = word.and_then(known);
            }
            "format" => scan::look(map, &mut Format(outline))?,
            _ => {
                scan::json(map)?;
            }
        }
        Ok(())
    }
}

struct Format<'s>(&'s mut Outline);

impl<'de> Fields<'de> for Format<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let length = scan::json(map)?;
        self.0.size.add_text(name.len() as u64 + length);
        Ok(())
    }

    fn begin(&mut self) {
        self.0.schema = true;
        self.0.size.add_tools_frame();
    }
}
