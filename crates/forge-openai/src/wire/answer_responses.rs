//! Responses: what clients expect back. Strict ones insist on every field that stands here, and on empty lists.

use serde::Serialize;
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value, to_value},
};

use super::answer_chat::{self, UrlCitation};

/// The list that stands where nothing is listed.
type Empty = [(); 0];

/// The response, as far as it has come.
#[derive(Debug, Serialize)]
pub(crate) struct Response<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created_at: i64,
    pub(crate) status: &'static str,
    pub(crate) error: Option<Fault<'a>>,
    pub(crate) incomplete_details: Option<IncompleteDetails>,
    pub(crate) model: &'a str,
    pub(crate) output: &'a [Option<Box<RawValue>>],
    pub(crate) parallel_tool_calls: bool,
    pub(crate) tool_choice: &'a Value,
    /// The client knows which it sent.
    pub(crate) tools: Empty,
    pub(crate) usage: Option<Usage>,
    /// Of a response that is stored.
    #[serde(flatten)]
    pub(crate) kept: Option<Kept<'a>>,
}

/// What a response that is stored repeats of its request.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Kept<'a> {
    pub(crate) store: bool,
    pub(crate) background: bool,
    pub(crate) previous_response_id: Option<&'a str>,
    pub(crate) metadata: Option<&'a Value>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Fault<'a> {
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct IncompleteDetails {
    pub(crate) reason: &'static str,
}

/// Tokens: the totals include their parts.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) input_tokens_details: InputDetails,
    pub(crate) output_tokens: u64,
    pub(crate) output_tokens_details: OutputDetails,
    pub(crate) total_tokens: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct InputDetails {
    pub(crate) cached_tokens: u64,
    pub(crate) cache_write_tokens: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct OutputDetails {
    pub(crate) reasoning_tokens: u64,
}

/// An item of the output.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Item<'a> {
    Message {
        id: &'a str,
        status: &'static str,
        role: &'static str,
        content: Vec<Part<'a>>,
    },
    Reasoning {
        id: &'a str,
        summary: Vec<Part<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    FunctionCall {
        id: &'a str,
        status: &'static str,
        call_id: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        arguments: &'a str,
    },
    CustomToolCall {
        id: &'a str,
        status: &'static str,
        call_id: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        input: &'a str,
    },
}

/// A part of a message, or of a summary.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Part<'a> {
    OutputText { text: &'a str, annotations: &'a [Box<RawValue>], logprobs: Empty },
    Refusal { refusal: &'a str },
    SummaryText { text: &'a str },
}

/// What a text rests on.
#[derive(Debug, Serialize)]
pub(crate) struct Annotation<'a> {
    pub(crate) r#type: &'static str,
    #[serde(flatten)]
    pub(crate) url_citation: UrlCitation<'a>,
}

/// An event of a stream. Which fields it has follows from its type.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Event<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) annotation: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<&'a str>,
    /// Beside pieces of text clients insist on it, though nobody asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logprobs: Option<Empty>,
    /// What broke the reply off. The vendor's clients raise it where it is nested; others read the fields beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<answer_chat::Fault<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<&'a str>,
    /// Null, where there is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) param: Option<()>,
}

impl Item<'_> {
    pub(crate) fn to_raw(&self) -> Box<RawValue> {
        to_raw_value(self).unwrap_or_default()
    }

    /// The item with the fields that it lacks and the one has that a vendor's state is; `None` if that is none of its
    /// kind. What the stream has told of the item stays.
    pub(crate) fn with_fields_of(&self, state: &str) -> Option<Box<RawValue>> {
        let minted: Map<String, Value> = serde_json::from_str(state).ok()?;
        let Ok(Value::Object(mut item)) = to_value(self) else { return None };
        if minted.get("type") != item.get("type") {
            return None;
        }
        for (name, value) in minted {
            item.entry(name).or_insert(value);
        }
        to_raw_value(&item).ok()
    }
}

/// The kind of an item that is kept as its vendor sent it.
pub(crate) fn kept_kind(item: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Kept {
        r#type: String,
    }
    serde_json::from_str::<Kept>(item.get()).ok().map(|kept| kept.r#type)
}

/// A page of the items that a response answers.
#[derive(Debug, Serialize)]
pub(crate) struct ItemList<'a> {
    pub(crate) object: &'static str,
    pub(crate) data: &'a [Value],
    pub(crate) first_id: Option<&'a str>,
    pub(crate) last_id: Option<&'a str>,
    pub(crate) has_more: bool,
}

/// That a response is deleted.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the vendor's")]
pub(crate) struct Deleted<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) deleted: bool,
}

/// The body of a token count.
#[derive(Debug, Serialize)]
pub(crate) struct InputTokens {
    pub(crate) object: &'static str,
    pub(crate) input_tokens: u64,
}

impl InputTokens {
    pub(crate) const OBJECT: &str = "response.input_tokens";
}
