//! Bodies that come back. Everything may be missing, anything may be added, and what is not the answer may be of any
//! type.

use std::{borrow::Cow, collections::BTreeMap};

use forge_http::lenient::{self, Count, Items};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) id: Option<String>,
    /// The model that served, which may be a dated snapshot of the one asked for.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) model: Option<Cow<'a, str>>,
    /// The blocks; empty where a stream opens and in some refusals. They are read one by one, by their
    /// `type`.
    #[serde(borrow)]
    pub(crate) content: Items<'a>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) stop_reason: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) stop_sequence: Option<String>,
    /// Only of refusals, and not of all of them.
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) stop_details: StopDetails,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) usage: Usage,
}

/// A block of any type: what belongs to another type may be anything.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Block<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) text: Option<String>,
    /// Empty on recent models unless a summary is asked for; the signature counts all the same.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) thinking: Option<String>,
    /// What the vendor checks thoughts by when they come back.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) signature: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) name: Option<String>,
    /// The arguments as an object; `{}` where a stream begins a call.
    #[serde(borrow)]
    pub(crate) input: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub(crate) citations: Vec<&'a RawValue>,
}

/// The words of an answer: each is a text or missing.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "it is only asked whether they can be read")]
pub(crate) struct Words {
    text: Option<String>,
    name: Option<String>,
    partial_json: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Citation {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) url: Option<String>,
    /// Where a search result of the caller's comes from.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) source: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) title: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) document_title: Option<String>,
    /// The words of the source.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) cited_text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StopDetails {
    /// The policy, such as `cyber` or `bio`; null where the vendor names none.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) category: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) explanation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    pub(crate) input_tokens: Count,
    pub(crate) cache_creation_input_tokens: Count,
    pub(crate) cache_read_input_tokens: Count,
    /// The writes by how long they hold, because the two have different prices.
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) cache_creation: CacheCreation,
    pub(crate) output_tokens: Count,
    /// How much of the output was thought.
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) output_tokens_details: OutputDetails,
    /// Not the vendor's own, but of some servers that speak its dialect.
    pub(crate) total_tokens: Count,
    /// Each use of a tool that the vendor runs, under its name.
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) server_tool_use: BTreeMap<String, Count>,
    /// The calls of models that the call was made of; missing for most calls, which are one.
    #[serde(deserialize_with = "iterations")]
    pub(crate) iterations: Option<Vec<Iteration>>,
    /// `standard`, `priority` or `batch`; sets the price.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) service_tier: Option<String>,
    /// Where the model ran; sets the price.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) inference_geo: Option<String>,
    /// `fast` is a beta; it sets the price.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) speed: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CacheCreation {
    /// Writes that hold for an hour; the rest of the writes hold for five minutes.
    pub(crate) ephemeral_1h_input_tokens: Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OutputDetails {
    /// A part of the output tokens.
    pub(crate) thinking_tokens: Count,
}

/// One of several calls of a model that one call of the API was: a summary of the conversation, an advisor, a second
/// model after a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Iteration {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) model: Option<String>,
    pub(crate) input_tokens: Count,
    pub(crate) cache_creation_input_tokens: Count,
    pub(crate) cache_read_input_tokens: Count,
    pub(crate) output_tokens: Count,
}

/// A list in which what cannot be read counts as a call of which nothing is known; `None` if there is no list.
fn iterations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Iteration>>, D::Error> {
    let items: Option<Vec<&'de RawValue>> = lenient::value(deserializer)?;
    let read = |item: &RawValue| serde_json::from_str(item.get()).unwrap_or_default();
    Ok(items.map(|items| items.into_iter().map(read).collect()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModelPage {
    #[serde(deserialize_with = "lenient::list")]
    pub(crate) data: Vec<Model>,
    /// Whether another page follows.
    #[serde(deserialize_with = "lenient::or_default")]
    pub(crate) has_more: bool,
    /// What the next page is asked for with, as `after_id`.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) last_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Model {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "lenient::string")]
    pub(crate) display_name: Option<String>,
    #[serde(default)]
    pub(crate) max_input_tokens: Count,
    #[serde(default)]
    pub(crate) max_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TokenTotal {
    pub(crate) input_tokens: Count,
}
