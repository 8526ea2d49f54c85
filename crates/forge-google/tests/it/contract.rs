use std::sync::Arc;

use forge_core::{
    ModelProvider, ModelRequest,
    request::{OutputFormat, Tool},
};
use forge_google::GoogleProvider;
use forge_sim::Vendor;
use forge_testkit::Subject;
use serde_json::json;

const NEWEST: Subject = Subject {
    vendor: &Vendor::Google,
    provider: || ModelProvider::Google,
    model: "gemini-3.8-flash",
    open: |settings| Ok(Arc::new(GoogleProvider::from_settings(settings)?)),
    unsupported: || ModelRequest::new("").with_user_message("Go on:").with_assistant_message("Once upon"),
    exempt: &[("cut at the token limit", "hidden thoughts use the limit up")],
};

const GEMINI_2_5: Subject = Subject {
    model: "gemini-2.5-flash-lite",
    unsupported: tools_and_schema,
    exempt: &[
        ("request id", "the vendor sends none"),
        ("quota_exhausted", "a spend limit over ten minutes is one to wait for"),
        ("bad_gateway", "the vendor says UNAVAILABLE, which is an overload"),
        ("opaque parts", "this generation signs calls only"),
    ],
    ..NEWEST
};

fn tools_and_schema() -> ModelRequest {
    let schema = json!({"type": "object"});
    let tool = Tool::function("look", schema.clone());
    ModelRequest::new("")
        .with_user_message("hi")
        .with_tool(tool)
        .with_output(OutputFormat::json_schema("x", schema))
}

forge_testkit::contract!(GEMINI_2_5);

/// What depends on the model, once more with a model that signs texts and refuses prefilled answers.
mod newest {
    use forge_testkit::contract;

    use super::NEWEST;

    #[tokio::test]
    async fn a_stream_equals_the_whole_reply() {
        contract::a_stream_equals_the_whole_reply(NEWEST).await;
    }

    #[tokio::test]
    async fn events_keep_their_order() {
        contract::events_keep_their_order(NEWEST).await;
    }

    #[tokio::test]
    async fn opaque_parts_come_back_byte_exact() {
        contract::opaque_parts_come_back_byte_exact(NEWEST).await;
    }

    #[tokio::test]
    async fn usage_sums_to_the_vendors_total() {
        contract::usage_sums_to_the_vendors_total(NEWEST).await;
    }

    #[tokio::test]
    async fn an_unsupported_feature_fails_before_sending() {
        contract::an_unsupported_feature_fails_before_sending(NEWEST).await;
    }
}
