//! Servers that say what a test wants them to say.

use forge_core::{
    CallContext, ModelRequest, ModelResponse, Participant, Provider, ProviderError, ProviderExt, StreamEvent,
    request::Delivery,
};
use forge_openai::OpenAIProvider;
use forge_testkit::{Reply, ScriptedServer};
use mockito::{Matcher, Mock, Server, ServerGuard};

pub(crate) const KEY: &str = "sk-test-not-a-key";
pub(crate) const OLD: &str = "gpt-4.1";
pub(crate) const NEW: &str = "gpt-6.2-sol";

pub(crate) fn provider(url: &str) -> OpenAIProvider {
    OpenAIProvider::new(KEY).with_base_url(format!("{url}/v1"))
}

pub(crate) fn context(model: &str) -> CallContext {
    let participant = Participant::gpt();
    CallContext::new(participant.with_model(model))
}

pub(crate) fn question() -> ModelRequest {
    ModelRequest::new("Be brief.").with_user_message("Hi")
}

/// The lines of a stream without names, closed by `[DONE]`.
pub(crate) fn chunks(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().chain(&["[DONE]"]).map(|line| format!("data: {line}\n\n")).collect();
    lines.concat()
}

/// The events of a stream, each named as its data says.
pub(crate) fn named(lines: &[&str]) -> String {
    let name = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["type"].as_str().unwrap().to_owned()
    };
    let lines: Vec<_> = lines.iter().map(|line| format!("event: {}\ndata: {line}\n\n", name(line))).collect();
    lines.concat()
}

/// What the model answers when the server replies with `body` to its API, streamed or not.
pub(crate) async fn reply(
    model: &str,
    body: &str,
    delivery: Delivery,
) -> Result<ModelResponse, ProviderError> {
    let mut server = Server::new_async().await;
    let _mock = on_call(&mut server, model).with_body(body).create_async().await;
    provider(&server.url()).complete(&context(model), question().with_delivery(delivery)).await
}

pub(crate) async fn streamed(model: &str, body: &str) -> Result<ModelResponse, ProviderError> {
    reply(model, body, Delivery::Stream).await
}

pub(crate) async fn whole(model: &str, body: &str) -> Result<ModelResponse, ProviderError> {
    reply(model, body, Delivery::Whole).await
}

/// The error of a call that the server answers with this status, headers and body.
pub(crate) async fn failure(
    model: &str,
    status: usize,
    headers: &[(&str, &str)],
    body: &str,
) -> ProviderError {
    let mut server = Server::new_async().await;
    let mut mock = on_call(&mut server, model).with_status(status).with_body(body);
    for (name, value) in headers {
        mock = mock.with_header(*name, value);
    }
    let _mock = mock.create_async().await;
    provider(&server.url()).complete(&context(model), question()).await.unwrap_err()
}

pub(crate) fn on_call(server: &mut ServerGuard, model: &str) -> Mock {
    let path = if model == OLD { "/v1/chat/completions" } else { "/v1/responses" };
    server.mock("POST", path).match_header("authorization", format!("Bearer {KEY}").as_str())
}

/// Asserts that the body of the call for `request` has exactly these fields.
pub(crate) async fn sends(model: &str, request: ModelRequest, body: serde_json::Value, answer: &str) {
    let mut server = Server::new_async().await;
    let mock = on_call(&mut server, model)
        .match_header("content-type", "application/json")
        .match_body(Matcher::Json(body))
        .with_body(answer)
        .create_async()
        .await;
    provider(&server.url()).complete(&context(model), request).await.unwrap();
    mock.assert_async().await;
}

/// Cuts the stream after every byte; no cut may look like a success.
pub(crate) async fn no_cut_is_a_success(model: &str, body: &str) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let cuts = (0..body.len()).map(|cut| Reply::raw([head.as_bytes(), &body.as_bytes()[..cut]].concat()));
    let server = ScriptedServer::start(cuts).await.unwrap();
    let provider = provider(&server.url());
    for cut in 0..body.len() {
        let mut events = provider.stream(&context(model), question().into()).await.unwrap();
        let mut last = None;
        while let Some(event) = events.next().await {
            assert!(!matches!(event, Ok(StreamEvent::Finished(_))), "finished after {cut} bytes");
            last = Some(event);
        }
        let error = last.unwrap().unwrap_err();
        assert_eq!(error.kind, forge_core::ErrorKind::Truncated, "{cut}: {error}");
    }
}
