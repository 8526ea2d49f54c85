//! A provider of the caller's own in the place of an adapter.

use std::sync::Arc;

use forge_core::{
    Adapter, CallContext, Capabilities, ModelId, ModelRequest, Provider, ProviderError, ResponseStream,
    async_trait, event::RateLimitStatus, model::ModelInfo, provider::Health,
};

/// It has no endpoint that could be asked for more than calls: it is ready, lists its one model, and counts nothing.
#[derive(Debug)]
pub(crate) struct ProvidedAdapter {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) model: ModelId,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for ProvidedAdapter {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.provider.capabilities(model)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        self.provider.stream(cx, request).await
    }
}

#[async_trait]
impl Adapter for ProvidedAdapter {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        Ok(Health::Ready)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(vec![ModelInfo::new(self.model.clone())])
    }

    async fn count_tokens(&self, model: &ModelId, _: &ModelRequest) -> Result<u64, ProviderError> {
        Err(ProviderError::unsupported(self.name(), model, "counting tokens"))
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        RateLimitStatus::default()
    }
}
