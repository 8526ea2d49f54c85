//! Fits a conversation to what a vendor takes. Every vendor refuses some of what the others write: ids of calls, blank
//! texts, turns of one speaker that follow each other, calls without results, wrong media types.
//!
//! The same conversation is fitted in the same way every time, and what is added to it does not change what came
//! before, so that the vendor's prompt cache still holds.

mod ids;
mod media;
mod pairs;
mod rewritten;
mod stops;
mod tools;
mod turns;

use std::borrow::Cow;

use forge_core::{
    Message,
    request::{MessageRole, Part},
};

pub use self::{ids::IdRule, stops::Stops, tools::PlainTools};

/// What stands before instructions that go out as the user's words, because the vendor takes none between turns.
pub const INSTRUCTIONS: &str = "[Instructions from the system, not from the user]";

/// Whether instructions stand behind the first turn. In front of it, system messages are the system text of
/// every vendor.
pub fn instructs_between(messages: &[Message]) -> bool {
    let begun = messages.iter().skip_while(|message| message.role == MessageRole::System);
    begun.into_iter().any(|message| message.role == MessageRole::System)
}

/// What a vendor takes.
///
/// Exhaustive on purpose: an adapter has to say each of them.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "an adapter has to say each of them")]
pub struct Rules {
    /// The ids of tool calls; `None` if the vendor takes any.
    pub ids: Option<IdRule>,
    /// Whether a text of nothing but white space is refused.
    pub refuses_blank_texts: bool,
    /// Whether user and assistant have to take turns, with the results of tools as the user's turn, and instructions
    /// in front alone: so it is with most templates of open models.
    pub alternates: bool,
    /// Whether the last turn of an assistant may not end with white space.
    pub trims_prefill: bool,
}

/// A conversation that no change of form makes right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// There is a result of a call that nobody made before it.
    #[error(
        "the result of the tool call `{id}` follows no such call; leave it out, or send the call as well"
    )]
    ResultWithoutCall {
        /// The id of the call.
        id: String,
    },
}

/// The conversation as a vendor with these rules takes it, in any case with calls that have their results in the turn
/// after them and with media types that are those of the bytes. Nearly every conversation is borrowed.
///
/// # Errors
/// Something in it would be refused and cannot be mended without changing what was said.
pub fn fit<'a>(messages: &'a [Message], rules: &Rules) -> Result<Cow<'a, [Message]>, Unfit> {
    let mut messages = Cow::Borrowed(messages);
    // In this order: a turn of blank texts may be all that stands between a call and its result, ids are
    // given to calls that have their results, and turns are joined once all of them are there.
    media::correct(&mut messages);
    if rules.refuses_blank_texts {
        turns::drop_blank_texts(&mut messages);
    }
    // Most conversations have no calls and are spared the walk.
    if has_tools(&messages) {
        pairs::complete(&mut messages)?;
        if let Some(rule) = rules.ids {
            ids::assign(&mut messages, rule);
        }
    }
    if rules.alternates {
        turns::alternate(&mut messages);
    }
    if rules.trims_prefill {
        turns::trim_prefill(&mut messages);
    }
    Ok(messages)
}

fn has_tools(messages: &[Message]) -> bool {
    let is_tool = |part: &Part| matches!(part, Part::ToolUse { .. } | Part::ToolResult { .. });
    messages.iter().any(|message| message.parts.iter().any(is_tool))
}
