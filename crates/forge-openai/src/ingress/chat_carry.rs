//! Chat Completions: requests that go on in the bytes of their clients.

use std::borrow::Cow;

use bytes::Bytes;
use forge_core::{
    ModelProvider, ModelRequest,
    request::{Carried, Delivery, Effort, InvalidBody, Outline},
};
use forge_http::ingress::{
    Incoming, ReplyHead,
    scan::{self, Fields, is_sealed, place},
};
use serde::{Deserialize, de::MapAccess};
use serde_json::value::RawValue;

use super::{
    chat_parse,
    chat_render::ChatReply,
    outline::{Choice, Content, Format, Seen, System, Tool},
};
use crate::{outgoing::CallIds, relay};

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
    stores: bool,
    /// What a stream is to have beside the answer.
    options: Option<StreamOptions>,
    outline: Outline,
    turns: Turns,
    /// What stands beside the conversation, as far as routing depends on it.
    settings: ModelRequest,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// Texts that end the answer.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

impl Body<'_> {
    fn incoming(self, body: &Bytes, head: &ReplyHead) -> Option<Incoming> {
        let Self { model, streams, stores, options, mut outline, turns, settings } = self;
        let raw = model?;
        let model: String = serde_json::from_str(raw.get()).ok()?;
        let include_usage = options.is_some();
        // Nothing can be added to options that are there.
        let is_whole = options.is_none_or(|options| streams && options.include_usage == Some(true));
        if turns.count == 0 || !is_whole || turns.seen.is_read || is_sealed(body) {
            return None;
        }
        turns.note(&mut outline);
        let mut carried = Carried::new(relay::CHAT, body.clone(), place(body, raw.get())?, outline, read)
            .with_delivery(if streams { Delivery::Stream } else { Delivery::Whole });
        carried.added.extend((!stores).then_some(relay::NOT_STORED));
        // Without it nobody would know what a stream costs.
        carried.added.extend((streams && !include_usage).then_some(relay::USAGE));
        let mut request = ModelRequest::carry(carried);
        request.sampling = settings.sampling;
        request.stop_sequences = settings.stop_sequences;
        request.effort = settings.effort;
        request.extra = settings.extra;
        let reply = Box::new(ChatReply::new(head, &model, include_usage));
        Some(Incoming { model, request, unknown: Vec::new(), reply })
    }
}

fn read(body: &Bytes) -> Result<ModelRequest, InvalidBody> {
    Ok(chat_parse::read(super::fields(body)?)?.into_request(super::is_of_both))
}

impl<'de> Fields<'de> for Body<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { outline, turns, settings, .. } = self;
        let (seen, sampling) = (&mut turns.seen, &mut settings.sampling);
        match name {
            "model" => self.model = Some(map.next_value()?),
            "stream" => self.streams = map.next_value::<Option<bool>>()?.unwrap_or(false),
            "stream_options" => self.options = map.next_value()?,
            "messages" => {
                (turns.count, turns.spoken) = (0, 0);
                scan::look(map, turns)?;
            }
            "max_tokens" | "max_completion_tokens" => match map.next_value::<Option<u32>>()? {
                // A limit that budgets ask for could not be added to the body.
                None => seen.is_read = true,
                most => outline.max_tokens = most,
            },
            // The vendor would keep the chat.
            "store" => {
                self.stores = true;
                seen.is_read |= map.next_value::<Option<bool>>()? != Some(false);
            }
            "n" => seen.is_read |= map.next_value::<Option<u64>>()?.is_some_and(|n| n != 1),
            "stop" => {
                settings.stop_sequences = match map.next_value::<Option<Stop>>()? {
                    None => Vec::new(),
                    Some(Stop::One(text)) => vec![text],
                    Some(Stop::Several(texts)) => texts,
                };
            }
            "temperature" => sampling.temperature = map.next_value()?,
            "top_p" => sampling.top_p = map.next_value()?,
            "top_k" => sampling.top_k = map.next_value()?,
            "seed" => sampling.seed = map.next_value()?,
            "presence_penalty" => sampling.presence_penalty = map.next_value()?,
            "frequency_penalty" => sampling.frequency_penalty = map.next_value()?,
            "reasoning_effort" => {
                if let Some(word) = map.next_value::<Option<Cow<'_, str>>>()? {
                    settings.effort = Effort::ALL.into_iter().find(|level| level.as_str() == word);
                    seen.is_read |= settings.effort.is_none();
                }
            }
            "tools" => scan::look(map, &mut Tool(seen))?,
            "tool_choice" => scan::look(map, &mut Choice(&mut outline.forced_tool))?,
            "response_format" => scan::look(map, &mut Format(outline))?,
            "service_tier" => {
                if let Some(tier) = map.next_value::<Option<String>>()? {
                    settings.extra.insert(ModelProvider::OpenAI, name, tier);
                }
            }
            _ => {
                seen.is_read |= name == "modalities";
                scan::json(map)?;
            }
        }
        Ok(())
    }
}

/// The messages of a chat.
#[derive(Default)]
struct Turns {
    seen: Seen,
    count: usize,
    /// How many of them are not instructions.
    spoken: usize,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Role {
    System,
    Tool,
    #[default]
    Other,
}

impl Turns {
    fn note(self, outline: &mut Outline) {
        self.seen.note(outline);
        outline.may_be_silent = self.role == Role::Tool;
    }
}

impl<'de> Fields<'de> for Turns {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { seen, .. } = self;
        seen.size.add_text(name.len() as u64 + 6);
        match name {
            "role" => {
                scan::look(map, &mut self.role)?;
                self.spoken += usize::from(self.role != Role::System);
                self.seen.is_first = self.spoken <= 1;
            }
            "content" if self.role == Role::System => {
                let prefix = &mut seen.prefix;
                scan::look(map, &mut System { size: &mut seen.size, prefix })?;
            }
            "content" if self.role == Role::Tool => scan::look(map, &mut Content::plain(seen))?,
            "content" => scan::look(map, &mut Content::new(seen))?,
            "tool_calls" => scan::look(map, &mut Call(seen))?,
            "tool_call_id" => scan::look(map, &mut Id(seen))?,
            // The vendor has no thoughts in its chats, and refuses those of others.
            "reasoning_content" | "reasoning_details" => {
                seen.is_read = true;
                scan::json(map)?;
            }
            _ => {
                let length = scan::json(map)?;
                seen.size.add_text(length);
            }
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.count += 1;
        self.role = Role::default();
        self.seen.size.add_message();
    }
}

impl<'de> Fields<'de> for Role {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        scan::json(map).map(|_| ())
    }

    fn text(&mut self, role: &str) {
        *self = match role {
            "system" | "developer" => Self::System,
            "tool" => Self::Tool,
            _ => Self::Other,
        };
    }
}

/// A call of a tool.
struct Call<'s>(&'s mut Seen);

impl<'de> Fields<'de> for Call<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if name == "id" {
            return scan::look(map, &mut Id(self.0));
        }
        // State of another vendor's model.
        self.0.is_read |= name == "extra_content";
        let length = scan::json(map)?;
        self.0.size.add_text(name.len() as u64 + length);
        Ok(())
    }
}

/// The id of a call. Those of other vendors may be longer than this one takes.
struct Id<'s>(&'s mut Seen);

impl<'de> Fields<'de> for Id<'_> {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        scan::json(map).map(|_| ())
    }

    fn text(&mut self, id: &str) {
        self.0.size.add_text(id.len() as u64);
        self.0.is_read |= id.len() > CallIds::OPENAI.longest;
    }
}
