//! Bodies and frames that a server of this API sends. The parts are those of requests.

use forge_core::TokenCount;
use serde::Serialize;

use super::request::Content;

/// A whole reply, or one frame of a stream.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) candidates: Option<[Candidate<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_feedback: Option<PromptFeedback<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage_metadata: Option<Usage>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) model_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) response_id: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate<'a> {
    pub(crate) content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grounding_metadata: Option<Findings<'a>>,
    pub(crate) index: u32,
}

/// Why a prompt has no answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PromptFeedback<'a> {
    pub(crate) block_reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) block_reason_message: &'a str,
}

/// What the words rest on.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Findings<'a> {
    pub(crate) grounding_chunks: Vec<Chunk<'a>>,
    pub(crate) grounding_supports: Vec<Support<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Chunk<'a> {
    pub(crate) web: Web<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Web<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Support<'a> {
    pub(crate) segment: Segment<'a>,
    pub(crate) grounding_chunk_indices: [usize; 1],
}

#[derive(Debug, Serialize)]
pub(crate) struct Segment<'a> {
    pub(crate) text: &'a str,
}

/// The vendor leaves out counts of zero, and has no word for one that is unknown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
pub(crate) struct Usage {
    #[serde(skip_serializing_if = "is_zero")]
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cached_content_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    candidates_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    tool_use_prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    total_token_count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the serializer hands out references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// `None` where nothing is known.
    pub(crate) fn of(tokens: &TokenCount) -> Option<Self> {
        let count = |class: Option<u64>| class.unwrap_or(0);
        let (other, reasoning) = (count(tokens.other_input), count(tokens.reasoning));
        let writes = count(tokens.cache_write_5m).saturating_add(count(tokens.cache_write_1h));
        let cached = count(tokens.cache_read);
        let prompt = count(tokens.input).saturating_add(cached).saturating_add(writes);
        let output = count(tokens.output);
        // A total beside counts that are missing would say that those are zero.
        let total = tokens.total_input().zip(tokens.total_output());
        (!tokens.is_unknown()).then(|| Self {
            prompt_token_count: prompt,
            cached_content_token_count: cached,
            candidates_token_count: output,
            thoughts_token_count: reasoning,
            tool_use_prompt_token_count: other,
            total_token_count: total.map_or(0, |(input, output)| input.saturating_add(output)),
        })
    }
}

/// The body of a token count.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TotalTokens {
    pub(crate) total_tokens: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorReply<'a> {
    pub(crate) error: ErrorBody<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    pub(crate) code: u16,
    pub(crate) message: &'a str,
    pub(crate) status: &'static str,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    pub(crate) details: &'a [Detail],
}

/// What a program goes by.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "@type", rename_all_fields = "camelCase")]
pub(crate) enum Detail {
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo { reason: &'static str, domain: &'static str },
    #[serde(rename = "type.googleapis.com/google.rpc.RetryInfo")]
    RetryInfo {
        /// A duration such as `34.4s`.
        retry_delay: String,
    },
    #[serde(rename = "type.googleapis.com/google.rpc.QuotaFailure")]
    QuotaFailure { violations: [Violation; 1] },
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Violation {
    pub(crate) quota_id: &'static str,
}
