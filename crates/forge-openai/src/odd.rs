//! Answers stand whatever else is in their replies: one value at a time is another one.

use forge_core::StreamEvent;
use forge_http::{Decode, Events, Frame};
use forge_testkit::odd::{Said, check, said, variants};
use serde_json::{Value, json};

use crate::{chat, responses};

fn streamed(mut decoder: impl Decode, lines: &[Value]) -> Said {
    let mut events = Events::new();
    for line in lines {
        let (name, data) = (line["type"].as_str().unwrap_or_default(), line.to_string());
        let frame = Frame::Event { name, data: &*data };
        decoder.frame(frame, &mut events).unwrap_or_else(|failure| panic!("{failure:?} from {lines:?}"));
    }
    if !matches!(events.back(), Some(StreamEvent::Finished(_))) {
        decoder.end(&mut events).unwrap_or_else(|failure| panic!("{failure:?} from {lines:?}"));
    }
    said(events)
}

fn check_stream<D: Decode>(
    decoder: fn() -> D,
    lines: &[Value],
    keeps: fn(&str, &Value) -> bool,
    skips: fn(&str, &Value) -> bool,
) {
    check(|lines| streamed(decoder(), lines), lines, keeps, skips);
}

fn chat_keeps(key: &str, value: &Value) -> bool {
    // An error is one, whatever stands beside it.
    matches!(key, "content" | "name" | "arguments") && !value.is_null() || key == "error"
}

/// A text in the place of a refusal is one.
fn chat_skips(key: &str, value: &Value) -> bool {
    key == "refusal" && value.is_string()
}

#[test]
fn a_whole_chat_reply() {
    let reply = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null, "delta": {"role": "assistant"},
            "message": {"role": "assistant", "content": "Hi", "refusal": null, "reasoning_content": "hm",
                "reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}],
                "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}],
                "tool_calls": [
                    {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
                    {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": {}}}]}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "cached_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 1}},
        "timings": {"cache_n": 1, "prompt_n": 4}, "service_tier": "default", "detail": null,
        "system_fingerprint": "fp"});
    let read = |lines: &[Value]| {
        let (mut events, body) = (Events::new(), lines[0].to_string());
        let read = chat::Decoder::new().whole(&body, &mut events);
        read.unwrap_or_else(|failure| panic!("{failure:?} from {body}"));
        said(events)
    };
    assert!(variants(&reply, chat_keeps, chat_skips).len() > 500);
    check(read, &[reply], chat_keeps, chat_skips);
}

#[test]
fn a_streamed_chat_reply() {
    /// Numbers say that a piece belongs to another choice or call, and a reply needs its end.
    fn skips(key: &str, value: &Value) -> bool {
        key == "index" && (*value == json!(0) || *value == json!("0"))
            || key == "finish_reason" && matches!(value, Value::Null | Value::Bool(false))
            || key == "finish_reason" && [json!(0), json!(""), json!([]), json!({})].contains(value)
            || chat_skips(key, value)
    }
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "x", "object": "chat.completion.chunk", "model": "m", "usage": null,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": null}]})
    };
    let call = |id: &str, index: u32, name: &str, arguments: &str| {
        json!({"tool_calls": [{"index": index, "id": id, "type": "function",
            "function": {"name": name, "arguments": arguments}}]})
    };
    let more = json!({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]});
    let chunks = [
        chunk(json!({"role": "assistant", "reasoning": "hm", "reasoning_content": "hm"}), json!(null)),
        chunk(json!({"content": "Hi", "annotations": [], "refusal": null}), json!(null)),
        chunk(call("a", 0, "f", "{\"x\":"), json!(null)),
        chunk(more, json!(null)),
        chunk(call("b", 1, "g", "{}"), json!(null)),
        json!({"id": "x", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 1}}, "service_tier": "default"}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
    ];
    // The choice that ends the reply is no answer, but without it there is no end.
    let (last, rest) = chunks.split_last().unwrap();
    let ended = |line: &Value| line["choices"][0]["finish_reason"] == *"tool_calls";
    assert!(ended(last) && !rest.iter().any(ended));
    check_stream(
        chat::Decoder::new,
        &chunks,
        |key, value| chat_keeps(key, value) || *value == *"tool_calls",
        skips,
    );
}

