use forge_core::{
    ErrorKind, ModelProvider, ModelResponse, Participant, ProviderError, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopDetail, StopReason, ToolStart},
    request::{Citation, Opaque, Part},
};
use forge_http::ingress::Render;
use serde_json::{Value, json};

use super::{super::CHAT, frames, read, values, written};

fn reply(include_usage: bool) -> Box<dyn Render> {
    let body = json!({"model": "coder", "messages": [{"role": "user", "content": "q"}], "stream": true,
        "stream_options": {"include_usage": include_usage}});
    read(&CHAT, &body).reply
}

fn begun(index: u32, kind: PartKind) -> StreamEvent {
    StreamEvent::PartStarted { index, kind }
}

fn ended(index: u32) -> StreamEvent {
    StreamEvent::PartEnded { index, opaque: None }
}

fn finished(reason: StopReason) -> StreamEvent {
    let usage =
        TokenCount::default().with_input(5).with_cache_read(3).with_cache_write_5m(1).with_cache_write_1h(1);
    Finished::new(reason).with_usage(usage.with_output(4).with_reasoning(2)).into()
}

fn thinking(index: u32, text: &str) -> StreamEvent {
    StreamEvent::PartDelta { index, delta: Delta::Thinking(text.into()) }
}

fn arguments(index: u32, text: &str) -> StreamEvent {
    StreamEvent::PartDelta { index, delta: Delta::ToolInput(text.into()) }
}

fn deltas(events: &[StreamEvent]) -> Vec<Value> {
    let stream = written(&mut *reply(false), events);
    values(&stream).iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect()
}

