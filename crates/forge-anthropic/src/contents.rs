//! From the conversation to the vendor's turns.

use std::borrow::Cow;

use forge_core::{
    Message, ModelProvider, ProviderError,
    request::{CacheTtl, MessageRole, Opaque, Part, Source, ToolInput},
};
use forge_http::fit::{IdRule, Rules};
use serde_json::{Value, json, value::RawValue};

use crate::{
    base64,
    mapper::Mapper,
    wire::request::{self as wire, Block, CacheControl, KnownBlock},
};

/// What the vendor takes of a conversation; it joins turns of one speaker by itself. Source: its error replies, 2026-11.
pub(crate) const RULES: Rules = Rules {
    ids: Some(IdRule {
        longest: 64,
        allows: |sign| sign.is_ascii_alphanumeric() || matches!(sign, b'_' | b'-'),
    }),
    refuses_blank_texts: true,
    alternates: false,
    trims_prefill: true,
};

/// The vendor takes at most this many cache breakpoints (`cache_control`) in a request and refuses the
/// request with a fifth, so that further ones are left out.
const MAX_BREAKPOINTS: usize = 4;

/// What a document may be beside a text.
const PDF: &str = "application/pdf";

/// Documents that are texts although their types do not begin so.
const TEXTS: [&str; 10] = [
    "application/csv",
    "application/javascript",
    "application/json",
    "application/markdown",
    "application/sql",
    "application/toml",
    "application/x-ndjson",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
];

