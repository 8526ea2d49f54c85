//! The ground floor of Forge: one request, one event stream and one error for every LLM vendor.
//!
//! This crate holds types and traits and does no I/O. Depend on it together with one adapter crate
//! (`forge-anthropic`, `forge-openai`, `forge-google`, `forge-local`) to call a model, or implement
//! [`Provider`] to add a vendor, a fake, or a layer of your own.
//!
//! - A [`ModelRequest`] says what is wanted; a [`CallContext`] says of whom, until when, on whose
//!   behalf.
//! - A [`Provider`] answers with a [`ResponseStream`] of [`StreamEvent`]s;
//!   [`ProviderExt::complete`] folds them into a [`ModelResponse`].
//! - A [`ProviderError`] says what went wrong in terms that routing can act on
//!   ([`ErrorKind::policy`]), with the vendor's own facts beside it.
//! - [`TokenCount`] has classes that do not overlap; [`ModelTable`] prices them in whole
//!   nano-dollars; what is unknown stays `None`.
//! - [`storage`] has the doors to accounts, budgets and journals, and a memory behind each.
//!
//! The root holds the names that nearly every user needs; the modules hold them and all the others.
//!
//! A provider of one's own, and a call to it:
//!
//! ```
//! use std::sync::Arc;
//! use forge_core::{
//!     CallContext, Capabilities, ModelId, ModelRequest, Participant, Provider, ProviderError,
//!     ProviderExt, ResponseStream, StreamEvent, async_trait,
//!     event::{Delta, Finished, PartKind, Started, StopReason},
//! };
//!
//! #[derive(Debug)]
//! struct Echo;
//!
//! #[async_trait]
//! impl Provider for Echo {
//!     fn name(&self) -> &str {
//!         "echo"
//!     }
//!
//!     fn capabilities(&self, _model: &ModelId) -> Capabilities {
//!         Capabilities::default()
//!     }
//!
//!     async fn stream(
//!         &self,
//!         _cx: &CallContext,
//!         request: Arc<ModelRequest>,
//!     ) -> Result<ResponseStream, ProviderError> {
//!         let text = format!("{} messages", request.messages.len());
//!         Ok(ResponseStream::from_events([
//!             Ok(Started::default().into()),
//!             Ok(StreamEvent::PartStarted { index: 0, kind: PartKind::Text }),
//!             Ok(StreamEvent::PartDelta { index: 0, delta: Delta::Text(text) }),
//!             Ok(StreamEvent::PartEnded { index: 0, opaque: None }),
//!             Ok(Finished::new(StopReason::EndTurn).into()),
//!         ]))
//!     }
//! }
//!
//! # async fn demo() -> Result<(), ProviderError> {
//! let cx = CallContext::new(Participant::local("echo-1"));
//! let request = ModelRequest::new("").with_user_message("hello");
//! let response = Echo.complete(&cx, request).await?;
//! assert_eq!(response.text(), "1 messages");
//! # Ok(())
//! # }
//! # futures_util::FutureExt::now_or_never(demo()).expect("nothing to wait for").unwrap();
//! ```

// A public type that is closed breaks its users with every addition, so that each such says why it is.
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

pub mod call;
pub mod error;
mod error_kind;
pub mod event;
mod id;
mod millis;
pub mod model;
mod participant;
mod price;
pub mod provider;
pub mod request;
pub mod route;
pub mod storage;
pub mod stream;
pub mod tags;
pub mod time;
pub mod usage;
pub mod watch;

pub use async_trait::async_trait;
pub use secrecy::{ExposeSecret, SecretString};

pub use call::CallContext;
pub use error::{ErrorKind, ProviderError};
pub use event::{ModelResponse, StreamEvent};
pub use id::{ModelId, ProviderId};
pub use model::{Capabilities, ModelTable};
pub use participant::{ModelProvider, Participant, ParticipantRole};
pub use provider::{Adapter, AdapterKind, AdapterRegistry, Provider, ProviderExt};
pub use request::{Message, ModelRequest};
pub use stream::ResponseStream;
pub use usage::{Money, TokenCount};
