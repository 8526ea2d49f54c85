//! Bodies and events that a server of this API sends. The vendor's clients insist on every field of these.

use forge_core::TokenCount;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) id: &'a str,
    pub(crate) r#type: &'static str,
    pub(crate) role: &'static str,
    pub(crate) model: &'a str,
    pub(crate) content: Vec<Block<'a>>,
    pub(crate) stop_reason: Option<&'a str>,
    pub(crate) stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_details: Option<StopDetails<'a>>,
    pub(crate) usage: Usage,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Block<'a> {
    Known(KnownBlock<'a>),
    /// A block as the vendor has it.
    Verbatim(&'a RawValue),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum KnownBlock<'a> {
    Text {
        text: &'a str,
        /// Null and not missing where there are none.
        citations: Option<Vec<Citation<'a>>>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    /// State that nobody but the one who made it can read.
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Value,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Citation<'a> {
    Verbatim(Box<RawValue>),
    /// Where a source of another vendor's is.
    Web {
        r#type: &'static str,
        url: &'a str,
        title: Option<&'a str>,
        cited_text: &'a str,
        encrypted_index: &'static str,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct StopDetails<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) category: Option<&'a str>,
    pub(crate) explanation: Option<&'a str>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) cache_creation_input_tokens: u64,
    pub(crate) cache_read_input_tokens: u64,
    pub(crate) cache_creation: CacheCreation,
    pub(crate) output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct CacheCreation {
    pub(crate) ephemeral_5m_input_tokens: u64,
    pub(crate) ephemeral_1h_input_tokens: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct OutputDetails {
    pub(crate) thinking_tokens: u64,
}

impl From<&TokenCount> for Usage {
    /// Classes that nobody has counted are nothing here: the vendor's clients take no null.
    fn from(tokens: &TokenCount) -> Self {
        let count = |class: Option<u64>| class.unwrap_or(0);
        let (short, long) = (count(tokens.cache_write_5m), count(tokens.cache_write_1h));
        Self {
            input_tokens: count(tokens.input).saturating_add(count(tokens.other_input)),
            cache_creation_input_tokens: short.saturating_add(long),
            cache_read_input_tokens: count(tokens.cache_read),
            cache_creation: CacheCreation {
                ephemeral_5m_input_tokens: short,
                ephemeral_1h_input_tokens: long,
            },
            output_tokens: tokens.total_output().unwrap_or(0),
            output_tokens_details: tokens.reasoning.map(|thinking_tokens| OutputDetails { thinking_tokens }),
        }
    }
}

/// An event of a stream; its name stands before it as well.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    MessageStart { message: Message<'a> },
    Ping,
    ContentBlockStart { index: u32, content_block: Block<'a> },
    ContentBlockDelta { index: u32, delta: Delta<'a> },
    ContentBlockStop { index: u32 },
    MessageDelta { delta: Stop<'a>, usage: Usage },
    MessageStop,
    Error { error: ErrorBody<'a> },
}

impl Event<'_> {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::Ping => "ping",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
            Self::Error { .. } => "error",
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the vendor's names")]
pub(crate) enum Delta<'a> {
    TextDelta { text: &'a str },
    ThinkingDelta { thinking: &'a str },
    SignatureDelta { signature: &'a str },
    InputJsonDelta { partial_json: &'a str },
    CitationsDelta { citation: Citation<'a> },
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
pub(crate) struct Stop<'a> {
    pub(crate) stop_reason: &'a str,
    pub(crate) stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_details: Option<StopDetails<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorReply<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) error: ErrorBody<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    pub(crate) r#type: &'a str,
    pub(crate) message: &'a str,
}

/// The body of a token count.
#[derive(Debug, Serialize)]
pub(crate) struct InputTokens {
    pub(crate) input_tokens: u64,
}
