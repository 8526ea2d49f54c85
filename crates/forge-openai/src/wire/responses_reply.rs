//! Responses: what comes back. Everything may be missing and anything may be added.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Text;

#[derive(Debug, Deserialize)]
pub(crate) struct Response<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) model: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    pub(crate) incomplete_details: Option<IncompleteDetails>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) output: Option<Vec<&'a RawValue>>,
    pub(crate) usage: Option<Usage>,
    #[serde(borrow)]
    pub(crate) service_tier: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct IncompleteDetails {
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TypeOnly<'a> {
    #[serde(borrow)]
    pub(crate) r#type: Option<Text<'a>>,
}

/// A message, a function call or a reasoning item.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Item<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) call_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) namespace: Option<Text<'a>>,
    pub(crate) arguments: Option<String>,
    /// Of a call of a tool that takes free text.
    pub(crate) input: Option<String>,
    #[serde(borrow)]
    pub(crate) content: Option<Vec<ItemPart<'a>>>,
    #[serde(borrow)]
    pub(crate) summary: Option<Vec<ItemPart<'a>>>,
    #[serde(borrow)]
    pub(crate) encrypted_content: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ItemPart<'a> {
    #[serde(borrow)]
    pub(crate) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) annotations: Option<Vec<&'a RawValue>>,
}

/// What a text rests on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Annotation {
    pub(crate) url: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) filename: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AnnotationEvent<'a> {
    pub(crate) output_index: Option<u32>,
    #[serde(borrow)]
    pub(crate) item_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) annotation: &'a RawValue,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) input_tokens_details: Option<InputDetails>,
    pub(crate) output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct InputDetails {
    pub(crate) cached_tokens: Option<u64>,
    pub(crate) cache_write_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct OutputDetails {
    pub(crate) reasoning_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ResponseEvent<'a> {
    #[serde(borrow)]
    pub(crate) response: Response<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ItemEvent<'a> {
    pub(crate) output_index: Option<u32>,
    #[serde(borrow)]
    pub(crate) item: &'a RawValue,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DeltaEvent<'a> {
    pub(crate) output_index: Option<u32>,
    #[serde(borrow)]
    pub(crate) item_id: Option<Text<'a>>,
    pub(crate) delta: String,
    /// Which text of the item, for items with several.
    #[serde(default, alias = "summary_index")]
    pub(crate) content_index: u32,
}
