//! Bodies and frames that come back. Everything may be missing, anything may be added, and what is not the answer may
//! be of any type.

use std::borrow::Cow;

use forge_http::lenient::{self, Count};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A whole reply, or one frame of a stream: both have the same form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reply<'a> {
    /// Missing where the prompt was blocked, and in frames that bring counts alone.
    #[serde(borrow)]
    pub(crate) candidates: Option<Vec<Candidate<'a>>>,
    /// Says why a prompt was blocked.
    #[serde(default, deserialize_with = "lenient::object_or_default")]
    pub(crate) prompt_feedback: PromptFeedback,
    #[serde(borrow, default, deserialize_with = "lenient::object_or_default")]
    pub(crate) usage_metadata: Usage<'a>,
    /// The model that answered. The vendor routes retired names to others, at the price of those.
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub(crate) model_version: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lenient::text")]
    pub(crate) response_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
}

/// One answer; no call asks for more than one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate<'a> {
    /// At times `{}` or without parts: a filter stopped the answer, or the limit fell among the thoughts.
    #[serde(borrow)]
    pub(crate) content: Option<Content<'a>>,
    /// Of any type: whatever it is, it says that the reply is complete.
    #[serde(borrow)]
    pub(crate) finish_reason: Option<&'a RawValue>,
    /// Says more about an end that is none of the usual ones.
    #[serde(default, deserialize_with = "lenient::string")]
    pub(crate) finish_message: Option<String>,
    #[serde(default)]
    pub(crate) index: Count,
    /// What the vendor's own searches found.
    #[serde(borrow, default, deserialize_with = "lenient::object_or_default")]
    pub(crate) grounding_metadata: Findings<'a>,
    #[serde(borrow, default, deserialize_with = "lenient::object_or_default")]
    pub(crate) citation_metadata: CitationMetadata<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Content<'a> {
    #[serde(borrow)]
    pub(crate) parts: Option<Vec<&'a RawValue>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part<'a> {
    #[serde(default, deserialize_with = "lenient::string")]
    pub(crate) text: Option<String>,
    /// Whether the text is a thought.
    #[serde(default, deserialize_with = "flag")]
    pub(crate) thought: bool,
    /// State that goes back on the very same part, byte for byte.
    #[serde(default, deserialize_with = "lenient::string")]
    pub(crate) thought_signature: Option<String>,
    #[serde(borrow)]
    pub(crate) function_call: Option<FunctionCall<'a>>,
}

/// The words of an answer: each is a text or missing.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "it is only asked whether they can be read")]
pub(crate) struct Words {
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FunctionCall<'a> {
    #[serde(default, deserialize_with = "lenient::string")]
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    /// An object; missing where the function takes none.
    #[serde(borrow)]
    pub(crate) args: Option<&'a RawValue>,
}

/// What a filter says of the prompt.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PromptFeedback {
    /// Such as `SAFETY` or `PROHIBITED_CONTENT`; present only where the prompt was blocked.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) block_reason: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) block_reason_message: Option<String>,
}

/// `usageMetadata`: cumulative in each frame, with zeros left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Usage<'a> {
    /// The prompt, its cached part included.
    pub(crate) prompt_token_count: Count,
    /// The part of the prompt that came from a cache.
    pub(crate) cached_content_token_count: Count,
    /// What was written, without thoughts; missing where nothing was.
    pub(crate) candidates_token_count: Count,
    /// What was thought; billed as output.
    pub(crate) thoughts_token_count: Count,
    /// What tools of the vendor's put into the prompt, on top of it.
    pub(crate) tool_use_prompt_token_count: Count,
    /// The sum of prompt, tools, thoughts and what was written.
    pub(crate) total_token_count: Count,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) service_tier: Option<Cow<'a, str>>,
}

/// What searches found, and which words rest on it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Findings<'a> {
    #[serde(deserialize_with = "lenient::list")]
    pub(crate) web_search_queries: Vec<serde::de::IgnoredAny>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub(crate) grounding_chunks: Vec<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub(crate) grounding_supports: Vec<&'a RawValue>,
}

/// One thing that was found: its one field says of what kind it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Chunk {
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) web: Place,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) maps: Place,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) retrieved_context: Place,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) uri: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) title: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Support {
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) segment: Segment,
    #[serde(deserialize_with = "lenient::list")]
    pub(crate) grounding_chunk_indices: Vec<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Segment {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) text: Option<String>,
}

/// What the text repeats of other works.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CitationMetadata<'a> {
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub(crate) citation_sources: Vec<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub(crate) citations: Vec<&'a RawValue>,
}

/// Whether it is `true`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let raw: &'de RawValue = Deserialize::deserialize(deserializer)?;
    Ok(raw.get() == "true")
}

/// One page of `GET /models`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ModelPage {
    #[serde(deserialize_with = "lenient::list")]
    pub(crate) models: Vec<Model>,
    /// Missing on the last page.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Model {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "lenient::string")]
    pub(crate) display_name: Option<String>,
    #[serde(default)]
    pub(crate) input_token_limit: Count,
    #[serde(default)]
    pub(crate) output_token_limit: Count,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenTotal {
    /// Zero is left out by the vendor.
    #[serde(default)]
    pub(crate) total_tokens: Count,
}
