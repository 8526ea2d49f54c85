//! What goes into a model and comes out of it: messages made of parts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ModelId, ModelProvider};

/// Who speaks. System text stands beside the messages, in [`ModelRequest::system`](crate::ModelRequest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageRole {
    /// The person or program that asks; tool results also come from here.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: MessageRole,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

impl Message {
    /// A user turn of one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: MessageRole::User, parts: vec![Part::text(text)] }
    }

    /// An assistant turn of one text.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: MessageRole::Assistant, parts: vec![Part::text(text)] }
    }
}

/// A piece of a message.
///
/// In JSON the variant stands in `type`: `{"type": "text", "text": "..."}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        text: String,
        /// Ends a cacheable prefix here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<CacheTtl>,
        /// Vendor state that belongs to this part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Opaque>,
    },
    /// A picture.
    Image {
        /// Where its bytes are.
        source: Source,
        /// Ends a cacheable prefix here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<CacheTtl>,
    },
    /// A document, such as a PDF.
    Document {
        /// Where its bytes are.
        source: Source,
        /// Its file name or title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Ends a cacheable prefix here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<CacheTtl>,
    },
    /// What the model thought, as far as the vendor shows it; the text may be empty.
    Thinking {
        /// The thoughts, or a summary of them.
        text: String,
        /// The vendor's signature or encrypted form; needed to send the part back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Opaque>,
    },
    /// The model asks for a tool to be run.
    ToolUse {
        /// Pairs the call with its result.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments. An object, unless the model broke off or broke the rules; then the raw
        /// text as a JSON string.
        input: Value,
        /// Vendor state that belongs to this part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Opaque>,
    },
    /// What a tool returned. Stands in the user turn after the call.
    ToolResult {
        /// The id of the [`ToolUse`](Part::ToolUse) it answers.
        tool_use_id: String,
        /// The result: text and images.
        content: Vec<Part>,
        /// Whether the tool failed.
        #[serde(default)]
        is_error: bool,
        /// Ends a cacheable prefix here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<CacheTtl>,
    },
    /// A part that only its vendor understands (redacted thinking, server-side tools); kept so that
    /// it can be sent back.
    Vendor {
        /// The part as the vendor sent it.
        opaque: Opaque,
    },
}

impl Part {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), cache: None, opaque: None }
    }

    /// A picture from its bytes in base64.
    pub fn image_base64(media_type: impl Into<String>, data: impl Into<String>) -> Self {
        let source = Source::Base64 { media_type: media_type.into(), data: data.into() };
        Self::Image { source, cache: None }
    }

    /// A text result of the tool call `tool_use_id`.
    pub fn tool_result(tool_use_id: impl Into<String>, text: impl Into<String>) -> Self {
        Self::ToolResult {
            tool_use_id: tool_use_id.into(),
            content: vec![Self::text(text)],
            is_error: false,
            cache: None,
        }
    }

    /// The vendor state this part carries.
    pub fn opaque(&self) -> Option<&Opaque> {
        match self {
            Self::Text { opaque, .. } | Self::Thinking { opaque, .. } | Self::ToolUse { opaque, .. } => {
                opaque.as_ref()
            }
            Self::Vendor { opaque } => Some(opaque),
            Self::Image { .. } | Self::Document { .. } | Self::ToolResult { .. } => None,
        }
    }
}

/// Where the bytes of an image or document are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// In the request itself.
    Base64 {
        /// The MIME type, such as `image/png`.
        media_type: String,
        /// The bytes in standard base64.
        data: String,
    },
    /// Fetched by the vendor.
    Url {
        /// An `https` address.
        url: String,
    },
}

/// How long the vendor should keep the prompt up to here in its cache. A hint: vendors that cache
/// on their own ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CacheTtl {
    /// Five minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// One hour.
    #[serde(rename = "1h")]
    OneHour,
}

/// State that a vendor hands out and wants back unchanged: thinking signatures, thought signatures,
/// encrypted reasoning items.
///
/// It means something only to the model that minted it. Adapters send it back to exactly that model
/// and leave it out for any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opaque {
    /// The vendor that minted it.
    pub provider: ModelProvider,
    /// The model that minted it, as asked for.
    pub model: ModelId,
    /// The state, byte for byte.
    pub data: String,
}

impl Opaque {
    /// Whether `model` of `provider` minted this state.
    pub fn belongs_to(&self, provider: &ModelProvider, model: &ModelId) -> bool {
        self.provider == *provider && self.model == *model
    }
}
