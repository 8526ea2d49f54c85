//! The adapter for local servers and llama.cpp.

use std::{sync::Arc, time::Duration};

use forge::{
    Adapter as _, CallContext, ErrorKind, LocalProvider, Message, ModelProvider, ModelRequest, ModelResponse,
    Participant, Provider as _, ProviderError, ProviderExt as _, ServerKind, StreamEvent,
    error::Phase,
    event::StopReason,
    provider::Health,
    request::{Delivery, MessageRole, OutputFormat, Part, Tool, ToolChoice},
};
use serde_json::{Value, json};

use crate::python::{ENDLESS, SENTENCE, Server, THOUGHTFUL, WINDOW};

fn context() -> CallContext {
    CallContext::new(Participant::new(ModelProvider::Local, "tiny"))
}

fn question() -> ModelRequest {
    ModelRequest::new("Be brief.").with_user_message("Why is the sky blue?").with_temperature(0.0)
}

fn whole(request: &ModelRequest) -> ModelRequest {
    request.clone().with_delivery(Delivery::Whole)
}

/// The tool that the model likes to call.
pub(crate) fn thermometer() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {"unit": {"enum": ["celsius", "kelvin"]}},
        "required": ["unit"],
        "additionalProperties": false
    });
    Tool::function("get_weather", schema).with_description("The weather.")
}

/// The reply, which is the same streamed and whole.
async fn reply(adapter: &LocalProvider, request: &ModelRequest) -> ModelResponse {
    let streamed = adapter.complete(&context(), request.clone()).await.unwrap();
    let unary = adapter.complete(&context(), whole(request)).await.unwrap();
    assert_eq!(streamed.stop_reason, unary.stop_reason);
    assert_eq!(streamed.text(), unary.text());
    assert_eq!(streamed.tokens.total_input(), unary.tokens.total_input());
    assert_eq!(streamed.tokens.total_output(), unary.tokens.total_output());
    assert_eq!(streamed.content.len(), unary.content.len(), "{streamed:?} {unary:?}");
    streamed
}

/// The error, which is the same streamed and whole.
async fn error(adapter: &LocalProvider, request: &ModelRequest) -> ProviderError {
    let streamed = adapter.complete(&context(), request.clone()).await.unwrap_err();
    let unary = adapter.complete(&context(), whole(request)).await.unwrap_err();
    assert_eq!((streamed.kind, streamed.status), (unary.kind, unary.status), "{streamed} {unary}");
    assert_eq!(streamed.phase, Phase::BeforeOutput);
    streamed
}

#[tokio::test]
async fn an_answer_comes_with_its_reason_and_its_tokens() {
    let Some(server) = Server::start(&[]) else { return };
    let adapter = LocalProvider::new(&server.url);
    let response = reply(&adapter, &question()).await;
    assert_eq!((&*response.text(), response.stop_reason), (SENTENCE, StopReason::EndTurn));
    assert_eq!(response.model.as_str(), "tiny");
    assert!(response.warnings.is_empty(), "{:?}", response.warnings);
    // Eight words and the end.
    assert_eq!(response.tokens.total_output(), Some(9));
    assert!(response.tokens.total_input().unwrap() > 20, "{:?}", response.tokens);
    // The second call found the prompt of the first in the cache, but for its end.
    let again = adapter.complete(&context(), question()).await.unwrap();
    assert!(again.tokens.cache_read.unwrap() > 0, "{:?}", again.tokens);
    assert_eq!(again.tokens.total_input(), response.tokens.total_input());
}

#[tokio::test]
async fn thoughts_are_told_from_the_answer() {
    let Some(server) = Server::start(&[]) else { return };
    let adapter = LocalProvider::new(&server.url);
    let response = reply(&adapter, &question().with_user_message(THOUGHTFUL)).await;
    let [Part::Thinking { text, .. }, Part::Text { text: answer, .. }] = &response.content[..] else {
        panic!("{response:?}")
    };
    assert_eq!((text.trim(), &**answer, response.stop_reason), ("Let me see", "Indeed", StopReason::EndTurn));
}

#[tokio::test]
async fn each_reason_to_stop_is_told() {
    let Some(server) = Server::start(&[]) else { return };
    let adapter = LocalProvider::new(&server.url);
    let limited = reply(&adapter, &question().with_max_tokens(3)).await;
    assert_eq!((&*limited.text(), limited.stop_reason), ("Seven small words", StopReason::MaxTokens));
    assert_eq!(limited.tokens.total_output(), Some(3));
    let mut request = question();
    request.stop_sequences = vec!["plain".into()];
    let stopped = reply(&adapter, &request).await;
    assert_eq!((&*stopped.text(), stopped.stop_reason), ("Seven small words make one ", StopReason::EndTurn));
    // The window is full.
    let full = reply(&adapter, &question().with_user_message(ENDLESS)).await;
    assert_eq!(full.stop_reason, StopReason::MaxTokens);
    assert!(full.tokens.total_input().unwrap() + full.tokens.total_output().unwrap() <= WINDOW);
}

