//! HTTP for LLM adapters.
//!
//! Use this crate to write an adapter for a vendor that Forge does not know yet; to call a model, use
//! an adapter crate. It knows no vendor by name. An adapter describes its vendor in a [`Dialect`],
//! opens a [`Connection`], and turns replies into events: whole ones with [`Reply::whole`], streams
//! with [`Reply::events`] and a [`Decode`] of its own. In return it gets
//!
//! - clients that follow no redirects, retry nothing, read no environment, and send the credential in
//!   a header that no log shows;
//! - four clocks: connecting, first content, gap between contents, deadline;
//! - caps: [`MAX_EVENT_BYTES`] an event, [`MAX_STREAM_BYTES`] a stream, [`MAX_BODY_BYTES`] a body;
//! - errors with the vendor's facts and without credentials;
//! - every notation of waits and rate limits ([`hints`]).
//!
//! ```
//! use forge_core::{event::RateLimitStatus, provider::{AdapterSettings, Timeouts}};
//! use forge_http::{Connection, Dialect, Failure};
//!
//! const DIALECT: Dialect = Dialect {
//!     base_url: "https://api.example.com/v1",
//!     credential: ("authorization", "Bearer "),
//!     headers: &[],
//!     timeouts: Timeouts::USUAL,
//!     rate_limits: |_headers, _now| RateLimitStatus::default(),
//!     classify: Failure::from_status,
//! };
//!
//! let connection = Connection::new(&AdapterSettings::new("example"), DIALECT)?;
//! let _chat = connection.endpoint(["chat"]);
//! # Ok::<(), forge_core::ProviderError>(())
//! ```

mod address;
mod answer;
mod clients;
mod clocks;
mod connection;
mod decode;
mod dialect;
mod failure;
pub mod fit;
mod frames;
pub mod hints;
#[cfg(feature = "ingress")]
pub mod ingress;
mod json;
pub mod lenient;
mod lines;
mod meanings;
mod origin;
mod redact;
mod relay;
mod reply;
pub mod schema;
mod settings;
mod sound;
mod stream;

pub use address::{is_version, versioned};
pub use connection::{Connection, Endpoint};
pub use decode::{Decode, Events, Passage};
pub use dialect::Dialect;
pub use failure::{ErrorReply, Failure, kind_of_status, readable};
pub use frames::{EventTooLarge, Frame, MAX_EVENT_BYTES, MAX_STREAM_BYTES, NdjsonDecoder, SseDecoder};
pub use json::{TextLength, from_json, to_json};
pub use meanings::Meanings;
pub use relay::{LONGEST_WHOLE, spliced};
pub use reply::{EventOptions, MAX_BODY_BYTES, Reply};
pub use stream::Framing;
