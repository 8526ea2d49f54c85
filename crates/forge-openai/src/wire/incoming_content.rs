//! What clients send in messages, tools and formats, in the forms of both dialects.

use forge_core::request::InvalidBody;
use serde_json::Value;

use super::incoming::{Place, Read, incoming};

/// A text, or a list of parts.
#[derive(Debug)]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

impl Read for Content {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        match value {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Array(_) => Vec::read(value, place).map(Self::Parts),
            _ => Err(place.wrong("has to be a text or a list of parts")),
        }
    }
}

/// A part of a message.
#[derive(Debug)]
pub(crate) struct ContentPart(pub(crate) PartFields);

impl Read for ContentPart {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        // Some clients list the texts themselves.
        let value = if value.is_string() { serde_json::json!({"text": value}) } else { value };
        PartFields::read(value, place).map(Self)
    }
}

incoming! {
    /// The fields of all kinds of parts; Chat nests those of a file, and Responses does not.
    struct PartFields {
        r#type: Option<String>,
        text: Option<String>,
        refusal: Option<String>,
        image_url: Option<ImageUrl>,
        input_audio: Option<Audio>,
        file: Option<Document>,
        file_id: Option<String>,
        file_data: Option<String>,
        file_url: Option<String>,
        filename: Option<String>,
    }

    struct Audio {
        data: String,
        /// `wav`, `mp3` or another.
        format: String,
    }

    struct Document {
        file_id: Option<String>,
        file_data: Option<String>,
        filename: Option<String>,
    }

    /// A tool with arguments in JSON. Chat nests it, and Responses does not.
    struct Function {
        name: String,
        description: Option<String>,
        parameters: Option<Value>,
        strict: Option<bool>,
    }

    /// A tool that takes free text. Chat nests it, and Responses does not.
    struct Custom {
        name: String,
        description: Option<String>,
        format: Option<CustomFormat>,
    }

    /// The form of a free text. Chat nests the grammar, and Responses does not.
    struct CustomFormat {
        r#type: String,
        grammar: Option<Grammar>,
        syntax: Option<String>,
        definition: Option<String>,
    }

    struct Grammar {
        syntax: String,
        definition: String,
    }

    /// Tools that belong together.
    struct Namespace {
        name: String,
        tools: Vec<Value>,
    }

    /// A tool by its kind and name. Chat nests the name, and Responses does not.
    struct ToolName {
        r#type: String,
        name: Option<String>,
        function: Option<Name>,
        custom: Option<Name>,
        allowed_tools: Option<Allowed>,
        mode: Option<String>,
        tools: Vec<ToolName>,
    }

    struct Name {
        name: String,
    }

    struct Allowed {
        mode: Option<String>,
        tools: Vec<ToolName>,
    }

    /// The form of the answer. Chat nests the schema, and Responses does not.
    struct Format {
        r#type: String,
        json_schema: Option<JsonSchema>,
        name: Option<String>,
        description: Option<String>,
        schema: Option<Value>,
        strict: Option<bool>,
    }

    struct JsonSchema {
        name: String,
        description: Option<String>,
        schema: Option<Value>,
        strict: Option<bool>,
    }

    struct StreamOptions {
        /// Whether one more chunk tells the tokens.
        include_usage: Option<bool>,
    }
}

/// The address of a picture, in an object or, as in Responses, alone.
#[derive(Debug)]
pub(crate) struct ImageUrl(pub(crate) String);

impl Read for ImageUrl {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        match value {
            Value::String(url) => Ok(Self(url)),
            value => super::incoming::take(&mut place.object(value)?, "url", place).map(Self),
        }
    }
}

/// Whether tools are called: a word, or an object that names tools.
#[derive(Debug)]
pub(crate) enum ToolChoice {
    Mode(String),
    Named(ToolName),
}

impl Read for ToolChoice {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        match value {
            Value::String(word) => Ok(Self::Mode(word)),
            value => ToolName::read(value, place).map(Self::Named),
        }
    }
}

/// What a tool is, before its fields are read: a hosted one is kept as it came.
pub(crate) fn tool_kind(tool: &Value) -> &str {
    tool.get("type").and_then(Value::as_str).unwrap_or("function")
}

/// The fields of a tool, out of the object in which Chat nests them.
pub(crate) fn unnested<T: Read>(tool: Value, nest: &str, place: Place<'_>) -> Result<T, InvalidBody> {
    let mut fields = place.object(tool)?;
    match fields.shift_remove(nest) {
        Some(inner) => T::read(inner, Place::Field(&place, nest)),
        None => T::read(Value::Object(fields), place),
    }
}
