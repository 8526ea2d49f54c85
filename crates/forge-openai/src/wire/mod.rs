//! The vendor's own words.

#[cfg(feature = "ingress")]
pub(crate) mod answer_chat;
#[cfg(feature = "ingress")]
pub(crate) mod answer_responses;
pub(crate) mod chat;
pub(crate) mod chat_reply;
pub(crate) mod content;
pub(crate) mod error;
#[cfg(feature = "ingress")]
pub(crate) mod incoming;
#[cfg(feature = "ingress")]
pub(crate) mod incoming_chat;
#[cfg(feature = "ingress")]
pub(crate) mod incoming_content;
#[cfg(feature = "ingress")]
pub(crate) mod incoming_responses;
pub(crate) mod listing;
pub(crate) mod responses;
pub(crate) mod responses_reply;
#[cfg(feature = "ingress")]
pub(crate) mod stored_responses;
