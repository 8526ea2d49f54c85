//! The Responses API.

mod items;
mod open;
mod request;
mod response;
mod stream;
mod tools;

pub(crate) use request::{to_count, to_wire};
pub(crate) use stream::Decoder;
