//! Events of a stream.

use std::borrow::Cow;

use forge_http::{
    TextLength,
    lenient::{self, Count},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::reply::{Message, StopDetails, Usage};

/// The name that an event bears in its data, for streams without `event:` lines.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TypeOnly<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<Cow<'a, str>>,
}

/// `message_start`: the message without its content, and the input's tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MessageStart<'a> {
    #[serde(borrow, deserialize_with = "lenient::object_or_default")]
    pub(crate) message: Message<'a>,
}

/// `content_block_start`: a block with nothing or little in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BlockStart<'a> {
    pub(crate) index: Count,
    #[serde(borrow)]
    pub(crate) content_block: Option<&'a RawValue>,
}

/// `content_block_delta`: one more piece of a block.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BlockDelta<'a> {
    pub(crate) index: Count,
    #[serde(borrow)]
    pub(crate) delta: Delta<'a>,
}

/// A piece of any type; at most one of its fields is there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Delta<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) r#type: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) text: Option<String>,
    /// A piece of the arguments' text, which is JSON only once all of it is there.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) partial_json: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) thinking: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) signature: Option<String>,
    #[serde(borrow)]
    pub(crate) citation: Option<&'a RawValue>,
}

/// `content_block_delta`, as far as a reply that is passed on needs it.
#[derive(Debug, Deserialize)]
pub(crate) struct BlockAddition<'a> {
    #[serde(default)]
    pub(crate) index: Count,
    #[serde(borrow)]
    pub(crate) delta: Addition<'a>,
}

/// How long a piece of a text, of thoughts or of arguments is.
#[derive(Debug, Deserialize)]
pub(crate) struct Addition<'a> {
    pub(crate) r#type: &'a str,
    pub(crate) text: Option<TextLength>,
    pub(crate) thinking: Option<TextLength>,
    pub(crate) partial_json: Option<TextLength>,
}

/// A delta as it came.
#[derive(Debug, Deserialize)]
pub(crate) struct RawDelta<'a> {
    #[serde(borrow)]
    pub(crate) delta: &'a RawValue,
}

/// `content_block_stop`: the block is whole. It may be missing where the token limit fell into a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BlockStop {
    pub(crate) index: Count,
}

/// `message_delta`: why the model stopped, and the tokens of the whole call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MessageDelta {
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) delta: Stop,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) usage: Usage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
pub(crate) struct Stop {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) stop_reason: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) stop_sequence: Option<String>,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) stop_details: StopDetails,
}
