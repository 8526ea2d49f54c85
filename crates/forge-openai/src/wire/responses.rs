//! Responses: what is sent.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::content::{Address, Arguments, InputAudio, JsonSchema, ResultText};

/// The body of `POST /responses`, or of a token count, which leaves out all that does not count as input.
#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    pub(crate) model: &'a str,
    /// The system text; it is no item of the conversation.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) instructions: Cow<'a, str>,
    pub(crate) input: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<Reasoning>,
    /// The form of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parallel_tool_calls: Option<bool>,
    /// What comes back beyond the usual fields.
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    pub(crate) include: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<f64>,
    /// Always `false` in a call: the vendor stores unless told not to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stream: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Item<'a> {
    Known(KnownItem<'a>),
    /// An item as the vendor sent it.
    Verbatim(&'a RawValue),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum KnownItem<'a> {
    Message {
        role: &'static str,
        content: Content<'a>,
    },
    /// Instructions between turns: a message whose content is always one text.
    #[serde(rename = "message")]
    Instructions {
        role: &'static str,
        content: Cow<'a, str>,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        arguments: Arguments<'a>,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: Content<'a>,
    },
    CustomToolCall {
        call_id: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        input: &'a str,
    },
    CustomToolCallOutput {
        call_id: &'a str,
        output: Content<'a>,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Content<'a> {
    Text(ResultText<'a>),
    Parts(Vec<InputPart<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(crate) enum InputPart<'a> {
    #[serde(rename = "input_text")]
    Text { text: ResultText<'a> },
    #[serde(rename = "input_image")]
    Image {
        #[serde(skip_serializing_if = "Option::is_none")]
        image_url: Option<Address<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
    },
    #[serde(rename = "input_audio")]
    Audio { input_audio: InputAudio<'a> },
    #[serde(rename = "input_file")]
    File {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<Address<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
    },
}

/// How much the model thinks, and whether a summary of it comes back.
#[derive(Debug, Serialize)]
pub(crate) struct Reasoning {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) effort: Option<&'static str>,
    /// `auto`, or left out for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Text<'a> {
    pub(crate) format: Format<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Format<'a> {
    JsonObject,
    JsonSchema(JsonSchema<'a>),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Tool<'a> {
    Known(KnownTool<'a>),
    /// A tool as the vendor's requests have it.
    Verbatim(&'a RawValue),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum KnownTool<'a> {
    Function {
        name: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        description: &'a str,
        parameters: &'a RawValue,
        /// Always sent: this API's default is another one than that of Chat Completions.
        strict: bool,
    },
    Custom {
        name: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        description: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        format: Option<CustomFormat<'a>>,
    },
    Namespace {
        name: &'a str,
        tools: Vec<Tool<'a>>,
    },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum CustomFormat<'a> {
    Grammar { syntax: &'a str, definition: &'a str },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ToolChoice<'a> {
    Mode(&'static str),
    Named(ToolName<'a>),
    Allowed { r#type: &'static str, mode: &'static str, tools: Vec<ToolName<'a>> },
}

/// A tool by its kind and name, in one flat object.
#[derive(Debug, Serialize)]
pub(crate) struct ToolName<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) name: &'a str,
}

/// What must be asked for, so that thoughts can be sent back although the vendor stores nothing.
pub(crate) const ENCRYPTED_THOUGHTS: &[&str] = &["reasoning.encrypted_content"];

/// Fields with which a request goes on from what the vendor has stored.
pub(crate) const STORED_CONVERSATION: [&str; 2] = ["previous_response_id", "conversation"];
