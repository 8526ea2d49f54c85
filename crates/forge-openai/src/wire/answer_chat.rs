//! Chat Completions: what clients expect back, and errors in the form of both dialects.

use serde::Serialize;
use serde_json::value::RawValue;

use super::chat::ToolCall;

/// A whole reply.
#[derive(Debug, Serialize)]
pub(crate) struct Completion<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created: i64,
    pub(crate) model: &'a str,
    pub(crate) choices: [Choice<'a>; 1],
    pub(crate) usage: Option<Usage>,
}

impl Completion<'_> {
    pub(crate) const OBJECT: &'static str = "chat.completion";
}

#[derive(Debug, Serialize)]
pub(crate) struct Choice<'a> {
    pub(crate) index: u32,
    pub(crate) message: Message<'a>,
    pub(crate) finish_reason: &'static str,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'static str,
    /// Null beside calls alone.
    pub(crate) content: Option<String>,
    pub(crate) refusal: Option<String>,
    /// Thoughts. The vendor shows none; other servers do it so, and clients read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasoning_details: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) annotations: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<ToolCall<'a>>,
}

/// A piece of a stream.
#[derive(Debug, Serialize)]
pub(crate) struct Chunk<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created: i64,
    pub(crate) model: &'a str,
    /// Empty beside the tokens. Clients break where the list is missing.
    pub(crate) choices: &'a [ChunkChoice<'a>],
    /// Null until the end for clients that asked for the tokens; others are not sent the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<ChunkUsage>,
}

impl Chunk<'_> {
    pub(crate) const OBJECT: &'static str = "chat.completion.chunk";
    pub(crate) const DONE: &'static [u8] = b"data: [DONE]\n\n";
}

#[derive(Debug, Serialize)]
pub(crate) struct ChunkChoice<'a> {
    pub(crate) index: u32,
    pub(crate) delta: Delta<'a>,
    pub(crate) finish_reason: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasoning_details: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) annotations: Option<[Box<RawValue>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_calls: Option<[CallDelta<'a>; 1]>,
}

/// A piece of a call. Its first one has the id and the name.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CallDelta<'a> {
    pub(crate) index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<FunctionDelta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom: Option<CustomDelta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_content: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    pub(crate) arguments: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct CustomDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    pub(crate) input: &'a str,
}

/// The tokens of a stream; null while they are not known.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ChunkUsage {
    Unknown,
    Known(Usage),
}

/// Tokens: the totals include their parts.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) total_tokens: u64,
    pub(crate) prompt_tokens_details: PromptDetails,
    pub(crate) completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Serialize)]
pub(crate) struct PromptDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cached_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_write_tokens: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CompletionDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_tokens: Option<u64>,
}

/// What a text rests on. Responses has the fields beside the type.
#[derive(Debug, Serialize)]
pub(crate) struct Annotation<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) url_citation: UrlCitation<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct UrlCitation<'a> {
    pub(crate) url: &'a str,
    pub(crate) title: &'a str,
    /// Where in the text, in characters.
    pub(crate) start_index: usize,
    pub(crate) end_index: usize,
}

impl UrlCitation<'_> {
    /// The type of an annotation, and the field in which Chat nests its address.
    pub(crate) const TYPE: &'static str = "url_citation";
}

/// The body of a refusal, and the chunk with which a stream breaks off.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    pub(crate) error: Fault<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Fault<'a> {
    pub(crate) message: &'a str,
    pub(crate) r#type: &'static str,
    pub(crate) param: Option<&'a str>,
    pub(crate) code: Option<&'a str>,
}
