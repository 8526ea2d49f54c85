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
//! - [`UsageSink`], [`Journal`] and [`BudgetStore`] are the doors to storage.
//!
//! A provider of one's own, and a call to it:
//!
//! ```
//! use std::sync::Arc;
//! use forge_core::{
//!     CallContext, Capabilities, Delta, Finished, ModelId, ModelRequest, PartKind, Participant, Provider,
//!     ProviderError, ProviderExt, ResponseStream, Started, StopReason, StreamEvent, TokenCount, async_trait,
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
//!             Ok(StreamEvent::Started(Started::default())),
//!             Ok(StreamEvent::PartStarted { index: 0, kind: PartKind::Text }),
//!             Ok(StreamEvent::PartDelta { index: 0, delta: Delta::Text(text) }),
//!             Ok(StreamEvent::PartEnded { index: 0, opaque: None }),
//!             Ok(StreamEvent::Finished(Finished {
//!                 reason: StopReason::EndTurn,
//!                 raw_reason: None,
//!                 usage: TokenCount::default(),
//!                 raw: None,
//!             })),
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

mod abilities;
mod accumulate;
mod budget;
mod capabilities;
mod clock;
mod context;
mod error;
mod error_kind;
mod event;
mod id;
mod journal;
mod kind;
mod layer;
mod memory;
mod message;
mod models;
mod money;
mod participant;
mod price;
mod provider;
mod rate;
mod registry;
mod request;
mod response;
mod route;
mod size;
mod storage;
mod timer;
mod tokens;
mod usage;

pub use abilities::Abilities;
pub use accumulate::Accumulator;
pub use async_trait::async_trait;
pub use budget::{Amount, BudgetCap, BudgetError, BudgetStore, ReservationId, Spent};
pub use capabilities::{Capabilities, Efforts};
pub use clock::{Clock, SystemClock};
pub use context::{CallContext, Fallback, Tags};
pub use error::{ErrorFacts, ProviderError};
pub use error_kind::{Advice, BreakerEffect, ErrorKind, Phase, Policy};
pub use event::{Delta, Finished, PartKind, ResponseStream, Started, StreamEvent, Warning};
pub use id::{CallId, ModelId, ProviderId};
pub use journal::{Entry, Fence, Journal, JournalError, StreamName};
pub use kind::AdapterKind;
pub use layer::{Layer, Stack};
pub use memory::{MemoryBudgets, MemoryJournal};
pub use message::{CacheTtl, Message, MessageRole, Opaque, Part, Source};
pub use models::{ModelInfo, ModelRow, ModelTable, Routed};
pub use money::{Money, ParseMoneyError};
pub use participant::{ModelProvider, Participant, ParticipantRole};
pub use price::{Price, Rate, Tier};
pub use provider::{Adapter, Health, Provider, ProviderExt};
pub use rate::{RateLimitStatus, RateLimitWindow};
pub use registry::{AdapterRegistry, AdapterSettings, RegistryError, Timeouts};
pub use request::{Delivery, Effort, ModelRequest, OutputFormat, Sampling, Tool, ToolChoice};
pub use response::{ModelResponse, StopReason};
pub use route::{Attempts, Candidate, FailedAttempt, RouteTrace, Verdict};
pub use secrecy::{ExposeSecret, SecretString};
pub use size::{RequestSize, tokens_of};
pub use storage::StorageError;
pub use timer::{ManualTimer, Timer, Wait};
pub use tokens::TokenCount;
pub use usage::{CallStatus, UsageRecord, UsageSink};
