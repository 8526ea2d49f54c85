//! Ollama's own API.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    pub(crate) model: &'a str,
    pub(crate) messages: Vec<Message<'a>>,
    /// Always sent: the server streams unless told not to.
    pub(crate) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) think: Option<Think>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep_alive: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) options: Map<String, Value>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: Cow<'a, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ToolCall<'a> {
    pub(crate) id: &'a str,
    pub(crate) function: FunctionCall<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FunctionCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: Cow<'a, Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Tool<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) function: Function<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) parameters: &'a RawValue,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Format<'a> {
    Word(&'static str),
    Schema(&'a RawValue),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Think {
    Off(bool),
    Level(&'static str),
}

/// The names of the settings in `options`.
pub(crate) mod option {
    pub(crate) const FIELD: &str = "options";
    pub(crate) const NUM_PREDICT: &str = "num_predict";
    pub(crate) const STOP: &str = "stop";
    pub(crate) const TEMPERATURE: &str = "temperature";
    pub(crate) const TOP_P: &str = "top_p";
    pub(crate) const TOP_K: &str = "top_k";
    pub(crate) const SEED: &str = "seed";
    pub(crate) const PRESENCE_PENALTY: &str = "presence_penalty";
    pub(crate) const FREQUENCY_PENALTY: &str = "frequency_penalty";
}

/// A text that borrows from the reply where it holds no escapes.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A whole reply, or one line of a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<ReplyMessage<'a>>,
    #[serde(default)]
    pub(crate) done: bool,
    pub(crate) done_reason: Option<String>,
    pub(crate) prompt_eval_count: Option<u64>,
    pub(crate) eval_count: Option<u64>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ReplyMessage<'a> {
    pub(crate) content: Option<String>,
    pub(crate) thinking: Option<String>,
    #[serde(borrow)]
    pub(crate) tool_calls: Option<Vec<ReplyCall<'a>>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ReplyCall<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) function: ReplyFunction<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ReplyFunction<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) arguments: Option<&'a RawValue>,
}
