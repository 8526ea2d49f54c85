use forge_core::{
    ErrorKind, Message, ModelRequest, TokenCount,
    event::StopReason,
    request::{Delivery, MessageRole, Part, ToolInput},
};
use forge_testkit::Reply;
use serde_json::json;

use crate::{ask, exchange};

/// A stream of these events, each named by its type.
fn stream(events: &[serde_json::Value]) -> Reply {
    let events = events.iter().map(|event| {
        let name = event["type"].as_str().unwrap();
        format!("event: {name}\ndata: {event}  \n\n")
    });
    let body = events.collect::<Vec<_>>().concat();
    Reply::sse(&body)
}

fn start() -> serde_json::Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "claude-sonnet-5-5-20260928", "content": [], "stop_reason": null,
        "usage": {"input_tokens": 43, "output_tokens": 1}}})
}

fn stop(reason: &str) -> serde_json::Value {
    json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}})
}

fn end() -> serde_json::Value {
    json!({"type": "message_stop"})
}

#[tokio::test]
async fn a_whole_reply_has_its_text_ids_and_cache_classes() {
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
        "content": [{"type": "text", "text": "Hello"}], "stop_reason": "stop_sequence", "stop_sequence": "END",
        "usage": {"input_tokens": 5, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 20,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}, "service_tier": "standard"}});
    let reply = Reply::whole(
        200,
        "application/json",
        &[("request-id", "req_7"), ("retry-after", "9")],
        &body.to_string(),
    );
    let response = ask(Delivery::Whole, reply).await.unwrap();
    assert_eq!((response.text().as_ref(), response.id.as_deref()), ("Hello", Some("msg_1")));
    assert_eq!(response.request_id.as_deref(), Some("req_7"));
    assert_eq!(response.stop_reason, StopReason::StopSequence);
    assert_eq!(response.stop_sequence.as_deref(), Some("END"));
    let tokens = TokenCount::default()
        .with_input(5)
        .with_cache_read(20)
        .with_cache_write_5m(10)
        .with_cache_write_1h(20)
        .with_output(5)
        .with_reasoning(4);
    assert_eq!(response.tokens, tokens);
}

#[tokio::test]
async fn two_parallel_calls_come_out_of_a_whole_reply() {
    let body = json!({"id": "m", "model": "m", "stop_reason": "tool_use", "usage": {}, "content": [
        {"type": "text", "text": "I will look."},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"x": 1}, "caller": {"type": "direct"}},
        {"type": "tool_use", "id": "toolu_2", "name": "add", "input": {}}]});
    let response = ask(Delivery::Whole, Reply::json(200, &body.to_string())).await.unwrap();
    assert_eq!(response.stop_reason, StopReason::ToolUse);
    let tool = |id: &str, input| Part::tool_use(id, "add", input);
    assert_eq!(response.content[1..], [tool("toolu_1", json!({"x": 1})), tool("toolu_2", json!({}))]);
    assert!(response.tokens.is_unknown());
}

