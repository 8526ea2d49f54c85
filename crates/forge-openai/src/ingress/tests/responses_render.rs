use forge_core::{
    ErrorKind, ModelProvider, ModelResponse, Participant, ProviderError, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopDetail, StopReason, ToolStart},
    request::{Citation, Opaque, Part},
};
use forge_http::ingress::Render;
use serde_json::{Value, json};

use super::{super::RESPONSES, frames, read, values, written};

fn reply() -> Box<dyn Render> {
    let body = json!({"model": "coder", "input": "q", "parallel_tool_calls": false, "tool_choice": "required",
        "tools": [{"type": "function", "name": "add"}]});
    read(&RESPONSES, &body).reply
}

fn begun(index: u32, kind: PartKind) -> StreamEvent {
    StreamEvent::PartStarted { index, kind }
}

fn ended(index: u32) -> StreamEvent {
    StreamEvent::PartEnded { index, opaque: None }
}

fn with_state(index: u32, provider: ModelProvider, data: &str) -> StreamEvent {
    StreamEvent::PartEnded { index, opaque: Some(Box::new(Opaque::new(provider, "m".into(), data))) }
}

fn thinking(index: u32, text: &str) -> StreamEvent {
    StreamEvent::PartDelta { index, delta: Delta::Thinking(text.into()) }
}

fn input(index: u32, text: &str) -> StreamEvent {
    StreamEvent::PartDelta { index, delta: Delta::ToolInput(text.into()) }
}

fn finished(reason: StopReason) -> StreamEvent {
    let usage =
        TokenCount::default().with_input(5).with_cache_read(3).with_cache_write_5m(1).with_cache_write_1h(1);
    Finished::new(reason).with_usage(usage.with_output(4).with_reasoning(2)).into()
}

/// The events of a stream without their numbers, which are held to be 0, 1, 2, ...
fn told(events: &[StreamEvent]) -> Vec<Value> {
    let mut told = values(&written(&mut *reply(), events));
    for (at, event) in told.iter_mut().enumerate() {
        assert_eq!(event.as_object_mut().unwrap().shift_remove("sequence_number"), Some(json!(at)));
    }
    told
}

/// The last event's response.
fn response(events: &[StreamEvent]) -> Value {
    told(events).pop().unwrap()["response"].take()
}

fn whole(status: &str, output: Value, usage: Value) -> Value {
    let mut whole = json!({"id": "resp_0197-ab", "object": "response", "created_at": 1_700_000_000, "status": status,
        "error": null, "incomplete_details": null, "model": "coder", "output": null, "parallel_tool_calls": false,
        "tool_choice": "required", "tools": [], "usage": null});
    (whole["output"], whole["usage"]) = (output, usage);
    whole
}

fn usage() -> Value {
    json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "output_tokens": 6, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 16})
}

