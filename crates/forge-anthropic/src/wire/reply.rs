//! Bodies and events that come back. Everything may be missing and anything may be added.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    pub(crate) id: Option<String>,
    #[serde(borrow)]
    pub(crate) model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) content: Vec<&'a RawValue>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) stop_details: Option<StopDetails>,
    #[serde(default)]
    pub(crate) usage: Usage,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Block<'a> {
    #[serde(borrow)]
    pub(crate) r#type: Cow<'a, str>,
    #[serde(default)]
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) thinking: String,
    pub(crate) signature: Option<String>,
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(borrow)]
    pub(crate) input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) citations: Option<Vec<&'a RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Citation {
    pub(crate) url: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) document_title: Option<String>,
    pub(crate) cited_text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct StopDetails {
    pub(crate) category: Option<String>,
    pub(crate) explanation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: Option<u64>,
    pub(crate) cache_creation_input_tokens: Option<u64>,
    pub(crate) cache_read_input_tokens: Option<u64>,
    pub(crate) cache_creation: Option<CacheCreation>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) output_tokens_details: Option<OutputDetails>,
    pub(crate) server_tool_use: Option<ServerToolUse>,
    pub(crate) service_tier: Option<String>,
    pub(crate) inference_geo: Option<String>,
    pub(crate) speed: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct ServerToolUse {
    pub(crate) web_search_requests: Option<u32>,
    pub(crate) web_fetch_requests: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct CacheCreation {
    pub(crate) ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct OutputDetails {
    pub(crate) thinking_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TypeOnly<'a> {
    #[serde(borrow)]
    pub(crate) r#type: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MessageStart<'a> {
    #[serde(borrow)]
    pub(crate) message: Message<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BlockStart<'a> {
    pub(crate) index: u32,
    #[serde(borrow)]
    pub(crate) content_block: &'a RawValue,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BlockDelta<'a> {
    pub(crate) index: u32,
    #[serde(borrow)]
    pub(crate) delta: Delta<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Delta<'a> {
    #[serde(borrow)]
    pub(crate) r#type: Cow<'a, str>,
    pub(crate) text: Option<String>,
    pub(crate) partial_json: Option<String>,
    pub(crate) thinking: Option<String>,
    pub(crate) signature: Option<String>,
    #[serde(borrow)]
    pub(crate) citation: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BlockStop {
    pub(crate) index: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MessageDelta {
    pub(crate) delta: Stop,
    #[serde(default)]
    pub(crate) usage: Usage,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
pub(crate) struct Stop {
    pub(crate) stop_reason: Option<String>,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) stop_details: Option<StopDetails>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ErrorReply {
    pub(crate) error: ErrorBody,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) details: Option<ErrorDetails>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ErrorDetails {
    pub(crate) error_code: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ModelPage {
    #[serde(default)]
    pub(crate) data: Vec<Model>,
    #[serde(default)]
    pub(crate) has_more: bool,
    pub(crate) last_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) display_name: Option<String>,
    pub(crate) max_input_tokens: Option<u64>,
    pub(crate) max_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TokenTotal {
    pub(crate) input_tokens: u64,
}
