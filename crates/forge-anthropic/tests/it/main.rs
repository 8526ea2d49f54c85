//! The adapter against simulated and scripted vendors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod contract;
mod errors;
mod fit;
mod fixtures;
mod replies;
mod requests;
mod schemas;

use std::sync::Arc;

use forge_anthropic::AnthropicProvider;
use forge_core::{
    CallContext, ModelRequest, ModelResponse, Participant, ProviderError, ProviderExt, request::Delivery,
};
use forge_testkit::{Reply, Request, ScriptedServer};

/// What the adapter makes of a scripted reply to `request`, and what it sent.
async fn exchange(
    model: &str,
    request: ModelRequest,
    reply: Reply,
) -> (Result<ModelResponse, ProviderError>, Vec<Request>) {
    let server = ScriptedServer::start([reply]).await.unwrap();
    let provider = AnthropicProvider::new("sk-test-1").with_base_url(server.url());
    let participant = Participant::new(forge_core::ModelProvider::Anthropic, model);
    let outcome = provider.complete(&CallContext::new(Arc::new(participant)), request).await;
    (outcome, server.requests())
}

async fn ask(delivery: Delivery, reply: Reply) -> Result<ModelResponse, ProviderError> {
    let request = ModelRequest::new("").with_user_message("hi").with_delivery(delivery);
    exchange("claude-sonnet-5-5", request, reply).await.0
}