#[tokio::test]
async fn the_server_is_known_for_what_it_is() {
    let Some(server) = Server::start(&[]) else { return };
    let adapter = LocalProvider::new(&server.url);
    assert_eq!(adapter.health_check().await.unwrap(), Health::Ready);
    assert_eq!(adapter.kind(), ServerKind::LlamaCpp);
    let models = adapter.models().await.unwrap();
    let [model] = &models[..] else { panic!("{models:?}") };
    assert_eq!((model.id.as_str(), model.context_tokens), ("tiny", Some(WINDOW)));
    let response = adapter.complete(&context(), question()).await.unwrap();
    let counted = adapter.count_tokens(&"tiny".into(), &question()).await.unwrap();
    assert_eq!(Some(counted), response.tokens.total_input());
}

#[tokio::test]
async fn an_answer_keeps_to_its_schema() {
    let Some(server) = Server::start(&[]) else { return };
    let adapter = LocalProvider::new(&server.url);
    let schema = json!({
        "type": "object",
        "properties": {"sure": {"type": "boolean"}, "grade": {"enum": ["good", "bad"]}},
        "required": ["sure", "grade"],
        "additionalProperties": false
    });
    let request = question().with_output(OutputFormat::json_schema("verdict", schema));
    let response = reply(&adapter, &request).await;
    assert_eq!(response.stop_reason, StopReason::EndTurn);
    let answer: Value = serde_json::from_str(&response.text()).unwrap();
    assert!(
        answer["sure"].is_boolean() && ["good", "bad"].map(|grade| json!(grade)).contains(&answer["grade"])
    );

    let schema = json!({"type": "no such type"});
    let request = question().with_output(OutputFormat::json_schema("bad", schema));
    assert_eq!(error(&adapter, &request).await.kind, ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_tool_makes_a_round_trip() {
    let Some(server) = Server::start(&[]) else { return };
    let adapter = LocalProvider::new(&server.url);
    for choice in [ToolChoice::Auto, ToolChoice::Required] {
        let mut request = question().with_tool(thermometer());
        request.tool_choice = choice;
        let response = reply(&adapter, &request).await;
        assert_eq!(response.stop_reason, StopReason::ToolUse, "{response:?}");
        let [Part::ToolUse { id, name, input, .. }] = &response.content[..] else { panic!("{response:?}") };
        assert_eq!((&**name, input), ("get_weather", &json!({"unit": "kelvin"}).into()));

        let result = Part::tool_result(id.as_str(), "12 degrees");
        request.tool_choice = ToolChoice::Auto;
        let request = request
            .with_message(Message::new(MessageRole::Assistant, response.content.clone()))
            .with_message(Message::new(MessageRole::User, vec![result]));
        assert_eq!(reply(&adapter, &request).await.text(), SENTENCE);
    }
}

#[tokio::test]
async fn each_refusal_has_its_kind() {
    let Some(server) = Server::start(&["api_keys=sk-test-1"]) else { return };
    let adapter = LocalProvider::new(&server.url).with_key("sk-test-1");
    adapter.complete(&context(), question()).await.unwrap();

    let wrong = LocalProvider::new(&server.url).with_key("sk-test-2");
    assert_eq!(error(&wrong, &question()).await.kind, ErrorKind::Authentication);
    assert_eq!(wrong.models().await.unwrap_err().kind, ErrorKind::Authentication);

    let long = error(&adapter, &question().with_user_message("word ".repeat(3_000))).await;
    assert_eq!((long.kind, long.status), (ErrorKind::ContextTooLong, Some(400)), "{long}");
    assert!(long.message.contains(&WINDOW.to_string()), "{long}");

    let mut request = question();
    request.extra.insert(ModelProvider::Local, "min_p", "much");
    let strange = error(&adapter, &request).await;
    assert_eq!(strange.kind, ErrorKind::InvalidRequest, "{strange}");

    let elsewhere = LocalProvider::new(format!("{}/nowhere", server.url)).with_key("sk-test-1");
    let nothing = error(&elsewhere, &question()).await;
    assert_eq!((nothing.kind, nothing.status), (ErrorKind::Decode, Some(404)), "{nothing}");

    let url = server.url.clone();
    drop(server);
    let gone = LocalProvider::new(url).complete(&context(), question()).await.unwrap_err();
    assert_eq!((gone.kind, gone.phase), (ErrorKind::Transport, Phase::BeforeSend), "{gone}");
}

#[tokio::test]
async fn a_dropped_stream_frees_the_server() {
    let Some(server) = Server::start(&["ctx_shift=1"]) else { return };
    let adapter = LocalProvider::new(&server.url);
    let endless = Arc::new(question().with_user_message(ENDLESS));
    for _ in 0..3 {
        let mut stream = adapter.stream(&context(), Arc::clone(&endless)).await.unwrap();
        let mut deltas = 0;
        while deltas < 5 {
            deltas +=
                usize::from(matches!(stream.next().await.unwrap().unwrap(), StreamEvent::PartDelta { .. }));
        }
        drop(stream);
        // The server has one place, which the dropped call held and would hold for ever: the window moves on.
        let cx = context();
        let next = adapter.complete(&cx, question());
        let next = tokio::time::timeout(Duration::from_secs(20), next).await.unwrap().unwrap();
        assert_eq!(next.text(), SENTENCE);
    }
}
