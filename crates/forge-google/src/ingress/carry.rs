//! Requests of clients that go on in their own bytes.

use std::borrow::Cow;

use bytes::Bytes;
use forge_core::{
    ModelId, ModelRequest,
    request::{Carried, Delivery, Effort, InvalidBody, Outline},
};
use forge_http::ingress::{
    Incoming, ReplyHead,
    scan::{self, Fields, is_sealed},
};
use http::Uri;
use serde::{Deserialize, de::MapAccess};

use super::{
    address::{Asked, Framing, Verb},
    outline::{Contents, Instruction, ToolGroup},
    parse,
    render::Renderer,
    settings::level,
};
use crate::relay;

/// Looks over a request. `None` is one that has to be read.
pub(super) fn request(body: &Bytes, uri: &Uri, head: &ReplyHead) -> Result<Option<Incoming>, InvalidBody> {
    let Asked { model, verb } = Asked::of(uri)?;
    let delivery = match verb {
        Verb::Stream(Framing::Events) => Delivery::Stream,
        Verb::Whole => Delivery::Whole,
        // A list is written anew: its vendor is asked for events.
        Verb::Stream(Framing::List) | Verb::Count => return Ok(None),
    };
    let mut fields = Body::default();
    if !scan::scan(body, &mut fields)? {
        return Ok(None);
    }
    Ok(fields.incoming(body, model, delivery, head))
}

/// What a body says on its top level.
#[derive(Default)]
struct Body {
    /// Something stands there that only a reader can judge.
    is_read: bool,
    stores: Option<bool>,
    outline: Outline,
    contents: Contents,
    /// What stands beside the conversation, as far as routing depends on it.
    settings: ModelRequest,
}

impl Body {
    fn incoming(self, body: &Bytes, model: String, delivery: Delivery, head: &ReplyHead) -> Option<Incoming> {
        let Self { is_read, stores, mut outline, contents, settings } = self;
        if is_read || stores == Some(true) || !contents.can_go_on() || is_sealed(body) {
            return None;
        }
        contents.note(&mut outline, &ModelId::from(model.as_str()));
        let named = ModelId::from(model.as_str());
        let read = move |body: &Bytes| parse::read(body, &named);
        // The address names the model.
        let mut carried =
            Carried::new(relay::DIALECT, body.clone(), 0..0, outline, read).with_delivery(delivery);
        // The vendor stores unless it is told not to.
        carried.added.extend(stores.is_none().then_some(("store", "false")));
        let mut request = ModelRequest::carry(carried);
        request.sampling = settings.sampling;
        request.stop_sequences = settings.stop_sequences;
        request.effort = settings.effort;
        request.thinking_budget = settings.thinking_budget;
        request.show_thinking = settings.show_thinking;
        let reply = Box::new(Renderer::new(head, &model, Framing::Events));
        Some(Incoming { model, request, unknown: Vec::new(), reply })
    }
}

impl<'de> Fields<'de> for Body {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { outline, contents, .. } = self;
        match name {
            "contents" => {
                contents.begin_again();
                scan::look(map, contents)
            }
            "systemInstruction" | "system_instruction" => {
                scan::look(map, &mut Instruction { size: &mut outline.size, prefix: &mut contents.prefix })
            }
            "tools" => scan::look(map, &mut ToolGroup { outline, prefix: &mut contents.prefix }),
            "toolConfig" | "tool_config" => scan::look(map, &mut ToolConfig(&mut outline.forced_tool)),
            "generationConfig" | "generation_config" => scan::look(map, &mut Config(self)),
            "store" => {
                self.stores = map.next_value()?;
                self.is_read |= self.stores.is_none();
                Ok(())
            }
            // What the vendor keeps, and what stands in the address.
            "cachedContent" | "cached_content" | "model" => {
                self.is_read = true;
                scan::json(map).map(|_| ())
            }
            _ => scan::json(map).map(|_| ()),
        }
    }
}

/// How functions may be called.
struct ToolConfig<'s>(&'s mut bool);

impl<'de> Fields<'de> for ToolConfig<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "functionCallingConfig" | "function_calling_config" | "mode" => scan::look(map, self),
            _ => scan::json(map).map(|_| ()),
        }
    }

    fn text(&mut self, mode: &str) {
        *self.0 = mode == "ANY";
    }
}

/// The settings of an answer.
struct Config<'s>(&'s mut Body);

/// How thinking is asked for.
#[derive(Deserialize)]
struct Thinking<'a> {
    #[serde(rename = "includeThoughts", alias = "include_thoughts")]
    shown: Option<bool>,
    #[serde(rename = "thinkingBudget", alias = "thinking_budget")]
    budget: Option<i64>,
    #[serde(rename = "thinkingLevel", alias = "thinking_level", borrow)]
    level: Option<Cow<'a, str>>,
}

impl<'de> Fields<'de> for Config<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let Body { is_read, outline, settings, .. } = &mut *self.0;
        let sampling = &mut settings.sampling;
        match name {
            "temperature" => sampling.temperature = map.next_value()?,
            "topP" | "top_p" => sampling.top_p = map.next_value()?,
            "topK" | "top_k" => sampling.top_k = map.next_value()?,
            "seed" => sampling.seed = map.next_value()?,
            "presencePenalty" | "presence_penalty" => sampling.presence_penalty = map.next_value()?,
            "frequencyPenalty" | "frequency_penalty" => sampling.frequency_penalty = map.next_value()?,
            "maxOutputTokens" | "max_output_tokens" => outline.max_tokens = map.next_value()?,
            "stopSequences" | "stop_sequences" => {
                settings.stop_sequences = map.next_value::<Option<_>>()?.unwrap_or_default();
            }
            "responseSchema" | "response_schema" | "responseJsonSchema" | "response_json_schema" => {
                let length = scan::json(map)?;
                outline.schema = true;
                outline.size.add_text(length);
                outline.size.add_tools_frame();
            }
            "thinkingConfig" | "thinking_config" => {
                if let Some(thinking) = map.next_value::<Option<Thinking<'_>>>()? {
                    *is_read |= !think(&thinking, settings);
                }
            }
            _ => {
                let reads =
                    ["candidateCount", "candidate_count", "responseModalities", "response_modalities"];
                *is_read |= reads.contains(&name);
                scan::json(map)?;
            }
        }
        Ok(())
    }
}

/// Takes over what is asked for; `false` if it is nothing that is known.
fn think(thinking: &Thinking<'_>, settings: &mut ModelRequest) -> bool {
    settings.show_thinking = thinking.shown;
    match thinking.budget {
        None | Some(-1) => {}
        Some(0) => settings.effort = Some(Effort::None),
        Some(budget) => settings.thinking_budget = u32::try_from(budget).ok(),
    }
    let Some(word) = &thinking.level else { return true };
    let level = level(word);
    settings.effort = level.or(settings.effort);
    level.is_some()
}
