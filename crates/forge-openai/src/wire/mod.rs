//! The vendor's own words.

pub(crate) mod chat;
pub(crate) mod chat_reply;
pub(crate) mod content;
pub(crate) mod error;
pub(crate) mod listing;
pub(crate) mod responses;
pub(crate) mod responses_reply;
