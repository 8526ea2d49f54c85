//! Replies as local servers give them.

use std::time::Duration;

use forge_core::{
    ErrorKind, ModelRequest, ProviderExt,
    error::Phase,
    event::StopReason,
    provider::Timeouts,
    request::{Part, Tool},
};
use forge_local::{LocalProvider, ServerKind, TIMEOUTS};
use forge_sim::Vendor;
use forge_testkit::Reply;
use mockito::{Matcher, Server};
use serde_json::json;

use crate::support::{ALL, ask, context, provider, question, scripted, sim, whole};

fn with_tool() -> ModelRequest {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = Tool::function("get_weather", schema).with_description("Weather.");
    ModelRequest::new("").with_user_message("Please call get_weather.").with_tool(tool).with_max_tokens(500)
}

fn first_call(parts: &[Part]) -> (&str, bool) {
    parts
        .iter()
        .find_map(|part| match part {
            Part::ToolUse { id, input, .. } => {
                Some((id.as_str(), input.as_json().is_some_and(serde_json::Value::is_object)))
            }
            _ => None,
        })
        .unwrap()
}

#[tokio::test]
async fn every_server_thinks_and_answers_streamed_and_whole() {
    for vendor in ALL {
        for request in [question(), whole(question())] {
            let response = ask(vendor, "{}", request).await.unwrap();
            assert!(
                matches!(&response.content[..], [Part::Thinking { .. }, Part::Text { .. }]),
                "{vendor:?}"
            );
            assert_eq!(response.stop_reason, StopReason::EndTurn);
            assert!(response.tokens.total_output().unwrap() > 0);
            assert!(response.warnings.is_empty(), "{:?}", response.warnings);
        }
    }
}

#[tokio::test]
async fn a_server_that_answers_for_any_name_says_who_did() {
    for vendor in [Vendor::LlamaCpp, Vendor::LmStudio] {
        let sim = sim("{}").await;
        let response = provider(&sim, vendor).complete(&context("no-such-model"), question()).await.unwrap();
        assert_eq!(
            (response.model.as_str(), response.participant.model_id.as_str()),
            ("qwen3", "no-such-model")
        );
    }
}

#[tokio::test]
async fn tool_calls_come_in_every_form() {
    for quirks in [
        "whole_tool_call",
        "no_index",
        "no_id",
        "object_arguments",
        "finish_stop",
        "whole_tool_call, no_index, no_id, object_arguments, finish_stop",
    ] {
        let scenario = format!("rules: [{{ quirks: [{quirks}] }}]");
        for request in [with_tool(), whole(with_tool())] {
            let response = ask(Vendor::LmStudio, &scenario, request).await.unwrap();
            let (id, is_object) = first_call(&response.content);
            assert!(!id.is_empty() && is_object, "{quirks}: {:?}", response.content);
            assert_eq!(response.stop_reason, StopReason::ToolUse, "{quirks}");
        }
    }
}

#[tokio::test]
async fn missing_usage_is_unknown_and_said() {
    let scenario = "rules: [{ quirks: [no_usage] }]";
    let response = ask(Vendor::LmStudio, scenario, question()).await.unwrap();
    assert!(response.tokens.is_unknown());
    assert_eq!(response.warnings[0].about, "usage");
    let sim = sim(scenario).await;
    let native = provider(&sim, Vendor::Ollama).with_native();
    let response = native.complete(&context("qwen3"), question()).await.unwrap();
    assert!(response.tokens.is_unknown());
}

#[tokio::test]
async fn a_stream_that_ends_in_good_order_without_its_end_is_truncated() {
    for vendor in ALL {
        let error = ask(vendor, "rules: [{ silent_end: true }]", question()).await.unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::Truncated, Phase::AfterOutput), "{vendor:?}");
    }
    let no_reason = "rules: [{ quirks: [no_finish_reason] }]";
    assert_eq!(ask(Vendor::Vllm, no_reason, question()).await.unwrap_err().kind, ErrorKind::Truncated);
}

