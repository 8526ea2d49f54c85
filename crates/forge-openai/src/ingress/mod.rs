//! The dialects from the other side: a server reads requests of them and writes their replies.
//!
//! Thoughts that a client sends back count as minted by the model that it names. What of a request has no place in a
//! common one is in its extra fields for `OpenAI`.
//!
//! ```
//! use bytes::Bytes;
//! use forge_http::ingress::ReplyHead;
//! use forge_openai::ingress::CHAT;
//! use http::Uri;
//!
//! let head = ReplyHead { id: "1".into(), created: chrono::DateTime::UNIX_EPOCH };
//! let body = Bytes::from(r#"{"model": "coder", "messages": [{"role": "user", "content": "Hi"}]}"#);
//! let incoming = (CHAT.parse)(&body, &Uri::from_static("/v1/chat/completions"), &head)?;
//! assert_eq!((incoming.model.as_str(), incoming.request.messages.len()), ("coder", 1));
//! # Ok::<(), forge_core::request::InvalidBody>(())
//! ```

mod chat_carry;
mod chat_parse;
mod chat_render;
mod content;
mod embeddings;
mod final_response;
mod frames;
mod outline;
mod refuse;
mod responses_carry;
mod responses_item;
mod responses_parse;
mod responses_render;
pub mod stored;
#[cfg(test)]
mod tests;
mod tools;

use bytes::Bytes;
use forge_core::{ModelProvider, ModelRequest, request::InvalidBody};
use forge_http::{
    from_json,
    ingress::{Incoming, Ingress, Render, ReplyHead, body},
};
use serde_json::{Map, Value};

use self::{chat_render::ChatReply, responses_render::ResponsesReply};
use crate::{
    relay,
    wire::{answer_responses::InputTokens, incoming::Place, incoming_chat::is_of_responses},
};

const REQUEST_ID: &str = "x-request-id";

/// Fields that both APIs of the vendor take. The others of Chat would be refused where a call is made through Responses, as
/// those to newer models are.
const OF_BOTH: [&str; 6] =
    ["metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "user"];

fn is_of_both(name: &str) -> bool {
    OF_BOTH.contains(&name)
}

/// Chat Completions. A body in the form of the Responses API is read, too, and answered in the form of Chat.
pub const CHAT: Ingress = Ingress {
    dialect: relay::CHAT,
    vendor: ModelProvider::OpenAI,
    request_id: REQUEST_ID,
    carry: |body, _, head| chat_carry::request(body, head),
    parse: |body, _, head| chat(body, head),
    // The API has no count of its own.
    count,
    refuse: refuse::chat,
};

/// Responses. Nothing is stored: a request that goes on from something stored is refused, unless [`stored`] has read it.
pub const RESPONSES: Ingress = Ingress {
    dialect: relay::RESPONSES,
    vendor: ModelProvider::OpenAI,
    request_id: REQUEST_ID,
    carry: |body, _, head| responses_carry::request(body, head),
    parse: |body, _, head| responses(body, head),
    count,
    refuse: refuse::responses,
};

/// Embeddings. They go on as they are, and to nobody who does not speak the API.
pub const EMBEDDINGS: Ingress = Ingress {
    dialect: relay::EMBEDDINGS,
    vendor: ModelProvider::OpenAI,
    request_id: REQUEST_ID,
    carry: |body, _, head| embeddings::request(body, head).map(Some),
    parse: |body, _, head| embeddings::request(body, head),
    count,
    refuse: refuse::chat,
};

/// What a body asks for.
#[derive(Debug)]
struct Asked {
    model: String,
    request: ModelRequest,
    /// The fields that have no place in the request.
    unknown: Map<String, Value>,
    /// Whether a stream of Chat ends with the tokens.
    include_usage: bool,
}

impl Asked {
    /// The request, with those of its own fields of the vendor for which `goes_on` holds.
    fn into_incoming(mut self, reply: Box<dyn Render>, goes_on: impl Fn(&str) -> bool) -> Incoming {
        let unknown = self.unknown.keys().cloned().collect();
        let model = std::mem::take(&mut self.model);
        Incoming { model, request: self.into_request(goes_on), unknown, reply }
    }

    /// The request alone.
    fn into_request(mut self, goes_on: impl Fn(&str) -> bool) -> ModelRequest {
        self.unknown.retain(|name, _| goes_on(name));
        self.request.extra.lay_over(ModelProvider::OpenAI, &self.unknown);
        self.request
    }
}

fn chat(body: &Bytes, head: &ReplyHead) -> Result<Incoming, InvalidBody> {
    let fields = fields(body)?;
    let read = if is_of_responses(&fields) { responses_parse::read } else { chat_parse::read };
    let asked = read(fields)?;
    let reply = Box::new(ChatReply::new(head, &asked.model, asked.include_usage));
    Ok(asked.into_incoming(reply, is_of_both))
}

fn responses(body: &Bytes, head: &ReplyHead) -> Result<Incoming, InvalidBody> {
    let asked = responses_parse::read(fields(body)?)?;
    let reply = Box::new(ResponsesReply::new(head, &asked.model, &asked.request));
    Ok(asked.into_incoming(reply, |_| true))
}

fn count(input_tokens: u64) -> Vec<u8> {
    body(&InputTokens { object: InputTokens::OBJECT, input_tokens })
}

fn fields(body: &[u8]) -> Result<Map<String, Value>, InvalidBody> {
    let value = from_json(body).map_err(|error| InvalidBody::new(format!("it is no JSON: {error}")))?;
    Place::Body.object(value)
}
