//! Responses: what comes back. Everything may be missing, be of another type, or have something added.

use std::borrow::Cow;

use forge_http::{
    TextLength,
    lenient::{self, Count},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The response, whole or as far as an event has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Response<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) model: Option<Cow<'a, str>>,
    /// `completed`, `incomplete`, `failed`, `cancelled`, `in_progress` or `queued`.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) status: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::object_or_default")]
    pub(crate) incomplete_details: IncompleteDetails<'a>,
    /// Null beside an answer; in a failed response an object with a code.
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
    /// The items in the order in which they have to go back.
    #[serde(borrow, deserialize_with = "lenient::values")]
    pub(crate) output: Vec<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) usage: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) service_tier: Option<Cow<'a, str>>,
}

/// Why the response is incomplete: `max_output_tokens` or `content_filter`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct IncompleteDetails<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) reason: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TypeOnly<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<Cow<'a, str>>,
}

/// A message, a function call or a reasoning item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) id: Option<Cow<'a, str>>,
    /// What pairs a call with its output; `id` names the item alone.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) call_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) arguments: Option<&'a RawValue>,
    /// Of a call of a tool that takes free text.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) input: Option<String>,
    #[serde(borrow, deserialize_with = "lenient::objects")]
    pub(crate) content: Vec<ItemPart<'a>>,
    #[serde(borrow, deserialize_with = "lenient::objects")]
    pub(crate) summary: Vec<ItemPart<'a>>,
    /// Thoughts that go back although nothing is stored; final only in `response.output_item.done`.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) encrypted_content: Option<Cow<'a, str>>,
}

/// A piece of a message or of a summary.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ItemPart<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) refusal: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::values")]
    pub(crate) annotations: Vec<&'a RawValue>,
}

/// What a text rests on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Annotation {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) url: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) title: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) filename: Option<String>,
}

/// One more thing on which a text rests.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AnnotationEvent<'a> {
    #[serde(deserialize_with = "lenient::scalar")]
    pub(crate) output_index: Option<u32>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) item_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) annotation: Option<&'a RawValue>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    /// The prompt, what was read from and written to the cache included.
    pub(crate) input_tokens: Count,
    /// The output, thoughts included.
    pub(crate) output_tokens: Count,
    pub(crate) total_tokens: Count,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) input_tokens_details: InputDetails,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) output_tokens_details: OutputDetails,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InputDetails {
    pub(crate) cached_tokens: Count,
    /// Missing for models before GPT-5.6.
    pub(crate) cache_write_tokens: Count,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OutputDetails {
    pub(crate) reasoning_tokens: Count,
}

/// An event about the response as a whole; the terminal ones are of this form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseEvent<'a> {
    #[serde(borrow, deserialize_with = "lenient::object_or_default")]
    pub(crate) response: Response<'a>,
}

/// An item that begins or is whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ItemEvent<'a> {
    #[serde(deserialize_with = "lenient::scalar")]
    pub(crate) output_index: Option<u32>,
    #[serde(borrow)]
    pub(crate) item: Option<&'a RawValue>,
}

/// One more piece of an item's text, arguments or thoughts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeltaEvent<'a> {
    #[serde(deserialize_with = "lenient::scalar")]
    pub(crate) output_index: Option<u32>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) item_id: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) delta: Option<String>,
    /// Which text of the item, for items with several.
    #[serde(deserialize_with = "lenient::scalar")]
    pub(crate) content_index: Option<u32>,
    /// Which summary of the item.
    #[serde(deserialize_with = "lenient::scalar")]
    pub(crate) summary_index: Option<u32>,
}

/// The same, as far as a reply that is passed on needs it.
#[derive(Debug, Deserialize)]
pub(crate) struct DeltaLength<'a> {
    pub(crate) output_index: Option<u32>,
    #[serde(default)]
    pub(crate) item_id: Option<&'a str>,
    pub(crate) delta: TextLength,
    pub(crate) content_index: Option<u32>,
    pub(crate) summary_index: Option<u32>,
}
