//! The Chat Completions dialect, for adapters of other servers that speak it.
//!
//! [`to_wire`] maps a request under the [`Rules`] of the server; [`from_wire`] and [`Decoder`] turn
//! whole replies and streams into events. They bear what servers of this dialect do in the field:
//!
//! - thoughts as `reasoning_content`, `reasoning` or `thinking`, as `reasoning_details`, as pieces of the content, or
//!   between `<think>` and `</think>` in front of it; they carry what has to go back to the model that had them;
//! - tool calls in fragments or whole, with or without `index` and `id`, with arguments as JSON text or
//!   as an object; missing and repeated ids become new ones that stand once in a conversation;
//! - chunks without choices; usage on every chunk, on the last, or nowhere (then the tokens stay
//!   unknown and a [`Warned`](forge_core::StreamEvent::Warned) event about `usage` says so);
//! - errors as a chunk, as an `error:` field line or a bare line of JSON, before `[DONE]` or in place of it.
//!
//! What is not the answer may be missing or of any type. Numbers of tokens that cannot be leave their class unknown.
//!
//! A stream is complete only when a finish reason came, and after it `[DONE]` or the clean end of the
//! body. `[DONE]` alone proves nothing. A whole reply needs no reason to be complete.

mod content;
mod faults;
mod names;
mod parts;
mod pieces;
mod request;
mod response;
mod stream;
mod tags;
mod thoughts;

use std::borrow::Cow;

use forge_core::{Message, ModelId, ProviderError, model::Efforts};
use serde::Deserialize;

pub(crate) use self::{
    content::{address, texts},
    names::CallNames,
    pieces::argument_text,
};
pub use faults::reports_error;
pub use parts::{CallPiece, Parts};
pub use request::to_wire;
pub(crate) use request::{PREFILL, ends_with_assistant};
pub use response::from_wire;
pub use stream::Decoder;
pub use tags::ThinkTags;
pub use thoughts::kept as kept_thoughts;
#[cfg(feature = "ingress")]
pub(crate) use {
    pieces::detail_text,
    thoughts::{Keeper, call_state, give_back},
};

pub use crate::{
    error::inside as failure_inside,
    outgoing::{CallIds, Outgoing},
    tune::SamplingRule,
    usage::{Counting, settled},
    wire::chat::Field,
};

use crate::outgoing;

/// What a server or model of this dialect takes. [`OPENAI`](Self::OPENAI) is where an adapter of another
/// server begins; what a server does not take is left out with a warning, or refused before anything is sent
/// where the answer would be another one without it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Rules {
    /// The field for the most tokens of the answer.
    pub token_limit: TokenLimit,
    /// The role of the system text.
    pub system_role: SystemRole,
    /// When it takes a temperature and its siblings.
    pub sampling: SamplingRule,
    /// Whether it takes `top_k`, which is not OpenAI's.
    pub top_k: bool,
    /// The effort levels it takes; empty if it does not think.
    pub efforts: Efforts,
    /// Whether the thoughts come as text without being asked for.
    pub shows_thinking: bool,
    /// Whether it heeds a tool choice. If not, tools that must not be called are not sent.
    pub tool_choice: bool,
    /// The most stop sequences; 0 if it takes none.
    pub stop_sequences: usize,
    /// Whether it continues a last message of the assistant's.
    pub prefill: bool,
    /// Whether it takes documents.
    pub documents: bool,
    /// Whether it takes recordings.
    pub audio: bool,
    /// Whether it takes tools of free text, and a list of the tools that may be called.
    pub freeform_tools: bool,
    /// Whether it takes pictures in tool results.
    pub tool_result_images: bool,
    /// Whether it would store the conversation unless told not to.
    pub stores: bool,
    /// The fields of a request that it refuses.
    pub refuses: &'static [Field],
    /// Whether its field for a seed is called `random_seed`.
    pub random_seed: bool,
    /// Whether thoughts go back to the model that had them, in the field in which they came.
    pub returns_thoughts: bool,
    /// Whether calls of tools are refused that bring no thoughts.
    pub requires_thoughts: bool,
    /// Which ids of calls it takes.
    pub ids: CallIds,
    /// Whether the speakers have to take turns.
    pub alternates: bool,
}

impl Rules {
    /// What OpenAI's models before GPT-5 take.
    pub const OPENAI: Self = Self {
        token_limit: TokenLimit::MaxCompletionTokens,
        system_role: SystemRole::System,
        sampling: SamplingRule::Always,
        top_k: false,
        efforts: Efforts::NONE,
        shows_thinking: false,
        tool_choice: true,
        stop_sequences: 4,
        prefill: false,
        documents: true,
        audio: true,
        freeform_tools: true,
        tool_result_images: false,
        stores: true,
        refuses: &[],
        random_seed: false,
        returns_thoughts: true,
        requires_thoughts: false,
        ids: CallIds::OPENAI,
        alternates: false,
    };

    /// Whether a request may have this field.
    pub(crate) fn takes(&self, field: Field) -> bool {
        !self.refuses.contains(&field)
    }
}

/// The conversation as the templates of models on local servers take it; see [`fit`](forge_http::fit).
///
/// # Errors
/// A result stands after no call of its id.
pub fn fitted<'a>(
    provider: &str,
    model: &ModelId,
    messages: &'a [Message],
) -> Result<Cow<'a, [Message]>, ProviderError> {
    let mut fitted = outgoing::fitted(provider, model, messages, CallIds::OPENAI, true)?;
    outgoing::inline_texts(&mut fitted, outgoing::Inlined::Everywhere);
    Ok(fitted)
}

/// The field for the most tokens of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenLimit {
    /// `max_tokens`, which every server takes but OpenAI's reasoning models.
    MaxTokens,
    /// `max_completion_tokens`, which some servers ignore.
    MaxCompletionTokens,
}

/// The role of the system text, and of instructions between turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SystemRole {
    /// `system`.
    System,
    /// `developer`, for OpenAI's reasoning models.
    Developer,
}
