//! What the vendors of the dialect are sent and say, as data.

use std::{collections::BTreeSet, sync::Arc};

use forge_core::ModelProvider;
use forge_openai::OpenAIProvider;
use forge_testkit::fixtures::{Adapters, RELAYED, run};

const OPENAI: Adapters = Adapters {
    vendor: ModelProvider::OpenAI,
    model: "m",
    open: |settings| Ok(Arc::new(OpenAIProvider::from_settings(settings)?)),
    relays: &[("responses", "gpt-6.2-sol"), ("chat", "gpt-4o")],
};

macro_rules! tables {
    ($($name:ident)*) => {
        $(#[tokio::test]
        async fn $name() {
            let kinds = run(&OPENAI, include_str!(concat!("../fixtures/", stringify!($name), ".json"))).await;
            assert!(!kinds.is_empty());
            // The vendors of the dialect have their fixtures there, and OpenAI has its own.
            assert!(stringify!($name) != "replies" || kinds[RELAYED] > 5, "{kinds:?}");
        })*

        #[test]
        fn more_than_ten_vendors_have_fixtures_of_their_own() {
            let tables = [$(include_str!(concat!("../fixtures/", stringify!($name), ".json"))),*];
            let fixtures = tables.iter().flat_map(|table| serde_json::from_str::<Vec<serde_json::Value>>(table).unwrap());
            let vendors: BTreeSet<_> = fixtures.filter_map(|one| Some(one["dialect"].as_str()?.to_owned())).collect();
            assert!(vendors.len() > 10, "{vendors:?}");
        }
    };
}

tables!(errors replies usage requests addresses);