#[tokio::test]
async fn a_stream_survives_pings_unknown_events_and_corrected_usage() {
    let reply = stream(&[
        start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
        json!({"type": "something_new", "index": 9}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta", "x": 1}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 61, "output_tokens": 7}}),
        end(),
    ]);
    let response = ask(Delivery::Stream, reply.in_pieces(7)).await.unwrap();
    assert_eq!(response.text(), "Hello");
    assert_eq!(response.model.as_str(), "claude-sonnet-5-5-20260928");
    assert_eq!((response.tokens.input, response.tokens.output), (Some(61), Some(7)));
}

#[tokio::test]
async fn tools_stream_with_and_without_arguments_and_a_cut_one_keeps_its_text() {
    let tool = |index, id: &str| {
        json!({"type": "content_block_start", "index": index,
            "content_block": {"type": "tool_use", "id": id, "name": "add", "input": {}}})
    };
    let input = |index, text: &str| {
        json!({"type": "content_block_delta", "index": index,
            "delta": {"type": "input_json_delta", "partial_json": text}})
    };
    let stopped = |index| json!({"type": "content_block_stop", "index": index});
    let reply = stream(&[
        start(),
        tool(0, "a"),
        input(0, ""),
        input(0, "{\"x\":"),
        input(0, " 1}"),
        stopped(0),
        tool(1, "b"),
        input(1, ""),
        stopped(1),
        tool(2, "c"),
        input(2, "{\"y\": [1,"),
        stop("max_tokens"),
        end(),
    ]);
    let response = ask(Delivery::Stream, reply).await.unwrap();
    assert_eq!(response.stop_reason, StopReason::MaxTokens);
    let inputs: Vec<_> = response
        .content
        .iter()
        .filter_map(|part| match part {
            Part::ToolUse { input, .. } => Some(input.clone()),
            _ => None,
        })
        .collect();
    let broken = ToolInput::Broken("{\"y\": [1,".into());
    assert_eq!(inputs, [json!({"x": 1}).into(), json!({}).into(), broken]);
}

#[tokio::test]
async fn thoughts_and_unknown_blocks_go_back_as_they_came_but_only_to_their_model() {
    let redacted = json!({"type": "redacted_thinking", "data": "EuYBCoQ+/="});
    let server_tool =
        json!({"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"q": 1.50}});
    let reply = stream(&[
        start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "Sig+/=="}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": redacted}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "content_block_start", "index": 2, "content_block": server_tool}),
        json!({"type": "content_block_stop", "index": 2}),
        stop("pause_turn"),
        end(),
    ]);
    let first = ask(Delivery::Stream, reply.clone()).await.unwrap();
    assert_eq!(first.stop_reason, StopReason::Paused);

    let next = ModelRequest::new("")
        .with_user_message("hi")
        .with_message(Message::new(MessageRole::Assistant, first.content))
        .with_user_message("Go on.");
    let (_, sent) = exchange("claude-sonnet-5-5", next.clone(), reply.clone()).await;
    let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": "Sig+/=="});
    assert_eq!(sent[0].body["messages"][1]["content"], json!([thought, redacted, server_tool]));

    let (_, sent) = exchange("claude-opus-5-5", next, reply).await;
    let turns = sent[0].body["messages"].as_array().unwrap();
    assert!(turns.iter().all(|turn| turn["role"] == "user"), "{turns:?}");
}

#[tokio::test]
async fn a_refusal_is_a_stop_reason_with_and_without_details() {
    let bare = json!({"id": "m", "model": "m", "content": [], "stop_reason": "refusal", "usage": {}});
    let response = ask(Delivery::Whole, Reply::json(200, &bare.to_string())).await.unwrap();
    assert_eq!((response.stop_reason, response.warnings.len()), (StopReason::Refusal, 0));

    let reply = stream(&[
        start(),
        json!({"type": "message_delta", "usage": {}, "delta": {"stop_reason": "refusal",
            "stop_details": {"type": "refusal", "category": "cyber", "explanation": "No."}}}),
        end(),
    ]);
    let response = ask(Delivery::Stream, reply).await.unwrap();
    assert_eq!(
        (response.stop_reason, response.raw_stop_reason.as_deref()),
        (StopReason::Refusal, Some("refusal"))
    );
    let detail = response.stop_detail.unwrap();
    assert_eq!((detail.category.as_deref(), detail.explanation.as_deref()), (Some("cyber"), Some("No.")));
}

#[tokio::test]
async fn an_unknown_stop_reason_is_kept_as_the_vendor_said_it() {
    let body = json!({"id": "m", "model": "m", "content": [], "stop_reason": "compaction", "usage": {}});
    let response = ask(Delivery::Whole, Reply::json(200, &body.to_string())).await.unwrap();
    assert_eq!(
        (response.stop_reason, response.raw_stop_reason.as_deref()),
        (StopReason::Other, Some("compaction"))
    );
}

#[tokio::test]
async fn a_stream_that_does_not_begin_is_an_error_and_one_that_begins_twice_goes_on() {
    let error = ask(Delivery::Stream, stream(&[stop("end_turn"), end()])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Decode);
    assert!(error.message.contains("wrong place"), "{error}");

    let words = |index, text: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}});
    let twice = [start(), words(0, "Hel"), start(), words(0, "lo"), stop("end_turn"), end()];
    assert_eq!(ask(Delivery::Stream, stream(&twice)).await.unwrap().text(), "Hello");
    let late = [words(1, "Hel"), words(1, "lo"), stop("end_turn"), end()];
    let response = ask(Delivery::Stream, stream(&late)).await.unwrap();
    assert_eq!((response.text().as_ref(), response.content.len()), ("Hello", 1));
}

#[tokio::test]
async fn a_block_of_a_new_kind_gathers_its_deltas() {
    let block = json!({"type": "musing", "thinking": ""});
    let delta = |kind: &str, field: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": kind, field: "x"}});
    let ended = json!({"type": "content_block_stop", "index": 0});
    let begun = |block: &serde_json::Value| json!({"type": "content_block_start", "index": 0, "content_block": block});
    let deltas = [("thinking_delta", "thinking"), ("signature_delta", "signature"), ("text_delta", "text")];
    let mut events = vec![start(), begun(&block)];
    events.extend(deltas.map(|(kind, field)| delta(kind, field)));
    events.extend([ended, stop("end_turn"), end()]);
    let response = ask(Delivery::Stream, stream(&events)).await.unwrap();
    let [Part::Vendor { opaque, .. }] = &response.content[..] else { panic!("{response:?}") };
    let whole = json!({"type": "musing", "thinking": "x", "signature": "x", "text": "x"});
    assert_eq!(serde_json::from_str::<serde_json::Value>(&opaque.data).unwrap(), whole);

    let text = json!({"type": "text", "text": ""});
    for (kind, field) in [("thinking_delta", "thinking"), ("input_json_delta", "partial_json")] {
        let error =
            ask(Delivery::Stream, stream(&[start(), begun(&text), delta(kind, field)])).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode);
        assert!(error.message.contains("does not fit its block"), "{error}");
    }
}

#[tokio::test]
async fn citations_stand_on_their_text_in_streams_and_in_whole_replies() {
    let cited = json!({"type": "web_search_result_location", "url": "https://a.example", "title": "Atlas",
        "cited_text": "Paris is a city", "encrypted_index": "x"});
    let block = json!({"type": "text", "text": "Paris", "citations": [cited]});
    let whole = json!({"id": "m", "model": "m", "stop_reason": "end_turn", "usage": {}, "content": [block]});
    let streamed = stream(&[
        start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Paris"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": cited}}),
        json!({"type": "content_block_stop", "index": 0}),
        stop("end_turn"),
        end(),
    ]);
    for (delivery, reply) in
        [(Delivery::Whole, Reply::json(200, &whole.to_string())), (Delivery::Stream, streamed)]
    {
        let response = ask(delivery, reply).await.unwrap();
        let Part::Text { citations, .. } = &response.content[0] else { panic!("{response:?}") };
        let named =
            (citations[0].url.as_deref(), citations[0].title.as_deref(), citations[0].quote.as_deref());
        assert_eq!(named, (Some("https://a.example"), Some("Atlas"), Some("Paris is a city")));
        assert!(citations[0].raw.as_ref().unwrap().contains("encrypted_index"));
    }
}
