//! Google's Gemini API (`generateContent`).
//!
//! Use this crate together with `forge-core` to call Gemini models without anything else of Forge: it
//! sends one request for one call, retries nothing, and reports what the vendor said.
//!
//! ```no_run
//! use forge_core::{CallContext, ModelRequest, Participant, ProviderExt};
//! use forge_google::GoogleProvider;
//!
//! # async fn demo() -> Result<(), forge_core::ProviderError> {
//! let gemini = GoogleProvider::new("not-a-key");
//! let cx = CallContext::new(Participant::gemini_pro());
//! let request = ModelRequest::new("Be brief.").with_user_message("Why is the sky blue?");
//! let response = gemini.complete(&cx, request).await?;
//! println!("{}", response.text());
//! # Ok(())
//! # }
//! ```
//!
//! # Tokens
//! The vendor's `promptTokenCount` includes cached input, which is taken out of it; tool results that
//! it counts beside the prompt are added. Its `candidatesTokenCount` is visible output, and
//! `thoughtsTokenCount` stands beside it as [`reasoning`](forge_core::TokenCount::reasoning). The
//! classes sum to the vendor's `totalTokenCount`; where they do not, or where a number cannot be right, the
//! class is unknown and a warning says so. The vendor leaves out counts of zero; a reply without any count
//! leaves the tokens unknown.
//!
//! # Tool calls
//! A call's id goes back with the call and with its result. Where the vendor gives none, one is made
//! from the reply's own id, unique in the conversation; the vendor takes it like its own. Results are
//! sent in the order of their calls, in one turn.
//!
//! # Signatures
//! `thoughtSignature` is kept with the very part it came on and goes back to the model that was asked,
//! and to no other. A turn with calls of another model goes to Gemini 3 and later with the vendor's own
//! word for a missing signature, because they refuse calls without any.
//!
//! # What differs by model
//! Newer models ignore sampling settings and refuse prefilled answers; Gemini 2.5 thinks by budget and
//! later ones by level; the differences are data in this crate, and [`models`] is its table of limits
//! and prices. No current model takes penalties. Nothing that is sent is stored by the vendor
//! (`store: false`).
//!
//! # Servers
//! With the feature `ingress`, the module of this name reads requests of this API and writes its replies, for servers
//! that speak it to their clients.

mod address;
mod citations;
mod contents;
mod error;
#[cfg(feature = "ingress")]
pub mod ingress;
mod kind;
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
pub use provider::GoogleProvider;
