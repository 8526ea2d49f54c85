//! What the contract is tested on.

use std::sync::Arc;

use forge_core::{
    Adapter, AdapterSettings, CallContext, Delivery, Effort, ModelProvider, ModelRequest, ModelResponse,
    Participant, ProviderError, ProviderExt, SecretString, StreamEvent, Tool,
};
use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use serde_json::json;

/// An adapter in one of its dialects.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// The simulated vendor that speaks the dialect.
    pub vendor: Vendor,
    /// The vendor family that the adapter belongs to.
    pub provider: fn() -> ModelProvider,
    /// A model that is reached through the dialect.
    pub model: &'static str,
    /// Opens the adapter.
    pub open: fn(AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError>,
    /// A request that the model cannot serve, known before it is sent.
    pub unsupported: fn() -> ModelRequest,
    /// Scenarios that do not apply to the dialect, each with the reason.
    pub exempt: &'static [(&'static str, &'static str)],
}

/// A key that must not show up anywhere.
pub(crate) const CANARY: &str = "sk-test-canary-0f9e8d7c6b5a";

impl Subject {
    /// Whether the scenario is declared not to apply; says why.
    pub(crate) fn is_exempt(&self, scenario: &str) -> bool {
        let reason = self.exempt.iter().find(|(name, _)| *name == scenario).map(|(_, reason)| reason);
        if let Some(reason) = reason {
            println!("{scenario} does not apply to {:?}: {reason}", self.vendor);
        }
        reason.is_some()
    }

    pub(crate) async fn sim(&self, scenario: &str) -> Sim {
        let scenario = Scenario::from_yaml(scenario).unwrap();
        Sim::start(SimConfig { seed: 7, scenario, ..SimConfig::default() }).await.unwrap()
    }

    /// The adapter, reaching the dialect at `url`.
    pub(crate) fn adapter(&self, url: &str) -> Arc<dyn Adapter> {
        (self.open)(settings(url)).unwrap()
    }

    pub(crate) fn context(&self) -> CallContext {
        CallContext::new(Participant::new((self.provider)(), self.model))
    }

    /// The whole reply of a fresh vendor.
    pub(crate) async fn answer(&self, request: ModelRequest) -> ModelResponse {
        let sim = self.sim("{}").await;
        let adapter = self.adapter(&sim.base_url(self.vendor));
        adapter.complete(&self.context(), request).await.unwrap()
    }

    /// The events of a fresh vendor's reply.
    pub(crate) async fn events(&self, request: ModelRequest) -> Vec<StreamEvent> {
        let sim = self.sim("{}").await;
        let adapter = self.adapter(&sim.base_url(self.vendor));
        let mut stream = adapter.stream(&self.context(), Arc::new(request)).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = stream.next().await {
            events.push(event.unwrap());
        }
        events
    }
}

pub(crate) fn settings(url: &str) -> AdapterSettings {
    AdapterSettings {
        base_url: Some(url.to_owned()),
        api_key: Some(SecretString::from(CANARY)),
        ..AdapterSettings::new("subject")
    }
}

/// The requests that the contract is tested with.
pub(crate) fn requests() -> Vec<(&'static str, ModelRequest)> {
    vec![
        ("text", text()),
        ("cut at the token limit", text().with_max_tokens(16)),
        ("two tools at once", two_tools()),
        ("a tool without arguments", one_tool("ping", json!({"type": "object", "properties": {}}))),
        ("thinking", thinking()),
        ("structured output", structured()),
    ]
}

pub(crate) fn text() -> ModelRequest {
    ModelRequest::new("Be brief.").with_user_message("Why is the sky blue? – “Ä€😀”").with_max_tokens(4_000)
}

pub(crate) fn two_tools() -> ModelRequest {
    one_tool(
        "get_weather",
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
    )
    .with_user_message("Call get_weather twice, for Paris and for \"Köln\".")
}

fn one_tool(name: &str, schema: serde_json::Value) -> ModelRequest {
    let tool = Tool::function(name, schema).with_description("A tool.");
    ModelRequest::new("")
        .with_user_message(format!("Please call {name}."))
        .with_tool(tool)
        .with_max_tokens(4_000)
}

pub(crate) fn thinking() -> ModelRequest {
    let mut request = text().with_effort(Effort::High).with_max_tokens(30_000);
    request.show_thinking = Some(true);
    request
}

fn structured() -> ModelRequest {
    let schema = json!({
        "type": "object",
        "properties": {"answer": {"type": "string"}, "sure": {"type": "boolean"}},
        "required": ["answer", "sure"],
        "additionalProperties": false
    });
    text().with_output(forge_core::OutputFormat::json_schema("answer", schema))
}

pub(crate) fn whole(request: &ModelRequest) -> ModelRequest {
    request.clone().with_delivery(Delivery::Whole)
}
