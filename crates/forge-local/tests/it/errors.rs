//! Errors in the shapes of the field.

use forge_core::{ErrorKind, ProviderExt, error::Phase};
use forge_local::LocalProvider;
use forge_sim::Vendor;
use forge_testkit::Reply;

use crate::support::{ALL, ask, context, provider, question, scripted, sim};

#[tokio::test]
async fn four_shapes_of_error_body_are_read() {
    for (body, code) in [
        (
            r#"{"error":{"message":"bad words","type":"invalid_request_error","param":null,"code":null}}"#,
            Some("invalid_request_error"),
        ),
        (
            r#"{"error":{"code":400,"message":"bad words","type":"invalid_request_error"}}"#,
            Some("invalid_request_error"),
        ),
        (r#"{"error":"bad words"}"#, None),
        (
            r#"{"object":"error","message":"bad words","type":"BadRequestError","param":null,"code":400}"#,
            Some("BadRequestError"),
        ),
        (r#"{"detail":"bad words"}"#, None),
        ("bad words", None),
    ] {
        let error = scripted(Reply::json(400, body)).await.unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::InvalidRequest, Some(400)), "{body}");
        assert_eq!((error.message.as_str(), error.code.as_deref()), ("bad words", code), "{body}");
    }
}

#[tokio::test]
async fn a_loading_server_is_overloaded_and_then_ready() {
    let scenario = "rules: [{ nth: 1, error: { kind: loading } }]";
    let sim = sim(scenario).await;
    let provider = provider(&sim, Vendor::LlamaCpp);
    let error = provider.complete(&context("qwen3"), question()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Overloaded, Some(503)));
    assert_eq!((error.message.as_str(), error.code.as_deref()), ("Loading model", Some("unavailable_error")));
    assert!(provider.complete(&context("qwen3"), question()).await.is_ok());
}

#[tokio::test]
async fn an_unknown_model_is_not_found() {
    for vendor in [Vendor::Ollama, Vendor::Vllm] {
        let sim = sim("{}").await;
        let native = (vendor == Vendor::Ollama).then(|| provider(&sim, vendor).with_native());
        for provider in [provider(&sim, vendor)].into_iter().chain(native) {
            let error = provider.complete(&context("nobody"), question()).await.unwrap_err();
            assert_eq!((error.kind, error.status), (ErrorKind::ModelNotFound, Some(404)), "{vendor:?}");
        }
    }
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_names_the_window() {
    let long = question().with_user_message("word ".repeat(60_000));
    let error = ask(Vendor::LlamaCpp, "{}", long).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (ErrorKind::ContextTooLong, Some("exceed_context_size_error"))
    );
    assert!(error.message.contains("32768 fit"), "{error}");
}

#[tokio::test]
async fn a_clients_mistake_with_status_500_is_not_the_servers_fault() {
    let body =
        r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#;
    assert_eq!(scripted(Reply::json(500, body)).await.unwrap_err().kind, ErrorKind::InvalidRequest);
    for vendor in ALL {
        let error = ask(vendor, "rules: [{ error: { kind: server } }]", question()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Server, "{vendor:?}");
    }
}

#[tokio::test]
async fn a_wrong_address_is_told_even_with_a_good_status() {
    let body = r#"{"error":"Unexpected endpoint or method. (POST /v1/v1/chat/completions)"}"#;
    let error = scripted(Reply::json(200, body)).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeOutput));
    assert!(error.message.starts_with("Unexpected endpoint"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_down_is_a_transport_error_before_sending() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error =
        LocalProvider::new(format!("http://{closed}")).complete(&context("m"), question()).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Transport, Phase::BeforeSend), "{error}");
}
