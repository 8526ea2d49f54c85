//! llama.cpp speaks the dialects of two vendors too: servers of them that owe nothing to this project.

use std::sync::Arc;

use forge::{
    Adapter, AnthropicProvider, CallContext, ModelProvider, ModelRequest, OpenAIProvider, Participant,
    ProviderExt as _,
    event::StopReason,
    provider::AdapterSettings,
    request::{Delivery, Part},
};

use serde_json::json;

use crate::{
    python::{ENDLESS, SENTENCE, Server, THOUGHTFUL},
    server::thermometer,
};

async fn answers(adapter: Arc<dyn Adapter>, participant: Participant) {
    let cx = CallContext::new(participant);
    let request = ModelRequest::new("Be brief.").with_user_message("Why?").with_max_tokens(100);
    let whole = |request: &ModelRequest| request.clone().with_delivery(Delivery::Whole);
    for request in [request.clone(), whole(&request)] {
        let response = adapter.complete(&cx, request).await.unwrap();
        assert_eq!((&*response.text(), response.stop_reason), (SENTENCE, StopReason::EndTurn));
        assert!(response.tokens.total_input().unwrap() > 5, "{:?}", response.tokens);
        assert_eq!(response.tokens.total_output(), Some(9));
    }
    let thoughtful = request.clone().with_user_message(THOUGHTFUL);
    for request in [thoughtful.clone(), whole(&thoughtful)] {
        let response = adapter.complete(&cx, request).await.unwrap();
        let [Part::Thinking { text, .. }, Part::Text { text: answer, .. }] = &response.content[..] else {
            panic!("{response:?}")
        };
        assert_eq!((text.trim(), &**answer), ("Let me see", "Indeed"));
    }
    let asked = request.clone().with_tool(thermometer());
    for request in [asked.clone(), whole(&asked)] {
        let response = adapter.complete(&cx, request).await.unwrap();
        assert_eq!(response.stop_reason, StopReason::ToolUse, "{response:?}");
        let calls: Vec<_> =
            response.content.iter().filter(|part| matches!(part, Part::ToolUse { .. })).collect();
        let [Part::ToolUse { name, input, .. }] = &calls[..] else { panic!("{response:?}") };
        assert_eq!((&**name, input), ("get_weather", &json!({"unit": "kelvin"}).into()));
    }
    let limited = request.with_max_tokens(16);
    let endless = limited.clone().with_user_message(ENDLESS);
    for request in [endless.clone(), whole(&endless)] {
        let response = adapter.complete(&cx, request).await.unwrap();
        assert_eq!(response.stop_reason, StopReason::MaxTokens);
        assert_eq!(response.tokens.total_output(), Some(16));
    }
}

fn settings(url: String) -> AdapterSettings {
    AdapterSettings {
        base_url: Some(url),
        api_key: Some("sk-test-1".into()),
        ..AdapterSettings::new("llama")
    }
}

#[tokio::test]
async fn the_adapter_for_anthropic_understands_llama_cpp() {
    let Some(server) = Server::start(&[]) else { return };
    let adapter = AnthropicProvider::from_settings(settings(server.url.clone())).unwrap();
    answers(Arc::new(adapter), Participant::claude_sonnet()).await;
}

#[tokio::test]
async fn the_adapter_for_openai_understands_llama_cpp() {
    let Some(server) = Server::start(&[]) else { return };
    let url = format!("{}/v1", server.url);
    let adapter = OpenAIProvider::from_settings(settings(url)).unwrap();
    answers(Arc::new(adapter), Participant::new(ModelProvider::OpenAI, "gpt-4o")).await;
}
