//! Routes LLM calls: from a configuration to calls that arrive.
//!
//! Use this crate with `forge-core`, `forge-layers` and the adapters you need when calls are made by *role*
//! (drafter, critic, coder) and should go on when a vendor fails, keep to limits and budgets, and be able to
//! say why they went where they went. It knows no
//! vendor and no file format, and never reads the environment: write the
//! [`RouterPlan`] yourself, or resolve a [`RouterSpec`] that some file was read into
//! ([`RouterPlan::resolve`] collects every mistake). The crate `forge` reads `forge.yaml`.
//!
//! ```
//! use std::sync::Arc;
//! use forge_core::{
//!     AdapterRegistry, CallContext, ModelRequest, ModelTable, ProviderExt,
//!     storage::memory::MemoryBudgets, time::SystemTimer,
//! };
//! use forge_router::{RouterDeps, ProviderPlan, Router, RouterPlan};
//!
//! # async fn demo(registry: AdapterRegistry) -> Result<(), Box<dyn std::error::Error>> {
//! let first = ProviderPlan::new("first", "one-vendor", "large-model");
//! let second = ProviderPlan::new("second", "another-vendor", "small-model");
//! let deps = RouterDeps {
//!     registry: Arc::new(registry),
//!     models: Arc::new(ModelTable::default()),
//!     sink: Arc::new(()),
//!     budgets: Arc::new(MemoryBudgets::default()),
//!     cooldowns: Arc::new(()),
//!     timer: SystemTimer::shared(),
//!     seed: 1,
//!     events: None,
//! };
//! // The first one does every job; the second one stands in for it.
//! let router = Router::build(RouterPlan::of(vec![first, second]), deps)?;
//!
//! let cx = CallContext::new(Router::participant("coder".into()));
//! let request = Arc::new(ModelRequest::new("").with_user_message("Reverse a list in C."));
//! for candidate in router.explain(&cx, &request).await.candidates {
//!     println!("{}: {:?}", candidate.provider, candidate.verdict);
//! }
//! let reply = router.complete(&cx, request).await?;
//! println!("{} said: {}", reply.participant.provider_id, reply.text());
//! # Ok(())
//! # }
//! ```
//!
//! A [`Router`] is a [`Provider`](forge_core::Provider) itself: code that asks one model does not change when
//! a router takes its place. Around each provider stand, from outside: cache, retry, budgets, circuit breaker,
//! concurrency, rate limit, accounts, clocks. [`ParticipantManager`] picks who takes part in a job.

mod address;
mod affinity;
mod call;
pub mod code;
mod explain;
mod hedge_budget;
mod in_flight;
mod manager;
mod plan;
mod prices;
mod resolve;
mod route;
mod router;
mod select;
mod shared;
mod snapshot;
mod spec;
mod task;
mod watched;

pub use address::{host_of, is_loopback};
pub use manager::{NoParticipant, ParticipantManager};
pub use plan::{
    Budget, CallSettings, Cap, Member, Needs, Parameters, PoolPlan, ProviderPlan, RolePlan, RouterPlan,
    Strategy, Target, USUAL_FALLBACKS,
};
pub use resolve::{RouterSection, fallback_word};
pub use route::{HealthStatus, ProviderHealth, RouteStatus, RouterDeps};
pub use router::{Router, WeakRouter};
pub use spec::{
    BreakerSpec, BudgetSpec, CacheSpec, Enabled, EnabledWhen, LimitSpec, LocalSpec, MemberSpec, ModelSpec,
    ParameterSpec, PoolSpec, PriceSpec, ProviderSpec, RetrySpec, RoleSpec, RouterSpec, SessionModelSpec,
    TagBudgetSpec, TimeoutSpec,
};
pub use task::{IllegalTransition, TaskContext, TaskStatus};

/// What a router is called in errors, and the provider id of calls that are routed by role alone.
const NAME: &str = "router";
