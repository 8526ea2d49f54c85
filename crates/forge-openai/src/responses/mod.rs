//! The Responses API.

mod items;
mod open;
mod request;
mod response;
mod stream;
mod tools;

pub(crate) use request::{to_count, to_wire};
pub(crate) use stream::Decoder;
#[cfg(feature = "ingress")]
pub(crate) use tools::choice as tool_choice;

/// What stands between two summaries of one item.
#[cfg(feature = "ingress")]
pub(crate) const BETWEEN_THOUGHTS: &str = response::Whole::BETWEEN_THOUGHTS;