#[tokio::test]
async fn an_error_in_mid_stream_is_an_error_in_every_form() {
    // Ollama swallows its errors: the stream ends early.
    let scenario = |style: &str| {
        format!(
            "rules: [{{ stream_error: {{ kind: server, after_events: 3, message: it broke, style: {style} }} }}]"
        )
    };
    for (vendor, style, kind) in [
        (Vendor::Ollama, "usual", ErrorKind::Truncated),
        (Vendor::LlamaCpp, "usual", ErrorKind::Server),
        (Vendor::LlamaCpp, "field_line", ErrorKind::Server),
        (Vendor::Vllm, "usual", ErrorKind::Server),
        (Vendor::Vllm, "object", ErrorKind::Server),
        (Vendor::LmStudio, "text", ErrorKind::Server),
    ] {
        let error = ask(vendor, &scenario(style), question()).await.unwrap_err();
        assert_eq!((error.kind, error.phase), (kind, Phase::AfterOutput), "{vendor:?} {style}: {error}");
        assert_eq!(error.message == "it broke", kind == ErrorKind::Server, "{vendor:?} {style}: {error}");
    }
    let done = ask(Vendor::Vllm, "rules: [{ error_then_done: true }]", question()).await.unwrap_err();
    assert_eq!(done.kind, ErrorKind::Server);
    let sim = sim(&scenario("usual")).await;
    let native = provider(&sim, Vendor::Ollama).with_native();
    let error = native.complete(&context("qwen3"), question()).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Server, "it broke"));
}

#[tokio::test]
async fn thoughts_come_under_three_names_and_comments_are_pings() {
    for name in ["reasoning_content", "reasoning", "thinking"] {
        let stream = format!(
            ": ping\n\ndata: {{\"model\":\"m\",\"choices\":[{{\"delta\":{{\"{name}\":\"hm\"}}}}]}}\n\n: ping\n\n\
             data: {{\"choices\":[{{\"delta\":{{\"content\":\"Hi\"}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
        );
        let response = scripted(Reply::sse(&stream)).await.unwrap();
        let [Part::Thinking { text, .. }, Part::Text { text: said, .. }] = &response.content[..] else {
            panic!("{name}: {:?}", response.content)
        };
        assert_eq!((text.as_str(), said.as_str()), ("hm", "Hi"));
    }
}

#[tokio::test]
async fn the_first_word_has_a_clock_of_its_own() {
    let slow = "latency: [{ first_byte_ms: { fixed: 400 } }]";
    let sim = sim(slow).await;
    let impatient = |first_event| {
        let timeouts = Timeouts { first_event, gap: Duration::from_millis(100), ..TIMEOUTS };
        provider(&sim, Vendor::LlamaCpp).with_timeouts(timeouts)
    };
    let patient = impatient(Duration::from_secs(60));
    assert!(patient.complete(&context("qwen3"), question()).await.is_ok());
    let error =
        impatient(Duration::from_millis(100)).complete(&context("qwen3"), question()).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Timeout, Phase::BeforeOutput));
    assert!(TIMEOUTS.first_event >= Duration::from_secs(600) && TIMEOUTS.total > TIMEOUTS.first_event);
}

#[tokio::test]
async fn a_prompt_that_was_cut_in_silence_is_warned_about() {
    let sim = sim("{}").await;
    let native = provider(&sim, Vendor::Ollama).with_native();
    let mut request =
        ModelRequest::new("").with_user_message("many words ".repeat(4_000)).with_max_tokens(100);
    request.extra.insert(forge_core::ModelProvider::Local, "options", json!({"num_ctx": 2_048}));
    for request in [request.clone(), whole(request.clone())] {
        let response = native.complete(&context("qwen3"), request).await.unwrap();
        assert_eq!(response.warnings.iter().map(|warning| &*warning.about).collect::<Vec<_>>(), ["prompt"]);
    }
    request.extra.insert(forge_core::ModelProvider::Local, "options", json!({"num_ctx": 32_768}));
    assert!(native.complete(&context("qwen3"), request).await.unwrap().warnings.is_empty());
}