#[test]
fn a_stream_has_its_events_in_order_and_the_whole_at_the_end() {
    let events = [
        Started::new(Some("theirs".into()), Some("served".into())).into(),
        begun(0, PartKind::Thinking),
        thinking(0, "hm"),
        with_state(0, ModelProvider::Anthropic, "signature"),
        begun(1, PartKind::Text),
        StreamEvent::text(1, "Hi"),
        ended(1),
        begun(2, PartKind::tool_use("c1", "add")),
        input(2, "{}"),
        ended(2),
        finished(StopReason::ToolUse),
    ];
    let event = |kind: &str, rest: Value| {
        let mut event = json!({"type": format!("response.{kind}")});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let text = |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
    let summary = |text: &str| json!({"type": "summary_text", "text": text});
    let message = |status: &str, content: Value| json!({"type": "message", "id": "msg_0197-ab_1", "status": status, "role": "assistant", "content": content});
    let call = |status: &str, arguments: &str| {
        json!({"type": "function_call", "id": "fc_0197-ab_2", "status": status, "call_id": "c1", "name": "add",
            "arguments": arguments})
    };
    let thought = json!({"type": "reasoning", "id": "rs_0197-ab_0", "summary": [summary("hm")], "encrypted_content": "signature"});
    let (rs, msg, fc) = ("rs_0197-ab_0", "msg_0197-ab_1", "fc_0197-ab_2");
    let expected = [
        event("created", json!({"response": whole("in_progress", json!([]), json!(null))})),
        event("in_progress", json!({"response": whole("in_progress", json!([]), json!(null))})),
        event(
            "output_item.added",
            json!({"output_index": 0, "item": {"type": "reasoning", "id": rs, "summary": []}}),
        ),
        event(
            "reasoning_summary_part.added",
            json!({"output_index": 0, "item_id": rs, "summary_index": 0, "part": summary("")}),
        ),
        event(
            "reasoning_summary_text.delta",
            json!({"output_index": 0, "item_id": rs, "summary_index": 0, "delta": "hm"}),
        ),
        event(
            "reasoning_summary_text.done",
            json!({"output_index": 0, "item_id": rs, "summary_index": 0, "text": "hm"}),
        ),
        event(
            "reasoning_summary_part.done",
            json!({"output_index": 0, "item_id": rs, "summary_index": 0, "part": summary("hm")}),
        ),
        event("output_item.done", json!({"output_index": 0, "item": thought})),
        event("output_item.added", json!({"output_index": 1, "item": message("in_progress", json!([]))})),
        event(
            "content_part.added",
            json!({"output_index": 1, "item_id": msg, "content_index": 0, "part": text("")}),
        ),
        event(
            "output_text.delta",
            json!({"output_index": 1, "item_id": msg, "content_index": 0, "delta": "Hi", "logprobs": []}),
        ),
        event(
            "output_text.done",
            json!({"output_index": 1, "item_id": msg, "content_index": 0, "text": "Hi", "logprobs": []}),
        ),
        event(
            "content_part.done",
            json!({"output_index": 1, "item_id": msg, "content_index": 0, "part": text("Hi")}),
        ),
        event(
            "output_item.done",
            json!({"output_index": 1, "item": message("completed", json!([text("Hi")]))}),
        ),
        event("output_item.added", json!({"output_index": 2, "item": call("in_progress", "")})),
        event("function_call_arguments.delta", json!({"output_index": 2, "item_id": fc, "delta": "{}"})),
        event(
            "function_call_arguments.done",
            json!({"output_index": 2, "item_id": fc, "name": "add", "arguments": "{}"}),
        ),
        event("output_item.done", json!({"output_index": 2, "item": call("completed", "{}")})),
        event(
            "completed",
            json!({"response": whole("completed",
            json!([thought, message("completed", json!([text("Hi")])), call("completed", "{}")]), usage())}),
        ),
    ];
    let told = told(&events);
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
    let stream = written(&mut *reply(), &events);
    assert!(frames(&stream).iter().all(|(name, data)| name.starts_with("response.") && data != "[DONE]"));
}

#[test]
fn refusals_and_free_text_have_events_of_their_own() {
    let exec = ToolStart::new("c", "exec").with_namespace(Some("shell".into())).freeform();
    let events = [
        begun(0, PartKind::Refusal),
        StreamEvent::text(0, "No."),
        ended(0),
        begun(1, PartKind::ToolUse(Box::new(exec))),
        input(1, "ls"),
        ended(1),
        finished(StopReason::Refusal),
    ];
    let told = told(&events);
    let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.refusal.delta",
        "response.refusal.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.custom_tool_call_input.delta",
        "response.custom_tool_call_input.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds, expected);
    assert_eq!((&told[5]["refusal"], &told[10]["input"]), (&json!("No."), &json!("ls")));
    let call = json!({"type": "custom_tool_call", "id": "ctc_0197-ab_1", "status": "completed", "call_id": "c",
        "name": "exec", "namespace": "shell", "input": "ls"});
    assert_eq!(told[11]["item"], call);
    assert_eq!(told[7]["item"]["content"], json!([{"type": "refusal", "refusal": "No."}]));
}

#[test]
fn the_vendors_items_keep_their_fields_beside_what_was_told() {
    let call =
        r#"{"type":"function_call","id":"fc_theirs","call_id":"theirs","name":"f","arguments":"{ }","x":1}"#;
    let message =
        r#"{"type":"message","id":"msg_theirs","role":"assistant","phase":"final_answer","content":[]}"#;
    let thought = r#"{"type":"reasoning","id":"rs_theirs","summary":[],"encrypted_content":"x="}"#;
    let search = r#"{"type":"web_search_call","id":"ws_1"}"#;
    let events = [
        begun(0, PartKind::Thinking),
        with_state(0, ModelProvider::OpenAI, thought),
        begun(1, PartKind::Text),
        with_state(1, ModelProvider::OpenAI, message),
        begun(2, PartKind::Vendor),
        with_state(2, ModelProvider::OpenAI, search),
        begun(3, PartKind::Vendor),
        with_state(3, ModelProvider::Anthropic, r#"{"type":"redacted_thinking","data":"y"}"#),
        begun(4, PartKind::tool_use("ours", "f")),
        with_state(4, ModelProvider::OpenAI, call),
        finished(StopReason::EndTurn),
    ];
    let output = response(&events)["output"].take();
    let redacted = json!({"type": "reasoning", "id": "rs_0197-ab_3", "summary": [],
        "encrypted_content": r#"{"type":"redacted_thinking","data":"y"}"#});
    assert_eq!(
        output[0],
        json!({"type": "reasoning", "id": "rs_0197-ab_0", "summary": [], "encrypted_content": "x="})
    );
    assert_eq!((&output[4]["call_id"], &output[4]["x"]), (&json!("ours"), &json!(1)));
    assert_eq!(output[1]["content"][0]["text"], "");
    assert_eq!((&output[1]["phase"], &output[1]["id"]), (&json!("final_answer"), &json!("msg_0197-ab_1")));
    assert_eq!((&output[2], &output[3]), (&search.parse().unwrap(), &redacted));
}

#[test]
fn sources_are_told_where_they_have_an_address() {
    let cite = |citation| StreamEvent::PartDelta { index: 0, delta: Delta::Citation(Box::new(citation)) };
    let own = json!({"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1});
    let chats = json!({"type": "url_citation", "url_citation": {"url": "u"}}).to_string();
    let events = [
        begun(0, PartKind::Text),
        StreamEvent::text(0, "dä"),
        cite(Citation::raw(own.to_string())),
        cite(Citation::raw(r#"{"type":"char_location"}"#)),
        cite(Citation::raw(chats).with_url(Some("https://a.example".into()))),
        ended(0),
        finished(StopReason::EndTurn),
    ];
    let told = told(&events);
    let added: Vec<_> =
        told.iter().filter(|event| event["type"] == "response.output_text.annotation.added").collect();
    let made = json!({"type": "url_citation", "url": "https://a.example", "title": "", "start_index": 2, "end_index": 2});
    assert_eq!((&added[0]["annotation"], &added[0]["annotation_index"]), (&own, &json!(0)));
    assert_eq!((&added[1]["annotation"], &added[1]["annotation_index"]), (&made, &json!(1)));
    assert_eq!(added.len(), 2);
    let item = &told.last().unwrap()["response"]["output"][0];
    assert_eq!(item["content"][0]["annotations"], json!([own, made]));
}

#[test]
fn each_end_has_its_status() {
    let refusal = begun(0, PartKind::Refusal);
    for (part, reason, status, because) in [
        (None, StopReason::EndTurn, "completed", None),
        (None, StopReason::StopSequence, "completed", None),
        (None, StopReason::ToolUse, "completed", None),
        (None, StopReason::Other, "completed", None),
        (Some(&refusal), StopReason::Refusal, "completed", None),
        (None, StopReason::Refusal, "incomplete", Some("content_filter")),
        (None, StopReason::ContentFiltered, "incomplete", Some("content_filter")),
        (None, StopReason::MaxTokens, "incomplete", Some("max_output_tokens")),
        (None, StopReason::ContextWindow, "incomplete", Some("max_output_tokens")),
        (None, StopReason::Paused, "incomplete", None),
        (None, StopReason::Error, "failed", None),
    ] {
        let events: Vec<_> = part.cloned().into_iter().chain([finished(reason)]).collect();
        let last = told(&events).pop().unwrap();
        assert_eq!(last["type"], format!("response.{status}"), "{reason:?}");
        let response = &last["response"];
        assert_eq!(response["status"], status, "{reason:?}");
        assert_eq!(response["incomplete_details"]["reason"].as_str(), because, "{reason:?}");
        assert_eq!(response["error"].is_null(), status != "failed", "{reason:?}");
    }
}

#[test]
fn a_text_that_says_nothing_is_no_item() {
    let call = || PartKind::ToolUse(Box::new(ToolStart::new("1", "f")));
    let silent = [begun(0, PartKind::Text), with_state(0, ModelProvider::Google, "AAAA")];
    let streamed =
        response(&[&silent[..], &[begun(1, call()), ended(1), finished(StopReason::ToolUse)]].concat());
    assert_eq!(streamed["output"].as_array().unwrap().len(), 1, "{streamed}");
    let parts = vec![Part::text(""), Part::tool_use("1", "f", json!({}))];
    let whole = reply().whole(&ModelResponse::new(Participant::gpt(), parts));
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(whole["output"], streamed["output"]);
}

#[test]
fn a_refusal_without_words_has_those_of_the_vendor() {
    let mut finished = Finished::new(StopReason::Refusal);
    finished.detail = StopDetail::of(None, Some("Not this.".into()));
    let streamed = response(&[finished.into()]);
    let mut response = ModelResponse::new(Participant::gpt(), Vec::new());
    response.stop_reason = StopReason::Refusal;
    response.stop_detail = StopDetail::of(None, Some("Not this.".into()));
    let whole: Value = serde_json::from_slice(&reply().whole(&response)).unwrap();
    assert_eq!(streamed, whole);
    let content = json!([{"type": "refusal", "refusal": "Not this."}]);
    assert_eq!((&whole["status"], &whole["output"][0]["content"]), (&json!("completed"), &content));
}

#[test]
fn a_part_that_was_cut_off_is_incomplete() {
    let events = [
        begun(0, PartKind::Text),
        StreamEvent::text(0, "Hi"),
        begun(1, PartKind::tool_use("c", "f")),
        finished(StopReason::MaxTokens),
    ];
    let output = response(&events)["output"].take();
    assert_eq!(
        (&output[0]["status"], &output[0]["content"][0]["text"]),
        (&json!("incomplete"), &json!("Hi"))
    );
    assert_eq!((&output[1]["status"], &output[1]["arguments"]), (&json!("incomplete"), &json!("")));
    let whole = [begun(0, PartKind::tool_use("c", "f")), ended(0), finished(StopReason::ToolUse)];
    assert_eq!(response(&whole)["output"][0]["arguments"], "{}");
    assert!(told(&whole).iter().any(|event| event["delta"] == "{}"));
}

#[test]
fn a_whole_reply_has_the_same_items() {
    let content = vec![
        Part::thinking("hm"),
        Part::text("Hi"),
        Part::tool_use("c1", "add", json!({"x": 1})).with_namespace("math"),
        Part::refusal("No."),
    ];
    let response = ModelResponse::new(Participant::gpt(), content)
        .with_tokens(TokenCount::default().with_input(5).with_output(4));
    let body: Value = serde_json::from_slice(&reply().whole(&response)).unwrap();
    let content = json!([{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}]);
    let output = json!([
        {"type": "reasoning", "id": "rs_0197-ab_0", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "id": "msg_0197-ab_1", "status": "completed", "role": "assistant", "content": content},
        {"type": "function_call", "id": "fc_0197-ab_2", "status": "completed", "call_id": "c1", "name": "add",
            "namespace": "math", "arguments": "{\"x\":1}"},
        {"type": "message", "id": "msg_0197-ab_3", "status": "completed", "role": "assistant",
            "content": [{"type": "refusal", "refusal": "No."}]},
    ]);
    let usage = json!({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 9});
    assert_eq!(body, whole("completed", output, usage));
}

#[test]
fn tokens_that_nobody_counted_are_numbers_that_no_call_takes() {
    let unknown = ModelResponse::new(Participant::gpt(), Vec::new())
        .with_tokens(TokenCount::default().with_output(4).with_cache_read(3));
    let body: Value = serde_json::from_slice(&reply().whole(&unknown)).unwrap();
    let usage = json!({"input_tokens": 0, "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 4});
    assert_eq!(body["usage"], usage);
    let stream = written(&mut *reply(), &[Finished::new(StopReason::EndTurn).into()]);
    let told = crate::responses::Decoder::new(ModelProvider::OpenAI, "m".into(), "p".into());
    assert!(super::decoded(told, &stream).tokens.input.is_none());
}

#[test]
fn a_broken_stream_ends_with_an_error_and_a_failed_response() {
    let mut reply = reply();
    let part = [begun(0, PartKind::Text), StreamEvent::text(0, "a"), ended(0), begun(1, PartKind::Text)];
    let mut out = written(&mut *reply, &part);
    reply.keep_alive(&mut out);
    assert!(out.ends_with(b"\n\n: ping\n\n"));
    reply.failure(&ProviderError::new(ErrorKind::RateLimited, "gpt", "slow down"), &mut out);
    let told = values(&out);
    let [.., error, failed] = &told[..] else { panic!() };
    let number = told.len() - 2;
    assert_eq!(
        *error,
        json!({"type": "error", "sequence_number": number, "code": "rate_limit_exceeded", "message": "slow down", "param": null,
            // The vendor's own clients raise an error only where it is nested.
            "error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "slow down", "param": null}})
    );
    assert_eq!(
        (&failed["type"], &failed["sequence_number"]),
        (&json!("response.failed"), &json!(number + 1))
    );
    let fault = json!({"code": "rate_limit_exceeded", "message": "slow down"});
    assert_eq!((&failed["response"]["status"], &failed["response"]["error"]), (&json!("failed"), &fault));
    assert_eq!(failed["response"]["output"].as_array().unwrap().len(), 1);
    let length = out.len();
    reply.event(&finished(StopReason::EndTurn), &mut out);
    reply.keep_alive(&mut out);
    reply.failure(&ProviderError::new(ErrorKind::Server, "gpt", "m"), &mut out);
    assert_eq!(out.len(), length);
}
