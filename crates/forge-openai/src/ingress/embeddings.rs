//! Embeddings: requests that go on as they are, to whoever speaks the API.

use bytes::Bytes;
use forge_core::{
    ModelRequest,
    request::{Carried, InvalidBody, Outline},
};
use forge_http::ingress::{
    Incoming, ReplyHead,
    scan::{self, Fields, place},
};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::chat_render::ChatReply;
use crate::relay;

/// Looks over a request.
pub(super) fn request(body: &Bytes, head: &ReplyHead) -> Result<Incoming, InvalidBody> {
    let mut fields = Body::default();
    let missing = |name: &str| InvalidBody::new(format!("`{name}` is missing"));
    if !scan::scan(body, &mut fields)? {
        return Err(InvalidBody::new("the body has to be an object"));
    }
    let raw = fields.model.ok_or_else(|| missing("model"))?;
    let model: String =
        serde_json::from_str(raw.get()).map_err(|_| InvalidBody::new("`model` has to be a text"))?;
    let input = fields.input.ok_or_else(|| missing("input"))?;
    // Nothing is written, and no text comes back.
    let mut outline = Outline::default();
    (outline.max_tokens, outline.may_be_silent) = (Some(0), true);
    outline.size.add_text(input);
    let place = place(body, raw.get()).ok_or_else(|| missing("model"))?;
    let carried = Carried::as_it_is(relay::EMBEDDINGS, body.clone(), place, outline);
    let reply = Box::new(ChatReply::new(head, &model, false));
    Ok(Incoming { model, request: ModelRequest::carry(carried), unknown: Vec::new(), reply })
}

/// What a body says on its top level.
#[derive(Default)]
struct Body<'a> {
    model: Option<&'a RawValue>,
    /// The bytes of the texts, or of the tokens as they are written.
    input: Option<u64>,
}

impl<'de> Fields<'de> for Body<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "model" => self.model = Some(map.next_value()?),
            "input" => self.input = Some(scan::json(map)?),
            _ => drop(scan::json(map)?),
        }
        Ok(())
    }
}
