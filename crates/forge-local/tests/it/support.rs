//! Simulated servers that do what a test wants.

use forge_core::{
    CallContext, ModelRequest, ModelResponse, Participant, ProviderError, ProviderExt, request::Delivery,
};
use forge_local::LocalProvider;
use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use forge_testkit::{Reply, ScriptedServer};

pub(crate) const ALL: [Vendor; 4] = [Vendor::Ollama, Vendor::LlamaCpp, Vendor::Vllm, Vendor::LmStudio];

pub(crate) async fn sim(scenario: &str) -> Sim {
    let scenario = Scenario::from_yaml(scenario).unwrap();
    Sim::start(SimConfig { seed: 7, scenario, ..SimConfig::default() }).await.unwrap()
}

pub(crate) fn provider(sim: &Sim, vendor: Vendor) -> LocalProvider {
    LocalProvider::new(sim.base_url(vendor))
}

pub(crate) fn context(model: &str) -> CallContext {
    CallContext::new(Participant::local(model))
}

pub(crate) fn question() -> ModelRequest {
    ModelRequest::new("Be brief.").with_user_message("Hi").with_max_tokens(500)
}

/// What comes of a question under a scenario.
pub(crate) async fn ask(
    vendor: Vendor,
    scenario: &str,
    request: ModelRequest,
) -> Result<ModelResponse, ProviderError> {
    let sim = sim(scenario).await;
    provider(&sim, vendor).complete(&context("qwen3"), request).await
}

/// What comes of a question that is answered with exactly this.
pub(crate) async fn scripted(reply: Reply) -> Result<ModelResponse, ProviderError> {
    let server = ScriptedServer::start([reply]).await.unwrap();
    LocalProvider::new(server.url()).complete(&context("m"), question()).await
}

pub(crate) fn whole(request: ModelRequest) -> ModelRequest {
    request.with_delivery(Delivery::Whole)
}
