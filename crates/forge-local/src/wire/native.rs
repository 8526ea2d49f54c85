//! Ollama's own API.

use std::borrow::Cow;

use forge_http::lenient::{self, Count};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

/// The body of `POST /api/chat`.
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
    pub(crate) think: Option<Think<'a>>,
    /// How long the model stays in memory; the server's own default is five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep_alive: Option<&'a Value>,
    /// Settings of the model's run, `num_ctx` among them.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) options: Map<String, Value>,
}

/// A turn; a tool's result is one of the role `tool`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: Cow<'a, str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) thinking: String,
    /// Base64 without a media type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_call_id: Option<&'a str>,
    /// Some templates pair results by the tool's name, others by the call's id.
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
    /// `json`: any JSON.
    Word(&'static str),
    /// The server makes a grammar of it.
    Schema(&'a RawValue),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Think<'a> {
    Off(bool),
    Level(&'static str),
    /// As the configuration has it.
    Said(&'a Value),
}

/// The names of the settings in `options`.
pub(crate) mod option {
    pub(crate) const FIELD: &str = "options";
    pub(crate) const NUM_CTX: &str = "num_ctx";
    pub(crate) const NUM_PREDICT: &str = "num_predict";
    pub(crate) const STOP: &str = "stop";
    pub(crate) const TEMPERATURE: &str = "temperature";
    pub(crate) const TOP_P: &str = "top_p";
    pub(crate) const TOP_K: &str = "top_k";
    pub(crate) const SEED: &str = "seed";
    pub(crate) const PRESENCE_PENALTY: &str = "presence_penalty";
    pub(crate) const FREQUENCY_PENALTY: &str = "frequency_penalty";
}

/// The field of a message that holds thoughts.
pub(crate) const THINKING: &str = "thinking";

/// Where thoughts are kept that stood in the answer between tags.
pub(crate) const THINK_TAGS: &str = "<think>";

/// A whole reply, or one line of a stream. Everything may be missing, be of another type, or have something added.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reply<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) model: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(crate) message: Option<ReplyMessage<'a>>,
    #[serde(borrow)]
    pub(crate) done: Option<&'a RawValue>,
    /// `stop`, `length`, `load` and others.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) done_reason: Option<Cow<'a, str>>,
    /// The tokens of the prompt; at times missing.
    pub(crate) prompt_eval_count: Count,
    /// The tokens of the output, thoughts included.
    pub(crate) eval_count: Count,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
}

impl Reply<'_> {
    /// Whether the server says that it is done; `None` if it does not say.
    pub(crate) fn is_done(&self) -> Option<bool> {
        match self.done.map(RawValue::get) {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReplyMessage<'a> {
    pub(crate) content: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) thinking: Option<String>,
    #[serde(borrow, deserialize_with = "lenient::objects")]
    pub(crate) tool_calls: Vec<ReplyCall<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReplyCall<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::object_or_default")]
    pub(crate) function: ReplyFunction<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReplyFunction<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) arguments: Option<&'a RawValue>,
}
