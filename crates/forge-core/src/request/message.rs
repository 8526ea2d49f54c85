//! What goes into a model and comes out of it: messages made of parts.

use serde::{Deserialize, Serialize};

use super::{CacheTtl, ToolInput};
use crate::{
    id::{ModelId, ProviderId},
    participant::ModelProvider,
};

/// Who speaks. A closed list: a vendor's further roles are one of these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "who speaks in a conversation is Forge's own vocabulary")]
pub enum MessageRole {
    /// The person or program that asks; tool results also come from here.
    User,
    /// The model.
    Assistant,
    /// Instructions given in the middle of a conversation. Those for the whole of it stand beside the messages, in
    /// [`ModelRequest::system`](crate::ModelRequest).
    System,
}

/// A block of system text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SystemText {
    /// The text.
    pub text: String,
    /// Ends a cacheable prefix here: the tools, and the system text up to this block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheTtl>,
}

impl SystemText {
    /// A block of text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), cache: None }
    }

    /// Ends a cacheable prefix after this block.
    pub fn with_cache(mut self, ttl: CacheTtl) -> Self {
        self.cache = Some(ttl);
        self
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Message {
    /// Who speaks.
    pub role: MessageRole,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

impl Message {
    /// A turn.
    pub fn new(role: MessageRole, parts: Vec<Part>) -> Self {
        Self { role, parts }
    }

    /// A user turn of one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(MessageRole::User, vec![Part::text(text)])
    }

    /// An assistant turn of one text.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(MessageRole::Assistant, vec![Part::text(text)])
    }

    /// Instructions of one text, from here on.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(MessageRole::System, vec![Part::text(text)])
    }
}

/// A piece of a message. Made by its constructors, so that a kind can gain a field.
///
/// In JSON the variant stands in `type`: `{"type": "text", "text": "..."}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Part {
    /// Plain text.
    #[non_exhaustive]
    Text {
        /// The text.
        text: String,
        /// What the text rests on, as far as the vendor says.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Citation>,
        /// Ends a cacheable prefix here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<CacheTtl>,
        /// Vendor state that belongs to this part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Opaque>,
    },
    /// The words with which a model declined.
    #[non_exhaustive]
    Refusal {
        /// The words.
        text: String,
    },
    /// A picture.
    #[non_exhaustive]
    Image {
        /// Where its bytes are.
        source: Source,
        /// Ends a cacheable prefix here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<CacheTtl>,
    },
    /// A recording.
    #[non_exhaustive]
    Audio {
        /// Where its bytes are.
        source: Source,
    },
    /// A document, such as a PDF.
    #[non_exhaustive]
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
    #[non_exhaustive]
    Thinking {
        /// The thoughts, or a summary of them.
        text: String,
        /// The vendor's signature or encrypted form; needed to send the part back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Opaque>,
    },
    /// The model asks for a tool to be run.
    #[non_exhaustive]
    ToolUse {
        /// Pairs the call with its result.
        id: String,
        /// The tool's name.
        name: String,
        /// The group of tools to which it belongs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// What it is called with.
        input: ToolInput,
        /// Ends a cacheable prefix here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<CacheTtl>,
        /// Vendor state that belongs to this part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Opaque>,
    },
    /// What a tool returned. Stands in the user turn after the call.
    #[non_exhaustive]
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
    #[non_exhaustive]
    Vendor {
        /// The part as the vendor sent it.
        opaque: Opaque,
    },
}

