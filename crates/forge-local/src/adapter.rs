//! What the servers offer beside calls. None of it loads a model.

use std::{sync::PoisonError, time::Duration};

use async_trait::async_trait;
use forge_core::{
    Adapter, ErrorKind, ModelId, ModelProvider, ModelRequest, Provider, ProviderError,
    event::RateLimitStatus, model::ModelInfo, provider::Health, request::Delivery,
};
use forge_http::Endpoint;
use forge_openai::chat;
use serde::de::DeserializeOwned;

use crate::{
    LocalProvider, ServerKind,
    error::is_loading,
    provider::Api,
    wire::listing::{LoadedModels, ModelList, Prompt, Props, Tokenize, Tokens},
};

/// A server that is there answers such calls at once: none of them waits for a model.
const PATIENCE: Duration = Duration::from_secs(5);

#[async_trait]
impl Adapter for LocalProvider {
    async fn health_check(&self) -> Result<Health, ProviderError> {
        match self.list().await {
            Ok(models) if models.is_empty() => Ok(Health::Empty),
            Ok(_) => Ok(Health::Ready),
            Err(error) if is_loading(&error) => Ok(Health::Loading),
            Err(error) => Err(error),
        }
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let mut models = self.list().await?;
        let api = self.api()?;
        // What the server says beyond the list is welcome, not needed.
        match self.kind() {
            ServerKind::LlamaCpp => {
                if let Ok(props) = api.get::<Props>(&api.props).await {
                    let window = props.default_generation_settings.n_ctx.known();
                    for model in &mut models {
                        model.context_tokens = window.or(model.context_tokens);
                    }
                }
            }
            ServerKind::Ollama => api.add_windows(&api.running, &mut models).await,
            ServerKind::LmStudio => api.add_windows(&api.probes.instances, &mut models).await,
            ServerKind::Vllm | ServerKind::Unknown => {}
        }
        let known = models.iter().filter_map(|model| Some((model.id.clone(), model.context_tokens?)));
        api.windows.lock().unwrap_or_else(PoisonError::into_inner).extend(known);
        Ok(models)
    }

    /// llama.cpp and vLLM count; the others are [`ErrorKind::Unsupported`].
    async fn count_tokens(&self, model: &ModelId, request: &ModelRequest) -> Result<u64, ProviderError> {
        let api = self.api()?;
        let kind = self.find_out().await?;
        let unsupported = || ProviderError::unsupported(self.name(), model, "counting tokens");
        let request = request.clone().with_delivery(Delivery::Whole);
        let sent = chat::to_wire(self.name(), &ModelProvider::Local, model, &request, &self.rules(model))?;
        let counted = match kind {
            ServerKind::Vllm => api.post::<Tokens>(&api.tokenize, sent.body).await,
            ServerKind::LlamaCpp => api.tokens_of_template(sent.body).await,
            ServerKind::Ollama | ServerKind::LmStudio | ServerKind::Unknown => return Err(unsupported()),
        };
        match counted {
            Ok(Tokens { count, tokens }) => {
                let listed = tokens.map(|tokens| tokens.len() as u64);
                count.known().or(listed).ok_or_else(unsupported)
            }
            // An older version, which does not have the address.
            Err(error)
                if matches!(error.status, Some(404 | 405 | 501))
                    && error.kind != ErrorKind::ModelNotFound =>
            {
                Err(unsupported())
            }
            Err(error) => Err(error),
        }
    }

    fn rate_limit_status(&self) -> RateLimitStatus {
        RateLimitStatus::default()
    }
}

impl LocalProvider {
    /// The models of the list that all servers have.
    async fn list(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let api = self.api()?;
        if self.find_out().await? == ServerKind::Vllm {
            // The list is there even when the engine has died.
            api.connection.get(&api.probes.health, &[], PATIENCE).await?;
        }
        let list: ModelList = api.get(&api.models).await?;
        let models = list.data.into_iter().filter_map(|model| {
            let window = model.max_model_len.or(model.meta.n_ctx_train).known();
            Some(ModelInfo { context_tokens: window, ..ModelInfo::new(model.id?) })
        });
        Ok(models.collect())
    }

    /// The kind of the server, asked once.
    async fn find_out(&self) -> Result<ServerKind, ProviderError> {
        let api = self.api()?;
        if self.kind() == ServerKind::Unknown {
            let kind = api.probes.kind(&api.connection, PATIENCE).await?;
            if kind != ServerKind::Unknown {
                api.found.get_or_init(|| kind);
            }
        }
        Ok(self.kind())
    }
}

impl Api {
    async fn get<T: DeserializeOwned>(&self, endpoint: &Endpoint) -> Result<T, ProviderError> {
        self.connection.get(endpoint, &[], PATIENCE).await?.json().await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        body: Vec<u8>,
    ) -> Result<T, ProviderError> {
        self.connection.ask(endpoint, body, PATIENCE).await?.json().await
    }

    async fn add_windows(&self, endpoint: &Endpoint, models: &mut [ModelInfo]) {
        let Ok(loaded) = self.get::<LoadedModels>(endpoint).await else { return };
        for one in loaded.models {
            if let Some(model) =
                models.iter_mut().find(|model| Some(model.id.as_str()) == one.name.as_deref())
            {
                model.context_tokens = one.window().or(model.context_tokens);
            }
        }
    }

    /// llama.cpp counts the text that the model's template makes of the messages.
    async fn tokens_of_template(&self, body: Vec<u8>) -> Result<Tokens, ProviderError> {
        let Prompt { prompt } = self.post(&self.template, body).await?;
        let body = Tokenize { content: &prompt, add_special: true, parse_special: true };
        // A text and two flags always have a JSON form.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        self.post(&self.tokenize, body).await
    }
}
