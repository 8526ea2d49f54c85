//! What the adapter offers beside calls.

use forge_core::{Adapter, ErrorKind, Provider, provider::Health, request::ToolChoice};
use forge_local::{LocalProvider, ServerKind};
use forge_sim::Vendor;
use forge_testkit::{Reply, ScriptedServer};
use mockito::{Matcher, Server};
use serde_json::json;

use crate::support::{ALL, provider, question, sim};

const KINDS: [ServerKind; 4] =
    [ServerKind::Ollama, ServerKind::LlamaCpp, ServerKind::Vllm, ServerKind::LmStudio];

#[tokio::test]
async fn each_server_is_recognised_and_healthy() {
    let sim = sim("{}").await;
    for (vendor, kind) in ALL.into_iter().zip(KINDS) {
        let provider = provider(&sim, vendor);
        assert_eq!(provider.kind(), ServerKind::Unknown);
        assert_eq!(provider.health_check().await.unwrap(), Health::Ready);
        assert_eq!(provider.kind(), kind);
    }
    assert!(sim.journal().iter().all(|call| call.method == "GET"));
}

#[tokio::test]
async fn a_kind_that_was_said_is_not_asked_for() {
    let sim = sim("{}").await;
    let provider = provider(&sim, Vendor::Ollama).with_kind(ServerKind::Ollama);
    provider.health_check().await.unwrap();
    assert_eq!(sim.journal().len(), 1);
}

#[tokio::test]
async fn the_context_window_is_the_one_the_server_runs_with() {
    let sim = sim("{}").await;
    for (vendor, id) in ALL.into_iter().zip(["qwen3:latest", "qwen3", "qwen3", "qwen3"]) {
        let provider = provider(&sim, vendor);
        assert_eq!(provider.capabilities(&"qwen3".into()).context_tokens, None);
        let models = provider.models().await.unwrap();
        let model = models.iter().find(|model| model.id.as_str() == id).unwrap();
        assert_eq!(model.context_tokens, Some(32_768), "{vendor:?}");
        assert_eq!(provider.capabilities(&"qwen3".into()).context_tokens, Some(32_768), "{vendor:?}");
    }
}

#[tokio::test]
async fn loading_empty_and_locked_servers_are_told_apart() {
    let health = async |replies: Vec<Reply>| {
        let server = ScriptedServer::start(replies).await.unwrap();
        LocalProvider::new(server.url()).health_check().await
    };
    let loading = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    assert_eq!(health(vec![Reply::json(503, loading)]).await.unwrap(), Health::Loading);
    let locked = r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}"#;
    assert_eq!(health(vec![Reply::json(401, locked)]).await.unwrap_err().kind, ErrorKind::Authentication);
    let ollama =
        [Reply::json(200, r#"{"version":"0.21.0"}"#), Reply::json(200, r#"{"object":"list","data":null}"#)];
    assert_eq!(health(ollama.to_vec()).await.unwrap(), Health::Empty);
    // The engine of vLLM is dead: its health fails while its list is still there.
    let dead = ScriptedServer::start([Reply::whole(503, "text/plain", &[], "")]).await.unwrap();
    let error = LocalProvider::new(dead.url()).with_kind(ServerKind::Vllm).health_check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Overloaded);
    assert_eq!(dead.requests().len(), 1);
}

#[tokio::test]
async fn a_server_of_another_make_is_unknown_and_serves_all_the_same() {
    let mut server = Server::new_async().await;
    let _list = server.mock("GET", "/v1/models").with_body(r#"{"data":[{"id":"x"}]}"#).create_async().await;
    let provider = LocalProvider::new(server.url());
    assert_eq!(provider.health_check().await.unwrap(), Health::Ready);
    assert_eq!(provider.kind(), ServerKind::Unknown);
}

#[tokio::test]
async fn tokens_are_counted_where_the_server_can() {
    let mut server = Server::new_async().await;
    let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]);
    let asked = Matcher::PartialJson(json!({"model": "m", "messages": messages}));
    let template =
        server.mock("POST", "/apply-template").match_body(asked.clone()).with_body(r#"{"prompt":"<s>Hi"}"#);
    let _template = template.create_async().await;
    let tokens = server
        .mock("POST", "/tokenize")
        .match_body(Matcher::PartialJson(json!({"content": "<s>Hi"})))
        .with_body(r#"{"tokens":[1,2,3]}"#)
        .create_async()
        .await;
    let count = async |kind| {
        LocalProvider::new(server.url()).with_kind(kind).count_tokens(&"m".into(), &question()).await
    };
    assert_eq!(count(ServerKind::LlamaCpp).await.unwrap(), 3);
    tokens.remove_async().await;
    let _count = server
        .mock("POST", "/tokenize")
        .match_body(asked)
        .with_body(r#"{"count":12,"max_model_len":4096,"tokens":[1]}"#)
        .create_async()
        .await;
    let count = async |kind| {
        LocalProvider::new(server.url()).with_kind(kind).count_tokens(&"m".into(), &question()).await
    };
    assert_eq!(count(ServerKind::Vllm).await.unwrap(), 12);
    assert_eq!(count(ServerKind::Ollama).await.unwrap_err().kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_forced_call_is_refused_where_the_server_would_not_heed_it() {
    let sim = sim("{}").await;
    let mut request = question();
    request.tool_choice = ToolChoice::Required;
    let provider = provider(&sim, Vendor::Ollama);
    provider.health_check().await.unwrap();
    let before = sim.journal().len();
    let error = provider.stream(&crate::support::context("qwen3"), request.into()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(sim.journal().len(), before);
    assert!(!provider.capabilities(&"qwen3".into()).forced_tool_choice);
}
