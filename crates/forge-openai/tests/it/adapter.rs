//! What the adapter offers beside calls.

use forge_core::{
    Adapter, ErrorKind, ModelId, Provider, ProviderExt, SecretString,
    error::Phase,
    provider::{AdapterSettings, Health},
    request::Delivery,
};
use forge_openai::OpenAIProvider;
use mockito::{Matcher, Server, ServerGuard};
use serde_json::json;

use crate::support::{KEY, NEW, OLD, context, on_call, provider, question};

async fn listing(status: usize, body: &str) -> (ServerGuard, OpenAIProvider) {
    let mut server = Server::new_async().await;
    server
        .mock("GET", "/v1/models")
        .match_header("authorization", format!("Bearer {KEY}").as_str())
        .with_status(status)
        .with_body(body)
        .create_async()
        .await;
    let provider = provider(&server.url());
    (server, provider)
}

#[tokio::test]
async fn the_model_list_carries_limits_and_the_day_of_the_end() {
    let body = json!({"object": "list", "data": [
        {"id": "gpt-6.2-sol", "object": "model", "created": 1, "owned_by": "openai", "shutdown_date": null},
        {"id": "gpt-5.1", "object": "model", "shutdown_date": "2027-04-02"},
        {"id": "gpt-4o", "object": "model"},
        {"id": "unheard-of", "object": "model"},
    ]});
    let (_server, provider) = listing(200, &body.to_string()).await;
    let models = provider.models().await.unwrap();
    let day = |text: &str| Some(text.parse().unwrap());
    assert_eq!((models[0].context_tokens, models[0].retires), (Some(1_050_000), None));
    assert_eq!((models[1].max_output_tokens, models[1].retires), (Some(128_000), day("2027-04-02")));
    assert_eq!(models[2].retires, day("2027-01-14"));
    assert_eq!((models[3].id.as_str(), models[3].context_tokens), ("unheard-of", None));
    assert_eq!(provider.health_check().await.unwrap(), Health::Ready);
}

#[tokio::test]
async fn the_health_check_tells_a_bad_key_from_an_empty_account() {
    let (_server, provider) = listing(200, r#"{"object":"list","data":[]}"#).await;
    assert_eq!(provider.health_check().await.unwrap(), Health::Empty);
    let body = r#"{"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}}"#;
    let (_server, provider) = listing(401, body).await;
    let error = provider.health_check().await.unwrap_err();
    assert_eq!((error.kind, error.provider.as_str()), (ErrorKind::Authentication, "openai"));
}

#[tokio::test]
async fn input_tokens_are_counted_by_the_vendor_for_every_model() {
    let mut server = Server::new_async().await;
    let input = json!([{"type": "message", "role": "user", "content": "Hi"}]);
    for model in [NEW, OLD] {
        let mock = server
            .mock("POST", "/v1/responses/input_tokens")
            .match_body(Matcher::Json(json!({"model": model, "instructions": "Be brief.", "input": input})))
            .with_body(r#"{"object":"response.input_tokens","input_tokens":11}"#)
            .create_async()
            .await;
        let count = provider(&server.url()).count_tokens(&ModelId::from(model), &question()).await;
        assert_eq!(count.unwrap(), 11);
        mock.assert_async().await;
    }
}

#[tokio::test]
async fn rate_limits_are_remembered_from_the_last_reply() {
    let mut server = Server::new_async().await;
    let body = r#"{"id":"r","model":"m","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let _mock = on_call(&mut server, NEW)
        .with_header("x-ratelimit-remaining-requests", "41")
        .with_header("x-request-id", "req_7")
        .with_body(body)
        .create_async()
        .await;
    let provider = provider(&server.url());
    assert!(provider.rate_limit_status().is_unknown());
    let response = provider.complete(&context(NEW), question().with_delivery(Delivery::Whole)).await.unwrap();
    assert_eq!(provider.rate_limit_status().requests.unwrap().remaining, Some(41));
    assert_eq!(response.rate_limit.unwrap().requests.unwrap().remaining, Some(41));
    assert_eq!(response.request_id.as_deref(), Some("req_7"));
}

#[tokio::test]
async fn warnings_about_left_out_settings_reach_the_caller() {
    let mut server = Server::new_async().await;
    let body = r#"{"id":"r","model":"m","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let _mock = on_call(&mut server, NEW).with_body(body).create_async().await;
    let request = question().with_temperature(0.1).with_delivery(Delivery::Whole);
    let response = provider(&server.url()).complete(&context(NEW), request).await.unwrap();
    assert_eq!(
        response.warnings.iter().map(|warning| warning.about.as_str()).collect::<Vec<_>>(),
        ["temperature"]
    );
}

#[tokio::test]
async fn a_missing_feature_is_an_error_before_anything_is_sent() {
    let mut server = Server::new_async().await;
    let mock = on_call(&mut server, NEW).expect(0).create_async().await;
    let request = question().with_assistant_message("Once upon");
    let error = provider(&server.url()).complete(&context(NEW), request).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Unsupported, Phase::BeforeSend));
    mock.assert_async().await;
}

#[test]
fn settings_are_checked_at_once_or_at_the_first_use() {
    let settings = AdapterSettings {
        base_url: Some("ftp://example.com".into()),
        api_key: Some(SecretString::from(KEY)),
        ..AdapterSettings::new("mine")
    };
    let error = OpenAIProvider::from_settings(settings).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend));
    let good = OpenAIProvider::from_settings(AdapterSettings::new("mine")).unwrap();
    assert_eq!(good.name(), "mine");
    assert!(!format!("{:?}", OpenAIProvider::new(KEY)).contains(KEY));
}

#[test]
fn capabilities_follow_the_model() {
    let provider = OpenAIProvider::new(KEY);
    let new = provider.capabilities(&NEW.into());
    assert_eq!((new.context_tokens, new.max_output_tokens), (Some(1_050_000), Some(128_000)));
    assert!(new.tools && new.structured_output && !new.sampling && new.stop_sequences && !new.prefill);
    let old = provider.capabilities(&OLD.into());
    assert!(old.sampling && old.stop_sequences && old.efforts.is_empty());
}
