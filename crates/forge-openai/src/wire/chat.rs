//! Chat Completions: what is sent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::content::{Address, Arguments, InputAudio, JsonSchema, ResultText};

/// The body of `POST /chat/completions`. What a server does not take is left out by its row.
#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    pub(crate) model: &'a str,
    pub(crate) messages: Vec<Message<'a>>,
    /// The limit for all but OpenAI's newer models, which refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
    /// The limit for OpenAI; some servers ignore it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(crate) stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<f64>,
    /// Not of the dialect, but of servers on the user's own machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<i64>,
    /// What Mistral calls the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) random_seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) frequency_penalty: Option<f64>,
    /// `false` for servers that would store the chat; others are not sent the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream_options: Option<StreamOptions>,
}

/// A field of a request that some servers refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Field {
    /// `store`
    Store,
    /// `stream_options`
    StreamOptions,
    /// `parallel_tool_calls`
    ParallelToolCalls,
    /// `reasoning_effort`
    ReasoningEffort,
    /// `seed`
    Seed,
    /// `presence_penalty`
    PresencePenalty,
    /// `frequency_penalty`
    FrequencyPenalty,
    /// `response_format` with a schema
    JsonSchema,
}

#[derive(Debug, Serialize)]
pub(crate) struct StreamOptions {
    /// Whether one more chunk tells the tokens.
    pub(crate) include_usage: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub(crate) enum Message<'a> {
    System {
        content: Cow<'a, str>,
    },
    Developer {
        content: Cow<'a, str>,
    },
    User {
        content: Content<'a>,
    },
    Assistant {
        content: Option<Content<'a>>,
        #[serde(flatten)]
        thoughts: Back<'a>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: Content<'a>,
    },
}

/// Thoughts that go back, each in the field in which it came.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Back<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thinking: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasoning_details: Vec<&'a RawValue>,
    /// Thoughts with their tags; they stand in front of the content.
    #[serde(skip)]
    pub(crate) tagged: Option<String>,
}

impl Back<'_> {
    /// Whether no thoughts go back in a field of their own.
    pub(crate) fn is_empty(&self) -> bool {
        let texts = [&self.reasoning_content, &self.reasoning, &self.thinking];
        texts.iter().all(|text| text.is_none()) && self.reasoning_details.is_empty()
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Content<'a> {
    Text(ResultText<'a>),
    Tagged(String),
    Parts(Vec<ContentPart<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ContentPart<'a> {
    Text { text: ResultText<'a> },
    ImageUrl { image_url: ImageUrl<'a> },
    File { file: File<'a> },
    InputAudio { input_audio: InputAudio<'a> },
}

#[derive(Debug, Serialize)]
pub(crate) struct ImageUrl<'a> {
    pub(crate) url: Address<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum File<'a> {
    Bytes { filename: &'a str, file_data: Address<'a> },
    Stored { file_id: &'a str },
}

/// A call in the assistant's turn; `arguments` is JSON as a text.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToolCall<'a> {
    Function {
        id: &'a str,
        function: FunctionCall<'a>,
        /// Google's signature of the thoughts before the call, as it came.
        #[serde(skip_serializing_if = "Option::is_none")]
        extra_content: Option<&'a RawValue>,
    },
    Custom {
        id: &'a str,
        custom: CustomCall<'a>,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct CustomCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) input: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct FunctionCall<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: Arguments<'a>,
}

/// The form of the answer: any JSON, or one schema.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ResponseFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: JsonSchema<'a> },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Tool<'a> {
    Function { function: Function<'a> },
    Custom { custom: Custom<'a> },
}

#[derive(Debug, Serialize)]
pub(crate) struct Custom<'a> {
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<CustomFormat<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum CustomFormat<'a> {
    Grammar { grammar: Grammar<'a> },
}

#[derive(Debug, Serialize)]
pub(crate) struct Grammar<'a> {
    pub(crate) syntax: &'a str,
    pub(crate) definition: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: &'a str,
    pub(crate) parameters: &'a RawValue,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) strict: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ToolChoice<'a> {
    Mode(&'static str),
    Named(ToolName<'a>),
    Allowed { r#type: &'static str, allowed_tools: AllowedTools<'a> },
}

#[derive(Debug, Serialize)]
pub(crate) struct AllowedTools<'a> {
    pub(crate) mode: &'static str,
    pub(crate) tools: Vec<ToolName<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToolName<'a> {
    Function { function: Name<'a> },
    Custom { custom: Name<'a> },
}

#[derive(Debug, Serialize)]
pub(crate) struct Name<'a> {
    pub(crate) name: &'a str,
}
