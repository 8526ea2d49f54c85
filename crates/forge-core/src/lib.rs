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
//! - [`UsageSink`], [`Journal`] and [`BudgetStore`] are doors to storage; [`storage`] has all of them.
//!
//! A provider of one's own, and a call to it:
//!
//! ```
//! use std::sync::Arc;
//! use forge_core::{
//!     CallContext, Capabilities, Delta, Finished, ModelId, ModelRequest, PartKind, Participant, Provider,
//!     ProviderError, ProviderExt, ResponseStream, Started, StopReason, StreamEvent, async_trait,
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

#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod abilities;
mod accumulate;
mod attempts;
mod capabilities;
mod context;
mod error;
mod error_kind;
mod event;
mod id;
mod kind;
mod layer;
mod millis;
mod models;
mod money;
mod participant;
mod price;
mod provider;
mod rate;
mod registry;
mod request;
mod route;
mod settings;
pub mod storage;
mod stream;
mod tags;
pub mod time;
mod tokens;

pub use abilities::Abilities;
pub use accumulate::Accumulator;
pub use async_trait::async_trait;
pub use attempts::Attempts;
pub use capabilities::{Capabilities, Efforts};
pub use context::{CallContext, Fallback};
pub use error::{ErrorFacts, ProviderError};
pub use error_kind::{Advice, BreakerEffect, ErrorKind, Phase, Policy};
pub use event::{
    Delta, Finished, ModelResponse, PartKind, Relayed, Started, StopDetail, StopReason, StreamEvent,
    ToolStart, Warning,
};
pub use id::{CallId, ModelId, ProviderId};
pub use kind::{AdapterKind, CompatibleVendor};
pub use layer::{Layer, Stack};
pub use models::{ModelInfo, ModelRow, ModelTable, Routed};
pub use money::{Money, ParseMoneyError, cost};
pub use participant::{ModelProvider, Participant, ParticipantRole};
pub use price::{Factor, Price, Rate, ServedPrice, Tier};
pub use provider::{Adapter, Health, Provider, ProviderExt};
pub use rate::{RateLimitStatus, RateLimitWindow};
pub use registry::{AdapterRegistry, RegistryError};
pub use request::{
    CacheTtl, Carried, Citation, Delivery, Dialect, Effort, Extras, FreeformFormat, FreeformTool,
    FunctionTool, HostedTool, InvalidBody, Message, MessageRole, ModelRequest, Opaque, Outline, OutputFormat,
    OutputSchema, ParseBody, Part, RequestSize, Sampling, Schema, Shared, Source, SystemText, Tool,
    ToolChoice, ToolInput, tokens_of,
};
pub use route::{Candidate, FailedAttempt, RouteTrace, Verdict};
pub use secrecy::{ExposeSecret, SecretString};
pub use settings::{AdapterSettings, Timeouts};
pub use storage::{
    StorageError, StorageErrorKind,
    accounts::{CallStatus, Served, UsageRecord, UsageSink},
    budget::{Amount, BudgetCap, BudgetError, BudgetStore, ReservationId, Spent},
    journal::{Batch, Claim, Entry, Fence, Journal, JournalError, StreamName, Streams},
    memory::{MemoryBudgets, MemoryJournal},
};
pub use stream::ResponseStream;
pub use tags::{MAX_TAG_KEY, MAX_TAG_VALUE, MAX_TAGS, TagError, Tags};
pub use time::{Clock, ManualTimer, SystemTimer, Timer, Wait};
pub use tokens::{ServerTools, TokenCount};