#[test]
fn a_stream_has_its_chunks_in_order_and_the_tokens_at_the_end() {
    let events = [
        Started::new(Some("theirs".into()), Some("served".into())).into(),
        begun(0, PartKind::Thinking),
        thinking(0, "hm"),
        ended(0),
        begun(1, PartKind::Text),
        StreamEvent::text(1, "Hi"),
        ended(1),
        begun(2, PartKind::tool_use("c1", "add")),
        arguments(2, "{\"x\""),
        arguments(2, ":1}"),
        ended(2),
        begun(3, PartKind::ToolUse(Box::new(ToolStart::new("c2", "exec").freeform()))),
        arguments(3, "ls"),
        ended(3),
        finished(StopReason::ToolUse),
    ];
    let stream = written(&mut *reply(true), &events);
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "chatcmpl-0197-ab", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "coder",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": null})
    };
    let call = |call: Value| chunk(json!({"tool_calls": [call]}), json!(null));
    let mut last = chunk(json!({}), json!(null));
    last["choices"] = json!([]);
    last["usage"] = json!({"prompt_tokens": 10, "completion_tokens": 6, "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 2}});
    let expected = [
        chunk(json!({"role": "assistant", "content": ""}), json!(null)),
        chunk(json!({"reasoning_content": "hm"}), json!(null)),
        chunk(json!({"content": "Hi"}), json!(null)),
        call(
            json!({"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}}),
        ),
        call(json!({"index": 0, "function": {"arguments": "{\"x\""}})),
        call(json!({"index": 0, "function": {"arguments": ":1}"}})),
        call(json!({"index": 1, "id": "c2", "type": "custom", "custom": {"name": "exec", "input": ""}})),
        call(json!({"index": 1, "custom": {"input": "ls"}})),
        chunk(json!({}), json!("tool_calls")),
        last,
    ];
    assert_eq!(values(&stream), expected);
    assert!(stream.ends_with(b"\n\ndata: [DONE]\n\n"));
    let plain = written(&mut *reply(false), &events);
    assert!(values(&plain).iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(values(&plain).len(), expected.len() - 1);
}

#[test]
fn tokens_that_nobody_counted_are_null() {
    let events = [Finished::new(StopReason::EndTurn).with_usage(TokenCount::default().with_input(5)).into()];
    let stream = values(&written(&mut *reply(true), &events));
    assert_eq!(stream.last().unwrap()["usage"], json!(null));
}

#[test]
fn each_end_has_its_word() {
    let call = begun(0, PartKind::tool_use("c", "f"));
    let refusal = begun(0, PartKind::Refusal);
    for (part, reason, word) in [
        (None, StopReason::EndTurn, "stop"),
        (None, StopReason::StopSequence, "stop"),
        (None, StopReason::Paused, "stop"),
        (None, StopReason::Other, "stop"),
        (None, StopReason::MaxTokens, "length"),
        (None, StopReason::ContextWindow, "length"),
        (None, StopReason::ContentFiltered, "content_filter"),
        (None, StopReason::Refusal, "content_filter"),
        (Some(&refusal), StopReason::Refusal, "stop"),
        (Some(&call), StopReason::ToolUse, "tool_calls"),
        (Some(&call), StopReason::EndTurn, "tool_calls"),
        (Some(&call), StopReason::MaxTokens, "length"),
    ] {
        let events: Vec<_> = part.cloned().into_iter().chain([finished(reason)]).collect();
        let stream = values(&written(&mut *reply(false), &events));
        assert_eq!(stream.last().unwrap()["choices"][0]["finish_reason"], word, "{reason:?}");
    }
}

#[test]
fn a_reply_in_which_the_model_failed_has_no_good_end() {
    let events = [begun(0, PartKind::Text), StreamEvent::text(0, "Hi"), finished(StopReason::Error)];
    let stream = written(&mut *reply(true), &events);
    let all = frames(&stream);
    assert!(all.iter().all(|(_, data)| data != "[DONE]"));
    let last: Value = serde_json::from_str(&all.last().unwrap().1).unwrap();
    assert_eq!(last["error"]["type"], "server_error");
    let mut response = ModelResponse::new(Participant::gpt(), vec![Part::text("Hi")]);
    response.stop_reason = StopReason::Error;
    let whole: Value = serde_json::from_slice(&reply(false).whole(&response)).unwrap();
    assert_eq!(whole["choices"][0]["finish_reason"], "error");
}

#[test]
fn a_refusal_without_words_has_those_of_the_vendor() {
    let mut finished = Finished::new(StopReason::Refusal);
    finished.detail = StopDetail::of(Some("cyber".into()), Some("Not this.".into()));
    let stream = written(&mut *reply(false), &[finished.clone().into()]);
    let chunks = values(&stream);
    assert_eq!(chunks[1]["choices"][0]["delta"], json!({"refusal": "Not this."}));
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    let spoken = [begun(0, PartKind::Refusal), StreamEvent::text(0, "No."), finished.into()];
    assert_eq!(deltas(&spoken)[1..], [json!({"refusal": "No."}), json!({})]);
    let mut response = ModelResponse::new(Participant::gpt(), Vec::new());
    response.stop_reason = StopReason::Refusal;
    response.stop_detail = StopDetail::of(None, Some("Not this.".into()));
    let whole: Value = serde_json::from_slice(&reply(false).whole(&response)).unwrap();
    let choice = &whole["choices"][0];
    assert_eq!(
        (&choice["message"]["refusal"], &choice["finish_reason"]),
        (&json!("Not this."), &json!("stop"))
    );
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    let events = [begun(0, PartKind::tool_use("c", "f")), ended(0), finished(StopReason::ToolUse)];
    let last = &deltas(&events)[2];
    assert_eq!(last, &json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}));
}

#[test]
fn state_that_clients_send_back_is_told_beside_its_part() {
    let state =
        |data: Value| Some(Box::new(Opaque::new(ModelProvider::OpenAI, "m".into(), data.to_string())));
    let end = |index, data| StreamEvent::PartEnded { index, opaque: state(data) };
    let hidden = json!({"type": "reasoning.encrypted", "data": "x"});
    let shown = json!({"type": "reasoning.text", "text": "hm", "signature": "s"});
    let extra = json!({"google": {"thought_signature": "s"}});
    let events = [
        begun(0, PartKind::Thinking),
        thinking(0, "hm"),
        end(0, json!({"reasoning_details": [shown, hidden]})),
        begun(1, PartKind::Thinking),
        end(1, json!({"reasoning_details": [shown]})),
        begun(2, PartKind::tool_use("c", "f")),
        arguments(2, "{}"),
        end(2, json!({"extra_content": extra})),
        // Another dialect's state has no place here.
        begun(3, PartKind::Thinking),
        end(3, json!("signature")),
        begun(4, PartKind::Vendor),
        end(4, json!({"type": "redacted_thinking"})),
        finished(StopReason::ToolUse),
    ];
    let deltas = deltas(&events);
    assert_eq!(deltas[2], json!({"reasoning_details": [hidden]}));
    assert_eq!(deltas[3], json!({"reasoning_details": [shown]}));
    let signed = json!({"index": 0, "function": {"arguments": ""}, "extra_content": extra});
    assert_eq!(deltas[6], json!({"tool_calls": [signed]}));
    assert_eq!(deltas[7..], [json!({})]);
}

#[test]
fn sources_are_told_where_they_have_an_address() {
    let cite = |citation| StreamEvent::PartDelta { index: 0, delta: Delta::Citation(Box::new(citation)) };
    let own = json!({"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}});
    let foreign = Citation::raw(r#"{"type":"char_location"}"#);
    let events = [
        begun(0, PartKind::Text),
        StreamEvent::text(0, ""),
        StreamEvent::text(0, "dää"),
        begun(1, PartKind::Thinking),
        thinking(1, "hm"),
        cite(Citation::raw(own.to_string())),
        cite(foreign.clone()),
        cite(foreign.with_url(Some("https://a.example".into()))),
        finished(StopReason::EndTurn),
    ];
    let deltas = deltas(&events);
    assert_eq!(deltas[3], json!({"annotations": [own]}));
    let made = json!({"url": "https://a.example", "title": "", "start_index": 3, "end_index": 3});
    assert_eq!(deltas[4], json!({"annotations": [{"type": "url_citation", "url_citation": made}]}));
    assert_eq!(deltas.len(), 6);
}

#[test]
fn a_whole_reply_is_one_message() {
    let content = vec![
        Part::thinking("hm"),
        Part::text("Hi "),
        Part::text("you"),
        Part::tool_use("c", "add", json!({"x": 1})),
    ];
    let mut response = ModelResponse::new(Participant::gpt(), content)
        .with_tokens(TokenCount::default().with_input(5).with_output(4));
    response.stop_reason = StopReason::ToolUse;
    let whole: Value = serde_json::from_slice(&reply(false).whole(&response)).unwrap();
    let call = json!({"id": "c", "type": "function", "function": {"name": "add", "arguments": "{\"x\":1}"}});
    assert_eq!(
        whole,
        json!({"id": "chatcmpl-0197-ab", "object": "chat.completion", "created": 1_700_000_000, "model": "coder",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
                "content": "Hi you", "refusal": null, "reasoning_content": "hm", "tool_calls": [call]}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9,
                "prompt_tokens_details": {}, "completion_tokens_details": {}}})
    );
    response.content = vec![Part::refusal("No.")];
    response.tokens = TokenCount::default();
    let whole: Value = serde_json::from_slice(&reply(false).whole(&response)).unwrap();
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["content"], &message["refusal"]), (&json!(null), &json!("No.")));
    assert_eq!(whole["usage"], json!(null));
}

#[test]
fn state_stands_in_a_whole_reply() {
    let state = |data: Value| Opaque::new(ModelProvider::OpenAI, "m".into(), data.to_string());
    let (details, extra) = (json!([{"type": "reasoning.encrypted", "data": "x"}]), json!({"google": {}}));
    let content = vec![
        Part::thinking("").with_opaque(state(json!({"reasoning_details": details}))),
        Part::tool_use("c", "add", json!({})).with_opaque(state(json!({"extra_content": extra}))),
    ];
    let response = ModelResponse::new(Participant::gpt(), content);
    let whole: Value = serde_json::from_slice(&reply(false).whole(&response)).unwrap();
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["reasoning_details"], message.get("reasoning_content")), (&details, None));
    assert_eq!(message["tool_calls"][0]["extra_content"], extra);
}

#[test]
fn a_broken_stream_ends_with_an_error_and_without_done() {
    let mut reply = reply(true);
    let mut out = written(&mut *reply, &[begun(0, PartKind::Text), StreamEvent::text(0, "Hi")]);
    reply.keep_alive(&mut out);
    assert!(out.ends_with(b"\n\n: ping\n\n"));
    reply.failure(&ProviderError::new(ErrorKind::Overloaded, "claude", "too busy"), &mut out);
    let all = frames(&out);
    let error = json!({"message": "too busy", "type": "service_unavailable_error", "param": null, "code": "server_is_overloaded"});
    assert_eq!(serde_json::from_str::<Value>(&all.last().unwrap().1).unwrap(), json!({"error": error}));
    assert!(all.iter().all(|(_, data)| data != "[DONE]"));
    assert!(values(&out).iter().all(|chunk| !chunk["choices"][0]["finish_reason"].is_string()));
    let length = out.len();
    reply.event(&finished(StopReason::EndTurn), &mut out);
    reply.keep_alive(&mut out);
    assert_eq!(out.len(), length);
}
