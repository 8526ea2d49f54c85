//! The Gemini API from the side of a server: requests of its clients, and replies to them.
//!
//! Its clients say in the address which model they want and whether the reply is a stream. State that they send back counts as
//! minted by the model that they name.
//!
//! ```
//! use bytes::Bytes;
//! use forge_google::ingress::GEMINI;
//! use forge_http::ingress::ReplyHead;
//! use http::Uri;
//!
//! let head = ReplyHead { id: "1".into(), created: chrono::DateTime::UNIX_EPOCH };
//! let uri = Uri::from_static("/v1beta/models/role:coder:streamGenerateContent?alt=sse");
//! let body = Bytes::from(r#"{"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}"#);
//! let incoming = (GEMINI.parse)(&body, &uri, &head)?;
//! assert_eq!((incoming.model.as_str(), incoming.request.messages.len()), ("role:coder", 1));
//! # Ok::<(), forge_core::request::InvalidBody>(())
//! ```

mod address;
mod calls;
mod carry;
mod content;
mod end;
mod openapi;
mod outline;
mod parse;
mod refuse;
mod render;
mod settings;
#[cfg(test)]
mod tests;
mod tools;

use forge_core::ModelProvider;
use forge_http::ingress::{Ingress, body};

use crate::{relay, wire::answer::TotalTokens};

/// Gemini's `generateContent`, as a server speaks it: whole, as server-sent events (`alt=sse`), and as a list that grows.
///
/// Names of fields are taken in both spellings of the vendor's, and schemas in both of its forms.
pub const GEMINI: Ingress = Ingress {
    dialect: relay::DIALECT,
    vendor: ModelProvider::Google,
    request_id: "x-request-id",
    carry: |body, parts, head| carry::request(body, &parts.uri, head),
    parse: parse::request,
    count: |total_tokens| body(&TotalTokens { total_tokens }),
    refuse: refuse::refuse,
};
