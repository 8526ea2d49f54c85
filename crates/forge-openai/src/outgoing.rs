//! What goes out, and what it has become on the way.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use forge_core::{
    ErrorKind, Message, ModelId, ProviderError,
    error::Phase,
    event::Warning,
    request::{Part, Schema, Source},
};
use forge_http::fit::{self, IdRule};
use serde::Deserialize;

use crate::base64;

/// Which ids of calls a server takes. Ids of other vendors in a conversation are replaced by ones that fit,
/// calls and results alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CallIds {
    /// The most bytes; with [`exact`](Self::exact) the only number that is taken.
    pub longest: usize,
    /// Whether every id has to be as long as that.
    pub exact: bool,
    /// Whether an id is made of letters and digits alone.
    pub alphanumeric: bool,
}

impl CallIds {
    /// `OpenAI`'s ids.
    pub const OPENAI: Self = Self { longest: 64, exact: false, alphanumeric: false };
}

impl Default for CallIds {
    fn default() -> Self {
        Self::OPENAI
    }
}

/// A request as it is sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outgoing {
    /// The body.
    pub body: Vec<u8>,
    /// What was left out or changed, for the caller.
    pub warnings: Vec<Warning>,
    /// What the answer has to be checked against, because the server is not held to it; `None` if there is no
    /// schema, or if the server is.
    pub schema: Option<Schema>,
}

impl Outgoing {
    /// A request with this body.
    pub fn new(body: Vec<u8>, warnings: Vec<Warning>, schema: Option<Schema>) -> Self {
        Self { body, warnings, schema }
    }
}

/// The conversation with ids, turns and media types as a server takes them.
pub(crate) fn fitted<'a>(
    provider: &str,
    model: &ModelId,
    written: &'a [Message],
    ids: CallIds,
    alternates: bool,
) -> Result<Cow<'a, [Message]>, ProviderError> {
    // Ids of an exact length are made of ids that stand once.
    let allows: fn(u8) -> bool =
        if ids.alphanumeric && !ids.exact { |byte| byte.is_ascii_alphanumeric() } else { |_| true };
    let longest = if ids.exact { usize::MAX } else { ids.longest };
    let rules = fit::Rules {
        ids: Some(IdRule { longest, allows }),
        // Not every server refuses them, but one that takes them gains nothing by it.
        refuses_blank_texts: true,
        alternates,
        trims_prefill: false,
    };
    let mut fitted = fit::fit(written, &rules).map_err(|unfit| {
        ProviderError::new(ErrorKind::InvalidRequest, provider, unfit.to_string()).with(|facts| {
            facts.model = Some(model.clone());
            facts.phase = Phase::BeforeSend;
        })
    })?;
    // After the fit, which gives every call an id of its own: two calls of one id would become one here.
    if ids.exact {
        make_exact(&mut fitted, ids.longest);
    }
    // A conversation of nothing but white space is the caller's to mend.
    Ok(if fitted.is_empty() { Cow::Borrowed(written) } else { fitted })
}

/// Gives every call and its result an id of exactly so many letters and digits, the same every time.
fn make_exact(messages: &mut Cow<'_, [Message]>, length: usize) {
    let is_good = |id: &str| id.len() == length && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let ids = messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::ToolUse { id, .. } => Some(id.as_str()),
        _ => None,
    });
    let (mut used, mut minted): (HashSet<String>, HashMap<String, String>) = Default::default();
    for id in ids {
        let mut exact = id.to_owned();
        let mut attempt = 0_u64;
        while !is_good(&exact) || used.contains(&exact) {
            exact = digits(id, attempt, length);
            attempt += 1;
        }
        used.insert(exact.clone());
        if exact != id {
            minted.insert(id.to_owned(), exact);
        }
    }
    if minted.is_empty() {
        return;
    }
    for part in messages.to_mut().iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolUse { id, .. } | Part::ToolResult { tool_use_id: id, .. } = part
            && let Some(exact) = minted.get(id.as_str())
        {
            id.clone_from(exact);
        }
    }
}

fn digits(id: &str, attempt: u64, length: usize) -> String {
    const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    // FNV-1a, which is the same on every machine and in every version.
    let bytes = attempt.to_le_bytes();
    let hash = id.bytes().chain(bytes).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let base = DIGITS.len() as u64;
    let digits = std::iter::successors(Some(hash), |rest| Some(rest / base));
    digits.take(length).map(|rest| char::from(DIGITS[usize::try_from(rest % base).unwrap_or(0)])).collect()
}

