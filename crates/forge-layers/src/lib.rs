//! Layers around LLM providers.
//!
//! Each layer is usable alone around any [`Provider`](forge_core::Provider), is one file, and keeps its
//! state in the layer value; the wrappers it makes are cheap and share that state.

// One file a layer, in the order in which they usually stand around a provider.
mod breaker;
mod cache;
mod concurrency;
mod observe;
mod opened;
mod queue;
mod rate_limit;
mod retry;
#[cfg(test)]
mod script;
mod timeout;
mod timer;
mod watched;

pub use breaker::{Breaker, BreakerPolicy, BreakerState};
pub use cache::{Cache, CachePolicy};
pub use concurrency::{Concurrency, ConcurrencyPolicy};
pub use observe::Observe;
pub use opened::open;
pub use rate_limit::{RateLimit, RateLimits};
pub use retry::{Retry, RetryBudget, RetryPolicy};
pub use timeout::Timeout;
pub use timer::{ManualTimer, Timer, TokioTimer, Wait};
