//! Layers around LLM providers: retry, timeout, rate limit, concurrency, circuit breaker, observation,
//! cache.
//!
//! Use this crate with `forge-core` and one adapter when calls should keep to limits and survive a bad
//! minute. Each layer is usable alone around any [`Provider`](forge_core::Provider), keeps its state in the
//! layer value (the wrappers it makes are cheap and share that state), and takes the time from the call
//! ([`CallContext::timer`](forge_core::CallContext::timer)), so that it can be tested without waiting. What a
//! call holds travels inside its stream and settles when that ends or is dropped.
//!
//! ```
//! use std::sync::Arc;
//! use forge_core::{Provider, provider::Stack};
//! use forge_layers::{Breaker, BreakerPolicy, Concurrency, ConcurrencyPolicy, Retry, RetryPolicy};
//!
//! # fn demo(claude: Arc<dyn Provider>) -> Arc<dyn Provider> {
//! let concurrency = Concurrency::new(ConcurrencyPolicy::new(8));
//! let breaker = Breaker::new(BreakerPolicy::default(), 1);
//! let retry = Retry::new(RetryPolicy::default(), 1);
//! // The layer added last is the outermost: a retry is a new call to the breaker.
//! Stack::new(claude).with(&concurrency).with(&breaker).with(&retry).build()
//! # }
//! ```
//!
//! There is one retry loop in a process: put [`Retry`] around a provider once, and around nothing that
//! retries itself.

mod breaker;
mod cache;
mod concurrency;
mod observe;
mod observer;
mod peek;
mod queue;
mod rate_limit;
mod retry;
#[cfg(test)]
mod script;
mod timeout;

pub use breaker::{Breaker, BreakerPolicy, BreakerState};
pub use cache::{Cache, CacheFigures, CachePolicy, CacheScope};
pub use concurrency::{Concurrency, ConcurrencyPolicy};
pub use observe::{GEN_AI_CONVENTIONS, Observe};
pub use observer::tap;
pub use peek::peek;
pub use rate_limit::{RateLimit, RateLimits};
pub use retry::{Retry, RetryBudget, RetryPolicy};
pub use timeout::Timeout;
