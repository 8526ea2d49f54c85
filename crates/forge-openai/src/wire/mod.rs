//! The vendor's own words.

pub(crate) mod chat;
pub(crate) mod chat_reply;
pub(crate) mod content;
pub(crate) mod error;
pub(crate) mod listing;
pub(crate) mod responses;
pub(crate) mod responses_reply;

use std::borrow::Cow;

use serde::Deserialize;

/// A text that borrows from the reply where it holds no escapes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
