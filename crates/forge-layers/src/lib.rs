//! Layers around LLM providers.
//!
//! Each layer is usable alone around any [`Provider`](forge_core::Provider), is one file, and keeps its
//! state in the layer value; the wrappers it makes are cheap and share that state.

// One file a layer, in the order in which they usually stand around a provider.
mod opened;
mod retry;
#[cfg(test)]
mod script;
mod timer;

pub use opened::open;
pub use retry::{Retry, RetryBudget, RetryPolicy};
pub use timer::{ManualTimer, Timer, TokioTimer, Wait};
