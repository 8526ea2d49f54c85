//! Anthropic's Messages API.
//!
//! Use this crate together with `forge-core` to call Claude models without anything else of Forge: it
//! sends one request for one call, retries nothing, and reports what the vendor said.
//!
//! ```no_run
//! use forge_anthropic::AnthropicProvider;
//! use forge_core::{CallContext, ModelRequest, Participant, ProviderExt};
//!
//! # async fn demo() -> Result<(), forge_core::ProviderError> {
//! let claude = AnthropicProvider::new("sk-test-not-a-key");
//! let cx = CallContext::new(Participant::claude_sonnet());
//! let request = ModelRequest::new("Be brief.").with_user_message("Why is the sky blue?");
//! let response = claude.complete(&cx, request).await?;
//! println!("{}", response.text());
//! # Ok(())
//! # }
//! ```
//!
//! # Tokens
//! The vendor's `input_tokens` is uncached input already; cache reads and writes stand beside it. Its
//! `output_tokens` includes thinking, which is split off as
//! [`reasoning`](forge_core::TokenCount::reasoning) when the vendor says how much it was. The classes
//! sum to the vendor's totals. Numbers that cannot be right, and totals that leave out calls within the call
//! (`iterations`), leave their class unknown with a warning.
//!
//! # What others wrote
//! A conversation is fitted before it is sent: ids that this vendor takes, no blank texts, a result for every call,
//! texts as texts, media types of the bytes. Schemas are closed, and what the vendor cannot hold a model to goes into
//! descriptions and is checked afterwards. The same conversation becomes the same request every time.
//!
//! # What differs by model
//! Newer models take no sampling settings, think adaptively, and refuse prefilled answers and forced
//! tool calls; the differences are data in this crate, and [`models`] is its table of limits and
//! prices.

mod address;
mod base64;
mod blocks;
mod contents;
mod error;
mod gather;
#[cfg(feature = "ingress")]
pub mod ingress;
mod kind;
mod mapper;
mod parts;
mod profile;
mod provider;
mod reason;
mod relay;
mod request;
mod response;
mod schemas;
mod stream;
#[cfg(test)]
mod stream_tests;
mod tune;
mod usage;
mod wire;

pub use kind::kind;
pub use profile::{capabilities, models};
pub use provider::AnthropicProvider;
