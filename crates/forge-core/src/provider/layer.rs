//! Layers wrap providers into providers.

use std::{fmt, sync::Arc};

use crate::provider::Provider;

/// Adds one behaviour, such as retries or a rate limit, around any provider.
///
/// A layer is a value: what it remembers lives in it, and the wrappers it makes are cheap. What a
/// call holds (a permit, a reservation) travels inside the returned stream and settles when that
/// ends or is dropped.
pub trait Layer: fmt::Debug + Send + Sync + 'static {
    /// Wraps `inner`.
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider>;
}

/// A provider with layers around it. The layer added last is the outermost: it sees a call first.
///
/// ```
/// # use std::sync::Arc;
/// # use forge_core::{Provider, provider::{Layer, Stack}};
/// # fn demo(adapter: Arc<dyn Provider>, timeout: impl Layer, retry: impl Layer) {
/// let provider = Stack::new(adapter).with(&timeout).with(&retry).build();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Stack(Arc<dyn Provider>);

impl Stack {
    /// Starts with the innermost provider.
    pub fn new(base: Arc<dyn Provider>) -> Self {
        Self(base)
    }

    /// Wraps what is there in `layer`.
    pub fn with(self, layer: &dyn Layer) -> Self {
        Self(layer.layer(self.0))
    }

    /// The finished provider.
    pub fn build(self) -> Arc<dyn Provider> {
        self.0
    }
}