/// Where documents of text become texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inlined {
    Everywhere,
    InResults,
}

/// Makes texts of documents that are texts, for servers that take nothing else there.
pub(crate) fn inline_texts(messages: &mut Cow<'_, [Message]>, place: Inlined) {
    let may_hold = |part: &Part| match part {
        Part::ToolResult { content, .. } => content.iter().any(is_document),
        part => place == Inlined::Everywhere && is_document(part),
    };
    if !messages.iter().any(|message| message.parts.iter().any(may_hold)) {
        return;
    }
    for part in messages.to_mut().iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            Part::ToolResult { content, .. } => content.iter_mut().for_each(inline),
            part if place == Inlined::Everywhere => inline(part),
            _ => {}
        }
    }
}

fn is_document(part: &Part) -> bool {
    matches!(part, Part::Document { .. })
}

fn inline(part: &mut Part) {
    let Part::Document { source: Source::Base64 { media_type, data }, .. } = part else { return };
    let is_text = media_type.starts_with("text/") || media_type == "application/json";
    if let Some(text) =
        is_text.then(|| base64::decode(data)).flatten().and_then(|bytes| String::from_utf8(bytes).ok())
    {
        *part = Part::text(text);
    }
}

#[cfg(test)]
mod tests {
    use forge_core::request::MessageRole;
    use serde_json::json;

    use super::*;

    const MISTRAL: CallIds = CallIds { longest: 9, exact: true, alphanumeric: true };

    fn turns(ids: &[&str]) -> Vec<Message> {
        let turn = |id: &&str| {
            let call = Message::new(MessageRole::Assistant, vec![Part::tool_use(*id, "f", json!({}))]);
            [call, Message::new(MessageRole::User, vec![Part::tool_result(*id, "r")])]
        };
        ids.iter().flat_map(turn).collect()
    }

    fn ids(messages: &[Message], rule: CallIds) -> Vec<String> {
        let fitted = fitted("p", &"m".into(), messages, rule, false).unwrap();
        let parts = fitted.iter().flat_map(|message| &message.parts);
        let ids = parts.map(|part| match part {
            Part::ToolUse { id, .. } | Part::ToolResult { tool_use_id: id, .. } => id.clone(),
            other => panic!("{other:?}"),
        });
        ids.collect()
    }

    #[test]
    fn ids_of_an_exact_length_are_the_same_every_time_and_for_call_and_result() {
        let long = "x".repeat(80);
        let messages = turns(&["call_0", "call_0", "abcDEF123", "call_1", &long]);
        let exact = ids(&messages, MISTRAL);
        assert!(exact.iter().all(|id| id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric())));
        assert_eq!(exact[4], "abcDEF123");
        for pair in exact.chunks(2) {
            assert_eq!(pair[0], pair[1]);
        }
        assert_eq!(exact.iter().collect::<HashSet<_>>().len(), 5);
        assert_eq!(ids(&messages[..4], MISTRAL), exact[..4]);
        let openai = ids(&messages, CallIds::OPENAI);
        assert_eq!((openai[0].as_str(), openai[2].as_str(), openai[8].len()), ("call_0", "call_0_1", 64));
    }

    #[test]
    fn a_result_without_its_call_is_refused_before_anything_is_sent() {
        let lone = [Message::new(MessageRole::User, vec![Part::tool_result("a", "r")])];
        let error = fitted("p", &"m".into(), &lone, CallIds::OPENAI, false).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend));
    }

    #[test]
    fn documents_of_text_are_texts_where_nothing_else_is_taken() {
        let csv =
            || Part::document(Source::Base64 { media_type: "text/csv".into(), data: "YSxiCjEsMg==".into() });
        let pdf =
            || Part::document(Source::Base64 { media_type: "application/pdf".into(), data: "AAAA".into() });
        let written =
            [Message::new(MessageRole::User, vec![csv(), Part::tool_result_parts("a", vec![csv(), pdf()])])];
        let read = |place| {
            let mut messages = Cow::Borrowed(&written[..]);
            inline_texts(&mut messages, place);
            messages[0].parts.clone()
        };
        let result = Part::tool_result_parts("a", vec![Part::text("a,b\n1,2"), pdf()]);
        assert_eq!(read(Inlined::InResults), [csv(), result.clone()]);
        assert_eq!(read(Inlined::Everywhere), [Part::text("a,b\n1,2"), result]);
    }
}
