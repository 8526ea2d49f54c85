//! Local model servers: Ollama, llama.cpp, vLLM and LM Studio.
//!
//! Use this crate together with `forge-core` to call models on a server under your own control without
//! anything else of Forge. It speaks the Chat Completions dialect of all four servers (through
//! `forge-openai`'s [`chat`](forge_openai::chat) module) and, where the context size of a request
//! matters, Ollama's own API. It sends one request for one call, retries nothing, and reports what the
//! server said.
//!
//! ```no_run
//! use forge_core::{CallContext, ModelRequest, Participant, ProviderExt};
//! use forge_local::LocalProvider;
//!
//! # async fn demo() -> Result<(), forge_core::ProviderError> {
//! let ollama = LocalProvider::new("http://127.0.0.1:11434");
//! let cx = CallContext::new(Participant::local("qwen3"));
//! let request = ModelRequest::new("Be brief.").with_user_message("Why is the sky blue?");
//! let response = ollama.complete(&cx, request).await?;
//! println!("{}", response.text());
//! # Ok(())
//! # }
//! ```
//!
//! # What to look out for
//! - Some servers answer for any model name; the model that did is in
//!   [`Started::model`](forge_core::event::Started).
//! - Ollama cuts prompts that are longer than its context window without a word. When it counts far
//!   fewer tokens than the prompt seems to have, a [`Warned`](forge_core::StreamEvent::Warned) event
//!   about `prompt` says so. With [`LocalProvider::with_native`] a request can set the window itself:
//!   `extra["options"]["num_ctx"]`. In settings, the options `num_ctx`, `keep_alive` and `think` turn that API on, and
//!   so does `api: native`.
//! - A long prompt or a cold model can take minutes before the first word; see [`TIMEOUTS`].
//! - Ollama does not heed a tool choice: a forced tool call is refused, and tools that must not be
//!   called are not sent.
//!
//! # Tokens
//! The Chat dialect's arithmetic is that of `forge-openai`. Ollama's own API gives one number for the
//! prompt and one for the output; thinking is inside the output. A server that gives no numbers leaves
//! them unknown. Every price is zero ([`models`]).

mod adapter;
mod error;
mod estimate;
mod kind;
mod native;
#[cfg(test)]
mod odd;
mod options;
mod profile;
mod provider;
mod server;
mod wire;

pub use kind::{kind, ollama_url};
pub use profile::{TIMEOUTS, capabilities, models};
pub use provider::LocalProvider;
pub use server::ServerKind;
