//! The adapter against simulated and scripted vendors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod adapter;
mod contract;
mod errors;
mod fixtures;
mod replies;
mod requests;
mod streams;

use forge_core::{
    CallContext, ModelProvider, ModelRequest, ModelResponse, Participant, ProviderError, ProviderExt,
    request::Delivery,
};
use forge_google::GoogleProvider;
use forge_testkit::{Reply, Request, ScriptedServer};

/// What the adapter makes of a scripted reply to `request`, and what it sent.
async fn exchange(
    model: &str,
    request: ModelRequest,
    reply: Reply,
) -> (Result<ModelResponse, ProviderError>, Vec<Request>) {
    let server = ScriptedServer::start([reply]).await.unwrap();
    let provider = GoogleProvider::new("test-key-1").with_base_url(server.url());
    let participant = Participant::new(ModelProvider::Google, model);
    let outcome = provider.complete(&CallContext::new(participant), request).await;
    (outcome, server.requests())
}

async fn ask(delivery: Delivery, reply: Reply) -> Result<ModelResponse, ProviderError> {
    let request = ModelRequest::new("").with_user_message("hi").with_delivery(delivery);
    exchange("gemini-3.8-flash", request, reply).await.0
}

/// A stream as the vendor frames it.
fn frames(frames: &[serde_json::Value]) -> Reply {
    let frames: Vec<_> = frames.iter().map(|frame| format!("data: {frame}\r\n\r\n")).collect();
    Reply::sse(&frames.concat())
}