impl<'a> Mapper<'a> {
    pub(crate) fn role(&mut self, role: MessageRole) -> &'static str {
        match role {
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
            MessageRole::System if self.profile.system_turns => "system",
            MessageRole::System => {
                // Such a model answers `role: "system"` between turns with a 400. As the user's, the words
                // weigh less but are not lost.
                self.warn(
                    "system",
                    "this model takes no instructions between turns; they are sent as the user's",
                );
                "user"
            }
        }
    }

    fn source(&self, source: &'a Source) -> Result<wire::Source<'a>, ProviderError> {
        match source {
            Source::Base64 { media_type, data } => Ok(wire::Source::Base64 { media_type, data }),
            Source::Url { url } => Ok(wire::Source::Url { url }),
            Source::File { id, vendor: ModelProvider::Anthropic } => Ok(wire::Source::File { file_id: id }),
            _ => Err(self.unsupported("a file that another vendor has")),
        }
    }

    /// The vendor takes PDF as it is and texts as texts.
    fn document(&self, source: &'a Source) -> Result<wire::Source<'a>, ProviderError> {
        let Source::Base64 { media_type, data } = source else { return self.source(source) };
        // Parameters such as `charset=utf-8` say nothing about which source the vendor wants.
        let plain = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if plain == PDF {
            return self.source(source);
        }
        let is_text = plain.starts_with("text/") || TEXTS.contains(&plain.as_str());
        if !is_text && !plain.ends_with("+json") && !plain.ends_with("+xml") {
            return Err(self.unsupported(&format!("a document of the type `{plain}`")));
        }
        let text = base64::decode(data).and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| self.unsupported("a text document that is not UTF-8 in base64"))?;
        // The one type that a text source may have, whatever kind of text it is.
        Ok(wire::Source::Text { media_type: "text/plain", data: text })
    }

    /// The blocks of a turn.
    pub(crate) fn content(&mut self, message: &'a Message) -> Result<Vec<Block<'a>>, ProviderError> {
        let is_document = |part: &Part| matches!(part, Part::Document { .. });
        if message.role == MessageRole::Assistant
            && !self.profile.assistant_documents
            && message.parts.iter().any(is_document)
        {
            return Err(self.unsupported("a document in a turn of the assistant's"));
        }
        let mut blocks = Vec::with_capacity(message.parts.len());
        // The vendor wants tool results before anything else in a turn.
        // Sorted stably: results stay in the order of their calls.
        for results in [true, false] {
            for part in message.parts.iter().filter(|part| matches!(part, Part::ToolResult { .. }) == results)
            {
                blocks.extend(self.block(part)?);
            }
        }
        Ok(blocks)
    }

    fn block(&mut self, part: &'a Part) -> Result<Option<Block<'a>>, ProviderError> {
        let known = match part {
            // The vendor refuses texts that say nothing, also those that carry the state of another vendor.
            Part::Text { text, .. } | Part::Refusal { text, .. } if text.trim().is_empty() => {
                return Ok(None);
            }
            // A refusal is a text to this vendor; its own come as a stop reason and not as a block.
            Part::Refusal { text, .. } => KnownBlock::Text { text: text.into(), cache_control: None },
            Part::Text { text, cache, .. } => {
                KnownBlock::Text { text: text.into(), cache_control: self.cache(*cache) }
            }
            Part::Image { source, cache, .. } => {
                KnownBlock::Image { source: self.source(source)?, cache_control: self.cache(*cache) }
            }
            Part::Document { source, name, cache, .. } => KnownBlock::Document {
                source: self.document(source)?,
                title: name.as_deref(),
                cache_control: self.cache(*cache),
            },
            Part::Thinking { text, opaque, .. } => match self.own(opaque.as_ref()) {
                // Only with the signature that came with it: the vendor checks one against the other, and
                // thoughts without any are refused.
                Some(signature) => KnownBlock::Thinking { thinking: text, signature },
                None => return Ok(None),
            },
            Part::ToolUse { id, name, input, cache, .. } => {
                let cache_control = self.cache(*cache);
                KnownBlock::ToolUse { id, name, input: arguments(input), cache_control }
            }
            Part::ToolResult { tool_use_id, content, is_error, cache, .. } => {
                let mut blocks = Vec::with_capacity(content.len());
                for part in content {
                    blocks.extend(self.block(part)?);
                }
                let cache_control = self.cache(*cache);
                KnownBlock::ToolResult { tool_use_id, content: blocks, is_error: *is_error, cache_control }
            }
            Part::Vendor { opaque, .. } => {
                let Some(data) = self.own(Some(opaque)) else { return Ok(None) };
                let block = RawValue::from_string(data.to_owned())
                    .map_err(|_| self.unsupported("a vendor part that is not JSON"))?;
                return Ok(Some(Block::Verbatim(block)));
            }
            Part::Audio { .. } => return Err(self.unsupported("a recording")),
            _ => return Err(self.unsupported("a part of this kind")),
        };
        Ok(Some(Block::Known(known)))
    }

    /// The state, if this model minted it; the vendor refuses that of any other.
    fn own(&self, opaque: Option<&'a Opaque>) -> Option<&'a str> {
        let opaque =
            opaque.filter(|opaque| opaque.belongs_to(&ModelProvider::Anthropic, self.model, self.provider));
        opaque.map(|opaque| opaque.data.as_str())
    }

    pub(crate) fn cache(&mut self, ttl: Option<CacheTtl>) -> Option<CacheControl> {
        // An hour costs more to write than five minutes, so that it is asked for only where the caller names
        // it.
        let ttl = match ttl? {
            CacheTtl::OneHour => "1h",
            _ => "5m",
        };
        self.breakpoints += 1;
        // One warning however many are left out.
        if self.breakpoints == MAX_BREAKPOINTS + 1 {
            self.warn("cache", format!("only the first {MAX_BREAKPOINTS} cache hints are sent"));
        }
        (self.breakpoints <= MAX_BREAKPOINTS).then_some(CacheControl { r#type: "ephemeral", ttl })
    }
}

/// The vendor wants an object; what a model broke off stays readable inside one.
fn arguments(input: &ToolInput) -> Cow<'_, Value> {
    match input {
        ToolInput::Json(value) if value.is_object() => Cow::Borrowed(value),
        other => Cow::Owned(json!({ "input": other.to_text() })),
    }
}
