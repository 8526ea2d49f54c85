//! Ollama's own API, where the context window of a request can be set.

mod request;
mod stream;

pub(crate) use request::to_wire;
pub(crate) use stream::Decoder;
