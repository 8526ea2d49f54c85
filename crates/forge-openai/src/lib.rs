//! OpenAI's Responses and Chat Completions APIs.
//!
//! Use this crate together with `forge-core` to call GPT models without anything else of Forge: it
//! sends one request for one call, retries nothing, and reports what the vendor said.
//!
//! ```no_run
//! use forge_core::{CallContext, ModelRequest, Participant, ProviderExt};
//! use forge_openai::OpenAIProvider;
//!
//! # async fn demo() -> Result<(), forge_core::ProviderError> {
//! let openai = OpenAIProvider::new("sk-test-not-a-key");
//! let cx = CallContext::new(Participant::gpt());
//! let request = ModelRequest::new("Be brief.").with_user_message("Why is the sky blue?");
//! let response = openai.complete(&cx, request).await?;
//! println!("{}", response.text());
//! # Ok(())
//! # }
//! ```
//!
//! # Two APIs
//! GPT-5 and later models are called through Responses, older ones and the models of other vendors
//! through Chat Completions. Which model takes what is data in this crate; [`models`] is its table of
//! limits and prices. An answer's reasoning items, messages and calls keep the vendor's own form beside
//! the common one and go back unchanged to the model that made them. Every request says that the
//! vendor shall store nothing, but for chats with servers that do not know the field or are not known.
//!
//! The Responses API has no stop sequences; a request that has some is refused before it is sent.
//!
//! # Tokens
//! The vendor's input includes what was read from and written to its cache, and its output includes
//! thinking. The adapter takes the parts off the totals:
//! [`input`](forge_core::TokenCount::input) = input - cached - written, and
//! [`output`](forge_core::TokenCount::output) = output - reasoning. The classes sum to the vendor's
//! totals. Cache writes count as writes to the standard cache.
//!
//! # Compatible vendors
//! Many vendors speak the Chat dialect in ways of their own: which fields they refuse, how they count, where thoughts
//! come and whether they go back. What is known of them is data ([`kind`] lists the vendors), chosen by the settings'
//! `dialect` or else by the host of the base URL. Of any other host nothing is assumed. Raw fields, thoughts and state
//! of such a vendor belong to the provider of its name, such as `deepseek`.
//!
//! A base URL may be that of the host, of the API or of a call; `/v1` is added where no version stands in it.
//!
//! # What is changed before it is sent
//! Ids of calls that are too long or stand twice, calls without results, blank turns, media types and documents of
//! text are fitted to what the vendor takes. A schema goes out as strict where the vendor can be held to it; where not,
//! the answer is checked against it and a warning says how it breaks it.
//!
//! # Other servers
//! [`chat`] holds what adapters of other servers need to speak the Chat Completions dialect.
//!
//! # The other side
//! With the feature `ingress`, the module of that name reads requests of both dialects and writes their replies, for a
//! server that speaks them.

mod base;
mod base64;
pub mod chat;
mod compatible;
mod embeddings;
mod error;
#[cfg(feature = "ingress")]
pub mod ingress;
mod kind;
#[cfg(test)]
mod odd;
mod outgoing;
mod profile;
mod provider;
mod relay;
mod responses;
mod schema;
mod tune;
mod usage;
mod wire;

pub use error::classify;
pub use kind::kind;
pub use profile::{capabilities, models};
pub use provider::OpenAIProvider;
