//! What the vendor is sent and says, as data.

use std::sync::Arc;

use forge_anthropic::AnthropicProvider;
use forge_core::ModelProvider;
use forge_testkit::fixtures::{Adapters, RELAYED, run};

const ADAPTERS: Adapters = Adapters {
    vendor: ModelProvider::Anthropic,
    model: "claude-sonnet-5-5",
    open: |settings| Ok(Arc::new(AnthropicProvider::from_settings(settings)?)),
    relays: &[("messages", "claude-sonnet-5-5")],
};

#[tokio::test]
async fn errors() {
    run(&ADAPTERS, include_str!("../fixtures/errors.json")).await;
}

#[tokio::test]
async fn replies() {
    let kinds = run(&ADAPTERS, include_str!("../fixtures/replies.json")).await;
    assert!(kinds[RELAYED] > 5, "{kinds:?}");
}

#[tokio::test]
async fn requests() {
    run(&ADAPTERS, include_str!("../fixtures/requests.json")).await;
}
