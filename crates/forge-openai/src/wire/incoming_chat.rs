//! Chat Completions: what clients send.

use forge_core::request::{Effort, InvalidBody, ToolInput};
use serde_json::{Map, Value};

use super::{
    incoming::{Place, Read, incoming},
    incoming_content::{Content, Format, StreamOptions, ToolChoice},
};

incoming! {
    /// The body of `POST /chat/completions`.
    struct Body {
        model: String,
        messages: Vec<Message>,
        /// The older name of the next field.
        max_tokens: Option<u32>,
        max_completion_tokens: Option<u32>,
        reasoning_effort: Option<Effort>,
        response_format: Option<Format>,
        tools: Vec<Value>,
        tool_choice: Option<ToolChoice>,
        parallel_tool_calls: Option<bool>,
        stop: Option<Stop>,
        temperature: Option<f64>,
        top_p: Option<f64>,
        /// Not of the dialect, but of servers on the user's own machine.
        top_k: Option<u32>,
        seed: Option<i64>,
        presence_penalty: Option<f64>,
        frequency_penalty: Option<f64>,
        /// How many answers.
        n: Option<u32>,
        /// The kinds of output: text, audio.
        modalities: Vec<String>,
        stream: Option<bool>,
        stream_options: Option<StreamOptions>,
    }

    struct Message {
        role: String,
        content: Option<Content>,
        refusal: Option<String>,
        /// Thoughts, as most servers name them.
        reasoning_content: Option<String>,
        /// Thoughts with their signatures, as `OpenRouter` has them.
        reasoning_details: Vec<Value>,
        tool_calls: Vec<ToolCall>,
        tool_call_id: Option<String>,
    }

    struct ToolCall {
        id: String,
        function: Option<FunctionCall>,
        custom: Option<CustomCall>,
        /// Google's signature of the thoughts before the call.
        extra_content: Option<Value>,
    }

    struct FunctionCall {
        name: String,
        arguments: ToolInput,
    }

    struct CustomCall {
        name: String,
        input: Option<String>,
    }
}

/// Texts that end the answer: one, or a list.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) Vec<String>);

impl Read for Stop {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        match value {
            Value::String(text) => Ok(Self(vec![text])),
            Value::Array(_) => Vec::read(value, place).map(Self),
            _ => Err(place.wrong("has to be a text or a list of texts")),
        }
    }
}

/// What a client may ask for and the server decides: whether the vendor stores the chat.
pub(crate) const LEFT_TO_THE_SERVER: &str = "store";

/// Whether a body has the form of the Responses API. Some clients send one to the address of Chat Completions.
pub(crate) fn is_of_responses(body: &Map<String, Value>) -> bool {
    body.contains_key("input") && !body.contains_key("messages")
}