impl Part {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), citations: Vec::new(), cache: None, opaque: None }
    }

    /// The words with which a model declined.
    pub fn refusal(text: impl Into<String>) -> Self {
        Self::Refusal { text: text.into() }
    }

    /// A picture.
    pub fn image(source: Source) -> Self {
        Self::Image { source, cache: None }
    }

    /// A picture from its bytes in base64.
    pub fn image_base64(media_type: impl Into<String>, data: impl Into<String>) -> Self {
        Self::image(Source::Base64 { media_type: media_type.into(), data: data.into() })
    }

    /// A recording.
    pub fn audio(source: Source) -> Self {
        Self::Audio { source }
    }

    /// A document.
    pub fn document(source: Source) -> Self {
        Self::Document { source, name: None, cache: None }
    }

    /// Thoughts, or a summary of them.
    pub fn thinking(text: impl Into<String>) -> Self {
        Self::Thinking { text: text.into(), opaque: None }
    }

    /// A call of a tool.
    pub fn tool_use(id: impl Into<String>, name: impl Into<String>, input: impl Into<ToolInput>) -> Self {
        Self::ToolUse {
            id: id.into(),
            name: name.into(),
            namespace: None,
            input: input.into(),
            cache: None,
            opaque: None,
        }
    }

    /// A text result of the tool call `tool_use_id`.
    pub fn tool_result(tool_use_id: impl Into<String>, text: impl Into<String>) -> Self {
        Self::tool_result_parts(tool_use_id, vec![Self::text(text)])
    }

    /// A result of the tool call `tool_use_id`.
    pub fn tool_result_parts(tool_use_id: impl Into<String>, content: Vec<Self>) -> Self {
        Self::ToolResult { tool_use_id: tool_use_id.into(), content, is_error: false, cache: None }
    }

    /// A part that only its vendor understands.
    pub fn vendor(opaque: Opaque) -> Self {
        Self::Vendor { opaque }
    }

    /// Says that the tool failed. Means nothing for other kinds.
    pub fn failed(mut self) -> Self {
        if let Self::ToolResult { is_error, .. } = &mut self {
            *is_error = true;
        }
        self
    }

    /// Names a document. Means nothing for other kinds.
    pub fn with_name(mut self, title: impl Into<String>) -> Self {
        if let Self::Document { name, .. } = &mut self {
            *name = Some(title.into());
        }
        self
    }

    /// Puts a tool call into a group of tools. Means nothing for other kinds.
    pub fn with_namespace(mut self, group: impl Into<String>) -> Self {
        if let Self::ToolUse { namespace, .. } = &mut self {
            *namespace = Some(group.into());
        }
        self
    }

    /// Ends a cacheable prefix after this part, for the kinds that can.
    pub fn with_cache(mut self, ttl: CacheTtl) -> Self {
        if let Some(mark) = self.cache_mark() {
            *mark = Some(ttl);
        }
        self
    }

    /// How long the prefix is to be kept that it ends, if it ends one.
    pub(super) fn cache(&self) -> Option<CacheTtl> {
        match self {
            Self::Text { cache, .. }
            | Self::Image { cache, .. }
            | Self::Document { cache, .. }
            | Self::ToolUse { cache, .. }
            | Self::ToolResult { cache, .. } => *cache,
            Self::Refusal { .. } | Self::Thinking { .. } | Self::Audio { .. } | Self::Vendor { .. } => None,
        }
    }

    /// Where it says that it ends a cacheable prefix, for the kinds that can.
    pub(super) fn cache_mark(&mut self) -> Option<&mut Option<CacheTtl>> {
        match self {
            Self::Text { cache, .. }
            | Self::Image { cache, .. }
            | Self::Document { cache, .. }
            | Self::ToolUse { cache, .. }
            | Self::ToolResult { cache, .. } => Some(cache),
            Self::Refusal { .. } | Self::Thinking { .. } | Self::Audio { .. } | Self::Vendor { .. } => None,
        }
    }

    /// Sets the vendor state that belongs to this part, for the kinds that have some.
    pub fn with_opaque(mut self, state: impl Into<Option<Opaque>>) -> Self {
        if let Self::Text { opaque, .. } | Self::Thinking { opaque, .. } | Self::ToolUse { opaque, .. } =
            &mut self
        {
            *opaque = state.into();
        }
        self
    }

    /// The vendor state this part carries.
    pub fn opaque(&self) -> Option<&Opaque> {
        // No wildcard: state that is not handed back makes its vendor refuse the conversation.
        match self {
            Self::Text { opaque, .. } | Self::Thinking { opaque, .. } | Self::ToolUse { opaque, .. } => {
                opaque.as_ref()
            }
            Self::Vendor { opaque } => Some(opaque),
            Self::Refusal { .. }
            | Self::Image { .. }
            | Self::Audio { .. }
            | Self::Document { .. }
            | Self::ToolResult { .. } => None,
        }
    }
}

/// What a text rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Citation {
    /// Where it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The title of the page or document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The words that are cited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The citation as the vendor sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl Citation {
    /// A citation as the vendor sent it, in JSON.
    pub fn raw(text: impl Into<String>) -> Self {
        Self { raw: Some(text.into()), ..Self::default() }
    }

    /// Adds where it was found.
    pub fn with_url(mut self, url: Option<String>) -> Self {
        self.url = url;
        self
    }

    /// Adds the title of the page or document.
    pub fn with_title(mut self, title: Option<String>) -> Self {
        self.title = title;
        self
    }

    /// Adds the words that are cited.
    pub fn with_quote(mut self, quote: Option<String>) -> Self {
        self.quote = quote;
        self
    }
}

/// Where the bytes of an image, recording or document are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
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
    /// A file that was given to the vendor before.
    File {
        /// The vendor's id of it.
        id: String,
        /// The vendor that has it.
        vendor: ModelProvider,
    },
}

/// State that a vendor hands out and wants back unchanged: thinking signatures, thought signatures,
/// encrypted reasoning items.
///
/// It means something only to the model that minted it. Adapters send it back to exactly that model
/// and leave it out for any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Opaque {
    /// The vendor that minted it.
    pub provider: ModelProvider,
    /// The model that minted it, as asked for.
    pub model: ModelId,
    /// The configured provider through which it came, where the vendor binds state to an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ProviderId>,
    /// The state, byte for byte.
    pub data: String,
}

impl Opaque {
    /// State that `model` of `provider` minted.
    pub fn new(provider: ModelProvider, model: ModelId, data: impl Into<String>) -> Self {
        Self { provider, model, origin: None, data: data.into() }
    }

    /// Binds the state to the account behind this configured provider.
    pub fn with_origin(mut self, origin: ProviderId) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Whether `model` of `provider`, reached through the configured provider `through`, minted this state.
    pub fn belongs_to(&self, provider: &ModelProvider, model: &ModelId, through: &str) -> bool {
        self.provider == *provider
            && self.model == *model
            // Most state is bound to the model alone, and is good under every key of its vendor.
            && self.origin.as_ref().is_none_or(|origin| *origin == *through)
    }
}
