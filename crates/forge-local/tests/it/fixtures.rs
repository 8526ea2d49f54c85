//! What the vendor is sent and says, as data.

use std::sync::Arc;

use forge_core::ModelProvider;
use forge_local::LocalProvider;
use forge_testkit::fixtures::{Adapters, run};

const ADAPTERS: Adapters = Adapters {
    vendor: ModelProvider::Local,
    model: "m",
    open: |settings| Ok(Arc::new(LocalProvider::from_settings(settings)?)),
    relays: &[],
};

#[tokio::test]
async fn servers() {
    run(&ADAPTERS, include_str!("../fixtures/servers.json")).await;
}