fn item_keeps(key: &str, value: &Value) -> bool {
    matches!(key, "text" | "name" | "arguments" | "input") && !value.is_null() || key == "error"
}

/// A text in the place of a type or status says that it is something else.
fn item_skips(key: &str, value: &Value) -> bool {
    matches!(key, "type" | "status") && value.is_string()
}

fn items() -> [Value; 4] {
    [
        json!({"id": "rs", "type": "reasoning", "summary": [], "encrypted_content": "x", "status": null}),
        json!({"id": "msg", "type": "message", "role": "assistant", "status": "completed", "phase": "final",
            "content": [{"type": "output_text", "text": "Hi", "annotations": [
                {"type": "url_citation", "url": "u", "title": "t"}], "logprobs": []}]}),
        json!({"id": "fc", "type": "function_call", "call_id": "a", "name": "f", "arguments": "{\"x\":1}"}),
        json!({"id": "ct", "type": "custom_tool_call", "call_id": "b", "name": "g", "namespace": "n", "input": "ls"}),
    ]
}

fn response() -> Value {
    json!({"id": "resp", "object": "response", "model": "m", "status": "completed", "output": items(),
        "error": null, "incomplete_details": null, "service_tier": "default", "metadata": {},
        "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8,
            "input_tokens_details": {"cached_tokens": 1}, "output_tokens_details": {"reasoning_tokens": 1}}})
}

#[test]
fn a_whole_responses_reply() {
    let read = |lines: &[Value]| {
        let (mut events, body) = (Events::new(), lines[0].to_string());
        let read = responses::Decoder::new(forge_core::ModelProvider::OpenAI, "m".into(), "p".into())
            .whole(&body, &mut events);
        read.unwrap_or_else(|failure| panic!("{failure:?} from {body}"));
        said(events)
    };
    assert!(variants(&response(), item_keeps, item_skips).len() > 500);
    check(read, &[response()], item_keeps, item_skips);
}

#[test]
fn a_streamed_responses_reply() {
    /// The kind of an event is what it is, and a number in the place of an index is another item.
    fn skips(key: &str, value: &Value) -> bool {
        matches!(key, "output_index") && matches!(value, Value::Number(_) | Value::String(_))
            || item_skips(key, value)
    }
    let event = |word: &str, index: usize, rest: Value| {
        let mut event =
            json!({"type": format!("response.{word}"), "sequence_number": 1, "output_index": index});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let delta = |word: &str, index: usize, id: &str, delta: &str| {
        event(word, index, json!({"item_id": id, "content_index": 0, "delta": delta, "obfuscation": "z"}))
    };
    let begun = |index: usize, emptied: &str| {
        let mut item = items()[index].clone();
        item[emptied] = if emptied == "content" { json!([]) } else { json!("") };
        event("output_item.added", index, json!({"item": item}))
    };
    let done = |index: usize| event("output_item.done", index, json!({"item": items()[index]}));
    let created =
        json!({"type": "response.created", "response": {"id": "resp", "model": "m", "error": null}});
    let completed = json!({"type": "response.completed", "response": response()});
    let lines = [
        created,
        begun(0, "status"),
        done(0),
        begun(1, "content"),
        delta("output_text.delta", 1, "msg", "Hi"),
        done(1),
        begun(2, "arguments"),
        delta("function_call_arguments.delta", 2, "fc", "{\"x\":1}"),
        done(2),
        begun(3, "input"),
        delta("custom_tool_call_input.delta", 3, "ct", "ls"),
        done(3),
        completed,
    ];
    let keeps = |key: &str, value: &Value| {
        item_keeps(key, value)
            || key == "delta"
            || key == "type" && value.as_str().is_some_and(|kind| kind.contains('.'))
    };
    check_stream(
        || responses::Decoder::new(forge_core::ModelProvider::OpenAI, "m".into(), "p".into()),
        &lines,
        keeps,
        skips,
    );
}
