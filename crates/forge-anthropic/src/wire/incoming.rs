//! Bodies that clients send to a server of this API.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Deserialize)]
pub(crate) struct Turn<'a> {
    #[serde(borrow)]
    pub(crate) role: Cow<'a, str>,
    /// A text or blocks.
    #[serde(borrow)]
    pub(crate) content: &'a RawValue,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Kind<'a> {
    #[serde(borrow, default)]
    pub(crate) r#type: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
pub(crate) struct Text<'a> {
    pub(crate) text: String,
    #[serde(borrow, default)]
    pub(crate) citations: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    pub(crate) cache_control: Option<CacheControl>,
}

/// A picture or a document.
#[derive(Debug, Deserialize)]
pub(crate) struct Media {
    pub(crate) source: Source,
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) cache_control: Option<CacheControl>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Source {
    Base64 {
        media_type: String,
        data: String,
    },
    Text {
        #[serde(default)]
        media_type: Option<String>,
        data: String,
    },
    Url {
        url: String,
    },
    File {
        file_id: String,
    },
}

#[derive(Debug, Deserialize)]
pub(crate) struct Thought {
    pub(crate) thinking: String,
    #[serde(default)]
    pub(crate) signature: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ToolUse {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) input: serde_json::Value,
    #[serde(default)]
    pub(crate) cache_control: Option<CacheControl>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ToolResult<'a> {
    pub(crate) tool_use_id: String,
    /// A text or blocks; missing where the tool said nothing.
    #[serde(borrow, default)]
    pub(crate) content: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) is_error: Option<bool>,
    #[serde(default)]
    pub(crate) cache_control: Option<CacheControl>,
}

/// A breakpoint; without `ttl` it holds for five minutes.
#[derive(Debug, Deserialize)]
pub(crate) struct CacheControl {
    #[serde(default)]
    pub(crate) ttl: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FunctionTool {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    pub(crate) input_schema: serde_json::Value,
    #[serde(default)]
    pub(crate) strict: Option<bool>,
    #[serde(default)]
    pub(crate) cache_control: Option<CacheControl>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ToolChoice {
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) disable_parallel_tool_use: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Thinking {
    Enabled {
        budget_tokens: u32,
        #[serde(default)]
        display: Option<String>,
    },
    Adaptive {
        #[serde(default)]
        display: Option<String>,
    },
    Disabled,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OutputConfig<'a> {
    #[serde(default)]
    pub(crate) effort: Option<String>,
    #[serde(borrow, default)]
    pub(crate) format: Option<&'a RawValue>,
}

/// The form of the answer; `type` is `json_schema`.
#[derive(Debug, Deserialize)]
pub(crate) struct Format {
    pub(crate) schema: serde_json::Value,
}
