//! What the vendor is sent and says, as data.

use std::sync::Arc;

use forge_core::ModelProvider;
use forge_google::GoogleProvider;
use forge_testkit::fixtures::{Adapters, RELAYED, run};

const ADAPTERS: Adapters = Adapters {
    vendor: ModelProvider::Google,
    model: "gemini-3.8-flash",
    open: |settings| Ok(Arc::new(GoogleProvider::from_settings(settings)?)),
    relays: &[("gemini", "gemini-3.8-flash")],
};

#[tokio::test]
async fn errors() {
    run(&ADAPTERS, include_str!("../fixtures/errors.json")).await;
}

#[tokio::test]
async fn replies() {
    let kinds = run(&ADAPTERS, include_str!("../fixtures/replies.json")).await;
    assert!(kinds[RELAYED] > 1, "{kinds:?}");
}

#[tokio::test]
async fn requests() {
    run(&ADAPTERS, include_str!("../fixtures/requests.json")).await;
}
