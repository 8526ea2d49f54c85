//! The Messages API from the side of a server: requests of its clients, and replies to them.

mod carry;
mod outline;
mod parse;
mod refuse;
mod render;
#[cfg(test)]
mod tests;

use forge_core::ModelProvider;
use forge_http::ingress::{Ingress, body};

use crate::{relay, wire::answer::InputTokens};

/// Anthropic's Messages, as a server speaks them.
///
/// Both versions of the API are taken (2023-06-01 and 2026-10-21): what the newer one refuses is refused by the vendor, and
/// other vendors take it.
pub const MESSAGES: Ingress = Ingress {
    dialect: relay::DIALECT,
    vendor: ModelProvider::Anthropic,
    request_id: "request-id",
    carry: carry::request,
    parse: |body, _, head| parse::request(body, head),
    count: |input_tokens| body(&InputTokens { input_tokens }),
    refuse: refuse::refuse,
};