#[tokio::test]
async fn requests_have_the_shape_that_every_server_takes() {
    let mut server = Server::new_async().await;
    let reply = r#"{"model":"m","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let mut request = whole(question()).with_effort(forge_core::request::Effort::Max);
    request.sampling.top_k = Some(40);
    let body = |top_k: bool| {
        let mut body = json!({"model": "m", "max_tokens": 500, "reasoning_effort": "high", "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]});
        if top_k {
            body["top_k"] = json!(40);
        }
        body
    };
    for (kind, base, warned) in [(ServerKind::Vllm, "", 1), (ServerKind::Ollama, "/v1/", 2)] {
        let mock = server
            .mock("POST", "/v1/chat/completions")
            .match_header("authorization", "Bearer k")
            .match_body(Matcher::Json(body(kind == ServerKind::Vllm)))
            .with_body(reply)
            .create_async()
            .await;
        let provider = LocalProvider::new(server.url() + base).with_kind(kind).with_key("k");
        let response = provider.complete(&context("m"), request.clone()).await.unwrap();
        assert_eq!(response.warnings.len(), warned, "{:?}", response.warnings);
        mock.assert_async().await;
    }
}

#[tokio::test]
async fn the_native_mode_calls_ollamas_own_api() {
    let mut server = Server::new_async().await;
    let mock = server
        .mock("POST", "/api/chat")
        .match_header("authorization", Matcher::Missing)
        .match_body(Matcher::Json(json!({"model": "m", "stream": false, "keep_alive": "10m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
            "options": {"num_predict": 500, "num_ctx": 8_192}})))
        .with_body(r#"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}"#)
        .create_async()
        .await;
    let mut request = whole(question());
    request.extra.insert(forge_core::ModelProvider::Local, "options", json!({"num_ctx": 8_192}));
    let provider = LocalProvider::new(server.url()).with_native().with_keep_alive("10m");
    assert_eq!(provider.complete(&context("m"), request).await.unwrap().text(), "Hi");
    mock.assert_async().await;
}

#[tokio::test]
async fn thoughts_between_tags_are_thoughts_and_go_back_as_they_came() {
    let chunk = |text: &str, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": finish});
        format!("data: {}\n\n", json!({"model": "m", "choices": [choice]}))
    };
    for pieces in [
        &["<think>I plan.</think>\n\n# HTTP"][..],
        &["<thi", "nk>I ", "plan.</th", "ink>\n", "\n# HT", "TP"],
        &["I plan.</think>\n\n# HTTP"],
        &["I ", "plan.", "</think>", "\n\n", "# HTTP"],
    ] {
        let body: String = pieces.iter().map(|piece| chunk(piece, None)).collect();
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}});
        let stream = format!("{body}{}data: {usage}\n\ndata: [DONE]\n\n", chunk("", Some("stop")));
        let streamed = scripted(Reply::sse(&stream)).await.unwrap();
        let message = json!({"role": "assistant", "content": pieces.concat()});
        let reply = json!({"model": "m", "choices": [{"message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5}});
        let mut server = Server::new_async().await;
        let mock = server
            .mock("POST", "/v1/chat/completions")
            .match_body(Matcher::PartialJson(json!({"messages": [{"role": "user", "content": "Hi"},
                {"role": "assistant", "content": pieces.concat()}, {"role": "user", "content": "And?"}]})))
            .with_body(reply.to_string())
            .create_async()
            .await;
        let next = ModelRequest::new("")
            .with_user_message("Hi")
            .with_message(forge_core::Message::new(
                forge_core::request::MessageRole::Assistant,
                streamed.content.clone(),
            ))
            .with_user_message("And?");
        let whole = LocalProvider::new(server.url()).complete(&context("m"), whole(next)).await.unwrap();
        mock.assert_async().await;
        for response in [streamed, whole] {
            let [Part::Thinking { text, .. }, Part::Text { text: said, .. }] = &response.content[..] else {
                panic!("{pieces:?}: {:?}", response.content)
            };
            assert_eq!((text.as_str(), said.as_str()), ("I plan.", "# HTTP"), "{pieces:?}");
        }
    }
}

#[tokio::test]
async fn ollama_is_set_up_by_the_options_of_the_settings() {
    let mut server = Server::new_async().await;
    let mock = server
        .mock("POST", "/api/chat")
        .match_body(Matcher::Json(json!({"model": "m", "stream": false, "keep_alive": "30m", "think": false,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
            "options": {"num_predict": 500, "num_ctx": 32_768}})))
        .with_body(r#"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}"#)
        .create_async()
        .await;
    let options = json!({"num_ctx": 32_768, "keep_alive": "30m", "think": false});
    let settings = forge_core::provider::AdapterSettings {
        base_url: Some(format!("{}/v1", server.url())),
        options: options.as_object().unwrap().clone(),
        ..forge_core::provider::AdapterSettings::new("local")
    };
    let provider = LocalProvider::from_settings(settings.clone()).unwrap();
    assert_eq!(provider.kind(), ServerKind::Ollama);
    assert_eq!(provider.complete(&context("m"), whole(question())).await.unwrap().text(), "Hi");
    mock.assert_async().await;
    let options = json!({"num_ctx": 1, "seed": 1}).as_object().unwrap().clone();
    let error = LocalProvider::from_settings(forge_core::provider::AdapterSettings { options, ..settings })
        .unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend));
    assert!(error.message.contains("`num_ctx`, `keep_alive` and `think`"), "{error}");
}

#[tokio::test]
async fn what_strict_templates_refuse_is_not_sent() {
    let mut server = Server::new_async().await;
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"},
            {"type": "text", "text": "c"}]}]);
    let mock = server
        .mock("POST", "/v1/chat/completions")
        .match_body(Matcher::PartialJson(json!({"messages": messages})))
        .with_body(r#"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#)
        .create_async()
        .await;
    let request = ModelRequest::new("")
        .with_user_message("a")
        .with_user_message("b")
        .with_assistant_message("")
        .with_user_message("c");
    LocalProvider::new(server.url()).complete(&context("m"), whole(request)).await.unwrap();
    mock.assert_async().await;
}
